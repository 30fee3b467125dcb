package insights_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// TestRegexShortcuts holds the searches that stand in for regular expressions
// to the regular expressions.
func TestRegexShortcuts(t *testing.T) {
	patterns := []string{
		`ERROR`, `(?i)error`, `(?i)Sky`, `(?i)x1-`, `a.*bcd`, `(abc)+d`, `a|b`, `^abc`, `abc$`, `(?i)a.*b`, `[a-c]d`, `x*`, ``, `a{2}bc`, `\$\{x`, `(?s)a.b`, `é`, `(?i)é`,
		`(?i)(exception|error)`, `exception|error|ERROR`, `(?i)err|warn`, `ab(c|d)e?`, `(?i)a|b`, `a|bc|`, `(?i:err)or`, `err(?i:OR)`, `(?i)error.*x`, `(?i)fatal|err.*r`, `(?m)^abc|sKy$`, `(a|b)(c|d)(e|f)(g|h)(i|j)`,
	}
	texts := []string{
		"", "ERROR", "an eRRoR", "errorx", "ERRO", "sKy", "s\u212Ay", "\u017Fky", "éS\u212AY", "X1-", "x1", "a--bcd", "abcabcd", "b", "xabc", "abcx", "A-B", "bd", "aabc",
		"${x}", "a\nb", "É", "é", strings.Repeat("r", 40) + "error", "\xff\xfe", "skskySKsky",
		"acegi", "abce", "abd", "Exception", "WARN", "errOR", "ErrOR", "FATAL", "err x r",
	}
	for _, pattern := range patterns {
		re := regexp.MustCompile(pattern)
		query := "fields @message | filter @message like /" + pattern + "/"
		for _, text := range texts {
			got := len(run(t, query, messages(text)).Rows) == 1
			if want := re.MatchString(text); got != want {
				t.Errorf("/%s/ on %q: %v, want %v", pattern, text, got, want)
			}
		}
	}
}

func FuzzRegexShortcuts(f *testing.F) {
	f.Add("(?i)error", "an ERRor")
	f.Add("a.*bc+", "xabc")
	f.Add("(?i)k", "\u212A")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		q, err := insights.Parse("filter @message like /" + pattern + "/ | stats count(*)")
		if err != nil {
			return
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return // the pattern held a slash and more of a query
		}
		res, err := q.Run(t.Context(), messages(text), options())
		if err != nil || len(res.Rows) != 1 || len(res.Rows[0]) != 1 {
			return
		}
		if got := res.Statistics.RecordsMatched == 1; got != re.MatchString(text) && !strings.Contains(pattern, "/") {
			t.Errorf("/%s/ on %q: %v", pattern, text, got)
		}
	})
}
