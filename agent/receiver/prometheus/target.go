package prometheus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/bucket"
	"github.com/sidelight-dev/sidelight/internal/expr"
	"github.com/sidelight-dev/sidelight/internal/promtext"
)

// accept asks for OpenMetrics, and for the text format if there is none.
const accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

// maxLine is the longest line that is read.
const maxLine = 64 << 10

// target is what is known of one place to scrape.
type target struct {
	*Receiver
	url    string
	labels []sidelight.Dimension // job, instance and so on, sorted

	scrapes  uint64
	complete bool // the last scrape read everything
	series   map[string]*series
	// distributions lie under their name and labels, le left out.
	distributions map[string]*distribution
	refused       int // series for which there was no room, in this scrape
	subject       expr.Subject
}

// result is what came of one scrape.
type result struct {
	samples, invalid, exemplars, notFinite int
}

// scrape reads the target once. A panic costs the scrape, not the agent.
func (t *target) scrape(ctx context.Context) (res result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return res, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat(t.cfg.Timeout.Seconds(), 'f', -1, 64))
	if err := t.authorize(req); err != nil {
		return res, err
	}
	answer, err := t.client.Do(req)
	if err != nil {
		return res, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return res, fmt.Errorf("the target answers %s", answer.Status)
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err == nil && kind == "application/vnd.google.protobuf" {
		return res, errors.New("the target answers in protocol buffers, which it was not asked for")
	}
	return t.read(&limited{answer.Body, t.cfg.MaxBody}, kind == "application/openmetrics-text")
}

var errLong = errors.New("the answer is longer than max_body")

// limited reads at most left bytes and then fails.
type limited struct {
	from io.Reader
	left int64
}

// Read implements io.Reader.
func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLong
	}
	n, err := l.from.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}

// read records what the exposition in from says. Whatever was read before an
// error counts.
func (t *target) read(from io.Reader, open bool) (res result, err error) {
	fromZero := t.complete
	t.scrapes++
	t.refused = 0
	f := family{open: open}
	in := promtext.NewLines(maxLine)
	in.Reset(from)
	ended := false
	for !ended {
		line, rerr := in.Next()
		if errors.Is(rerr, bufio.ErrBufferFull) {
			err = fmt.Errorf("a line is longer than %d bytes", maxLine)
			break
		}
		if rerr != nil && !errors.Is(rerr, io.EOF) {
			err = rerr
			break
		}
		ended = t.line(&f, line, fromZero, &res) || rerr != nil
		if rerr != nil && open {
			err = errors.New("the answer does not end with # EOF: it is not whole")
		}
	}
	if err == nil && res.samples == 0 && res.invalid > 0 {
		err = errors.New("the answer is not in Prometheus' text format")
	}
	t.finish(fromZero, err == nil)
	return res, err
}

// line reads one line and reports whether it was # EOF.
func (t *target) line(f *family, line []byte, fromZero bool, res *result) bool {
	if len(line) == 0 {
		return false
	}
	if line[0] == '#' {
		return f.comment(line)
	}
	s, err := promtext.Parse(line, f.open)
	var x *series
	if err == nil {
		x, err = t.find(f, &s)
	}
	if err != nil {
		res.invalid++
		t.complain(t.url, line, res.invalid)
		return false
	}
	res.samples++
	if s.Exemplar {
		res.exemplars++
	}
	if x != nil {
		t.take(x, &s, fromZero, res)
	}
	return false
}

// take records s, or remembers it until the scrape is over.
func (t *target) take(x *series, s *promtext.Sample, fromZero bool, res *result) {
	x.seen = t.scrapes
	if x.role == unwanted {
		return
	}
	if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		res.notFinite++
		return
	}
	at := int64(0)
	if t.cfg.HonorTimestamps && s.Timed {
		at = s.Time
	}
	v := s.Value
	switch x.role {
	case increase:
		before, known := x.before, x.known
		x.before, x.known = v, true
		switch {
		case !known && !fromZero:
			return
		case known && v >= before:
			v -= before
		}
	case bucketOf:
		x.of.bucket(x.le).set(v, t.scrapes)
	case sumOf:
		x.of.sum.set(v, t.scrapes)
	case countOf:
		x.of.count.set(v, t.scrapes)
	}
	if x.of != nil {
		x.of.seen, x.of.m.Time = t.scrapes, at
		return
	}
	x.m.Value, x.m.Time = v*x.factor, at
	t.rec.Record(&x.m)
}

// finish records the histograms of the scrape, and forgets what was not in it.
func (t *target) finish(fromZero, whole bool) {
	var h bucket.Histogram
	for key, d := range t.distributions {
		if d.seen == t.scrapes {
			d.finish(t.scrapes, fromZero, t.rec, &h)
		} else if whole {
			delete(t.distributions, key)
		}
	}
	if whole {
		for key, x := range t.series {
			if x.seen != t.scrapes {
				delete(t.series, key)
			}
		}
	}
	t.complete = whole && t.refused == 0
}

// find returns what is known of s's series, nil if there is no room for another.
func (t *target) find(f *family, s *promtext.Sample) (*series, error) {
	x := t.series[string(s.Series)]
	if x != nil && x.kind == f.kind {
		return x, nil
	}
	if x == nil && len(t.series) >= t.cfg.MaxSeries {
		t.refused++
		return nil, nil
	}
	x, err := t.newSeries(f, s)
	if err == nil {
		t.series[string(s.Series)] = x
	}
	return x, err
}

func (t *target) newSeries(f *family, s *promtext.Sample) (*series, error) {
	labels, err := parseLabels(s.Labels)
	if err != nil {
		return nil, err
	}
	name := string(s.Name)
	x := &series{kind: f.kind, role: f.role(s.Name)}
	if x.role == elsewhere {
		// A name that says that it counts is believed.
		if x.role = level; strings.HasSuffix(name, "_total") {
			x.role = increase
		}
	}
	le := ""
	if x.role == bucketOf {
		labels, le = without(labels, "le")
		var ok bool
		if x.le, ok = promtext.Number([]byte(le)); !ok || math.IsNaN(x.le) {
			return nil, promtext.ErrLine
		}
	}
	metric := name
	if x.role == bucketOf || x.role == sumOf || x.role == countOf {
		metric = string(f.name)
	}
	if x.role == unwanted || !t.wanted(metric, labels) {
		x.role = unwanted
		return x, nil
	}
	unit, factor := f.unitFor(metric, x.role)
	x.factor = factor
	x.m = sidelight.Measurement{
		Namespace: t.cfg.Namespace, Name: metric, Unit: unit, Dimensions: dimensions(labels, t.labels, t.cfg.Dimensions), Kind: sidelight.Gauge,
	}
	switch x.role {
	case increase:
		x.m.Kind = sidelight.Sum
	case bucketOf, sumOf, countOf:
		x.m.Kind = sidelight.Sample
		x.of = t.distribution(metric, labels, x)
	}
	return x, nil
}

// distribution returns the histogram that x is a part of.
func (t *target) distribution(name string, labels []sidelight.Dimension, x *series) *distribution {
	key := string(describe(name, labels, nil))
	d := t.distributions[key]
	if d == nil {
		d = &distribution{m: x.m, factor: x.factor}
		t.distributions[key] = d
	}
	return d
}

// wanted asks keep and drop about a series.
func (t *target) wanted(name string, labels []sidelight.Dimension) bool {
	if t.keep == nil && t.drop == nil {
		return true
	}
	t.subject.Reset(t.url, describe(name, labels, t.labels))
	return (t.keep == nil || t.keep.Match(&t.subject)) && (t.drop == nil || !t.drop.Match(&t.subject))
}

// about records how a scrape went.
func (t *target) about(res result, took time.Duration, err error) {
	up := 1.0
	if err != nil {
		up = 0
	}
	for _, m := range []sidelight.Measurement{
		{Name: "up", Value: up},
		{Name: "scrape_duration_seconds", Unit: "Seconds", Value: took.Seconds()},
		{Name: "scrape_samples_scraped", Unit: "Count", Value: float64(res.samples)},
	} {
		m.Namespace, m.Kind, m.Dimensions = t.cfg.Namespace, sidelight.Gauge, t.labels
		t.rec.Record(&m)
	}
}
