package problem_test

import (
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/problem"
)

func TestText(t *testing.T) {
	var ps problem.Problems
	ps.Add(problem.Problem{
		Code: "C2001", Message: `unknown key "treshold"`, Hint: `did you mean "threshold"?`,
		Range: problem.Range{Pos: problem.Pos{File: "a.yaml", Line: 12, Column: 3}, Width: 8, Source: "\t treshold: 5"},
		Notes: []string{"known: threshold, when"},
	})
	ps.Add(problem.Problem{Code: "C1001", Severity: problem.Warning, Message: "odd", Range: problem.Range{Pos: problem.Pos{File: "a.yaml"}}})
	ps.Sort()
	var b strings.Builder
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `warning C1001: odd
--> a.yaml

error C2001: unknown key "treshold"
  --> a.yaml:12:3
   |
12 | 	 treshold: 5
   | 	 ^^^^^^^^ did you mean "threshold"?
   = known: threshold, when
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if ps.Errors() != 1 || ps.Err() == nil || !strings.Contains(ps.Error(), "a.yaml:12:3: error C2001") {
		t.Errorf("Error() = %s", ps.Error())
	}
}

func TestNearest(t *testing.T) {
	words := []string{"receivers", "recipe", "region", "logs", "for", "api-errors"}
	for word, want := range map[string]string{
		"recievers": "receivers", "Region": "region", "log": "logs", "zzzz": "", "receiver": "receivers", "fro": "for", "api-erorrs": "api-errors",
		"xx": "", // two edits away from any word of two letters
	} {
		got, ok := problem.Nearest(word, words)
		if ok != (want != "") || ok && got != want {
			t.Errorf("Nearest(%q) = %q, %v, want %q", word, got, ok, want)
		}
	}
}
