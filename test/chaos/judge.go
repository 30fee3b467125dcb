//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight"
)

// allowed is what a row may show and is right all the same.
type allowed struct {
	// copies: answers of the service get lost, so that it may be sent what it
	// has.
	copies bool
	// again: answers of the agent get lost, so that senders may send what it
	// has.
	again bool
	// refuse: the service refuses records for good. The row must then show it.
	refuse bool
	// drop: datagrams find no room, which must be counted.
	drop bool
	// noFault: no fault of the sandbox is part of the row.
	noFault bool
}

// outcome is what a row came to.
type outcome struct {
	tallies [sources]tally
	runs    []run
	taken   []map[sidelight.Signal]int // copies, by run
	strange []string
	hits    int
	peak    int64
	err     error
}

// totals is the sum of a row's tallies and accounts.
type totals struct {
	tally
	dropped map[string]uint64
	queued  int
	lost    int
}

func (o *outcome) totals() totals {
	t := totals{dropped: map[string]uint64{}}
	for _, x := range o.tallies {
		t.sent += x.sent
		t.acked += x.acked
		t.delivered += x.delivered
		t.duplicates += x.duplicates
		t.refused += x.refused
		t.missing += x.missing
	}
	for _, s := range signals() {
		for cause, n := range o.dropped(s) {
			t.dropped[cause] += n
		}
	}
	if n := len(o.runs); n > 0 {
		t.queued = o.runs[n-1].account.left
	}
	t.lost = t.missing - sum(t.dropped) - t.queued
	return t
}

func signals() []sidelight.Signal { return []sidelight.Signal{sidelight.Logs, sidelight.Traces} }

// dropped is what the agent's accounts say of a signal, by cause.
func (o *outcome) dropped(s sidelight.Signal) map[string]uint64 {
	all := map[string]uint64{}
	for _, r := range o.runs {
		for cause, n := range r.account.books[s].Dropped {
			all[cause] += n
		}
	}
	return all
}

// judge returns what is wrong with an outcome: nothing, if the row is right.
func judge(o *outcome, may allowed) []string {
	j := &judgement{o: o, may: may}
	if o.err != nil {
		j.wrong("%v", o.err)
	}
	if len(o.strange) > 0 {
		j.wrong("records arrived that nobody sent: %s", strings.Join(o.strange, " "))
	}
	if o.hits == 0 && !may.noFault {
		j.wrong("no call met the fault")
	}
	for s := range sources {
		j.source(s, &o.tallies[s])
	}
	for i := range o.runs {
		j.run(i)
	}
	for _, s := range signals() {
		j.books(s)
	}
	return j.what
}

type judgement struct {
	o    *outcome
	may  allowed
	what []string
}

func (j *judgement) wrong(format string, args ...any) {
	j.what = append(j.what, fmt.Sprintf(format, args...))
}

func (j *judgement) source(s source, t *tally) {
	if t.missing > 0 && s.waits() {
		j.wrong("%s: %d records are lost, %d of them acknowledged: %s …", s, t.missing, t.ackedMissing, strings.Join(t.examples, " "))
	}
	if s.answers() && t.acked < t.sent {
		j.wrong("%s: %d records were not acknowledged", s, t.sent-t.acked)
	}
	if t.duplicates > 0 && !j.may.copies && !j.may.again {
		j.wrong("%s: %d duplicates", s, t.duplicates)
	}
	if t.refused > 0 && !j.may.refuse {
		j.wrong("%s: %d records were refused", s, t.refused)
	}
}

// run checks one life of the agent against the one before.
func (j *judgement) run(i int) {
	r := &j.o.runs[i]
	for _, s := range signals() {
		if int(r.recovered[s]) < r.owed[s] {
			j.wrong("run %d found %d %s on disk, %d that were acknowledged had not arrived", i+1, r.recovered[s], s, r.owed[s])
		}
		if i == 0 || j.o.runs[i-1].killed {
			continue
		}
		if before := j.o.runs[i-1].account.books[s].Queued(); before != int64(r.recovered[s]) {
			j.wrong("run %d left %d %s queued, run %d found %d", i, before, s, i+1, r.recovered[s])
		}
	}
	if r.killed {
		return
	}
	queued := int64(0)
	for _, b := range r.account.books {
		queued += b.Queued()
	}
	if queued != int64(r.account.left) {
		j.wrong("run %d: %d queued by its account, %d left on disk", i+1, queued, r.account.left)
	}
	if j.may.copies || j.o.err != nil {
		return
	}
	for _, s := range signals() {
		if got, want := int(r.account.books[s].Delivered), j.o.taken[i][s]; got != want {
			j.wrong("run %d: %d %s delivered by its account, %d arrived", i+1, got, s, want)
		}
	}
}

// books compares the sum of the accounts with the truth, if every run has
// printed one.
func (j *judgement) books(s sidelight.Signal) {
	if slices.ContainsFunc(j.o.runs, func(r run) bool { return r.killed }) {
		return
	}
	var truth tally
	missing := 0
	for i, t := range j.o.tallies {
		if source(i).signal() != s {
			continue
		}
		truth.sent += t.sent
		truth.delivered += t.delivered
		truth.refused += t.refused
		missing += t.missing
	}
	var accepted, delivered, refused int
	for _, r := range j.o.runs {
		b := r.account.books[s]
		accepted, delivered, refused = accepted+int(b.Accepted), delivered+int(b.Delivered), refused+sum(b.Refused)
	}
	dropped := j.o.dropped(s)
	j.equal(s, "accepted", accepted, truth.sent)
	j.equal(s, "delivered", delivered, truth.delivered)
	j.equal(s, "refused", refused, truth.refused)
	if sum(dropped) != missing {
		j.wrong("%s: %d dropped by the account (%s), %d are missing", s, sum(dropped), causes(dropped), missing)
	}
	if sum(dropped) > 0 && !j.may.drop {
		j.wrong("%s: %d dropped (%s)", s, sum(dropped), causes(dropped))
	}
	if j.may.refuse && refused == 0 {
		j.wrong("%s: nothing was refused", s)
	}
}

// equal compares a number of the account with the truth. Where senders may
// repeat themselves, it may be greater.
func (j *judgement) equal(s sidelight.Signal, what string, got, want int) {
	if got < want || got > want && !j.may.again {
		j.wrong("%s: %d %s by the account, %d in truth", s, got, what, want)
	}
}

func causes(m map[string]uint64) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(out, ", ")
}
