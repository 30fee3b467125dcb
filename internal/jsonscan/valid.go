package jsonscan

// maxDepth is how deep the arrays and objects of valid text may nest.
const maxDepth = 512

// Valid reports whether b is one JSON value, by RFC 8259, of arrays and objects
// that nest 512 deep at most. It does not look at whether strings are UTF-8. It
// allocates nothing.
func Valid(b []byte) bool {
	var objects [maxDepth]bool // which of the containers that are open are objects
	depth := 0
	i := skipSpace(b, 0)
	for {
		if i >= len(b) {
			return false
		}
		c := b[i]
		if c == '{' || c == '[' {
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == c+2 { // the bracket that closes it
				i++
			} else {
				if depth == maxDepth {
					return false
				}
				objects[depth] = c == '{'
				depth++
				if i = begin(b, i, c == '{'); i < 0 {
					return false
				}
				continue
			}
		} else if i = scalarEnd(b, i); i < 0 {
			return false
		}
		if depth, i = closing(b, i, objects[:depth]); i < 0 {
			return false
		}
		if depth == 0 {
			return skipSpace(b, i) == len(b)
		}
		i = begin(b, skipSpace(b, i+1), objects[depth-1]) // after the comma
		if i < 0 {
			return false
		}
	}
}

// closing goes over the brackets that close what is open behind a value that ends
// at i. It returns how much stays open and, if anything does, where the comma is.
func closing(b []byte, i int, objects []bool) (depth, at int) {
	depth = len(objects)
	for depth > 0 {
		i = skipSpace(b, i)
		if i >= len(b) {
			return depth, -1
		}
		end := byte(']')
		if objects[depth-1] {
			end = '}'
		}
		switch b[i] {
		case ',':
			return depth, i
		case end:
			depth--
			i++
		default:
			return depth, -1
		}
	}
	return 0, i
}

// begin returns where the value begins whose place in a container is at i: behind
// the name, in an object.
func begin(b []byte, i int, object bool) int {
	if !object {
		return i
	}
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	if i = validString(b, i); i < 0 {
		return -1
	}
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return -1
	}
	return skipSpace(b, i+1)
}

// scalarEnd returns the index after the scalar that begins at i, or -1.
func scalarEnd(b []byte, i int) int {
	switch b[i] {
	case '"':
		return validString(b, i)
	case 't':
		return wordEnd(b, i, "true")
	case 'f':
		return wordEnd(b, i, "false")
	case 'n':
		return wordEnd(b, i, "null")
	}
	return validNumber(b, i)
}

func validString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < 0x20:
			return -1
		case c == '\\':
			if i = escapeEnd(b, i+1); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// escapeEnd returns the index of the last byte of the escape whose backslash is
// before i, or -1.
func escapeEnd(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for end := i + 4; i < end; {
			if i++; i >= len(b) || !isHex(b[i]) {
				return -1
			}
		}
		return i
	}
	return -1
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func validNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = digitsEnd(b, i)
	if i == start || b[start] == '0' && i > start+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digitsEnd(b, start); i == start {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digitsEnd(b, start); i == start {
			return -1
		}
	}
	return i
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
