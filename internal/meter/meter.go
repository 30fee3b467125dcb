// Package meter holds the agent's own numbers: the books of what was accepted
// and what became of it, and counters and gauges of its parts. An instance
// belongs to one agent; nothing is global.
package meter

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Set is a registry of metrics. The zero Set is empty.
type Set struct {
	mu       sync.Mutex
	families map[string]*family
}

type family struct {
	help, kind string
	series     map[string]func() float64
	collect    []func(emit func(value float64, labels ...string))
}

// Counter is a number that only grows.
type Counter struct{ n atomic.Uint64 }

// Add adds n.
func (c *Counter) Add(n int) { c.n.Add(uint64(n)) }

// Load returns the value.
func (c *Counter) Load() uint64 { return c.n.Load() }

// Counter registers and returns a counter. labels are pairs of name and value.
// Asking twice for the same series is a bug and panics.
func (s *Set) Counter(name, help string, labels ...string) *Counter {
	c := new(Counter)
	s.add(name, help, "counter", labels, func() float64 { return float64(c.Load()) })
	return c
}

// Func registers a number that is read when the set is written: a counter if the
// name ends in _total, else a gauge.
func (s *Set) Func(name, help string, read func() float64, labels ...string) {
	kind := "gauge"
	if strings.HasSuffix(name, "_total") {
		kind = "counter"
	}
	s.add(name, help, kind, labels, read)
}

// Collect registers series that come and go: collect is called when the set is
// written, and emits them. kind is gauge or counter; labels are pairs of name
// and value.
func (s *Set) Collect(name, help, kind string, collect func(emit func(value float64, labels ...string))) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.family(name, help, kind)
	f.collect = append(f.collect, collect)
}

// family returns the family called name, made if it is not there.
func (s *Set) family(name, help, kind string) *family {
	if s.families == nil {
		s.families = map[string]*family{}
	}
	f := s.families[name]
	if f == nil {
		f = &family{help: help, kind: kind, series: map[string]func() float64{}}
		s.families[name] = f
	}
	return f
}

func (s *Set) add(name, help, kind string, labels []string, read func() float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.family(name, help, kind)
	key := labelText(labels)
	if f.series[key] != nil {
		panic("BUG: metric registered twice: " + name + key)
	}
	f.series[key] = read
}

func labelText(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	var b strings.Builder
	for i := 0; i+1 < len(labels); i += 2 {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		b.WriteByte(sep)
		fmt.Fprintf(&b, "%s=%q", labels[i], labels[i+1])
	}
	b.WriteByte('}')
	return b.String()
}

// WriteText writes every metric in Prometheus' text format, sorted by name.
func (s *Set) WriteText(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range sortedKeys(s.families) {
		f := s.families[name]
		if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, f.help, name, f.kind); err != nil {
			return err
		}
		values := f.values()
		for _, labels := range sortedKeys(values) {
			if _, err := fmt.Fprintf(w, "%s%s %v\n", name, labels, values[labels]); err != nil {
				return err
			}
		}
	}
	return nil
}

// values reads every series of f, by its labels.
func (f *family) values() map[string]float64 {
	values := make(map[string]float64, len(f.series))
	for labels, read := range f.series {
		values[labels] = read()
	}
	for _, collect := range f.collect {
		collect(func(v float64, labels ...string) { values[labelText(labels)] = v })
	}
	return values
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
