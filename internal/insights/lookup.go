package insights

import (
	"fmt"
	"net/netip"
	"slices"
)

// Table is a lookup table: the header of its CSV and the rows after it.
type Table struct {
	Columns []string
	Rows    [][]string
}

// lookup is a lookup or cidrlookup command.
type lookup struct {
	table, key string
	outputs    []string // columns of the table
	network    bool     // cidrlookup
	onlyNew    bool     // OUTPUTNEW: fields that are there stay
	field      expr
	cols       []int
	// Where the table and its columns are named, for errors.
	tableAt [2]int
	keyAt   [2]int
	outAt   [][2]int
	text    string
}

func (c *compiler) lookupCommand() error     { return c.lookup(false) }
func (c *compiler) cidrLookupCommand() error { return c.lookup(true) }

// lookup compiles
//
//	lookup table key as field OUTPUT|OUTPUTNEW a [as x], b
//	cidrlookup table field [as key] OUTPUT|OUTPUTNEW a [as x], b
//
// OUTPUTNEW keeps what a field has already. Without a key, cidrlookup goes by the
// first column of the table in which there is a network.
func (c *compiler) lookup(network bool) error {
	l := &lookup{network: network, text: c.text}
	var err error
	if l.table, l.tableAt, err = c.tableName(); err != nil {
		return err
	}
	if network {
		err = c.cidrKeys(l)
	} else {
		err = c.lookupKeys(l)
	}
	if err != nil {
		return err
	}
	switch {
	case c.takeWord("outputnew"):
		l.onlyNew = true
	case !c.takeWord("output"):
		return c.expected("OUTPUT and columns of the table")
	}
	return c.lookupOutputs(l)
}

// lookupKeys reads key as field.
func (c *compiler) lookupKeys(l *lookup) (err error) {
	if l.key, l.keyAt, err = c.tableName(); err != nil {
		return err
	}
	if !c.takeWord("as") {
		return c.expected("as and the field to look up")
	}
	return c.lookupField(l)
}

// cidrKeys reads field [as key].
func (c *compiler) cidrKeys(l *lookup) (err error) {
	if err = c.lookupField(l); err == nil && c.takeWord("as") {
		l.key, l.keyAt, err = c.tableName()
	}
	return err
}

func (c *compiler) lookupField(l *lookup) error {
	if !c.atField() {
		return c.expected("a field")
	}
	start := c.i
	name, err := c.parser.field()
	if err == nil {
		l.field, err = c.named(name, start, c.i)
	}
	return err
}

func (c *compiler) tableName() (string, [2]int, error) {
	if !c.atField() {
		return "", [2]int{}, c.expected("a name")
	}
	start := c.i
	name, err := c.parser.field()
	return name, [2]int{start, c.i}, err
}

func (c *compiler) lookupOutputs(l *lookup) error {
	in := c.scope
	c.addRowStep(rowStep{expand: l.expander(len(c.lookups))})
	var shown []column
	for {
		name, at, err := c.tableName()
		if err != nil {
			return err
		}
		l.outputs, l.outAt = append(l.outputs, name), append(l.outAt, at)
		if c.takeWord("as") {
			if name, err = c.newName(); err != nil {
				return err
			}
		}
		i, x := in.column()
		l.cols = append(l.cols, i)
		if old := in.resolve(name); old != nil && l.onlyNew {
			x = either(old, x)
		}
		in.names[name], in.index[name] = x, i
		shown = append(shown, column{name, x})
		if !c.take(",") {
			break
		}
	}
	c.lookups = append(c.lookups, l)
	c.showAlso(shown...)
	return nil
}

// expander returns what sets the columns of a row from the table of the
// command with this number.
func (l *lookup) expander(number int) func(e *env, each func()) {
	return func(e *env, each func()) {
		defer func() {
			for _, col := range l.cols {
				e.cols[col] = value{}
			}
		}()
		table := e.opt.run.tables[number]
		if row := table.find(e, l.field(e)); row >= 0 {
			for i, col := range l.cols {
				if cell := table.rows[row][table.outputs[i]]; cell != "" {
					e.cols[col] = textValue([]byte(cell))
				}
			}
		}
		e.gen++
		each()
	}
}

// Tables returns the names of the lookup tables that the query reads.
func (q *Query) Tables() []string {
	var names []string
	for _, l := range q.plan.lookups {
		names = append(names, l.table)
	}
	for _, sub := range q.plan.subs {
		names = append(names, sub.Tables()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// CheckTables returns a *SyntaxError if a lookup table or one of its columns is
// not there.
func (q *Query) CheckTables(tables map[string]*Table) error {
	for _, l := range q.plan.lookups {
		if _, err := l.open(tables); err != nil {
			return err
		}
	}
	for _, sub := range q.plan.subs {
		if err := sub.CheckTables(tables); err != nil {
			return err
		}
	}
	return nil
}

// tableIndex is a table prepared for one command.
type tableIndex struct {
	rows    [][]string
	outputs []int
	index   *valueIndex
	nets    map[netip.Prefix]int // of cidrlookup
	bits    []int                // lengths of prefixes, the longest first
}

func (l *lookup) open(tables map[string]*Table) (*tableIndex, error) {
	t := tables[l.table]
	if t == nil {
		return nil, errorAt(l.text, l.tableAt[0], l.tableAt[1], "there is no lookup table %q", l.table)
	}
	column := func(name string, at [2]int) (int, error) {
		i := slices.Index(t.Columns, name)
		if i < 0 {
			return 0, errorAt(l.text, at[0], at[1], "the lookup table has no column %q%s", name, suggestion(name, slices.Clone(t.Columns)))
		}
		return i, nil
	}
	if l.key == "" {
		key, ok := t.networks()
		if !ok {
			return nil, errorAt(l.text, l.tableAt[0], l.tableAt[1], "no column of lookup table %q has networks such as 10.0.0.0/8", l.table)
		}
		return l.index(t, key, column)
	}
	key, err := column(l.key, l.keyAt)
	if err != nil {
		return nil, err
	}
	return l.index(t, key, column)
}

// networks returns the first column with a network.
func (t *Table) networks() (int, bool) {
	for i := range t.Columns {
		for _, row := range t.Rows {
			if i < len(row) {
				if _, err := netip.ParsePrefix(row[i]); err == nil {
					return i, true
				}
			}
		}
	}
	return 0, false
}

// index finds the rows of t by their column key.
func (l *lookup) index(t *Table, key int, column func(name string, at [2]int) (int, error)) (*tableIndex, error) {
	out := &tableIndex{rows: t.Rows, index: newValueIndex(), nets: map[netip.Prefix]int{}}
	for i, name := range l.outputs {
		col, err := column(name, l.outAt[i])
		if err != nil {
			return nil, err
		}
		out.outputs = append(out.outputs, col)
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return nil, errorAt(l.text, l.tableAt[0], l.tableAt[1], "row %d of the lookup table has %d cells, its header %d", i+1, len(row), len(t.Columns))
		}
		out.add(i, row[key], l.network)
	}
	slices.Sort(out.bits)
	slices.Reverse(out.bits)
	return out, nil
}

// add puts in a row. What is no network matches nothing in cidrlookup.
func (t *tableIndex) add(row int, key string, network bool) {
	if !network {
		t.index.add(textValue([]byte(key)))
		return
	}
	net, err := netip.ParsePrefix(key)
	if err != nil {
		return
	}
	if _, there := t.nets[net.Masked()]; !there {
		t.nets[net.Masked()] = row
	}
	if !slices.Contains(t.bits, net.Bits()) {
		t.bits = append(t.bits, net.Bits())
	}
}

// find returns the first row with v, or that of the narrowest network around
// it, or -1.
func (t *tableIndex) find(e *env, v value) int {
	if len(t.nets) == 0 {
		if found := t.index.find(v); len(found) > 0 {
			return found[0]
		}
		return -1
	}
	a, ok := e.address(v)
	if !ok {
		return -1
	}
	for _, bits := range t.bits {
		net, err := a.Prefix(bits)
		if row, there := t.nets[net]; err == nil && there {
			return row
		}
	}
	return -1
}

// prepareTables opens the lookup tables of the query.
func (x *Execution) prepareTables(q *Query, opt Options) {
	for _, l := range q.plan.lookups {
		t, err := l.open(opt.Tables)
		if err != nil && x.err == nil {
			x.err = fmt.Errorf("prepare query: %w", err)
		}
		x.opt.run.tables = append(x.opt.run.tables, t)
	}
}
