package insights_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

// FuzzMessage runs queries that look at messages in every way there is over
// messages nobody expected, and holds what Fields lists to what queries see.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		`{"a":{"b":[1,{"c":"x\u00e9"}]},"@m":"at","d":"2026-11-22"}`, `x {"a":1}`, "\xff\x00{", `{"a":"\`, `[1,2`, "2 1 eni-1 a b c d e f g h i j k",
		"REPORT RequestId: r\tDuration: 5 ms\t", "1.0 t Z z q A N U F 1 -", "2026-11-22T12:00:00.1Z 10.0.0.1 5ms (x) <y>",
	} {
		f.Add(s)
	}
	var queries []*insights.Query
	for _, text := range []string{
		`fields a, a.b.0, a.b.1.c, @@m, @requestId, @duration, srcAddr, queryName, jsonParse(@message) as j, j.a.b[1], parseDate(d, "yyyy-MM-dd"), strlen(@message)`,
		`parse @message "*a*:*" as x, y, z | parse @message /(?<n>\d+)[^\d]*(?<m>.)/ | stats count(*), values(x), max(n) by m`,
		`fields jsonParse(@message) as j | unnest j into e | unnest e.b into g | display e, g, jsonStringify(g)`,
		`pattern @message`, `fields a | sort a, @message desc | dedup d`, `filter a like /(?i)x|y/ or d in ["2026-11-22"] | stats median(a), sortsLast(d)`,
	} {
		queries = append(queries, parse(f, text))
	}
	f.Fuzz(func(t *testing.T, message string) {
		row := at(0, message)
		rows := insights.Rows{row, row, at(1, `{"a":1}`)}
		rows[1].Log = "1:/aws/lambda/f"
		for _, q := range queries {
			if _, err := q.Run(t.Context(), rows, options()); err != nil {
				t.Errorf("%s: %v", q, err)
			}
		}
		seen := map[string]bool{}
		for name, value := range insights.Fields(&row) {
			if seen[name] || strings.ContainsRune(name, '`') || !utf8.ValidString(name) || strings.HasPrefix(name, "@") || name == "" || strings.Contains(name, "..") ||
				strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") {
				continue
			}
			seen[name] = true
			q, err := insights.Parse("fields `" + name + "` as v | filter v = 1 or not v = 1")
			if err != nil {
				t.Fatalf("field %q: %v", name, err)
			}
			res, err := q.Run(t.Context(), insights.Rows{row}, options())
			if err != nil || len(res.Rows) != 1 || len(res.Rows[0]) < 2 {
				t.Errorf("field %q of %q is listed as %q but not found: %v %v", name, message, value, res.Rows, err)
			}
		}
	})
}
