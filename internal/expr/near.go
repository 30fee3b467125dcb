package expr

import (
	"strings"

	"github.com/sidelight-dev/sidelight/internal/problem"
)

// near says which of the words was meant, or what they are.
func near(word string, words []string) string {
	if hint, _ := problem.DidYouMean(word, words); hint != "" {
		return hint
	}
	return "expected one of " + strings.Join(words, ", ")
}
