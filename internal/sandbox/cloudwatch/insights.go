package cloudwatch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a Metrics Insights query (CloudWatch user guide, "Metrics Insights
// quotas"). The metrics beyond the first 10,000 are left out, as the series
// beyond 500 are.
const (
	maxInsightsMetrics = 10_000
	maxInsightsSeries  = 500
)

// insightsQuery is a compiled Metrics Insights query:
//
//	SELECT FUNCTION(metric)
//	FROM namespace | SCHEMA(namespace [, label ...])
//	[WHERE label = | != 'value' [AND ...]]
//	[GROUP BY label [, ...]]
//	[ORDER BY FUNCTION() [ASC | DESC]]
//	[LIMIT number]
//
// Keywords are known in any case. A name that has more than letters, digits and
// underscores, or is one of these keywords, stands in double quotes; CloudWatch
// wants quotes around other words of SQL too.
type insightsQuery struct {
	stat              statistic
	metric, namespace string
	schema            bool
	keys              []string // of SCHEMA, sorted
	where             []condition
	groups            []string
	ordered, falling  bool
	scalar            string // the function to order by
	limit             int
}

// condition is one comparison of WHERE.
type condition struct {
	key, value string
	equal      bool
}

// accountKey is the label of a metric's account.
const accountKey = "AWS.AccountId"

// isInsights tells a query from an expression.
func isInsights(text string) bool {
	fields := strings.Fields(text)
	return len(fields) > 0 && strings.EqualFold(fields[0], "SELECT")
}

// functions of a query, as the statistics of one metric.
func insightsStatistic(function string) (statistic, bool) {
	name := map[string]string{"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}[function]
	eval, ok := basicStatistic(name)
	return statistic{name, eval}, ok
}

func parseInsights(text string) (*insightsQuery, error) {
	p := &sqlParser{text: text, rest: text}
	q := &insightsQuery{limit: maxInsightsSeries}
	for _, clause := range []func(*sqlParser) error{q.readSelect, q.readFrom, q.readWhere, q.readGroups, q.readOrder, q.readLimit} {
		if err := clause(p); err != nil {
			return nil, err
		}
	}
	if p.next(); p.token != "" {
		return nil, p.bad("the query has an unexpected %q", p.token)
	}
	return q, nil
}

func (q *insightsQuery) readSelect(p *sqlParser) error {
	if !p.keyword("SELECT") {
		return p.expected("SELECT")
	}
	var ok bool
	if q.stat, ok = insightsStatistic(p.function()); !ok {
		return p.bad("AVG, COUNT, MAX, MIN or SUM is expected")
	}
	var err error
	if err = p.symbol("("); err == nil {
		if q.metric, err = p.name(); err == nil {
			err = p.symbol(")")
		}
	}
	return err
}

func (q *insightsQuery) readFrom(p *sqlParser) (err error) {
	if !p.keyword("FROM") {
		return p.expected("FROM")
	}
	if q.schema = p.keyword("SCHEMA"); !q.schema {
		q.namespace, err = p.name()
		return err
	}
	if err = p.symbol("("); err != nil {
		return err
	}
	names, err := p.names()
	if err != nil {
		return err
	}
	q.namespace, q.keys = names[0], names[1:]
	slices.Sort(q.keys)
	return p.symbol(")")
}

func (q *insightsQuery) readWhere(p *sqlParser) error {
	if !p.keyword("WHERE") {
		return nil
	}
	for {
		key, err := p.label()
		if err != nil {
			return err
		}
		c := condition{key: key}
		switch p.next(); p.token {
		case "=":
			c.equal = true
		case "!=":
		default:
			return p.bad("= or != is expected")
		}
		if p.next(); p.quote != '\'' {
			return p.bad("a value in single quotes is expected")
		}
		c.value = p.token
		if q.where = append(q.where, c); !p.keyword("AND") {
			return nil
		}
	}
}

func (q *insightsQuery) readGroups(p *sqlParser) error {
	if !p.keyword("GROUP") {
		return nil
	}
	if !p.keyword("BY") {
		return p.expected("BY")
	}
	for {
		key, err := p.label()
		if err != nil {
			return err
		}
		if q.groups = append(q.groups, key); !p.has(",") {
			return nil
		}
	}
}

func (q *insightsQuery) readOrder(p *sqlParser) error {
	if !p.keyword("ORDER") {
		return nil
	}
	if !p.keyword("BY") {
		return p.expected("BY")
	}
	q.ordered, q.scalar = true, p.function()
	if _, ok := insightsStatistic(q.scalar); !ok {
		return p.bad("AVG, COUNT, MAX, MIN or SUM is expected")
	}
	if err := p.symbol("("); err != nil {
		return err
	}
	if err := p.symbol(")"); err != nil {
		return err
	}
	q.falling = p.keyword("DESC")
	if !q.falling {
		p.keyword("ASC")
	}
	return nil
}

func (q *insightsQuery) readLimit(p *sqlParser) (err error) {
	if !p.keyword("LIMIT") {
		return nil
	}
	p.next()
	if q.limit, err = strconv.Atoi(p.token); err != nil || p.quote != 0 || q.limit < 1 || q.limit > maxInsightsSeries {
		return p.bad("a number from 1 to %d is expected", maxInsightsSeries)
	}
	return nil
}

// sqlParser reads tokens: names, quoted texts, numbers and symbols.
type sqlParser struct {
	text  string // the whole query
	rest  string // what is to be read
	token string
	start int  // of the token in text
	quote byte // that token stood in, or 0
}

// next reads a token, which is empty at the end. A text without its closing
// quote is the symbol of the quote.
func (p *sqlParser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	p.token, p.quote, p.start = "", 0, len(p.text)-len(p.rest)
	if p.rest == "" {
		return
	}
	if c := p.rest[0]; c == '"' || c == '\'' {
		if text, size, ok := quoted(p.rest); ok {
			p.token, p.quote, p.rest = text, c, p.rest[size:]
			return
		}
	}
	n := 0
	for n < len(p.rest) && isWord(p.rest[n]) {
		n++
	}
	if n == 0 {
		n = 1
		if strings.HasPrefix(p.rest, "!=") {
			n = 2
		}
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// quoted reads a text that begins with a quote. A backslash keeps the quote or
// the backslash that follows it.
func quoted(s string) (text string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), i + 1, true
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == s[0] || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", 0, false
}

// place names a place in the text, in lines and characters from 1.
func (p *sqlParser) place(offset int) string {
	before := p.text[:offset]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return fmt.Sprintf("line %d, column %d", strings.Count(before, "\n")+1, utf8.RuneCountInString(line)+1)
}

func (p *sqlParser) errorAt(offset int, format string, args ...any) error {
	return fmt.Errorf("%s: %w", p.place(offset), fmt.Errorf(format, args...))
}

// bad refuses the token that was read last.
func (p *sqlParser) bad(format string, args ...any) error { return p.errorAt(p.start, format, args...) }

// expected refuses the token that is next.
func (p *sqlParser) expected(what string) error {
	ahead := *p
	ahead.next()
	return ahead.bad("%s is expected", what)
}

// has takes a token if it is next, a keyword in any case.
func (p *sqlParser) has(token string) bool {
	ahead := *p
	if ahead.next(); ahead.quote != 0 || !strings.EqualFold(ahead.token, token) {
		return false
	}
	*p = ahead
	return true
}

func (p *sqlParser) keyword(word string) bool { return p.has(word) }

func (p *sqlParser) symbol(s string) error {
	if !p.has(s) {
		return p.expected(s)
	}
	return nil
}

// function reads a function's name, in capitals.
func (p *sqlParser) function() string {
	p.next()
	return strings.ToUpper(p.token)
}

// name reads the name of a namespace, a metric or a dimension.
func (p *sqlParser) name() (string, error) {
	p.next()
	switch {
	case p.quote == '"' && p.token != "":
		return p.token, nil
	case p.quote != 0 || p.token == "" || !isWord(p.token[0]):
		return "", p.bad("a name is expected, in double quotes if it has more than letters, digits and underscores")
	case slices.Contains([]string{
		"AND", "ASC", "AVG", "BY", "COUNT", "DESC", "FROM", "GROUP", "LIMIT", "MAX", "MIN", "ORDER", "SCHEMA", "SELECT", "SUM", "WHERE",
	}, strings.ToUpper(p.token)):
		return "", p.bad("a name is expected; %s is a keyword and needs double quotes", p.token)
	}
	return p.token, nil
}

func (p *sqlParser) names() ([]string, error) {
	var names []string
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if names = append(names, name); !p.has(",") {
			return names, nil
		}
	}
}

// label reads a dimension's name, or AWS.AccountId.
func (p *sqlParser) label() (string, error) {
	name, err := p.name()
	start := p.start
	if err != nil || p.quote != 0 || !p.has(".") {
		return name, err
	}
	part, err := p.name()
	if err != nil {
		return "", err
	}
	switch full := name + "." + part; {
	case full == accountKey:
		return full, nil
	case name == "tag":
		return "", unsupported("the tags of metrics' resources (%s at %s)", full, p.place(start))
	default:
		return "", p.errorAt(start, "%s is not a label; a name with a dot stands in double quotes", full)
	}
}
