package insights

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// patternStep is the pattern command. The service does not publish how it
// clusters; this is our own way, the same for the same rows in any order:
//
//  1. In every text, times, numbers with or without a unit, UUIDs, IPv4
//     addresses and all other words with a digit are replaced by a mark of
//     their kind. Words end at white space and punctuation.
//  2. Equal masks are counted. Then, beginning with the most frequent, each is
//     joined to the first cluster with the same number of words, the same
//     punctuation and the same first word that agrees with it in at least seven
//     of ten words; the words in which they differ become tokens.
//  3. A cluster's pattern shows <Time-1>, <Number-1>, <UUID-1>, <IP-1> and
//     <Token-1>, each kind counted from the left.
type patternStep struct {
	in   *scope
	text expr
	out  *scope
	diff bool // count the range before too
}

// counted counts the texts of the range asked for, and of that before.
type counted struct{ now, before int }

func (t counted) plus(o counted) counted { return counted{t.now + o.now, t.before + o.before} }

// Columns of the pattern command.
const (
	colPattern = iota
	colRatio
	colSamples
	colSeverity
)

func (c *compiler) patternCommand() error {
	if c.patterned {
		return c.refuse("a query may have only one pattern command")
	}
	n, err := c.expression()
	if err != nil {
		return err
	}
	x, err := c.expr(n)
	if err != nil {
		return err
	}
	c.addPatterns(x)
	return nil
}

// addPatterns makes the rows so far patterns of x.
func (c *compiler) addPatterns(x expr) {
	c.patterned = true
	out := newScope(false)
	var shown []column
	for _, name := range [...]string{colPattern: "@pattern", colRatio: "@ratio", colSamples: "@sampleCount", colSeverity: "@severityLabel"} {
		i, col := out.column()
		out.names[name], out.index[name] = col, i
		shown = append(shown, column{name, col})
	}
	c.addGatherer(&patternStep{in: c.scope, text: x, out: out}, out, shown)
}

func (s *patternStep) newSink() sink { return &patterns{step: s, masks: map[string]counted{}} }

func (s *patternStep) apply(x *Execution, rows []*record) []*record { return x.gather(s, s.in, rows) }

// patterns counts masks.
type patterns struct {
	step  *patternStep
	masks map[string]counted
	buf   []byte
}

func (p *patterns) full() bool { return false }

func (p *patterns) add(e *env) {
	b, ok := e.text(p.step.text(e))
	if !ok {
		return
	}
	p.buf = appendMask(p.buf[:0], b)
	one := p.step.counted(e)
	if n, ok := p.masks[string(p.buf)]; ok {
		p.masks[string(p.buf)] = n.plus(one)
		return
	}
	p.masks[string(p.buf)] = one
}

// counted counts a row, which can be in both ranges.
func (s *patternStep) counted(e *env) counted {
	if !s.diff {
		return counted{now: 1}
	}
	var t counted
	if (timeSpan{e.opt.Start, e.opt.End}).has(e.row.Time) {
		t.now = 1
	}
	if e.opt.run.before.has(e.row.Time) {
		t.before = 1
	}
	return t
}

func (p *patterns) merge(other sink) {
	for mask, n := range other.(*patterns).masks {
		p.masks[mask] = p.masks[mask].plus(n)
	}
}

// maxCompared bounds how many clusters a mask is compared with.
const maxCompared = 500

// cluster is a set of masks that count as one pattern.
type cluster struct {
	parts []string // words and delimiters in turn
	n     counted
}

// records returns the patterns, the most frequent first.
func (p *patterns) records(*Options) []*record {
	var total counted
	buckets := map[string][]*cluster{}
	var clusters []*cluster
	for _, mask := range p.byFrequency() {
		n := p.masks[mask]
		total = total.plus(n)
		parts := splitMask(mask)
		key := structureOf(parts)
		joined := false
		bucket := buckets[key]
		for _, c := range bucket[:min(len(bucket), maxCompared)] {
			if joined = c.join(parts, n); joined {
				break
			}
		}
		if !joined {
			c := &cluster{parts, n}
			buckets[key] = append(buckets[key], c)
			clusters = append(clusters, c)
		}
	}
	order.Stable(clusters, func(a, b *cluster) int { return compareCounted(b.n, a.n) })
	records := make([]*record, len(clusters))
	for i, c := range clusters {
		records[i] = &record{seq: uint64(i), cols: c.columns(total, p.step.diff)}
	}
	return records
}

func compareCounted(a, b counted) int {
	return cmp.Or(cmp.Compare(a.now, b.now), cmp.Compare(a.before, b.before))
}

func (p *patterns) byFrequency() []string {
	masks := make([]string, 0, len(p.masks))
	for mask := range p.masks {
		masks = append(masks, mask)
	}
	order.By(masks, func(a, b string) int {
		return cmp.Or(cmp.Compare(p.masks[b].now+p.masks[b].before, p.masks[a].now+p.masks[a].before), cmp.Compare(a, b))
	})
	return masks
}

// splitMask cuts a mask into words, at even places, and what is between them.
func splitMask(mask string) []string {
	var parts []string
	for mask != "" {
		n := 0
		for n < len(mask) && (!isDelimiter(mask[n]) || mask[n] == marker) {
			n++
		}
		parts = append(parts, mask[:n])
		mask = mask[n:]
		for n = 0; n < len(mask) && isDelimiter(mask[n]) && mask[n] != marker; {
			n++
		}
		parts = append(parts, mask[:n])
		mask = mask[n:]
	}
	return parts
}

// structureOf is equal for masks that may be joined.
func structureOf(parts []string) string {
	var b strings.Builder
	for i, part := range parts {
		if i == 0 || i%2 == 1 {
			b.WriteString(part)
			b.WriteByte(0)
		}
	}
	return b.String()
}

// join takes n texts with the given parts into c if seven of ten words agree.
func (c *cluster) join(parts []string, n counted) bool {
	words, same := 0, 0
	for i := 0; i < len(parts); i += 2 {
		words++
		if c.parts[i] == parts[i] || c.parts[i] == string([]byte{marker, 'V'}) {
			same++
		}
	}
	if same*10 < words*7 {
		return false
	}
	for i := 0; i < len(parts); i += 2 {
		if c.parts[i] != parts[i] {
			c.parts[i] = string([]byte{marker, 'V'})
		}
	}
	c.n = c.n.plus(n)
	return true
}

func (c *cluster) columns(total counted, diff bool) []value {
	shown := c.show()
	cols := []value{
		colPattern:  textValue(shown),
		colRatio:    numberValue(math.Round(float64(c.n.now)/float64(max(total.now, 1))*1e4) / 1e4),
		colSamples:  numberValue(float64(c.n.now)),
		colSeverity: {},
	}
	if label := severity(shown); label != "" {
		cols[colSeverity] = textValue([]byte(label))
	}
	if diff {
		cols = append(cols, numberValue(float64(c.n.before)), numberValue(float64(c.n.now-c.n.before)))
	}
	return cols
}

// show writes the pattern out.
func (c *cluster) show() []byte {
	var out []byte
	counts := map[string]int{}
	mask := strings.Join(c.parts, "")
	for i := 0; i < len(mask); i++ {
		if mask[i] != marker || i+1 == len(mask) || markNames[mask[i+1]] == "" {
			out = append(out, mask[i])
			continue
		}
		i++
		name := markNames[mask[i]]
		counts[name]++
		out = fmt.Appendf(out, "<%s-%s>", name, strconv.Itoa(counts[name]))
	}
	return out
}

// severities are words that tell how bad a line is, the worst first.
var severities = [...]struct{ word, label string }{
	{"fatal", "FATAL"},
	{"critical", "FATAL"},
	{"panic", "FATAL"},
	{"error", "ERROR"},
	{"exception", "ERROR"},
	{"failed", "ERROR"},
	{"warn", "WARN"},
	{"info", "INFO"},
	{"debug", "DEBUG"},
	{"trace", "DEBUG"},
}

func severity(pattern []byte) string {
	lower := bytes.ToLower(pattern)
	for _, s := range severities {
		if bytes.Contains(lower, []byte(s.word)) {
			return s.label
		}
	}
	return ""
}
