package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/config/xrayd"
)

// seatCommand is the command that takes the X-Ray daemon's place.
const seatCommand = "xray-daemon"

// seatArgs returns the arguments of the command line argv. The name xray is the
// X-Ray daemon's, whose flags follow. Under our own name the daemon's flags alone
// are its command line too: an image was replaced and its command was not.
func seatArgs(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	args := argv[1:]
	switch filepath.Base(argv[0]) {
	case "xray", seatCommand:
		return append([]string{seatCommand}, args...)
	}
	if isDaemonLine(args) {
		return append([]string{seatCommand}, args...)
	}
	return args
}

// isDaemonLine reports whether args are flags of the daemon's and nothing else,
// and not such as we have ourselves.
func isDaemonLine(args []string) bool {
	if len(args) == 0 {
		return false
	}
	c, err := xrayd.Parse(args)
	if err != nil || c.Help || c.Version || len(c.Ignored) > 0 {
		return false
	}
	return c.Config != "" || slices.ContainsFunc(c.Flags(), func(name string) bool { return name != "-region" })
}

func (a *app) xrayDaemonCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:                seatCommand + " [the daemon's flags]",
		Short:              "Run in the place of the X-Ray daemon",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] == "--" {
				args = args[1:]
			}
			return a.takeSeat(cmd.Context(), cmd.OutOrStdout(), args)
		},
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { seatHelp(cmd.OutOrStdout()) })
	return cmd
}

// seatHelp prints what the command is, and the daemon's flags.
func seatHelp(w io.Writer) {
	fmt.Fprint(w, `Takes the X-Ray daemon's command line and configuration file and does what it
does: segments over UDP and the SDKs' sampling calls over TCP, port 2000, to
X-Ray. It listens to nothing else, measures nothing, and needs no permission
that the daemon does not need. SIDELIGHT_CONFIG and the variables of single keys
win over the flags; sidelight run is the whole agent. Called by the name xray,
the program is this command.

Usage:
  sidelight xray-daemon [the daemon's flags]
  xray [the daemon's flags]

Examples:
  sidelight xray-daemon -o -n eu-west-1
  sidelight xray-daemon -c /etc/amazon/xray/cfg.yaml -l warn
  ENTRYPOINT ["/xray", "-t", "0.0.0.0:2000", "-b", "0.0.0.0:2000"]

Flags:
`)
	for _, o := range xrayd.Options() {
		fmt.Fprintf(w, "  -%s, --%-14s %s\n", o.Short, o.Long, o.Help)
	}
	fmt.Fprint(w, "  -h, --help           print this\n\nWithout -c it reads /etc/amazon/xray/cfg.yaml or cfg.yaml, if there is one.\n")
}

// takeSeat runs the agent as the daemon's command line says.
func (a *app) takeSeat(ctx context.Context, out io.Writer, args []string) error {
	c, err := xrayd.Parse(args)
	if err != nil {
		return &hintError{err: usage("%v", err), hint: "sidelight " + seatCommand + " --help"}
	}
	switch {
	case c.Help:
		seatHelp(out)
		return nil
	case c.Version:
		fmt.Fprintf(out, "Sidelight %s, in the place of the AWS X-Ray daemon\n", version().Version)
		return nil
	}
	seat, err := c.Seat(os.ReadFile, os.Getenv)
	if err != nil {
		return err
	}
	l, err := a.loadOver(seat.Settings)
	if err != nil {
		return err
	}
	// Without its UDP port there is nothing to do; without the other the daemon
	// goes on, and the agent gives way as with any default.
	if !chosenHere(l, "receivers.xray.tcp") {
		delete(l.Origins, "receivers.xray.tcp")
	}
	if !l.Chosen("receivers.xray.udp") {
		l.Origins["receivers.xray.udp"] = seatCommand
	}
	return a.runSeat(ctx, seat, l)
}

// chosenHere reports whether a value was set in our own way, and not the daemon's.
func chosenHere(l *config.Loaded, path string) bool {
	o := l.Origins[path]
	return o == config.EnvName(path) || l.File != "" && strings.HasPrefix(o, l.File+":")
}

// runSeat runs the agent and says first what differs from the daemon.
func (a *app) runSeat(ctx context.Context, seat *xrayd.Seat, l *config.Loaded) error {
	log, done := a.agentLog(l.Config.Log)
	defer done()
	log.Info("in the place of the X-Ray daemon", "config", seat.File)
	for _, n := range seat.Notes {
		log.Warn("not as with the X-Ray daemon", "setting", n)
	}
	prof := profiles{cpu: os.Getenv("XRAY_DAEMON_CPU_PROFILE"), mem: os.Getenv("XRAY_DAEMON_MEMORY_PROFILE")}
	stop, err := prof.start()
	if err != nil {
		return err
	}
	return errors.Join(a.runLogged(ctx, l, log), stop())
}
