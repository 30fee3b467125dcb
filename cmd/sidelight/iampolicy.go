//go:build !agentonly

package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/iam"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

func (a *app) iamPolicyCommand() *cobra.Command {
	var w iam.Where
	cmd := &cobra.Command{
		Use:   "iam-policy",
		Short: "Print the least policy that the agent's role needs",
		Long: `Print the least policy that the agent's role needs for its configuration: what
it calls, on the log groups and for the namespaces of metrics that it writes to.
What is known only where the agent runs, such as {task}, stands as *. Log groups
that FireLens' options or documents in the embedded metric format name are not
in the configuration: give them with --group.`,
		Example: `  sidelight iam-policy --config sidelight.yaml > task-role.policy.json
  sidelight iam-policy --region eu-west-1 --account 111111111111 --group '/ecs/*'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkWhere(w); err != nil {
				return &codeError{code: exit.Usage, err: err}
			}
			l, err := a.loadConfig()
			if err != nil {
				return err
			}
			w.Region = a.region
			if w.Region == "" && l.Config.AWS.Region != "auto" {
				w.Region = string(l.Config.AWS.Region)
			}
			if err := a.printJSON(iam.For(l.Config, w)); err != nil {
				return err
			}
			a.policyNotes(l.Config)
			return nil
		},
	}
	a.configFlag(cmd)
	cmd.Flags().StringVar(&w.Account, "account", "", "account in ARNs; default any")
	cmd.Flags().StringVar(&w.Partition, "partition", "aws", "partition in ARNs: aws, aws-cn or aws-us-gov")
	cmd.Flags().StringArrayVar(&w.Groups, "group", nil, "a further log group, or a pattern with *; may be repeated")
	return cmd
}

// policyNotes says what the role of the policy is.
func (a *app) policyNotes(cfg config.Config) {
	if role := cfg.AWS.RoleARN; role != "" {
		a.note("this is for %s; the role that the agent starts with needs sts:AssumeRole on it", role)
	}
	if key := cfg.Logs.KMSKey; key != "" {
		a.note("the policy of the key %s must allow CloudWatch Logs to use it", key)
	}
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	groupGlob = regexp.MustCompile(`^[-._/#A-Za-z0-9*]{1,512}$`)
)

func checkWhere(w iam.Where) error {
	if w.Account != "" && !accountID.MatchString(w.Account) {
		return fmt.Errorf("--account %q: expected 12 digits", w.Account)
	}
	if p := cmp.Or(w.Partition, "aws"); p != "aws" && !strings.HasPrefix(p, "aws-") {
		return fmt.Errorf("--partition %q: expected aws, aws-cn or aws-us-gov", w.Partition)
	}
	var errs []error
	for _, g := range w.Groups {
		if !groupGlob.MatchString(g) {
			errs = append(errs, fmt.Errorf("--group %q: expected a name of a log group (letters, digits and - _ . / #), or a pattern with *", g))
		}
	}
	return errors.Join(errs...)
}
