//go:build clients

package clients_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver/receivertest"
)

// rsyslogConfig takes messages from a socket and forwards them in each of the
// ways that rsyslog knows.
const rsyslogConfig = `
global(workDirectory="DIR" defaultNetstreamDriverCAFile="CERT")
module(load="imuxsock" sysSock.use="off")
input(type="imuxsock" socket="DIR/in" useSysTimestamp="off" rateLimit.interval="0")
template(name="marked5424" type="string" string="<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% - [way@32473 name=\"five\"] %msg%\n")
action(type="omfwd" target="127.0.0.1" port="TCP" protocol="tcp" tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" target="127.0.0.1" port="TCP" protocol="tcp" tcp_framing="traditional" template="RSYSLOG_TraditionalForwardFormat")
action(type="omfwd" target="127.0.0.1" port="TCP" protocol="tcp" tcp_framing="traditional" template="marked5424")
action(type="omfwd" target="127.0.0.1" port="UDP" protocol="udp" template="RSYSLOG_ForwardFormat")
`

// rsyslogTLS forwards over TLS only.
const rsyslogTLS = `
global(workDirectory="DIR" defaultNetstreamDriverCAFile="CERT" defaultNetstreamDriverCertFile="CERT" defaultNetstreamDriverKeyFile="KEY")
module(load="imuxsock" sysSock.use="off")
input(type="imuxsock" socket="DIR/in" useSysTimestamp="off" rateLimit.interval="0")
action(type="omfwd" target="127.0.0.1" port="TCP" protocol="tcp" tcp_framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"
  streamDriver="gtls" streamDriverMode="1" streamDriverAuthMode="x509/certvalid")
`

// startRsyslog starts rsyslog and returns its socket.
func startRsyslog(t *testing.T, config string, with ...string) (*process, string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "rsyslog.conf")
	text := strings.NewReplacer(append(with, "DIR", dir)...).Replace(config)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// A copy: where AppArmor confines rsyslog, by its path, it may not read the
	// test's files.
	program, err := os.ReadFile("/usr/sbin/rsyslogd")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "rsyslogd")
	if err := os.WriteFile(copied, program, 0o700); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "rsyslog", nil, copied, "-n", "-f", path, "-i", filepath.Join(dir, "pid"))
	in := filepath.Join(dir, "in")
	eventually(t, "rsyslog's socket", func() bool { _, err := os.Stat(in); return err == nil })
	return p, in
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port := split(t, address)
	return fmt.Sprint(port)
}

func TestRsyslog(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_RECEIVERS_SYSLOG_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_SYSLOG_UDP=127.0.0.1:0")
	_, in := startRsyslog(t, rsyslogConfig, "TCP", portOf(t, a.address(t, "syslog tcp")), "UDP", portOf(t, a.address(t, "syslog udp")), "CERT", "")
	for i := range 25 {
		run(t, nil, "logger", "-u", in, "-t", "shop", "-p", "local3.err", "--id=77", fmt.Sprintf("order %d: grüße ☃", i))
	}
	var got []string
	eventually(t, "100 events", func() bool { got = s.messages(t, group, ""); return len(got) >= 100 })
	count, structured := map[string]int{}, 0
	for _, m := range got {
		if field(t, m, "structured_data/way@32473/name") == "five" {
			structured++
		}
		for key, want := range map[string]string{"level": "ERROR", "facility": "local3", "app": "shop", "pid": "77"} {
			if v := field(t, m, key); v != want {
				t.Fatalf("%s is %q in %s", key, v, m)
			}
		}
		if field(t, m, "host") == "" {
			t.Fatalf("no host in %s", m)
		}
		count[strings.TrimSpace(field(t, m, "msg"))]++
	}
	for i := range 25 {
		if n := count[fmt.Sprintf("order %d: grüße ☃", i)]; n != 4 {
			t.Errorf("order %d arrived %d times: %v", i, n, count)
		}
	}
	if structured != 25 {
		t.Errorf("%d events with structured data", structured)
	}
	if out := a.report(t).Signals["logs"]; out.Accepted != 100 || out.Lost() != 0 {
		t.Errorf("books: %+v", out)
	}
}

func TestRsyslogOverTLS(t *testing.T) {
	t.Parallel()
	pair := receivertest.NewPair(t)
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_RECEIVERS_SYSLOG_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_SYSLOG_TLS_CERT="+pair.CertFile,
		"SIDELIGHT_RECEIVERS_SYSLOG_TLS_KEY="+pair.KeyFile, "SIDELIGHT_RECEIVERS_SYSLOG_TLS_CLIENT_CA="+pair.CertFile)
	p, in := startRsyslog(t, rsyslogTLS, "TCP", portOf(t, a.address(t, "syslog tcp")), "CERT", pair.CertFile, "KEY", pair.KeyFile)
	run(t, nil, "logger", "-u", in, "-t", "shop", "hello")
	eventually(t, "the event", func() bool { return len(s.messages(t, group, "hello")) == 1 })
	run(t, nil, "logger", "-u", in, "-t", "shop", "bye")
	// What rsyslog has not sent when it ends is not the agent's to deliver.
	eventually(t, "both events at the agent", func() bool { return a.report(t).Signals["logs"].Accepted == 2 })
	p.signal(t, syscall.SIGTERM, 10*time.Second)
	eventually(t, "the last event", func() bool { return len(s.messages(t, group, "bye")) == 1 })
}

// logger of util-linux speaks each form over each transport.
func TestLogger(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	socket := filepath.Join(t.TempDir(), "log")
	a := startAgent(t, s, "SIDELIGHT_RECEIVERS_SYSLOG_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_SYSLOG_UDP=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_SYSLOG_UNIX="+socket)
	tcp := []string{"-n", "127.0.0.1", "-T", "-P", portOf(t, a.address(t, "syslog tcp"))}
	udp := []string{"-n", "127.0.0.1", "-d", "-P", portOf(t, a.address(t, "syslog udp"))}
	ways := map[string][]string{
		"tcp 5424":         append(slices.Clone(tcp), "--rfc5424", "--msgid", "M1", "--sd-id", "x@32473", "--sd-param", `a="b"`),
		"tcp 5424 counted": append(slices.Clone(tcp), "--rfc5424", "--octet-count"),
		"tcp 3164":         append(slices.Clone(tcp), "--rfc3164"),
		"tcp 3164 counted": append(slices.Clone(tcp), "--rfc3164", "--octet-count"),
		"udp 5424":         append(slices.Clone(udp), "--rfc5424"),
		"udp 3164":         append(slices.Clone(udp), "--rfc3164"),
		"unix":             {"-u", socket},
		"unix 5424":        {"-u", socket, "--rfc5424"},
	}
	for way, args := range ways {
		run(t, nil, append([]string{"logger", "-t", "shop", "-i", "-p", "daemon.warning"}, append(args, way)...)...)
	}
	var got []string
	eventually(t, "the events", func() bool { got = s.messages(t, group, ""); return len(got) == len(ways) })
	for _, m := range got {
		way := field(t, m, "msg")
		if ways[way] == nil || field(t, m, "level") != "WARN" || field(t, m, "facility") != "daemon" || field(t, m, "app") != "shop" || field(t, m, "pid") == "" {
			t.Errorf("message %s", m)
		}
		if local := strings.HasPrefix(way, "unix"); !local && field(t, m, "host") == "" {
			t.Errorf("no host in %s", m)
		}
		if way == "tcp 5424" && (field(t, m, "msgid") != "M1" || field(t, m, "structured_data/x@32473/a") != "b") {
			t.Errorf("message %s", m)
		}
	}
}

const pythonSyslog = `
import logging, logging.handlers, socket, sys
tcp, udp, unix = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
for name, address, kind in (
        ("tcp", ("127.0.0.1", tcp), socket.SOCK_STREAM), ("udp", ("127.0.0.1", udp), socket.SOCK_DGRAM), ("unix", unix, socket.SOCK_DGRAM)):
    handler = logging.handlers.SysLogHandler(address=address, facility="local1", socktype=kind)
    handler.setFormatter(logging.Formatter("shop[%(process)d]: %(message)s"))
    log = logging.getLogger(name)
    log.addHandler(handler)
    for i in range(20):
        log.error("%s %d grüße", name, i)
    handler.close()
`

// Python's handler ends messages over TCP by a zero byte and writes no time.
func TestPythonSysLogHandler(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	socket := filepath.Join(t.TempDir(), "log")
	a := startAgent(t, s, "SIDELIGHT_RECEIVERS_SYSLOG_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_SYSLOG_UDP=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_SYSLOG_UNIX="+socket)
	run(t, nil, "/usr/bin/python3", "-c", pythonSyslog, portOf(t, a.address(t, "syslog tcp")), portOf(t, a.address(t, "syslog udp")), socket)
	var got []string
	eventually(t, "the events", func() bool { got = s.messages(t, group, ""); return len(got) == 60 })
	seen := map[string]bool{}
	for _, m := range got {
		if field(t, m, "level") != "ERROR" || field(t, m, "facility") != "local1" || field(t, m, "app") != "shop" || field(t, m, "pid") == "" {
			t.Errorf("message %s", m)
		}
		seen[field(t, m, "msg")] = true
	}
	for _, way := range []string{"tcp", "udp", "unix"} {
		for i := range 20 {
			if text := fmt.Sprintf("%s %d grüße", way, i); !seen[text] {
				t.Errorf("%s is missing", text)
			}
		}
	}
}
