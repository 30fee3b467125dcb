package insights

import (
	"slices"
	"strings"
)

// command is one command of the language.
type command struct {
	name    string // in lower case
	compile func(*compiler) error
}

// commandList returns what the language has.
func commandList() []command {
	return []command{
		{"fields", (*compiler).fieldsCommand},
		{"display", (*compiler).displayCommand},
		{"filter", (*compiler).filterCommand},
		{"where", (*compiler).filterCommand},
		{"filterindex", (*compiler).filterCommand},
		{"stats", (*compiler).statsCommand},
		{"sort", (*compiler).sortCommand},
		{"limit", (*compiler).limitCommand},
		{"parse", (*compiler).parseCommand},
		{"dedup", (*compiler).dedupCommand},
		{"unnest", (*compiler).unnestCommand},
		{"pattern", (*compiler).patternCommand},
		{"fillmissing", (*compiler).fillMissingCommand},
		{"filldown", (*compiler).filldownCommand},
		{"addtotals", (*compiler).addTotalsCommand},
		{"accum", (*compiler).accumCommand},
		{"autoregress", (*compiler).autoregressCommand},
		{"source", (*compiler).sourceCommand},
		{"join", (*compiler).joinCommand},
		{"lookup", (*compiler).lookupCommand},
		{"cidrlookup", (*compiler).cidrLookupCommand},
		{"diff", (*compiler).diffCommand},
		{"logcompare", (*compiler).logcompareCommand},
		{"anomaly", (*compiler).anomalyCommand},
		{"appendcols", (*compiler).appendColsCommand},
		{"countfrequent", (*compiler).countFrequentCommand},
		{"count_frequent", (*compiler).countFrequentCommand},
		{"expand", (*compiler).expandCommand},
		{"json", (*compiler).jsonCommand},
		{"outlier", (*compiler).outlierCommand},
		{"relevantfields", (*compiler).relevantFieldsCommand},
		{"sessionize", (*compiler).sessionizeCommand},
	}
}

// isUnsupported reports whether name is a command of the service that this
// package refuses: the columns of its answer are not published.
func isUnsupported(name string) bool { return name == "estimate" }

// query compiles all commands.
func (c *compiler) query() error {
	c.take("|")
	for {
		if err := c.command(); err != nil {
			return err
		}
		c.space()
		switch {
		case c.inner && c.peek(")"), c.end():
			return nil
		case !c.take("|"):
			return c.expected("| or the end of the query")
		}
	}
}

func (c *compiler) command() error {
	c.space()
	start := c.i
	word := c.word()
	if word == "" {
		return c.expected("a command")
	}
	c.i += len(word)
	name := strings.ToLower(word)
	list := commandList()
	for _, cmd := range list {
		if cmd.name == name {
			c.commandStart, c.commandEnd = start, c.i
			c.commandCount++
			if c.deduped && name != "limit" {
				return c.refuse("only limit may follow dedup")
			}
			c.noteStandard(name)
			return cmd.compile(c)
		}
	}
	if isUnsupported(name) {
		return c.errorAt(start, c.i, "the command %s is not supported", word)
	}
	var names []string
	for _, cmd := range list {
		names = append(names, cmd.name)
	}
	return c.errorAt(start, c.i, "unknown command %q%s", word, suggestion(name, names))
}

// refuse is the error of a command in the wrong place.
func (c *compiler) refuse(format string, args ...any) error {
	return c.errorAt(c.commandStart, c.commandEnd, format, args...)
}

// column is one column of the result.
type column struct {
	name string
	x    expr
}

// columnList reads expressions with names, separated by commas. Each name is
// known to the expressions after it.
func (c *compiler) columnList() ([]column, error) {
	var list []column
	for {
		n, err := c.expression()
		if err != nil {
			return nil, err
		}
		col, err := c.column(n)
		if err != nil {
			return nil, err
		}
		list = append(list, col)
		if !c.take(",") {
			return list, nil
		}
	}
}

// column compiles n and the name that may follow it.
func (c *compiler) column(n *node) (column, error) {
	x, err := c.expr(n)
	if err != nil {
		return column{}, err
	}
	name := c.text[n.start:n.end]
	if n.op == opField {
		name = n.name
	}
	if !c.takeWord("as") {
		return column{name, x}, nil
	}
	if name, err = c.newName(); err != nil {
		return column{}, err
	}
	if n.op != opField {
		x = c.scope.remembered(x)
	}
	c.scope.names[name] = x
	return column{name, x}, nil
}

// newName reads the name after as.
func (c *compiler) newName() (string, error) {
	if !c.atField() {
		return "", c.expected("a name")
	}
	return c.parser.field()
}

func (c *compiler) fieldsCommand() error {
	list, err := c.columnList()
	if err != nil {
		return err
	}
	c.choose(list...)
	return nil
}

// choose adds columns to those shown. Of columns with one name the last counts,
// in the place of the first.
func (c *compiler) choose(list ...column) {
	c.chosen = slices.Clone(c.chosen)
	for _, col := range list {
		if i := slices.IndexFunc(c.chosen, func(old column) bool { return old.name == col.name }); i >= 0 {
			c.chosen[i] = col
			continue
		}
		c.chosen = append(c.chosen, col)
	}
}

func (c *compiler) displayCommand() error {
	list, err := c.columnList()
	if err != nil {
		return err
	}
	c.displayed = list
	return nil
}

func (c *compiler) filterCommand() error {
	n, err := c.expression()
	if err != nil {
		return err
	}
	test, err := c.cond(n)
	if err != nil {
		return err
	}
	if !c.barrier() || c.onlySorted() {
		c.needles = append(c.needles, c.needlesOf(n)...)
	}
	c.addRowStep(rowStep{test: test})
	return nil
}

// needlesOf returns literals that a row's message must contain for n to hold.
func (c *compiler) needlesOf(n *node) [][]byte {
	if !c.scope.events {
		return nil
	}
	switch n.op {
	case opAnd:
		return append(c.needlesOf(n.args[0]), c.needlesOf(n.args[1])...)
	case opLike:
		message := n.args[0].op == opField && n.args[0].name == "@message" && c.scope.names["@message"] == nil
		if lit := n.re.literal(); message && n.num == 0 && len(lit) > 0 {
			return [][]byte{lit}
		}
	}
	return nil
}

func (c *compiler) sortCommand() error {
	var keys []orderKey
	for {
		_, x, err := c.operand()
		if err != nil {
			return err
		}
		descending := c.takeWord("desc")
		if !descending {
			c.takeWord("asc")
		}
		keys = append(keys, orderKey{x, descending})
		if !c.take(",") {
			c.addBarrier(&sortStep{c.scope, keys})
			return nil
		}
	}
}

// maxLimit is the most rows a query can ask for (user guide, "limit").
const maxLimit = 100_000

func (c *compiler) limitCommand() error {
	anyRows := c.takeWord("any")
	n, err := c.wholeNumber(maxLimit, "after limit")
	if err != nil {
		return err
	}
	c.addBarrier(&limitStep{n: n, any: anyRows})
	return nil
}

func (c *compiler) dedupCommand() error {
	keys, err := c.operands()
	if err != nil {
		return err
	}
	c.addBarrier(&dedupStep{c.scope, keys})
	return nil
}

// operands reads expressions separated by commas.
func (c *compiler) operands() ([]expr, error) {
	var list []expr
	for {
		_, x, err := c.operand()
		if err != nil {
			return nil, err
		}
		list = append(list, x)
		if !c.take(",") {
			return list, nil
		}
	}
}

// operand reads an expression and compiles it.
func (c *compiler) operand() (*node, expr, error) {
	n, err := c.expression()
	if err != nil {
		return nil, nil, err
	}
	x, err := c.expr(n)
	return n, x, err
}

func (c *compiler) unnestCommand() error {
	n, err := c.expression()
	if err != nil {
		return err
	}
	x, err := c.expr(n)
	if err != nil {
		return err
	}
	if !c.takeWord("into") {
		return c.expected("into and a name")
	}
	name, err := c.newName()
	if err != nil {
		return err
	}
	i, item := c.scope.column()
	c.scope.names[name] = item
	c.addRowStep(rowStep{expand: unnest(x, i)})
	return nil
}
