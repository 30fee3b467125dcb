package cloudwatch_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatch"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// requests packs points and returns how many datums, and how many bytes before
// compression, each request has.
func requests(t *testing.T, points []sidelight.Point) (datums, bytes []int) {
	t.Helper()
	q := memq.New(memq.Config{Limit: 1 << 30})
	p := pack.New(pack.Config{Open: 1 << 30}, open(t, sandboxtest.Config(sandboxtest.New(t))), q, &meter.Account{}, slog.New(slog.DiscardHandler))
	b := sidelight.Batch{Signal: sidelight.Metrics, Dest: sidelight.Dest{Exporter: "cloudwatch", Group: "App"}.Handle()}
	for i := range points {
		for part := range points[i].Parts(cloudwatch.MaxValues) {
			b.Events = append(b.Events, sidelight.Event{Time: part.Time, Body: cloudwatch.AppendDatum(nil, &part)})
		}
	}
	if err := p.Push(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		l, err := q.Take(t.Context())
		if errors.Is(err, sidelight.ErrClosed) {
			return datums, bytes
		}
		if err != nil {
			t.Fatal(err)
		}
		datums, bytes = append(datums, l.Block().Events), append(bytes, len(l.Block().Body))
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// 5,000 series of a namespace take six requests as long as a datum has 1,190 bytes
// on average, before compression: with dimensions of 1,060 characters, or with 150
// whole numbers and how often they were seen. Beyond that requests are as full as
// they can be.
func TestCalls(t *testing.T) {
	const series = 5000
	values := func(n int, value, count func(i int) float64) func(*sidelight.Point) {
		return func(p *sidelight.Point) {
			p.Values, p.Counts = nil, nil
			for i := range n {
				p.Values, p.Counts = append(p.Values, value(i)), append(p.Counts, count(i))
			}
		}
	}
	whole, often := func(i int) float64 { return float64(100 + 7*i) }, func(i int) float64 { return float64(1 + i%20) }
	fraction, once := func(i int) float64 { return math.Sqrt(float64(2 + i*i)) }, func(int) float64 { return 1 }
	for name, c := range map[string]struct {
		dims  int // characters of the dimensions' names and values
		shape func(*sidelight.Point)
		calls int
	}{
		"a count":          {60, func(*sidelight.Point) {}, 5},
		"880 characters":   {880, func(*sidelight.Point) {}, 5},
		"1,060 characters": {1060, func(*sidelight.Point) {}, 6},
		"1,100 characters": {1100, func(*sidelight.Point) {}, 7},
		"150 whole numbers, each seen some times": {60, values(150, whole, often), 5},
		"the same with 500 characters":            {500, values(150, whole, often), 6},
		"100 fractions, each seen once":           {60, values(100, fraction, once), 6},
		"150 fractions, each seen some times":     {60, values(150, fraction, often), 9},
	} {
		t.Run(name, func(t *testing.T) {
			points := make([]sidelight.Point, series)
			for i := range points {
				id := fmt.Sprintf("%04d", i)
				points[i] = sidelight.Point{
					Time: 1_795_348_800_000, Namespace: "App", Name: "took_total", Unit: "Milliseconds", Resolution: 60,
					Dimensions: []sidelight.Dimension{
						{Name: "environment", Value: "production"}, {Name: "route", Value: id + strings.Repeat("x", c.dims-11-10-5-4)},
					},
					Values: []float64{3}, Counts: []float64{1},
				}
				c.shape(&points[i])
			}
			datums, bytes := requests(t, points)
			sum, total, longest := 0, 0, len(cloudwatch.AppendDatum(nil, &points[0]))
			for i := range datums {
				sum, total = sum+datums[i], total+bytes[i]
				if datums[i] > cloudwatch.MaxDatums || bytes[i] > cloudwatch.MaxBody {
					t.Errorf("request of %d datums, %d bytes", datums[i], bytes[i])
				}
				if last := i == len(datums)-1; !last && datums[i] < cloudwatch.MaxDatums && bytes[i] < cloudwatch.MaxBody-longest-64 {
					t.Errorf("request %d is not full: %d datums, %d bytes", i, datums[i], bytes[i])
				}
			}
			if sum != series || len(datums) != c.calls {
				t.Errorf("%d series in %d requests, want %d in %d; %d bytes a datum", sum, len(datums), series, c.calls, total/series)
			}
		})
	}
}
