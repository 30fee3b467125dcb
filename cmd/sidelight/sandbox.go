//go:build !agentonly

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
)

func (a *app) sandboxCommand() *cobra.Command {
	o := sandbox.Options{}
	var seed string
	var keys []string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a local stand-in of CloudWatch, Logs and X-Ray",
		Long: `Speaks the wire protocols of CloudWatch, CloudWatch Logs, X-Ray, Application
Signals and STS on one loopback port, for any AWS client: give it the endpoint and any credentials.`,
		Example: `  sidelight sandbox
  sidelight sandbox --data ./sandbox --seed demo
  aws --endpoint-url http://127.0.0.1:4580 logs describe-log-groups`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Logger = newLogger(a.talk, config.Log{Level: "warn", Format: "text"})
			if err := sandboxKeys(&o, keys); err != nil {
				return err
			}
			sandbox.SaveMemory()
			s, err := sandbox.New(o)
			if err != nil {
				return err
			}
			if err := seedSandbox(cmd.Context(), s, seed); err != nil {
				return errors.Join(err, s.Close())
			}
			a.note("sandbox on %[1]s\n\n  export AWS_ENDPOINT_URL=%[1]s AWS_REGION=%[2]s AWS_DEFAULT_REGION=%[2]s AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any\n",
				s.URL(), sandbox.DefaultRegion)
			if err := s.Serve(cmd.Context()); err != nil && cmd.Context().Err() == nil {
				return fmt.Errorf("sandbox: %w", err)
			}
			return s.Close()
		},
	}
	cmd.Flags().StringVar(&o.Listen, "listen", sandboxAddress, "address to listen on")
	cmd.Flags().StringVar(&o.Account, "account", sandbox.DefaultAccount, "account that everything belongs to")
	cmd.Flags().StringVar(&o.Data, "data", "", "folder to keep everything in; without it, all is gone at the end")
	cmd.Flags().StringVar(&seed, "seed", "", "fill it: demo is a day of a small shop")
	cmd.Flags().Int64Var(&o.LogBytes, "log-bytes", 0, "bytes of log events to keep; 0 is 256 MiB")
	cmd.Flags().StringVar(&o.Subscriptions, "subscriptions", "", "URL that gets what subscription filters match")
	cmd.Flags().StringVar(&o.Notify, "notify", "", "URL that gets what the actions of alarms send, as from SNS")
	cmd.Flags().StringArrayVar(&keys, "verify-signatures", nil, "take only what is signed with this key, as ID:SECRET; may be repeated")
	cmd.Flags().Int64Var(&o.TraceBytes, "trace-bytes", 0, "bytes of traces to keep; 0 is 64 MiB")
	cmd.AddCommand(a.sandboxControl()...)
	return cmd
}

// sandboxKeys makes the sandbox verify signatures with the keys that are given.
func sandboxKeys(o *sandbox.Options, keys []string) error {
	for _, key := range keys {
		id, secret, ok := strings.Cut(key, ":")
		if !ok || id == "" || secret == "" {
			return usage("--verify-signatures: expected ID:SECRET")
		}
		if o.Keys == nil {
			o.Keys = make(map[string]string)
		}
		o.VerifySignatures, o.Keys[id] = true, secret
	}
	return nil
}

func seedSandbox(ctx context.Context, s *sandbox.Server, name string) error {
	switch name {
	case "":
		return nil
	case "demo":
		return s.SeedDemo(ctx)
	}
	return usage("--seed %q: expected demo", name)
}
