package xraydoc

import (
	"bytes"
	"slices"
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

// maxChain bounds the chain of one exception.
const maxChain = 8

// link is one exception of a chain, in which each was caused by the next. Its
// frames are those from one index to another. The first link is the exception
// itself, whose type and message the event has.
type link struct {
	kind, message []byte
	from, to      int
}

// chain is what was read of a stack.
type chain struct {
	frames []frame
	links  []link
	// whole says that the text holds nothing else.
	whole bool
}

func (c *chain) reset() { c.frames, c.links, c.whole = c.frames[:0], append(c.links[:0], link{}), true }

// last returns the link that frames are added to.
func (c *chain) last() *link { return &c.links[len(c.links)-1] }

func (c *chain) add(f frame) {
	c.frames = append(c.frames, f)
	c.last().to = len(c.frames)
}

// begin begins a link. It reports false if there are too many.
func (c *chain) begin(kind, message []byte) bool {
	if len(c.links) == maxChain {
		c.whole = false
		return false
	}
	c.links = append(c.links, link{kind: kind, message: message, from: len(c.frames), to: len(c.frames)})
	return true
}

// stack writes the frames of a link, the innermost first.
func (x *translation) stack(l link) {
	frames := x.d.chain.frames[l.from:l.to]
	if len(frames) == 0 {
		return
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
		x.d.chain.whole = false
	}
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

// parse reads the text of a stack, whose form is that of the language's runtime.
func (c *chain) parse(language string, text []byte) {
	c.reset()
	if language == "" && bytes.HasPrefix(text, []byte("goroutine ")) {
		language = "go"
	}
	switch language {
	case "go":
		c.goStack(text)
	case "java", "php": // OpenTelemetry's PHP writes Java's form
		c.javaStack(text)
	case "python":
		c.pythonStack(text)
	case "javascript", "nodejs", "webjs":
		c.scriptStack(text)
	case "dotnet":
		c.dotnetStack(text)
	}
	if len(c.frames) == 0 {
		c.reset()
		c.whole = len(text) == 0
	}
}

// goStack reads what runtime.Stack writes: after a heading a goroutine, a line
// with the function and its arguments, and one with a tab, file, colon and line
// number. Arguments are addresses and left out.
func (c *chain) goStack(text []byte) {
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
			c.add(frame{path: path, label: goFunction(function), line: number})
		}
		function = nil
	}
	c.whole = goroutines <= 1
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

// javaStack reads lines such as "at pkg.Class.method(File.java:42)", and those of
// the causes, each of which has a heading "Caused by: pkg.Type: message". A
// message may have several lines. What was suppressed is indented and is not
// read.
func (c *chain) javaStack(text []byte) {
	pos, heading, suppressed := 0, -1, false
	for line := range bytes.Lines(text) {
		at := pos
		pos += len(line)
		trimmed := bytes.TrimSpace(line)
		f, isFrame := javaFrame(trimmed)
		cause := bytes.HasPrefix(line, []byte(causedBy))
		if heading >= 0 && (isFrame || cause || bytes.HasPrefix(trimmed, []byte("... "))) {
			c.last().kind, c.last().message = typeAndMessage(text[heading:at])
			heading = -1
		}
		switch {
		case cause:
			if suppressed = false; !c.begin(nil, nil) {
				return
			}
			heading = at + len(causedBy)
		case bytes.HasPrefix(trimmed, []byte("Suppressed: ")):
			suppressed, c.whole = true, false
		case isFrame && !suppressed:
			c.add(f)
		}
	}
	if heading >= 0 {
		c.last().kind, c.last().message = typeAndMessage(text[heading:])
	}
}

const causedBy = "Caused by: "

func javaFrame(line []byte) (frame, bool) {
	call, ok := bytes.CutPrefix(line, []byte("at "))
	open := bytes.IndexByte(call, '(')
	if !ok || open <= 0 || call[len(call)-1] != ')' {
		return frame{}, false
	}
	f := frame{label: call[:open], path: call[open+1 : len(call)-1]}
	if path, number, ok := fileLine(f.path); ok {
		f.path, f.line = path, number
	}
	return f, true
}

// typeAndMessage divides "pkg.Type: message".
func typeAndMessage(s []byte) (kind, message []byte) {
	kind, message, _ = bytes.Cut(bytes.TrimSpace(s), []byte(": "))
	return kind, message
}

// pythonStack reads lines such as `File "main.py", line 10, in f`. Python puts
// the innermost call last, and the exception that was raised last at the end,
// behind those that it was raised from.
func (c *chain) pythonStack(text []byte) {
	ended := false // the line behind the frames, with type and message
	for line := range bytes.Lines(text) {
		indented := line[0] == ' '
		line = bytes.TrimSpace(line)
		switch rest, ok := bytes.CutPrefix(line, []byte(`File "`)); {
		case bytes.HasPrefix(line, []byte("Traceback (")):
			if len(c.frames) > 0 && !c.begin(nil, nil) {
				return
			}
			ended = false
		case ok:
			if f, ok := pythonFrame(rest); ok {
				c.add(f)
			}
		case !indented && !ended && len(line) > 0 && c.last().to > c.last().from:
			ended = true
			c.last().kind, c.last().message = typeAndMessage(line)
		}
	}
	c.whole = false // the lines of source between the frames have no place
	for _, l := range c.links {
		slices.Reverse(c.frames[l.from:l.to])
	}
	slices.Reverse(c.links)
}

func pythonFrame(rest []byte) (frame, bool) {
	path, rest, ok := bytes.Cut(rest, []byte(`", line `))
	number, label, _ := bytes.Cut(rest, []byte(", in "))
	n, err := strconv.ParseUint(string(number), 10, 31)
	return frame{path: path, label: label, line: int64(n)}, ok && err == nil
}

// scriptStack reads V8's lines, such as "at fn (/app/a.js:10:5)" or
// "at /app/a.js:10:5". The columns have no place.
func (c *chain) scriptStack(text []byte) {
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
		c.add(f)
	}
	c.whole = false
}

// dotnetStack reads lines such as "at Ns.Class.Method(String a) in C:\f.cs:line
// 42". The heading names the exceptions from the outer one inwards, with arrows
// between; the frames of an inner exception stand before those of the outer one.
func (c *chain) dotnetStack(text []byte) {
	var heading []byte
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		call, ok := bytes.CutPrefix(line, []byte("at "))
		switch {
		case bytes.HasPrefix(line, []byte("--- End of inner exception")):
			if !c.begin(nil, nil) {
				return
			}
		case ok && len(call) > 0:
			c.add(dotnetFrame(call))
		case len(c.frames) == 0:
			heading = append(append(heading, line...), ' ')
		}
	}
	slices.Reverse(c.links)
	names := bytes.Split(heading, []byte("---> "))
	if len(names) != len(c.links) {
		// Only the frames of the exception itself are known for what they are.
		c.links, c.whole = c.links[:1], len(c.links) == 1 && c.whole
		return
	}
	for i := range c.links {
		c.links[i].kind, c.links[i].message = typeAndMessage(names[i])
	}
}

func dotnetFrame(call []byte) frame {
	label, place, _ := bytes.Cut(call, []byte(" in "))
	path, number, _ := bytes.Cut(place, []byte(":line "))
	f := frame{label: label, path: path}
	if n, err := strconv.ParseUint(string(number), 10, 31); err == nil {
		f.line = int64(n)
	}
	return f
}
