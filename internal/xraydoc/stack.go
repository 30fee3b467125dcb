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

// stack writes an exception's frames, and reports whether the text was
// understood. The form of the text is that of the language's runtime.
func (w *writer) stack(language, text []byte) bool {
	isGo := string(language) == "go" || len(language) == 0 && bytes.HasPrefix(text, []byte("goroutine "))
	if !isGo {
		return false
	}
	start := len(w.dst)
	w.name("stack")
	w.dst = append(w.dst, '[')
	n := 0
	goFrames(text, func(f frame) {
		if n++; n <= maxFrames {
			w.frame(f)
		}
	})
	if n == 0 {
		w.dst = w.dst[:start]
		return false
	}
	w.dst = append(w.dst, ']')
	if n > maxFrames {
		w.number("truncated", int64(n-maxFrames))
	}
	return true
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

// goFrames calls f with each frame of the text that runtime.Stack makes: a line
// with the function and its arguments, and a line with a tab, file, colon and
// line number, after a heading a goroutine.
func goFrames(text []byte, f func(frame)) {
	var function []byte
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		place, indented := bytes.CutPrefix(line, []byte{'\t'})
		if !indented {
			function = line
			continue
		}
		if len(function) == 0 {
			continue
		}
		if fr, ok := goFrame(function, place); ok {
			f(fr)
		}
		function = nil
	}
}

func goFrame(function, place []byte) (frame, bool) {
	place, _, _ = bytes.Cut(place, []byte(" +0x"))
	colon := bytes.LastIndexByte(place, ':')
	if colon < 0 {
		return frame{}, false
	}
	line, err := strconv.ParseUint(string(place[colon+1:]), 10, 31)
	if err != nil {
		return frame{}, false
	}
	label := bytes.TrimPrefix(function, []byte("created by "))
	if at := bytes.Index(label, []byte(" in goroutine ")); at >= 0 {
		label = label[:at]
	}
	if label[len(label)-1:][0] == ')' {
		if open := bytes.LastIndexByte(label, '('); open > 0 {
			label = label[:open]
		}
	}
	return frame{path: place[:colon], label: label, line: int64(line)}, true
}
