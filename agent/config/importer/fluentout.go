package importer

import (
	"strings"

	"github.com/sidelight-dev/sidelight/agent/fluentconf"
)

// when returns an expression for the events that a filter or an output matches.
// It is empty if that is all of them, and never true if it is none.
func (f *fluent) when(s *fluentconf.Section) (expr string, ok bool) {
	pattern, _ := s.Get("match")
	if re, is := s.Get("match_regex"); is {
		f.note(s.Place, "Match_Regex %s: write logs.routes for it", re)
		return "", false
	}
	if pattern == "*" {
		return "", true
	}
	var conds []string
	all := true
	for _, in := range f.inputs {
		switch {
		case in.expr == "" && in.tag == "": // the tags of senders
			conds = append(conds, tagged(pattern))
			all = false
		case !fluentconf.Glob(pattern, in.tag):
			all = false
		case in.expr == "":
			conds = append(conds, tagged(in.tag))
		default:
			conds = append(conds, in.expr)
		}
	}
	switch {
	case len(conds) == 0:
		return "", false
	case all:
		return "", true
	case len(conds) == 1:
		return conds[0], true
	}
	return "(" + strings.Join(conds, " or ") + ")", true
}

// tagged is an expression for sources that match a pattern with asterisks.
func tagged(pattern string) string {
	if !strings.Contains(pattern, "*") {
		return "source = " + quote(pattern)
	}
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = quoteMeta(p)
	}
	return "source =~ " + quote("^"+strings.Join(parts, ".*")+"$")
}

func quoteMeta(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`.+*?()|^$\{}[]`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (f *fluent) filter(s *fluentconf.Section, name string) {
	when, ok := f.when(s)
	if !ok {
		f.note(s.Place, "filter %s matches no input that is carried over", name)
		return
	}
	switch name {
	case "grep":
		f.grep(s, when)
	case "record_modifier", "modify":
		f.modify(s, when)
	case "throttle":
		if rate, ok := s.Get("rate"); ok {
			f.set(s.Place, "logs.rate_limit", rate)
		}
	case "multiline":
		f.note(s.Place, "filter multiline: put multiline at the input, %s", "receivers.files or receivers.forward")
	case "parser":
		f.note(s.Place, "filter parser: put format (or content, in the envelope of cri and docker) at the input")
	case "ecs", "aws", "kubernetes":
		f.note(s.Place, "filter %s: the agent knows its task, pod and host by itself; logs.fields.add puts {cluster}, {task}, {namespace}, {pod} on events", name)
	default:
		f.note(s.Place, "filter %q is not carried over", name)
	}
}

func (f *fluent) grep(s *fluentconf.Section, when string) {
	for _, kv := range s.Pairs {
		if kv.Key != "regex" && kv.Key != "exclude" {
			continue
		}
		key, pattern := fluentconf.CutSpace(kv.Value)
		pattern = goNames(pattern)
		if !f.regex(kv.Place, pattern) {
			continue
		}
		cond := member(strings.TrimPrefix(key, "$")) + " =~ " + quote(pattern)
		if kv.Key == "regex" {
			cond = "not " + cond
		}
		if when != "" {
			cond = "(" + when + " and " + cond + ")"
		}
		f.drop(cond)
	}
	f.rest(s, "regex", "exclude")
}

// member names a member in an expression. What Fluent Bit calls log is the line
// itself.
func member(key string) string {
	switch key {
	case "log", "message", "msg":
		return "message"
	}
	return `field("` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `")`
}

func (f *fluent) modify(s *fluentconf.Section, when string) {
	if when != "" {
		f.note(s.Place, "members are added, renamed and removed in the events of every input, not only of %s", when)
	}
	for _, kv := range s.Pairs {
		k, v := fluentconf.CutSpace(kv.Value)
		switch kv.Key {
		case "record", "add", "set":
			f.setMember(kv.Place, "logs.fields.add", k, v)
		case "rename", "hard_rename":
			f.setMember(kv.Place, "logs.fields.rename", k, v)
		case "remove_key", "remove":
			f.add("logs.fields.remove", k)
		}
	}
	f.rest(s, "record", "add", "set", "rename", "hard_rename", "remove_key", "remove")
}

func (f *fluent) output(s *fluentconf.Section, name string) {
	switch name {
	case "cloudwatch", "cloudwatch_logs":
	case "null":
		if when, ok := f.when(s); ok && when != "" {
			f.drop(when)
		}
		return
	case "stdout":
		var also entry
		also.set("stdout", "on")
		f.add("logs.also", &also)
		return
	case "opentelemetry":
		f.alsoOTLP(s)
		return
	default:
		f.note(s.Place, "output %q is not carried over", name)
		return
	}
	when, ok := f.when(s)
	if !ok {
		f.note(s.Place, "output %s matches no input that is carried over", name)
		return
	}
	var r entry
	if when != "" {
		r.set("when", when)
	}
	group, _ := s.Get("log_group_name")
	stream, _ := s.Get("log_stream_name")
	if p, ok := s.Get("log_stream_prefix"); ok {
		stream = p + "{source}"
	}
	f.name(s, &r, when, "group", group)
	f.name(s, &r, when, "stream", stream)
	if when != "" {
		f.add("logs.routes", &r)
	}
	if region, ok := s.Get("region"); ok {
		f.set(s.Place, "aws.region", region)
	}
	if role, ok := s.Get("role_arn"); ok {
		f.set(s.Place, "aws.role_arn", role)
	}
	if text, ok := s.Get("log_retention_days"); ok {
		if d, ok := days(text); ok {
			f.set(s.Place, "logs.retention", d)
		}
	}
	f.rest(s, "log_group_name", "log_stream_name", "log_stream_prefix", "region", "role_arn", "log_retention_days", "auto_create_group",
		"workers", "retry_limit", "auto_retry_requests", "extra_user_agent", "log_format", "storage.total_limit_size", "net.keepalive", "tls", "tls.verify")
}

// alsoOTLP adds an endpoint beside CloudWatch Logs.
func (f *fluent) alsoOTLP(s *fluentconf.Section) {
	host, _ := s.Get("host")
	port, _ := s.Get("port")
	scheme := "http"
	if tls, _ := s.Get("tls"); isYes(tls) {
		scheme = "https"
	}
	var also, otlp, headers entry
	otlp.set("endpoint", scheme+"://"+orDefault(host, "127.0.0.1")+":"+orDefault(port, "80"))
	n := 0
	for _, kv := range s.Pairs {
		if kv.Key == "header" {
			k, v := fluentconf.CutSpace(kv.Value)
			headers.set(k, v)
			n++
		}
	}
	if n > 0 {
		otlp.set("headers", &headers)
	}
	if ca, ok := s.Get("tls.ca_file"); ok {
		otlp.set("ca", ca)
	}
	also.set("otlp", &otlp)
	f.add("logs.also", &also)
	f.rest(s, "host", "port", "tls", "tls.verify", "tls.ca_file", "header", "logs_uri", "metrics_uri", "traces_uri", "workers", "compress")
}

// name sets the group or the stream of an output.
func (f *fluent) name(s *fluentconf.Section, r *entry, when, key, text string) {
	if text == "" {
		return
	}
	if strings.ContainsAny(text, "$") {
		replaced := strings.NewReplacer("$(tag)", "{source}", "$TAG", "{source}", "$(ecs_cluster)", "{cluster}", "$(ecs_task_id)", "{task}",
			"$(container_name)", "{container}", "${HOSTNAME}", "{host}").Replace(text)
		if strings.Contains(replaced, "$") {
			f.note(s.Place, "log_%s_name %s: names from records are not carried over", key, text)
			return
		}
		text = replaced
	}
	if when == "" {
		f.set(s.Place, "logs."+key, text)
		return
	}
	r.set(key, text)
}
