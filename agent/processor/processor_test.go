package processor_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor"
	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
	"github.com/sidelight-dev/sidelight/agent/processor/redact"
	"github.com/sidelight-dev/sidelight/agent/processor/timestamp"
	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// sink is the packer and the books of a pipeline under test.
type sink struct {
	mu     sync.Mutex
	bodies map[string][]string // by group
	times  []int64
	lost   map[string]int
	err    error
}

func newSink() *sink { return &sink{bodies: map[string][]string{}, lost: map[string]int{}} }

func (s *sink) Push(_ context.Context, b *sidelight.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	g := b.Dest.Value().Group
	for _, e := range b.Events {
		s.bodies[g] = append(s.bodies[g], string(e.Body))
		s.times = append(s.times, e.Time)
	}
	return nil
}

func (s *sink) Lose(_ sidelight.Signal, cause string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost[cause] += n
}

func (s *sink) got() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.bodies)
}

func pipeline(t testing.TB, cfg processor.Config, s *sink) *processor.Pipeline {
	t.Helper()
	p, err := processor.New(cfg, s, s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func batch(bodies ...string) *sidelight.Batch {
	b := &sidelight.Batch{Signal: sidelight.Logs, Source: "app.log", Dest: group("g")}
	for _, body := range bodies {
		b.Events = append(b.Events, sidelight.Event{Time: arrival, Body: []byte(body)})
	}
	return b
}

// arrival is 2026-11-25, in Unix milliseconds.
const arrival = 1795564800000

func group(name string) sidelight.DestHandle { return sidelight.Dest{Group: name}.Handle() }

// run pushes bodies in one batch and closes the pipeline.
func run(t *testing.T, cfg processor.Config, bodies ...string) *sink {
	t.Helper()
	s := newSink()
	p := pipeline(t, cfg, s)
	b := batch(bodies...)
	if err := p.Push(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i, e := range b.Events {
		if string(e.Body) != bodies[i] || e.Time != arrival {
			t.Errorf("the batch that was pushed has changed: %s", e.Body)
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func fields(pairs ...string) []processor.Field {
	var out []processor.Field
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, processor.Field{Name: pairs[i], Value: func(source string) string {
			return strings.ReplaceAll(pairs[i+1], "{source}", source)
		}})
	}
	return out
}

const emf = `{"level":"debug","_aws":{"Timestamp":1},"n":1}`

func TestStages(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  processor.Config
		in   []string
		want map[string][]string
		lost map[string]int
	}{
		"nothing": {processor.Config{}, []string{"a", "b"}, map[string][]string{"g": {"a", "b"}}, nil},
		"keep and drop": {
			processor.Config{Keep: `level >= info`, Drop: `route = "/healthz"`},
			[]string{`{"level":"debug"}`, `{"route":"/healthz"}`, `{"route":"/"}`, "DEBUG x", "text", emf},
			map[string][]string{"g": {`{"route":"/"}`, "text", emf}},
			map[string]int{"filtered": 3},
		},
		"sample": {
			processor.Config{Sample: &[loglevel.Count]float64{loglevel.Warn: 1, loglevel.Error: 1}},
			[]string{`{"level":"debug"}`, "no level", `{"level":"warn"}`, "ERROR x", emf},
			map[string][]string{"g": {`{"level":"warn"}`, "ERROR x", emf}},
			map[string]int{"sampled": 2},
		},
		"limit": {
			processor.Config{Rate: 2},
			[]string{"a", "b", "c", emf, "d"},
			map[string][]string{"g": {
				"a", "b", emf,
				`{"level":"warn","message":"2 log events of this source were held back: more than 2 a second","held_back":2,"source":"app.log"}`,
			}},
			map[string]int{"rate_limited": 2},
		},
		"redact": {
			processor.Config{Redact: redact.Config{What: []string{"email"}}},
			[]string{`{"a":"x@y.io"}`, "x@y.io"},
			map[string][]string{"g": {`{"a":"[email]"}`, "[email]"}},
			nil,
		},
		"fields": {
			processor.Config{Fields: processor.Fields{
				Add: fields("env", "prod", "from", "{source}", "none", ""), Rename: [][2]string{{"msg", "message"}}, Remove: []string{"pid", "host name"},
			}},
			[]string{`{"msg":"a","pid":1}`, `{ "env" : "dev" , "host name":"x"}`, `{}`, `text`, `{"msg":`},
			map[string][]string{"g": {`{"message":"a","env":"prod","from":"app.log"}`, `{"env":"dev","from":"app.log"}`, `{"env":"prod","from":"app.log"}`, "text", `{"msg":`}},
			nil,
		},
		"broken document": {
			processor.Config{Fields: processor.Fields{Remove: []string{"a"}}},
			[]string{`{"a":1,"b":x}`, `{"b":2} x`},
			map[string][]string{"g": {`{"a":1,"b":x}`, `{"b":2} x`}},
			nil,
		},
		"trace ids": {
			processor.Config{TraceIDs: []string{"trace_id", "traceId"}},
			[]string{`{"traceId":"581cf771a006649127e371903a2de979","x":1}`, `{"trace_id":"1-581cf771-a006649127e371903a2de979"}`, `{"trace_id":"581CF771a006649127e371903a2de979"}`, `{"trace_id":"00000000000000000000000000000000"}`},
			map[string][]string{"g": {`{"traceId":"1-581cf771-a006649127e371903a2de979","x":1}`, `{"trace_id":"1-581cf771-a006649127e371903a2de979"}`, `{"trace_id":"581CF771a006649127e371903a2de979"}`, `{"trace_id":"00000000000000000000000000000000"}`}},
			nil,
		},
		"routes": {
			processor.Config{Routes: []processor.Route{
				{When: `level >= error`, Dest: func(string, sidelight.DestHandle) sidelight.DestHandle { return group("errors") }},
				{When: `contains(message, "audit")`, Dest: func(source string, from sidelight.DestHandle) sidelight.DestHandle {
					return group("audit of " + source + " in " + from.Value().Group)
				}},
			}},
			[]string{"a", "ERROR audit", "audit b", "c"},
			map[string][]string{"g": {"a", "c"}, "errors": {"ERROR audit"}, "audit of app.log in g": {"audit b"}},
			nil,
		},
		"drop": {
			processor.Config{MaxEvent: 96, Oversize: processor.Drop},
			[]string{strings.Repeat("y", 97), "b"},
			map[string][]string{"g": {"b"}},
			map[string]int{"oversize": 1},
		},
		"logfmt": {
			processor.Config{Input: processor.Input{Format: processor.Logfmt}, Keep: `level = warn`},
			[]string{`level=warn msg="a b"`, `level=info`},
			map[string][]string{"g": {`{"level":"warn","msg":"a b"}`}},
			map[string]int{"filtered": 1},
		},
		"regex": {
			processor.Config{Input: processor.Input{Format: processor.Regex, Pattern: `(?P<m>\w+) (?P<n>\d+)`}},
			[]string{`GET 200`, `?`},
			map[string][]string{"g": {`{"m":"GET","n":200}`, "?"}},
			nil,
		},
		"cri of logfmt": {
			processor.Config{Input: processor.Input{Format: processor.CRI, Content: processor.Logfmt}},
			[]string{"2026-11-22T15:04:05Z stdout P a=1 b", "2026-11-22T15:04:05Z stdout F =2"},
			map[string][]string{"g": {`{"a":1,"b":2}`}},
			nil,
		},
		"stacks": {
			processor.Config{Input: processor.Input{Multiline: multiline.Config{Stacks: []string{"java"}}}, Keep: `level >= error`},
			[]string{"INFO a", "ERROR b", "\tat c.d", "INFO e"},
			map[string][]string{"g": {"ERROR b\n\tat c.d"}},
			map[string]int{"filtered": 2},
		},
		"records": {
			processor.Config{Input: processor.Input{Format: processor.JSON, Records: true}},
			[]string{`{"log":"{\"a\":1}","c":"x"}`, `{"log":"text"}`},
			map[string][]string{"g": {`{"a":1,"c":"x"}`, `{"log":"text"}`}},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, c.cfg, c.in...)
			if d := cmp.Diff(c.want, s.bodies); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
			if c.lost == nil {
				c.lost = map[string]int{}
			}
			if d := cmp.Diff(c.lost, s.lost); d != "" {
				t.Errorf("lost (-want +got):\n%s", d)
			}
		})
	}
}

// The parts of what is too large fit, are numbered, and make the whole again.
func TestSplit(t *testing.T) {
	cfg := processor.Config{MaxEvent: 120}
	line := strings.Repeat("é1", 100)
	s := run(t, cfg, "a", line, "b")
	var all strings.Builder
	parts := s.bodies["g"][1 : len(s.bodies["g"])-1]
	for i, body := range parts {
		head := "[part " + strconv.Itoa(i+1) + "/" + strconv.Itoa(len(parts)) + "] "
		text, ok := strings.CutPrefix(body, head)
		if !ok || len(body) > cfg.MaxEvent || !utf8.ValidString(body) {
			t.Errorf("part %d of %d bytes: %s", i, len(body), body)
		}
		all.WriteString(text)
	}
	if all.String() != line {
		t.Errorf("the parts make %s", all.String())
	}
	doc := `{"a":"` + strings.Repeat(`\n\"é`, 100) + `"}`
	all.Reset()
	for i, body := range run(t, cfg, doc).bodies["g"] {
		var part struct {
			Part, Parts int
			Text        string
		}
		if err := json.Unmarshal([]byte(body), &part); err != nil || part.Part != i+1 || len(body) > cfg.MaxEvent {
			t.Errorf("part %d of %d bytes: %s: %v", i, len(body), body, err)
		}
		all.WriteString(part.Text)
	}
	if all.String() != doc {
		t.Errorf("the parts make %s", all.String())
	}
}

func TestTruncate(t *testing.T) {
	for _, body := range []string{strings.Repeat("y", 200), `{"b":"` + strings.Repeat("\\n", 100) + `"}`} {
		s := run(t, processor.Config{MaxEvent: 120, Oversize: processor.Truncate}, body)
		got := s.bodies["g"]
		if len(got) != 1 || len(got[0]) > 120 || !strings.Contains(got[0], "truncated") || body[0] == '{' && !json.Valid([]byte(got[0])) {
			t.Errorf("got %q", got)
		}
	}
}

func TestTimes(t *testing.T) {
	when := time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC).UnixMilli()
	layout, err := timestamp.New("%d.%m.%Y %T", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   processor.Input
		body string
		want int64
	}{
		"plain":         {processor.Input{}, "2026-11-22T15:04:05Z x", arrival},
		"plain stamped": {processor.Input{Stamp: true}, "2026-11-22T15:04:05Z x", when},
		"layout":        {processor.Input{Stamp: true, Layout: layout}, "22.11.2026 15:04:05 x", when},
		"json":          {processor.Input{Format: processor.JSON}, `{"ts":"2026-11-22T15:04:05Z"}`, when},
		"json by key":   {processor.Input{Format: processor.JSON, Stamp: true, Key: "at"}, `{"ts":"2026-11-21T15:04:05Z","at":"2026-11-22T15:04:05Z"}`, when},
		"logfmt":        {processor.Input{Format: processor.Logfmt}, `time=2026-11-22T15:04:05Z x=1`, when},
		"cri":           {processor.Input{Format: processor.CRI}, `2026-11-22T15:04:05Z stdout F {"ts":1}`, when},
		"cri of json":   {processor.Input{Format: processor.CRI, Content: processor.JSON}, `2026-11-22T15:04:06Z stdout F {"ts":"2026-11-22T15:04:05Z"}`, when},
		"records":       {processor.Input{Format: processor.JSON, Records: true}, `{"time":"2026-11-22T15:04:05Z"}`, arrival},
	} {
		t.Run(name, func(t *testing.T) {
			if got := run(t, processor.Config{Input: c.in}, c.body).times; len(got) != 1 || got[0] != c.want {
				t.Errorf("times %v, want %d", got, c.want)
			}
		})
	}
}

// A batch that is refused is as it was, and nothing of it is counted.
func TestRefused(t *testing.T) {
	s := newSink()
	s.err = sidelight.ErrFull
	p := pipeline(t, processor.Config{Keep: `level >= warn`, Redact: redact.Config{What: []string{"email"}}}, s)
	b := batch("INFO a", "ERROR x@y.io")
	if err := p.Push(t.Context(), b); err == nil {
		t.Fatal("no error")
	}
	if len(s.lost) != 0 || len(b.Events) != 2 || string(b.Events[1].Body) != "ERROR x@y.io" {
		t.Errorf("lost %v, events %v", s.lost, b.Events)
	}
	s.err = nil
	if err := p.Push(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int{"filtered": 1}, s.lost); d != "" {
		t.Error(d)
	}
}

// Sources hear once a minute of what was held back, and the bucket fills again.
func TestLimitReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		p := pipeline(t, processor.Config{Rate: 10, Burst: 5}, s)
		ended := make(chan error)
		go func() { ended <- p.Run(t.Context()) }()
		many := make([]string, 20)
		for i := range many {
			many[i] = "x"
		}
		for range 2 {
			if err := p.Push(t.Context(), batch(many...)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
		}
		if n := len(s.got()["g"]); n != 8 {
			t.Errorf("%d events went on, want 5 and 3", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := s.got()["g"]; len(got) != 9 || !strings.Contains(got[8], `"held_back":32`) {
			t.Errorf("%d events, the last %s", len(got), got[len(got)-1])
		}
		time.Sleep(10 * time.Minute)
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := len(s.got()["g"]); n != 9 {
			t.Errorf("%d events: the report is repeated", n)
		}
	})
}

func TestOtherSignalsPass(t *testing.T) {
	s := newSink()
	p := pipeline(t, processor.Config{Keep: `level >= error`}, s)
	b := batch("{}")
	b.Signal = sidelight.Traces
	if err := p.Push(t.Context(), b); err != nil || len(s.bodies["g"]) != 1 {
		t.Errorf("%v, %v", err, s.bodies)
	}
}

func TestBadConfigs(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  processor.Config
		want string
	}{
		"keep":      {processor.Config{Keep: "level >="}, "keep: at 9"},
		"drop":      {processor.Config{Drop: "("}, "drop: at 2"},
		"redact":    {processor.Config{Redact: redact.Config{What: []string{"("}}}, "what[0]"},
		"route":     {processor.Config{Routes: []processor.Route{{When: "x ="}}}, "when: at 4"},
		"pattern":   {processor.Config{Input: processor.Input{Format: processor.Regex, Pattern: "("}}, "pattern"},
		"no names":  {processor.Config{Input: processor.Input{Format: processor.Regex, Pattern: "x"}}, "named group"},
		"format":    {processor.Config{Input: processor.Input{Format: "xml"}}, "format"},
		"multiline": {processor.Config{Input: processor.Input{Multiline: multiline.Config{Start: "("}}}, "multiline"},
	} {
		_, err := processor.New(c.cfg, newSink(), newSink(), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
