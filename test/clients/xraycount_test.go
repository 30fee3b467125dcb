//go:build clients

package clients_test

import (
	"bytes"
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
)

// The X-Ray SDK for Go streams subsegments of large segments on their own, with
// others nested in them, and the rest in what is left of the segment. Span metrics
// count each request and each call once.
func TestXRaySDKIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1s")
	p := launch(t, "go", []string{"AWS_XRAY_DAEMON_ADDRESS=" + a.address(t, "xray udp")}, os.Getenv("SIDELIGHT_TEST_XRAYGO"), "count", "200", "10", "awaited")
	var sent struct{ Requests, Calls float64 }
	if err := json.Unmarshal([]byte(p.line(t, regexp.MustCompile(`(?m)^(\{"requests".*\})$`))[1]), &sent); err != nil {
		t.Fatal(err)
	}
	requests := func() float64 { return s.spanTotal(t, "checkout", "") }
	// What is streamed does not say whose it is: it counts for the agent's service.
	calls := func() float64 { return s.spanTotal(t, "checkout", "store") + s.spanTotal(t, "shop", "store") }
	eventually(t, "all that was sent", func() bool { return requests() >= sent.Requests && calls() >= sent.Calls })
	// Whatever is still to come, comes by the agent's end.
	a.signal(t, syscall.SIGTERM, 20*time.Second)
	if r, c := requests(), calls(); r != sent.Requests || c != sent.Calls {
		t.Errorf("counted %v requests and %v calls, want %v and %v", r, c, sent.Requests, sent.Calls)
	}
}

// Where calls outlive their request the SDK sends some twice, alone and in their
// segment, and now and then loses one (1 in about 8,000, seen at a plain socket
// with nothing between). Span metrics count each that it sent, once.
func TestXRaySDKSendsTwice(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1s")
	tee := startTee(t, a.address(t, "xray udp"))
	p := launch(t, "go", []string{"AWS_XRAY_DAEMON_ADDRESS=" + tee.addr}, os.Getenv("SIDELIGHT_TEST_XRAYGO"), "count", "60", "10", "late")
	var sent struct{ Requests, Calls float64 }
	if err := json.Unmarshal([]byte(p.line(t, regexp.MustCompile(`(?m)^(\{"requests".*\})$`))[1]), &sent); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nearly all that was sent", func() bool {
		r, c, _ := tee.seen()
		return float64(r) >= sent.Requests*0.9 && float64(c) >= sent.Calls*0.9
	})
	// What it has sent by its end has come: loopback keeps nothing back.
	p.signal(t, syscall.SIGKILL, patience)
	r, c, twice := tee.close(t)
	eventually(t, "the agent's intake", func() bool {
		return s.spanTotal(t, "checkout", "") >= float64(r) && s.spanTotal(t, "checkout", "store")+s.spanTotal(t, "shop", "store") >= float64(c)
	})
	a.signal(t, syscall.SIGTERM, 20*time.Second)
	requests, calls := s.spanTotal(t, "checkout", ""), s.spanTotal(t, "checkout", "store")+s.spanTotal(t, "shop", "store")
	if requests != float64(r) || calls != float64(c) {
		t.Errorf("counted %v requests and %v calls, want the %d and %d that were sent, %d of them twice", requests, calls, r, c, twice)
	}
}

// tee passes datagrams on and remembers what was in them.
type tee struct {
	addr string
	in   *net.UDPConn
	done chan struct{}

	mu       sync.Mutex
	requests map[string]bool
	calls    map[string]int
	err      error
}

func startTee(t *testing.T, to string) *tee {
	t.Helper()
	in, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	// The SDK sends all of it at once, faster than anything reads.
	if err := in.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	e := &tee{addr: in.LocalAddr().String(), in: in, done: make(chan struct{}), requests: map[string]bool{}, calls: map[string]int{}}
	t.Cleanup(func() { in.Close(); <-e.done })
	go func() {
		defer close(e.done)
		defer out.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := in.Read(buf)
			if err != nil {
				return
			}
			if _, err := out.Write(buf[:n]); err != nil {
				e.fail(err)
			}
			e.note(buf[:n])
		}
	}()
	return e
}

// document is what counts of a segment.
type document struct {
	ID          string     `json:"id"`
	InProgress  bool       `json:"in_progress"`
	Name        string     `json:"name"`
	Subsegments []document `json:"subsegments"`
}

func (e *tee) note(datagram []byte) {
	_, text, _ := bytes.Cut(datagram, []byte("\n"))
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		e.fail(err)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if d.Name == "checkout" && !d.InProgress {
		e.requests[d.ID] = true
	}
	var walk func(d document)
	walk = func(d document) {
		if d.Name == "store" && !d.InProgress {
			e.calls[d.ID]++
		}
		for _, s := range d.Subsegments {
			walk(s)
		}
	}
	walk(d)
}

func (e *tee) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

// seen is how many requests and calls have come, and how many calls twice.
func (e *tee) seen() (requests, calls, twice int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.calls {
		if n > 1 {
			twice++
		}
	}
	return len(e.requests), len(e.calls), twice
}

// close passes on what has come and ends.
func (e *tee) close(t *testing.T) (requests, calls, twice int) {
	t.Helper()
	// Reads go on until there is nothing to read.
	if err := e.in.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	<-e.done
	if e.err != nil {
		t.Fatal(e.err)
	}
	return e.seen()
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
