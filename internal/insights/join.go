package insights

import (
	"slices"
	"strings"
)

// joinPair is one equality of a join.
type joinPair struct {
	left       expr
	right      string
	column     int // of the right side
	start, end int
}

// join is the join command: every row, with the columns of each row of the
// right side that agrees with it.
type join struct {
	outer       bool // type=left: rows without a partner stay
	left, right string
	sub         int
	pairs       []joinPair
	cols        []int // for the columns of the right side
}

// joinCommand compiles
//
//	join [type=inner|left] left=a right=b where a.f = b.f [and …] (SOURCE … | …)
//
// Behind it a.f and f are fields of the rows before it, b.f is a column of the
// right side, and f too where the rows before have no f.
func (c *compiler) joinCommand() error {
	if c.joined {
		return c.refuse("a query may have only one join")
	}
	c.joined = true
	if c.inner {
		return c.refuse("subqueries and joins cannot be nested")
	}
	j := &join{}
	if err := c.joinOptions(j); err != nil {
		return err
	}
	if err := c.joinPairs(j); err != nil {
		return err
	}
	if !c.take("(") {
		return c.expected("and, or the right side in parentheses")
	}
	q, err := c.nested()
	if err != nil {
		return err
	}
	j.sub = len(c.subs) - 1
	return c.joinColumns(j, q)
}

func (c *compiler) joinOptions(j *join) error {
	for _, option := range [...]struct {
		name string
		set  func(string) bool
	}{
		{"type", j.setType},
		{"left", func(s string) bool { j.left = s; return true }},
		{"right", func(s string) bool { j.right = s; return s != j.left }},
	} {
		if !c.takeWord(option.name) {
			if option.name == "type" {
				continue
			}
			return c.expected(option.name + "=name")
		}
		if !c.take("=") {
			return c.expected("=")
		}
		c.space()
		start, word := c.i, c.word()
		c.i += len(word)
		if word == "" || !option.set(word) {
			return c.errorAt(start, c.i, "expected type=inner or type=left and two different names, found %q for %s", word, option.name)
		}
	}
	return nil
}

func (j *join) setType(s string) bool {
	j.outer = strings.EqualFold(s, "left")
	return j.outer || strings.EqualFold(s, "inner")
}

// joinPairs reads where a.f = b.g [and …], the sides in either order.
func (c *compiler) joinPairs(j *join) error {
	if !c.takeWord("where") {
		return c.expected("where")
	}
	for {
		pair, err := c.joinPair(j)
		if err != nil {
			return err
		}
		j.pairs = append(j.pairs, pair)
		if !c.takeWord("and") {
			return nil
		}
	}
}

func (c *compiler) joinPair(j *join) (joinPair, error) {
	var names [2]string
	c.space()
	p := joinPair{start: c.i}
	for i := range names {
		if i == 1 && !c.take("=") {
			return p, c.expected("=: a join is by equality")
		}
		if !c.atField() {
			return p, c.expected("a field of " + j.left + " or " + j.right)
		}
		var err error
		if names[i], err = c.parser.field(); err != nil {
			return p, err
		}
	}
	p.end = c.i
	if strings.HasPrefix(names[0], j.right+".") {
		names[0], names[1] = names[1], names[0]
	}
	left, isLeft := strings.CutPrefix(names[0], j.left+".")
	right, isRight := strings.CutPrefix(names[1], j.right+".")
	if !isLeft || !isRight {
		return p, c.errorAt(p.start, p.end, "expected a field of %s and one of %s", j.left, j.right)
	}
	p.right = right
	var err error
	p.left, err = c.named(left, p.start, p.end)
	return p, err
}

// named compiles the field called name, which stands in the text from start to
// end.
func (c *compiler) named(name string, start, end int) (expr, error) {
	return c.expr(&node{op: opField, name: name, start: start, end: end})
}

// joinColumns gives names to the columns of the right side.
func (c *compiler) joinColumns(j *join, q *Query) error {
	columns := q.plan.columns()
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = col.name
	}
	for i := range j.pairs {
		p := &j.pairs[i]
		if p.column = slices.Index(names, p.right); p.column < 0 {
			return c.errorAt(p.start, p.end, "the right side has no column %q%s", p.right, suggestion(p.right, names))
		}
	}
	q.plan.keyed, q.plan.key = true, j.pairs[0].column
	step := rowStep{expand: j.expand}
	in := c.scope
	var shown []column
	for _, name := range names {
		i, right := in.column()
		j.cols = append(j.cols, i)
		full := j.right + "." + name
		in.index[full] = i
		shown = append(shown, column{full, right})
	}
	c.addRowStep(step)
	for i, name := range names {
		left, right := in.resolve(name), shown[i].x
		in.names[shown[i].name], in.names[name] = right, right
		if left != nil {
			in.names[name] = either(left, right)
		}
	}
	in.left, in.right = j.left, j.right
	c.showAlso(shown...)
	return nil
}

// showAlso adds columns to those shown if nothing is chosen after.
func (c *compiler) showAlso(list ...column) {
	if c.chosen != nil {
		c.choose(list...)
		return
	}
	c.defaults = append(slices.Clone(c.defaults), list...)
}

// either is left, or right where there is no left.
func either(left, right expr) expr {
	return func(e *env) value {
		if v := left(e); v.kind != missing {
			return v
		}
		return right(e)
	}
}

func (j *join) expand(e *env, each func()) {
	found := e.opt.run.subs[j.sub].Load()
	if found == nil {
		return
	}
	keys := make([]value, len(j.pairs))
	for i, p := range j.pairs {
		keys[i] = p.left(e)
	}
	partners := 0
	for _, row := range found.index.find(keys[0]) {
		if !j.agrees(keys, found.rows[row]) {
			continue
		}
		partners++
		for i, col := range j.cols {
			e.cols[col] = found.rows[row][i]
		}
		e.gen++
		each()
	}
	for _, col := range j.cols {
		e.cols[col] = value{}
	}
	if partners == 0 && j.outer {
		each()
	}
}

func (j *join) agrees(keys, row []value) bool {
	for i := 1; i < len(keys); i++ {
		if !equal(keys[i], row[j.pairs[i].column]) {
			return false
		}
	}
	return true
}
