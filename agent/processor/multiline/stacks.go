package multiline

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// mode is where in a report of a runtime the last line was.
type mode uint8

const (
	quiet        mode = iota
	goDump            // a panic or a dump of goroutines
	exception         // of the JVM or of .NET: frames and causes
	traceback         // of Python: frames, then the error
	tracebackEnd      // behind the error
	nodeThrow         // the place in the source that node shows first
	nodeStack         // behind the error
)

// begin makes line the first of an event.
func (r *Rule) begin(st *State, line []byte) {
	*st = State{open: true, severe: loglevel.Of(line) >= loglevel.Warn}
	switch {
	case r.golang && (has(line, "panic: ") || has(line, "fatal error: ") || isGoroutine(line) || has(line, "SIGQUIT: ")):
		st.mode = goDump
	case r.python && has(line, "Traceback (most recent call last)"):
		st.mode = traceback
	case r.java && has(line, "Exception in thread "), r.net && has(line, "Unhandled exception"):
		st.mode = exception
	case r.node && isPlace(line):
		st.mode = nodeThrow
	case r.node && isError(line):
		st.mode = nodeStack
	case (r.java || r.net) && isException(line):
		st.mode = exception
	}
}

// stack reports whether line goes on with an event that is open. All sets take
// indented lines: hardly anybody begins an event with white space.
func (r *Rule) stack(st *State, line []byte) bool {
	if len(line) == 0 || line[0] == ' ' || line[0] == '\t' {
		return true
	}
	return r.golang && st.dump(line) || r.java && st.java(line) || r.net && st.dotnet(line) ||
		r.python && st.traceback(line) || r.node && st.node(line)
}

// dump knows the lines of Go's panics: how goroutines and frames begin.
func (st *State) dump(line []byte) bool {
	if isGoroutine(line) {
		st.mode = goDump
		return true
	}
	if st.mode != goDump {
		return false
	}
	return has(line, "created by ") || has(line, "[signal ") || has(line, "exit status ") || has(line, "runtime stack:") ||
		has(line, "PC=0x") || has(line, "[originating from ") || isCall(line) || isRegister(line)
}

func isGoroutine(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("goroutine "))
	return ok && len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' && bytes.HasSuffix(rest, []byte("]:"))
}

// isCall reports whether line is a frame: main.(*T).Do(0xc000012345, 0x1).
func isCall(line []byte) bool {
	open := bytes.IndexByte(line, '(')
	if open <= 0 || line[len(line)-1] != ')' && !bytes.HasSuffix(line, []byte("...")) {
		return false
	}
	name := line[:open]
	return bytes.IndexByte(name, ' ') < 0 && (bytes.IndexByte(name, '.') > 0 || string(name) == "panic")
}

// isRegister reports whether line is "rax    0x1f".
func isRegister(line []byte) bool {
	name, rest, ok := bytes.Cut(line, []byte(" "))
	return ok && len(name) <= 6 && bytes.HasPrefix(bytes.TrimLeft(rest, " "), []byte("0x"))
}

// java knows the lines of the JVM's traces that are not indented.
func (st *State) java(line []byte) bool {
	if has(line, "Caused by: ") || has(line, "Suppressed: ") {
		st.mode = exception
		return true
	}
	return st.cause(line)
}

// cause takes an exception as the cause of the trouble that was reported in the
// line before it.
func (st *State) cause(line []byte) bool {
	if st.mode == exception || !st.severe || !isException(line) {
		return false
	}
	st.mode = exception
	return true
}

func (st *State) dotnet(line []byte) bool {
	return st.mode == exception && (has(line, "--- End of ") || has(line, "---> ")) || st.cause(line)
}

// isException reports whether line is an exception's name, and perhaps its
// message: org.example.SomeException: boom.
func isException(line []byte) bool {
	name := line
	if i := bytes.IndexAny(line, ": "); i >= 0 {
		if line[i] == ' ' {
			return false
		}
		name = line[:i]
	}
	dot := bytes.LastIndexByte(name, '.')
	if dot <= 0 || dot+1 == len(name) || name[dot+1] < 'A' || name[dot+1] > 'Z' {
		return false
	}
	for _, c := range name {
		if c != '.' && c != '_' && c != '$' && !letter(c) && (c < '0' || c > '9') {
			return false
		}
	}
	for _, part := range [...]string{"Exception", "Error", "Throwable", "Failure"} {
		if bytes.Contains(name[dot:], []byte(part)) {
			return true
		}
	}
	return false
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// traceback knows the lines of Python's traces: frames are indented, the error
// is the first line that is not, and another trace may follow it.
func (st *State) traceback(line []byte) bool {
	switch {
	case st.mode == traceback:
		st.mode = tracebackEnd
		return true
	case has(line, "Traceback (most recent call last)"):
		if !st.severe || st.mode != quiet {
			return false
		}
		st.mode = traceback
		return true
	case st.mode == tracebackEnd && (has(line, "During handling of the above exception") ||
		has(line, "The above exception was the direct cause")):
		// As after a report of trouble, a trace may follow.
		st.mode, st.severe = quiet, true
		return true
	}
	return false
}

// node knows the lines of Node's traces that are not indented.
func (st *State) node(line []byte) bool {
	switch {
	case isError(line) && (st.mode == nodeThrow || st.severe && st.mode == quiet):
		st.mode = nodeStack
		return true
	case st.mode == nodeThrow:
		return true // the line of the source that threw
	case st.mode == nodeStack:
		return has(line, "Node.js v") || string(line) == "}" || has(line, "} [") || has(line, "Caused by: ")
	}
	return false
}

// isError reports whether line is "TypeError: x" or "Error [ERR_CODE]: x".
func isError(line []byte) bool {
	name, _, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		name = line
	}
	if has(name, "Uncaught ") {
		name = name[len("Uncaught "):]
	}
	if i := bytes.Index(name, []byte(" [")); i > 0 && name[len(name)-1] == ']' {
		name = name[:i]
	}
	if !bytes.HasSuffix(name, []byte("Error")) || name[0] < 'A' || name[0] > 'Z' {
		return false
	}
	for _, c := range name {
		if !letter(c) {
			return false
		}
	}
	return true
}

// isPlace reports whether line is the place in a source that node shows before
// it dies: /app/server.js:12 or node:internal/x:34.
func isPlace(line []byte) bool {
	if !has(line, "/") && !has(line, "file://") && !has(line, "node:") || bytes.IndexByte(line, ' ') >= 0 {
		return false
	}
	i := bytes.LastIndexByte(line, ':')
	if i < 0 || i+1 == len(line) {
		return false
	}
	for _, c := range line[i+1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func has(line []byte, prefix string) bool {
	return len(line) >= len(prefix) && string(line[:len(prefix)]) == prefix
}
