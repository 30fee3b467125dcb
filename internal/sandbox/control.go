package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
	"github.com/sidelight-dev/sidelight/internal/sandbox/logs"
)

// maxControlBody bounds the body of a control request.
const maxControlBody = 1 << 20

// control registers the control interface that the package comment describes.
func (s *Server) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sidelight/health", s.health)
	mux.HandleFunc("POST /_sidelight/reset", func(w http.ResponseWriter, _ *http.Request) {
		s.Reset()
		reply(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("GET /_sidelight/clock", func(w http.ResponseWriter, _ *http.Request) { s.replyClock(w) })
	mux.HandleFunc("POST /_sidelight/clock", s.setClock)
	mux.HandleFunc("GET /_sidelight/faults", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"faults": s.faults.List()})
	})
	mux.HandleFunc("POST /_sidelight/faults", s.addFault)
	mux.HandleFunc("DELETE /_sidelight/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.Clear()
		reply(w, http.StatusOK, struct{}{})
	})
	mux.HandleFunc("DELETE /_sidelight/faults/{id}", s.removeFault)
	mux.HandleFunc("GET /_sidelight/snapshot", s.getSnapshot)
	mux.HandleFunc("POST /_sidelight/snapshot", s.postSnapshot)
	mux.HandleFunc("GET /_sidelight/calls", s.listCalls)
	mux.HandleFunc("GET /_sidelight/inbox", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"total": s.inbox.Total(), "notifications": s.inbox.List()})
	})
	mux.HandleFunc("/_sidelight/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("there is no %s %s", r.Method, r.URL.Path))
	})
}

// reply answers with JSON.
func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

func refuse(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]any{"error": err.Error()})
}

// read decodes the body of a control request. Unknown members are refused, as
// a misspelt fault that does nothing would pass for a passed test.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, e := d.Token(); !errors.Is(e, io.EOF) {
			err = errors.New("there is more than one JSON value")
		}
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("read request: %w", err))
	}
	return err == nil
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	services := make([]string, 0, len(s.services))
	answer := map[string]any{
		"status": "ok", "calls": s.calls.count(), "uptime": fault.Duration(time.Since(s.started)), "now": s.clock.Now(),
	}
	for _, svc := range s.services {
		services = append(services, svc.Name())
		if l, ok := svc.(*logs.Service); ok {
			st := l.Stats()
			answer["events"] = map[string]any{"bytes": st.Bytes, "maxBytes": st.MaxBytes, "blocks": st.Blocks, "dropped": st.DroppedEvents}
		}
	}
	answer["services"] = services
	reply(w, http.StatusOK, answer)
}

func (s *Server) replyClock(w http.ResponseWriter) {
	reply(w, http.StatusOK, map[string]any{"now": s.clock.Now(), "frozen": s.clock.Frozen()})
}

// clockRequest is the body of POST clock. Its parts are done in this order.
type clockRequest struct {
	Freeze  bool           `json:"freeze"`
	Set     time.Time      `json:"set"`
	Advance fault.Duration `json:"advance"`
	Run     bool           `json:"run"`
}

func (s *Server) setClock(w http.ResponseWriter, r *http.Request) {
	var req clockRequest
	if !read(w, r, &req) {
		return
	}
	if req.Freeze && req.Run {
		refuse(w, http.StatusBadRequest, errors.New("freeze and run exclude each other"))
		return
	}
	if err := s.moveClock(&req); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	s.replyClock(w)
}

func (s *Server) moveClock(req *clockRequest) error {
	if req.Freeze {
		if err := s.clock.Freeze(); err != nil {
			return err
		}
	}
	if !req.Set.IsZero() {
		if err := s.clock.Set(req.Set); err != nil {
			return err
		}
	}
	if err := s.clock.Advance(time.Duration(req.Advance)); err != nil {
		return err
	}
	if req.Run {
		return s.clock.Run()
	}
	return nil
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	var rule fault.Rule
	if !read(w, r, &rule) {
		return
	}
	rule, err := s.faults.Add(rule)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, http.StatusCreated, rule)
}

func (s *Server) removeFault(w http.ResponseWriter, r *http.Request) {
	if !s.faults.Remove(r.PathValue("id")) {
		refuse(w, http.StatusNotFound, fmt.Errorf("there is no fault %q", r.PathValue("id")))
		return
	}
	reply(w, http.StatusOK, struct{}{})
}

// callRecord is a call as the control interface shows it.
type callRecord struct {
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Operation string    `json:"operation"`
	Protocol  string    `json:"protocol"`
	Status    int       `json:"status"`
	Error     string    `json:"error,omitempty"`
	Millis    float64   `json:"ms"`
	BytesIn   int       `json:"bytesIn"`
	BytesOut  int       `json:"bytesOut"`
	Region    string    `json:"region,omitempty"`
	AccessKey string    `json:"accessKey,omitempty"`
	RequestID string    `json:"requestId"`
}

func record(c awsproto.Call) callRecord {
	return callRecord{
		Time: c.Time, Service: c.Service, Operation: c.Operation, Protocol: c.Protocol, Status: c.Status, Error: c.Error,
		Millis: float64(c.Duration.Microseconds()) / 1000, BytesIn: c.BytesIn, BytesOut: c.BytesOut,
		Region: c.Region, AccessKey: c.AccessKey, RequestID: c.RequestID,
	}
}

// listCalls lists the latest calls, of one service or operation if the query
// asks so.
func (s *Server) listCalls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	out := []callRecord{}
	for _, c := range s.calls.list() {
		if v := q.Get("service"); v != "" && v != c.Service {
			continue
		}
		if v := q.Get("operation"); v != "" && v != c.Operation {
			continue
		}
		out = append(out, record(c))
	}
	reply(w, http.StatusOK, map[string]any{"total": s.calls.count(), "calls": out})
}
