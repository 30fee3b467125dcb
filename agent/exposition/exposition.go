// Package exposition shows what the agent measures in the text format of
// Prometheus: the last interval's levels, and sums since the agent began.
package exposition

import (
	"bufio"
	"io"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/sidelight-dev/sidelight"
)

// Keep is for how many intervals a level is shown that nobody measures any more.
const Keep = 5

// Max is how many series are kept, some 300 bytes each. Sums are shown as long as
// there is room, as one that vanished would begin again at zero, and the increase
// that brought it back would show nowhere; the longest quiet ones make room.
const Max = 10_000

// Store holds the last level and the sum so far of each series. The zero Store is
// empty; its methods are safe for concurrent use.
type Store struct {
	mu     sync.Mutex
	round  uint64
	series map[string]*series
}

type series struct {
	family string
	labels []sidelight.Dimension // by name
	kind   sidelight.MeasurementKind
	seen   uint64
	// value is the last level, or the sum so far; sum and count are of
	// observations.
	value, sum, count float64
	quantiles         [len(shown)]float64
	// quiet says that the last interval had no point: its quantiles are none.
	quiet bool
}

// shown are the quantiles of observations.
var shown = [...]float64{0.5, 0.9, 0.99}

// Take adds the points of an interval. It keeps nothing of them.
func (s *Store) Take(points []sidelight.Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.round++
	if s.series == nil {
		s.series = map[string]*series{}
	}
	var key []byte
	for i := range points {
		p := &points[i]
		key = appendKey(key[:0], p)
		x := s.series[string(key)]
		if x == nil || x.kind != p.Kind {
			x = &series{family: name(p.Name), labels: labels(p), kind: p.Kind}
			s.series[string(key)] = x
		}
		x.take(p)
		x.seen = s.round
	}
	for k, x := range s.series {
		if x.kind == sidelight.Gauge && s.round-x.seen >= Keep {
			delete(s.series, k)
		}
	}
	s.makeRoom()
}

// makeRoom forgets the series that were quiet for longest, a tenth more than it
// must.
func (s *Store) makeRoom() {
	if len(s.series) <= Max {
		return
	}
	keys := make([]string, 0, len(s.series))
	for k := range s.series {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return s.series[keys[i]].seen < s.series[keys[j]].seen })
	for _, k := range keys[:len(keys)-Max+Max/10] {
		delete(s.series, k)
	}
}

func appendKey(dst []byte, p *sidelight.Point) []byte {
	dst = append(append(append(append(dst, p.Namespace...), 0), p.Name...), 0)
	for _, d := range p.Dimensions {
		dst = append(append(append(append(dst, d.Name...), 0), d.Value...), 0)
	}
	return dst
}

func (x *series) take(p *sidelight.Point) {
	count, sum := p.Stats.Count, p.Stats.Sum
	for i, v := range p.Values {
		count += p.Counts[i]
		sum += v * p.Counts[i]
	}
	switch x.kind {
	case sidelight.Sum:
		x.value += sum
	case sidelight.Sample:
		x.count += count
		x.sum += sum
		for i, q := range shown {
			x.quantiles[i] = quantile(p, q*count)
		}
	default:
		x.value = sum / max(1, count)
	}
}

// quantile returns the value at a rank. Values ascend.
func quantile(p *sidelight.Point, rank float64) float64 {
	seen := 0.0
	for i, v := range p.Values {
		if seen += p.Counts[i]; seen >= rank {
			return v
		}
	}
	return p.Stats.Max
}

// WriteText writes all series in version 0.0.4 of the text format, by name.
func (s *Store) WriteText(w io.Writer) error {
	s.mu.Lock()
	list := make([]series, 0, len(s.series))
	for _, x := range s.series {
		shown := *x
		shown.quiet = x.seen != s.round
		list = append(list, shown)
	}
	s.mu.Unlock()
	sort.Slice(list, func(i, j int) bool {
		if list[i].family != list[j].family {
			return list[i].family < list[j].family
		}
		return less(list[i].labels, list[j].labels)
	})
	out := bufio.NewWriter(w)
	for i := 0; i < len(list); {
		n := i + 1
		for n < len(list) && list[n].family == list[i].family {
			n++
		}
		writeFamily(out, list[i:n])
		i = n
	}
	return out.Flush()
}

// writeFamily writes the series of one name. Those of several namespaces may be
// of several kinds, of which a name can have only one.
func writeFamily(w *bufio.Writer, list []series) {
	kind := list[0].kind
	for i := range list {
		if list[i].kind != kind {
			kind = mixed
		}
	}
	w.WriteString("# TYPE " + list[0].family + " " + typeOf(kind) + "\n")
	for i := range list {
		list[i].write(w)
	}
}

// mixed is no kind.
const mixed = sidelight.MeasurementKind(255)

func typeOf(k sidelight.MeasurementKind) string {
	switch k {
	case sidelight.Gauge:
		return "gauge"
	case sidelight.Sum:
		return "counter"
	case sidelight.Sample:
		return "summary"
	}
	return "untyped"
}

func (x *series) write(w *bufio.Writer) {
	x.each(func(suffix, quantile string, v float64) {
		w.WriteString(x.family + suffix)
		open := byte('{')
		for _, l := range x.labels {
			w.WriteByte(open)
			w.WriteString(l.Name + `="`)
			_, _ = escapes.WriteString(w, l.Value)
			w.WriteByte('"')
			open = ','
		}
		if quantile != "" {
			w.WriteString(`,quantile="` + quantile + `"`)
		}
		w.WriteString("} " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
	})
}

// each calls f for each number of the series.
func (x *series) each(f func(suffix, quantile string, v float64)) {
	if x.kind != sidelight.Sample {
		f("", "", x.value)
		return
	}
	for i, q := range shown {
		if x.quiet {
			break
		}
		f("", strconv.FormatFloat(q, 'g', -1, 64), x.quantiles[i])
	}
	f("_sum", "", x.sum)
	f("_count", "", x.count)
}

// Each calls f with each level of the last interval and each sum: the labels, by
// name, the metric's among them as __name__. Labels are f's for the time of the
// call.
func (s *Store) Each(f func(labels []sidelight.Dimension, v float64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []sidelight.Dimension
	for _, x := range s.series {
		x.quiet = x.seen != s.round
		if x.quiet && x.kind == sidelight.Gauge {
			continue
		}
		x.each(func(suffix, quantile string, v float64) {
			all = append(all[:0], x.labels...)
			all = append(all, sidelight.Dimension{Name: "__name__", Value: x.family + suffix})
			if quantile != "" {
				all = append(all, sidelight.Dimension{Name: "quantile", Value: quantile})
			}
			sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
			f(all, v)
		})
	}
}

func less(a, b []sidelight.Dimension) bool {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i].Name < b[i].Name || a[i].Name == b[i].Name && a[i].Value < b[i].Value
		}
	}
	return len(a) < len(b)
}

// name makes s a name that Prometheus takes.
func name(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '_' || r == ':' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, s)
	if clean == "" || clean[0] >= '0' && clean[0] <= '9' {
		return "_" + clean
	}
	return clean
}

// labels returns p's namespace and dimensions as labels, by name. Names that
// become one by cleaning get an underscore more.
func labels(p *sidelight.Point) []sidelight.Dimension {
	out := append(make([]sidelight.Dimension, 0, len(p.Dimensions)+1), sidelight.Dimension{Name: "namespace", Value: valid(p.Namespace)})
	used := map[string]bool{"namespace": true, "quantile": true, "__name__": true}
	for _, d := range p.Dimensions {
		n := strings.ReplaceAll(name(d.Name), ":", "_")
		for used[n] {
			n += "_"
		}
		used[n] = true
		out = append(out, sidelight.Dimension{Name: n, Value: valid(d.Value)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

var escapes = strings.NewReplacer("\\", `\\`, "\n", `\n`, `"`, `\"`)

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
