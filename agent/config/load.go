package config

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/internal/problem"
)

// Loaded is a configuration and where each of its values came from.
type Loaded struct {
	Config Config
	// File is what was read, "" for none.
	File string
	// Origins has, for each value that is not a default, its path
	// ("queue.dir") and its source ("sidelight.yaml:12", "SIDELIGHT_QUEUE_DIR").
	Origins map[string]string
}

// Chosen reports whether somebody set the value at a path, such as "queue.dir".
func (l *Loaded) Chosen(path string) bool {
	_, ok := l.Origins[path]
	return ok
}

// Load reads the configuration. path is the file that was asked for; with "",
// SIDELIGHT_CONFIG names it, or holds the YAML itself. environ is in the form
// of os.Environ. The settings under it, if any, replace defaults, a later one of
// a path the earlier; file and environment win over them. All problems are
// returned together; warnings do not stop the agent.
func Load(path string, environ []string, under ...Setting) (*Loaded, problem.Problems) {
	env := environment(environ)
	l := &Loaded{Config: Default(), Origins: map[string]string{}}
	d := &decoder{origins: l.Origins, nodes: map[string]*yaml.Node{}}
	d.settings(&l.Config, under)
	text, ok := l.read(d, path, env)
	if ok {
		d.file = l.File
		d.decode(text, &l.Config)
	}
	d.environment(&l.Config, env)
	d.check(&l.Config)
	d.hideSecrets(&l.Config)
	d.problems.Sort()
	return l, d.problems
}

// Setting is a value that neither the file nor a variable says.
type Setting struct {
	// Path is that of a single value: "receivers.xray.udp".
	Path, Value string
	// Origin says who set it, in problems and in config show.
	Origin string
}

// settings applies what lies under the file.
func (d *decoder) settings(cfg *Config, list []Setting) {
	if len(list) == 0 {
		return
	}
	leaves := map[string]leaf{}
	walk(reflect.ValueOf(cfg).Elem(), "", func(l leaf) { leaves[l.path] = l })
	for _, s := range list {
		l, ok := leaves[s.Path]
		if !ok {
			panic("BUG: there is no setting " + s.Path)
		}
		if err := setLeaf(l, s.Value); err != nil {
			d.problems.Add(problem.Problem{
				Code: codeValue, Message: fmt.Sprintf("%s: %q is not valid: %s", s.Origin, s.Value, hintOf(s.Value, err)),
				Notes: []string{"it sets " + s.Path},
			})
			continue
		}
		d.origins[s.Path] = s.Origin
	}
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	return env
}

func (l *Loaded) read(d *decoder, path string, env map[string]string) ([]byte, bool) {
	source := "--config"
	if path == "" {
		path, source = env["SIDELIGHT_CONFIG"], "SIDELIGHT_CONFIG"
	}
	if path == "" {
		return nil, false
	}
	if strings.ContainsAny(path, "\n{") {
		l.File = source
		return []byte(path), true
	}
	if scheme, _, ok := strings.Cut(path, "://"); ok {
		d.problems.Add(problem.Problem{
			Code: codeEnviron, Message: fmt.Sprintf("%s: cannot read from %s://", source, scheme),
			Notes: []string{"expected the path of a file, or the YAML itself"},
		})
		return nil, false
	}
	l.File = path
	text, err := os.ReadFile(path)
	if err != nil {
		d.problems.Add(problem.Problem{
			Code: codeYAML, Message: fmt.Sprintf("cannot read the file: %v", unwrapPath(err)),
			Range: problem.Range{Pos: problem.Pos{File: path}},
		})
		return nil, false
	}
	return text, true
}

func unwrapPath(err error) error {
	if p, ok := err.(*fs.PathError); ok {
		return p.Err
	}
	return err
}

// foreign are variables of the same prefix that mean something to others: the
// sdk, and Kubernetes, which describes every service of a namespace to its pods:
// of sidelight-gateway, SIDELIGHT_GATEWAY_SERVICE_HOST, …_SERVICE_PORT_OTLP_HTTP,
// …_PORT and …_PORT_4318_TCP_ADDR. No key of ours ends so.
func foreign(name string) bool {
	switch name {
	case "SIDELIGHT_CONFIG", "SIDELIGHT_ENDPOINT":
		return true
	}
	if strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") || strings.HasSuffix(name, "_PORT") {
		return true
	}
	_, port, ok := strings.Cut(name, "_PORT_")
	return ok && port != "" && '0' <= port[0] && port[0] <= '9'
}

// environment applies SIDELIGHT_QUEUE_DIR to queue.dir, and so on for every
// single value and list of words.
func (d *decoder) environment(cfg *Config, env map[string]string) {
	leaves := map[string]leaf{}
	walk(reflect.ValueOf(cfg).Elem(), "", func(l leaf) { leaves[EnvName(l.path)] = l })
	var names []string
	for name := range env {
		if strings.HasPrefix(name, "SIDELIGHT_") && !foreign(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	known := make([]string, 0, len(leaves))
	for name := range leaves {
		known = append(known, name)
	}
	for _, name := range names {
		l, ok := leaves[name]
		if !ok {
			hint, _ := problem.DidYouMean(name, known)
			d.problems.Add(problem.Problem{
				Code: codeEnviron, Severity: problem.Warning,
				Message: strings.TrimSpace(fmt.Sprintf("environment variable %s is not known; %s", name, hint)),
			})
			continue
		}
		err := setLeaf(l, env[name])
		if err != nil && env[name] == "" {
			continue // set to nothing, as in LEVEL=${LEVEL:-}, is not set
		}
		if err != nil {
			d.problems.Add(problem.Problem{
				Code:    codeEnviron,
				Message: fmt.Sprintf("environment variable %s: %q is not valid: %s", name, env[name], hintOf(env[name], err)),
			})
			continue
		}
		d.origins[l.path] = name
	}
}

func setLeaf(l leaf, text string) error {
	if l.value.Kind() == reflect.Slice {
		if l.value.Type().Elem().Kind() != reflect.String {
			return fmt.Errorf("%s cannot be set by a variable; use a file", l.path)
		}
		words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
		list := reflect.MakeSlice(l.value.Type(), len(words), len(words))
		for i, w := range words {
			if err := setScalar(list.Index(i), w); err != nil {
				return err
			}
		}
		l.value.Set(list)
		return nil
	}
	if err := setScalar(l.value, text); err != nil {
		return err
	}
	return checkBounds(l.value, l.field)
}

// EnvName is the environment variable of a path: queue.dir is
// SIDELIGHT_QUEUE_DIR.
func EnvName(path string) string {
	return "SIDELIGHT_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// leaf is one value of the configuration.
type leaf struct {
	path  string
	value reflect.Value
	field reflect.StructField
}

// walk visits every value that is not a struct.
func walk(v reflect.Value, path string, visit func(leaf)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		p := join(path, f.Tag.Get("key"))
		if f.Type.Kind() == reflect.Struct {
			walk(v.Field(i), p, visit)
			continue
		}
		visit(leaf{path: p, value: v.Field(i), field: f})
	}
}

// check looks at values together.
func (d *decoder) check(cfg *Config) {
	clash := func(path, message, hint string) {
		p := problem.Problem{Code: codeClash, Message: path + ": " + message}
		if n := d.nodes[path]; n != nil && d.origins[path] != EnvName(path) {
			p.Range, p.Hint = d.at(n), hint
		} else {
			p.Notes = []string{hint, "set by " + d.origin(path)}
		}
		d.problems.Add(p)
	}
	for i, f := range cfg.Receivers.Files {
		if len(f.Include) == 0 {
			clash(fmt.Sprintf("receivers.files[%d]", i), "names no files", "expected include: [/var/log/app/*.log]")
		}
		d.checkFile(fmt.Sprintf("receivers.files[%d]", i), f, clash)
	}
	d.checkLogs(cfg, clash)
	d.checkTraces(cfg, clash)
	d.checkMetrics(cfg, clash)
	d.checkInputs(cfg, clash)
	d.checkDestinations(cfg, clash)
	for _, name := range cfg.Metrics.Dimensions {
		if !slices.Contains(dimensionNames(), name) {
			hint, _ := problem.DidYouMean(name, dimensionNames())
			clash("metrics.dimensions", fmt.Sprintf("%q is not a dimension", name), strings.TrimSpace(hint+" expected "+list(dimensionNames())))
		}
	}
	if r := cfg.AWS.RoleARN; r != "" && !strings.HasPrefix(r, "arn:") {
		clash("aws.role_arn", fmt.Sprintf("%q is not an ARN", r), "expected arn:aws:iam::ACCOUNT:role/NAME")
	}
	if e := cfg.AWS.Endpoint; e != "" && !strings.HasPrefix(e, "http://") && !strings.HasPrefix(e, "https://") {
		clash("aws.endpoint", fmt.Sprintf("%q is not a URL", e), "expected http://127.0.0.1:4580 or the like")
	}
	d.ports(cfg)
}

// ports finds two TCP listeners on one address.
func (d *decoder) ports(cfg *Config) {
	r := cfg.Receivers
	taken := map[string]string{}
	for _, x := range []struct {
		path string
		a    Address
	}{
		{"receivers.otlp.grpc", r.OTLP.GRPC},
		{"receivers.otlp.http", r.OTLP.HTTP},
		{"receivers.xray.tcp", r.XRay.TCP},
		{"receivers.forward.tcp", r.Forward.TCP},
		{"receivers.syslog.tcp", r.Syslog.TCP},
		{"receivers.lines.tcp", r.Lines.TCP},
		{"receivers.emf.tcp", r.EMF.TCP},
		{"status.listen", cfg.Status.Listen},
	} {
		_, port, err := net.SplitHostPort(string(x.a))
		if err != nil || port == "0" {
			continue
		}
		if other, ok := taken[port]; ok {
			p := problem.Problem{Code: codeClash, Message: fmt.Sprintf("%s and %s both want port %s", other, x.path, port)}
			hint := "give one of them another address, or off"
			if n := d.nodes[x.path]; n != nil {
				p.Range, p.Hint = d.at(n), hint
			} else {
				p.Notes = []string{hint}
			}
			d.problems.Add(p)
		}
		taken[port] = x.path
	}
}

func dimensionNames() []string {
	return []string{"service", "environment", "cluster", "task", "container", "host"}
}

func (d *decoder) origin(path string) string {
	if o := d.origins[path]; o != "" {
		return o
	}
	return "default"
}
