package alarm

import (
	"fmt"
	"slices"
	"strings"
)

// Limits of a composite alarm's rule.
const (
	MaxRuleLength   = 10240 // bytes
	MaxRuleChildren = 100   // distinct alarms
	MaxRuleElements = 500   // alarms, TRUE, FALSE and parentheses
)

// maxRuleDepth bounds nesting, so that hostile input cannot exhaust the stack.
const maxRuleDepth = 300

// RuleError is a problem with the rule of a composite alarm.
type RuleError struct {
	// Offset is where in the rule it is, in bytes from 0.
	Offset int
	Msg    string
}

// Error implements error; it counts columns from 1.
func (e *RuleError) Error() string { return fmt.Sprintf("column %d: %s", e.Offset+1, e.Msg) }

// CompositeRule is the rule of a composite alarm, such as
//
//	ALARM(cpu) AND NOT (ALARM("deploy running") OR OK(arn:aws:cloudwatch:…:alarm:x))
//
// It is immutable and safe for concurrent use.
type CompositeRule struct {
	root     *ruleNode
	children []string
}

// ruleNode is TRUE or FALSE ("const"), an alarm's state ("state"), or "not",
// "and", "or" of others.
type ruleNode struct {
	op    string
	value bool
	state State
	alarm string
	args  []*ruleNode
}

// ParseComposite reads a rule. Its error is a *RuleError.
func ParseComposite(text string) (*CompositeRule, error) {
	if strings.TrimSpace(text) == "" || len(text) > MaxRuleLength {
		return nil, &RuleError{0, fmt.Sprintf("a rule must have 1 to %d characters", MaxRuleLength)}
	}
	p := &ruleParser{text: text}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(text) {
		return nil, p.errorf("unexpected %q", p.rest())
	}
	if p.elements > MaxRuleElements {
		return nil, &RuleError{0, fmt.Sprintf("a rule must have at most %d elements", MaxRuleElements)}
	}
	if len(p.children) > MaxRuleChildren {
		return nil, &RuleError{0, fmt.Sprintf("a rule must name at most %d alarms", MaxRuleChildren)}
	}
	return &CompositeRule{root, p.children}, nil
}

// Children lists the alarms that the rule names, as it names them (by name or
// ARN), each once, in the order of the text.
func (r *CompositeRule) Children() []string { return slices.Clone(r.children) }

// Eval reports whether the rule holds. state returns the state of a child.
func (r *CompositeRule) Eval(state func(alarm string) State) bool { return r.root.eval(state) }

func (n *ruleNode) eval(state func(string) State) bool {
	switch n.op {
	case "state":
		return state(n.alarm) == n.state
	case "not":
		return !n.args[0].eval(state)
	case "and":
		return !slices.ContainsFunc(n.args, func(a *ruleNode) bool { return !a.eval(state) })
	case "or":
		return slices.ContainsFunc(n.args, func(a *ruleNode) bool { return a.eval(state) })
	}
	return n.value
}

type ruleParser struct {
	text            string
	at              int
	depth, elements int
	children        []string
}

func (p *ruleParser) errorf(format string, args ...any) error {
	return &RuleError{p.at, fmt.Sprintf(format, args...)}
}

// rest is the beginning of what is left, for messages.
func (p *ruleParser) rest() string {
	if p.at == len(p.text) {
		return "the end"
	}
	return p.text[p.at:min(len(p.text), p.at+20)]
}

func (p *ruleParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// symbol takes the byte c if it comes next.
func (p *ruleParser) symbol(c byte) bool {
	p.space()
	if p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

// word returns the letters that come next, without taking them.
func (p *ruleParser) word() string {
	p.space()
	end := p.at
	for end < len(p.text) && (p.text[end] == '_' || p.text[end]|0x20 >= 'a' && p.text[end]|0x20 <= 'z') {
		end++
	}
	return p.text[p.at:end]
}

// chain parses parts joined by keyword.
func (p *ruleParser) chain(op, keyword string, part func() (*ruleNode, error)) (*ruleNode, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	n := &ruleNode{op: op, args: []*ruleNode{first}}
	for p.word() == keyword {
		p.at += len(keyword)
		next, err := part()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, next)
	}
	if len(n.args) == 1 {
		return first, nil
	}
	return n, nil
}

func (p *ruleParser) or() (*ruleNode, error) { return p.chain("or", "OR", p.and) }

func (p *ruleParser) and() (*ruleNode, error) { return p.chain("and", "AND", p.factor) }

func (p *ruleParser) factor() (*ruleNode, error) {
	if p.depth++; p.depth > maxRuleDepth {
		return nil, p.errorf("the rule is nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.symbol('(') {
		p.elements++
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.symbol(')') {
			return nil, p.errorf("expected \")\", found %q", p.rest())
		}
		return inner, nil
	}
	switch word := p.word(); strings.ToUpper(word) {
	case "NOT":
		p.at += len(word)
		inner, err := p.factor()
		return &ruleNode{op: "not", args: []*ruleNode{inner}}, err
	case "TRUE", "FALSE":
		p.at += len(word)
		p.elements++
		return &ruleNode{op: "const", value: strings.EqualFold(word, "TRUE")}, nil
	}
	return p.function()
}

// function parses ALARM(x), OK(x) or INSUFFICIENT_DATA(x).
func (p *ruleParser) function() (*ruleNode, error) {
	word := p.word()
	state := State(word)
	if state != StateAlarm && state != StateOK && state != StateInsufficientData {
		return nil, p.errorf("expected ALARM(…), OK(…), INSUFFICIENT_DATA(…), TRUE, FALSE, NOT or \"(\", found %q", p.rest())
	}
	p.at += len(word)
	if !p.symbol('(') {
		return nil, p.errorf("expected \"(\" after %s, found %q", word, p.rest())
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if !p.symbol(')') {
		return nil, p.errorf("expected \")\", found %q", p.rest())
	}
	p.elements++
	if !slices.Contains(p.children, name) {
		p.children = append(p.children, name)
	}
	return &ruleNode{op: "state", state: state, alarm: name}, nil
}

// name parses an alarm's name or ARN: in double quotes, where a backslash
// escapes a quote or a backslash, or bare up to the closing parenthesis.
func (p *ruleParser) name() (string, error) {
	start := p.at
	if !p.symbol('"') {
		end := strings.IndexByte(p.text[p.at:], ')')
		if end < 0 {
			return "", p.errorf("expected \")\" after the alarm's name")
		}
		name := strings.TrimSpace(p.text[p.at : p.at+end])
		if name == "" {
			return "", p.errorf("expected an alarm's name or ARN")
		}
		p.at += end
		return name, nil
	}
	var b strings.Builder
	for p.at < len(p.text) && p.text[p.at] != '"' {
		if p.text[p.at] == '\\' && p.at+1 < len(p.text) {
			p.at++
		}
		b.WriteByte(p.text[p.at])
		p.at++
	}
	if p.at == len(p.text) || b.Len() == 0 {
		p.at = start
		return "", p.errorf("expected an alarm's name in quotes")
	}
	p.at++
	return b.String(), nil
}
