package firelens

import (
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/fluentconf"
)

// output is one [OUTPUT] that is carried over.
type output struct {
	place string
	match pattern
	null  bool

	group, groupTemplate           string
	stream, prefix, streamTemplate string
	logKey                         string
	retention                      int32
}

func (p *Plan) output(s *fluentconf.Section, name string) {
	match, err := newPattern(s)
	if err != nil {
		p.note(s.Place, "output %q is not carried over: %v", fluentconf.Clip(name), err)
		return
	}
	o := output{place: s.Place, match: match}
	switch name {
	case "cloudwatch", "cloudwatch_logs":
	case "null":
		o.null = true
		p.outputs = append(p.outputs, o)
		return
	default:
		p.note(s.Place, "output plugin %q for %s is not carried over; its records go to CloudWatch Logs, under the agent's own names unless another output takes them", fluentconf.Clip(name), fluentconf.Clip(match.text))
		return
	}
	for _, kv := range s.Pairs {
		p.option(&o, kv)
	}
	if o.prefix != "" && o.stream != "" {
		p.note(s.Place, "log_stream_name and log_stream_prefix exclude each other; the prefix is used")
	}
	p.outputs = append(p.outputs, o)
}

// option reads one option of the plugins cloudwatch and cloudwatch_logs.
func (p *Plan) option(o *output, kv fluentconf.Pair) {
	switch kv.Key {
	case "name", "match", "match_regex", "alias":
	case "region":
		if p.opts.Region != "" && kv.Value != p.opts.Region {
			p.note(kv.Place, "region %s for %s is refused: the agent delivers to %s alone", fluentconf.Clip(kv.Value), fluentconf.Clip(o.match.text), p.opts.Region)
		}
	case "role_arn":
		if kv.Value != p.opts.Role {
			p.note(kv.Place, "role_arn %s for %s is refused: the agent has one identity, aws.role_arn", fluentconf.Clip(kv.Value), fluentconf.Clip(o.match.text))
		}
	case "log_group_name":
		o.group = kv.Value
	case "log_group_template":
		o.groupTemplate = kv.Value
	case "log_stream_name":
		o.stream = kv.Value
	case "log_stream_prefix":
		o.prefix = kv.Value
	case "log_stream_template":
		o.streamTemplate = kv.Value
	case "log_key":
		o.logKey = strings.TrimPrefix(kv.Value, "$")
	case "log_retention_days":
		p.keepFor(o, kv)
	case "auto_create_group":
		if !isTrue(kv.Value) {
			p.note(kv.Place, "auto_create_group %s: a group that is missing is made nevertheless", fluentconf.Clip(kv.Value))
		}
	case "log_format":
		// Every request says that it may hold EMF, whose form tells it from
		// other text.
	default:
		if !isTuning(kv.Key) {
			p.note(kv.Place, "option %s of %s is not carried over", fluentconf.Clip(kv.Key), fluentconf.Clip(o.match.text))
		}
	}
}

func (p *Plan) keepFor(o *output, kv fluentconf.Pair) {
	days, err := strconv.ParseInt(kv.Value, 10, 32)
	if err != nil || days < 0 {
		p.note(kv.Place, "log_retention_days %s is not a number of days", fluentconf.Clip(kv.Value))
		return
	}
	o.retention = int32(days)
}

// isTuning reports whether key is about how Fluent Bit works, not about what it
// sends.
func isTuning(key string) bool {
	switch key {
	case "auto_retry_requests", "workers", "retry_limit", "extra_user_agent", "log-driver-buffer-limit":
		return true
	}
	return strings.HasPrefix(key, "net.") || strings.HasPrefix(key, "storage.")
}

func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "true", "on", "yes", "1":
		return true
	}
	return false
}
