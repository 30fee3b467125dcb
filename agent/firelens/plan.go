package firelens

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/fluentconf"
)

// Options says where the configuration lies and what the agent is.
type Options struct {
	// Path of the generated file.
	Path string
	// Region and Role are the agent's: it delivers to one region as one
	// identity.
	Region, Role string
	// Cluster and TaskARN are used where the file does not name them.
	Cluster, TaskARN string
	// Read reads a file. Default os.ReadFile.
	Read func(path string) ([]byte, error)
	// Getenv returns a variable of the environment. Default os.Getenv.
	Getenv func(name string) string
}

// Plan is what a configuration asks for. It is not changed once it is loaded.
type Plan struct {
	// Unix and TCP are where the router listens; empty if the file says
	// nothing.
	Unix, TCP string
	// Swallow are addresses whose input is to be read and forgotten: that of
	// FireLens' health check.
	Swallow []string
	// Notes are what was not carried over.
	Notes []fluentconf.Note

	outputs []output
	filters []filter
	opts    Options
	uuid    string
}

// Load reads the file at o.Path and what it includes. It fails only if that
// file cannot be read.
func Load(o Options) (*Plan, error) {
	if o.Read == nil {
		o.Read = os.ReadFile
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	text, err := o.Read(o.Path)
	if err != nil {
		return nil, fmt.Errorf("read FireLens' configuration: %w", err)
	}
	sections, notes := fluentconf.Parse(o.Path, text, fluentconf.Options{Read: o.Read, Getenv: o.Getenv})
	plan := &Plan{opts: o, uuid: newUUID(), Notes: notes}
	for i := range sections {
		plan.section(&sections[i])
	}
	// Outputs name groups by what filters add, wherever these stand.
	for i := range plan.outputs {
		plan.checkNames(&plan.outputs[i])
	}
	return plan, nil
}

func (p *Plan) note(place, format string, args ...any) {
	p.Notes = append(p.Notes, fluentconf.Note{Place: place, Text: fmt.Sprintf(format, args...)})
}

func (p *Plan) section(s *fluentconf.Section) {
	name, _ := s.Get("name")
	name = strings.ToLower(name)
	switch s.Name {
	case "INPUT":
		p.input(s, name)
	case "FILTER":
		p.filter(s, name)
	case "OUTPUT":
		p.output(s, name)
	case "SERVICE":
		p.service(s)
	default:
		p.note(s.Place, "section [%s] is not carried over", fluentconf.Clip(s.Name))
	}
}

// service names what of [SERVICE] changes what is sent. Flush, grace and the
// like are settings of an engine that is not there.
func (p *Plan) service(s *fluentconf.Section) {
	for _, kv := range s.Pairs {
		switch kv.Key {
		case "parsers_file", "plugins_file", "streams_file":
			p.note(kv.Place, "%s %s is not carried over", kv.Key, fluentconf.Clip(kv.Value))
		}
	}
}

func (p *Plan) input(s *fluentconf.Section, name string) {
	port, _ := s.Get("port")
	listen, _ := s.Get("listen")
	unix, _ := s.Get("unix_path")
	switch {
	case name == "forward" && unix != "":
		p.Unix = unix
	case name == "forward" && port != "":
		p.TCP = net.JoinHostPort(orAny(listen), port)
	case name == "tcp" && p.isHealth(s) && port != "":
		p.Swallow = append(p.Swallow, net.JoinHostPort(orAny(listen), port))
	default:
		p.note(s.Place, "input %q is not carried over", fluentconf.Clip(name))
	}
}

// isHealth reports whether s is the input of FireLens' health check.
func (p *Plan) isHealth(s *fluentconf.Section) bool {
	tag, _ := s.Get("tag")
	return tag == "firelens-healthcheck"
}

func orAny(host string) string {
	if host == "" {
		return "0.0.0.0" // Fluent Bit's default
	}
	return host
}

// Route is one place that the records of a tag go to.
type Route struct {
	// Group and Stream are empty where the agent's own names are meant.
	Group, Stream string
	// LogKey is the member whose value is sent in place of the record; empty:
	// the record is.
	LogKey string
	// Drop says that the records are thrown away.
	Drop bool
	// Retention is in days, of a group that is made; zero is for ever.
	Retention int32
}

// Routes returns where the records of tag go. There is always one: what no
// output is for goes where the agent's own names say.
func (p *Plan) Routes(tag string) []Route {
	var out []Route
	dropped := false
	for i := range p.outputs {
		o := &p.outputs[i]
		if !o.match.matches(tag) {
			continue
		}
		if o.null {
			dropped = true
			continue
		}
		r := p.route(o, tag)
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		out = append(out, Route{Drop: dropped})
	}
	return out
}

func (p *Plan) route(o *output, tag string) Route {
	r := Route{LogKey: o.logKey, Retention: o.retention}
	vars := p.variables(tag)
	if name, ok := expandName(o.group, vars); ok {
		r.Group = name
	}
	if o.groupTemplate != "" {
		if name, ok := expandName(o.groupTemplate, vars); ok {
			r.Group = name
		}
	}
	if o.prefix != "" {
		r.Stream = o.prefix + tag
	} else if name, ok := expandName(o.stream, vars); ok {
		r.Stream = name
	}
	if o.streamTemplate != "" {
		if name, ok := expandName(o.streamTemplate, vars); ok {
			r.Stream = name
		}
	}
	return r
}

// retention returns the days that the first output says which names group
// without a tag.
func (p *Plan) retention(group string) (int32, bool) {
	for i := range p.outputs {
		o := &p.outputs[i]
		for _, text := range []string{o.group, o.groupTemplate} {
			if name, ok := expandName(text, p.variables("")); ok && name == group {
				return o.retention, true
			}
		}
	}
	return 0, false
}

// Metadata returns a Plan for a router whose configuration is in a form that
// cannot be read: every record gets what is known of the task, and goes where
// the agent's own names say.
func Metadata(o Options, definition string) *Plan {
	f := filter{match: pattern{text: "*"}}
	for _, m := range []member{{"ecs_cluster", o.Cluster}, {"ecs_task_arn", o.TaskARN}, {"ecs_task_definition", definition}} {
		if m.value != "" {
			f.add = append(f.add, m)
		}
	}
	return &Plan{opts: o, filters: []filter{f}}
}
