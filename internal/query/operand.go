package query

import (
	"fmt"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// Operand is one series and a statistic of it, written as in the condition of an
// alarm in a recipe: avg(AWS/ECS:CPUUtilization{ServiceName=orders}).
type Operand struct {
	// Text is the operand as it was written.
	Text string
	// Stat is the statistic as CloudWatch names it: Average, p99, TM(10%:90%).
	Stat   string
	Metric Metric
}

// OperandError says what is wrong with the text of an operand, and where.
type OperandError struct {
	Text string
	// Offset is the place in bytes.
	Offset  int
	Message string
}

// Error implements error.
func (e *OperandError) Error() string {
	return fmt.Sprintf("%q, character %d: %s", e.Text, len([]rune(e.Text[:e.Offset]))+1, e.Message)
}

// The forms of extended statistics: CloudWatch user guide, "Statistics
// definitions".
var (
	percentStat = lazyregexp.New(`^(p|tm|tc|ts|wm)(100|[0-9]{1,2}(?:\.[0-9]{1,10})?)$`)
	rangeStat   = lazyregexp.New(`^(tm|tc|ts|wm)\((?:[0-9.]+%)?:(?:[0-9.]+%)?\)$|^(pr|tm|tc|ts|wm)\((?:-?[0-9.]+)?:(?:-?[0-9.]+)?\)$`)
)

// StatNames are the statistics that have a name of their own.
func StatNames() []string {
	return []string{"avg", "sum", "min", "max", "count", "p50", "p90", "p95", "p99", "iqm"}
}

// Statistic returns the name that CloudWatch has for a statistic: "avg" and
// "Average" are Average. It reports false for what is none.
func Statistic(text string) (string, bool) {
	lower := strings.ToLower(strings.ReplaceAll(text, " ", ""))
	switch lower {
	case "avg", "average":
		return "Average", true
	case "sum":
		return "Sum", true
	case "min", "minimum":
		return "Minimum", true
	case "max", "maximum":
		return "Maximum", true
	case "count", "samplecount":
		return "SampleCount", true
	case "iqm":
		return "IQM", true
	}
	switch {
	case percentStat.MatchString(lower):
		return lower, true
	case rangeStat.MatchString(lower) && !strings.HasSuffix(lower, "(:)"):
		return strings.ToUpper(lower), true
	}
	return "", false
}

// ParseOperand reads stat(Namespace:Name{Dim=value,…}); the dimensions may be
// left out. Parts may be in double quotes, in which a backslash quotes a
// character. Where the statistic is left out as well, as in Namespace:Name{…},
// stat is used. The error is an *OperandError.
func ParseOperand(text, stat string) (Operand, error) {
	p := &operandParser{text: text}
	o := Operand{Text: text}
	open := p.statistic()
	word := strings.TrimSpace(text[:p.pos])
	if open {
		stat = word
		p.pos++
	} else {
		p.pos = 0
	}
	var ok bool
	if o.Stat, ok = Statistic(stat); !ok {
		return o, p.failAt(0, "%q is not a statistic; they are %s, p0 to p100, tm, tc, ts and wm with a percentage or a range, and pr(a:b)", stat, strings.Join(StatNames(), " "))
	}
	if err := p.metric(&o.Metric); err != nil {
		return o, err
	}
	if open {
		if err := p.expect(')'); err != nil {
			return o, err
		}
	}
	if p.space(); p.pos < len(text) {
		return o, p.failAt(p.pos, "nothing is expected after the metric")
	}
	return o, nil
}

type operandParser struct {
	text string
	pos  int
}

// statistic moves to the parenthesis that follows the statistic, and reports
// whether there is one. A range, as of tm(10%:90%)(…), belongs to the statistic.
func (p *operandParser) statistic() bool {
	i := strings.IndexByte(p.text, '(')
	if i < 0 || strings.ContainsAny(p.text[:i], ":{\"") {
		return false
	}
	p.pos = i
	if end := strings.IndexByte(p.text[i:], ')'); end > 0 {
		after := strings.TrimLeft(p.text[i+end+1:], " ")
		if strings.HasPrefix(after, "(") {
			p.pos = len(p.text) - len(after)
		}
	}
	return true
}

func (p *operandParser) failAt(at int, format string, args ...any) error {
	return &OperandError{Text: p.text, Offset: min(at, len(p.text)), Message: fmt.Sprintf(format, args...)}
}

func (p *operandParser) space() {
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
}

func (p *operandParser) expect(c byte) error {
	if p.space(); p.pos >= len(p.text) || p.text[p.pos] != c {
		return p.failAt(p.pos, "expected %q", string(c))
	}
	p.pos++
	return nil
}

// until reads text up to one of the stop bytes, which it leaves, without
// surrounding space. Quoted parts may hold them.
func (p *operandParser) until(stops string) (string, error) {
	p.space()
	var b strings.Builder
	keep := 0
	for p.pos < len(p.text) && strings.IndexByte(stops, p.text[p.pos]) < 0 {
		c := p.text[p.pos]
		if c == '"' {
			if err := p.quoted(&b); err != nil {
				return "", err
			}
			keep = b.Len()
			continue
		}
		b.WriteByte(c)
		p.pos++
		if c != ' ' && c != '\t' {
			keep = b.Len()
		}
	}
	return b.String()[:keep], nil
}

func (p *operandParser) quoted(b *strings.Builder) error {
	from := p.pos
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return nil
		case c == '\\' && p.pos+1 < len(p.text):
			p.pos++
			b.WriteByte(p.text[p.pos])
		default:
			b.WriteByte(c)
		}
	}
	return p.failAt(from, "the quote is not closed")
}

func (p *operandParser) metric(m *Metric) error {
	p.space()
	from := p.pos
	full, err := p.until("{)")
	if err != nil {
		return err
	}
	namespace, name, _ := strings.Cut(full, ":")
	m.Namespace, m.Name = strings.TrimSpace(namespace), strings.TrimSpace(name)
	if m.Namespace == "" || m.Name == "" {
		return p.failAt(from, "a metric is written Namespace:Name, as in AWS/ECS:CPUUtilization")
	}
	if p.pos < len(p.text) && p.text[p.pos] == '{' {
		return p.dimensions(m)
	}
	return nil
}

func (p *operandParser) dimensions(m *Metric) error {
	p.pos++
	if p.space(); p.pos < len(p.text) && p.text[p.pos] == '}' {
		p.pos++
		return nil
	}
	for {
		p.space()
		at := p.pos
		name, err := p.until("=,})")
		if err != nil {
			return err
		}
		if name == "" || p.pos >= len(p.text) || p.text[p.pos] != '=' {
			return p.failAt(at, "a dimension is written Name=value")
		}
		p.pos++
		at = p.pos
		value, err := p.until(",}")
		if err != nil {
			return err
		}
		if value == "" {
			return p.failAt(at, "the dimension %q has no value", name)
		}
		m.Dimensions = append(m.Dimensions, Dimension{name, value})
		if p.pos < len(p.text) && p.text[p.pos] == ',' {
			p.pos++
			continue
		}
		return p.expect('}')
	}
}
