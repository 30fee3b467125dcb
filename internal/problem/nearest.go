package problem

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Nearest returns the candidate that is most like word, and whether one is near
// enough to be what was meant: a distance of at most 2, or a third of the
// word's length. Among equals the first in alphabetical order wins.
func Nearest(word string, candidates []string) (string, bool) {
	limit := max(2, utf8.RuneCountInString(word)/3)
	best, at := "", limit+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(c)))
		// A word of two letters is two edits from any other one.
		if d < at && d < min(utf8.RuneCountInString(word), utf8.RuneCountInString(c)) {
			best, at = c, d
		}
	}
	return best, at <= limit
}

// DidYouMean returns `did you mean "x"?`, or "" when nothing is near.
func DidYouMean(word string, candidates []string) (hint, fix string) {
	best, ok := Nearest(word, candidates)
	if !ok {
		return "", ""
	}
	return fmt.Sprintf("did you mean %q?", best), best
}

// distance is the Damerau-Levenshtein distance with adjacent transpositions.
func distance(a, b []rune) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
