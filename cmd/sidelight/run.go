package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/logfile"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

func (a *app) runCommand() *cobra.Command {
	var check bool
	var prof profiles
	cmd := &cobra.Command{
		Use:   "run [flags]",
		Short: "Run the agent in the foreground",
		Long: `Runs the agent until SIGTERM. With no file it finds out where it runs and opens
OTLP, X-Ray, Forward and StatsD on loopback. At the end it drains what it holds
and prints an exact account.`,
		Example: `  sidelight run
  sidelight run --config sidelight.yaml --endpoint-url http://127.0.0.1:4580`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := a.loadConfig()
			if err != nil {
				return err
			}
			if check {
				return nil
			}
			stop, err := prof.start()
			if err != nil {
				return err
			}
			return errors.Join(a.runAgent(cmd.Context(), l), stop())
		},
	}
	a.configFlag(cmd)
	prof.flags(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "only check the configuration")
	return cmd
}

func (a *app) configFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.config, "config", "c", "", "configuration file; default $SIDELIGHT_CONFIG")
}

// loadConfig reads the configuration and prints what is wrong with it. Flags of
// the command win over the file.
func (a *app) loadConfig() (*config.Loaded, error) {
	return a.loadOver(nil)
}

// loadOver is loadConfig over settings that lie under the file.
func (a *app) loadOver(under []config.Setting) (*config.Loaded, error) {
	l, problems := config.Load(a.config, os.Environ(), under...)
	if err := a.printProblems(problems); err != nil {
		return nil, err
	}
	if a.sandbox && a.endpoint == "" {
		a.endpoint = "http://" + sandboxAddress
	}
	if a.endpoint != "" {
		l.Config.AWS.Endpoint, l.Origins["aws.endpoint"] = a.endpoint, "--endpoint-url"
	}
	if a.region != "" {
		l.Config.AWS.Region, l.Origins["aws.region"] = a.region, "--region"
	}
	if a.profile != "" {
		l.Config.AWS.Profile, l.Origins["aws.profile"] = a.profile, "--profile"
	}
	return l, nil
}

// printProblems prints what is wrong with a file, and returns the error that ends
// the command if one of the problems is an error. Only then they are the data
// that was asked for; warnings are talk.
func (a *app) printProblems(ps problem.Problems) error {
	asJSON, err := a.json()
	if err != nil || len(ps) == 0 {
		return err
	}
	n := ps.Errors()
	if asJSON && n > 0 {
		return a.problemsJSON(ps)
	}
	if err := ps.WriteText(a.talk); err != nil {
		return err
	}
	if n > 0 {
		fmt.Fprintf(a.talk, "\n%s found.\n", plural(n, "error"))
		return &codeError{code: exit.No}
	}
	return nil
}

// problemsJSON prints problems, also if there are none, and returns the error that
// ends the command if one of them is an error.
func (a *app) problemsJSON(ps problem.Problems) error {
	if err := ps.WriteJSON(a.out); err != nil {
		return err
	}
	if ps.Errors() > 0 {
		return &codeError{code: exit.No}
	}
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (a *app) runAgent(ctx context.Context, l *config.Loaded) error {
	log, done := a.agentLog(l.Config.Log)
	defer done()
	return a.runLogged(ctx, l, log)
}

// runLogged runs the agent that l configures.
func (a *app) runLogged(ctx context.Context, l *config.Loaded, log *slog.Logger) error {
	ag, err := agent.New(ctx, l.Config, agent.Deps{Log: log, Version: version().Version, Chosen: l.Chosen})
	if err != nil {
		return err
	}
	for _, l := range ag.Report().Listeners {
		if l.Taken {
			continue // a warning has said so
		}
		log.Info("listening", "for", l.Name, "address", l.Address)
	}
	log.Info("ready", "service", ag.Identity().Service, "platform", ag.Identity().Platform, "region", ag.Identity().Region)
	// What the start needed and will never be needed again.
	debug.FreeOSMemory()
	err = ag.Run(ctx)
	account(log, ag)
	return err
}

// agentLog returns the agent's own logger, and what ends it. Without the file that it
// is to write to it writes where it would without one: data goes on.
func (a *app) agentLog(cfg config.Log) (log *slog.Logger, done func()) {
	if cfg.File == "" {
		return newLogger(a.talk, cfg), func() {}
	}
	f, err := logfile.Open(cfg.File, int64(cfg.Rotate))
	if err != nil {
		log = newLogger(a.talk, cfg)
		log.Warn("the log goes to standard error", "err", err)
		return log, func() {}
	}
	return newLogger(f, cfg), func() { _ = f.Close() } // what was written is written
}

// newLogger returns a logger that writes to w.
func newLogger(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	// The configuration allows only names that slog knows.
	_ = level.UnmarshalText([]byte(cfg.Level))
	o := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// account prints what became of everything that was accepted.
func account(log *slog.Logger, ag *agent.Agent) {
	for s := range sidelight.Signal(sidelight.NumSignals) {
		t := ag.Books(s)
		if t.Accepted+t.Recovered == 0 {
			continue
		}
		log.Info("account", "signal", s.String(), "accepted", t.Accepted, "recovered", t.Recovered, "delivered", t.Delivered,
			"refused", t.Refused, "dropped", t.Dropped, "queued", t.Queued())
	}
	for _, d := range ag.Destinations() {
		if d.Accepted+d.Recovered > 0 {
			log.Info("account", "destination", d.Name, "accepted", d.Accepted, "recovered", d.Recovered, "delivered", d.Delivered,
				"refused", d.Refused, "dropped", d.Dropped, "queued", d.Queued)
		}
	}
	if n := ag.LeftOnDisk(); n > 0 {
		log.Info("left on disk for the next start", "events", n)
	}
	if n := ag.LeftInFiles(); n > 0 {
		log.Info("left in their files for the next start", "lines", n)
	}
}
