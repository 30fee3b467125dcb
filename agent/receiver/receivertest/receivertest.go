// Package receivertest has what the tests of receivers share: a Sink and books
// that remember, and a certificate to serve with.
package receivertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// patience is how long something that must happen may take.
const patience = 20 * time.Second

// Event is one event and where it was to go.
type Event struct {
	Group, Stream string
	Time          int64
	Body          string
}

// Sink remembers what is pushed and counts what is lost. The zero Sink is ready.
type Sink struct {
	mu      sync.Mutex
	events  []Event
	pushes  int
	lost    map[string]int
	fault   error
	closed  chan struct{} // closed: the gate is open; nil: there is none
	changed chan struct{}
}

// Fail makes each further Push fail with err, or succeed if it is nil.
func (s *Sink) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = err
}

// Shut makes each further Push wait until the returned function is called.
func (s *Sink) Shut() (open func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := make(chan struct{})
	s.closed = gate
	return sync.OnceFunc(func() { close(gate) })
}

// Push implements sidelight.Sink.
func (s *Sink) Push(ctx context.Context, b *sidelight.Batch) error {
	s.mu.Lock()
	gate := s.closed
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return sidelight.ErrFull
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return s.fault
	}
	s.pushes++
	for _, e := range b.Events {
		d := b.Dest.Value()
		s.events = append(s.events, Event{d.Group, d.Stream, e.Time, string(e.Body)})
	}
	s.wake()
	return nil
}

// Lose counts n events by cause.
func (s *Sink) Lose(sig sidelight.Signal, cause string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		s.lost = map[string]int{}
	}
	if sig != sidelight.Logs {
		cause = sig.String() + " " + cause
	}
	s.lost[cause] += n
	s.wake()
}

// wake tells those who wait. s.mu is held.
func (s *Sink) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Events returns what was pushed.
func (s *Sink) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.events...)
}

// Pushes returns how many batches were pushed.
func (s *Sink) Pushes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pushes
}

// Lost returns how many events were lost by cause.
func (s *Sink) Lost(cause string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost[cause]
}

// Until waits until check, which is asked after each change, holds.
func (s *Sink) Until(t testing.TB, what string, check func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		s.mu.Lock()
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if check() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s; events %+v, lost %v", what, s.Events(), s.lost)
		}
	}
}

// Wait returns the events once there are n.
func (s *Sink) Wait(t testing.TB, n int) []Event {
	t.Helper()
	s.Until(t, "events", func() bool { return len(s.Events()) >= n })
	return s.Events()
}

// Run runs r until the returned function is called, or the test ends, and fails
// the test if it does not end well.
func Run(t testing.TB, r sidelight.Receiver, out sidelight.Sink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, out) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// Pair is a certificate for 127.0.0.1 that is its own root, for servers and
// clients, as files and as it is.
type Pair struct {
	CertFile, KeyFile string
	Cert              tls.Certificate
	Roots             *x509.CertPool
}

// NewPair makes a Pair in a directory of the test.
func NewPair(t testing.TB) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := Pair{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key"), Roots: x509.NewCertPool()}
	for file, block := range map[string]*pem.Block{
		p.CertFile: {Type: "CERTIFICATE", Bytes: der}, p.KeyFile: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p.Cert, err = tls.LoadX509KeyPair(p.CertFile, p.KeyFile); err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p.Roots.AddCert(leaf)
	return p
}
