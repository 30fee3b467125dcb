package render_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/render"
)

func TestNumbers(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{render.Count(0), "0"},
		{render.Count(999), "999"},
		{render.Count(1000), "1 000"},
		{render.Count(1204331), "1 204 331"},
		{render.Count(-1234567), "-1 234 567"},
		{render.Count(math.MinInt64), "-9 223 372 036 854 775 808"},
		{render.Plural(1, "fault"), "1 fault"},
		{render.Plural(0, "fault"), "0 faults"},
		{render.Plural(2000, "span"), "2 000 spans"},
		{render.Number(0), "0"},
		{render.Number(0.0521), "0.0521"},
		{render.Number(12.36), "12.4"},
		{render.Number(999), "999"},
		{render.Number(999.6), "1k"},
		{render.Number(1234), "1.23k"},
		{render.Number(-34e6), "-34M"},
		{render.Number(math.NaN()), "-"},
		{render.Number(math.Inf(1)), "-"},
		{render.Number(1e-320), "0"},
		{render.Number(1e300), strings.TrimSpace(render.Number(1e300))},
		{render.Bytes(0), "0 B"},
		{render.Bytes(512), "512 B"},
		{render.Bytes(1200), "1.2 kB"},
		{render.Bytes(361_000_000), "361 MB"},
		{render.Bytes(999_999), "1 MB"},
		{render.Bytes(math.MaxInt64), "9.22 EB"},
		{render.Duration(0), "0 s"},
		{render.Duration(17), "17 ns"},
		{render.Duration(850 * time.Microsecond), "850 µs"},
		{render.Duration(82 * time.Millisecond), "82 ms"},
		{render.Duration(1840 * time.Millisecond), "1.84 s"},
		{render.Duration(12345 * time.Millisecond), "12.3 s"},
		{render.Duration(125 * time.Second), "2 min 5 s"},
		{render.Duration(59999 * time.Millisecond), "1 min"},
		{render.Duration(time.Hour - time.Millisecond), "1 h"},
		{render.Duration(200 * time.Minute), "3 h 20 min"},
		{render.Duration(98 * time.Hour), "4 d 2 h"},
		{render.Duration(-time.Second), "-1 s"},
		{render.Duration(24*time.Hour - time.Second), "1 d"},
		{render.Seconds(1.84), "1.84 s"},
		{render.Seconds(math.NaN()), "-"},
		{render.Seconds(math.Inf(-1)), "-"},
		{render.Percent(0), "0 %"},
		{render.Percent(0.0004), "<0.1 %"},
		{render.Percent(0.018), "1.8 %"},
		{render.Percent(0.9), "90 %"},
		{render.Percent(0.92), "92 %"},
		{render.Percent(0.9966), "99.7 %"},
		{render.Percent(0.99999), ">99.9 %"},
		{render.Percent(1), "100 %"},
		{render.Percent(2.5), "250 %"},
		{render.Percent(math.NaN()), "-"},
		{render.Rate(0), "0/s"},
		{render.Rate(12.42), "12.4/s"},
		{render.Rate(0.05), "3/min"},
		{render.Rate(5.0 / 3600), "5/h"},
		{render.Rate(4200), "4.2k/s"},
		{render.Rate(math.NaN()), "-"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, tc := range []struct {
		share       float64
		width       int
		want, ascii string
	}{
		{0, 8, "", ""},
		{1, 8, "████████", "========"},
		{0.5, 8, "████", "===="},
		{0.001, 8, "▏", "|"},
		{0.3, 8, "██▍", "=="},
		{2, 4, "████", "===="},
		{-1, 4, "", ""},
		{math.NaN(), 4, "", ""},
		{1, 0, "", ""},
	} {
		if got := (render.Style{}).Bar(tc.share, tc.width); got != tc.want {
			t.Errorf("Bar(%g, %d) = %q, want %q", tc.share, tc.width, got, tc.want)
		}
		if got := (render.Style{ASCII: true}).Bar(tc.share, tc.width); got != tc.ascii {
			t.Errorf("ASCII Bar(%g, %d) = %q, want %q", tc.share, tc.width, got, tc.ascii)
		}
	}
}

func TestSparkline(t *testing.T) {
	nan := math.NaN()
	for _, tc := range []struct {
		values []float64
		want   string
	}{
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, "▁▂▃▄▅▆▇█"},
		{[]float64{0, 0}, "▁▁"},
		{[]float64{nan, 5, nan}, " █ "},
		{[]float64{-3, 2}, "▁█"},
		{[]float64{math.Inf(1), 1}, "██"},
		{nil, ""},
		{[]float64{nan}, " "},
	} {
		if got := (render.Style{}).Sparkline(tc.values); got != tc.want {
			t.Errorf("Sparkline(%v) = %q, want %q", tc.values, got, tc.want)
		}
	}
	if got := (render.Style{ASCII: true}).Sparkline([]float64{0, 7}); got != "_@" {
		t.Errorf("ASCII sparkline = %q", got)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\nb\tc": "a b c", "\x1b[31mred\x07": "·[31mred·", "ev\u202eil": "ev·il", "bad\xff": "bad·", "\u0085\u2028": "··", "é注": "é注",
	} {
		if got := render.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "注文": 4, "▶█": 2, "🚀": 2} {
		if got := render.Width(in); got != want {
			t.Errorf("Width(%q) = %d, want %d", in, got, want)
		}
	}
	for _, tc := range []struct {
		in    string
		width int
		want  string
	}{{"short", 5, "short"}, {"longer", 5, "long…"}, {"注文です", 5, "注文…"}, {"注文です", 4, "注…"}, {"abc", 0, ""}, {"abc", 1, "…"}} {
		if got := (render.Style{}).Fit(tc.in, tc.width); got != tc.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", tc.in, tc.width, got, tc.want)
		}
	}
	if got := (render.Style{ASCII: true}).Fit("longer", 5); got != "lo..." {
		t.Errorf("ASCII Fit = %q", got)
	}
}

func TestPaint(t *testing.T) {
	color := render.Style{Color: true}
	for tone, want := range map[render.Tone]string{
		render.Plain: "x", render.Good: "\x1b[32mx\x1b[0m", render.Warn: "\x1b[33mx\x1b[0m", render.Bad: "\x1b[31mx\x1b[0m",
		render.Dim: "\x1b[2mx\x1b[0m", render.Strong: "\x1b[1mx\x1b[0m",
	} {
		if got := color.Paint(tone, "x"); got != want {
			t.Errorf("Paint(%d) = %q, want %q", tone, got, want)
		}
		if got := (render.Style{}).Paint(tone, "x"); got != "x" {
			t.Errorf("Paint(%d) without colour = %q", tone, got)
		}
	}
}

func TestTable(t *testing.T) {
	table := func(titled bool) *render.Table {
		tb := &render.Table{Columns: []render.Column{{Max: 12}, {Align: render.AlignRight}, {Align: render.AlignRight}, {}}, Indent: 1}
		if titled {
			for i, title := range []string{"route", "n", "p99", "note"} {
				tb.Columns[i].Title = title
			}
		}
		tb.Row(render.Cells("POST /orders", "412", "1840.2", "slow")...)
		tb.Row(render.Cells("GET /orders/{id}", "31", "212.9")...)
		tb.Row(render.Cell{Text: "注文\n"}, render.Cell{Text: "1"}, render.Cell{Text: "2.0"}, render.Cell{Text: "✗ fault", Tone: render.Bad})
		tb.Row()
		return tb
	}
	golden(t, "table", table(true).Draw(render.Style{}))
	golden(t, "table_plain", table(false).Draw(render.Style{ASCII: true}))
	golden(t, "table_color", table(true).Draw(render.Style{Color: true}))
	if got := (&render.Table{Columns: []render.Column{{Title: "a"}, {Title: "b"}}}).Draw(render.Style{}); got != "a  b\n" {
		t.Errorf("a table without rows is %q", got)
	}
}
