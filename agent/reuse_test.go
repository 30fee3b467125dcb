package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatchlogs"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

// picky takes PutLogEvents, refuses many of them in every way before it has read
// all, and remembers what it took.
type picky struct {
	t *testing.T

	mu       sync.Mutex
	requests int
	got      map[string]int
}

func (p *picky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests++
	n := p.requests
	p.mu.Unlock()
	switch n % 7 {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case 3:
		_, _ = io.CopyN(io.Discard, r.Body, 10_000)
		panic(http.ErrAbortHandler)
	case 5:
		_, _ = io.CopyN(io.Discard, r.Body, 10_000)
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut off: to be sent again
	}
	sum := sha256.Sum256(body)
	if want := r.Header.Get("X-Amz-Content-Sha256"); want != "" && want != hex.EncodeToString(sum[:]) {
		p.t.Error("the body does not match the hash it was signed with")
	}
	var in struct{ LogEvents []struct{ Message string } }
	if err := json.Unmarshal(body, &in); err != nil {
		p.t.Errorf("body of %d bytes: %v", len(body), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range in.LogEvents {
		p.got[e.Message]++
	}
	_, _ = io.WriteString(w, "{}")
}

// Blocks are written into the memory of blocks that are done with, while others
// are being sent, wait in memory, or are read back from disk: what arrives is
// each event once, as it was. The race detector sees who looks too late.
func TestMemoryIsReused(t *testing.T) {
	for name, durable := range map[string]bool{"memory": false, "disk": true} {
		t.Run(name, func(t *testing.T) { testReuse(t, durable) })
	}
}

func testReuse(t *testing.T, durable bool) {
	p := &picky{t: t, got: map[string]int{}}
	srv := httptest.NewServer(p)
	defer srv.Close()
	cfg, err := awsapi.Load(t.Context(), awsapi.Options{Region: "us-east-1", Endpoint: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider("a", "b", "")
	log := slog.New(slog.DiscardHandler)
	exp, err := cloudwatchlogs.New(t.Context(), cloudwatchlogs.Config{}, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	memory := spare.New(2 << 20)
	var q sidelight.Queue = memq.New(memq.Config{Limit: 1 << 20})
	if durable {
		d, err := queue.Open(queue.Config{
			Dir: t.TempDir(), Memory: 300 << 10, Segment: 1 << 20, Disk: 4 << 20, Spare: memory,
			Finish: func(b *sidelight.Block) { pack.Complete(exp, b, false) },
		}, log)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Release()
		q = d
	}
	var books meter.Account
	packer := pack.New(pack.Config{Target: 100 << 10, Spare: memory}, exp, q, &books, log)
	delivery := deliver.New(deliver.Config{MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond, Spare: memory}, "logs", q, exp, &books, log)
	delivered := make(chan error, 1)
	go func() { delivered <- delivery.Run(t.Context()) }()

	const senders, batches, each = 3, 24, 50
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() { push(t, packer, sender, batches, each) })
	}
	wg.Wait()
	if err := errors.Join(packer.Close(), q.Close(), <-delivered); err != nil {
		t.Fatal(err)
	}
	if len(p.got) != senders*batches*each {
		t.Errorf("%d different events arrived, want %d", len(p.got), senders*batches*each)
	}
	for text, n := range p.got {
		if n != 1 || len(text) < 500 {
			t.Fatalf("%d times %.40q…", n, text)
		}
	}
	if tot := books.Totals(sidelight.Logs); tot.Delivered != senders*batches*each || tot.Queued() != 0 {
		t.Errorf("books %+v", tot)
	}
}

// push packs events of 500 bytes, to two streams in turn, some of them out of
// order.
func push(t *testing.T, to sidelight.Sink, sender, batches, each int) {
	for i := range batches {
		b := &sidelight.Batch{Dest: sidelight.Dest{Exporter: "logs", Group: "g", Stream: fmt.Sprint(sender, i%2)}.Handle()}
		for j := range each {
			text := fmt.Sprintf(`{"sender":%d,"n":%d,"text":%q}`, sender, i*each+j, strings.Repeat("x\"", 250))
			b.Events = append(b.Events, sidelight.Event{Time: 1_700_000_000_000 + int64(j^1), Body: []byte(text)})
		}
		if err := to.Push(t.Context(), b); err != nil {
			t.Error(err)
		}
	}
}
