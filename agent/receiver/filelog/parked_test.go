package filelog_test

import (
	"testing"

	"github.com/sidelight-dev/sidelight/agent/receiver/filelog"
)

// A file whose destination is denied keeps its lines, through a rotation, while
// others are read on; then each of them arrives once and in order.
func TestParkedFileWaitsAlone(t *testing.T) { bothWays(t, testParkedFileWaitsAlone) }

func testParkedFileWaitsAlone(t *testing.T, d *dir) {
	s := newSink()
	s.parked = "denied.log"
	store := d.store()
	r := d.start(filelog.Config{}, store, s)
	offers := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.offers
	}
	d.append("denied.log", text(number(0, 50)))
	eventually(t, "the file is offered", func() bool { return offers() > 0 })
	d.append("denied.log", text(number(50, 100)))
	d.rename("denied.log", "denied.1")
	d.append("denied.log", text(number(100, 150)))
	for i := range 10 {
		d.append("open.log", text(number(i*10, i*10+10)))
		s.wait(t, i*10+10)
	}
	eventually(t, "the file is offered anew", func() bool { return offers() > 2 })
	for _, cp := range store.Saved() {
		if cp.Path == d.file("denied.log") && cp.Offset != 0 {
			t.Errorf("a file of which nothing was taken is safe up to %d", cp.Offset)
		}
	}
	s.mu.Lock()
	s.parked = ""
	s.mu.Unlock()
	s.wait(t, 250)
	r.stop()
	check(t, s.of("open.log"), number(0, 100))
	got := map[string]int{}
	for _, l := range s.of("denied.log") {
		got[l]++
	}
	for _, l := range number(0, 150) {
		if got[l] != 1 {
			t.Errorf("line %q arrived %d times", l, got[l])
		}
	}
}
