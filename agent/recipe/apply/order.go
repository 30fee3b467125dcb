package apply

import (
	"slices"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// split returns the changes that write, with what others need first, and those
// by which resources leave the stack, which go the opposite way.
func split(p *plan.Plan) (writes, leaves []plan.Change) {
	for _, ch := range p.Changes {
		switch ch.Action {
		case plan.Create, plan.Update, plan.Adopt, plan.Retag:
			writes = append(writes, ch)
		case plan.Delete, plan.Release:
			leaves = append(leaves, ch)
		}
	}
	order.Stable(writes, func(a, b plan.Change) int { return a.Kind.Rank() - b.Kind.Rank() })
	order.Stable(leaves, func(a, b plan.Change) int { return b.Kind.Rank() - a.Kind.Rank() })
	return needsFirst(writes), leaves
}

// needsFirst moves each change behind those that it needs. It leaves the order
// of the others as it is, and ends for needs in a circle too.
func needsFirst(changes []plan.Change) []plan.Change {
	at := map[ir.Key]int{}
	for i, ch := range changes {
		at[ch.Key()] = i
	}
	out := make([]plan.Change, 0, len(changes))
	seen := make([]bool, len(changes))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, need := range changes[i].Desired.Needs {
			if j, ok := at[need]; ok {
				visit(j)
			}
		}
		out = append(out, changes[i])
	}
	for i := range changes {
		visit(i)
	}
	return out
}

// batches parts what leaves into runs that one call can delete.
func batches(leaves []plan.Change) [][]plan.Change {
	var out [][]plan.Change
	for len(leaves) > 0 {
		first := leaves[0]
		n := slices.IndexFunc(leaves, func(ch plan.Change) bool { return ch.Kind != first.Kind || ch.Action != first.Action })
		if n < 0 {
			n = len(leaves)
		}
		n = min(n, live.Batch(first.Kind))
		out, leaves = append(out, leaves[:n]), leaves[n:]
	}
	return out
}
