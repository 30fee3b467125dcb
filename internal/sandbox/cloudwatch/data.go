package cloudwatch

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/disk"
)

// OpenData keeps metrics in a file of the folder too. What is in it is read.
func (s *Service) OpenData(dir string) error {
	var err error
	s.journal, err = disk.OpenJournal(filepath.Join(dir, "metrics.log"), s.replay, s.DumpData)
	return err
}

// LoadRecord takes a record of DumpData into a service that is running.
func (s *Service) LoadRecord(record []byte) error {
	var err error
	if e := s.journal.Do(func() { err = s.replay(record) }, func() ([]byte, error) { return record, nil }); e != nil {
		return e
	}
	return err
}

// CloseData closes the file of OpenData.
func (s *Service) CloseData() error { return s.journal.Close() }

// The records of the journal: observations as they came, and whole metrics.
type (
	dataRecord struct {
		Account      string              `json:"a"`
		Region       string              `json:"r"`
		Time         time.Time           `json:"t"` // of receipt
		Observations []observationRecord `json:"o,omitempty"`
		Metric       *metricRecord       `json:"m,omitempty"`
	}
	observationRecord struct {
		Namespace  string       `json:"ns"`
		Name       string       `json:"n"`
		Dimensions [][2]string  `json:"d,omitempty"`
		Unit       string       `json:"u"`
		At         int64        `json:"at"` // milliseconds
		Resolution int          `json:"res"`
		Values     [][2]float64 `json:"v,omitempty"`
		Set        *[4]float64  `json:"s,omitempty"`
	}
	metricRecord struct {
		Namespace  string                              `json:"ns"`
		Name       string                              `json:"n"`
		Dimensions [][2]string                         `json:"d,omitempty"`
		Units      map[string][len(levels)][]bucketRec `json:"u"`
	}
	bucketRec struct {
		Start  int64        `json:"t"`
		Stats  [4]float64   `json:"s"` // count, sum, min, max
		Values [][2]float64 `json:"v,omitempty"`
		Sketch *sketchRec   `json:"k,omitempty"`
	}
	sketchRec struct {
		LogGamma           float64
		Positive, Negative map[int]float64
		Zero               float64
		Widened            int
	}
)

func pairs(dims []dimension) [][2]string {
	out := make([][2]string, len(dims))
	for i, d := range dims {
		out[i] = [2]string{d.name, d.value}
	}
	return out
}

func identityOf(namespace, name string, dims [][2]string) identity {
	list := make([]dimension, len(dims))
	for i, d := range dims {
		list[i] = dimension{d[0], d[1]}
	}
	return newIdentity(namespace, name, list)
}

func numbers(values []weighted) [][2]float64 {
	out := make([][2]float64, len(values))
	for i, w := range values {
		out[i] = [2]float64{w.value, w.weight}
	}
	return out
}

func weights(values [][2]float64) []weighted {
	var out []weighted
	for _, v := range values {
		out = append(out, weighted{v[0], v[1]})
	}
	return out
}

// recordOf is the journal's record of observations.
func recordOf(sc scope, now time.Time, obs []observation) ([]byte, error) {
	r := dataRecord{Account: sc.account, Region: sc.region, Time: now, Observations: make([]observationRecord, len(obs))}
	for i := range obs {
		o := &obs[i]
		r.Observations[i] = observationRecord{
			Namespace: o.namespace, Name: o.name, Dimensions: pairs(o.dims), Unit: o.unit,
			At: o.at.UnixMilli(), Resolution: int(o.resolution / time.Second), Values: numbers(o.values),
		}
		if o.set != nil {
			r.Observations[i].Set = &[4]float64{o.set.count, o.set.sum, o.set.min, o.set.max}
		}
	}
	return json.Marshal(&r)
}

// replay takes a record of DumpData, or of the journal.
func (s *Service) replay(record []byte) error {
	var r dataRecord
	if err := json.Unmarshal(record, &r); err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	sc := scope{r.Account, r.Region}
	if r.Metric != nil {
		s.store.restore(sc, r.Time, r.Metric)
		return nil
	}
	obs := make([]observation, len(r.Observations))
	for i, o := range r.Observations {
		obs[i] = observation{
			identity: identityOf(o.Namespace, o.Name, o.Dimensions), unit: o.Unit, at: time.UnixMilli(o.At).UTC(),
			resolution: time.Duration(o.Resolution) * time.Second, values: weights(o.Values),
		}
		if o.Set != nil {
			obs[i].set = &statisticSet{o.Set[0], o.Set[1], o.Set[2], o.Set[3]}
		}
	}
	s.store.add(sc, r.Time, obs)
	return nil
}

// DumpData calls add with records that hold all metrics.
func (s *Service) DumpData(add func([]byte) error) error {
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	for sc, metrics := range st.scopes {
		for _, m := range metrics {
			b, err := json.Marshal(&dataRecord{Account: sc.account, Region: sc.region, Time: m.written, Metric: m.record()})
			if err != nil {
				return fmt.Errorf("write metric: %w", err)
			}
			if err := add(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *metric) record() *metricRecord {
	r := &metricRecord{Namespace: m.namespace, Name: m.name, Dimensions: pairs(m.dims), Units: make(map[string][len(levels)][]bucketRec)}
	for unit, s := range m.units {
		var rings [len(levels)][]bucketRec
		for i, ring := range s.rings {
			for j := range ring {
				d := &ring[j].dist
				b := bucketRec{Start: ring[j].start, Stats: [4]float64{d.count, d.sum, d.min, d.max}, Values: numbers(d.values)}
				if k := d.sketch; k != nil {
					b.Sketch = &sketchRec{k.logGamma, k.positive, k.negative, k.zero, k.widened}
				}
				rings[i] = append(rings[i], b)
			}
		}
		r.Units[unit] = rings
	}
	return r
}

// restore puts a whole metric in place.
func (st *store) restore(sc scope, written time.Time, r *metricRecord) {
	st.mu.Lock()
	defer st.mu.Unlock()
	m := st.metricLocked(sc, identityOf(r.Namespace, r.Name, r.Dimensions))
	before := m.size
	m.written = written
	for unit, rings := range r.Units {
		s := m.series(unit)
		for i, ring := range rings {
			s.rings[i] = nil
			for _, b := range ring {
				d := distribution{count: b.Stats[0], sum: b.Stats[1], min: b.Stats[2], max: b.Stats[3], values: weights(b.Values)}
				if k := b.Sketch; k != nil {
					d.sketch = newSketch()
					d.sketch.logGamma, d.sketch.zero, d.sketch.widened = k.LogGamma, k.Zero, k.Widened
					d.sketch.positive, d.sketch.negative = orMap(k.Positive), orMap(k.Negative)
				}
				s.rings[i] = append(s.rings[i], bucket{b.Start, d})
			}
		}
	}
	m.size = 0
	m.rollUp(written)
	st.bytes += m.size - before
}

func orMap(m map[int]float64) map[int]float64 {
	if m == nil {
		return make(map[int]float64)
	}
	return m
}
