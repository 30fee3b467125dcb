package aggregate

import (
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Cut ends the interval as the passing of time does.
func (a *Aggregate) Cut(now time.Time) []sidelight.Point { return a.cut(now.UnixMilli()) }

// Entries is how many kinds of measurements are known.
func (a *Aggregate) Entries() int { return a.table.entries }

// Clean is what a name of at most n bytes becomes.
func Clean(s string, n int) string { return clean(s, n) }
