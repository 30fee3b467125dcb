//go:build clients

package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	udp "github.com/sidelight-dev/sidelight/internal/datagram"
)

// An unmodified X-Ray SDK for Go has many goroutines add calls to a segment at the
// same time, so that it streams them: some alone, with others nested in them, and
// the rest in what is left of the segment. Span metrics count each request and
// each call that it sent, once, and lose none.
//
// The SDK cannot be told to wait, so that the datagrams go to a plain socket first
// and from there to the agent, no faster than it takes them. What they are compared
// with is what came: where calls outlive their request the SDK sends some twice, and
// leaves out about one in 20,000, before it sends anything. It packs a segment
// again for every call that ends, and a call that begins after its parent was
// packed and ends before the parent is streamed is in neither.
func TestXRaySDKIsCountedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		requests string
		lossless bool
	}{
		"awaited": {"200", true},
		"late":    {"60", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sk := startSink(t)
			p := launch(t, "go", []string{"AWS_XRAY_DAEMON_ADDRESS=" + sk.addr}, os.Getenv("SIDELIGHT_TEST_XRAYGO"), "count", c.requests, "10", name)
			var made struct{ Requests, Calls int }
			if err := json.Unmarshal([]byte(p.line(t, regexp.MustCompile(`(?m)^(\{"requests".*\})$`))[1]), &made); err != nil {
				t.Fatal(err)
			}
			if !c.lossless {
				// It sends in the background after the calls' end.
				eventually(t, "nearly all that was traced", func() bool { return sk.dropped() > 0 || sk.came() >= made.Requests*20 })
			}
			p.signal(t, syscall.SIGKILL, patience)
			sent := sk.close(t)
			t.Logf("%d requests and %d calls made; sent in %d datagrams: %d and %d, %d of them twice; %d dropped by the kernel",
				made.Requests, made.Calls, sk.came(), len(sent.requests), len(sent.calls), sent.twice(), sk.dropped())
			if c.lossless && sk.dropped() == 0 && (len(sent.requests) != made.Requests || len(sent.calls) != made.Calls || sent.twice() != 0) {
				t.Errorf("the SDK sent %d requests and %d calls of %+v, %d twice", len(sent.requests), len(sent.calls), made, sent.twice())
			}
			checkCounted(t, sk.datagrams, sent)
		})
	}
}

// checkCounted passes datagrams on to an agent and expects it to take all of
// them, and to count what was sent.
func checkCounted(t *testing.T, datagrams [][]byte, sent traced) {
	t.Helper()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1s")
	out, err := net.Dial("udp", a.address(t, "xray udp"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	// As many as the smallest buffer holds.
	const ahead = 40
	for i, d := range datagrams {
		if _, err := out.Write(d); err != nil {
			t.Fatal(err)
		}
		if (i+1)%ahead == 0 || i+1 == len(datagrams) {
			eventually(t, "the agent's intake", func() bool { return a.report(t).Signals["traces"].Accepted >= uint64(i+1) })
		}
	}
	a.signal(t, syscall.SIGTERM, 20*time.Second+overdue)
	if b := a.account(t, "traces"); b["accepted"] != len(datagrams) || b["delivered"] != len(datagrams) {
		t.Errorf("of %d datagrams the account is %v", len(datagrams), b)
	}
	// What is streamed does not say whose it is: it counts for the agent's service.
	requests, calls := s.spanTotal(t, "checkout", ""), s.spanTotal(t, "checkout", "store")+s.spanTotal(t, "shop", "store")
	if requests != float64(len(sent.requests)) || calls != float64(len(sent.calls)) {
		t.Errorf("counted %v requests and %v calls, want the %d and %d that were sent, %d of them twice",
			requests, calls, len(sent.requests), len(sent.calls), sent.twice())
	}
}

// sink is a plain socket in the daemon's place, which keeps what comes.
type sink struct {
	addr string
	stop context.CancelFunc
	done chan struct{}

	mu        sync.Mutex
	datagrams [][]byte
	lost      int
	err       error
}

func startSink(t *testing.T) *sink {
	t.Helper()
	in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	// The SDK sends all of it at once.
	if err := udp.Grow(in, 4<<20); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	sk := &sink{addr: in.LocalAddr().String(), stop: stop, done: make(chan struct{})}
	t.Cleanup(func() { stop(); <-sk.done; in.Close() })
	go func() {
		defer close(sk.done)
		g := udp.NewGather(1<<20, 1000, udp.MaxUDP)
		err := udp.Read(ctx, in, g, func() {
			sk.mu.Lock()
			defer sk.mu.Unlock()
			for i := range g.Len() {
				sk.datagrams = append(sk.datagrams, bytes.Clone(g.At(i)))
			}
		}, func(n int) {
			sk.mu.Lock()
			defer sk.mu.Unlock()
			sk.lost += n
		})
		sk.mu.Lock()
		defer sk.mu.Unlock()
		sk.err = err
	}()
	return sk
}

// came is how many datagrams came.
func (sk *sink) came() int {
	sk.mu.Lock()
	defer sk.mu.Unlock()
	return len(sk.datagrams)
}

// dropped is how many the kernel had no room for.
func (sk *sink) dropped() int {
	sk.mu.Lock()
	defer sk.mu.Unlock()
	return sk.lost
}

// close reads what is there still and returns what was in all of them.
func (sk *sink) close(t *testing.T) traced {
	t.Helper()
	sk.stop()
	<-sk.done
	if sk.err != nil {
		t.Fatal(sk.err)
	}
	all := traced{requests: map[string]bool{}, calls: map[string]int{}}
	for _, d := range sk.datagrams {
		_, text, _ := bytes.Cut(d, []byte("\n"))
		var doc document
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		all.add(doc)
	}
	return all
}

// traced is what segments tell of, by ID.
type traced struct {
	requests map[string]bool
	calls    map[string]int
}

// document is what counts of a segment.
type document struct {
	ID          string     `json:"id"`
	InProgress  bool       `json:"in_progress"`
	Name        string     `json:"name"`
	Subsegments []document `json:"subsegments"`
}

func (c traced) add(d document) {
	switch {
	case d.InProgress:
	case d.Name == "checkout":
		c.requests[d.ID] = true
	case d.Name == "store":
		c.calls[d.ID]++
	}
	for _, s := range d.Subsegments {
		c.add(s)
	}
}

// twice is how many calls were sent more than once.
func (c traced) twice() int {
	n := 0
	for _, times := range c.calls {
		if times > 1 {
			n++
		}
	}
	return n
}

// spanTotal is how many requests of a service, or calls of it, were counted.
func (s *sandbox) spanTotal(t *testing.T, service, remote string) float64 {
	t.Helper()
	from, to := hour()
	m := &cwtypes.Metric{
		Namespace: aws.String("Sidelight/Traces"), MetricName: aws.String("Requests"),
		Dimensions: []cwtypes.Dimension{{Name: aws.String("Service"), Value: &service}},
	}
	if remote != "" {
		m.Dimensions = append(m.Dimensions, cwtypes.Dimension{Name: aws.String("RemoteService"), Value: &remote})
	}
	out, err := s.cloudwatch().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &to,
		MetricDataQueries: []cwtypes.MetricDataQuery{{
			Id: aws.String("m"), MetricStat: &cwtypes.MetricStat{Metric: m, Period: aws.Int32(60), Stat: aws.String("Sum")},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, v := range out.MetricDataResults[0].Values {
		sum += v
	}
	return sum
}
