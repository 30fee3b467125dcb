package filterexpr

import "strings"

// complex reads what follows service, edge, group.name or group.arn.
func (p *parser) complex(word string, t token) (cond, error) {
	switch word {
	case "service":
		return p.service()
	case "edge":
		return p.edge()
	case "group.name", "group.arn":
		return p.groupRef(t, word == "group.arn")
	}
	return nil, p.fail(t.at, "unknown keyword %q", t.text)
}

func (p *parser) service() (cond, error) {
	match, err := p.serviceArg()
	if err != nil {
		return nil, err
	}
	inner, err := p.body()
	if err != nil {
		return nil, err
	}
	return func(_ *Item, t *Trace) bool {
		for n := range t.Segments {
			if s := &t.Segments[n]; match(s.ID) && inner(&s.Item, t) {
				return true
			}
		}
		return false
	}, nil
}

// serviceArg reads (), ("name") or (id(…)).
func (p *parser) serviceArg() (match func(ID) bool, err error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	match = func(ID) bool { return true }
	if !p.isMark(")") {
		if match, err = p.node(); err != nil {
			return nil, err
		}
	}
	return match, p.expect(")")
}

func (p *parser) edge() (cond, error) {
	from, to, err := p.edgeArgs()
	if err != nil {
		return nil, err
	}
	inner, err := p.body()
	if err != nil {
		return nil, err
	}
	return func(_ *Item, t *Trace) bool {
		for n := range t.Calls {
			if c := &t.Calls[n]; from(c.From) && to(c.To) && inner(&c.Item, t) {
				return true
			}
		}
		return false
	}, nil
}

// edgeArgs reads (node, node).
func (p *parser) edgeArgs() (from, to func(ID) bool, err error) {
	if err := p.expect("("); err != nil {
		return nil, nil, err
	}
	if from, err = p.node(); err != nil {
		return nil, nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, nil, err
	}
	if to, err = p.node(); err != nil {
		return nil, nil, err
	}
	return from, to, p.expect(")")
}

// body reads an optional condition in braces.
func (p *parser) body() (cond, error) {
	if !p.isMark("{") {
		return func(*Item, *Trace) bool { return true }, nil
	}
	return p.enclosed("{", "}", scopeInner)
}

// node reads "name" or id(…).
func (p *parser) node() (func(ID) bool, error) {
	t := p.tok
	if t.kind == kindText {
		return func(id ID) bool { return id.Name == t.text }, p.advance()
	}
	if !p.isWord("id") {
		return nil, p.fail(t.at, "expected a service name in double quotes or id(), found %s", t)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.idArgs()
}

// idArgs reads (name: "…", type: "…", account.id: "…"), of which some may be
// missing.
func (p *parser) idArgs() (func(ID) bool, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	want := map[string]string{}
	for {
		if err := p.idArg(want); err != nil {
			return nil, err
		}
		more, err := p.accept(",")
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	return func(id ID) bool {
		have := map[string]string{"name": id.Name, "type": id.Type, "account.id": id.Account}
		for k, v := range want {
			if have[k] != v {
				return false
			}
		}
		return true
	}, p.expect(")")
}

func (p *parser) idArg(want map[string]string) error {
	t := p.tok
	key := strings.ToLower(t.text)
	if t.kind != kindWord || key != "name" && key != "type" && key != "account.id" {
		return p.fail(t.at, "id() takes name, type and account.id, found %s", t)
	}
	if _, again := want[key]; again {
		return p.fail(t.at, "id() has %s twice", t.text)
	}
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.expect(":"); err != nil {
		return err
	}
	if p.tok.kind != kindText {
		return p.fail(p.tok.at, "expected a string in double quotes, found %s", p.tok)
	}
	want[key] = p.tok.text
	return p.advance()
}

// groupRef reads = "…" or != "…" and takes the place of the group's expression.
func (p *parser) groupRef(key token, byARN bool) (cond, error) {
	op := p.tok
	if op.kind != kindOp || op.text != "=" && op.text != "!=" {
		return nil, p.fail(op.at, "%s needs = or !=, found %s", key.text, op)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind != kindText {
		return nil, p.fail(p.tok.at, "expected a string in double quotes, found %s", p.tok)
	}
	if p.group == nil {
		return nil, p.fail(key.at, "%s cannot be used here", key.text)
	}
	e, ok := p.group(p.tok.text, byARN)
	if !ok {
		return nil, p.fail(p.tok.at, "there is no group %q", p.tok.text)
	}
	want := op.text == "="
	return func(_ *Item, t *Trace) bool { return e.Match(t) == want }, p.advance()
}
