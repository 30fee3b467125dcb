package syslog

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// noon is when the messages of the tests arrive.
var noon = time.Date(2026, time.January, 2, 12, 0, 0, 0, time.UTC)

func TestDocuments(t *testing.T) {
	const now = `{"time":"2026-01-02T12:00:00.000Z",`
	user := now + `"level":"NOTICE","facility":"user",`
	for name, tc := range map[string]struct {
		in    string
		local bool
		want  string
	}{
		// RFC 5424, 6.5.
		"5424 example 1": {
			in:   "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed for lonvick on /dev/pts/8",
			want: `{"time":"2003-10-11T22:14:15.003Z","level":"CRITICAL","facility":"auth","host":"mymachine.example.com","app":"su","msgid":"ID47","msg":"'su root' failed for lonvick on /dev/pts/8"}`,
		},
		"5424 example 2": {
			in:   "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
			want: `{"time":"2003-08-24T12:14:15.000Z","level":"NOTICE","facility":"local4","host":"192.0.2.1","app":"myproc","pid":"8710","msg":"%% It's time to make the do-nuts."}`,
		},
		"5424 example 3": {
			in:   `<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"] ` + "\xef\xbb\xbfAn application event log entry...",
			want: `{"time":"2003-10-11T22:14:15.003Z","level":"NOTICE","facility":"local4","host":"mymachine.example.com","app":"evntslog","msgid":"ID47","structured_data":{"exampleSDID@32473":{"iut":"3","eventSource":"Application","eventID":"1011"}},"msg":"An application event log entry..."}`,
		},
		"5424 example 4": {
			in:   `<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3"][examplePriority@32473 class="high"]`,
			want: `{"time":"2003-10-11T22:14:15.003Z","level":"NOTICE","facility":"local4","host":"mymachine.example.com","app":"evntslog","msgid":"ID47","structured_data":{"exampleSDID@32473":{"iut":"3"},"examplePriority@32473":{"class":"high"}},"msg":""}`,
		},
		"5424, nothing said": {
			in:   "<0>1 - - - - - -",
			want: now + `"level":"FATAL","severity_text":"emerg","facility":"kern","msg":""}`,
		},
		"5424, escapes and repeats": {
			in:   `<14>1 - h a - - [x a="q\"b\\c\]d\ne" ip="1" b="2" ip="3" ip="4"][y] text`,
			want: now + `"level":"INFO","facility":"user","host":"h","app":"a","structured_data":{"x":{"a":"q\"b\\c]d\\ne","ip":["1","3","4"],"b":"2"},"y":{}},"msg":"text"}`,
		},
		"5424, an element twice": {
			in:   `<14>1 - h a - - [x a="1"][x a="2"] text`,
			want: now + `"level":"INFO","facility":"user","host":"h","app":"a","structured_data":"[x a=\"1\"][x a=\"2\"]","msg":"text"}`,
		},
		"5424, bad data is old": {
			in:   `<14>1 - h a - - [x a=1] text`,
			want: now + `"level":"INFO","facility":"user","msg":"1 - h a - - [x a=1] text"}`,
		},
		"5424, many lines": {
			in:   "<11>1 2026-01-02T11:00:00+00:00 h a 1 - - first\n\tsecond\n",
			want: `{"time":"2026-01-02T11:00:00.000Z","level":"ERROR","facility":"user","host":"h","app":"a","pid":"1","msg":"first\n\tsecond"}`,
		},
		// RFC 3164, 5.4.
		"3164 example 1": {
			in:   "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
			want: now + `"level":"CRITICAL","facility":"auth","host":"mymachine","app":"su","msg":"'su root' failed for lonvick on /dev/pts/8"}`,
		},
		"3164": {
			in:   "<13>Jan  2 11:59:58 web-1 nginx[42]: GET /",
			want: `{"time":"2026-01-02T11:59:58.000Z","level":"NOTICE","facility":"user","host":"web-1","app":"nginx","pid":"42","msg":"GET /"}`,
		},
		"3164, last year": {
			in:   "<13>Dec 31 23:59:58 web-1 nginx: GET /",
			want: `{"time":"2025-12-31T23:59:58.000Z","level":"NOTICE","facility":"user","host":"web-1","app":"nginx","msg":"GET /"}`,
		},
		"3164, /dev/log": {
			in: "<13>Jan  2 11:59:58 logger: hello", local: true,
			want: `{"time":"2026-01-02T11:59:58.000Z","level":"NOTICE","facility":"user","app":"logger","msg":"hello"}`,
		},
		"3164, no host":          {in: "<13>Jan  2 12:00:00 app[7]: hello", want: user + `"app":"app","pid":"7","msg":"hello"}`},
		"3164, no colon":         {in: "<13>Jan  2 12:00:00 h app[7] hello", want: user + `"host":"h","app":"app","pid":"7","msg":"hello"}`},
		"3164, no tag":           {in: "<13>Jan  2 12:00:00 10.0.0.9 Use the BFG!", want: user + `"host":"10.0.0.9","msg":"Use the BFG!"}`},
		"3164, IPv6":             {in: "<13>Jan  2 12:00:00 fe80::1%eth0 a: b", want: user + `"host":"fe80::1%eth0","app":"a","msg":"b"}`},
		"3164, only a tag":       {in: "<13>a: b", want: user + `"app":"a","msg":"b"}`},
		"3164, only a text":      {in: "<13>hello: no, http://x", want: user + `"app":"hello","msg":"no, http://x"}`},
		"3164, an address":       {in: "<13>http://x is down", want: user + `"msg":"http://x is down"}`},
		"3164, a mark":           {in: "<13>\xef\xbb\xbfJan  2 12:00:00 h a: \xef\xbb\xbfb", want: user + `"host":"h","app":"a","msg":"b"}`},
		"3164, RFC 3339":         {in: "<13>2026-01-02T13:00:00.5+01:00 h a[1]: b", want: strings.Replace(user, "00.000", "00.500", 1) + `"host":"h","app":"a","pid":"1","msg":"b"}`},
		"3164, ISO, no zone":     {in: "<13>2026-01-02 12:00:00,250 h a: b", want: strings.Replace(user, "00.000", "00.250", 1) + `"host":"h","app":"a","msg":"b"}`},
		"3164, year behind":      {in: "<13>Jan 2 2026 12:00:00 h a: b", want: user + `"host":"h","app":"a","msg":"b"}`},
		"3164, year before":      {in: "<13>2026 Jan  2 12:00:00.001 h a: b", want: strings.Replace(user, "00.000", "00.001", 1) + `"host":"h","app":"a","msg":"b"}`},
		"Cisco":                  {in: "<189>*Jan  2 12:00:00.123: %SYS-5-CONFIG_I: Configured", want: `{"time":"2026-01-02T12:00:00.123Z","level":"NOTICE","facility":"local7","app":"%SYS-5-CONFIG_I","msg":"Configured"}`},
		"a clock that is wrong":  {in: "<13>Jan  2 14:00:00 h a: b", want: user + `"host":"h","app":"a","msg":"b"}`},
		"a clock that never was": {in: "<13>Mar  1 00:00:01 h a: b", want: user + `"host":"h","app":"a","msg":"b"}`},
		"binary":                 {in: "<13>Jan  2 12:00:00 h a: \x00\x01\xff\"\\\x00", want: user + `"host":"h","app":"a","msg":"\u0000\u0001` + "\ufffd" + `\"\\"}`},
		"only a priority":        {in: "<13>", want: user + `"msg":""}`},
		"all debug":              {in: "<191>x", want: now + `"level":"DEBUG","facility":"local7","msg":"x"}`},
		"no priority":            {in: "hello", want: "?" + now + `"msg":"hello"}`},
		"too great a priority":   {in: "<192>hello", want: "?" + now + `"msg":"<192>hello"}`},
		"no number":              {in: "<>hello", want: "?" + now + `"msg":"<>hello"}`},
		"unclosed":               {in: "<13 hello", want: "?" + now + `"msg":"<13 hello"}`},
	} {
		t.Run(name, func(t *testing.T) {
			p := parser{zone: time.UTC, unparsed: new(atomic.Int64)}
			m := receiver.Message{Raw: []byte(tc.in), Now: noon.UnixMilli(), Unix: tc.local, Text: []byte("before")}
			if cause := p.decode(&m); cause != "" {
				t.Fatalf("lost by %s", cause)
			}
			got := string(m.Event.Body)
			if !json.Valid(m.Event.Body) {
				t.Errorf("not JSON: %s", got)
			}
			if p.unparsed.Load() == 1 {
				got = "?" + got
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("document (-want +got):\n%s", d)
			}
			if at := "\"" + time.UnixMilli(m.Event.Time).UTC().Format("2006-01-02T15:04:05.000Z") + "\""; !strings.Contains(got, at) {
				t.Errorf("the event is of %s", at)
			}
		})
	}
}

// Times without a zone are of the zone that is configured.
func TestZone(t *testing.T) {
	p := parser{zone: time.FixedZone("CET", 3600), unparsed: new(atomic.Int64)}
	for in, want := range map[string]string{
		"<13>Jan  2 12:30:00 h a: b":          "11:30:00",
		"<13>2026-01-02T12:30:00 h a: b":      "11:30:00",
		"<13>2026-01-02T12:30:00Z h a: b":     "12:30:00",
		"<13>2026-01-02T12:30:00+0200 h a: b": "10:30:00",
	} {
		m := receiver.Message{Raw: []byte(in), Now: noon.UnixMilli()}
		p.decode(&m)
		if got := time.UnixMilli(m.Event.Time).UTC().Format(time.TimeOnly); got != want {
			t.Errorf("%s is of %s, want %s", in, got, want)
		}
	}
}

// Data that is too much for an object is a text, and costs no time.
func TestMuchData(t *testing.T) {
	many := strings.Repeat(`[a b="c"]`, 50_000)
	for _, data := range []string{many, "[a" + strings.Repeat(` b="c"`, 100_000) + "]"} {
		p := parser{zone: time.UTC, unparsed: new(atomic.Int64)}
		m := receiver.Message{Raw: []byte("<13>1 - h a - - " + data + " x"), Now: noon.UnixMilli()}
		p.decode(&m)
		var doc struct {
			Data string `json:"structured_data"`
			Msg  string `json:"msg"`
		}
		if err := json.Unmarshal(m.Event.Body, &doc); err != nil || doc.Data != data || doc.Msg != "x" {
			t.Errorf("%v: data of %d bytes, msg %q", err, len(doc.Data), doc.Msg)
		}
	}
}

// FuzzDecode expects a document of every message, with all of its text if it is
// not understood, and no write to the message.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`<165>1 2003-10-11T22:14:15.003Z m e - ID47 [x@1 iut="3" a="\]"][y] text`, "<13>Jan  2 12:00:00 h a[1]: b",
		"<13>2026-01-02T12:00:00Z h a: b", "<189>*Mar  1 00:00:00.123: %A-5: b", "<0>1 - - - - - -", "<13>", "<13>1 - - - - - [", "hello",
		"<13>1 2026-02-31T00:00:00Z h a - - - x", "<13>Feb 31 12:00:60 h a: x", "<13>9999-12-31T23:59:59-23:59 h a: x",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, local bool) {
		p := parser{zone: time.UTC, unparsed: new(atomic.Int64)}
		before := string(b)
		m := receiver.Message{Raw: b, Now: noon.UnixMilli(), Unix: local}
		if cause := p.decode(&m); cause != "" {
			t.Fatalf("lost by %s", cause)
		}
		if string(b) != before {
			t.Fatal("the message was changed")
		}
		var doc map[string]any
		if err := json.Unmarshal(m.Event.Body, &doc); err != nil {
			t.Fatalf("%v: %s", err, m.Event.Body)
		}
		text, ok := doc["msg"].(string)
		if !ok || doc["time"] == nil {
			t.Fatalf("incomplete: %s", m.Event.Body)
		}
		if whole := strings.TrimRight(before, "\r\n\x00"); p.unparsed.Load() == 1 && utf8.ValidString(whole) && text != whole {
			t.Errorf("text %q, want %q", text, whole)
		}
	})
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	p := parser{zone: time.UTC, unparsed: new(atomic.Int64)}
	for _, raw := range samples() {
		m := receiver.Message{Raw: []byte(raw), Now: noon.UnixMilli(), Text: make([]byte, 0, 4096)}
		if n := testing.AllocsPerRun(100, func() {
			m.Text = m.Text[:0]
			p.decode(&m)
		}); n != 0 {
			t.Errorf("%v allocations for %s", n, raw)
		}
	}
}

func samples() map[string]string {
	return map[string]string{
		"5424":      "<165>1 2026-01-02T11:14:15.000003-07:00 web-1.example.com nginx 8710 access - GET /checkout?cart=81 200 0.012 \"Mozilla/5.0 (X11; Linux x86_64)\"",
		"5424 data": `<165>1 2026-01-02T11:14:15.003Z web-1.example.com shop 1 ID47 [origin@32473 software="shop" ip="10.0.0.7"][trace@32473 id="4bf92f3577b34da6a3ce929d0e0e4736"] payment refused: card expired`,
		"3164":      "<34>Jan  2 11:14:15 web-1 sshd[9721]: Failed password for invalid user admin from 203.0.113.7 port 51234 ssh2",
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, raw := range samples() {
		b.Run(name, func(b *testing.B) {
			p := parser{zone: time.UTC, unparsed: new(atomic.Int64)}
			m := receiver.Message{Raw: []byte(raw), Now: noon.UnixMilli()}
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				m.Text = m.Text[:0]
				p.decode(&m)
			}
		})
	}
}
