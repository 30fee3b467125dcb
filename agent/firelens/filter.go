package firelens

import (
	"regexp"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/fluentconf"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// filter is one [FILTER] that is carried over: one of its fields below match is
// set, or of record_modifier's two.
type filter struct {
	match  pattern
	add    []member
	remove []string
	rules  []rule
	lift   string // the member whose JSON text joins the record
}

type member struct{ key, value string }

// rule keeps or drops a record by the text of one member.
type rule struct {
	key  string
	re   *regexp.Regexp
	drop bool // what matches; otherwise what does not
}

func (p *Plan) filter(s *fluentconf.Section, name string) {
	match, err := newPattern(s)
	if err != nil {
		p.note(s.Place, "filter %q is not carried over: %v", fluentconf.Clip(name), err)
		return
	}
	f := filter{match: match}
	switch name {
	case "record_modifier":
		p.modify(&f, s)
	case "grep":
		p.grep(&f, s)
	case "parser":
		p.lifting(&f, s)
	case "multiline":
		if mode, _ := s.Get("mode"); mode == "partial_message" {
			return // done anyway
		}
		fallthrough
	default:
		p.note(s.Place, "filter %q for %s is not carried over", fluentconf.Clip(name), fluentconf.Clip(match.text))
		return
	}
	p.filters = append(p.filters, f)
}

func (p *Plan) modify(f *filter, s *fluentconf.Section) {
	for _, kv := range s.Pairs {
		switch kv.Key {
		case "name", "match", "match_regex":
		case "record":
			k, v := fluentconf.CutSpace(kv.Value)
			if k == "" {
				p.note(kv.Place, "Record without a key is ignored")
				continue
			}
			f.add = append(f.add, member{k, v})
		case "remove_key":
			f.remove = append(f.remove, kv.Value)
		default:
			p.note(kv.Place, "option %s of record_modifier is not carried over", fluentconf.Clip(kv.Key))
		}
	}
	// The file's order of the generated ones is that of a map.
	order.Stable(f.add, func(a, b member) int { return strings.Compare(a.key, b.key) })
}

func (p *Plan) grep(f *filter, s *fluentconf.Section) {
	for _, kv := range s.Pairs {
		switch kv.Key {
		case "name", "match", "match_regex":
		case "regex", "exclude":
			key, text := fluentconf.CutSpace(kv.Value)
			key = strings.TrimPrefix(key, "$")
			if strings.ContainsAny(key, "[]") {
				p.note(kv.Place, "%s %s: nested members are not carried over; nothing is filtered by it", kv.Key, fluentconf.Clip(key))
				continue
			}
			re, err := regexp.Compile(unquote(text))
			if err != nil {
				p.note(kv.Place, "%s %s is not carried over, nothing is filtered by it: %v", kv.Key, fluentconf.Clip(kv.Value), err)
				continue
			}
			f.rules = append(f.rules, rule{key: key, re: re, drop: kv.Key == "exclude"})
		default:
			p.note(kv.Place, "option %s of grep is not carried over", fluentconf.Clip(kv.Key))
		}
	}
}

// unquote takes off the slashes that may stand around a pattern in Fluent Bit.
func unquote(s string) string {
	if len(s) > 2 && s[0] == '/' && s[len(s)-1] == '/' {
		return s[1 : len(s)-1]
	}
	return s
}

// lifting reads the filter parser, of which one use is known: JSON text joins
// the record.
func (p *Plan) lifting(f *filter, s *fluentconf.Section) {
	key, _ := s.Get("key_name")
	parser, _ := s.Get("parser")
	reserve, _ := s.Get("reserve_data")
	preserve, _ := s.Get("preserve_key")
	if strings.ToLower(parser) != "json" || key == "" || !isTrue(reserve) || isTrue(preserve) {
		p.note(s.Place, "filter parser for %s is not carried over: only Parser json with Reserve_Data On and Preserve_Key Off is", fluentconf.Clip(f.match.text))
		return
	}
	f.lift = strings.TrimPrefix(key, "$")
}
