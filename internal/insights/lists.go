package insights

import (
	"cmp"
	"maps"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// tally is values and topk: how often each value occurred.
type tally struct {
	most   int // 0: all values, in natural order; else the most frequent ones
	counts map[string]int
}

func (t *tally) add(e *env, v value) {
	b, ok := e.text(v)
	if !ok {
		return
	}
	n, seen := t.counts[string(b)]
	if seen || len(t.counts) < maxTally {
		t.counts[string(b)] = n + 1
	}
}

// maxTally bounds the distinct values kept for one group.
const maxTally = 100_000

func (t *tally) merge(other accumulator) {
	for s, n := range other.(*tally).counts {
		t.counts[s] += n
	}
}

// result is a JSON list of texts.
func (t *tally) result(*env) value {
	list := slices.Collect(maps.Keys(t.counts))
	order.By(list, func(a, b string) int {
		natural := compareKeys(newSortKey(textValue([]byte(a))), newSortKey(textValue([]byte(b))))
		if t.most > 0 {
			return cmp.Or(cmp.Compare(t.counts[b], t.counts[a]), natural)
		}
		return natural
	})
	if t.most > 0 {
		list = list[:min(t.most, len(list))]
	}
	return listOf(list)
}

// listOf makes a JSON list of texts.
func listOf(list []string) value {
	out := []byte{'['}
	for i, s := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, quoted([]byte(s))...)
	}
	return value{kind: structure, b: append(out, ']')}
}

// buildTopK compiles topk(k, f).
func buildTopK(c *compiler, n *node) (expr, func() accumulator, error) {
	k := n.args[0]
	if k.op != opNumber || k.num < 1 || k.num != float64(int(k.num)) {
		return nil, nil, c.errorAt(k.start, k.end, "expected how many values, a whole number from 1")
	}
	x, err := c.expr(n.args[1])
	return x, func() accumulator { return &tally{most: int(k.num), counts: map[string]int{}} }, err
}
