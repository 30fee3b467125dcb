package render

import (
	"math"
	"strings"
)

// Bar draws a share of 1 as a bar in width cells, exact to an eighth of a cell.
// A share above 0 shows at least a sliver. The result is not padded.
func (s Style) Bar(share float64, width int) string {
	return s.span(0, share, width)
}

// span draws the stretch from one share of width to another, after as many
// spaces as come before it.
func (s Style) span(from, to float64, width int) string {
	from, to = clamp(from), clamp(to)
	if width <= 0 || to < from {
		return ""
	}
	if s.ASCII {
		return asciiSpan(from, to, width)
	}
	first := min(int(from*float64(width)), width-1)
	eighths := int(math.Round((to*float64(width) - float64(first)) * 8))
	if to > from || from > 0 {
		eighths = max(eighths, 1)
	}
	text := strings.Repeat(" ", first) + strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}

func asciiSpan(from, to float64, width int) string {
	first := min(int(from*float64(width)), width-1)
	cells := int(math.Round(to*float64(width) - float64(first)))
	switch {
	case cells <= 0 && to == 0:
		return ""
	case cells <= 0:
		return strings.Repeat(" ", first) + "|"
	}
	return strings.Repeat(" ", first) + strings.Repeat("=", cells)
}

func clamp(v float64) float64 {
	if !(v > 0) { // also NaN
		return 0
	}
	return min(v, 1)
}

// Sparkline draws values as one cell each, from 0 to the greatest. NaN, for no
// value, leaves a gap. Negative values count as 0.
func (s Style) Sparkline(values []float64) string {
	levels := []rune(s.pick("▁▂▃▄▅▆▇█", "_.-=*%#@"))
	top := 0.0
	for _, v := range values {
		if v > top && !math.IsInf(v, 0) {
			top = v
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteByte(' ')
		case top == 0:
			b.WriteRune(levels[0])
		default:
			b.WriteRune(levels[int(math.Round(clamp(v/top)*float64(len(levels)-1)))])
		}
	}
	return b.String()
}
