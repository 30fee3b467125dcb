package render_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/render"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

func read(t testing.TB, texts ...string) []*segment.Document {
	t.Helper()
	var docs []*segment.Document
	for _, text := range texts {
		d, err := segment.ReadAny([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
	return docs
}

// shop is a failed order: payments waits for a card gateway that times out, and
// cart does not know the basket.
func shop(t testing.TB) []*segment.Document {
	return read(t,
		`{"name":"orders","id":"aaaaaaaaaaaaaaaa","trace_id":"1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37","start_time":1772358002.000,"end_time":1772358003.840,
		"origin":"AWS::ECS::Fargate","fault":true,"service":{"version":"1.14.2"},"annotations":{"environment":"prod"},
		"http":{"request":{"method":"POST","url":"http://shop/orders"},"response":{"status":500}},
		"subsegments":[
		 {"name":"validate","id":"a100000000000000","start_time":1772358002.004,"end_time":1772358002.086},
		 {"name":"pay.internal","id":"a200000000000000","start_time":1772358002.090,"end_time":1772358003.792,"namespace":"remote","fault":true,
		  "http":{"request":{"method":"POST","url":"http://pay.internal/charge"},"response":{"status":502}}},
		 {"name":"cart","id":"a300000000000000","start_time":1772358003.800,"end_time":1772358003.815,"namespace":"remote","error":true,
		  "http":{"request":{"method":"GET","url":"http://cart/7"},"response":{"status":404}}}]}`,
		`{"name":"payments","id":"bbbbbbbbbbbbbbbb","parent_id":"a200000000000000","start_time":1772358002.095,"end_time":1772358003.785,"fault":true,
		"http":{"request":{"method":"POST","url":"http://pay.internal/charge"},"response":{"status":502}},
		"cause":{"exceptions":[{"id":"0123456789abcdef","type":"TimeoutError","message":"card gateway timed out"}]},
		"subsegments":[
		 {"name":"DynamoDB","id":"b100000000000000","start_time":1772358002.101,"end_time":1772358002.104,"namespace":"aws","aws":{"operation":"GetItem","table_name":"tokens"}},
		 {"name":"DynamoDB","id":"b200000000000000","start_time":1772358002.106,"end_time":1772358002.113,"namespace":"aws","error":true,"throttle":true,"aws":{"operation":"GetItem","table_name":"tokens"}},
		 {"name":"card gateway","id":"b300000000000000","start_time":1772358002.120,"end_time":1772358003.780,"namespace":"remote","fault":true}]}`,
		`{"name":"cart","id":"cccccccccccccccc","parent_id":"a300000000000000","start_time":1772358003.802,"end_time":1772358003.812,"error":true,
		"http":{"request":{"method":"GET","url":"http://cart/7"},"response":{"status":404}}}`,
		`{"name":"tokens","id":"dddddddddddddddd","parent_id":"b100000000000000","inferred":true,"origin":"AWS::DynamoDB::Table","start_time":1772358002.101,"end_time":1772358002.104}`,
		`{"name":"card gateway","id":"eeeeeeeeeeeeeeee","parent_id":"b300000000000000","inferred":true,"start_time":1772358002.120,"end_time":1772358003.780,"fault":true}`,
	)
}

func TestWaterfall(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	for name, tc := range map[string]struct {
		opts  render.WaterfallOptions
		style render.Style
	}{
		"waterfall":       {opts: render.WaterfallOptions{Hint: "logs: sidelight traces show … --logs"}},
		"waterfall_wide":  {opts: render.WaterfallOptions{Zone: berlin}, style: render.Style{Width: 140}},
		"waterfall_ascii": {style: render.Style{ASCII: true, Width: 80}},
		"waterfall_color": {style: render.Style{Color: true}},
		"waterfall_rows":  {opts: render.WaterfallOptions{MaxRows: 4}},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, render.Waterfall(shop(t), tc.opts, tc.style)) })
	}
}

func TestWaterfallOddTraces(t *testing.T) {
	for name, docs := range map[string][]*segment.Document{
		"odd_progress": read(t,
			`{"name":"batch","id":"aaaaaaaaaaaaaaaa","start_time":100,"in_progress":true,"subsegments":[{"name":"load","id":"bbbbbbbbbbbbbbbb","start_time":101,"end_time":103.5}]}`),
		"odd_orphans": read(t,
			`{"name":"late","id":"aaaaaaaaaaaaaaaa","parent_id":"0000000000000000","type":"subsegment","start_time":100.5,"end_time":101}`,
			`{"name":"api","id":"bbbbbbbbbbbbbbbb","parent_id":"1111111111111111","start_time":100,"end_time":100.25}`),
		"odd_instant": read(t, `{"name":"tick","id":"aaaaaaaaaaaaaaaa","start_time":100,"end_time":100}`),
		"odd_hostile": read(t,
			`{"name":"a\u001b[2Jb\u202ec","id":"aaaaaaaaaaaaaaaa","start_time":100,"end_time":101,"fault":true,"cause":{"exceptions":[{"message":"line one\nline two\u0007"}]},
			"http":{"request":{"method":"GET","url":"http://x/\u001b[31m"}}}`),
		"odd_ring": read(t,
			`{"name":"a","id":"aaaaaaaaaaaaaaaa","parent_id":"bbbbbbbbbbbbbbbb","start_time":100,"end_time":101}`,
			`{"name":"b","id":"bbbbbbbbbbbbbbbb","parent_id":"aaaaaaaaaaaaaaaa","start_time":100,"end_time":101}`),
		"odd_wide": read(t,
			`{"name":"注文サービス","id":"aaaaaaaaaaaaaaaa","start_time":100,"end_time":160,"subsegments":[{"name":"確認","id":"bbbbbbbbbbbbbbbb","start_time":110,"end_time":150,"namespace":"remote"}]}`),
		// A call in phases, of which one waits for the callee's work.
		"odd_phases": read(t,
			`{"name":"front","id":"aaaaaaaaaaaaaaaa","start_time":100,"end_time":101,"subsegments":[
			 {"name":"stock:80","id":"a100000000000000","start_time":100.01,"end_time":100.99,"namespace":"remote","subsegments":[
			  {"name":"connect","id":"a200000000000000","start_time":100.01,"end_time":100.1},
			  {"name":"request","id":"a300000000000000","start_time":100.1,"end_time":100.11},
			  {"name":"response","id":"a400000000000000","start_time":100.11,"end_time":100.98}]}]}`,
			`{"name":"stock","id":"bbbbbbbbbbbbbbbb","parent_id":"a100000000000000","start_time":100.12,"end_time":100.97}`),
	} {
		t.Run(name, func(t *testing.T) {
			got := render.Waterfall(docs, render.WaterfallOptions{}, render.Style{})
			golden(t, name, got)
			if strings.ContainsAny(got, "\x1b\a\u202e") {
				t.Errorf("control characters reach the terminal: %q", got)
			}
		})
	}
	if got := render.Waterfall(nil, render.WaterfallOptions{}, render.Style{}); got != "" {
		t.Errorf("an empty trace draws %q", got)
	}
}

func TestWaterfallOfManySpans(t *testing.T) {
	const n = 10000
	var subs []string
	for i := range n {
		more := ""
		if i == n-7 {
			more = `,"fault":true`
		}
		subs = append(subs, fmt.Sprintf(`{"name":"s%d","id":"%016x","start_time":%.3f,"end_time":%.3f%s}`, i, i+1, 100+float64(i)/1000, 100.0005+float64(i)/1000, more))
	}
	docs := read(t, `{"name":"api","id":"ffffffffffffffff","start_time":100,"end_time":111,"subsegments":[`+strings.Join(subs, ",")+`]}`)
	got := render.Waterfall(docs, render.WaterfallOptions{}, render.Style{})
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 2+200+2 || !strings.Contains(got, "s9993 ") || !strings.Contains(got, "… 9 801 more spans") {
		t.Errorf("%d lines; the failed span shows: %v; last %q", len(lines), strings.Contains(got, "s9993 "), lines[len(lines)-2])
	}
}

func FuzzWaterfall(f *testing.F) {
	for _, d := range shop(f) {
		f.Add(string(d.Raw), uint8(100), true)
	}
	f.Add(`{"id":"x","start_time":-1e300,"end_time":1e308,"subsegments":[{"start_time":5},{}]}`, uint8(3), false)
	f.Fuzz(func(t *testing.T, text string, width uint8, ascii bool) {
		d, err := segment.ReadAny([]byte(text))
		if err != nil {
			return
		}
		got := render.Waterfall(append(shop(t), d), render.WaterfallOptions{}, render.Style{Width: int(width), ASCII: ascii})
		if strings.ContainsAny(got, "\x1b\r\x00") {
			t.Fatalf("control characters in %q", got)
		}
	})
}
