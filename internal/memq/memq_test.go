package memq_test

import (
	"errors"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

func TestContract(t *testing.T) {
	queuetest.Run(t, func(_ *testing.T, limit int64) sidelight.Queue { return memq.New(memq.Config{Limit: limit}) })
}

func TestAbandonReleasesWithError(t *testing.T) {
	q := memq.New(memq.Config{})
	var end error
	ticket := sidelight.NewTicket(func(err error) { end = err })
	b := queuetest.Block("d", "a", "b")
	b.Attach(ticket)
	if err := q.Put(b); err != nil {
		t.Fatal(err)
	}
	ticket.Release(nil)
	if lost := q.Abandon(); lost[sidelight.Logs] != 2 {
		t.Errorf("Abandon = %v, want 2 log events", lost)
	}
	if !errors.Is(end, sidelight.ErrClosed) {
		t.Errorf("ticket ended with %v, want ErrClosed", end)
	}
}
