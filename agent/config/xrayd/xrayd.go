// Package xrayd reads what the AWS X-Ray daemon is told, by its command line and
// its configuration file, and says what each setting is here: for an agent that
// runs in the daemon's place, and for the importer of its file. Every setting has
// its effect or a note that names it and says why it has none.
//
// The flags are those of the daemon's cmd/tracing/daemon.go, the keys those of its
// pkg/cfg/cfg.go, as of its version 3.6.
package xrayd

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/config"
)

// Command is a command line of the daemon.
type Command struct {
	// Help and Version ask for no more than to be told something.
	Help, Version bool
	// Config is the configuration file that is asked for, "" for none.
	Config string
	// Ignored is what follows the first word that is no flag. The daemon reads
	// nothing from there on.
	Ignored []string

	given []given
}

// given is a flag as it was given.
type given struct{ name, key, value string }

// Flags returns the flags that were given, the last of each, by their names
// without hyphens.
func (c *Command) Flags() []string {
	var names []string
	for _, g := range c.given {
		names = append(names, g.name)
	}
	return names
}

// Parse reads the daemon's flags as the daemon does, that is by the rules of Go:
// one hyphen or two before any name, the value after = or in the next word, but
// only after = for one that says yes or no. Of a flag that is given twice the last
// counts. An unknown flag, or one without a value, is an error.
func Parse(args []string) (*Command, error) {
	c := &Command{}
	fs := flag.NewFlagSet("xray", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, o := range options() {
		for _, name := range []string{o.Short, o.Long} {
			set := func(value string) error { return c.set(name, o, value) }
			if o.Kind == Yes {
				fs.BoolFunc(name, o.Help, set)
			} else {
				fs.Func(name, o.Help, set)
			}
		}
	}
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		c.Help, err = true, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the X-Ray daemon's command line: %w", err)
	}
	c.Ignored = fs.Args()
	return c, nil
}

func (c *Command) set(name string, o Option, value string) error {
	if err := o.Kind.check(value); err != nil {
		return err
	}
	switch o.Long {
	case "config":
		c.Config = value
	case "version":
		c.Version = isYes(value)
	default:
		same := func(g given) bool { return g.key == o.Key }
		c.given = append(slices.DeleteFunc(c.given, same), given{"-" + name, o.Key, value})
	}
	return nil
}

// Seat is the configuration of an agent that takes the daemon's place.
type Seat struct {
	// Settings lie under the file and the variables of the agent's own.
	Settings []config.Setting
	// Notes are what is not as it was with the daemon.
	Notes []string
	// File is the daemon's configuration file that was read, "" for none.
	File string
}

// files are where the daemon looks for its configuration without -c.
func files() []string { return []string{"/etc/amazon/xray/cfg.yaml", "cfg.yaml"} }

// Seat returns what the command line and the configuration file say. The file is
// that of -c, or else the first there is of the two that the daemon looks for. It
// is an error if the one that is there cannot be read, or is not one of the
// daemon's.
func (c *Command) Seat(read func(path string) ([]byte, error), getenv func(string) string) (*Seat, error) {
	s := &Seat{Settings: alone()}
	if len(c.Ignored) > 0 {
		s.note("%s", "not read, as the X-Ray daemon reads nothing after the first word that is no flag: "+strings.Join(c.Ignored, " "))
	}
	if err := s.file(c.Config, read); err != nil {
		return nil, err
	}
	for _, g := range c.given {
		s.carry(g.key, g.value, g.name)
	}
	for _, x := range [][2]string{{"AWS_HOSTNAME", "traces.telemetry.hostname"}, {"AWS_INSTANCE_ID", "traces.telemetry.instance_id"}} {
		if v := getenv(x[0]); v != "" {
			s.Settings = append(s.Settings, config.Setting{Path: x[1], Value: v, Origin: x[0]})
		}
	}
	return s, nil
}

func (s *Seat) note(format string, args ...any) {
	s.Notes = append(s.Notes, fmt.Sprintf(format, args...))
}

// carry adds what a setting of the daemon is here.
func (s *Seat) carry(key, value, origin string) {
	list, note := Carry(key, value)
	for _, x := range list {
		x.Origin = origin
		s.Settings = append(s.Settings, x)
	}
	if note != "" {
		s.note("%s: %s", origin, note)
	}
}

// alone is what the daemon is beside what it is told: something that listens for
// X-Ray's SDKs and nothing else, sends to X-Ray and nowhere else, and needs no
// other permission for that.
func alone() []config.Setting {
	var out []config.Setting
	for _, x := range [][2]string{
		{"receivers.otlp.grpc", "off"},
		{"receivers.otlp.http", "off"},
		{"receivers.forward.tcp", "off"},
		{"receivers.forward.unix", "off"},
		{"receivers.forward.firelens", "off"},
		{"receivers.emf.tcp", "off"},
		{"receivers.emf.udp", "off"},
		{"receivers.statsd.udp", "off"},
		{"receivers.journald.read", "off"},
		{"status.listen", "off"},
		{"scrape.host", "off"},
		{"scrape.cgroup", "off"},
		{"scrape.task", "off"},
		{"scrape.kubelet.read", "off"},
		{"metrics.via", "none"},
		{"traces.span_metrics", "false"},
		{"traces.link_logs", "false"},
		{"traces.telemetry.send", "true"},
		{"aws.metadata", "true"},
	} {
		out = append(out, config.Setting{Path: x[0], Value: x[1], Origin: "xray-daemon"})
	}
	return out
}
