//go:build !agentonly

package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/sidelight-dev/sidelight/internal/render"
)

// progress is a line on the talk stream that is written over: nothing unless it
// goes to a terminal, and never with --quiet or in CI.
type progress struct {
	w     io.Writer
	width int
	shown bool
}

func (a *app) progress() *progress {
	p := &progress{w: io.Discard}
	if f, ok := a.talk.(*os.File); ok && !a.quiet && !inCI() && term.IsTerminal(int(f.Fd())) {
		p.w, p.width = f, 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			p.width = w
		}
	}
	return p
}

func (p *progress) show(format string, args ...any) {
	fmt.Fprint(p.w, "\r\x1b[K"+render.Style{}.Fit(fmt.Sprintf(format, args...), p.width-1))
	p.shown = true
}

// clear takes the line away.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// inCI reports whether nobody watches, so that progress is noise.
func inCI() bool { return os.Getenv("CI") != "" }
