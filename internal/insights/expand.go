package insights

import "github.com/sidelight-dev/sidelight/internal/jsonscan"

// expandCommand compiles expand f: a row for every element of the JSON list that
// f is or spells, with the element in f's place (user guide, "expand"). As with
// unnest, anything else counts as a list of itself and an empty list has no
// rows.
func (c *compiler) expandCommand() error {
	name, x, err := c.wholeField()
	if err != nil {
		return err
	}
	i, item := c.scope.column()
	c.scope.names[name], c.scope.index[name] = item, i
	for _, col := range c.shownSoFar() {
		if col.name == name {
			c.chooseAlso(column{name, item})
		}
	}
	list := func(e *env) value {
		v := x(e)
		if l := e.array(v); l.Kind == jsonscan.Array {
			return value{kind: structure, b: l.Raw}
		}
		return v
	}
	c.addRowStep(rowStep{expand: unnest(list, i)})
	return nil
}

// jsonCommand compiles json field=f "key.subkey" as name: what lies at a path
// below a field that is or spells a JSON object (user guide, "parse", "JSON
// field extraction").
func (c *compiler) jsonCommand() error {
	if set, ok := c.option("field"); !ok || set != "field" {
		return c.expected("field=name")
	}
	_, x, err := c.wholeField()
	if err != nil {
		return err
	}
	if !c.peek(`"`) && !c.peek(`'`) {
		return c.expected("a path in quotes")
	}
	path, err := c.str()
	if err != nil {
		return err
	}
	if !c.takeWord("as") {
		return c.expected("as and a name")
	}
	name, err := c.newName()
	if err != nil {
		return err
	}
	c.scope.names[name] = c.scope.remembered(func(e *env) value {
		v := x(e)
		if v.kind == text {
			v.kind = structure
		}
		if v.kind != structure {
			return value{}
		}
		return e.jsonValue(valueAt(jsonscan.Document(v.b), path))
	})
	c.showParsed([]string{name})
	return nil
}

// wholeField reads the name of a field, which unlike elsewhere may be an object
// or a list of the message.
func (c *compiler) wholeField() (string, expr, error) {
	if !c.atField() {
		return "", nil, c.expected("a field")
	}
	start := c.i
	name, err := c.parser.field()
	if err != nil {
		return "", nil, err
	}
	x, err := c.named(name, start, c.i)
	if err != nil || !c.isDiscovered(&node{op: opField, name: name}) {
		return name, x, err
	}
	return name, func(e *env) value {
		if v := x(e); v.kind != missing {
			return v
		}
		return e.jsonValue(valueAt(eventObject(e.row), name))
	}, nil
}
