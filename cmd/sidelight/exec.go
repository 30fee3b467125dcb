package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/receiver/child"
)

// forwarded are the signals that are passed on to the child.
func forwarded() []os.Signal {
	return []os.Signal{
		os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH,
	}
}

func (a *app) execCommand() *cobra.Command {
	var grace time.Duration
	var block bool
	cmd := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARGS…]",
		Short: "Run the agent and a command in one container",
		Long: `Runs COMMAND as its child: signals go to it, its output is passed through
untouched and shipped, and its exit code becomes ours. The child finds the agent
by SIDELIGHT_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT, AWS_XRAY_DAEMON_ADDRESS and
AWS_EMF_AGENT_ENDPOINT. When it ends, what the agent holds is delivered. If the
agent cannot run, the child runs all the same.`,
		Example: `  sidelight exec -- ./server --port 8080
  ENTRYPOINT ["/sidelight", "exec", "--", "/server"]`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &hintError{err: usage("exec needs a command"), hint: "sidelight exec -- ./server"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.loadConfig()
			if err != nil {
				return err
			}
			l.Config.Shutdown.Grace = execGrace(cmd.Flags().Changed("grace"), grace, l)
			return a.exec(cmd.Context(), l, child.Config{Command: args, Block: block, Reap: os.Getpid() == 1})
		},
	}
	a.configFlag(cmd)
	cmd.Flags().DurationVar(&grace, "grace", 10*time.Second, "time to deliver what is held once the command has ended; else shutdown.grace if that is set")
	cmd.Flags().BoolVar(&block, "block", false, "make the command wait when its output cannot be shipped, instead of dropping")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// execGrace is the flag's value, unless only the configuration has one: its default
// is meant for an agent beside a container, not for one that holds the container up.
func execGrace(flagged bool, flag time.Duration, l *config.Loaded) time.Duration {
	if !flagged && l.Chosen("shutdown.grace") {
		return l.Config.Shutdown.Grace
	}
	return flag
}

// exec runs the child under the agent, or, if the agent cannot be built, alone:
// telemetry never keeps an application from running.
func (a *app) exec(ctx context.Context, l *config.Loaded, cc child.Config) error {
	log, done := a.agentLog(l.Config.Log)
	defer done()
	// A signal is the child's business: it decides when it ends.
	ctx = context.WithoutCancel(ctx)
	ag, err := agent.New(ctx, l.Config, agent.Deps{Log: log, Version: version().Version, Child: &cc, Chosen: l.Chosen})
	if err != nil {
		log.Error("the agent cannot run; running the command without it", "err", err)
		return a.execAlone(ctx, cc, log)
	}
	c := ag.Child()
	defer forward(c)()
	actx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- ag.Run(actx) }()
	code, err := c.Wait()
	stop()
	if rerr := <-ended; rerr != nil {
		log.Error("the agent did not end well", "err", rerr)
	}
	account(log, ag)
	return childEnd(code, err)
}

// execAlone runs the child and ships nothing.
func (a *app) execAlone(ctx context.Context, cc child.Config, log *slog.Logger) error {
	cc.Dest = func(string) sidelight.DestHandle { return sidelight.Dest{}.Handle() }
	c, err := child.New(cc, nowhere{}, log)
	if err != nil {
		return err
	}
	defer forward(c)()
	discard := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, discard) }()
	code, err := c.Wait()
	<-ended
	return childEnd(code, err)
}

// nowhere keeps no books: there is no agent.
type nowhere struct{}

func (nowhere) Lose(sidelight.Signal, string, int) {}

// forward passes signals on until the returned function is called.
func forward(c *child.Receiver) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, forwarded()...)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				c.Signal(s)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

func childEnd(code int, err error) error {
	if err != nil {
		return &codeError{code: code, err: fmt.Errorf("run the command: %w", err)}
	}
	if code != 0 {
		return &codeError{code: code}
	}
	return nil
}
