package prometheus

import (
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/promtext"
)

// Reader reads expositions as those of one target.
type Reader struct{ t *target }

// NewReader returns a Reader of a target called instance.
func NewReader(r *Receiver) *Reader {
	return &Reader{r.newTarget(Found{URL: "http://host:1/metrics"})}
}

// Read reads an exposition and returns how many samples and invalid lines it has.
func (r *Reader) Read(text string, open bool) (samples, invalid int, err error) {
	res, err := r.t.read(strings.NewReader(text), open)
	return res.samples, res.invalid, err
}

// Series is how many are remembered.
func (r *Reader) Series() (series, histograms int) { return len(r.t.series), len(r.t.distributions) }

// Sample is a line taken apart.
type Sample struct {
	Name     string
	Labels   []sidelight.Dimension
	Value    float64
	Time     int64
	Timed    bool
	Exemplar bool
}

// ParseLine takes a line apart.
func ParseLine(line []byte, open bool) (Sample, bool) {
	s, err := promtext.Parse(line, open)
	if err != nil {
		return Sample{}, false
	}
	labels, err := parseLabels(s.Labels)
	return Sample{string(s.Name), labels, s.Value, s.Time, s.Timed, s.Exemplar}, err == nil
}
