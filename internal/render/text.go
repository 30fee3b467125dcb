package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from outside fit to print in one line: control characters,
// invalid bytes and characters that turn the direction of writing become "·",
// line breaks and tabs a space.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r),
			unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return '·'
		}
		return r
	}, s)
}

// Width is the number of terminal cells that s takes. Combining marks take
// none, East Asian wide characters and emoji two.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case isWide(r):
		return 2
	}
	return 1
}

// isWide covers the blocks that Unicode's East Asian Width annex calls wide,
// coarsely: Hangul, CJK, Kana, full-width forms, emoji.
func isWide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
		r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd
}

// Fit shortens s to at most width cells, with an ellipsis if something was cut.
func (s Style) Fit(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	mark := s.ellipsis()
	if width < Width(mark) {
		mark = ""
	}
	return cut(text, width-Width(mark)) + mark
}

// cut returns the longest beginning of text that takes at most width cells.
func cut(text string, width int) string {
	n := 0
	for i, r := range text {
		if n += runeWidth(r); n > width {
			return text[:i]
		}
	}
	return text
}

// Left and right pad text with spaces to width cells.
func padRight(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-Width(text)))
}

func padLeft(text string, width int) string {
	return strings.Repeat(" ", max(0, width-Width(text))) + text
}
