package jsonscan

// Reader reads a JSON text from front to back, each byte once, and checks it on
// the way as [Valid] does: for those who look at much of a text, where looking
// for members by a [Scanner] goes over what is nested again at each level.
//
// It stands at a value, which has to be taken by exactly one of Object, Array,
// Text, Number, True or Skip. One that is not of the kind asked for is skipped:
//
//	r.Reset(doc)
//	for r.Object(); r.Member(); {
//		switch string(r.Key) {
//		case "name":
//			name = r.Text()
//		default:
//			r.Skip()
//		}
//	}
//	valid := r.Done()
//
// After a syntax error there are no more members, elements and values, and Done
// reports false, so that it is enough to look at that. The zero Reader reads
// nothing. A Reader is reused for the next text by Reset.
type Reader struct {
	// Key is the name of the member that Member moved to, with its escapes
	// resolved. It is valid until the next call of Member.
	Key []byte

	b      []byte
	i      int
	depth  int // of what is open
	state  state
	failed bool
	key    []byte // memory of a Key with escapes
	texts  []byte // memory of texts with escapes
}

// state is where a Reader stands in the object or array that is open.
type state uint8

const (
	inside  state = iota // behind a member or an element
	opened               // behind its opening bracket
	refused              // not in it: the value was another one, and skipped
)

// Reset makes r read b, which it borrows. What Text returned is no longer valid.
func (r *Reader) Reset(b []byte) {
	*r = Reader{b: b, i: skipSpace(b, 0), key: r.key, texts: r.texts[:0]}
}

// Done reports whether all of the text was read, and was valid.
func (r *Reader) Done() bool {
	return !r.failed && r.depth == 0 && skipSpace(r.b, r.i) == len(r.b)
}

// fail forgets the text, so that nothing more is found in it.
func (r *Reader) fail() { r.b, r.i, r.failed = nil, 0, true }

// Object steps into the object that r stands at, for Member to go through, and
// reports whether it is one. Member is to be called until it reports false in any
// case; of what is no object it finds nothing.
func (r *Reader) Object() bool { return r.open('{') }

// Array steps into the array that r stands at, for Element to go through, and
// reports whether it is one. Element is to be called until it reports false in any
// case; of what is no array it finds nothing.
func (r *Reader) Array() bool { return r.open('[') }

func (r *Reader) open(bracket byte) bool {
	if r.i >= len(r.b) || r.b[r.i] != bracket {
		r.Skip()
		r.state = refused
		return false
	}
	r.i++
	r.depth++
	r.state = opened
	return true
}

// Member moves to the next member of the object that is open: Key is its name, and
// r stands at its value. It reports false where there is none, and has left the
// object then.
func (r *Reader) Member() bool {
	if !r.more('}') {
		return false
	}
	if r.b[r.i] != '"' {
		r.fail()
		return false
	}
	end, escaped := validString(r.b, r.i)
	if end < 0 {
		r.fail()
		return false
	}
	r.Key = r.b[r.i+1 : end-1]
	if escaped {
		r.key = Unescape(r.key[:0], r.Key)
		r.Key = r.key
	}
	if r.i = colon(r.b, end); r.i < 0 {
		r.fail()
		return false
	}
	return true
}

// Element moves to the next element of the array that is open. It reports false
// where there is none, and has left the array then.
func (r *Reader) Element() bool { return r.more(']') }

// more moves to what comes next in what is open, or leaves it.
func (r *Reader) more(end byte) bool {
	was := r.state
	r.state = inside
	if was == refused {
		return false
	}
	i := skipSpace(r.b, r.i)
	if i < len(r.b) && r.b[i] == end {
		r.i = i + 1
		r.depth--
		return false
	}
	if was == inside {
		if i >= len(r.b) || r.b[i] != ',' {
			r.fail()
			return false
		}
		i = skipSpace(r.b, i+1)
	}
	if i >= len(r.b) || r.depth > maxDepth {
		r.fail()
		return false
	}
	r.i = i
	return true
}

// Text takes a string and returns what it spells, nil if the value is no string.
// It borrows the text that is read where it can, and r's memory where escapes had
// to be resolved: until the next Reset.
func (r *Reader) Text() []byte {
	if r.i >= len(r.b) || r.b[r.i] != '"' {
		r.Skip()
		return nil
	}
	end, escaped := validString(r.b, r.i)
	if end < 0 {
		r.fail()
		return nil
	}
	text := r.b[r.i+1 : end-1 : end-1]
	r.i = end
	if !escaped {
		return text
	}
	n := len(r.texts)
	r.texts = Unescape(r.texts, text)
	return r.texts[n:len(r.texts):len(r.texts)]
}

// Number takes a number and returns how it is written, nil if the value is none.
func (r *Reader) Number() []byte {
	if r.i >= len(r.b) || r.b[r.i] != '-' && (r.b[r.i] < '0' || r.b[r.i] > '9') {
		r.Skip()
		return nil
	}
	start := r.i
	if r.i = validNumber(r.b, r.i); r.i < 0 {
		r.fail()
		return nil
	}
	return r.b[start:r.i:r.i]
}

// True takes any value and reports whether it is true.
func (r *Reader) True() bool {
	is := r.i < len(r.b) && r.b[r.i] == 't'
	r.Skip()
	return is && !r.failed
}

// Skip takes any value.
func (r *Reader) Skip() {
	if r.i = validEnd(r.b, r.i, maxDepth-r.depth); r.i < 0 {
		r.fail()
	}
}
