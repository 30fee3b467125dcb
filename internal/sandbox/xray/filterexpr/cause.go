package filterexpr

import (
	"encoding/json"
	"slices"
	"strings"
)

// Causes are the root causes of a trace.
type Causes struct {
	Fault, Error, ResponseTime []Cause
}

// Cause is a way from where a failure, or a delay, stopped to where it began.
type Cause struct {
	Services []CauseService
}

// CauseService is a service on the way, with what took part in it.
type CauseService struct {
	ID       ID
	Inferred bool
	Path     []CauseEntity
}

// CauseEntity is a segment or subsegment on the way.
type CauseEntity struct {
	Name   string
	Remote bool
	// Coverage is its share of the root segment's response time; only root causes
	// of response times have one.
	Coverage   float64
	Exceptions []Exception
}

// Exception is an error that an entity recorded.
type Exception struct {
	Name, Message string
}

// causeKinds are the words between "rootcause." and the level.
func causeKinds(kind string) func(*Causes) []Cause {
	switch kind {
	case "fault":
		return func(c *Causes) []Cause { return c.Fault }
	case "error":
		return func(c *Causes) []Cause { return c.Error }
	case "responsetime":
		return func(c *Causes) []Cause { return c.ResponseTime }
	}
	return nil
}

// causeWords are the keywords that may be asked of an element of a root cause.
func causeWords(kind, level string) []string {
	list := []string{"first", "last", "index", "name"}
	switch {
	case level == "service":
		return append(list, "type", "inferred")
	case level == "entity" && kind == "responsetime":
		return append(list, "remote", "coverage")
	case level == "entity":
		return append(list, "remote")
	case level == "exception" && kind != "responsetime":
		return append(list, "message")
	}
	return nil
}

// rootCause reads what follows rootcause.KIND.LEVEL: a condition in braces that
// one element must meet.
func (p *parser) rootCause(word string, t token) (cond, error) {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || causeKinds(parts[1]) == nil || causeWords(parts[1], parts[2]) == nil {
		return nil, p.fail(t.at, "%q is not rootcause.json or one of rootcause.fault, .error and .responsetime with .service, .entity or .exception", t.text)
	}
	if !p.isMark("{") {
		return nil, p.fail(p.tok.at, "expected a condition in braces, found %s", p.tok)
	}
	old := p.words
	p.words = causeWords(parts[1], parts[2])
	inner, err := p.enclosed("{", "}", scopeCause)
	p.words = old
	if err != nil {
		return nil, err
	}
	causes := causeKinds(parts[1])
	return func(_ *Item, t *Trace) bool {
		met := func(i *Item) bool { return inner(i, t) }
		return slices.ContainsFunc(causes(&t.Causes), func(c Cause) bool { return c.any(parts[2], met) })
	}, nil
}

// any reports whether some element of a level meets a condition.
func (c Cause) any(level string, met func(*Item) bool) bool {
	for n, s := range c.Services {
		if level == "service" {
			if met(element(n, len(c.Services), Item{Names: []string{s.ID.Name}, Types: present(s.ID.Type), Inferred: s.Inferred})) {
				return true
			}
			continue
		}
		for k, e := range s.Path {
			if level == "entity" {
				if met(element(k, len(s.Path), Item{Names: []string{e.Name}, Remote: e.Remote, Coverage: e.Coverage})) {
					return true
				}
				continue
			}
			for x, ex := range e.Exceptions {
				if met(element(x, len(e.Exceptions), Item{Names: present(ex.Name), Messages: present(ex.Message)})) {
					return true
				}
			}
		}
	}
	return false
}

// element says where an item stands in its list; the first has the index 0.
func element(n, of int, i Item) *Item {
	i.Index, i.First, i.Last = n, n == 0, n == of-1
	return &i
}

// causePattern is a root cause as rootcause.json gives it: what it does not say
// may be anything.
type causePattern struct {
	ClientImpacting *bool
	Services        []struct {
		Name, Type, AccountId *string // the API's own spelling
		Names                 []string
		Inferred              *bool
		EntityPath            []struct {
			Name       *string
			Remote     *bool
			Coverage   *float64
			Exceptions []struct{ Name, Message *string }
		}
	}
}

// rootCauseJSON reads = or != and #[…], root causes as GetTraceSummaries returns
// them, of which the trace must have one.
func (p *parser) rootCauseJSON(t token) (cond, error) {
	op := p.tok
	if op.kind != kindOp || op.text != "=" && op.text != "!=" {
		return nil, p.fail(op.at, "%s needs = or !=, found %s", t.text, op)
	}
	rest := strings.TrimLeft(p.src[p.pos:], " \t\r\n")
	at := len(p.src) - len(rest)
	text, ok := strings.CutPrefix(rest, "#")
	if !ok {
		return nil, p.fail(at, "expected #[ and root causes in JSON")
	}
	var want []causePattern
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&want); err != nil {
		return nil, p.fail(at, "expected # and a list of root causes in JSON: %v", err)
	}
	p.pos = at + 1 + int(dec.InputOffset())
	equal := op.text == "="
	return func(_ *Item, t *Trace) bool {
		has := slices.ContainsFunc(slices.Concat(t.Causes.Fault, t.Causes.Error, t.Causes.ResponseTime), func(c Cause) bool {
			return slices.ContainsFunc(want, c.meets)
		})
		return has == equal
	}, p.advance()
}

func meets[T comparable](have T, want *T) bool { return want == nil || *want == have }

func (c Cause) meets(want causePattern) bool {
	if len(want.Services) != len(c.Services) {
		return false
	}
	for n, w := range want.Services {
		s := c.Services[n]
		if !meets(s.ID.Name, w.Name) || !meets(s.ID.Type, w.Type) || !meets(s.ID.Account, w.AccountId) || !meets(s.Inferred, w.Inferred) ||
			w.EntityPath != nil && len(w.EntityPath) != len(s.Path) {
			return false
		}
		for k, we := range w.EntityPath {
			e := s.Path[k]
			if !meets(e.Name, we.Name) || !meets(e.Remote, we.Remote) || !meets(e.Coverage, we.Coverage) ||
				we.Exceptions != nil && len(we.Exceptions) != len(e.Exceptions) {
				return false
			}
			for x, wx := range we.Exceptions {
				if !meets(e.Exceptions[x].Name, wx.Name) || !meets(e.Exceptions[x].Message, wx.Message) {
					return false
				}
			}
		}
	}
	return true
}
