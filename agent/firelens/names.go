package firelens

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/fluentconf"
)

// variables returns what a name may refer to: parts of the tag, the task, and
// what filters add to every record of the tag.
func (p *Plan) variables(tag string) func(name string) (string, bool) {
	added := map[string]string{}
	for i := range p.filters {
		f := &p.filters[i]
		if f.match.matches(tag) {
			for _, m := range f.add {
				added[m.key] = m.value
			}
		}
	}
	arn := p.opts.TaskARN
	if v := added["ecs_task_arn"]; v != "" {
		arn = v
	}
	return func(name string) (string, bool) {
		if v, ok := added[name]; ok && v != "" {
			return v, true
		}
		switch low := strings.ToLower(name); low {
		case "tag":
			return tag, true
		case "uuid":
			return p.uuid, true
		case "ecs_task_arn":
			return arn, arn != ""
		case "ecs_task_id":
			id := arn[strings.LastIndexByte(arn, '/')+1:]
			return id, id != ""
		case "ecs_cluster":
			return p.opts.Cluster, p.opts.Cluster != ""
		default:
			return tagPart(tag, low)
		}
	}
}

// tagPart returns what tag[2] means: the part after two dots.
func tagPart(tag, name string) (string, bool) {
	index, ok := strings.CutPrefix(name, "tag[")
	if !ok || !strings.HasSuffix(index, "]") {
		return "", false
	}
	n, err := strconv.Atoi(index[:len(index)-1])
	parts := strings.Split(tag, ".")
	if err != nil || n < 0 || n >= len(parts) {
		return "", false
	}
	return parts[n], true
}

// expandName replaces $(name), #(name) and $name, the forms of the plugins
// cloudwatch and cloudwatch_logs. It reports false if a name is not known, or
// nothing is left.
func expandName(text string, value func(string) (string, bool)) (string, bool) {
	var b strings.Builder
	ok := true
	eachName(text, func(literal, name string) {
		b.WriteString(literal)
		if name == "" {
			return
		}
		v, known := value(name)
		b.WriteString(v)
		ok = ok && known
	})
	return b.String(), ok && b.Len() > 0
}

// eachName calls visit with each piece of literal text and the name after it,
// which is empty at the end.
func eachName(text string, visit func(literal, name string)) {
	literal := 0
	for i := 0; i < len(text); {
		name, n := nameAt(text[i:])
		if n == 0 {
			i++
			continue
		}
		visit(text[literal:i], name)
		i += n
		literal = i
	}
	visit(text[literal:], "")
}

// nameAt returns the name that s begins with and how long its spelling is.
func nameAt(s string) (string, int) {
	if len(s) < 2 || s[0] != '$' && s[0] != '#' {
		return "", 0
	}
	if s[1] == '(' {
		end := strings.IndexByte(s, ')')
		if end < 3 {
			return "", 0
		}
		return s[2:end], end + 1
	}
	n := 1
	for n < len(s) && isWord(s[n]) {
		n++
	}
	if s[0] == '#' || n == 1 {
		return "", 0
	}
	for n < len(s) && s[n] == '[' {
		end := strings.IndexByte(s[n:], ']')
		if end < 0 {
			break
		}
		n += end + 1
	}
	return s[1:n], n
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// checkNames notes names that are not known for the tags of o.
func (p *Plan) checkNames(o *output) {
	tag := strings.ReplaceAll(o.match.text, "*", "x.x.x.x.x.x.x.x.x.x")
	vars := p.variables(tag)
	for _, t := range []struct{ option, text, instead string }{
		{"log_group_name", o.group, "the agent's own group"},
		{"log_group_template", o.groupTemplate, "log_group_name"},
		{"log_stream_name", o.stream, "the agent's own stream"},
		{"log_stream_template", o.streamTemplate, "the name without the template"},
	} {
		eachName(t.text, func(_, name string) {
			if name == "" {
				return
			}
			if _, ok := vars(name); !ok {
				p.note(o.place, "%s: %q of a record is not carried over, only the tag and the task are known; %s is used", t.option, fluentconf.Clip(name), t.instead)
			}
		})
	}
}

// newUUID returns a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
