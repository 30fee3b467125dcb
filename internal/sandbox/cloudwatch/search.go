package cloudwatch

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/metricmath"
)

const (
	maxSearchResults = 500
	maxSearchLength  = 1024
	maxSearchDepth   = 50
	// searchPeriod is the period of a search that gives none.
	searchPeriod = 5 * time.Minute
)

// search is a compiled search expression:
//
//	{App, host} MetricName="latency" (eu OR us) NOT host=test
//
// The braces name a namespace and exactly the dimensions that a metric must
// have. Terms are joined by AND unless OR stands between them. A term matches
// without regard to case: a bare one as part of the namespace, the metric name
// or a dimension's name or value, a quoted one as the whole of one of these, and
// key=value does so with only Namespace, MetricName, or the value of the
// dimension of that name.
type search struct {
	namespace string
	dims      []string // sorted; nil without braces
	schema    bool
	root      func(identity) bool
	stat      statistic
	period    time.Duration
}

func newSearch(text, stat string, period time.Duration) (*search, error) {
	if len(text) > maxSearchLength {
		return nil, fmt.Errorf("the search must be at most %d characters long", maxSearchLength)
	}
	s := &search{period: cmp.Or(period, searchPeriod), root: func(identity) bool { return true }}
	if err := checkQueryPeriod("the search's period", s.period); err != nil {
		return nil, err
	}
	var err error
	if s.stat, err = parseStatistic(stat); err != nil {
		return nil, err
	}
	p := &searchParser{rest: text}
	if p.take("{") {
		if err := s.readSchema(p); err != nil {
			return nil, err
		}
	}
	if p.space(); p.rest == "" {
		if !s.schema {
			return nil, errors.New("the search is empty")
		}
		return s, nil
	}
	if s.root, err = p.or(); err != nil {
		return nil, err
	}
	if p.space(); p.rest != "" {
		return nil, fmt.Errorf("the search has an unexpected %q", p.rest[:1])
	}
	return s, nil
}

func (s *search) readSchema(p *searchParser) error {
	s.schema = true
	for first := true; ; first = false {
		name, _, err := p.word(",}")
		if err != nil {
			return err
		}
		if first {
			s.namespace = name
		} else {
			s.dims = append(s.dims, name)
		}
		if p.take("}") {
			slices.Sort(s.dims)
			return nil
		}
		if !p.take(",") {
			return errors.New("the search has an open brace")
		}
	}
}

func (s *search) match(id identity) bool {
	if s.schema && (id.namespace != s.namespace ||
		!slices.EqualFunc(id.dims, s.dims, func(d dimension, name string) bool { return d.name == name })) {
		return false
	}
	return s.root(id)
}

type searchParser struct {
	rest  string
	depth int
}

func (p *searchParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *searchParser) take(symbol string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, symbol)
	if ok {
		p.rest = rest
	}
	return ok
}

// keyword takes a word in capitals that stands alone.
func (p *searchParser) keyword(word string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, word)
	if !ok || rest != "" && !strings.ContainsRune(" \t\r\n(", rune(rest[0])) {
		return false
	}
	p.rest = rest
	return true
}

// word takes a quoted word, or a bare one up to a space or one of stops.
func (p *searchParser) word(stops string) (word string, quoted bool, err error) {
	if p.take(`"`) {
		word, rest, ok := strings.Cut(p.rest, `"`)
		if !ok || word == "" {
			return "", false, errors.New("the search has a quote without its end")
		}
		p.rest = rest
		return word, true, nil
	}
	end := strings.IndexAny(p.rest, " \t\r\n\"{"+stops)
	if end < 0 {
		end = len(p.rest)
	}
	if end == 0 {
		return "", false, errors.New("the search lacks a word")
	}
	word, p.rest = p.rest[:end], p.rest[end:]
	return word, false, nil
}

func (p *searchParser) or() (func(identity) bool, error) {
	left, err := p.and()
	for err == nil && p.keyword("OR") {
		var right func(identity) bool
		if right, err = p.and(); err == nil {
			l := left
			left = func(id identity) bool { return l(id) || right(id) }
		}
	}
	return left, err
}

func (p *searchParser) and() (func(identity) bool, error) {
	left, err := p.factor()
	for err == nil && !p.ended() {
		p.keyword("AND")
		var right func(identity) bool
		if right, err = p.factor(); err == nil {
			l := left
			left = func(id identity) bool { return l(id) && right(id) }
		}
	}
	return left, err
}

// ended reports whether a chain of ANDs ends here.
func (p *searchParser) ended() bool {
	p.space()
	if p.rest == "" || p.rest[0] == ')' {
		return true
	}
	ahead := *p
	return ahead.keyword("OR")
}

func (p *searchParser) factor() (func(identity) bool, error) {
	if p.depth++; p.depth > maxSearchDepth {
		return nil, errors.New("the search is nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.keyword("NOT") {
		inner, err := p.factor()
		return func(id identity) bool { return !inner(id) }, err
	}
	if !p.take("(") {
		return p.term()
	}
	inner, err := p.or()
	if err == nil && !p.take(")") {
		err = errors.New("the search has an open parenthesis")
	}
	return inner, err
}

func (p *searchParser) term() (func(identity) bool, error) {
	word, quoted, err := p.word("()=")
	if err != nil {
		return nil, err
	}
	if !p.take("=") {
		return func(id identity) bool { return slices.ContainsFunc(id.words(), matches(word, quoted)) }, nil
	}
	value, whole, err := p.word("()=")
	if err != nil {
		return nil, err
	}
	fits := matches(value, whole)
	return func(id identity) bool {
		switch word {
		case "Namespace":
			return fits(id.namespace)
		case "MetricName":
			return fits(id.name)
		}
		return slices.ContainsFunc(id.dims, func(d dimension) bool { return strings.EqualFold(d.name, word) && fits(d.value) })
	}, nil
}

func matches(word string, whole bool) func(string) bool {
	if whole {
		return func(s string) bool { return strings.EqualFold(s, word) }
	}
	word = strings.ToLower(word)
	return func(s string) bool { return strings.Contains(strings.ToLower(s), word) }
}

// words are all texts of an identity.
func (id identity) words() []string {
	words := []string{id.namespace, id.name}
	for _, d := range id.dims {
		words = append(words, d.name, d.value)
	}
	return words
}

// search reads the metrics that a search finds, in the order of their names.
func (r *reading) search(q *query, text, stat string, period time.Duration) ([]metricmath.Series, error) {
	s, err := newSearch(text, stat, period)
	if err != nil {
		return nil, err
	}
	var out []metricmath.Series
	for _, l := range r.s.store.list(r.sc, s.match) {
		if len(out) == maxSearchResults {
			break
		}
		if l.written.Before(r.now.Add(-listedFor)) {
			continue
		}
		found := r.series(&query{id: q.id, metric: &l.identity, stat: s.stat, period: s.period, account: q.account})
		found.ID, found.Label = "", l.label()
		out = append(out, found)
	}
	return out, nil
}

// label tells metrics of one search apart: the values of the dimensions and the
// name.
func (id identity) label() string {
	var words []string
	for _, d := range id.dims {
		words = append(words, d.value)
	}
	return strings.Join(append(words, id.name), " ")
}
