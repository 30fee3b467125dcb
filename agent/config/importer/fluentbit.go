package importer

import (
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sidelight-dev/sidelight/agent/fluentconf"
)

// fluent is a configuration of Fluent Bit on its way.
type fluent struct {
	*draft
	inputs  []fluentInput
	parsers map[string]*fluentconf.Section
}

// fluentInput is an input that is carried over: what its events' tag is, and
// the expression that means them.
type fluentInput struct{ tag, expr string }

func (d *draft) fluentBit(text []byte) error {
	var sections []fluentconf.Section
	if tree, err := parseTree(text); err == nil && child(tree, "pipeline") != nil {
		sections = d.pipeline(tree)
	} else {
		sections = d.classic(d.file, text)
	}
	f := &fluent{draft: d, parsers: map[string]*fluentconf.Section{}}
	f.findParsers(sections)
	for _, kind := range []struct {
		name string
		take func(*fluentconf.Section, string)
	}{{"SERVICE", f.service}, {"INPUT", f.input}, {"FILTER", f.filter}, {"OUTPUT", f.output}} {
		for i := range sections {
			if s := &sections[i]; s.Name == kind.name {
				name, _ := s.Get("name")
				kind.take(s, strings.ToLower(name))
			}
		}
	}
	for i := range sections {
		switch s := &sections[i]; s.Name {
		case "SERVICE", "INPUT", "FILTER", "OUTPUT", "PARSER", "MULTILINE_PARSER":
		default:
			d.note(s.Place, "section [%s] is not carried over", s.Name)
		}
	}
	return nil
}

func (d *draft) classic(name string, text []byte) []fluentconf.Section {
	sections, notes := fluentconf.Parse(name, text, fluentconf.Options{Read: d.opts.Read, Getenv: d.opts.Getenv})
	for _, n := range notes {
		d.note(n.Place, "%s", n.Text)
	}
	return sections
}

// pipeline returns what the YAML form says as sections.
func (d *draft) pipeline(root *yaml.Node) []fluentconf.Section {
	var out []fluentconf.Section
	if s := child(root, "service"); s != nil {
		out = append(out, d.section("SERVICE", s))
	}
	lists := []struct {
		name string
		node *yaml.Node
	}{
		{"INPUT", child(child(root, "pipeline"), "inputs")},
		{"FILTER", child(child(root, "pipeline"), "filters")},
		{"OUTPUT", child(child(root, "pipeline"), "outputs")},
		{"PARSER", child(root, "parsers")},
		{"MULTILINE_PARSER", child(root, "multiline_parsers")},
	}
	for _, l := range lists {
		for i := 0; l.node != nil && i < len(l.node.Content); i++ {
			out = append(out, d.section(l.name, l.node.Content[i]))
		}
	}
	return out
}

func (d *draft) section(name string, n *yaml.Node) fluentconf.Section {
	s := fluentconf.Section{Name: name, Place: d.line(n)}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		values := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			values = v.Content
		}
		for _, v := range values {
			if v.Kind != yaml.ScalarNode {
				d.note(d.line(v), "%s is not carried over", k.Value)
				continue
			}
			s.Pairs = append(s.Pairs, fluentconf.Pair{Key: strings.ToLower(k.Value), Value: v.Value, Place: d.line(k)})
		}
	}
	return s
}

// findParsers collects the parsers of the file and of the files that it names.
func (f *fluent) findParsers(sections []fluentconf.Section) {
	for i := range sections {
		switch s := &sections[i]; s.Name {
		case "PARSER", "MULTILINE_PARSER":
			name, _ := s.Get("name")
			f.parsers[name] = s
		case "SERVICE":
			for _, kv := range s.Pairs {
				if kv.Key == "parsers_file" {
					f.parsersFile(kv)
				}
			}
		}
	}
}

func (f *fluent) parsersFile(kv fluentconf.Pair) {
	name := kv.Value
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(f.file), name)
	}
	text, err := f.opts.Read(name)
	if err != nil {
		// The image's own file: its common parsers are known by their names.
		if filepath.Base(name) != "parsers.conf" {
			f.note(kv.Place, "%s %s is not carried over: %v", kv.Key, kv.Value, err)
		}
		return
	}
	for _, s := range f.classic(name, text) {
		if n, ok := s.Get("name"); ok {
			f.parsers[n] = &s
		}
	}
}

func (f *fluent) service(s *fluentconf.Section, _ string) {
	for _, kv := range s.Pairs {
		switch kv.Key {
		case "grace":
			f.set(kv.Place, "shutdown.grace", seconds(kv.Value))
		case "log_level":
			level := strings.ToLower(kv.Value)
			switch level {
			case "off":
				level = "error"
			case "trace":
				level = "debug"
			case "warning":
				level = "warn"
			}
			f.set(kv.Place, "log.level", level)
		case "storage.path":
			f.set(kv.Place, "queue.dir", kv.Value)
		case "storage.sync":
			if strings.EqualFold(kv.Value, "full") {
				f.set(kv.Place, "queue.fsync", true)
			}
		case "http_listen", "http_port":
			// Together, below.
		case "plugins_file", "streams_file":
			f.note(kv.Place, "%s %s is not carried over", kv.Key, kv.Value)
		}
	}
	if on, _ := s.Get("http_server"); isYes(on) {
		host, _ := s.Get("http_listen")
		port, _ := s.Get("http_port")
		f.set(s.Place, "status.listen", orDefault(host, "0.0.0.0")+":"+orDefault(port, "2020"))
		f.note(s.Place, "HTTP_Server: /metrics has other names here, and health is at /health")
	}
}

func orDefault(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

func (f *fluent) input(s *fluentconf.Section, name string) {
	switch name {
	case "tail":
		f.tail(s)
	case "forward":
		f.forward(s)
	case "opentelemetry":
		host, _ := s.Get("listen")
		port, _ := s.Get("port")
		f.set(s.Place, "receivers.otlp.http", orDefault(host, "0.0.0.0")+":"+orDefault(port, "4318"))
	case "statsd":
		host, _ := s.Get("listen")
		port, _ := s.Get("port")
		f.set(s.Place, "receivers.statsd.udp", orDefault(host, "0.0.0.0")+":"+orDefault(port, "8125"))
	case "syslog":
		f.syslog(s)
	case "systemd":
		f.journal(s)
	case "tcp", "udp":
		f.lines(s, name)
	case "cpu", "mem", "disk", "netif", "node_exporter_metrics":
		f.set(s.Place, "scrape.host", "on")
		f.note(s.Place, "input %s: the machine is measured, as metrics and not as log events", name)
	case "docker", "docker_metrics":
		f.set(s.Place, "scrape.cgroup", "on")
	case "fluentbit_metrics":
	default:
		f.note(s.Place, "input %q is not carried over", name)
	}
}

// syslog carries over an input that listens for syslog; without a mode, on a
// socket of the file system.
func (f *fluent) syslog(s *fluentconf.Section) {
	host, _ := s.Get("listen")
	port, _ := s.Get("port")
	addr := orDefault(host, "0.0.0.0") + ":" + orDefault(port, "5140")
	switch mode, _ := s.Get("mode"); strings.ToLower(mode) {
	case "tcp":
		f.set(s.Place, "receivers.syslog.tcp", addr)
	case "udp":
		f.set(s.Place, "receivers.syslog.udp", addr)
	case "", "unix_udp":
		path, _ := s.Get("path")
		f.set(s.Place, "receivers.syslog.unix", path)
	default:
		f.note(s.Place, "input syslog with Mode %s is not carried over", mode)
	}
	f.rest(s, "mode", "listen", "port", "path", "unix_perm", "parser", "tag", "buffer_chunk_size", "buffer_max_size", "receive_buffer_size")
	f.named(s, "syslog")
}

// journal carries over an input that reads systemd's journal.
func (f *fluent) journal(s *fluentconf.Section) {
	f.set(s.Place, "receivers.journald.read", "on")
	for _, kv := range s.Pairs {
		switch kv.Key {
		case "path":
			f.set(kv.Place, "receivers.journald.directories", []string{kv.Value})
		case "systemd_filter":
			if unit, ok := strings.CutPrefix(kv.Value, "_SYSTEMD_UNIT="); ok {
				f.add("receivers.journald.units", unit)
				continue
			}
			f.note(kv.Place, "systemd: %s %s is not carried over; units and priority are filtered by", kv.Key, kv.Value)
		case "read_from_tail":
			if isYes(kv.Value) {
				f.set(kv.Place, "receivers.journald.since", "now")
			}
		}
	}
	f.rest(s, "path", "systemd_filter", "systemd_filter_type", "read_from_tail", "tag", "db", "db.sync", "lowercase", "strip_underscores", "max_entries", "max_fields")
	f.named(s, "journald")
}

// named notes an input whose events have its name as their source.
func (f *fluent) named(s *fluentconf.Section, source string) {
	tag, _ := s.Get("tag")
	name, _ := s.Get("name")
	f.inputs = append(f.inputs, fluentInput{tag: orDefault(tag, name+".0"), expr: "source = " + quote(source)})
}

// lines carries over an input of lines, which are documents unless it says
// otherwise.
func (f *fluent) lines(s *fluentconf.Section, network string) {
	host, _ := s.Get("listen")
	port, _ := s.Get("port")
	f.set(s.Place, "receivers.lines."+network, orDefault(host, "0.0.0.0")+":"+orDefault(port, "5170"))
	if format, _ := s.Get("format"); strings.EqualFold(format, "none") {
		f.set(s.Place, "receivers.lines.format", "plain")
	}
	f.rest(s, "listen", "port", "format", "tag", "buffer_size", "chunk_size")
	f.named(s, "lines")
}

func (f *fluent) forward(s *fluentconf.Section) {
	tag, _ := s.Get("tag")
	if unix, ok := s.Get("unix_path"); ok {
		f.set(s.Place, "receivers.forward.unix", unix)
	} else {
		host, _ := s.Get("listen")
		port, _ := s.Get("port")
		f.set(s.Place, "receivers.forward.tcp", orDefault(host, "0.0.0.0")+":"+orDefault(port, "24224"))
	}
	f.rest(s, "unix_path", "listen", "port", "tag", "buffer_chunk_size", "buffer_max_size", "mem_buf_limit", "storage.type", "unix_perm")
	f.inputs = append(f.inputs, fluentInput{tag: tag}) // an empty tag: the sender's own
}

// rest notes the options of s but those that are known.
func (f *fluent) rest(s *fluentconf.Section, known ...string) {
	name, _ := s.Get("name")
next:
	for _, kv := range s.Pairs {
		for _, k := range append(known, "name", "match", "match_regex", "alias", "log_level") {
			if kv.Key == k {
				continue next
			}
		}
		f.note(kv.Place, "%s: %s %s is not carried over", name, kv.Key, kv.Value)
	}
}

func (f *fluent) tail(s *fluentconf.Section) {
	path, _ := s.Get("path")
	if path == "" {
		f.note(s.Place, "an input tail without Path is ignored")
		return
	}
	var e entry
	include := words(path)
	e.set("include", include)
	if x, ok := s.Get("exclude_path"); ok {
		e.set("exclude", words(x))
	}
	if head, _ := s.Get("read_from_head"); !isYes(head) {
		e.set("start", "end")
	}
	f.format(s, &e)
	f.multiline(s, &e)
	f.add("receivers.files", &e)
	tag, _ := s.Get("tag")
	conds := make([]string, len(include))
	for i, p := range include {
		conds[i] = fromFile(p)
	}
	expr := strings.Join(conds, " or ")
	if len(conds) > 1 {
		expr = "(" + expr + ")"
	}
	f.inputs = append(f.inputs, fluentInput{tag: orDefault(tag, "tail.0"), expr: expr})
	f.rest(s, "path", "exclude_path", "read_from_head", "tag", "parser", "docker_mode", "multiline", "parser_firstline", "multiline.parser",
		"db", "db.sync", "db.locking", "db.journal_mode", "mem_buf_limit", "buffer_chunk_size", "buffer_max_size", "skip_long_lines",
		"refresh_interval", "rotate_wait", "storage.type", "inotify_watcher", "static_batch_size", "threaded", "multiline_flush", "docker_mode_flush")
	if db, ok := s.Get("db"); ok {
		f.note(s.Place, "DB %s: positions in files are not carried over; start: end avoids sending again what is there", db)
	}
	if path, ok := s.Get("path_key"); ok {
		f.note(s.Place, "Path_Key %s: logs.fields can add {source}", path)
	}
}

// words splits a list.
func words(s string) []string {
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// format says what lines of an input are, by its parser.
func (f *fluent) format(s *fluentconf.Section, e *entry) {
	name, ok := s.Get("parser")
	if !ok {
		return
	}
	p := f.parsers[name]
	if p == nil {
		switch name {
		case "docker", "cri", "json", "logfmt":
			e.set("format", name)
		default:
			f.note(s.Place, "parser %s is not known: say Parsers_File in [SERVICE], or write format and pattern", name)
		}
		return
	}
	kind, _ := p.Get("format")
	switch kind = strings.ToLower(kind); kind {
	case "json", "logfmt":
		if name == "docker" {
			kind = "docker"
		}
		e.set("format", kind)
	case "regex":
		if name == "cri" {
			e.set("format", "cri")
			return
		}
		pattern, _ := p.Get("regex")
		pattern = goNames(pattern)
		if !f.regex(p.Place, pattern) {
			return
		}
		e.set("format", "regex")
		e.set("pattern", pattern)
	default:
		f.note(p.Place, "a parser of format %q is not carried over", kind)
		return
	}
	f.timeOf(p, kind, e)
}

// goNames writes named groups in Go's form, which knows (?<name>) too, and takes
// off slashes.
func goNames(pattern string) string {
	if n := len(pattern); n > 2 && pattern[0] == '/' && pattern[n-1] == '/' {
		return pattern[1 : n-1]
	}
	return pattern
}

func (f *fluent) timeOf(p *fluentconf.Section, kind string, e *entry) {
	key, _ := p.Get("time_key")
	layout, _ := p.Get("time_format")
	if key == "" || layout == "" || kind == "docker" {
		return
	}
	var t entry
	t.set("key", key)
	t.set("layout", layout)
	if offset, ok := p.Get("time_offset"); ok {
		f.note(p.Place, "Time_Offset %s: name the zone in timestamp.zone", offset)
	}
	e.set("timestamp", &t)
}

// multiline says which lines are one event.
func (f *fluent) multiline(s *fluentconf.Section, e *entry) {
	if list, ok := s.Get("multiline.parser"); ok {
		var stacks, formats []string
		for _, w := range words(list) {
			switch w {
			case "docker", "cri":
				formats = append(formats, w)
			case "go", "java", "python":
				stacks = append(stacks, w)
			default:
				f.note(s.Place, "multiline.parser %s is not carried over; see multiline.start and multiline.continue", w)
			}
		}
		if len(formats) > 0 && child(&e.node, "format") == nil {
			format := formats[len(formats)-1]
			if len(formats) > 1 {
				format = "cri"
				f.note(s.Place, "multiline.parser %s: taken for cri, which containerd and CRI-O write; for Docker's own files say format: docker", list)
			}
			e.set("format", format)
		}
		if len(stacks) > 0 {
			e.set("multiline", stacks)
		}
		return
	}
	if on, _ := s.Get("multiline"); !isYes(on) {
		return
	}
	first, _ := s.Get("parser_firstline")
	p := f.parsers[first]
	if p == nil {
		f.note(s.Place, "Multiline with Parser_Firstline %q, which is not known: write multiline.start", first)
		return
	}
	pattern, _ := p.Get("regex")
	if pattern = goNames(pattern); f.regex(p.Place, pattern) {
		var m entry
		m.set("start", pattern)
		e.set("multiline", &m)
	}
}

// days reads a retention.
func days(text string) (string, bool) {
	n, err := strconv.Atoi(text)
	return strconv.Itoa(n) + "d", err == nil && n > 0
}
