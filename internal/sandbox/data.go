package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/disk"
)

// A Stateful service can write down its resources, and take them back when it
// has none. Values are JSON by key.
type Stateful interface {
	ExportState() (map[string]any, error)
	ImportState(values map[string]json.RawMessage) error
}

// A dataKeeper is a service with data of its own: events, metrics, traces.
type dataKeeper interface {
	Stateful
	// DumpData calls add with records that hold all data.
	DumpData(add func(record []byte) error) error
	CloseData() error
}

// data is the folder of a sandbox with --data: a file of changes for each
// service's resources and for the clock, and the services' own files. A nil
// *data keeps nothing.
type data struct {
	lock     *os.File
	services map[string]Stateful
	states   map[string]*disk.State
	saved    map[string]*atomic.Uint64 // the revisions that are written down
	clock    *disk.State
	// leaveClock ends that changes of the clock are written down.
	leaveClock func()

	closeOnce sync.Once
}

// lockFolder makes the folder and takes it for this process. A lock ends with
// the process that holds it, however that ends.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock data folder %s: another sandbox may use it: %w", dir, err)
	}
	return f, nil
}

// openData reads the folder of the options into the services.
func (s *Server) openData(dir string) (*data, error) {
	d := &data{services: make(map[string]Stateful), states: make(map[string]*disk.State), saved: make(map[string]*atomic.Uint64)}
	err := d.restore(s, dir)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *data) restore(s *Server, dir string) error {
	var err error
	if d.clock, err = disk.OpenState(filepath.Join(dir, "clock.state")); err != nil {
		return err
	}
	if v, ok := d.clock.Values()["clock"]; ok {
		if err := s.restoreClock(v); err != nil {
			return err
		}
	}
	for _, svc := range s.services {
		st, ok := svc.(Stateful)
		if !ok {
			continue
		}
		if o, ok := svc.(interface{ OpenData(dir string) error }); ok {
			if err := o.OpenData(dir); err != nil {
				return err
			}
		}
		if err := d.open(dir, svc.Name(), st); err != nil {
			return err
		}
	}
	if err := d.open(dir, inboxName, s.inbox); err != nil {
		return err
	}
	s.clock.Keep(func() error { return d.saveClock(s) })
	d.leaveClock = func() { s.clock.Keep(nil) }
	return nil
}

// inboxName is the inbox in files and snapshots.
const inboxName = "inbox"

// open reads the file of a service's resources into it.
func (d *data) open(dir, name string, st Stateful) error {
	state, err := disk.OpenState(filepath.Join(dir, name+".state"))
	if err != nil {
		return err
	}
	d.services[name], d.states[name], d.saved[name] = st, state, new(atomic.Uint64)
	if err := st.ImportState(state.Values()); err != nil {
		return err
	}
	d.saved[name].Store(revision(st))
	return nil
}

// revision is that of a service, or 0 for one that changes by calls alone.
func revision(s Stateful) uint64 {
	if r, ok := s.(interface{ Revision() uint64 }); ok {
		return r.Revision()
	}
	return 0
}

// clockState is the clock in files and snapshots.
type clockState struct {
	Now    time.Time     `json:"now"`
	Ahead  time.Duration `json:"aheadNs"` // of the machine's clock, when written
	Frozen bool          `json:"frozen"`
}

func (s *Server) clockState() clockState {
	now := s.clock.Now()
	return clockState{Now: now, Ahead: time.Until(now), Frozen: s.clock.Frozen()}
}

// restoreClock puts the clock where a frozen one stood, or as far ahead of the
// machine's as a running one was. A clock that is further on stays.
func (s *Server) restoreClock(v json.RawMessage) error {
	var st clockState
	if err := json.Unmarshal(v, &st); err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	to := st.Now
	if st.Frozen {
		if err := s.clock.Freeze(); err != nil {
			return err
		}
	} else {
		to = time.Now().Add(st.Ahead)
	}
	if to.After(s.clock.Now()) {
		return s.clock.Set(to)
	}
	return nil
}

// saveClock writes the clock down after it was set, by whomever.
func (d *data) saveClock(s *Server) error {
	return d.clock.Save(func() (map[string]json.RawMessage, error) {
		b, err := json.Marshal(s.clockState())
		return map[string]json.RawMessage{"clock": b}, err
	})
}

// export returns a service's resources as JSON.
func export(s Stateful) (map[string]json.RawMessage, error) {
	values, err := s.ExportState()
	if err != nil {
		return nil, err
	}
	out := make(map[string]json.RawMessage, len(values))
	for k, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", k, err)
		}
		out[k] = b
	}
	return out, nil
}

// commit writes down what a call has changed, before it is answered; and what the
// service has changed on its own, as the answer may tell of it.
func (d *data) commit(service, operation string) error {
	if d == nil || d.states[service] == nil {
		return nil
	}
	if !changesState(operation) && d.saved[service].Load() == revision(d.services[service]) {
		return nil
	}
	return d.save(service)
}

func (d *data) save(service string) error {
	if d == nil || d.states[service] == nil {
		return nil
	}
	var seen uint64
	err := d.states[service].Save(func() (map[string]json.RawMessage, error) {
		seen = revision(d.services[service]) // before it is read
		return export(d.services[service])
	})
	if err != nil {
		return fmt.Errorf("save state of %s: %w", service, err)
	}
	for saved := d.saved[service]; ; {
		if old := saved.Load(); old >= seen || saved.CompareAndSwap(old, seen) {
			return nil
		}
	}
}

// changed writes down what a service has changed on its own.
func (s *Server) changed(service string) {
	if err := s.data.save(service); err != nil {
		s.log.Error("a change is not written", "service", service, "err", err)
	}
}

// saveAll writes down the state of all services.
func (d *data) saveAll() error {
	if d == nil {
		return nil
	}
	var err error
	for name := range d.states {
		err = errors.Join(err, d.save(name))
	}
	return err
}

// changesState says whether an operation can change resources. Data have files
// of their own.
func changesState(operation string) bool {
	for _, p := range []string{
		"Get", "List", "Describe", "BatchGet", "Filter", "Test", "StartQuery", "StopQuery", "StartLiveTail",
		"StartTraceRetrieval", "CancelTraceRetrieval", "PutLogEvents", "PutMetricData", "PutTraceSegments", "PutTelemetryRecords",
	} {
		if strings.HasPrefix(operation, p) {
			return false
		}
	}
	return true
}

// close closes the files.
func (d *data) close() error {
	if d == nil {
		return nil
	}
	var err error
	d.closeOnce.Do(func() {
		if d.leaveClock != nil {
			d.leaveClock()
		}
		for name, st := range d.states {
			if k, ok := d.services[name].(dataKeeper); ok {
				err = errors.Join(err, k.CloseData())
			}
			err = errors.Join(err, st.Close())
		}
		if d.clock != nil {
			err = errors.Join(err, d.clock.Close())
		}
		if d.lock != nil {
			err = errors.Join(err, d.lock.Close())
		}
	})
	return err
}
