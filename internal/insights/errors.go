package insights

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// SyntaxError tells why a query does not compile and where: the
// queryCompileError of MalformedQueryException.
type SyntaxError struct {
	// Start and End are offsets in characters of the query's text; End is
	// exclusive. They are equal where something is absent.
	Start, End int
	// Msg says what is wrong, without the position.
	Msg string
}

// Error names the position and what is wrong there.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("query at characters %d to %d: %s", e.Start, e.End, e.Msg)
}

// errorAt makes a SyntaxError of byte offsets.
func errorAt(text string, start, end int, format string, args ...any) error {
	return newSyntaxError(text, start, end, format, args...)
}

func newSyntaxError(text string, start, end int, format string, args ...any) *SyntaxError {
	start = min(max(start, 0), len(text))
	end = min(max(end, start), len(text))
	return &SyntaxError{
		Start: utf8.RuneCountInString(text[:start]),
		End:   utf8.RuneCountInString(text[:end]),
		Msg:   fmt.Sprintf(format, args...),
	}
}

// suggestion is `, did you mean "x"?` for the name nearest to word, or nothing
// if none is near.
func suggestion(word string, names []string) string {
	best, distance := "", len(word)/3+2
	slices.Sort(names)
	for _, name := range names {
		if d := editDistance(strings.ToLower(word), strings.ToLower(name)); d < distance {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// editDistance counts the insertions, deletions and replacements between a
// and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
