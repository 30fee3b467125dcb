package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// control is an agent's side of the queue commands.
type control struct {
	err error

	mu    sync.Mutex
	asked refused.Filter
}

func (c *control) ask(f refused.Filter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = f
}

func (c *control) question() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return status.Query(c.asked).Encode()
}

func (c *control) Queues(f refused.Filter) (status.Queues, error) {
	c.ask(f)
	return status.Queues{
		Format: status.QueueFormat, Live: true,
		Waiting:  []status.Waiting{{Queue: "logs", Destination: "/a:b", Events: 7, Denied: true, Attempts: 2, Error: "AccessDenied"}},
		SetAside: []refused.Group{{Queue: "logs", Destination: "/a:b", Reason: "too_old", Events: 3}},
		Store:    &refused.Stats{Events: 3, Bytes: 100, Limit: 1000, Displaced: 5},
	}, c.err
}

func (c *control) Refused(f refused.Filter, show func(*refused.Record) bool) error {
	c.ask(f)
	show(&refused.Record{ID: 1, Queue: "logs", Reason: "too_old", Event: "hello"})
	return c.err
}

func (c *control) Requeue(_ context.Context, f refused.Filter) (int, error) {
	c.ask(f)
	return 3, c.err
}

func (c *control) Drop(f refused.Filter) (int, error) {
	c.ask(f)
	return 0, c.err
}

// serve returns the status address of an agent whose queues c answers for.
func serve(t *testing.T, c status.Control) string {
	t.Helper()
	s, err := status.New("127.0.0.1:0", func() status.Report { return status.Report{} }, &meter.Set{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Control(c)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(context.Background()), <-ended); err != nil {
			t.Error(err)
		}
	})
	return s.Addr()
}

// The queue commands against an agent that runs.
func TestQueueOfARunningAgent(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		err  error
		code int
		out  string
		talk string
		want refused.Filter
	}{
		"show":    {"show", nil, exit.Done, "denied, attempt 3", "", refused.Filter{}},
		"bound":   {"show", nil, exit.Done, "5 made room for newer ones", "", refused.Filter{}},
		"filter":  {"show --destination /a --reason too_old --queue logs --id 4 --id 5", nil, exit.Done, "too_old", "", refused.Filter{Destination: "/a", Reason: "too_old", Queue: "logs", IDs: []uint64{4, 5}}},
		"events":  {"show --events --reason too_old", nil, exit.Done, "too_old  -  hello\n", "", refused.Filter{Reason: "too_old"}},
		"broken":  {"show", errors.New("cannot read"), exit.Failed, "", "cannot read", refused.Filter{}},
		"cut off": {"show --events", errors.New("cannot read"), exit.Failed, "", "error: ", refused.Filter{}},
		"requeue": {"requeue --id 9", nil, exit.Done, "", "3 events put back", refused.Filter{IDs: []uint64{9}}},
		"partly":  {"requeue --all", errors.New("queue is full"), exit.Partial, "", "queue is full", refused.Filter{}},
		"drop":    {"drop --all --yes", nil, exit.Done, "", "0 events deleted", refused.Filter{}},
		"failed":  {"drop --all --yes", errors.New("disk is broken"), exit.Failed, "", "disk is broken", refused.Filter{}},
	} {
		t.Run(name, func(t *testing.T) {
			ctl := &control{err: c.err}
			addr := serve(t, ctl)
			var out, talk bytes.Buffer
			code := run(append([]string{"sidelight", "queue"}, append(strings.Fields(c.args), "--address", addr)...), strings.NewReader(""), &out, &talk)
			if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(talk.String(), c.talk) {
				t.Errorf("exit code %d, want %d; out:\n%s\ntalk:\n%s", code, c.code, out.String(), talk.String())
			}
			if got, want := ctl.question(), status.Query(c.want).Encode(); got != want {
				t.Errorf("asked for %q, want %q", got, want)
			}
		})
	}
}

// Events are payload: only a command on this machine gets at them.
func TestQueueIsForCommandsAlone(t *testing.T) {
	addr := serve(t, &control{})
	for name, set := range map[string]func(*http.Request){
		"without the header": func(r *http.Request) { r.Header.Del(status.CommandHeader) },
		"by a name":          func(r *http.Request) { r.Host = "evil.example" },
	} {
		for _, path := range []string{"/queue", "/queue/events"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(status.CommandHeader, "queue")
			set(req)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: %s, want 403", path, name, resp.Status)
			}
		}
	}
}
