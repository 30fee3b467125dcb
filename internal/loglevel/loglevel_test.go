package loglevel_test

import (
	"testing"

	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

func TestOf(t *testing.T) {
	for body, want := range map[string]loglevel.Level{
		`{"level":"info","msg":"x"}`:                              loglevel.Info,
		`{"time":"t","severity":"WARNING"}`:                       loglevel.Warn,
		`{"level":50,"msg":"pino"}`:                               loglevel.Error,
		`{"log.level":"fatal"}`:                                   loglevel.Fatal,
		`{"container_name":"/c","log":"2026 ERROR boom"}`:         loglevel.Error,
		`{"msg":"ERROR in text","level":"info"}`:                  loglevel.Info,
		`{"msg":"an error in words"}`:                             loglevel.Unknown,
		`{"other":"ERROR"}`:                                       loglevel.Unknown,
		`{"level":"unheard of","severity":"debug"}`:               loglevel.Debug,
		`2026-11-22 15:04:05,123 ERROR [main] c.a.B - boom`:       loglevel.Error,
		`[info] started`:                                          loglevel.Info,
		`time=2026 level=warn msg="an ERROR"`:                     loglevel.Warn,
		`time=2026 level="debug"`:                                 loglevel.Debug,
		`E1122 15:04:05.000001 1 server.go:1] bad`:                loglevel.Error,
		`W1122 15:04:05.000001`:                                   loglevel.Warn,
		`panic: runtime error: index out of range`:                loglevel.Fatal,
		`Traceback (most recent call last):`:                      loglevel.Error,
		`the information desk has an error`:                       loglevel.Unknown,
		`GET /INFO2 200`:                                          loglevel.Unknown,
		`TERRORS`:                                                 loglevel.Unknown,
		`WARNING:root:careful`:                                    loglevel.Warn,
		``:                                                        loglevel.Unknown,
		`127.0.0.1 - - [22/Nov/2026:15:04:05 +0000] "GET / HTTP"`: loglevel.Unknown,
	} {
		if got := loglevel.Of([]byte(body)); got != want {
			t.Errorf("Of(%s) = %v, want %v", body, got, want)
		}
	}
}

func TestNamesParseBack(t *testing.T) {
	for i, name := range loglevel.Names() {
		l := loglevel.Parse([]byte(name))
		if int(l) != i+1 || l.String() != name {
			t.Errorf("Parse(%s) = %v", name, l)
		}
	}
	if s := loglevel.Level(200).String(); s != "unknown" {
		t.Errorf("String of no level = %s", s)
	}
}

func TestAllocs(t *testing.T) {
	doc, line := []byte(`{"time":"2026","level":"warn","msg":"x"}`), []byte(`2026-11-22 15:04:05,123 ERROR [main] boom`)
	if n := testing.AllocsPerRun(100, func() { loglevel.Of(doc); loglevel.Of(line) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzOf(f *testing.F) {
	f.Add([]byte(`{"level":"info"}`))
	f.Add([]byte(`I1122 x [warn]`))
	f.Add([]byte(`"=`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l := loglevel.Of(b); int(l) >= loglevel.Count {
			t.Errorf("Of(%q) = %d", b, l)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	for name, body := range map[string]string{
		"json": `{"time":"2026-11-22T15:04:05Z","level":"warn","msg":"x"}`, "text": `2026-11-22 15:04:05,123 ERROR [main] boom`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				loglevel.Of([]byte(body))
			}
		})
	}
}
