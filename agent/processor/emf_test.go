package processor

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
)

type nowhere struct{}

func (nowhere) Lose(sidelight.Signal, string, int) {}

// Records whose line is a document with metrics become one; others stay.
func TestMetricsInRecords(t *testing.T) {
	in := []string{
		`{"container_id":"c","log":"{\"_aws\":{\"Timestamp\":1,\"CloudWatchMetrics\":[{\"Namespace\":\"a\"}]},\"n\":1}\n","source":"stdout"}`,
		`{"log":"plain"}`,
		`{"log":"{\"_aws\":{\"Timestamp\":1},\"n\":1}"}`,
		`{"log":"{\"_aws\":{\"CloudWatchMetrics\":[]}, broken}"}`,
		`{"other":"{\"_aws\":{\"CloudWatchMetrics\":[]}}"}`,
		`{"log":"{\"_aws\":{\"CloudWatchMetrics\":[]}}"}`,
		`not a record \"_aws\"`,
	}
	want := append([]string(nil), in...)
	want[0] = `{"container_id":"c","_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"a"}]},"n":1,"source":"stdout"}`
	want[5] = `{"_aws":{"CloudWatchMetrics":[]}}`
	var got []string
	out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
		for _, e := range b.Events {
			got = append(got, string(e.Body))
		}
		return nil
	})
	p, err := New(Config{Input: Input{Format: Plain, Records: true}}, out, nowhere{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b := &sidelight.Batch{Signal: sidelight.Logs, Dest: sidelight.Dest{}.Handle()}
	for _, body := range in {
		b.Events = append(b.Events, sidelight.Event{Time: 1, Body: []byte(body)})
	}
	if err := p.Push(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("bodies (-want +got):\n%s", d)
	}
	if p.Unparsed() != 0 {
		t.Errorf("%d counted as unparsed", p.Unparsed())
	}
}

func BenchmarkLifter(b *testing.B) {
	body := []byte(`{"container_id":"0123456789abcdef","container_name":"/ecs-orders-1-app","source":"stdout","log":"{\"time\":\"2026-01-02T11:14:15Z\",\"level\":\"info\",\"msg\":\"GET /checkout\",\"route\":\"/checkout\",\"status\":200,\"took_ms\":12}"}`)
	batch := &sidelight.Batch{Events: []sidelight.Event{{Time: 1, Body: body}}}
	l := newLifter()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Process(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}
