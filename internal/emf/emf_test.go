package emf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
)

// document is what CloudWatch Logs reads of a document.
type document struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct {
				Name, Unit        string
				StorageResolution int
			}
		}
	} `json:"_aws"`
	members map[string]json.RawMessage
}

// structured is a metric's value in the structured form.
type structured struct {
	Values, Counts       []float64
	Max, Min, Count, Sum float64
}

// parse reads a document, in which no member may stand twice.
func parse(body []byte) (*document, error) {
	d := &document{members: map[string]json.RawMessage{}}
	if err := json.Unmarshal(body, d); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if _, twice := d.members[name.(string)]; twice {
			return nil, fmt.Errorf("member %q stands twice", name)
		}
		d.members[name.(string)] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than an object: %v", err)
	}
	return d, nil
}

// tally is the account of a series: how often each value was seen, and the
// statistics of what had no values.
type tally struct {
	Values map[float64]float64
	Stats  sidelight.Stats
}

func (t *tally) add(values, counts []float64, s sidelight.Stats) {
	if len(values) == 0 {
		t.Stats.Count += s.Count
		t.Stats.Sum += s.Sum
		t.Stats.Min, t.Stats.Max = min(t.Stats.Min, s.Min), max(t.Stats.Max, s.Max)
		return
	}
	for i, v := range values {
		if t.Values == nil {
			t.Values = map[float64]float64{}
		}
		t.Values[v] += counts[i]
	}
}

// into adds what a document says, by namespace, time, dimensions, name, unit and
// resolution, and returns how it breaks the specification of CloudWatch's user guide, "Specification: Embedded metric format".
func (d *document) into(all map[string]*tally) error {
	if n := len(d.AWS.CloudWatchMetrics); n != 1 {
		return fmt.Errorf("%d directives", n)
	}
	c := d.AWS.CloudWatchMetrics[0]
	if len(c.Dimensions) != 1 || len(c.Dimensions[0]) > 30 || len(c.Metrics) > 100 || len(c.Metrics) == 0 {
		return fmt.Errorf("%d sets of dimensions, %d metrics", len(c.Dimensions), len(c.Metrics))
	}
	dims := ""
	for _, name := range c.Dimensions[0] {
		var value string
		if err := json.Unmarshal(d.members[name], &value); err != nil || utf8.RuneCountInString(name) > 250 {
			return fmt.Errorf("dimension %q: %w", name, err)
		}
		dims += fmt.Sprintf("%q=%q,", name, value)
	}
	for _, m := range c.Metrics {
		key := fmt.Sprintf("%q %d {%s} %q %s %d", c.Namespace, d.AWS.Timestamp, dims, m.Name, m.Unit, m.StorageResolution)
		if all[key] == nil {
			all[key] = &tally{}
		}
		var one float64
		var many structured
		if json.Unmarshal(d.members[m.Name], &one) == nil {
			all[key].add([]float64{one}, []float64{1}, sidelight.Stats{})
			continue
		}
		if err := json.Unmarshal(d.members[m.Name], &many); err != nil {
			return fmt.Errorf("metric %q: %w", m.Name, err)
		}
		if len(many.Values) > 100 || len(many.Values) != len(many.Counts) {
			return fmt.Errorf("metric %q has %d values, %d counts", m.Name, len(many.Values), len(many.Counts))
		}
		all[key].add(many.Values, many.Counts, sidelight.Stats{Count: many.Count, Sum: many.Sum, Min: many.Min, Max: many.Max})
	}
	return nil
}

// expected is the account of points by themselves.
func expected(points []sidelight.Point) map[string]*tally {
	all := map[string]*tally{}
	for _, p := range points {
		dims := ""
		for _, d := range p.Dimensions {
			dims += fmt.Sprintf("%q=%q,", d.Name, d.Value)
		}
		resolution := 0
		if p.Resolution == 1 {
			resolution = 1
		}
		key := fmt.Sprintf("%q %d {%s} %q %s %d", p.Namespace, p.Time, dims, p.Name, p.Unit, resolution)
		if all[key] == nil {
			all[key] = &tally{}
		}
		all[key].add(p.Values, p.Counts, p.Stats)
	}
	return all
}

// written is the account of documents.
func written(t *testing.T, events []sidelight.Event) map[string]*tally {
	t.Helper()
	all := map[string]*tally{}
	for _, e := range events {
		if len(e.Body) > 1<<20-26 {
			t.Errorf("a document has %d bytes", len(e.Body))
		}
		d, err := parse(e.Body)
		if err != nil {
			t.Fatalf("%v: %.200s", err, e.Body)
		}
		if err := d.into(all); err != nil {
			t.Errorf("%v: %.200s", err, e.Body)
		}
		if d.AWS.Timestamp != e.Time {
			t.Errorf("document of %d in an event of %d", d.AWS.Timestamp, e.Time)
		}
	}
	return all
}

// random makes points of a few series, among them more metrics, values and bytes
// than a document takes.
func random(r *rand.Rand) (points []sidelight.Point) {
	for series := range 1 + r.IntN(4) {
		dims := make([]sidelight.Dimension, r.IntN(31))
		for i := range dims {
			dims[i] = sidelight.Dimension{Name: fmt.Sprintf("d%02d", i), Value: strings.Repeat("v", r.IntN(40)+1)}
		}
		for m := range 1 + r.IntN(150) {
			p := sidelight.Point{
				Time: 1_700_000_000_000 + 60_000*int64(series), Namespace: "N\"s", Name: fmt.Sprintf("m%d", m),
				Unit: []string{"", "Bytes", "Milliseconds"}[r.IntN(3)], Dimensions: dims, Resolution: []int{1, 60}[r.IntN(2)],
			}
			if values := []int{0, 1, 2, 100, 101, 600}[r.IntN(6)]; values > 0 {
				observe(&p, values, r)
			} else {
				p.Stats = sidelight.Stats{Count: 3, Sum: 6, Min: 1, Max: 3}
			}
			points = append(points, p)
		}
	}
	return points
}

// observe gives p n values.
func observe(p *sidelight.Point, n int, r *rand.Rand) {
	for i := range n {
		p.Values = append(p.Values, float64(i)+r.Float64()/2)
		p.Counts = append(p.Counts, float64(1+r.IntN(3)))
	}
}

// Whatever points there are, documents keep the limits and say no more and no less.
func TestDocumentsSayWhatPointsSay(t *testing.T) {
	for seed := range uint64(4) {
		points := random(rand.New(rand.NewPCG(seed, 1)))
		want, got := expected(points), written(t, Documents(points))
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("seed %d (-points +documents):\n%s", seed, cmp.Diff(want, got))
		}
	}
}

// point returns a level of one.
func point(name string, dims ...sidelight.Dimension) sidelight.Point {
	return sidelight.Point{Namespace: "N", Name: name, Resolution: 60, Dimensions: dims, Values: []float64{1}, Counts: []float64{1}}
}

func TestLimits(t *testing.T) {
	dim := func(name, value string) sidelight.Dimension { return sidelight.Dimension{Name: name, Value: value} }
	long := strings.Repeat("k", 255)
	full := make([]sidelight.Point, 100)
	for i := range full {
		full[i] = point(strings.Repeat("\x01", 1000)+fmt.Sprint(i), dim("a", "b"))
		full[i].Values = nil
		for n := range 100 {
			full[i].Values, full[i].Counts = append(full[i].Values, float64(n)+1.0/3), append(full[i].Counts, 1e15/7)
		}
		full[i].Counts = full[i].Counts[:100]
	}
	hundredOne := make([]sidelight.Point, 101)
	for i := range hundredOne {
		hundredOne[i] = point(fmt.Sprint("m", i))
	}
	many := point("m")
	many.Values, many.Counts = nil, nil
	for i := range 101 {
		many.Values, many.Counts = append(many.Values, float64(i)), append(many.Counts, 1)
	}
	for name, c := range map[string]struct {
		points    []sidelight.Point
		documents int
		dims      string // of the last metric
	}{
		"101 metrics":                         {hundredOne, 2, ""},
		"101 values":                          {[]sidelight.Point{many}, 2, ""},
		"a megabyte and more":                 {full, 2, `"a"="b",`},
		"a dimension of a metric's name":      {[]sidelight.Point{point("x", dim("a", "b"), dim("y", "c")), point("y", dim("a", "b"), dim("y", "c"))}, 2, `"a"="b",`},
		"a dimension of the document's name":  {[]sidelight.Point{point("x", dim("_aws", "b"))}, 1, `"_aws_"="b",`},
		"a metric of the document's name":     {[]sidelight.Point{point("_aws", dim("a", "b"))}, 1, `"a"="b",`},
		"a dimension of 255 characters":       {[]sidelight.Point{point("x", dim(long, "b"))}, 1, `"` + long[:250] + `"="b",`},
		"two that agree in 250 characters":    {[]sidelight.Point{point("x", dim(long, "b"), dim(long+"l", "c"))}, 1, `"` + long[:250] + `"="b",`},
		"the same metric twice, of two times": {[]sidelight.Point{point("x"), {Time: 60_000, Namespace: "N", Name: "x", Resolution: 60, Values: []float64{1}, Counts: []float64{1}}}, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			events := Documents(c.points)
			if len(events) != c.documents {
				t.Errorf("%d documents, want %d", len(events), c.documents)
			}
			last := map[string]*tally{}
			d, err := parse(events[len(events)-1].Body)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.into(last); err != nil {
				t.Error(err)
			}
			for key := range last {
				if !strings.Contains(key, "{"+c.dims+"}") {
					t.Errorf("%s, want dimensions %s", key, c.dims)
				}
			}
			metrics := 0
			for _, tally := range written(t, events) {
				metrics += max(1, len(tally.Values))
			}
			want := 0
			for _, p := range c.points {
				want += len(p.Values)
			}
			if metrics != want {
				t.Errorf("%d values of %d are in the documents", metrics, want)
			}
		})
	}
}

// A document is JSON, whatever metrics are called.
func FuzzDocuments(f *testing.F) {
	f.Add("requests", "route", "/a", 1.5, 2.0)
	f.Add("_aws", "_aws", "\x00\"\\", 0.0, -1e300)
	f.Add("same", "same", "\u2028", 1e-9, 3.0)
	f.Add("é", strings.Repeat("ü", 260), "", 5e-324, 1.0)
	f.Fuzz(func(t *testing.T, name, dimension, value string, v, count float64) {
		name, dimension, value = strings.ToValidUTF8(name, "?"), strings.ToValidUTF8(dimension, "?"), strings.ToValidUTF8(value, "?")
		if v-v != 0 || count-count != 0 { // not a number, or infinite
			return // the aggregation lets only numbers through
		}
		p := point(name, sidelight.Dimension{Name: dimension, Value: value})
		p.Values, p.Counts = []float64{v}, []float64{count}
		all := written(t, Documents([]sidelight.Point{p, point("other", p.Dimensions...)}))
		if len(all) != 2 && name != "other" {
			t.Errorf("%d metrics: %v", len(all), all)
		}
	})
}
