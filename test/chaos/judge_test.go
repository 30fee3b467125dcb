//go:build linux

package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// sound is the outcome of a row in which all is well: 40 log events and 20
// segments, of which 5 datagrams found no room, over a restart with 7 events on
// disk.
func sound() *outcome {
	o := &outcome{
		hits:  1,
		runs:  make([]run, 2),
		taken: []map[sidelight.Signal]int{{sidelight.Logs: 33, sidelight.Traces: 15}, {sidelight.Logs: 7}},
	}
	for s := range sources {
		o.tallies[s] = tally{sent: 10, delivered: 10}
		if s.answers() {
			o.tallies[s].acked = 10
		}
	}
	o.tallies[fromForward] = tally{sent: 20, acked: 20, delivered: 20}
	o.tallies[fromXRay] = tally{sent: 10, delivered: 5, missing: 5}
	first, second := &o.runs[0].account, &o.runs[1].account
	first.books[sidelight.Logs] = meter.Totals{Accepted: 40, Delivered: 33}
	first.left = 7
	first.books[sidelight.Traces] = meter.Totals{Accepted: 20, Delivered: 15, Dropped: map[string]uint64{"full": 5}}
	o.runs[1].recovered[sidelight.Logs] = 7
	o.runs[1].owed[sidelight.Logs] = 7
	second.books[sidelight.Logs] = meter.Totals{Recovered: 7, Delivered: 7}
	return o
}

// Every way to be wrong is seen.
func TestJudge(t *testing.T) {
	drops := allowed{drop: true}
	logs := func(o *outcome, run int) *meter.Totals { return &o.runs[run].account.books[sidelight.Logs] }
	for name, tc := range map[string]struct {
		may   allowed
		spoil func(*outcome)
		want  string // empty: all is well
	}{
		"sound":                    {drops, func(*outcome) {}, ""},
		"drops are not expected":   {allowed{}, func(*outcome) {}, "traces: 5 dropped (full 5)"},
		"a failure on the way":     {drops, func(o *outcome) { o.err = errors.New("not done") }, "not done"},
		"a stranger":               {drops, func(o *outcome) { o.strange = []string{"x"} }, "nobody sent"},
		"no fault":                 {drops, func(o *outcome) { o.hits = 0 }, "no call met"},
		"a lost record":            {drops, func(o *outcome) { o.tallies[fromForward].delivered--; o.tallies[fromForward].missing++ }, "forward: 1 records are lost"},
		"not acknowledged":         {drops, func(o *outcome) { o.tallies[fromOTLPLogs].acked-- }, "not acknowledged"},
		"a duplicate":              {drops, func(o *outcome) { o.tallies[fromFile].duplicates++ }, "file: 1 duplicates"},
		"an expected duplicate":    {allowed{drop: true, copies: true}, func(o *outcome) { o.tallies[fromFile].duplicates++ }, ""},
		"a refusal":                {drops, func(o *outcome) { o.tallies[fromFile].refused++ }, "file: 1 records were refused"},
		"no refusal":               {allowed{drop: true, refuse: true}, func(*outcome) {}, "nothing was refused"},
		"an uncounted loss":        {drops, func(o *outcome) { o.tallies[fromXRay].delivered--; o.tallies[fromXRay].missing++ }, "5 dropped by the account (full 5), 6 are missing"},
		"counted too much":         {drops, func(o *outcome) { logs(o, 1).Accepted++ }, "41 accepted by the account, 40 in truth"},
		"counted too little":       {allowed{drop: true, again: true}, func(o *outcome) { logs(o, 0).Accepted-- }, "39 accepted by the account, 40 in truth"},
		"delivered more":           {drops, func(o *outcome) { logs(o, 1).Delivered++ }, "8 logs delivered by its account, 7 arrived"},
		"left and not found":       {drops, func(o *outcome) { o.runs[1].recovered[sidelight.Logs] = 6 }, "left 7 logs queued, run 2 found 6"},
		"owed and not found":       {drops, func(o *outcome) { o.runs[1].owed[sidelight.Logs] = 8 }, "8 that were acknowledged had not arrived"},
		"queued and not on disk":   {drops, func(o *outcome) { o.runs[0].account.left = 6 }, "7 queued by its account, 6 left on disk"},
		"owed after a kill":        {drops, func(o *outcome) { o.runs[0].killed = true; o.runs[1].owed[sidelight.Logs] = 8 }, "8 that were acknowledged"},
		"the last run after kills": {drops, func(o *outcome) { o.runs[0].killed = true; o.taken[1][sidelight.Logs] = 9 }, "7 logs delivered by its account, 9 arrived"},
		"no account after kills":   {drops, func(o *outcome) { o.runs[0].killed = true; o.runs[0].account = account{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := sound()
			tc.spoil(o)
			got := strings.Join(judge(o, tc.may), "; ")
			if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("judged %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTotals(t *testing.T) {
	o := sound()
	o.tallies[fromForward].missing = 2
	o.runs[1].account.left = 1
	if got := o.totals(); got.sent != 60 || got.delivered != 55 || got.queued != 1 || got.dropped["full"] != 5 || got.lost != 1 {
		t.Errorf("totals %+v", got)
	}
}

func TestLedger(t *testing.T) {
	l := newLedger()
	if first := l.give(fromForward, 4); first != 0 {
		t.Fatalf("first record is %d", first)
	}
	l.acknowledge(fromForward, 1, 3)
	for _, n := range []int{0, 1, 1} {
		l.arrive(id(fromForward, n), "RUN1", false)
	}
	l.arrive(id(fromForward, 1), "RUN1-RENEWED", false)
	l.arrive(id(fromForward, 2), "RUN11", true)
	l.arrive(id(fromForward, 4), "RUN1", false)
	l.arrive("rubbish", "RUN1", false)
	want := tally{sent: 4, acked: 3, delivered: 2, duplicates: 2, refused: 1, missing: 1, ackedMissing: 1}
	got := l.tally(fromForward)
	if len(got.examples) != 1 || got.examples[0] != id(fromForward, 3) {
		t.Errorf("examples %v", got.examples)
	}
	got.examples = nil
	if got.sent != want.sent || got.acked != want.acked || got.delivered != want.delivered ||
		got.duplicates != want.duplicates || got.refused != want.refused || got.missing != want.missing || got.ackedMissing != want.ackedMissing {
		t.Errorf("tally %+v, want %+v", got, want)
	}
	if n := l.takenFrom("RUN1", sidelight.Logs); n != 4 {
		t.Errorf("taken from RUN1: %d, want 4", n)
	}
	if len(l.strange) != 2 {
		t.Errorf("strangers %v", l.strange)
	}
}

func TestReadAccount(t *testing.T) {
	log := `{"msg":"ready"}
{"msg":"account","signal":"logs","accepted":9,"recovered":0,"delivered":9,"refused":null,"dropped":null,"queued":0}
{"msg":"left on disk for the next start","events":9}
not a line of the log
{"msg":"ready"}
{"msg":"account","signal":"traces","accepted":5,"recovered":2,"delivered":3,"refused":{"too_old":1},"dropped":{"full":2},"queued":1}
{"msg":"left on disk for the next start","events":1}
`
	got, err := readAccount([]byte(log))
	if err != nil || got.left != 1 || got.books[sidelight.Traces].Queued() != 1 || got.books[sidelight.Logs].Accepted != 0 {
		t.Errorf("account %+v, %v", got, err)
	}
	if _, err := readAccount([]byte(strings.Replace(log, `"queued":1`, `"queued":2`, 1))); err == nil {
		t.Error("an account that does not add up is taken")
	}
}
