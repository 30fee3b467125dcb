package spanmetrics_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
)

const traceID = "1-65920080-00000000000000000000000a"

func subsegment(id, top string) string {
	return fmt.Sprintf(`{"id":"%s","name":"db","start_time":10,"end_time":11,"namespace":"remote"%s}`, id, top)
}

func segment(trace, id, more string) string {
	return fmt.Sprintf(`{"trace_id":"%s","id":"%s","name":"orders","start_time":10,"end_time":12%s}`, trace, id, more)
}

// What the SDKs send more than once is counted once, whatever document it is in.
func TestSentTwice(t *testing.T) {
	call := subsegment("00000000000000b1", "")
	alone := subsegment("00000000000000b1", `,"type":"subsegment","parent_id":"00000000000000a1","trace_id":"`+traceID+`"`)
	whole := segment(traceID, "00000000000000a1", `,"subsegments":[`+call+`]`)
	for name, c := range map[string]struct {
		docs              []string
		requests, calls   float64
		roots, duplicates uint64
	}{
		"once":                      {[]string{whole}, 1, 1, 1, 0},
		"twice, calls in it twice":  {[]string{whole, strings.Replace(whole, call, call+","+call, 1)}, 1, 1, 1, 3},
		"a call alone, then within": {[]string{alone, whole}, 1, 1, 1, 1},
		"a call within, then alone": {[]string{whole, alone}, 1, 1, 1, 1},
		"in progress, then over":    {[]string{strings.Replace(whole, `"end_time":12`, `"in_progress":true`, 1), whole}, 1, 1, 1, 1},
		"the ids of another trace":  {[]string{whole, strings.ReplaceAll(whole, "0a\"", "0b\"")}, 2, 2, 2, 0},
		"two segments of a trace":   {[]string{whole, segment(traceID, "00000000000000a2", `,"parent_id":"00000000000000b1"`)}, 2, 1, 1, 0},
		"no trace":                  {[]string{segment("none", "00000000000000a1", ""), segment("none", "00000000000000a1", "")}, 2, 0, 2, 0},
		"no id":                     {[]string{segment(traceID, "", ""), segment(traceID, "", "")}, 2, 0, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := spanmetrics.New(spanmetrics.Config{Own: true})
			give(t, m, c.docs...)
			got := recorder{}
			m.Collect(got)
			if n := got["Traces Requests Service=orders"]; n != c.requests {
				t.Errorf("%v requests, want %v", n, c.requests)
			}
			if n := got["Traces Requests Service=orders RemoteService=db"] + got["Traces Requests Service= RemoteService=db"]; n != c.calls {
				t.Errorf("%v calls, want %v: %v", n, c.calls, got)
			}
			st := m.Stats()
			if d := cmp.Diff([2]uint64{c.roots, c.duplicates}, [2]uint64{st.Roots, st.Duplicates}); d != "" {
				t.Errorf("roots and duplicates (-want +got):\n%s", d)
			}
		})
	}
}

// Many more requests than the window holds are counted, each once.
func TestWindowIsBounded(t *testing.T) {
	const n = 200_000
	m := spanmetrics.New(spanmetrics.Config{Own: true})
	for i := range n {
		give(t, m, segment(traceID, fmt.Sprintf("%016x", i+1), ""))
	}
	if st := m.Stats(); st.Roots != n || st.Duplicates != 0 {
		t.Errorf("%+v, want %d roots", st, n)
	}
	give(t, m, segment(traceID, fmt.Sprintf("%016x", n), ""))
	if st := m.Stats(); st.Roots != n || st.Duplicates != 1 {
		t.Errorf("%+v after one came again, want %d roots", st, n)
	}
}

func give(t *testing.T, m *spanmetrics.Metrics, docs ...string) {
	t.Helper()
	sink := m.Watch(sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil }))
	for _, doc := range docs {
		b := &sidelight.Batch{Signal: sidelight.Traces, Events: []sidelight.Event{{Body: []byte(doc)}}}
		if err := sink.Push(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}
