package agent_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatchlogs"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

// tally counts what a packer accepts and says when enough has come.
type tally struct {
	accepted, want atomic.Int64
	reached        chan struct{}
}

func (b *tally) Accept(_ sidelight.Signal, n int) {
	if b.accepted.Add(int64(n)) == b.want.Load() {
		b.reached <- struct{}{}
	}
}
func (b *tally) Drop(sidelight.Signal, string, int) {}
func (b *tally) Lose(sidelight.Signal, string, int) {}

// forwardMessage is a PackedForward message of n records.
func forwardMessage(n int) []byte {
	var entries []byte
	for i := range n {
		entries = append(entries, 0x92, 0xce, 0x67, 0x40, 0x6a, 0x0d, 0x82, 0xa3, 'l', 'o', 'g')
		line := fmt.Sprintf(`{"level":"info","path":"/orders/%06d","user":"\u00e9"}`, i)
		entries = append(append(entries, 0xd9, byte(len(line))), line...)
		entries = append(entries, "\xa6source\xa6stdout"...)
	}
	m := binary.BigEndian.AppendUint32([]byte("\x92\xa3app\xc6"), uint32(len(entries)))
	return append(m, entries...)
}

// TestLogPathAllocates nothing per record, from the socket to the block that is
// written ahead. A block as such, thousands of records, may.
func TestLogPathAllocates(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	enc, err := cloudwatchlogs.New(ctx, cloudwatchlogs.Config{}, aws.Config{Region: "us-east-1"}, log)
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(queue.Config{Dir: t.TempDir(), Memory: 1, Finish: func(*sidelight.Block) {}}, log)
	if err != nil {
		t.Fatal(err)
	}
	books := &tally{reached: make(chan struct{}, 1)}
	to := sidelight.Dest{Exporter: "logs", Group: "g", Stream: "s"}.Handle()
	r, err := forward.New(forward.Config{
		TCP: "127.0.0.1:0", Dest: func(string) sidelight.DestHandle { return to },
	}, books, log)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, pack.New(pack.Config{}, enc, q, books, log)) }()
	conn, err := net.Dial("tcp", r.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	const records, messages = 50, 40
	m := forwardMessage(records)
	round := func() {
		books.want.Add(records * messages)
		for range messages {
			if _, err := conn.Write(m); err != nil {
				t.Error(err)
				return
			}
		}
		select {
		case <-books.reached:
		case <-ctx.Done():
		}
	}
	for range 10 {
		round() // until every buffer has its size
	}
	perRecord := testing.AllocsPerRun(20, round) / (records * messages)
	t.Logf("%.4f allocations a record", perRecord)
	if perRecord > 0.05 {
		t.Errorf("%.4f allocations a record, want those of blocks alone", perRecord)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := q.Release(); err != nil {
		t.Error(err)
	}
}
