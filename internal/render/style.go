package render

import "strings"

// DefaultWidth is the width in cells for which a Style without one draws.
const DefaultWidth = 100

// Style says what a terminal can show. The zero value draws Unicode without
// colour, 100 cells wide.
type Style struct {
	// Color allows ANSI colour sequences.
	Color bool
	// ASCII restricts what this package draws to ASCII. Data keeps its letters.
	ASCII bool
	// Width is the number of cells in a line, [DefaultWidth] if zero. Tables
	// may be wider.
	Width int
}

// Tone is what a piece of text means, beside what it says.
type Tone uint8

// The tones, and the colours they have where there is colour.
const (
	Plain  Tone = iota
	Good        // green
	Warn        // yellow: client errors, throttling
	Bad         // red: faults
	Dim         // faint
	Strong      // bold
)

// Paint returns text in the colour of a tone, or as it is without colour.
func (s Style) Paint(t Tone, text string) string {
	code := s.sgr(t)
	if code == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// sgr is the parameter of the ANSI sequence for a tone, empty if there is none.
func (s Style) sgr(t Tone) string {
	if !s.Color {
		return ""
	}
	switch t {
	case Good:
		return "32"
	case Warn:
		return "33"
	case Bad:
		return "31"
	case Dim:
		return "2"
	case Strong:
		return "1"
	}
	return ""
}

func (s Style) width() int {
	if s.Width <= 0 {
		return DefaultWidth
	}
	return s.Width
}

// pick returns unicode, or ascii in a style that is restricted to it.
func (s Style) pick(unicode, ascii string) string {
	if s.ASCII {
		return ascii
	}
	return unicode
}

// FaultMark and ErrorMark stand before what went wrong: on the server's side,
// and on the client's.
func (s Style) FaultMark() string { return s.pick("✗", "x") }

// ErrorMark marks an error of the client, such as 404, and throttling.
func (s Style) ErrorMark() string { return "!" }

// Arrow points from a caller to a callee.
func (s Style) Arrow() string { return s.pick("→", "->") }

// Separator stands between parts of a line of facts.
func (s Style) Separator() string { return s.pick(" · ", " | ") }

func (s Style) ellipsis() string { return s.pick("…", "...") }
