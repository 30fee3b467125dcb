// Package pressure reads the kernel's pressure stall information: how long
// tasks waited for a resource. /proc/pressure has the machine's, a control
// group's (version 2) lies in its cpu.pressure, memory.pressure and io.pressure.
package pressure

import (
	"strconv"
	"strings"
	"time"
)

// Totals are stall times since the start of the machine or of the group.
type Totals struct {
	// Some is how long at least one task waited.
	Some time.Duration
	// Full is how long all tasks that had something to do waited.
	Full time.Duration
}

// Parse reads a pressure file's totals, in microseconds there. It reports
// whether there was a line of either kind; old kernels have no full line for
// CPU.
func Parse(b []byte) (t Totals, ok bool) {
	for line := range strings.Lines(string(b)) {
		kind, rest, _ := strings.Cut(line, " ")
		_, text, found := strings.Cut(rest, "total=")
		micros, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if !found || err != nil || micros < 0 || micros > int64(1<<63-1)/int64(time.Microsecond) {
			continue
		}
		switch kind {
		case "some":
			t.Some, ok = time.Duration(micros)*time.Microsecond, true
		case "full":
			t.Full, ok = time.Duration(micros)*time.Microsecond, true
		}
	}
	return t, ok
}

// Percent is the share of wall time that passed in stalls between two totals.
// It reports false if there is none to tell: no time passed, or the totals fell
// because they began anew.
func Percent(before, now, wall time.Duration) (float64, bool) {
	if wall <= 0 || now < before {
		return 0, false
	}
	// The kernel adds up at its own times: a little more than all is all.
	return min(100, 100*float64(now-before)/float64(wall)), true
}
