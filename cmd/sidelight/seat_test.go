package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// seat is a process that has the X-Ray daemon's name and command line.
type seat struct {
	cmd  *exec.Cmd
	talk *lines
	done chan struct{}
	err  error
}

// lines is what a process prints; those who wait for a line are told of each write.
type lines struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.buf.Write(b)
}

func (l *lines) text() (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String(), l.changed
}

// startSeat starts the program under a name with arguments, in a directory of its
// own, with the variables of env.
func startSeat(t *testing.T, dir string, env []string, argv ...string) *seat {
	t.Helper()
	p := &seat{cmd: exec.CommandContext(t.Context(), argv[0], argv[1:]...), talk: &lines{changed: make(chan struct{})}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.talk, p.talk
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_ACCESS_KEY_ID=AKIDSEAT", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true",
		"SIDELIGHT_QUEUE_DIR=" + filepath.Join(dir, "queue"),
	}, env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.done
		if text, _ := p.talk.text(); t.Failed() {
			t.Logf("it printed:\n%s", text)
		}
	})
	return p
}

// line waits until what is printed matches, and returns the first group.
func (p *seat) line(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for ended := false; ; {
		text, changed := p.talk.text()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		if ended {
			t.Fatalf("it ended (%v) and printed no %s", p.err, pattern)
		}
		select {
		case <-changed:
		case <-p.done:
			ended = true
		case <-time.After(30 * time.Second):
			t.Fatalf("it prints no %s", pattern)
		}
	}
}

// listening returns the address for "udp" or "tcp".
func (p *seat) listening(t *testing.T, network string) string {
	t.Helper()
	return p.line(t, `msg=listening for="xray `+network+`" address=(\S+)`)
}

// stop ends the process as ECS does, and fails unless it ends well.
func (p *seat) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if p.err != nil {
		t.Errorf("after SIGTERM: %v", p.err)
	}
}

// send sends a segment as the SDKs do and returns the trace's ID.
func send(t *testing.T, address string) string {
	t.Helper()
	trace := fmt.Sprintf("1-%08x-%024x", time.Now().Unix(), sent.Add(1))
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	now := float64(time.Now().UnixMilli()) / 1000
	if _, err := fmt.Fprintf(conn, "{\"format\": \"json\", \"version\": 1}\n"+`{"name":"checkout","id":"%016x","trace_id":%q,"start_time":%f,"end_time":%f}`, sent.Load(), trace, now-1, now); err != nil {
		t.Fatal(err)
	}
	return trace
}

// sent numbers traces and segments.
var sent atomic.Int64

// arrives waits until the sandbox has a trace.
func arrives(t *testing.T, s *sandbox.Server, trace string) {
	t.Helper()
	client := xray.NewFromConfig(sandboxtest.Config(s))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); ; {
		out, err := client.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{trace}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Traces) == 1 && len(out.Traces[0].Segments) == 1 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("trace %s does not arrive", trace)
		}
	}
}

// write writes a file into a directory and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// anyPort are flags for free ports, as several tests run on a machine.
func anyPort() []string { return []string{"-t", "127.0.0.1:0", "-b", "127.0.0.1:0"} }

type ports struct{ tcp, udp int }

// openPorts counts the ports that a process listens on.
func openPorts(t *testing.T, pid int) (n ports) {
	t.Helper()
	mine := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		t.Fatalf("descriptors: %v, %v", fds, err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil {
			mine[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	// Fields: sl, local, remote, state, …, inode the tenth. 0A is a listening TCP
	// socket, 07 a UDP socket that is not connected.
	for file, to := range map[string]*int{"tcp": &n.tcp, "tcp6": &n.tcp, "udp": &n.udp, "udp6": &n.udp} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && (f[3] == "0A" || f[3] == "07") && mine[f[9]] {
				*to++
			}
		}
	}
	return n
}

// tunnel is a proxy for TLS that counts.
func tunnel(n *atomic.Int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		n.Add(1)
		from, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		fmt.Fprint(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, from); to.Close() }() // ends with either connection
		_, _ = io.Copy(from, to)
	})
}

// fileLine waits until a file's text matches, and returns the first group.
func fileLine(t *testing.T, path, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); ; {
		text, _ := os.ReadFile(path) // it may not be there yet
		if m := re.FindSubmatch(text); m != nil {
			return string(m[1])
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s has no %s:\n%s", path, pattern, text)
		}
	}
}
