package aggregate_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
)

func newAggregate(out func([]sidelight.Point), cfg aggregate.Config) *aggregate.Aggregate {
	return aggregate.New(cfg, func(_ context.Context, p []sidelight.Point) error { out(p); return nil }, slog.New(slog.DiscardHandler))
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// a tag with a million values: memory is bounded, no count is lost, the rest of
// the metrics is as ever, and the metric and its dimension are named.
func TestExplosion(t *testing.T) {
	var log bytes.Buffer
	var points []sidelight.Point
	a := aggregate.New(aggregate.Config{Dimensions: []sidelight.Dimension{{Name: "service", Value: "shop"}}},
		func(_ context.Context, p []sidelight.Point) error { points = p; return nil }, slog.New(slog.NewTextHandler(&log, nil)))
	calm := func() {
		for i := range 700 {
			a.Record(&sidelight.Measurement{
				Name: fmt.Sprint("calm", i/100), Kind: sidelight.Sum, Value: 2, Dimensions: []sidelight.Dimension{{Name: "route", Value: fmt.Sprint(i)}},
			})
		}
	}
	calm()
	dims := []sidelight.Dimension{{Name: "region", Value: "x"}, {Name: "request", Value: ""}, {Name: "status", Value: ""}}
	m := sidelight.Measurement{Name: "wild", Kind: sidelight.Sum, Value: 1, Dimensions: dims}
	send := func(n int) {
		for i := range n {
			dims[1].Value, dims[2].Value = strconv.Itoa(i), strconv.Itoa(i%7)
			a.Record(&m)
		}
	}
	const many = manyValues
	send(10_000)
	before := heap()
	send(many)
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for i := range 100 { // what comes late finds room too
		a.Record(&sidelight.Measurement{Name: "late", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "route", Value: fmt.Sprint(i)}}})
	}
	calm()
	st := a.Stats()
	if len(st.Offenders) != 1 || st.Offenders[0].Metric != "wild" || st.Offenders[0].Dimension != "request" {
		t.Errorf("offenders %+v", st.Offenders)
	} else if n := float64(st.Offenders[0].Values); math.Abs(n-many) > 0.25*many {
		t.Errorf("some %v values, want about %d", n, many)
	}
	if len(st.Lost) > 0 || st.Overflow["wild"] < many || len(st.Overflow) != 1 {
		t.Errorf("stats %+v", st)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	sums, series, marked := map[string]float64{}, map[string]int{}, 0
	for _, p := range points {
		sums[p.Name[:4]] += p.Values[0]
		series[p.Name[:4]]++
		if len(p.Dimensions) == 2 && p.Dimensions[1].Name == aggregate.OverflowDimension {
			marked++
		}
		if p.Name[:4] == "calm" && p.Values[0] != 4 {
			t.Errorf("%s %v is %v, want 4", p.Name, p.Dimensions, p.Values)
		}
	}
	if sums["wild"] != many+10_000 || series["wild"] != 501 || marked != 1 || series["calm"] != 700 || series["late"] != 100 {
		t.Errorf("sums %v, series %v, %d marked", sums, series, marked)
	}
	text := log.String()
	if strings.Count(text, "\n") != 1 || !strings.Contains(text, "metric=wild") || !strings.Contains(text, "dimension=request") {
		t.Errorf("log:\n%s", text)
	}
	// In the next interval a metric with little more than it may have does not hide
	// what was worse.
	for i := range 700 {
		a.Record(&sidelight.Measurement{Name: "mild", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "id", Value: fmt.Sprint(i)}}})
	}
	if o := a.Stats().Offenders; len(o) != 2 || o[0].Metric != "wild" || o[1].Metric != "mild" {
		t.Errorf("offenders %+v", o)
	}
	if err := a.Flush(t.Context()); err != nil || len(a.Stats().Offenders) != 1 {
		t.Errorf("offenders %+v, %v", a.Stats().Offenders, err)
	}
	// An interval without overflow forgets the offender.
	if err := a.Flush(t.Context()); err != nil || len(a.Stats().Offenders) != 0 {
		t.Errorf("offenders %+v, %v", a.Stats().Offenders, err)
	}
}

// Endless names of metrics are bounded as well, and what is lost is counted.
func TestManyNames(t *testing.T) {
	lost := 0
	a := newAggregate(func([]sidelight.Point) {}, aggregate.Config{MaxSeries: 50, Lose: func(string, int) { lost++ }})
	for i := range 10_000 {
		a.Record(&sidelight.Measurement{Name: fmt.Sprint("m", i), Value: 1})
	}
	st := a.Stats()
	if st.Series != 100 || st.Metrics > 100 || lost != 10_000-100 || st.Lost["too_many_metrics"] != uint64(lost) {
		t.Errorf("%d series, %d metrics, %d lost; stats %v", st.Series, st.Metrics, lost, st.Lost)
	}
	if n := len(st.Offenders); n > 10 {
		t.Errorf("%d offenders", n)
	}
}

// Idle series are kept for some intervals, and then forgotten; those of a metric
// in overflow hold their room longer, so that names which never come back do not
// each become a metric.
func TestIdle(t *testing.T) {
	distinct := map[string]bool{}
	a := newAggregate(func(points []sidelight.Point) {
		for _, p := range points {
			distinct[fmt.Sprint(p.Name, p.Dimensions)] = true
		}
	}, aggregate.Config{MaxPerMetric: 10})
	record := func(name, value string) {
		a.Record(&sidelight.Measurement{Name: name, Value: 1, Dimensions: []sidelight.Dimension{{Name: "id", Value: value}}})
	}
	flush := func() {
		if err := a.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	record("n", "once")
	for range 5 {
		flush()
		if st := a.Stats(); st.Series != 1 {
			t.Fatalf("%d series", st.Series)
		}
	}
	flush()
	if st := a.Stats(); st.Series != 0 || st.Metrics != 0 || a.Entries() != 0 {
		t.Errorf("stats %+v and %d entries of what was idle", st, a.Entries())
	}
	clear(distinct)
	for i := range 40 {
		for j := range 20 {
			record("ids", fmt.Sprint(i, " ", j))
		}
		flush()
	}
	if len(distinct) != 11 {
		t.Errorf("%d metrics, want ten and the overflow", len(distinct))
	}
	for range 70 {
		flush()
	}
	if st := a.Stats(); st.Series != 0 {
		t.Errorf("stats %+v after a long silence", st)
	}
}

// A steady state allocates nothing, across intervals too but for the points.
func TestRecordAcrossIntervals(t *testing.T) {
	a := newAggregate(func([]sidelight.Point) {}, aggregate.Config{})
	values := make([]float64, 2000)
	for i := range values {
		values[i] = math.Exp(float64(i) / 200)
	}
	m := sidelight.Measurement{Name: "took", Kind: sidelight.Sample, Dimensions: []sidelight.Dimension{{Name: "route", Value: "/x"}}}
	now := time.Now()
	interval := func() {
		for i := range 5 {
			m.Resolution = i & 1
			m.Time = (i64(i) % 3) * (now.UnixMilli() - i64(i)*60_000) // zero, or some time ago
			for _, v := range values {
				m.Value = v
				a.Record(&m)
			}
		}
	}
	for range 3 {
		interval()
		a.Cut(time.UnixMilli(math.MaxInt64))
	}
	if n := testing.AllocsPerRun(5, interval); n > 8 { // the seconds may change
		t.Errorf("an interval allocates %v times", n)
	}
}

func i64(i int) int64 { return int64(i) }

func BenchmarkRecordMany(b *testing.B) {
	a := newAggregate(func([]sidelight.Point) {}, aggregate.Config{})
	ms := make([]sidelight.Measurement, 1000)
	for i := range ms {
		ms[i] = sidelight.Measurement{
			Name: fmt.Sprint("http.server.duration", i%10), Kind: sidelight.Sample, Value: float64(i),
			Dimensions: []sidelight.Dimension{{Name: "method", Value: "GET"}, {Name: "route", Value: fmt.Sprint("/orders/", i)}, {Name: "status", Value: "200"}},
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := &ms[i%1000]
		m.Value = float64(i % 5000)
		a.Record(m)
	}
}

func BenchmarkOverflow(b *testing.B) {
	a := newAggregate(func([]sidelight.Point) {}, aggregate.Config{})
	dims := []sidelight.Dimension{{Name: "request", Value: ""}, {Name: "route", Value: "/x"}}
	values := make([]string, 1<<16)
	for i := range values {
		values[i] = strconv.Itoa(i)
	}
	m := sidelight.Measurement{Name: "wild", Kind: sidelight.Sum, Value: 1, Dimensions: dims}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		dims[0].Value = values[i&0xffff]
		a.Record(&m)
	}
}

// CloudWatch charges for a series in each hour in which it got data. Series that
// come and go, each for a few minutes, are no more in an hour than there may be at
// once; the next hour has room for others.
func TestHourly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, overflow = 20, 1
		a, points := collect(aggregate.Config{MaxSeries: most, MaxOverflow: overflow, Hourly: true})
		// Begin with the hour.
		<-time.After(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
		if err := a.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for h := range 3 {
			*points = nil
			for minute := range 60 {
				// Ten series of each ten minutes, 60 in the hour.
				for i := range 10 {
					a.Record(&sidelight.Measurement{Name: "hits", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{
						{Name: "task", Value: fmt.Sprint(h, minute/10, i)},
					}})
				}
				<-time.After(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
				if err := a.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			charged, sum := map[string]bool{}, 0.0
			for _, p := range *points {
				charged[fmt.Sprint(p.Dimensions)] = true
				sum += p.Values[0]
			}
			if len(charged) != most+overflow || sum != 600 {
				t.Errorf("hour %d: %d series are charged for, want %d; sum %v, want 600", h, len(charged), most+overflow, sum)
			}
		}
	})
}

// BenchmarkFlush is the end of an interval of 5,000 series, of which each got some
// values.
func BenchmarkFlush(b *testing.B) {
	for name, values := range map[string]int{"a value each": 1, "ten values each": 10, "200 values each": 200} {
		b.Run(name, func(b *testing.B) {
			a := newAggregate(func([]sidelight.Point) {}, aggregate.Config{MaxSeries: 10_000, MaxPerMetric: 10_000})
			ms := make([]sidelight.Measurement, 5000)
			for i := range ms {
				ms[i] = sidelight.Measurement{Name: fmt.Sprint("m", i%50), Kind: sidelight.Sample, Dimensions: []sidelight.Dimension{
					{Name: "route", Value: fmt.Sprint("/orders/", i)}, {Name: "status", Value: "200"},
				}}
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for i := range ms {
					for v := range values {
						ms[i].Value = 1 + float64(v*v)
						a.Record(&ms[i])
					}
				}
				b.StartTimer()
				if err := a.Flush(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Dimensions beyond those that CloudWatch takes are left out, which is counted and
// said once, and so is the overflow of metrics that there are too many of to name.
func TestLeftOut(t *testing.T) {
	var log bytes.Buffer
	var points []sidelight.Point
	a := aggregate.New(aggregate.Config{MaxSeries: 600, MaxPerMetric: 1, MaxOverflow: 1},
		func(_ context.Context, p []sidelight.Point) error { points = p; return nil }, slog.New(slog.NewTextHandler(&log, nil)))
	var dims []sidelight.Dimension
	for i := range 33 {
		dims = append(dims, sidelight.Dimension{Name: fmt.Sprintf("d%02d", i), Value: "x"})
	}
	for i := range 3 {
		a.Record(&sidelight.Measurement{Name: fmt.Sprint("wide", i), Kind: sidelight.Sum, Value: 1, Dimensions: dims})
		a.Record(&sidelight.Measurement{Name: fmt.Sprint("fits", i), Kind: sidelight.Sum, Value: 1, Dimensions: dims[:30]})
	}
	const metrics = 1100
	for i := range metrics {
		for _, v := range []string{"a", "b"} {
			a.Record(&sidelight.Measurement{Name: fmt.Sprint("m", i), Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "v", Value: v}}})
		}
	}
	st := a.Stats()
	if n := strings.Count(log.String(), "more dimensions than CloudWatch takes"); st.Cut != 3 || n != 1 {
		t.Errorf("%d series cut, want 3, and %d lines, want 1", st.Cut, n)
	}
	all := uint64(0)
	for _, n := range st.Overflow {
		all += n
	}
	// 594 metrics have found room for their first series.
	if want := uint64(2*metrics - 594); all != want || len(st.Overflow) != 1001 || st.Overflow[aggregate.OtherTotals] == 0 {
		t.Errorf("%d in overflow of %d metrics, want %d of 1001: %d of others", all, len(st.Overflow), want, st.Overflow[aggregate.OtherTotals])
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		if strings.HasPrefix(p.Name, "wide") && (len(p.Dimensions) != 30 || p.Dimensions[29].Name != "d29") {
			t.Errorf("%s has %d dimensions, the last %v", p.Name, len(p.Dimensions), p.Dimensions[len(p.Dimensions)-1])
		}
	}
}
