//go:build clients

package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/agent/status"
)

// patience is how long a condition may take to come true.
const patience = 40 * time.Second

// overdue is how much longer than its grace an agent's end may take where many
// programs run on few cores.
const overdue = 5 * time.Second

// output is what a process prints. Those who wait for a line are told of every
// write.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// process is a running program.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when it has ended; err is set then
	err  error
}

// launch starts a program that is killed at the end of the test, if it still
// runs. environ is all of its environment but PATH and HOME.
func launch(t *testing.T, name string, environ []string, argv ...string) *process {
	t.Helper()
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...), out: newOutput(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, environ...)
	// The test's end ends the program even if the test itself is killed, and with
	// it its children.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, tail(p.out.String()))
		}
	})
	return p
}

// tail returns the end of a long text.
func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}

// line waits until the output matches and returns the match's groups.
func (p *process) line(t *testing.T, re *regexp.Regexp) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		p.out.mu.Lock()
		m, changed := re.FindStringSubmatch(p.out.buf.String()), p.out.changed
		p.out.mu.Unlock()
		if m != nil {
			return m
		}
		select {
		case <-changed:
		case <-p.done:
			t.Fatalf("%s ended (%v) and printed no %s:\n%s", p.name, p.err, re, tail(p.out.String()))
		case <-ctx.Done():
			t.Fatalf("%s printed no %s:\n%s", p.name, re, tail(p.out.String()))
		}
	}
}

// signal sends sig and waits for the end, at most for the time given.
func (p *process) signal(t *testing.T, sig syscall.Signal, atMost time.Duration) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("signal %s: %v", p.name, err)
	}
	select {
	case <-p.done:
	case <-time.After(atMost):
		t.Fatalf("%s did not end %s after signal %v:\n%s", p.name, atMost, sig, tail(p.out.String()))
	}
}

// binary is the program under test.
func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/sidelight")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("make build comes first: %v", err)
	}
	return path
}

// credentials are what every AWS client needs to be told; any will do.
func credentials() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}
}

// sandbox is a sandbox in a process of its own.
type sandbox struct {
	*process
	url string
}

func startSandbox(t *testing.T) *sandbox {
	t.Helper()
	p := launch(t, "sandbox", nil, binary(t), "sandbox", "--listen", "127.0.0.1:0")
	return &sandbox{process: p, url: p.line(t, regexp.MustCompile(`sandbox on (http://\S+)`))[1]}
}

// control calls the sandbox's control interface and decodes the answer into out.
func (s *sandbox) control(t *testing.T, method, path, body string, out any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+"/_sidelight/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s %s: %s", method, path, body, resp.Status)
	}
	if out == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// refuse begins an outage of the sandbox, which lasts until restore or for the
// time given, if any.
func (s *sandbox) refuse(t *testing.T, lasting time.Duration) {
	t.Helper()
	rule := `{"kind":"refuse"}`
	if lasting > 0 {
		rule = fmt.Sprintf(`{"kind":"refuse","duration":%q}`, lasting)
	}
	s.control(t, http.MethodPost, "faults", rule, nil)
}

// restore ends all faults.
func (s *sandbox) restore(t *testing.T) {
	t.Helper()
	s.control(t, http.MethodDelete, "faults", "", nil)
}

// agent is an agent in a process of its own.
type agent struct {
	*process
	settings []string
}

// startAgent starts an agent on free ports that delivers to s. settings are more
// of its environment.
func startAgent(t *testing.T, s *sandbox, settings ...string) *agent {
	t.Helper()
	settings = append([]string{"SIDELIGHT_QUEUE_DIR=" + t.TempDir()}, settings...)
	environ := append(credentials(),
		"SIDELIGHT_SERVICE_NAME=shop", "SIDELIGHT_AWS_ENDPOINT="+s.url,
		"SIDELIGHT_RECEIVERS_OTLP_GRPC=127.0.0.1:0", "SIDELIGHT_RECEIVERS_OTLP_HTTP=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_XRAY_UDP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_XRAY_TCP=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_FORWARD_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_STATSD_UDP=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_EMF_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_EMF_UDP=127.0.0.1:0",
		"SIDELIGHT_STATUS_LISTEN=127.0.0.1:0",
	)
	environ = append(environ, settings...)
	p := launch(t, "agent", environ, binary(t), "run")
	p.line(t, regexp.MustCompile(`msg=ready`))
	return &agent{process: p, settings: settings}
}

// again starts an agent as a was started, after its end: on the same queue and
// the same port for Forward.
func (a *agent) again(t *testing.T, s *sandbox) *agent {
	t.Helper()
	return startAgent(t, s, append(a.settings, "SIDELIGHT_RECEIVERS_FORWARD_TCP="+a.address(t, "forward"))...)
}

// address is where the agent listens for what the name says.
func (a *agent) address(t *testing.T, name string) string {
	t.Helper()
	return a.line(t, regexp.MustCompile(`msg=listening for="?`+name+`"? address=(\S+)`))[1]
}

// report returns the agent's status.
func (a *agent) report(t *testing.T) status.Report {
	t.Helper()
	resp, err := http.Get("http://" + a.address(t, "status") + "/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r status.Report
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatalf("decode status: %v", err)
	}
	return r
}

// account is what a stopped agent printed of the signal's books.
func (a *agent) account(t *testing.T, signal string) map[string]int {
	t.Helper()
	line := a.line(t, regexp.MustCompile(`msg=account signal=`+signal+` (.*)\n`))[1]
	books := map[string]int{}
	for _, m := range regexp.MustCompile(`(\w+)=(\d+|map\[[^\]]*\])`).FindAllStringSubmatch(line, -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			// map[cause:2 other:1]
			for _, v := range regexp.MustCompile(`:(\d+)`).FindAllStringSubmatch(m[2], -1) {
				one, _ := strconv.Atoi(v[1])
				n += one
			}
		}
		books[m[1]] = n
	}
	return books
}

// peak is the most memory that a process has had resident, in bytes.
func (p *process) peak(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no VmHWM in\n%s", text)
	}
	kb, _ := strconv.Atoi(string(m[1]))
	return kb << 10
}

// run runs a client to its end and returns what it printed on standard output.
func run(t *testing.T, environ []string, argv ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8"}, environ...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(argv, " "), err, tail(string(out)), tail(stderr.String()))
	}
	return out
}

// eventually waits until check holds.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	end := time.After(patience)
	for !check() {
		select {
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(25 * time.Millisecond):
		}
	}
}
