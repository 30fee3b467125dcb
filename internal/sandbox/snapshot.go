package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/sidelight-dev/sidelight/internal/sandbox/disk"
)

// A snapshot is a log of records, as package disk writes them. The first byte
// of a record says what it holds: 'h' a header, 'd' data and 's' the resources
// of a service, 'e' the end. Data and resources begin with the length and the
// name of the service.
const (
	snapHeader = 'h'
	snapData   = 'd'
	snapState  = 's'
	snapEnd    = 'e'
)

// snapshotVersion is the version of the format. Version 1, which is read too, has
// no inbox.
const snapshotVersion = 2

type snapshotFile struct {
	Format  string     `json:"format"`
	Version int        `json:"version"`
	Clock   clockState `json:"clock"`
}

const snapshotFormat = "sidelight.sandbox"

// SaveSnapshot writes all that the services and the inbox hold, and the clock. Calls go on
// meanwhile; what they change is or is not in the snapshot.
func (s *Server) SaveSnapshot(w io.Writer) error {
	f := disk.NewWriter(w)
	head, err := json.Marshal(snapshotFile{snapshotFormat, snapshotVersion, s.clockState()})
	if err != nil {
		return err
	}
	if err := f.Add([]byte{snapHeader}, head); err != nil {
		return err
	}
	for _, svc := range s.services {
		k, ok := svc.(dataKeeper)
		if !ok {
			continue
		}
		name := snapshotName(svc.Name())
		// The resources first, so that data without one may be there but not the
		// other way round.
		values, err := export(k)
		if err != nil {
			return err
		}
		if err := k.DumpData(func(r []byte) error { return f.Add([]byte{snapData}, name, r) }); err != nil {
			return err
		}
		if err := addState(f, name, values); err != nil {
			return err
		}
	}
	values, err := export(s.inbox)
	if err != nil {
		return err
	}
	if err := addState(f, snapshotName(inboxName), values); err != nil {
		return err
	}
	if err := f.Add([]byte{snapEnd}); err != nil {
		return err
	}
	return f.Flush()
}

// snapshotName is what a record of a service begins with.
func snapshotName(service string) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(service))), service...)
}

func addState(f *disk.Writer, name []byte, values map[string]json.RawMessage) error {
	b, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return f.Add([]byte{snapState}, name, b)
}

var errNoSnapshot = errors.New("this is no snapshot of a sandbox")

// LoadSnapshot forgets all that the services hold and puts what a snapshot has
// in its place. The clock goes on to where the snapshot's was, but never back.
// If it fails, the sandbox holds what was read until then.
func (s *Server) LoadSnapshot(r io.Reader) error {
	l := loader{s: s, data: make(map[string]func([]byte) error)}
	if err := disk.Read(r, l.record); err != nil {
		return fmt.Errorf("load snapshot: %w", err)
	}
	if !l.ended {
		return fmt.Errorf("load snapshot: %w, or it is cut off", errNoSnapshot)
	}
	return s.data.saveAll()
}

type loader struct {
	s     *Server
	begun bool
	ended bool
	data  map[string]func([]byte) error
}

func (l *loader) record(record []byte) error {
	if len(record) == 0 || l.ended {
		return errNoSnapshot
	}
	kind, body := record[0], record[1:]
	if !l.begun {
		if kind != snapHeader {
			return errNoSnapshot
		}
		return l.begin(body)
	}
	if kind == snapEnd {
		l.ended = true
		return nil
	}
	n, size := binary.Uvarint(body)
	if size <= 0 || n > uint64(len(body)-size) {
		return errNoSnapshot
	}
	name, rest := string(body[size:size+int(n)]), body[size+int(n):]
	var k Stateful = l.s.inbox
	if name != inboxName {
		if k = l.s.keeper(name); k == nil {
			return fmt.Errorf("the snapshot has data of a service %q, which is not there", name)
		}
	}
	switch kind {
	case snapData:
		return l.add(name, k, rest)
	case snapState:
		var values map[string]json.RawMessage
		if err := json.Unmarshal(rest, &values); err != nil {
			return err
		}
		return k.ImportState(values)
	}
	return errNoSnapshot
}

func (l *loader) begin(body []byte) error {
	var h snapshotFile
	if err := json.Unmarshal(body, &h); err != nil || h.Format != snapshotFormat {
		return errNoSnapshot
	}
	if h.Version < 1 || h.Version > snapshotVersion {
		return fmt.Errorf("the snapshot has version %d, this sandbox reads those up to %d", h.Version, snapshotVersion)
	}
	l.begun = true
	l.s.Reset()
	b, err := json.Marshal(h.Clock)
	if err != nil {
		return err
	}
	return l.s.restoreClock(b)
}

// add hands a record of data to its service.
func (l *loader) add(name string, k Stateful, record []byte) error {
	if l.data[name] == nil {
		switch k := k.(type) {
		case interface{ LoadData() func([]byte) error }:
			l.data[name] = k.LoadData()
		case interface{ LoadRecord([]byte) error }:
			l.data[name] = k.LoadRecord
		default:
			return fmt.Errorf("service %s takes no data", name)
		}
	}
	return l.data[name](record)
}

func (s *Server) keeper(name string) Stateful {
	for _, svc := range s.services {
		if k, ok := svc.(dataKeeper); ok && svc.Name() == name {
			return k
		}
	}
	return nil
}

func (s *Server) getSnapshot(w http.ResponseWriter, _ *http.Request) {
	f, err := os.CreateTemp("", "sidelight-snapshot-*")
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }()
	err = s.SaveSnapshot(f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.Copy(w, f) // the end mark tells a client what is whole
}

func (s *Server) postSnapshot(w http.ResponseWriter, r *http.Request) {
	if err := s.LoadSnapshot(r.Body); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, http.StatusOK, struct{}{})
}
