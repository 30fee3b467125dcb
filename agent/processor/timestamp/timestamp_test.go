package timestamp_test

import (
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/timestamp"
)

func at(t *testing.T, text string) int64 {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixMilli()
}

func TestParse(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const want = "2026-11-22T15:04:05.123Z"
	for name, c := range map[string]struct {
		layout string
		zone   *time.Location
		text   string
		want   string
	}{
		"rfc3339":        {"", nil, "2026-11-22T15:04:05.123Z", want},
		"nanoseconds":    {"", nil, "2026-11-22T15:04:05.123456789Z", want},
		"offset":         {"", nil, "2026-11-22T16:04:05.123+01:00", want},
		"short offset":   {"", nil, "2026-11-22 16:04:05,123 +0100", want},
		"west":           {"", nil, "2026-11-22 10:34:05,123-0430", want},
		"hours only":     {"", nil, "2026-11-22 16:04:05.123+01", want},
		"no zone":        {"", nil, "2026/11/22 15:04:05.123", want},
		"zone given":     {"", berlin, "2026-11-22 16:04:05.123", want},
		"apache":         {"", nil, "22/Nov/2026:16:04:05 +0100", "2026-11-22T15:04:05Z"},
		"auto s":         {"", nil, "1795359845.123", want},
		"auto ms":        {"", nil, "1795359845123", want},
		"auto us":        {"", nil, "1795359845123000", want},
		"auto ns":        {"unix", nil, "1795359845123000000", want},
		"unix_s":         {"unix_s", nil, "1795359845", "2026-11-22T15:04:05Z"},
		"unix_ms":        {"unix_ms", nil, "1795359845123", want},
		"unix_us":        {"unix_us", nil, "1795359845123000", want},
		"unix_ns":        {"unix_ns", nil, "1795359845123000000", want},
		"%s":             {"%s", nil, "1795359845", "2026-11-22T15:04:05Z"},
		"strftime":       {"%d.%m.%Y %H:%M:%S.%f", nil, "22.11.2026 15:04:05.123", want},
		"strftime zone":  {"%d/%b/%Y:%T %z", nil, "22/Nov/2026:16:04:05 +0100", "2026-11-22T15:04:05Z"},
		"strftime 12h":   {"%F %I:%M:%S %p", nil, "2026-11-22 03:04:05 PM", "2026-11-22T15:04:05Z"},
		"go":             {"Jan 2, 2006 15:04:05", nil, "Nov 22, 2026 15:04:05", "2026-11-22T15:04:05Z"},
		"go berlin":      {"2006.01.02 15:04:05", berlin, "2026.11.22 16:04:05", "2026-11-22T15:04:05Z"},
		"syslog":         {"Jan _2 15:04:05", nil, "Nov 22 15:04:05", "2026-11-22T15:04:05Z"},
		"syslog in june": {"%b %e %T", nil, "Dec 31 23:59:59", "2025-12-31T23:59:59Z"},
		"leap second":    {"", nil, "2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"},
		"no such day":    {"", nil, "2026-02-30T00:00:00Z", ""},
		"no time":        {"", nil, "hello", ""},
		"empty":          {"", nil, "", ""},
		"month 13":       {"", nil, "2026-13-22T15:04:05Z", ""},
		"junk behind":    {"", nil, "2026-11-22T15:04:05Zx", ""},
		"negative":       {"unix", nil, "-5", ""},
		"too large":      {"unix_s", nil, "999999999999999", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := timestamp.New(c.layout, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := l.Parse([]byte(c.text), at(t, "2026-11-25T00:00:00Z"))
			if ok != (c.want != "") {
				t.Fatalf("Parse(%s) = %v, %v", c.text, got, ok)
			}
			if ok && got != at(t, c.want) {
				t.Errorf("Parse(%s) = %s, want %s", c.text, time.UnixMilli(got).UTC().Format(time.RFC3339Nano), c.want)
			}
		})
	}
}

func TestBadLayouts(t *testing.T) {
	for _, text := range []string{"iso", "%Q", "%", "%f", "seconds"} {
		if _, err := timestamp.New(text, nil); err == nil {
			t.Errorf("New(%q) has no fault", text)
		}
	}
}

func TestStamper(t *testing.T) {
	now := at(t, "2026-11-25T00:00:00Z")
	for name, c := range map[string]struct {
		key, layout, body, want string
	}{
		"common key":       {"", "", `{"level":"info","ts":1795359845.5}`, "2026-11-22T15:04:05.5Z"},
		"key":              {"when", "", `{"time":1,"when":"2026-11-22T15:04:05Z"}`, "2026-11-22T15:04:05Z"},
		"escaped":          {"when", "%d/%m/%Y %T", `{"when":"22\/11\/2026 15:04:05"}`, "2026-11-22T15:04:05Z"},
		"key not there":    {"when", "", `{"time":"2026-11-22T15:04:05Z"}`, ""},
		"line with a key":  {"when", "", `2026-11-22T15:04:05Z x`, ""},
		"line":             {"", "", `2026-11-22T15:04:05Z started`, "2026-11-22T15:04:05Z"},
		"two words":        {"", "", `2026-11-22 15:04:05,250 INFO started`, "2026-11-22T15:04:05.25Z"},
		"brackets":         {"", "", `[2026-11-22 15:04:05] started`, "2026-11-22T15:04:05Z"},
		"apache":           {"", "", `[22/Nov/2026:15:04:05 +0000] "GET /"`, "2026-11-22T15:04:05Z"},
		"layout of words":  {"", "%d %b %Y %T", `22 Nov 2026 15:04:05 | x`, "2026-11-22T15:04:05Z"},
		"the line is it":   {"", "", `2026-11-22 15:04:05`, "2026-11-22T15:04:05Z"},
		"a duration":       {"", "", `{"time":12.5}`, ""},
		"the future":       {"", "", `{"time":"2026-11-25T02:00:01Z"}`, ""},
		"a bit ahead":      {"", "", `{"time":"2026-11-25T01:59:59Z"}`, "2026-11-25T01:59:59Z"},
		"no time":          {"", "", `hello world`, ""},
		"an object inside": {"when", "", `{"when":{}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := timestamp.New(c.layout, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := &timestamp.Stamper{Key: c.key, Layout: l}
			b := &sidelight.Batch{Events: []sidelight.Event{{Time: now, Body: []byte(c.body)}}}
			if err := s.Process(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			want := now
			if c.want != "" {
				want = at(t, c.want)
			}
			if got := b.Events[0].Time; got != want {
				t.Errorf("time %s, want %s", time.UnixMilli(got).UTC().Format(time.RFC3339Nano), c.want)
			}
		})
	}
}

// The scratch memory of one event is not the body of another.
func TestBodiesStay(t *testing.T) {
	s := &timestamp.Stamper{}
	bodies := []string{`{"time":"2026-11-22T15:04:05Z"}`, `{"time":"2026\u002d11-22T15:04:05Z"}`}
	b := &sidelight.Batch{}
	for _, text := range bodies {
		b.Events = append(b.Events, sidelight.Event{Time: at(t, "2026-11-25T00:00:00Z"), Body: []byte(text)})
	}
	if err := s.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i, e := range b.Events {
		if string(e.Body) != bodies[i] || e.Time != at(t, "2026-11-22T15:04:05Z") {
			t.Errorf("body %s at %d, was %s", e.Body, e.Time, bodies[i])
		}
	}
}

func TestAllocs(t *testing.T) {
	s := &timestamp.Stamper{}
	b := &sidelight.Batch{Events: []sidelight.Event{
		{Body: []byte(`{"level":"info","time":"2026-11-22T15:04:05.123Z"}`)}, {Body: []byte(`2026-11-22 15:04:05,250 INFO started`)}, {Body: []byte(`{"ts":1795359845.5}`)},
	}}
	if n := testing.AllocsPerRun(100, func() { _ = s.Process(t.Context(), b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzStamper(f *testing.F) {
	f.Add("", "", []byte(`2026-11-22 15:04:05,250 INFO`))
	f.Add("ts", "%d %b %Y", []byte(`{"ts":"22 Nov 2026"}`))
	f.Add("", "Jan _2 15:04:05", []byte(`Nov  2 15:04:05`))
	f.Add("", "unix", []byte(`1795359845123`))
	f.Fuzz(func(t *testing.T, key, layout string, body []byte) {
		l, err := timestamp.New(layout, nil)
		if err != nil {
			return
		}
		s := &timestamp.Stamper{Key: key, Layout: l}
		b := &sidelight.Batch{Events: []sidelight.Event{{Time: 1, Body: body}}}
		if err := s.Process(t.Context(), b); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkStamper(b *testing.B) {
	s := &timestamp.Stamper{}
	batch := &sidelight.Batch{Events: []sidelight.Event{{Body: []byte(`2026-11-22 15:04:05,250 INFO started`)}}}
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Process(b.Context(), batch)
	}
}
