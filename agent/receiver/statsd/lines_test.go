package statsd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/agent/receiver/statsd"
)

func TestLines(t *testing.T) {
	for name, c := range map[string]struct {
		in      string
		want    []string
		invalid map[string]uint64
	}{
		"counter":         {in: "a:1|c", want: []string{"a 1 1 x1 Count []"}},
		"rate":            {in: "a:2|c|@0.5", want: []string{"a 1 2 x2 Count []"}},
		"tags":            {in: "a:1|c|#route:/x,env:prod,flag,env:dev,:x,empty:", want: []string{"a 1 1 x1 Count [empty=true env=dev flag=true route=/x]"}},
		"tags then rate":  {in: "a:1|ms|#z:1,a:2|@0.1", want: []string{"a 2 1 x10 Milliseconds [a=2 z=1]"}},
		"several values":  {in: "t:3.5:4:-1e3|d", want: []string{"t 2 3.5 x1  []", "t 2 4 x1  []", "t 2 -1000 x1  []"}},
		"histogram":       {in: "h:1|h", want: []string{"h 2 1 x1  []"}},
		"container":       {in: "a:1|c|#x:y|c:ci-0123|e:it-false,cn-app|card:low|future", want: []string{"a 1 1 x1 Count [x=y]"}},
		"time":            {in: "g:1|g|T1656581400|#a:b", want: []string{"g 0 1 x0  [a=b] at 1656581400000"}},
		"gauge":           {in: "g:10|g\ng:+5|g\ng:-20|g\ng:1:+2|g", want: []string{"g 0 10 x0  []", "g 0 15 x0  []", "g 0 -5 x0  []", "g 0 1 x0  []", "g 0 3 x0  []"}},
		"gauges differ":   {in: "g:10|g|#a:b\ng:+5|g\ng:+5|g|#a:b", want: []string{"g 0 10 x0  [a=b]", "g 0 5 x0  []", "g 0 15 x0  [a=b]"}},
		"tag order":       {in: "g:10|g|#a:1,b:2\ng:+1|g|#b:2,a:1", want: []string{"g 0 10 x0  [a=1 b=2]", "g 0 11 x0  [a=1 b=2]"}},
		"line ends":       {in: "a:1|c\r\n\n\r\nb:2|c\n", want: []string{"a 1 1 x1 Count []", "b 1 2 x1 Count []"}},
		"long numbers":    {in: "a:0.1234567890123456789|h\nb:123456789012345678|h\nc:1.5e-7|h\nd:.5|h\ne:5.|h", want: []string{"a 2 0.12345678901234568 x1  []", "b 2 1.2345678901234568e+17 x1  []", "c 2 1.5e-07 x1  []", "d 2 0.5 x1  []", "e 2 5 x1  []"}},
		"name":            {in: "noname\n:1|c\n", invalid: map[string]uint64{"no_name": 2}},
		"type":            {in: "x:1\nx:|c\nx:1|\nx:1|q", invalid: map[string]uint64{"no_type": 2, "unknown_type": 2}},
		"value":           {in: "x:abc|c\nx:NaN|g\nx:Inf|g\nx:-|c\nx:.|c\nx:1e999|c", invalid: map[string]uint64{"bad_value": 6}},
		"good then bad":   {in: "x:1::2|c", want: []string{"x 1 1 x1 Count []"}, invalid: map[string]uint64{"bad_value": 1}},
		"rates":           {in: "x:1|c|@2\nx:1|c|@0\nx:1|c|@\nx:1|c|@NaN\nx:1|c|@-1", invalid: map[string]uint64{"bad_rate": 5}},
		"times":           {in: "x:1|c|Tx\nx:1|c|T\nx:1|c|T-1", invalid: map[string]uint64{"bad_time": 3}},
		"events":          {in: "_e{1,1}:a|b\n_e{5,0}:title||t:error|#a:b\n_e{,}:\n_e{9,9}:a|b\n_e{1,1}:a|bc\n_sc|db|0\n_sc|db|9\n_sc|\n_sc||0\n_sc|db|2|m:x", invalid: map[string]uint64{"bad_event": 3, "bad_check": 3}},
		"underscore":      {in: "_under:1|c", want: []string{"_under 1 1 x1 Count []"}},
		"set has no sign": {in: "s:a:b|s", want: nil},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{}
			taker := statsd.NewTaker(statsd.Config{}, rec)
			taker.Take(nil, []byte(c.in))
			if d := cmp.Diff(c.want, rec.lines); d != "" {
				t.Errorf("samples (-want +got):\n%s", d)
			}
			if c.invalid == nil {
				c.invalid = map[string]uint64{}
			}
			if d := cmp.Diff(c.invalid, taker.Stats().Invalid); d != "" {
				t.Errorf("invalid (-want +got):\n%s", d)
			}
		})
	}
}

func TestSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		taker := statsd.NewTaker(statsd.Config{MaxSets: 2}, rec)
		take := func(text string) { taker.Take(nil, []byte(text)) }
		first := time.Now().UnixMilli()
		take("u:alice|s\nu:bob|s\nu:alice|s|#a:b\nu:bob|s|@0.1\nw:1|s")
		time.Sleep(time.Second)
		take("u:alice|s")
		taker.Collect(rec)
		second := time.Now().UnixMilli()
		take("u:carol|s")
		taker.Collect(rec)
		taker.Collect(rec)
		take("u:dave|s")
		taker.Collect(rec)
		// Each belongs to the time at which its first member came.
		want := map[string]int{
			fmt.Sprintf("u 0 2 x0 Count [] at %d", first): 1, fmt.Sprintf("u 0 1 x0 Count [a=b] at %d", first): 1,
			fmt.Sprintf("u 0 1 x0 Count [] at %d", second): 2,
		}
		got := map[string]int{}
		for _, l := range rec.lines {
			got[l]++
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("sets (-want +got):\n%s", d)
		}
		if n := taker.Stats().Invalid["too_many_sets"]; n != 1 {
			t.Errorf("%d members of a set too many, want 1", n)
		}
	})
}

// A count is exact up to 384 and within five standard errors (8 %) beyond.
func TestDistinct(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 100, 383, 384, 385, 1000, 4096, 10_000, 20_000, 100_000} {
		got := statsd.Count(func(yield func(uint64) bool) {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			for range n {
				x := r.Uint64()
				for range 2 {
					if !yield(x) {
						return
					}
				}
			}
		})
		limit := 0.0
		if n > 384 {
			limit = 0.08 * float64(n)
		}
		if math.Abs(got-float64(n)) > limit {
			t.Errorf("%d distinct values are counted as %v", n, got)
		}
	}
	if got := statsd.Count(func(yield func(uint64) bool) {
		for _, h := range []uint64{0, 0, 1} {
			if !yield(h) {
				return
			}
		}
	}); got != 2 {
		t.Errorf("0 and 1 are counted as %v", got)
	}
}

// Ertl's estimator has no bias: the mean over many streams is nearer than one.
func TestDistinctMean(t *testing.T) {
	for _, n := range []int{3000, 12_000} {
		var sum float64
		const runs = 40
		for run := range runs {
			sum += statsd.Count(func(yield func(uint64) bool) {
				r := rand.New(rand.NewPCG(uint64(run), 7))
				for range n {
					if !yield(r.Uint64()) {
						return
					}
				}
			})
		}
		if mean := sum / runs; math.Abs(mean-float64(n)) > 0.013*float64(n) {
			t.Errorf("%d distinct values are counted as %v on average", n, mean)
		}
	}
}

func TestEvents(t *testing.T) {
	var batches []sidelight.Batch
	var bodies []string
	out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
		batches = append(batches, *b)
		for _, e := range b.Events {
			bodies = append(bodies, fmt.Sprintf("%d %s", e.Time, e.Body))
		}
		return nil
	})
	dest := sidelight.Dest{Group: "g"}.Handle()
	taker := statsd.NewTaker(statsd.Config{Events: dest}, &recorder{})
	taker.Take(out, []byte("_e{5,7}:pa|ge|one\\ntw|d:1656581400|h:web-1|k:deploys|p:low|s:ci|t:error|#env:prod,a|c:ci-1\n"+
		"_sc|db.up|1|d:1656581401|h:web-1|#shard:3|m:slow \"x\"\na:1|c"))
	want := []string{
		`1656581400000 {"type":"event","title":"pa|ge","message":"one\ntw","host":"web-1","aggregation_key":"deploys","priority":"low",` +
			`"source_type":"ci","alert_type":"error","level":"error","tags":{"a":"true","env":"prod"}}`,
		`1656581401000 {"type":"service_check","name":"db.up","status":"warning","host":"web-1","message":"slow \"x\"","level":"warn","tags":{"shard":"3"}}`,
	}
	if d := cmp.Diff(want, bodies); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	for _, b := range bodies {
		_, doc, _ := strings.Cut(b, " ")
		if !json.Valid([]byte(doc)) {
			t.Errorf("not JSON: %s", doc)
		}
	}
	if len(batches) != 1 || batches[0].Signal != sidelight.Logs || batches[0].Dest != dest || batches[0].Source != "statsd" {
		t.Errorf("batches %+v", batches)
	}
	if st := taker.Stats(); st.Events != 1 || st.Checks != 1 || st.Samples != 1 || st.Lines != 3 {
		t.Errorf("stats %+v", st)
	}
}

// A million distinct tag values leave what is remembered bounded, and others'
// gauges alone.
func TestManySeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &last{}
		taker := statsd.NewTaker(statsd.Config{MaxGauges: 100, MaxSets: 100}, rec)
		take := func(text string) { taker.Take(nil, []byte(text)) }
		take("kept:5|g\nkept:+1|g")
		for i := range 30_000 {
			take("x:1|c|#user:" + strconv.Itoa(i) + "\ny:1|g|#user:" + strconv.Itoa(i) + "\nz:1|s|#user:" + strconv.Itoa(i))
		}
		if text, series := taker.Remembered(); series > 8192 || text > series*128 {
			t.Errorf("%d bytes of %d series are remembered", text, series)
		}
		if g, s := taker.Gauges(), taker.Sets(); g != 100 || s != 100 {
			t.Errorf("%d gauges and %d sets are remembered, want 100", g, s)
		}
		take("kept:+1|g")
		if rec.m.Value != 7 {
			t.Errorf("the gauge is %v, want 7", rec.m.Value)
		}
		take("new:+1|g")
		if n := taker.Stats().Invalid["too_many_gauges"]; n != 1 {
			t.Errorf("%d changes of unknown gauges refused, want 1", n)
		}
		// What nobody sets any more makes room.
		time.Sleep(2 * time.Minute)
		take("new:+1|g")
		if rec.m.Name != "new" || rec.m.Value != 1 {
			t.Errorf("the last sample is %s %v, want new 1", rec.m.Name, rec.m.Value)
		}
		take("kept:+1|g")
		if rec.m.Value != 8 {
			t.Errorf("the gauge is %v, want 8", rec.m.Value)
		}
	})
}

// last keeps the last measurement.
type last struct{ m sidelight.Measurement }

func (l *last) Record(m *sidelight.Measurement) {
	l.m = *m
	l.m.Name = strings.Clone(m.Name)
}

// FuzzDatagram takes a datagram twice: what the cache remembers must come to
// the same as what is read for the first time.
func FuzzDatagram(f *testing.F) {
	for _, s := range []string{
		"a:1|c", "a:1:2|ms|@0.1|#a:b,c", ":|", "a:+1|g|#:,::", "s:x|s|T1", "_e{1,1}:a|b|#x", "_sc|a|1|m:x", "a:1|c\r\nb:2|h\n\n", "a:1e5:.5:5.|d|c:x|",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, again := &recorder{}, &recorder{}
		dest := sidelight.Dest{Group: "g"}.Handle()
		out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
			for _, e := range b.Events {
				if !json.Valid(e.Body) {
					t.Errorf("not JSON: %s", e.Body)
				}
			}
			return nil
		})
		statsd.NewTaker(statsd.Config{Events: dest}, first).Take(out, b)
		taker := statsd.NewTaker(statsd.Config{Events: dest}, &recorder{})
		taker.Take(out, b)
		taker.Rebase(again)
		taker.Take(out, b)
		if d := cmp.Diff(first.lines, again.lines); d != "" {
			t.Errorf("the second time differs (-first +second):\n%s", d)
		}
	})
}

type null struct{}

func (null) Record(*sidelight.Measurement) {}

func TestSamplesDoNotAllocate(t *testing.T) {
	for name, text := range map[string]string{
		"timer": "shop.requests:12|ms|@0.5|#route:/orders,status:200", "gauge": "shop.open:+12|g|#route:/orders", "set": "shop.users:alice|s",
	} {
		taker := statsd.NewTaker(statsd.Config{}, null{})
		b := []byte(text)
		taker.Take(nil, b)
		if n := testing.AllocsPerRun(100, func() { taker.Take(nil, b) }); n != 0 {
			t.Errorf("%s: taking a line allocates %v times", name, n)
		}
	}
}

// load returns datagrams of up to size bytes with samples of n series.
func load(n, size int) (all [][]byte, samples int) {
	var b []byte
	for i := range 4 * n {
		l := fmt.Sprintf("shop.requests.%d:%d.%d|ms|#route:/orders/%d,status:200,env:production\n", i%n%10, i%997, i%10, i%n)
		if len(b)+len(l) > size && len(b) > 0 {
			all, b = append(all, b), nil
		}
		b = append(b, l...)
	}
	return append(all, b), 4 * n
}

// BenchmarkTakeAndRecord is BenchmarkTake into the real recorder.
func BenchmarkTakeAndRecord(b *testing.B) {
	all, samples := load(500, 1400)
	sum := aggregate.New(aggregate.Config{}, func(context.Context, []sidelight.Point) error { return nil }, slog.New(slog.DiscardHandler))
	taker := statsd.NewTaker(statsd.Config{}, sum)
	b.ReportAllocs()
	for b.Loop() {
		for _, d := range all {
			taker.Take(nil, d)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(samples), "ns/sample")
}

func BenchmarkTake(b *testing.B) {
	for name, c := range map[string]struct{ series, size int }{
		"lines alone": {500, 1}, "datagrams of 1400 bytes": {500, 1400}, "100000 series": {100_000, 1400},
	} {
		all, samples := load(c.series, c.size)
		b.Run(name, func(b *testing.B) {
			taker := statsd.NewTaker(statsd.Config{}, null{})
			b.ReportAllocs()
			for b.Loop() {
				for _, d := range all {
					taker.Take(nil, d)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(samples), "ns/sample")
		})
	}
}
