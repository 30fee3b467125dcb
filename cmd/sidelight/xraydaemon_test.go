package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// The name of the daemon's binary, its command line and its file make it the
// daemon: both ports do what its do, in the Region that it was told, and there are
// no other ports.
func TestXRaySeat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		argv   []string
		file   string
		env    []string
		region string
	}{
		"flags":         {append([]string{"xray"}, append(anyPort(), "-o", "-n", "eu-west-1", "--log-level", "dev", "-m", "16", "-a", "arn:aws:ecs:::t")...), "", nil, "eu-west-1"},
		"a file":        {[]string{"xray", "-c", "my.yaml"}, "Version: 2\nRegion: ap-south-1\nSocket: {UDPAddress: 127.0.0.1:0, TCPAddress: 127.0.0.1:0}\n", nil, "ap-south-1"},
		"a flag wins":   {append([]string{"xray"}, append(anyPort(), "--config=my.yaml", "--region=us-west-2")...), "Version: 1\nRegion: ap-south-1\nLocalMode: true\n", []string{"AWS_REGION=eu-west-1"}, "us-west-2"},
		"environment":   {append([]string{"xray"}, anyPort()...), "", []string{"AWS_REGION=eu-central-1", "AWS_XRAY_DAEMON_ADDRESS=10.0.0.1:2000"}, "eu-central-1"},
		"a subcommand":  {append([]string{"sidelight", "xray-daemon", "--"}, append(anyPort(), "-n", "eu-west-3")...), "", nil, "eu-west-3"},
		"flags alone":   {append([]string{"sidelight"}, append(anyPort(), "-o", "-n", "eu-north-1")...), "", nil, "eu-north-1"},
		"of bad levels": {append([]string{"xray"}, append(anyPort(), "-n", "eu-west-1", "-l", "loud", "then", "-o")...), "", nil, "eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, dir := sandboxtest.New(t), t.TempDir()
			write(t, dir, "my.yaml", c.file)
			p := startSeat(t, dir, append(c.env, "AWS_ENDPOINT_URL="+s.URL()), c.argv...)
			arrives(t, s, send(t, p.listening(t, "udp")))
			rules := sampling(t, p.listening(t, "tcp"), "GetSamplingRules")
			if !strings.Contains(rules, `"RuleName":"Default"`) {
				t.Errorf("rules: %s", rules)
			}
			if got := openPorts(t, p.cmd.Process.Pid); got.tcp != 1 || got.udp != 1 {
				t.Errorf("listens on %d TCP and %d UDP ports", got.tcp, got.udp)
			}
			p.stop(t)
			for _, call := range s.Calls() {
				// Those of the test itself are for the sandbox's own Region.
				if call.Operation != "BatchGetTraces" && (call.Region != c.region || call.AccessKey != "AKIDSEAT") {
					t.Errorf("%s in %s by %s", call.Operation, call.Region, call.AccessKey)
				}
			}
			checkCalls(t, s)
			text, _ := p.talk.text()
			if said := strings.Contains(text, "is no level of the daemon's") && strings.Contains(text, "then -o"); said != (name == "of bad levels") {
				t.Errorf("what is not as with the daemon is said: %v", said)
			}
		})
	}
}

// checkCalls fails for calls that the daemon does not make: its role allows none.
func checkCalls(t *testing.T, s *sandbox.Server) {
	t.Helper()
	made := map[string]bool{}
	for _, call := range s.Calls() {
		made[call.Operation] = true
	}
	for _, op := range []string{"PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules"} {
		if !made[op] {
			t.Errorf("no call of %s", op)
		}
		delete(made, op)
	}
	delete(made, "BatchGetTraces")
	for op := range made {
		t.Errorf("a call of %s", op)
	}
}

// sampling makes a call by the proxy, unsigned as the SDKs do.
func sampling(t *testing.T, address, path string) string {
	t.Helper()
	resp, err := http.Post("http://"+address+"/"+path, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The role is assumed, calls go through the proxy and to X-Ray's own endpoint
// without a check of its certificate, and the log goes to its file.
func TestXRaySeatReach(t *testing.T) {
	t.Parallel()
	s, dir := sandboxtest.New(t), t.TempDir()
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "AssumeRole" || r.FormValue("RoleArn") != "arn:aws:iam::123456789012:role/traces" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
			`<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>`+
			`</Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	defer sts.Close()
	to, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	// In front of the sandbox stands a certificate that nobody vouches for.
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }})
	defer front.Close()
	var tunnels atomic.Int32
	proxy := httptest.NewServer(tunnel(&tunnels))
	defer proxy.Close()

	file := write(t, dir, "my.yaml", fmt.Sprintf("Version: 2\nEndpoint: %s\nNoVerifySSL: true\nLogging: {LogLevel: prod}\n", front.URL))
	logFile := filepath.Join(dir, "xray.log")
	p := startSeat(t, dir, []string{"AWS_ENDPOINT_URL_STS=" + sts.URL}, append([]string{"xray"}, append(anyPort(),
		"-c", file, "-n", "us-east-1", "-p", proxy.URL, "-r", "arn:aws:iam::123456789012:role/traces", "-f", logFile)...)...)
	arrives(t, s, send(t, fileLine(t, logFile, `msg=listening for="xray udp" address=(\S+)`)))
	sampling(t, fileLine(t, logFile, `msg=listening for="xray tcp" address=(\S+)`), "GetSamplingRules")
	fileLine(t, logFile, `level=WARN msg="(the certificates of AWS's endpoints are not checked)`)
	p.stop(t)
	fileLine(t, logFile, `msg=account signal=traces accepted=1 recovered=0 (delivered=1)`)
	if text, _ := p.talk.text(); text != "" {
		t.Errorf("beside the log file it printed:\n%s", text)
	}
	if tunnels.Load() == 0 {
		t.Error("nothing went through the proxy")
	}
	checkCalls(t, s)
	for _, call := range s.Calls() {
		if call.Operation == "PutTraceSegments" && call.AccessKey != "ASIAROLE" {
			t.Errorf("%s by %s, not by the role", call.Operation, call.AccessKey)
		}
	}
}

// Without its UDP port it ends, as the daemon does; without the other it goes on,
// as the daemon does too.
func TestXRaySeatPortsTaken(t *testing.T) {
	t.Parallel()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	s, dir := sandboxtest.New(t), t.TempDir()
	env := []string{"AWS_ENDPOINT_URL=" + s.URL(), "AWS_REGION=us-east-1"}
	p := startSeat(t, dir, env, "xray", "-b", udp.LocalAddr().String(), "-t", "127.0.0.1:0")
	<-p.done
	if p.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d", p.cmd.ProcessState.ExitCode())
	}
	p.line(t, "address already in use")
	p = startSeat(t, dir, env, "xray", "-b", "127.0.0.1:0", "-t", tcp.Addr().String())
	arrives(t, s, send(t, p.listening(t, "udp")))
	p.line(t, `level=WARN msg="another process listens on this default port.*for="xray tcp"`)
	p.stop(t)
}

// What was meant to run on stays what it was: what follows a flag of ours.
func TestSeatArgs(t *testing.T) {
	for line, want := range map[string]bool{
		"xray": true, "/xray -t 0.0.0.0:2000 -b 0.0.0.0:2000": true, "/usr/bin/xray --version": true, "xray-daemon -o": true, "./xray -h": true,
		"sidelight": false, "/sidelight -o": true, "sidelight --local-mode -n eu-west-1": true, "sidelight -c cfg.yaml": true, "sidelight -n eu-west-1": true,
		"sidelight -o json": false, "sidelight --region eu-west-1": false, "sidelight --region eu-west-1 logs tail": false, "sidelight --version": false,
		"sidelight -h": false, "sidelight run -c x": false, "sidelight -b": false, "sidelight --help": false, "sidelight -q": false,
	} {
		argv := strings.Fields(line)
		args := seatArgs(argv)
		if got := len(args) > 0 && args[0] == seatCommand; got != want {
			t.Errorf("%s: %q", line, args)
		}
	}
}

// The account of what was taken is exact after a stop in an outage, and the next
// start delivers it.
func TestXRaySeatOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { down.Close() })
	go func() {
		for c, err := down.Accept(); err == nil; c, err = down.Accept() {
			c.Close()
		}
	}()
	nowhere := "http://" + down.Addr().String()
	args := append([]string{"xray"}, append(anyPort(), "-n", "us-east-1")...)
	p := startSeat(t, dir, []string{"AWS_ENDPOINT_URL=" + nowhere, "SIDELIGHT_SHUTDOWN_GRACE=2s", "SIDELIGHT_SHUTDOWN_QUIET=300ms"}, args...)
	traces := []string{send(t, p.listening(t, "udp")), send(t, p.listening(t, "udp"))}
	p.stop(t)
	p.line(t, `msg=account signal=traces accepted=2 .*(queued=2)`)
	s := sandboxtest.New(t)
	p = startSeat(t, dir, []string{"AWS_ENDPOINT_URL=" + s.URL()}, args...)
	for _, trace := range traces {
		arrives(t, s, trace)
	}
	p.stop(t)
}

// What the records about the agent say is what was counted.
func TestXRaySeatTelemetry(t *testing.T) {
	t.Parallel()
	var last atomic.Pointer[[]byte]
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/TelemetryRecords" {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				last.Store(&body)
			}
		}
		fmt.Fprint(w, "{}")
	}))
	defer cloud.Close()
	dir := t.TempDir()
	p := startSeat(t, dir, []string{"AWS_ENDPOINT_URL=" + cloud.URL, "AWS_REGION=us-east-1", "AWS_HOSTNAME=host-1", "AWS_INSTANCE_ID=i-1"},
		append([]string{"xray"}, append(anyPort(), "-a", "arn:aws:ec2:us-east-1:1:instance/i-1")...)...)
	address := p.listening(t, "udp")
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("no header")); err != nil {
		t.Fatal(err)
	}
	send(t, address)
	p.stop(t)
	body := last.Load()
	if body == nil {
		t.Fatal("no records were sent")
	}
	var got struct {
		EC2InstanceID         string `json:"EC2InstanceId"`
		Hostname, ResourceARN string
		TelemetryRecords      []struct {
			SegmentsReceivedCount, SegmentsSentCount, SegmentsRejectedCount, SegmentsSpilloverCount int
			Timestamp                                                                               float64
		}
	}
	if err := json.Unmarshal(*body, &got); err != nil {
		t.Fatal(err)
	}
	if got.EC2InstanceID != "i-1" || got.Hostname != "host-1" || got.ResourceARN != "arn:aws:ec2:us-east-1:1:instance/i-1" || len(got.TelemetryRecords) != 1 {
		t.Fatalf("records: %s", *body)
	}
	if r := got.TelemetryRecords[0]; r.SegmentsReceivedCount != 2 || r.SegmentsSentCount != 1 || r.SegmentsRejectedCount != 1 || r.Timestamp < 1e9 {
		t.Errorf("record %+v", r)
	}
}
