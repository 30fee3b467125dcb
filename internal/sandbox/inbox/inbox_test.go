package inbox_test

import (
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/sidelight-dev/sidelight/internal/sandbox/inbox"
)

func TestBoxKeepsTheLatest(t *testing.T) {
	b := inbox.New(3)
	for i := range 5 {
		b.Notify(t.Context(), inbox.Notification{Message: strconv.Itoa(i)})
	}
	got := b.List()
	if len(got) != 3 || got[0].Message != "2" || got[2].Message != "4" || b.Total() != 5 {
		t.Errorf("List = %v, Total = %d", got, b.Total())
	}
	b.Reset()
	if len(b.List()) != 0 || b.Total() != 0 {
		t.Errorf("after Reset: %v, %d", b.List(), b.Total())
	}
}

func TestWaitTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := inbox.New(0)
		done := make(chan error, 1)
		go func() { done <- b.WaitTotal(t.Context(), 2) }()
		for i := range 2 {
			synctest.Wait()
			if len(done) > 0 {
				t.Fatalf("WaitTotal(2) returned after %d", i)
			}
			b.Notify(t.Context(), inbox.Notification{})
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}
