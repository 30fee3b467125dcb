package deliver_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// aside notes what it is given.
type aside struct {
	mu    sync.Mutex
	notes []string
}

func (a *aside) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notes = append(a.notes, fmt.Sprintf(format, args...))
}

func (a *aside) Keep(b *sidelight.Block, at []int, reason string, cause error) {
	a.note("%v of %s: %s, %v", at, b.Body, reason, cause)
}

func (a *aside) Miss(b *sidelight.Block, events int, reason string, cause error) {
	a.note("missed %d of %s: %s, %v", events, b.Body, reason, cause)
}

// What is refused for good is set aside, as far as the service says what it was.
func TestAside(t *testing.T) {
	refused := func(f ...sidelight.Refusal) func(int, *sidelight.Block) (sidelight.Receipt, error) {
		return func(_ int, b *sidelight.Block) (sidelight.Receipt, error) {
			r := sidelight.Receipt{Accepted: b.Events, Refused: f}
			for _, x := range f {
				r.Accepted -= x.Events
			}
			return r, nil
		}
	}
	for name, c := range map[string]struct {
		answer func(int, *sidelight.Block) (sidelight.Receipt, error)
		want   string
	}{
		"nothing": {refused(), ""},
		"named":   {refused(sidelight.Refusal{Reason: "too_old", Events: 2, At: []int{0, 2}}), "[0 2] of [a,b,c]: too_old, <nil>"},
		"unnamed": {refused(sidelight.Refusal{Reason: "invalid", Events: 2, At: []int{1}}), "[1] of [a,b,c]: invalid, <nil>; missed 1 of [a,b,c]: invalid, <nil>"},
		"why":     {refused(sidelight.Refusal{Reason: "partial", Events: 2, Why: "because"}), "missed 2 of [a,b,c]: partial, because"},
		"all":     {refused(sidelight.Refusal{Reason: "invalid", Events: 3}), "[0 1 2] of [a,b,c]: invalid, <nil>"},
		"two reasons": {
			refused(sidelight.Refusal{Reason: "x", Events: 1, At: []int{0}}, sidelight.Refusal{Reason: "y", Events: 1, At: []int{1}}),
			"[0] of [a,b,c]: x, <nil>; [1] of [a,b,c]: y, <nil>",
		},
		"rejected": {func(int, *sidelight.Block) (sidelight.Receipt, error) {
			return sidelight.Receipt{}, fault(sidelight.Rejected)
		}, "[0 1 2] of [a,b,c]: rejected, test: scripted"},
		"too large alone": {func(_ int, b *sidelight.Block) (sidelight.Receipt, error) {
			if b.Events > 1 || string(b.Body) == "[b]" {
				return sidelight.Receipt{}, fault(sidelight.TooLarge)
			}
			return all(b)
		}, "[0] of [b]: too_large, test: scripted"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a aside
				run(t, deliver.Config{Workers: 1, Aside: &a}, &exporter{answer: c.answer}, queuetest.Block("d", "a", "b", "c"))
				if got := strings.Join(a.notes, "; "); got != c.want {
					t.Errorf("set aside %q, want %q", got, c.want)
				}
			})
		})
	}
}

// A destination that fails is named, with how often and why, until it succeeds.
func TestFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d *deliver.Delivery
		var seen []string
		x := &exporter{}
		x.answer = func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if n > 1 {
				for _, f := range d.Failing() {
					seen = append(seen, fmt.Sprintf("%s %d %v %v %s", f.Dest.Group, f.Attempts, f.Denied, f.Until.IsZero(), time.Since(f.Since).Round(time.Hour)))
				}
			}
			switch n {
			case 1, 2:
				return sidelight.Receipt{}, fault(sidelight.Denied)
			case 3:
				return sidelight.Receipt{}, fault(sidelight.Transient)
			}
			return all(b)
		}
		q, books := queueOf(t, queuetest.Block("d", "a"))
		d = deliver.New(deliver.Config{Workers: 1}, "test", q, x, books, quiet())
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"d 1 true false 0s", "d 2 true false 0s", "d 3 false true 0s"}
		if fmt.Sprint(seen) != fmt.Sprint(want) || len(d.Failing()) != 0 {
			t.Errorf("failing %q, want %q, and at the end %v", seen, want, d.Failing())
		}
	})
}
