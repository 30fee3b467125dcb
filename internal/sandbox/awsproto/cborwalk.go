package awsproto

import "errors"

// The part of cborReader that goes through lists and maps.

func (r *cborReader) enter(kind valueKind, name string) error {
	if err := r.want(kind, name); err != nil {
		return err
	}
	_, info, n, err := r.head()
	if err != nil {
		return err
	}
	if len(r.left) >= maxDepth {
		return errDepth
	}
	if info == infoIndefinite {
		r.left = append(r.left, -1)
		return nil
	}
	// Every element takes a byte at least.
	if n > uint64(len(r.data)-r.pos) {
		return errTruncated
	}
	r.left = append(r.left, int64(n))
	return nil
}

func (r *cborReader) more() (bool, error) {
	top := len(r.left) - 1
	switch left := r.left[top]; {
	case left > 0:
		r.left[top]--
		return true, nil
	case left == 0:
		r.left = r.left[:top]
		return false, nil
	}
	if r.pos >= len(r.data) {
		return false, errTruncated
	}
	if r.data[r.pos] != cborBreak {
		return true, nil
	}
	r.pos++
	r.left = r.left[:top]
	return false, nil
}

func (r *cborReader) enterList() error        { return r.enter(valueList, "a list") }
func (r *cborReader) moreList() (bool, error) { return r.more() }
func (r *cborReader) enterMap() error         { return r.enter(valueMap, "a structure") }

func (r *cborReader) nextKey() ([]byte, bool, error) {
	ok, err := r.more()
	if err != nil || !ok {
		return nil, false, err
	}
	key, err := r.bytesOf(majorText, "a member's name")
	return key, err == nil, err
}

func (r *cborReader) skip() error {
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
		_, _, _, err = r.head()
	case valueString:
		_, err = r.bytesOf(majorText, "a string")
	case valueBytes:
		_, err = r.bytesOf(majorBytes, "a byte string")
	case valueTime:
		return r.skipTagged()
	case valueList:
		return skipList(r)
	case valueMap:
		return skipMap(r)
	default:
		return errTruncated
	}
	return err
}

// skipTagged passes over tags and what they tag. Tags can be stacked without
// any nesting that the depth counts, so it is a loop.
func (r *cborReader) skipTagged() error {
	for {
		if _, _, _, err := r.head(); err != nil {
			return err
		}
		k, err := r.peek()
		if err != nil {
			return err
		}
		if k != valueTime {
			return r.skip()
		}
	}
}

func (r *cborReader) end() error {
	if len(r.left) > 0 {
		return errors.New("BUG: document is not closed")
	}
	if r.pos < len(r.data) {
		return errTrailing
	}
	return nil
}
