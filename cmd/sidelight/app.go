package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/sidelight-dev/sidelight/internal/problem"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// sandboxAddress is where a sandbox listens unless told otherwise.
const sandboxAddress = "127.0.0.1:4580"

// app is one run of the command: its streams and the flags all commands share.
type app struct {
	in   io.Reader
	out  io.Writer // data
	talk io.Writer // progress, notes, prompts

	config   string
	output   string
	color    string
	region   string
	profile  string
	endpoint string
	sandbox  bool
	quiet    bool
	utc      bool
	noInput  bool
	timeout  time.Duration
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "sidelight",
		Short: "Logs, metrics, traces and alarms of a container, to AWS",
		Long: `Sidelight runs beside a container and ships its logs, metrics and traces to
Amazon CloudWatch, CloudWatch Logs and AWS X-Ray.`,
		Example: `  sidelight run                        the agent, configured by what it finds
  sidelight exec -- ./server           the agent and a command in one container`,
		SilenceUsage: true, SilenceErrors: true,
	}
	parent(root)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if a.timeout < 0 {
			return usage("--timeout %v: expected a duration such as 30s", a.timeout)
		}
		if a.timeout > 0 {
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			context.AfterFunc(ctx, cancel)
			cmd.SetContext(ctx)
		}
		return nil
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &hintError{err: usage("%v", err), hint: flagHint(cmd, err)}
	})
	f := root.PersistentFlags()
	f.StringVarP(&a.output, "output", "o", "table", "form of the data: table or json")
	f.StringVar(&a.color, "color", "auto", "auto, always or never; NO_COLOR is heeded")
	f.StringVar(&a.region, "region", "", "AWS region")
	f.StringVar(&a.profile, "profile", "", "profile of the shared AWS configuration")
	f.StringVar(&a.endpoint, "endpoint-url", "", "endpoint of every AWS service")
	f.BoolVar(&a.sandbox, "sandbox", false, "use the sandbox on "+sandboxAddress)
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notes")
	f.BoolVar(&a.utc, "utc", false, "read and show times in UTC, not in the local zone")
	f.BoolVar(&a.noInput, "no-input", false, "never ask; what would be asked is an error")
	f.DurationVar(&a.timeout, "timeout", 0, "give up after this long, as 30s; 0 means never")
	f.SortFlags = false
	root.AddGroup(&cobra.Group{ID: "agent", Title: "The agent:"})
	a.add(root, "agent", a.runCommand(), a.execCommand(), a.xrayDaemonCommand(), a.configCommand(), a.statusCommand(), a.topCommand(), a.costCommand(), a.queueCommand(), a.probeCommand("health", "Succeed if the agent is alive"), a.probeCommand("ready", "Succeed if every listener is open"))
	a.addEdition(root)
	root.AddGroup(&cobra.Group{ID: "local", Title: "On this machine:"})
	a.add(root, "local", a.versionCommand())
	root.SetHelpCommandGroupID("local")
	root.SetCompletionCommandGroupID("local")
	strictArgs(root)
	return root
}

// parent makes a command that only holds others: alone it shows its help, and a
// word that is none of its commands is an error.
func parent(cmd *cobra.Command, children ...*cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(children...)
	return cmd
}

// strictArgs makes a wrong number of arguments an error of usage that names the
// help.
func strictArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if _, said := errors.AsType[*codeError](err); err == nil || said {
				return err
			}
			return &hintError{err: usage("%s: %v", cmd.CommandPath(), err), hint: cmd.CommandPath() + " --help"}
		}
	}
	for _, c := range cmd.Commands() {
		strictArgs(c)
	}
}

func (a *app) add(root *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		root.AddCommand(c)
	}
}

func unknownCommand(cmd *cobra.Command, word string) error {
	err := usage("unknown command %q for %q", word, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return &hintError{err: err, hint: cmd.CommandPath() + " " + strings.Join(near, " or ")}
	}
	return &hintError{err: err, hint: cmd.CommandPath() + " --help"}
}

// flagHint is the flag that was meant instead of an unknown one, or the help.
func flagHint(cmd *cobra.Command, err error) string {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return cmd.CommandPath() + " --help"
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near, ok := problem.Nearest(unknown.GetSpecifiedName(), names); ok && len(unknown.GetSpecifiedName()) > 1 {
		return "--" + near
	}
	return cmd.CommandPath() + " --help"
}

// json reports whether data is wanted as JSON; any form but the known ones is a
// usage error.
func (a *app) json() (bool, error) {
	switch a.output {
	case "json":
		return true, nil
	case "table":
		return false, nil
	}
	return false, usage("--output %q: expected table or json", a.output)
}

func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// note prints to the talk stream unless --quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.talk, format+"\n", args...)
	}
}

// zone is the time zone that times are read and shown in.
func (a *app) zone() *time.Location {
	if a.utc {
		return time.UTC
	}
	return time.Local
}

// colored reports whether colour is wanted on the data stream.
func (a *app) colored() bool {
	switch a.color {
	case "always":
		return true
	case "never":
		return false
	}
	if os.Getenv("FORCE_COLOR") != "" {
		return true
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && a.terminal()
}

// terminal reports whether data goes to a terminal.
func (a *app) terminal() bool {
	f, ok := a.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is the terminal's width in columns, 100 where there is none.
func (a *app) width() int {
	if f, ok := a.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 100
}

// table begins a table; a title that starts with > stands right.
func table(titles ...string) *render.Table {
	t := &render.Table{}
	for _, title := range titles {
		c := render.Column{Title: title}
		if text, right := strings.CutPrefix(title, ">"); right {
			c = render.Column{Title: text, Align: render.AlignRight}
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// style is what the terminal can show.
func (a *app) style() render.Style {
	return render.Style{Color: a.colored(), ASCII: !utf8Locale(), Width: a.width()}
}

// utf8Locale reports whether the locale's characters are UTF-8. A terminal
// without a locale is taken for a modern one.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}
