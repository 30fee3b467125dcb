package firelens_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/firelens"
	"github.com/sidelight-dev/sidelight/agent/processor/container"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// sink remembers what is pushed, and fails for the groups in refuse.
type sink struct {
	got    []string
	refuse string
	hold   []*sidelight.Ticket
}

func (s *sink) Push(_ context.Context, b *sidelight.Batch) error {
	d := b.Dest.Value()
	if d.Group == s.refuse {
		return sidelight.ErrFull
	}
	for _, e := range b.Events {
		s.got = append(s.got, fmt.Sprintf("%s:%s %d %s", d.Group, d.Stream, e.Time, e.Body))
	}
	b.Ticket.Hold()
	s.hold = append(s.hold, b.Ticket)
	return nil
}

func route(tag string, r firelens.Route) sidelight.DestHandle {
	return sidelight.Dest{Group: r.Group, Stream: r.Stream + "|" + tag}.Handle()
}

func batch(tag string, t *sidelight.Ticket, bodies ...string) *sidelight.Batch {
	b := &sidelight.Batch{Source: tag, Ticket: t}
	for i, s := range bodies {
		b.Events = append(b.Events, sidelight.Event{Time: int64(i), Body: []byte(s)})
	}
	return b
}

func TestRouter(t *testing.T) {
	out := &sink{}
	var books meter.Account
	r := firelens.NewRouter(load(t, testdata(t, "fargate.conf")), out, route, &books, slog.New(slog.DiscardHandler))
	released := 0
	ticket := func() *sidelight.Ticket { return sidelight.NewTicket(func(error) { released++ }) }
	for range 2 {
		for _, b := range []*sidelight.Batch{
			batch("web-firelens-1", ticket(), `{"log":"a\tb","source":"stdout"}`, `{"log":"ELB-HealthChecker/2"}`, `{"log":""}`, `{"log":{"n":1}}`, `{"other":1}`),
			batch("worker-firelens-1", ticket(), `{"log":"fine"}`, `{"log":"Warning"}`),
			batch("firelens-healthcheck", ticket(), `{"a":1}`),
		} {
			if err := r.Push(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			b.Ticket.Release(nil)
		}
	}
	const meta = `"ecs_cluster":"shop","ecs_task_arn":"arn:aws:ecs:eu-west-1:111122223333:task/shop/0f9a1d","ecs_task_definition":"checkout:7"}`
	want := []string{
		"/shop/web:web/web-firelens-1|web-firelens-1 0 a\tb",
		"/shop/web:web/web-firelens-1|web-firelens-1 3 {\"n\":1}",
		"/shop/web:web/web-firelens-1|web-firelens-1 4 {\"other\":1," + meta,
		"/shop/shop/worker:0f9a1d|worker-firelens-1 1 {\"log\":\"Warning\"," + meta,
	}
	if d := cmp.Diff(append(want, want...), out.got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// Of every pass: the health check of the balancer, the empty text, what is
	// fine, and the health check of the task.
	if n := books.Totals(sidelight.Logs).Dropped["excluded"]; n != 8 {
		t.Errorf("%d excluded, want 8", n)
	}
	if released != 2 {
		t.Errorf("%d tickets released before what they are for is safe, want those 2 of nothing", released)
	}
	for _, h := range out.hold {
		h.Release(nil)
	}
	if released != 6 {
		t.Errorf("%d tickets released, want 6", released)
	}
	for group, days := range map[string]int32{"/shop/web": 14, "/shop/shop/worker": 0} {
		if got, ok := r.Retention(group); !ok || got != days {
			t.Errorf("retention of %s: %d, %t", group, got, ok)
		}
	}
	// A group is known before its first record: one may be left from an
	// earlier run.
	fresh := firelens.NewRouter(load(t, testdata(t, "fargate.conf")), out, route, &books, slog.New(slog.DiscardHandler))
	if got, ok := fresh.Retention("/shop/web"); !ok || got != 14 {
		t.Errorf("retention before the first record: %d, %t", got, ok)
	}
	if _, ok := r.Retention("/other"); ok {
		t.Error("a group that nobody named has a retention")
	}
}

func TestTwoPlaces(t *testing.T) {
	out := &sink{}
	var books meter.Account
	r := firelens.NewRouter(load(t, output("log_group_name /a; log_key log")+"\n"+output("log_group_name /b")), out, route, &books, slog.New(slog.DiscardHandler))
	if err := r.Push(t.Context(), batch("app-firelens-1", nil, `{"log":"x"}`)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(out.got); got != `[/a:|app-firelens-1 0 x /b:|app-firelens-1 0 {"log":"x"}]` {
		t.Errorf("got %s", got)
	}
	out.refuse = "/b"
	if err := r.Push(t.Context(), batch("app-firelens-1", nil, `{"log":"x"}`)); !errors.Is(err, sidelight.ErrFull) {
		t.Errorf("error %v", err)
	}
}

func TestEdits(t *testing.T) {
	const lift = "[FILTER]\nName parser\nMatch *\nKey_Name log\nParser json\nReserve_Data On"
	for name, c := range map[string]struct{ conf, in, want string }{
		"marks":          {"", `{"log":"a","partial_message":"true","partial_id":"x","partial_ordinal":"1","partial_last":"true","n":1}`, `{"log":"a","n":1}`},
		"marks in text":  {"", `{"log":"\"partial_id\":1"}`, `{"log":"\"partial_id\":1"}`},
		"not an object":  {lift, `text`, `text`},
		"lift":           {lift, `{"a":1,"log":" {\"b\":\"x\\\"y\"} ","c":2}`, `{"a":1,"b":"x\"y","c":2}`},
		"lift only one":  {lift, `{"log":"{}"}`, `{}`},
		"lift text":      {lift, `{"log":"{b"}`, `{"log":"{b"}`},
		"lift broken":    {lift, `{"log":"{b}"}`, `{"log":"{b}"}`},
		"lift array":     {lift, `{"log":"[1]"}`, `{"log":"[1]"}`},
		"lift number":    {lift, `{"log":1}`, `{"log":1}`},
		"add to nothing": {"[FILTER]\nName record_modifier\nMatch *\nRecord a b c", `{}`, `{"a":"b c"}`},
		"add quotes":     {"[FILTER]\nName record_modifier\nMatch *\nRecord \"a\\ b\"", `{"x":1 } `, `{"x":1,"\"a\\":"b\""}`},
		"remove":         {"[FILTER]\nName record_modifier\nMatch *\nRemove_key a\nRemove_key b", `{"a":{"x":[1]},"c":"d","b":null}`, `{"c":"d"}`},
		"regex":          {"[FILTER]\nName grep\nMatch *\nRegex log ^a\\tb$", `{"log":"a\tb"}`, `{"log":"a\tb"}`},
		"regex other":    {"[FILTER]\nName grep\nMatch *\nRegex log ^b", `{"log":"ab"}`, ``},
		"regex missing":  {"[FILTER]\nName grep\nMatch *\nRegex log .*", `{"x":"ab"}`, ``},
		"exclude":        {"[FILTER]\nName grep\nMatch *\nExclude log /b$/", `{"log":"ab"}`, ``},
		"exclude other":  {"[FILTER]\nName grep\nMatch *\nExclude log b", `{"x":"ab"}`, `{"x":"ab"}`},
		"other tag":      {"[FILTER]\nName grep\nMatch b*\nExclude log b", `{"log":"ab"}`, `{"log":"ab"}`},
		"built in":       {"@INCLUDE /fluent-bit/configs/parse-json.conf", `{"log":"{\"b\":1}"}`, `{"b":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, c.conf)
			got, ok := p.Edit("a", []byte(c.in))
			if ok != (c.want != "") || ok && string(got) != c.want {
				t.Errorf("%s, %t; want %s", got, ok, c.want)
			}
			if len(p.Notes) > 0 {
				t.Errorf("notes %v", p.Notes)
			}
		})
	}
}

func TestUnmarked(t *testing.T) {
	full := strings.Repeat("x", 16<<10)
	for name, c := range map[string]struct {
		body    string
		partial bool
	}{
		"piece":          {`{"log":"` + full + `","source":"stdout"}`, true},
		"piece, escaped": {`{"log":"` + full[1:] + `\""}`, true},
		"spaces":         {` {"log": "` + full + `" } `, true},
		"newline":        {`{"log":"` + full + `\n"}`, false},
		"backslash n":    {`{"log":"` + full[2:] + `\\n"}`, true},
		"n":              {`{"log":"` + full[1:] + `n"}`, true},
		"short":          {`{"log":"` + full[1:] + `"}`, false},
		"long":           {`{"log":"` + full + `x"}`, false},
		"marked last":    {`{"log":"` + full + `","partial_message":"true","partial_last":"true"}`, false},
		"marked":         {`{"partial_message":"true","partial_last":"false","log":"a"}`, true},
		"no log":         {`{"message":"` + full + `"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if l, _, _ := firelens.Unmarked([]byte(c.body), nil); l.Partial != c.partial {
				t.Errorf("partial %t, want %t", l.Partial, c.partial)
			}
		})
	}
	var _ container.Reader = firelens.Unmarked
}

func BenchmarkRouter(b *testing.B) {
	out := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	var books meter.Account
	r := firelens.NewRouter(load(b, testdata(b, "fargate.conf")), out, route, &books, slog.New(slog.DiscardHandler))
	record := `{"container_id":"0123456789abcdef","container_name":"/ecs-web","source":"stdout","log":"` + strings.Repeat("text ", 60) + `"}`
	in := batch("api-firelens-1", nil)
	for range 400 {
		in.Events = append(in.Events, sidelight.Event{Body: []byte(record)})
	}
	b.SetBytes(int64(400 * len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Push(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
