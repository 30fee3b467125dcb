package insights_test

import (
	"fmt"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

func TestExamplePattern(t *testing.T) {
	var lines []string
	for i := range 6 {
		lines = append(lines, fmt.Sprintf("2026-11-22T12:00:0%d.123Z ERROR Exception in order %d: timeout after %dms", i, i*1000, i+5))
	}
	lines = append(lines, "Exception: user ann has no account in region eu", "Exception: user bob has no account in region eu", "nothing to see")
	expect(t, `filter @message like /Exception/ | pattern @message | sort @sampleCount desc | limit 10`, messages(lines...),
		"@pattern=<Time-1> ERROR Exception in order <Number-1>: timeout after <Number-2> @ratio=0.75 @sampleCount=6 @severityLabel=ERROR",
		"@pattern=Exception: user <Token-1> has no account in region eu @ratio=0.25 @sampleCount=2 @severityLabel=ERROR")
}

func TestPatternWords(t *testing.T) {
	tests := map[string]string{
		"from 10.0.0.1:8080 to host-7":                           "from <IP-1>:<Number-1> to <Token-1>",
		`{"id":"8f507cfc-aaaa-4697-b07a-ac58fc914c95","ms":1.5}`: `{"id":"<UUID-1>","ms":<Number-1>}`,
		"GET /users/42/items?page=2 HTTP":                        "GET /users/<Number-1>/items?page=<Number-2> HTTP",
		"done at 12:30:59, took 5s.":                             "done at <Time-1>, took <Number-1>.",
		"plain words only":                                       "plain words only",
		"90% of v1.2.3 é \x1aT":                                  "<Number-1> of <Token-1> é  T",
		"":                                                       "",
	}
	for line, want := range tests {
		res := run(t, `pattern @message`, messages(line))
		if got := res.Rows[0][0].Value; got != want {
			t.Errorf("pattern of %q is %q, want %q", line, got, want)
		}
	}
}

func TestPatternOfColumns(t *testing.T) {
	rows := messages(`{"m":"a 1"}`, `{"m":"a 2"}`, `{"n":1}`)
	expect(t, `pattern m | filter @sampleCount > 1 | display @pattern`, rows, "@pattern=a <Number-1>")
	expect(t, `stats count(*) by m | pattern m | fields @sampleCount, @ratio`, rows, "@sampleCount=2 @ratio=1")
	expect(t, `pattern m`, insights.Rows{})
	if _, err := insights.Parse(`pattern m | pattern m`); err == nil {
		t.Error("two pattern commands compile")
	}
}
