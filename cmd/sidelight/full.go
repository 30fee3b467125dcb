//go:build !agentonly

package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// edition is which of the two builds this is: see agentonly.go for the other.
const edition = "full"

// addEdition adds what only the full build has.
func (a *app) addEdition(root *cobra.Command) {
	root.Long += " It provisions the alarms that\nwatch them, and brings a local stand-in of those services to try it all with."
	root.Example = "  sidelight demo                       see the whole product work, without an AWS account\n" + root.Example
	root.AddGroup(&cobra.Group{ID: "ask", Title: "Ask AWS or the sandbox:"}, &cobra.Group{ID: "recipe", Title: "Resources from a recipe:"})
	a.add(root, "ask", a.logsCommand(), a.tracesCommand(), a.metricsCommand(), a.alarmsCommand())
	a.add(root, "recipe", a.validateCommand(), a.planCommand(), a.applyCommand(), a.driftCommand(), a.destroyCommand())
	a.add(root, "local", a.demoCommand(), a.iamPolicyCommand(), a.sandboxCommand())
}

// awsConfig returns the configuration for calls to AWS or the sandbox.
func (a *app) awsConfig(ctx context.Context) (aws.Config, error) {
	o := awsapi.Options{Region: a.region, Profile: a.profile, Endpoint: a.endpoint}
	if a.sandbox {
		o.Endpoint = "http://" + sandboxAddress
	}
	cfg, err := awsapi.Load(ctx, o)
	if err != nil {
		return cfg, err
	}
	if cfg.Region == "" {
		return cfg, &hintError{err: fmt.Errorf("no AWS region is set"), hint: "--region us-east-1, AWS_REGION, or --sandbox"}
	}
	return cfg, nil
}
