package filterexpr

// Selector chooses nodes and edges of a service graph, as
// GetTimeSeriesServiceStatistics takes them.
type Selector struct {
	nodes []func(ID) bool
	edges [][2]func(ID) bool
}

// ParseSelector reads id(…), service(…) or edge(…, …), or several joined by OR.
// The error is an *Error.
func ParseSelector(src string) (*Selector, error) {
	p := &parser{lexer: lexer{src: src}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	s := new(Selector)
	for {
		if err := p.selectOne(s); err != nil {
			return nil, err
		}
		if !p.isWord("OR") {
			break
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if p.tok.kind != kindEnd {
		return nil, p.fail(p.tok.at, "unexpected %s", p.tok)
	}
	return s, nil
}

func (p *parser) selectOne(s *Selector) error {
	t := p.tok
	switch {
	case p.isWord("id"):
		match, err := p.node()
		s.nodes = append(s.nodes, match)
		return err
	case p.isWord("service"):
		if err := p.advance(); err != nil {
			return err
		}
		match, err := p.serviceArg()
		s.nodes = append(s.nodes, match)
		return err
	case p.isWord("edge"):
		if err := p.advance(); err != nil {
			return err
		}
		from, to, err := p.edgeArgs()
		s.edges = append(s.edges, [2]func(ID) bool{from, to})
		return err
	}
	return p.fail(t.at, "expected id(), service() or edge(), found %s", t)
}

// Node reports whether the selector chooses the node.
func (s *Selector) Node(id ID) bool {
	for _, match := range s.nodes {
		if match(id) {
			return true
		}
	}
	return false
}

// Edge reports whether the selector chooses the edge.
func (s *Selector) Edge(from, to ID) bool {
	for _, match := range s.edges {
		if match[0](from) && match[1](to) {
			return true
		}
	}
	return false
}
