//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

// settings are what a row changes of the agent's configuration.
type settings struct {
	memory, disk string
	durable      string
	grace        time.Duration
	profile      string
	env          []string
	uid          int
	fileLimit    int // bytes of any file; 0: none
}

// run is one life of the agent's process.
type run struct {
	key    string
	killed bool
	// account is what it printed at its end, recovered what it said at its
	// start to have found on disk.
	account   account
	recovered [sidelight.NumSignals]uint64
	// owed is how many acknowledged records had not arrived at its start, of the
	// sources that are kept on disk.
	owed [sidelight.NumSignals]int
}

// world is one row at work: a sandbox, an agent and the senders.
type world struct {
	row    *row
	dir    string
	binary string
	*settings
	ledger *ledger
	cloud  *cloud
	addr   struct{ forward, otlp, xray, status string }

	agent *agent
	runs  []run
	peak  int64
	hits  int
}

// newWorld prepares a row in a folder of its own, which close removes.
func newWorld(r *row, binary string) (w *world, err error) {
	w = &world{row: r, ledger: newLedger(), settings: &settings{memory: "32MiB", disk: "512MiB", durable: "always", grace: 10 * time.Second}}
	if r.tune != nil {
		r.tune(w.settings)
	}
	if w.dir, err = os.MkdirTemp("", "chaos-"); err != nil {
		return nil, err
	}
	// The agent may run as another user, who must be able to start it.
	if err := errors.Join(os.Chmod(w.dir, 0o755), os.Mkdir(w.logs(), 0o755), os.Mkdir(w.queue(), 0o755)); err != nil {
		return nil, err
	}
	if w.binary, err = filepath.Abs(binary); err != nil {
		return nil, err
	}
	if w.uid != 0 {
		if err := errors.Join(w.lend(), os.Chown(w.queue(), w.uid, w.uid)); err != nil {
			return nil, err
		}
	}
	for _, p := range []struct {
		network string
		addr    *string
	}{{"tcp", &w.addr.forward}, {"tcp", &w.addr.otlp}, {"udp", &w.addr.xray}, {"tcp", &w.addr.status}} {
		if *p.addr, err = freePort(p.network); err != nil {
			return nil, err
		}
	}
	if w.cloud, err = startCloud(w.ledger); err != nil {
		return nil, err
	}
	return w, os.WriteFile(w.config(), []byte(w.yaml()), 0o644)
}

func (w *world) logs() string   { return filepath.Join(w.dir, "logs") }
func (w *world) queue() string  { return filepath.Join(w.dir, "queue") }
func (w *world) config() string { return filepath.Join(w.dir, "sidelight.yaml") }
func (w *world) said() string   { return filepath.Join(w.dir, "agent.log") }

// lend copies the agent to where everybody can start it.
func (w *world) lend() error {
	b, err := os.ReadFile(w.binary)
	if err != nil {
		return err
	}
	w.binary = filepath.Join(w.dir, "sidelight")
	return os.WriteFile(w.binary, b, 0o755)
}

func (w *world) yaml() string {
	return fmt.Sprintf(`service: {name: chaos}
aws: {region: us-east-1, endpoint: %q, profile: %q}
receivers:
  otlp: {grpc: "off", http: %q}
  xray: {udp: %q, tcp: "off"}
  forward: {tcp: %q, unix: "off"}
  files: [{include: [%q]}]
  statsd: {udp: "off"}
  emf: {tcp: "off", udp: "off"}
  journald: {read: "off"}
scrape: {host: "off", cgroup: "off", task: "off"}
queue: {dir: %q, memory: %s, disk: %s, durable: %s}
shutdown: {grace: %s}
status: {listen: %q}
log: {format: json}
`, w.cloud.URL(), w.profile, w.addr.otlp, w.addr.xray, w.addr.forward, filepath.Join(w.logs(), "app*.log"),
		w.queue(), w.memory, w.disk, w.durable, w.grace, w.addr.status)
}

// freePort returns an address that nobody listens on, below the ports that the
// kernel gives to connections: one of those could take it while the agent is dead.
func freePort(network string) (string, error) {
	const lowest = 10_000
	above := 32_768
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(b), &above)
	}
	if above <= lowest {
		return "", fmt.Errorf("the kernel gives connections all ports from %d on", above)
	}
	var err error
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(above-lowest))
		var c io.Closer
		if network == "udp" {
			c, err = net.ListenPacket("udp", addr)
		} else {
			c, err = net.Listen("tcp", addr)
		}
		if err == nil {
			return addr, c.Close()
		}
	}
	return "", err
}

// close ends everything, and removes the folder unless keep.
func (w *world) close(keep bool) error {
	var errs []error
	if w.agent != nil {
		errs = append(errs, w.agent.kill())
	}
	if w.cloud != nil {
		errs = append(errs, w.cloud.stop())
	}
	if w.row.cleanup != nil {
		errs = append(errs, w.row.cleanup(w))
	}
	if !keep {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}

// start starts the agent, which signs with a key of its own.
func (w *world) start(ctx context.Context) error {
	r := run{key: fmt.Sprintf("RUN%d", len(w.runs)+1)}
	for s := range sources {
		if s.answers() {
			r.owed[s.signal()] += w.ledger.tally(s).ackedMissing
		}
	}
	l := launch{binary: w.binary, config: w.config(), log: w.said(), status: w.addr.status, key: r.key, env: w.env, uid: w.uid, fileLimit: w.fileLimit}
	if w.profile != "" {
		l.key = ""
	}
	a, err := startAgent(ctx, l)
	if err != nil {
		return err
	}
	w.agent = a
	report, err := a.report(ctx)
	if err != nil {
		return err
	}
	for s := range sidelight.Signal(sidelight.NumSignals) {
		r.recovered[s] = report.Signals[s.String()].Recovered
	}
	w.runs = append(w.runs, r)
	return nil
}

// killAgent ends the agent by SIGKILL.
func (w *world) killAgent() error {
	err := w.agent.kill()
	w.runs[len(w.runs)-1].killed = true
	w.bury()
	return err
}

// stopAgent ends the agent by SIGTERM, within its grace period and a little.
func (w *world) stopAgent() (err error) {
	w.runs[len(w.runs)-1].account, err = w.agent.stop(w.grace + late)
	w.bury()
	return err
}

func (w *world) bury() {
	w.peak = max(w.peak, w.agent.peakRSS())
	w.agent = nil
}

// heal ends all faults, and counts how often they were met.
func (w *world) heal() {
	for _, r := range w.cloud.Faults().List() {
		w.hits += r.Hits
	}
	w.cloud.Faults().Clear()
}

// play puts faults into force.
func (w *world) play(rules ...fault.Rule) error { return w.cloud.play(rules...) }

// send starts the senders and returns when all that was sent is acknowledged,
// as far as it is.
func (w *world) send(ctx context.Context) error {
	errs := make([]error, sources)
	var wg sync.WaitGroup
	for s, load := range w.row.loads {
		if load.records == 0 {
			continue
		}
		wg.Go(func() {
			if err := w.sendFrom(ctx, source(s), load); err != nil {
				errs[s] = fmt.Errorf("send by %s: %w", source(s), err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (w *world) sendFrom(ctx context.Context, s source, load load) error {
	switch s {
	case fromForward:
		return sendForward(ctx, w.ledger, load, w.addr.forward)
	case fromFile:
		return sendFile(ctx, w.ledger, load, w.logs())
	case fromXRay:
		return sendXRay(ctx, w.ledger, load, w.addr.xray)
	}
	return sendOTLP(ctx, w.ledger, load, s, w.addr.otlp)
}

// late is how much longer than its grace an agent's end may take where several run
// on few cores.
const late = 10 * time.Second

// settle waits until the agent holds nothing and every record is accounted for.
func (w *world) settle(ctx context.Context) error {
	var silent error // why the agent did not answer when it was asked last
	for {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return errors.Join(err, silent)
		}
		r, err := w.agent.report(ctx)
		if err != nil {
			silent = fmt.Errorf("ask the agent for its status: %w", err)
			continue
		}
		silent = nil
		queued := r.Signals[sidelight.Logs.String()].Queued + r.Signals[sidelight.Traces.String()].Queued
		if queued == 0 && held(r) == 0 && w.settled(r.Signals[sidelight.Traces.String()].Dropped) {
			return nil
		}
	}
}

// held is how many log events and segments are in the agent's queues and open
// blocks.
func held(r status.Report) (n int64) {
	for _, q := range r.Queues {
		if q.Name != "metrics" {
			n += int64(q.Events) + q.OpenEvents
		}
	}
	return n
}

// settled reports whether nothing is missing but datagrams whose loss was
// counted.
func (w *world) settled(dropped map[string]uint64) bool {
	counted := sum(dropped)
	for _, r := range w.runs[:len(w.runs)-1] {
		counted += sum(r.account.books[sidelight.Traces].Dropped)
	}
	for s := range sources {
		t := w.ledger.tally(s)
		if s.waits() && t.missing > 0 {
			return false
		}
		if !s.waits() && t.missing > counted {
			return false
		}
	}
	return true
}

func sum(m map[string]uint64) (n int) {
	for _, v := range m {
		n += int(v)
	}
	return n
}
