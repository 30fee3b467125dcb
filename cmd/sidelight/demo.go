//go:build !agentonly

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/cmd/sidelight/internal/demo"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

func (a *app) demoCommand() *cobra.Command {
	var once, keep bool
	var programs, listen string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See the whole product work, without an AWS account",
		Long: `Starts a sandbox, an agent and the three services of the example shop, sends
traffic with some faults until an alarm fires, and shows what can be asked for.
It takes about a minute and leaves nothing behind.`,
		Example: `  sidelight demo
  sidelight demo --keep                leave it running and print what to try`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if once && keep {
				return usage("--once and --keep exclude each other")
			}
			return a.runDemo(cmd.Context(), programs, listen, keep)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&once, "once", false, "end after the summary, with 0 only if every part arrived (the default)")
	f.BoolVar(&keep, "keep", false, "leave everything running after the summary")
	f.StringVar(&programs, "shop", "", "folder of the shop's programs; default: shop, beside this one")
	f.StringVar(&listen, "listen", "", "address of the sandbox; default: a free port, with --keep 127.0.0.1:4580")
	return cmd
}

func (a *app) runDemo(ctx context.Context, programs, listen string, keep bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if programs == "" {
		programs = filepath.Join(filepath.Dir(self), "shop")
	}
	if _, err := os.Stat(filepath.Join(programs, "storefront")); err != nil {
		return &hintError{err: fmt.Errorf("the demo's shop is not in %s", programs), hint: "make demo, in a clone of the repository"}
	}
	if listen == "" && keep {
		listen = "127.0.0.1:4580"
	}
	dir, err := os.MkdirTemp("", "sidelight-demo-")
	if err != nil {
		return err
	}
	began := time.Now()
	d, err := demo.Start(ctx, demo.Options{
		Agent: self, Shop: programs, Dir: dir, Listen: listen,
		Progress: func(format string, args ...any) {
			a.note("%5.1fs  "+format, append([]any{time.Since(began).Seconds()}, args...)...)
		},
	})
	if err == nil {
		err = a.showDemo(ctx, d, keep)
	}
	err = errors.Join(err, d.Stop())
	if errors.Is(err, context.Canceled) || err == nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if c, ok := errors.AsType[*codeError](err); !ok || c.err != nil {
		a.note("logs and configuration are in %s", dir)
	}
	return err
}

func (a *app) showDemo(ctx context.Context, d *demo.Demo, keep bool) error {
	if err := d.Drive(ctx); err != nil {
		return err
	}
	s, err := d.Summarize(ctx)
	if err != nil {
		return err
	}
	s.Print(a.out, a.style())
	if keep {
		a.keepDemo(d)
		<-ctx.Done()
	}
	if len(s.Missing) > 0 {
		return &codeError{code: exit.No}
	}
	return nil
}

func (a *app) keepDemo(d *demo.Demo) {
	fmt.Fprintf(a.out, `
It goes on running until Ctrl-C. Try:

  export AWS_ENDPOINT_URL=%s AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  sidelight logs tail %s
  sidelight logs query %s 'filter level="ERROR" | stats count() as n by msg | sort n desc'
  sidelight traces list 'fault = true'
  sidelight traces show slowest
  sidelight traces map
  sidelight metrics list
  sidelight alarms list
  sidelight status --address %s
  curl -X POST %s/checkout -d '{"customer":"ada","card_token":"card-ok","items":[{"sku":"lamp-desk","quantity":1}]}'
  aws --endpoint-url %s logs filter-log-events --log-group-name %s --filter-pattern '{ $.level = "ERROR" }'
`, d.Endpoint(), demo.LogGroup, demo.LogGroup, d.StatusAddress(), d.Storefront(), d.Endpoint(), demo.LogGroup)
}
