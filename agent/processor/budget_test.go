package processor_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight/agent/processor"
)

// body is a log line that is charged for as 100 bytes.
func body(level string) string {
	return (level + strings.Repeat(" x", 50))[:74]
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		// 2,400 bytes a day: an hour's share is one event.
		b := processor.NewBudget(2400, time.Now(), slog.New(slog.DiscardHandler))
		p := pipeline(t, processor.Config{Budget: b}, s)
		push := func(levels ...string) {
			t.Helper()
			var lines []string
			for _, l := range levels {
				lines = append(lines, body(l))
			}
			if err := p.Push(t.Context(), batch(lines...)); err != nil {
				t.Fatal(err)
			}
		}
		want := func(arrived, lost int) {
			t.Helper()
			if n := len(s.bodies["g"]); n != arrived || s.lost["over_budget"] != lost {
				t.Fatalf("%d arrived, %v lost; want %d and %d", n, s.lost, arrived, lost)
			}
		}
		push("INFO")
		want(1, 0)
		push("INFO", "ERROR", "WARN")
		want(3, 1) // spent: only what is worse goes on, on credit
		time.Sleep(2*time.Hour + time.Minute)
		push("INFO")
		want(3, 2) // that paid the debt; a minute's share is not enough to begin again
		time.Sleep(time.Minute)
		push("INFO")
		want(4, 2)
		time.Sleep(100 * time.Hour)
		for range 30 {
			push("INFO")
		}
		want(4+24, 2+6) // a day's share was saved, not four
	})
}

// What is not taken is not paid for.
func TestBudgetOfRefusedBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		p := pipeline(t, processor.Config{Budget: processor.NewBudget(2400, time.Now(), slog.New(slog.DiscardHandler))}, s)
		s.err = errors.New("full")
		for range 5 {
			if err := p.Push(t.Context(), batch(body("INFO"))); err == nil {
				t.Fatal("taken")
			}
		}
		s.err = nil
		if err := p.Push(t.Context(), batch(body("INFO"))); err != nil || len(s.bodies["g"]) != 1 {
			t.Errorf("%v, %d arrived", err, len(s.bodies["g"]))
		}
	})
}
