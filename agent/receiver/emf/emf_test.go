package emf

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
)

func open(t testing.TB, sink *receivertest.Sink) *Receiver {
	t.Helper()
	r, err := New(Config{TCP: "127.0.0.1:0", UDP: "127.0.0.1:0", Dest: func(group, stream string) sidelight.DestHandle {
		return sidelight.Dest{Group: "<" + group + ">", Stream: "<" + stream + ">"}.Handle()
	}}, sink, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

const sample = `{"_aws":{"Timestamp":1767355200123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["route"]],"Metrics":[{"Name":"latency","Unit":"Milliseconds"}]}],"LogGroupName":"shop-metrics"},"route":"/pay","latency":[12,14.5],"cart":"81"}`

func TestDocuments(t *testing.T) {
	const metrics = `"CloudWatchMetrics":[]`
	const now = 1767000000000
	for name, tc := range map[string]struct {
		in, group, stream string
		at                int64
		cause             string
	}{
		"whole":           {in: sample, group: "shop-metrics", at: 1767355200123},
		"both names":      {in: `{"_aws":{"LogStreamName":"s","LogGroupName":"g",` + metrics + `}}`, group: "g", stream: "s"},
		"only a stream":   {in: `{"_aws":{"LogStreamName":"s",` + metrics + `}}`, stream: "s"},
		"escapes":         {in: `{"\u005faws":{"LogGroupName":"\u0067\/x",` + metrics + `}}`, group: "g/x"},
		"no names":        {in: ` {"a":1,"_aws":{` + metrics + `}} ` + "\r", at: now},
		"names elsewhere": {in: `{"LogGroupName":"x","_aws":{"LogGroupName":7,` + metrics + `}}`},
		"odd times":       {in: `{"_aws":{"Timestamp":"1767355200123",` + metrics + `}}`, at: now},
		"negative":        {in: `{"_aws":{"Timestamp":-1,` + metrics + `}}`, at: now},
		"no _aws":         {in: `{"a":1}`, cause: "not_emf"},
		"null":            {in: `{"_aws":null}`, cause: "not_emf"},
		"no metrics":      {in: `{"_aws":{"Timestamp":1}}`, cause: "not_emf"},
		"odd metrics":     {in: `{"_aws":{"CloudWatchMetrics":{}}}`, cause: "not_emf"},
		"text":            {in: `hello`, cause: "malformed"},
		"array":           {in: `[{"_aws":{` + metrics + `}}]`, cause: "malformed"},
		"cut off":         {in: sample[:len(sample)-2], cause: "malformed"},
		"two":             {in: sample + sample, cause: "malformed"},
		"broken inside":   {in: `{"_aws":{` + metrics + `},"a":tru}`, cause: "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, new(receivertest.Sink))
			m := receiver.Message{Raw: []byte(tc.in), Now: now, Event: sidelight.Event{Time: now}}
			if cause := r.decode(&m); cause != tc.cause {
				t.Fatalf("cause %q, want %q", cause, tc.cause)
			}
			if tc.cause != "" {
				return
			}
			if string(m.Event.Body) != strings.TrimSpace(tc.in) {
				t.Errorf("body %s", m.Event.Body)
			}
			if d := m.To.Dest.Value(); d.Group != "<"+tc.group+">" || d.Stream != "<"+tc.stream+">" || m.To.Source != "emf" {
				t.Errorf("to %+v from %q", d, m.To.Source)
			}
			if tc.at != 0 && m.Event.Time != tc.at {
				t.Errorf("time %d, want %d", m.Event.Time, tc.at)
			}
		})
	}
}

// What is broken is counted, and what follows is not.
func TestSockets(t *testing.T) {
	var sink receivertest.Sink
	r := open(t, &sink)
	receivertest.Run(t, r, &sink)
	for i, a := range []net.Addr{r.TCPAddr(), r.UDPAddr()} {
		c, err := net.Dial(a.Network(), a.String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "%s\nbroken\n{\"a\":1}\n%s", sample, strings.ReplaceAll(sample, "shop-metrics", "other"))
		c.Close()
		got := sink.Wait(t, 2*i+2)[2*i:]
		if got[0].Body != sample || got[0].Group != "<shop-metrics>" || got[1].Group != "<other>" {
			t.Errorf("%s: %+v", a.Network(), got)
		}
		if sink.Lost("malformed") != i+1 || sink.Lost("not_emf") != i+1 {
			t.Errorf("%s: lost %d malformed, %d of another format", a.Network(), sink.Lost("malformed"), sink.Lost("not_emf"))
		}
	}
	c, err := net.Dial("tcp", r.TCPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%s\n%s\n", strings.Repeat("x", 1<<20), sample)
	sink.Wait(t, 5)
	if sink.Lost("oversize") != 1 {
		t.Errorf("lost %d for their size", sink.Lost("oversize"))
	}
}

func TestRefused(t *testing.T) {
	var sink receivertest.Sink
	dest := func(string, string) sidelight.DestHandle { return sidelight.Dest{}.Handle() }
	for _, cfg := range []Config{{}, {Dest: dest}, {TCP: "127.0.0.1:0"}, {UDP: "nonsense", Dest: dest}} {
		if r, err := New(cfg, &sink, slog.New(slog.DiscardHandler)); err == nil {
			r.Close()
			t.Errorf("New(%+v) succeeded", cfg)
		}
	}
}

// FuzzDecode expects that only JSON objects with metrics pass, as they are.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{sample, sample[:40], `{"_aws":{"CloudWatchMetrics":[],"LogGroupName":"\ud800"}}`, `{"_aws":{},"_aws":{"CloudWatchMetrics":[]}}`, "x", "{}"} {
		f.Add([]byte(s))
	}
	r := open(f, new(receivertest.Sink))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := receiver.Message{Raw: b, Now: 1, Event: sidelight.Event{Time: 1}}
		if r.decode(&m) != "" {
			return
		}
		if string(m.Event.Body) != strings.TrimSpace(string(b)) {
			t.Errorf("body %q of %q", m.Event.Body, b)
		}
		var doc map[string]json.RawMessage // a number may be beyond float64
		if err := json.Unmarshal(m.Event.Body, &doc); err != nil {
			t.Errorf("%v: %q", err, b)
		}
		if m.Event.Time <= 0 || m.To.Source == "" {
			t.Errorf("event of %d from %q", m.Event.Time, m.To.Source)
		}
	})
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	r := open(t, new(receivertest.Sink))
	m := receiver.Message{Raw: []byte(sample), Now: 1}
	r.decode(&m)
	if n := testing.AllocsPerRun(100, func() { r.decode(&m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	r := open(b, new(receivertest.Sink))
	m := receiver.Message{Raw: []byte(sample), Now: 1}
	b.SetBytes(int64(len(sample)))
	b.ReportAllocs()
	for b.Loop() {
		if cause := r.decode(&m); cause != "" {
			b.Fatal(cause)
		}
	}
}
