package status

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight/agent/refused"
)

// QueueFormat names the form of Queues.
const QueueFormat = "sidelight.queue/1"

// Queues is what waits and what was set aside.
type Queues struct {
	Format string `json:"format"`
	// Dir is the queue's directory, "" without one.
	Dir string `json:"dir"`
	// Live says that a running agent has the directory.
	Live     bool            `json:"live"`
	Waiting  []Waiting       `json:"waiting"`
	SetAside []refused.Group `json:"set_aside"`
	// Store is nil where nothing can be set aside.
	Store *refused.Stats `json:"set_aside_store,omitempty"`
}

// Waiting is what waits for one destination.
type Waiting struct {
	Queue       string    `json:"queue"`
	Signal      string    `json:"signal"`
	Destination string    `json:"destination"`
	Blocks      int       `json:"blocks"`
	Events      int       `json:"events"`
	Bytes       int64     `json:"bytes"`
	Oldest      time.Time `json:"oldest,omitzero"`
	// Attempts counts the failures in a row, Since is when the first was, and
	// Error what the last one was.
	Attempts int       `json:"attempts,omitempty"`
	Since    time.Time `json:"failing_since,omitzero"`
	Error    string    `json:"error,omitempty"`
	// Denied says that the destination rests until Again, while others go on.
	Denied bool `json:"denied,omitempty"`
	// Full says that such destinations have their share of the queue: what newly
	// comes for this one waits in its file, or is dropped.
	Full  bool      `json:"denied_full,omitempty"`
	Again time.Time `json:"again,omitzero"`
}

// Changed is what a command changed.
type Changed struct {
	Events int `json:"events"`
	// Error says why it was not more.
	Error string `json:"error,omitempty"`
}

// Control is what the queue commands ask a running agent for.
type Control interface {
	Queues(refused.Filter) (Queues, error)
	// Refused calls f for each event that was set aside, until it returns false.
	Refused(filter refused.Filter, f func(*refused.Record) bool) error
	// Requeue puts events that were set aside back into the queues.
	Requeue(context.Context, refused.Filter) (int, error)
	// Drop deletes events that were set aside.
	Drop(refused.Filter) (int, error)
}

// CommandHeader must be set, to any value, in the requests of the queue commands:
// a page in a browser cannot set it for another host's address.
const CommandHeader = "Sidelight-Command"

// requeueTime bounds a requeue, which waits for room.
const requeueTime = time.Minute

// Control serves c to commands on this machine. Call it before Run.
func (s *Server) Control(c Control) {
	s.mux.HandleFunc("GET /queue", local(func(w http.ResponseWriter, r *http.Request) {
		f, err := FilterOf(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		q, err := c.Queues(f)
		answer(w, q, err)
	}))
	s.mux.HandleFunc("GET /queue/events", local(func(w http.ResponseWriter, r *http.Request) {
		f, err := FilterOf(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		// The answer has begun: an error ends it early, which its reader sees.
		if c.Refused(f, func(x *refused.Record) bool { return enc.Encode(x) == nil }) != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	s.mux.HandleFunc("POST /queue/requeue", local(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(requeueTime + 10*time.Second))
		ctx, cancel := context.WithTimeout(r.Context(), requeueTime)
		defer cancel()
		change(w, r, func(f refused.Filter) (int, error) { return c.Requeue(ctx, f) })
	}))
	s.mux.HandleFunc("POST /queue/drop", local(func(w http.ResponseWriter, r *http.Request) {
		change(w, r, c.Drop)
	}))
}

func change(w http.ResponseWriter, r *http.Request, do func(refused.Filter) (int, error)) {
	var f refused.Filter
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		http.Error(w, "read the request: "+err.Error(), http.StatusBadRequest)
		return
	}
	n, err := do(f)
	out := Changed{Events: n}
	if err != nil {
		out.Error = err.Error()
	}
	answer(w, out, nil)
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// local lets only commands on this machine in: events are payload, and the
// address may be one that others can reach.
func local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(CommandHeader) == "" || !loopback(r.RemoteAddr) || !named(r.Host) {
			http.Error(w, "only for commands on this machine", http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// named reports whether host is an address or localhost. A page whose own name
// was made to lead here comes with that name.
func named(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || net.ParseIP(host) != nil
}

// Query is f as the query of an address.
func Query(f refused.Filter) url.Values {
	v := url.Values{}
	for _, id := range f.IDs {
		v.Add("id", strconv.FormatUint(id, 10))
	}
	for name, value := range map[string]string{"destination": f.Destination, "reason": f.Reason, "queue": f.Queue} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// FilterOf reads what Query wrote.
func FilterOf(v url.Values) (refused.Filter, error) {
	f := refused.Filter{Destination: v.Get("destination"), Reason: v.Get("reason"), Queue: v.Get("queue")}
	for _, text := range v["id"] {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return f, errors.New("id: expected a number")
		}
		f.IDs = append(f.IDs, id)
	}
	return f, nil
}
