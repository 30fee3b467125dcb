package receiver

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What delivery makes safe is written within a tenth of a second, and a kill then
// costs no duplicate.
func TestCheckpointsFollowDelivery(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	synctest.Test(t, func(t *testing.T) {
		c, err := OpenCheckpoints(root, "files.json", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		l := NewLedger(0)
		l.Notify(c.Moved)
		c.Track(func() Checkpoint { return Checkpoint{Path: "a.log", Offset: l.Safe()} })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		time.Sleep(1300 * time.Millisecond)
		for i := range 5 {
			end := int64(10 * (i + 1))
			ticket := l.Open(end)
			time.Sleep(30 * time.Millisecond)
			ticket.Release(nil)
			time.Sleep(2*leastLag - time.Millisecond)
			data, err := root.ReadFile("files.json")
			if want := fmt.Sprintf(`"offset":%d}`, end); err != nil || !strings.Contains(string(data), want) {
				t.Errorf("the file is %s, %v, want %s", data, err, want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestLagAfter(t *testing.T) {
	for cost, want := range map[time.Duration]time.Duration{
		0: leastLag, time.Millisecond: leastLag, 10 * time.Millisecond: 200 * time.Millisecond, time.Minute: mostLag,
	} {
		if got := lagAfter(cost); got != want {
			t.Errorf("after %v: %v, want %v", cost, got, want)
		}
	}
}

// BenchmarkCheckpoints writes the file anew after one of many files has changed.
func BenchmarkCheckpoints(b *testing.B) {
	for _, n := range []int{1, 100, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			root, err := os.OpenRoot(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer root.Close()
			c, err := OpenCheckpoints(root, "files.json", slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			at := int64(0)
			for i := range n {
				c.Track(func() Checkpoint {
					return Checkpoint{Path: fmt.Sprintf("/var/log/containers/%d.log", i), Offset: at, FileID: FileID{Sum: strings.Repeat("a", 64)}}
				})
			}
			for b.Loop() {
				at++
				if err := c.Flush(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
