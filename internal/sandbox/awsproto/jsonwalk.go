package awsproto

// The part of jsonReader that goes through lists and maps.

func (r *jsonReader) enter(open byte, want string) error {
	k, err := r.peek()
	if err != nil {
		return err
	}
	if k == valueNone || r.data[r.pos] != open {
		return wrongType(k, want)
	}
	if r.depth++; r.depth > maxDepth {
		return errDepth
	}
	r.pos++
	r.started = false
	return nil
}

// more moves to the next element, or over the closing bracket.
func (r *jsonReader) more(end byte) (bool, error) {
	r.space()
	if r.pos >= len(r.data) {
		return false, errTruncated
	}
	if r.data[r.pos] == end {
		r.pos++
		r.depth--
		r.started = true
		return false, nil
	}
	if r.started {
		if r.data[r.pos] != ',' {
			return false, r.syntax()
		}
		r.pos++
		r.space()
	}
	r.started = true
	return true, nil
}

func (r *jsonReader) enterList() error        { return r.enter('[', "a list") }
func (r *jsonReader) moreList() (bool, error) { return r.more(']') }
func (r *jsonReader) enterMap() error         { return r.enter('{', "a structure") }

func (r *jsonReader) nextKey() ([]byte, bool, error) {
	ok, err := r.more('}')
	if err != nil || !ok {
		return nil, false, err
	}
	if r.pos >= len(r.data) || r.data[r.pos] != '"' {
		return nil, false, r.syntax()
	}
	key, err := r.raw()
	if err != nil {
		return nil, false, err
	}
	r.space()
	if r.pos >= len(r.data) || r.data[r.pos] != ':' {
		return nil, false, r.syntax()
	}
	r.pos++
	return key, true, nil
}

func (r *jsonReader) skip() error {
	k, err := r.peek()
	if err != nil {
		return err
	}
	switch k {
	case valueNull:
		return r.null()
	case valueBool:
		_, err = r.boolean()
	case valueNumber:
		_, _, err = r.number("a number")
	case valueString:
		_, err = r.raw()
	case valueList:
		return skipList(r)
	case valueMap:
		return skipMap(r)
	default:
		return errTruncated
	}
	return err
}

func skipList(r reader) error {
	if err := r.enterList(); err != nil {
		return err
	}
	for {
		ok, err := r.moreList()
		if err != nil || !ok {
			return err
		}
		if err := r.skip(); err != nil {
			return err
		}
	}
}

func skipMap(r reader) error {
	if err := r.enterMap(); err != nil {
		return err
	}
	for {
		_, ok, err := r.nextKey()
		if err != nil || !ok {
			return err
		}
		if err := r.skip(); err != nil {
			return err
		}
	}
}

func (r *jsonReader) end() error {
	r.space()
	if r.pos < len(r.data) {
		return errTrailing
	}
	return nil
}
