package agent

import (
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/sidelight-dev/sidelight/agent/receiver/filelog"
	"github.com/sidelight-dev/sidelight/agent/receiver/journald"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// reader is a receiver that reads files, with the counters that only it has.
type reader struct {
	name     string
	labels   []string
	counters []counter
}

// counter is one number of a reader: metric is its name on /metrics, note in the
// status.
type counter struct {
	metric, note, help string
	read               func() uint64
}

// latest is the receiver that runs at present. After a failure another one takes
// its place and counts from zero, as Prometheus expects of a restart.
type latest[S any, R interface{ Stats() S }] struct {
	now atomic.Pointer[R]
}

// set remembers r, unless it could not be made.
func (l *latest[S, R]) set(r R, err error) (R, error) {
	if err == nil {
		l.now.Store(&r)
	}
	return r, err
}

func (l *latest[S, R]) stats() (s S) {
	if r := l.now.Load(); r != nil {
		return (*r).Stats()
	}
	return s
}

// fileReader tells of one set of files.
func fileReader(name string, stats func() filelog.Stats) reader {
	of := func(f func(filelog.Stats) uint64) func() uint64 { return func() uint64 { return f(stats()) } }
	return reader{name: name, labels: []string{"receiver", name}, counters: []counter{
		{"sidelight_files_followed", "followed", "files that are followed", of(func(s filelog.Stats) uint64 { return uint64(s.Files) })},
		{"sidelight_files_open", "open", "files that are open", of(func(s filelog.Stats) uint64 { return uint64(s.Open) })},
		{"sidelight_files_lag_bytes", "bytes behind", "bytes of the files that are not read yet", of(func(s filelog.Stats) uint64 { return uint64(s.Lag) })},
		{"sidelight_files_bytes_total", "bytes", "bytes read from files", of(func(s filelog.Stats) uint64 { return s.Bytes })},
		{"sidelight_files_lines_total", "lines", "lines read from files", of(func(s filelog.Stats) uint64 { return s.Lines })},
		{"sidelight_files_cuts_total", "cuts", "times that a line was cut, as it was too long", of(func(s filelog.Stats) uint64 { return s.Cuts })},
		{"sidelight_files_rotations_total", "rotations", "files read to their end after they were renamed or deleted", of(func(s filelog.Stats) uint64 { return s.Rotations })},
		{"sidelight_files_truncations_total", "truncations", "times that a file was truncated and begun again", of(func(s filelog.Stats) uint64 { return s.Truncations })},
	}}
}

// journalReader tells of the journal.
func journalReader(stats func() journald.Stats) reader {
	of := func(f func(journald.Stats) int64) func() uint64 { return func() uint64 { return uint64(f(stats())) } }
	return reader{name: "journald", counters: []counter{
		{"sidelight_journald_files", "followed", "journal files that are followed", of(func(s journald.Stats) int64 { return s.Files })},
		{"sidelight_journald_lag_entries", "entries behind", "entries of the journal that are not read yet", of(func(s journald.Stats) int64 { return s.Lag })},
		{"sidelight_journald_entries_total", "entries", "entries read from the journal", of(func(s journald.Stats) int64 { return s.Entries })},
		{"sidelight_journald_undecodable_total", "undecodable fields", "fields of the journal that could not be decoded", of(func(s journald.Stats) int64 { return s.Undecodable })},
		{"sidelight_journald_damaged_total", "damaged", "entries of the journal, and lists of them, that were passed over", of(func(s journald.Stats) int64 { return s.Damaged })},
	}}
}

// unread returns name, with a number if a reader has it already: two entries may
// have the same patterns.
func (a *Agent) unread(name string) string {
	n := 1
	for _, r := range a.readers {
		if r.name == name || strings.HasPrefix(r.name, name+" #") {
			n++
		}
	}
	if n == 1 {
		return name
	}
	return name + " #" + strconv.Itoa(n)
}

// registerReaders makes the counters of the readers readable.
func (a *Agent) registerReaders(m *meter.Set) {
	for _, r := range a.readers {
		for _, c := range r.counters {
			m.Func(c.metric, c.help, func() float64 { return float64(c.read()) }, r.labels...)
		}
	}
}

// readerNotes returns the counters of the readers, of StatsD and of Prometheus
// jobs that are not zero.
func (a *Agent) readerNotes() map[string]status.ReceiverNote {
	notes := a.sampleNotes()
	for _, r := range a.readers {
		note := status.ReceiverNote{}
		for _, c := range r.counters {
			if n := c.read(); n > 0 {
				note[c.note] = n
			}
		}
		notes[r.name] = note
	}
	if len(notes) == 0 {
		return nil
	}
	return notes
}
