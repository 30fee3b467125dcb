package xraydoc

import (
	"bytes"
	"strconv"
)

// frame is one line of a stack.
type frame struct {
	path, label []byte
	line        int64
}

// maxFrames bounds the frames of one exception; X-Ray is told how many more
// there were.
const maxFrames = 64

// stack writes an exception's frames, the innermost first, and reports whether
// they say all that the text says. The form of the text is that of the
// language's runtime.
func (x *translation) stack(text []byte) bool {
	frames, whole := parseStack(x.d.frames[:0], string(x.r.language), text)
	x.d.frames = frames
	if len(frames) == 0 {
		return len(text) == 0
	}
	w := &x.w
	w.name("stack")
	w.dst = append(w.dst, '[')
	for i := range min(len(frames), maxFrames) {
		w.frame(frames[i])
	}
	w.dst = append(w.dst, ']')
	if more := len(frames) - maxFrames; more > 0 {
		w.number("truncated", int64(more))
		whole = false
	}
	return whole
}

func (w *writer) frame(f frame) {
	w.comma()
	w.dst = append(w.dst, '{')
	w.text("path", f.path)
	if f.line > 0 {
		w.number("line", f.line)
	}
	w.text("label", f.label)
	w.dst = append(w.dst, '}')
}

// parseStack appends the frames of the text to dst and reports whether nothing
// else is in it, such as the exception that caused this one.
func parseStack(dst []frame, language string, text []byte) ([]frame, bool) {
	if language == "" && bytes.HasPrefix(text, []byte("goroutine ")) {
		language = "go"
	}
	switch language {
	case "go":
		return goStack(dst, text)
	case "java", "php": // OpenTelemetry's PHP writes Java's form
		return javaStack(dst, text)
	case "python":
		return pythonStack(dst, text)
	case "javascript", "nodejs", "webjs":
		return scriptStack(dst, text)
	case "dotnet":
		return dotnetStack(dst, text)
	}
	return dst, false
}

// goStack reads what runtime.Stack writes: after a heading a goroutine, a line
// with the function and its arguments, and one with a tab, file, colon and line
// number. Arguments are addresses and left out.
func goStack(dst []frame, text []byte) ([]frame, bool) {
	var function []byte
	goroutines := 0
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		place, indented := bytes.CutPrefix(line, []byte{'\t'})
		if !indented {
			if bytes.HasPrefix(line, []byte("goroutine ")) {
				goroutines++
			}
			function = line
			continue
		}
		place, _, _ = bytes.Cut(place, []byte(" +0x"))
		if path, number, ok := fileLine(place); ok && len(function) > 0 {
			dst = append(dst, frame{path: path, label: goFunction(function), line: number})
		}
		function = nil
	}
	return dst, goroutines <= 1
}

func goFunction(s []byte) []byte {
	s = bytes.TrimPrefix(s, []byte("created by "))
	if at := bytes.Index(s, []byte(" in goroutine ")); at >= 0 {
		s = s[:at]
	}
	if open := bytes.LastIndexByte(s, '('); open > 0 && bytes.HasSuffix(s, []byte{')'}) {
		s = s[:open]
	}
	return s
}

// fileLine divides a path, a colon and a line number.
func fileLine(s []byte) (path []byte, line int64, ok bool) {
	colon := bytes.LastIndexByte(s, ':')
	if colon < 0 {
		return nil, 0, false
	}
	n, err := strconv.ParseUint(string(s[colon+1:]), 10, 31)
	return s[:colon], int64(n), err == nil
}

// javaStack reads lines such as "at pkg.Class.method(File.java:42)". It ends at
// the cause, whose frames are not this exception's.
func javaStack(dst []frame, text []byte) ([]frame, bool) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("Caused by: ")) || bytes.HasPrefix(line, []byte("Suppressed: ")) {
			return dst, false
		}
		call, ok := bytes.CutPrefix(line, []byte("at "))
		open := bytes.IndexByte(call, '(')
		if !ok || open <= 0 || call[len(call)-1] != ')' {
			continue
		}
		f := frame{label: call[:open], path: call[open+1 : len(call)-1]}
		if path, number, ok := fileLine(f.path); ok {
			f.path, f.line = path, number
		}
		dst = append(dst, f)
	}
	return dst, true
}

// pythonStack reads lines such as `File "main.py", line 10, in f`. Python puts
// the innermost call last, and the exception that was raised last at the end.
func pythonStack(dst []frame, text []byte) ([]frame, bool) {
	first := len(dst)
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("Traceback (")) {
			dst = dst[:first]
			continue
		}
		rest, ok := bytes.CutPrefix(line, []byte(`File "`))
		if !ok {
			continue
		}
		path, rest, ok := bytes.Cut(rest, []byte(`", line `))
		if !ok {
			continue
		}
		number, label, _ := bytes.Cut(rest, []byte(", in "))
		n, err := strconv.ParseUint(string(number), 10, 31)
		if err == nil {
			dst = append(dst, frame{path: path, label: label, line: int64(n)})
		}
	}
	for i, j := first, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst, false // the lines of source between the frames have no place
}

// scriptStack reads V8's lines, such as "at fn (/app/a.js:10:5)" or
// "at /app/a.js:10:5". The columns have no place.
func scriptStack(dst []frame, text []byte) ([]frame, bool) {
	for line := range bytes.Lines(text) {
		call, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("at "))
		if !ok {
			continue
		}
		f := frame{path: call}
		if open := bytes.LastIndex(call, []byte(" (")); open > 0 && call[len(call)-1] == ')' {
			f.label, f.path = call[:open], call[open+2:len(call)-1]
		}
		if path, number, ok := fileLine(f.path); ok {
			f.path, f.line = path, number
			if path, number, ok := fileLine(path); ok { // the first was the column
				f.path, f.line = path, number
			}
		}
		dst = append(dst, f)
	}
	return dst, false
}

// dotnetStack reads lines such as "at Ns.Class.Method(String a) in C:\f.cs:line
// 42". Frames of an inner exception stand before those of the outer one.
func dotnetStack(dst []frame, text []byte) ([]frame, bool) {
	first, whole := len(dst), true
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("--- End of inner exception")) {
			dst, whole = dst[:first], false
			continue
		}
		call, ok := bytes.CutPrefix(line, []byte("at "))
		if !ok || len(call) == 0 {
			continue
		}
		label, place, _ := bytes.Cut(call, []byte(" in "))
		path, number, _ := bytes.Cut(place, []byte(":line "))
		f := frame{label: label, path: path}
		if n, err := strconv.ParseUint(string(number), 10, 31); err == nil {
			f.line = int64(n)
		}
		dst = append(dst, f)
	}
	return dst, whole
}
