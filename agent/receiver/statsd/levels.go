package statsd

import (
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// level is a gauge's last value.
type level struct {
	value   float64
	changed bool // by a value with a sign: forgetting it would be noticed
	fresh   bool // seen since the last time that room was made
	gone    bool // forgotten; ask again
}

// levels remember gauges, for values with a sign, which change them.
type levels struct {
	most int

	mu    sync.Mutex
	all   map[string]*level
	key   []byte
	swept time.Time
}

func newLevels(most int) *levels { return &levels{most: most, all: map[string]*level{}} }

// set returns the gauge's level: as given, or changed from the level before,
// which is zero at first. It reports false if it is to be changed and there are
// too many gauges to remember what it was.
func (l *levels) set(s *series, v float64, change bool) (float64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := s.level
	if x == nil || x.gone {
		if x = l.find(s); x == nil {
			return v, !change
		}
		s.level = x
	}
	x.fresh = true
	if change {
		x.changed = true
		v += x.value
	}
	x.value = v
	return v, true
}

// find returns the level of s, nil if there is no room for another.
func (l *levels) find(s *series) *level {
	l.key = appendKey(l.key[:0], &s.m)
	x := l.all[string(l.key)]
	if x == nil && l.room() {
		x = new(level)
		l.all[string(l.key)] = x
	}
	return x
}

// room makes room for one gauge, if it can: gauges that nobody has changed by a
// sign, nor set since room was made before, are forgotten. It looks for such
// once a minute at most.
func (l *levels) room() bool {
	if len(l.all) < l.most {
		return true
	}
	now := time.Now()
	if now.Sub(l.swept) < time.Minute {
		return false
	}
	l.swept = now
	for key, x := range l.all {
		if !x.changed && !x.fresh {
			x.gone = true
			delete(l.all, key)
		}
		x.fresh = false
	}
	return len(l.all) < l.most
}

// appendKey appends what tells m's series from others.
func appendKey(dst []byte, m *sidelight.Measurement) []byte {
	dst = append(dst, m.Name...)
	for _, d := range m.Dimensions {
		dst = append(append(append(append(dst, '|'), d.Name...), ':'), d.Value...)
	}
	return dst
}

// own returns a copy of m that borrows nothing.
func own(m *sidelight.Measurement) sidelight.Measurement {
	out := *m
	out.Name = strings.Clone(m.Name)
	out.Dimensions = make([]sidelight.Dimension, len(m.Dimensions))
	for i, d := range m.Dimensions {
		out.Dimensions[i] = sidelight.Dimension{Name: strings.Clone(d.Name), Value: strings.Clone(d.Value)}
	}
	return out
}
