package agent_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// framed appends message as a stream of StatsD has it.
func framed(b []byte, message string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(message))), message...)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A dimension with a new value in each sample costs neither memory nor the other
// metrics: it is bounded, summed, and named.
func TestSeriesExplosion(t *testing.T) {
	const samples, routes, bound = 50_000, 20, 500
	s := sandboxtest.New(t)
	cfg := countersOnly(t, s)
	cfg.Metrics.Dimensions = nil
	cfg.Metrics.MaxSeries, cfg.Metrics.MaxSeriesPerMetric = config.Default().Metrics.MaxSeries, bound
	stream := filepath.Join(t.TempDir(), "s")
	cfg.Receivers.StatsD.Stream = config.Address(stream)
	a := start(t, cfg)
	conn, err := net.Dial("unix", stream)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	send := func(from, to int) {
		for i := from; i < to; {
			var b []byte
			for ; i < to && len(b) < 32<<10; i++ {
				b = framed(b, fmt.Sprintf("paid:2|c|#route:/%d", i%routes))
				b = framed(b, fmt.Sprintf("views:1|c|#user:%d", i))
			}
			if _, err := conn.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the samples", func() bool { return a.Report().Overflow["views"] == uint64(to-bound) })
	}
	send(0, samples/10) // the bound is reached
	before := heap()
	send(samples/10, samples)
	if after := heap(); after > before+4<<20 {
		t.Errorf("%d bytes of the heap were in use, now %d", before, after)
	}
	r := a.Report()
	if r.Series > bound+1+routes {
		t.Errorf("%d series", r.Series)
	}
	if len(r.Offenders) != 1 || r.Offenders[0].Metric != "views" || r.Offenders[0].Dimension != "user" || r.Offenders[0].Values < samples/4 {
		t.Errorf("offenders %+v", r.Offenders)
	}
	if text := a.page(t); !strings.Contains(text, `sidelight_metric_offender_values{namespace="Sidelight",metric="views",dimension="user"} `) ||
		!strings.Contains(text, fmt.Sprintf("sidelight_metric_overflow_total{metric=%q} %d\n", "views", samples-bound)) {
		t.Errorf("/metrics does not name the offender:\n%s", text)
	}
	a.finish(t)
	for i := range routes {
		if n := metricSum(t, s, "Sidelight", "paid", dim("route", fmt.Sprintf("/%d", i))); n != 2*samples/routes {
			t.Errorf("paid of route /%d is %v", i, n)
		}
	}
	over, kept := metricSum(t, s, "Sidelight", "views", dim("sidelight.overflow", "true")), 0.0
	for i := range bound {
		kept += metricSum(t, s, "Sidelight", "views", dim("user", fmt.Sprint(i)))
	}
	if over+kept != samples || kept != bound {
		t.Errorf("%v views are in the overflow and %v in series of their own, of %d", over, kept, samples)
	}
	if b := a.Books(sidelight.Metrics); b.Lost() != 0 {
		t.Errorf("books %+v", b)
	}
}
