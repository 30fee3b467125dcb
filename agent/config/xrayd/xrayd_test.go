package xrayd_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/config/xrayd"
)

// disk is what files the daemon finds.
type disk map[string]string

func (d disk) read(path string) ([]byte, error) {
	if text, ok := d[path]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// seat returns the settings of a command line but for those that every one has.
func seat(t *testing.T, files disk, env map[string]string, args ...string) (map[string]string, *xrayd.Seat, error) {
	t.Helper()
	c, err := xrayd.Parse(args)
	if err != nil {
		return nil, nil, err
	}
	s, err := c.Seat(files.read, func(name string) string { return env[name] })
	if err != nil {
		return nil, nil, err
	}
	l, problems := config.Load("", nil, s.Settings...)
	if len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	got := map[string]string{}
	for _, v := range l.Values() {
		if v.Origin != "default" && v.Origin != "xray-daemon" {
			got[v.Path] = v.Value
		}
	}
	return got, s, nil
}

// Every flag, by each of its names, has the effect of its setting.
func TestFlags(t *testing.T) {
	values := map[string]struct {
		value string
		want  map[string]string
	}{
		"resource-arn":  {"arn:aws:ecs:::t", map[string]string{"traces.telemetry.resource_arn": "arn:aws:ecs:::t", "traces.telemetry.send": "true"}},
		"bind":          {"0.0.0.0:2000", map[string]string{"receivers.xray.udp": "0.0.0.0:2000"}},
		"bind-tcp":      {":2001", map[string]string{"receivers.xray.tcp": ":2001"}},
		"log-file":      {"/var/log/xray/xray.log", map[string]string{"log.file": "/var/log/xray/xray.log"}},
		"log-level":     {"dev", map[string]string{"log.level": "debug"}},
		"buffer-memory": {"0x10", map[string]string{"queue.memory": "16MiB"}},
		"region":        {"eu-west-1", map[string]string{"aws.region": "eu-west-1"}},
		"local-mode":    {"true", map[string]string{"aws.metadata": "false"}},
		"proxy-address": {"http://proxy:3128", map[string]string{"aws.proxy": "http://proxy:3128"}},
		"role-arn":      {"arn:aws:iam::1:role/x", map[string]string{"aws.role_arn": "arn:aws:iam::1:role/x"}},
	}
	for _, o := range xrayd.Options() {
		if o.Key == "" {
			continue // -c and -v are no settings
		}
		c, ok := values[o.Long]
		if !ok {
			t.Errorf("no value for --%s", o.Long)
			continue
		}
		for _, name := range []string{"-" + o.Short, "--" + o.Short, "-" + o.Long, "--" + o.Long} {
			forms := [][]string{{name + "=" + c.value}}
			if o.Kind == xrayd.Yes {
				forms = append(forms, []string{name})
			} else {
				forms = append(forms, []string{name, c.value})
			}
			for _, args := range forms {
				got, s, err := seat(t, nil, nil, args...)
				if err != nil {
					t.Errorf("%q: %v", args, err)
					continue
				}
				if d := cmp.Diff(c.want, got); d != "" || len(s.Notes) > 0 {
					t.Errorf("%q: notes %q, settings (-want +got):\n%s", args, s.Notes, d)
				}
			}
		}
	}
}

// What the command line asks for beside settings.
func TestCommands(t *testing.T) {
	for args, want := range map[string]xrayd.Command{
		"-v": {Version: true}, "--version": {Version: true}, "-h": {Help: true}, "--help": {Help: true}, "-c a.yaml -c b.yaml": {Config: "b.yaml"},
		"--version || exit 1": {Version: true, Ignored: []string{"||", "exit", "1"}}, "-version=false": {}, "": {},
	} {
		c, err := xrayd.Parse(strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if c.Version != want.Version || c.Help != want.Help || c.Config != want.Config || !slices.Equal(c.Ignored, want.Ignored) {
			t.Errorf("%s: %+v, want %+v", args, *c, want)
		}
	}
	for args, want := range map[string]string{
		"-x": "not defined: -x", "--bind": "needs an argument: -bind", "-m many": "expected a whole number", "-o=maybe": "expected true or false",
	} {
		if _, err := xrayd.Parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}

const full = `TotalBufferSizeMB: 64
Concurrency: 8
Region: "eu-west-1"
Endpoint: "https://xray.example"
Socket:
  UDPAddress: "127.0.0.1:3000"
  TCPAddress: "127.0.0.1:3001"
Logging:
  LogRotation: false
  LogLevel: "error"
  LogPath: "/tmp/x.log"
LocalMode: true
ResourceARN: "arn:a"
RoleARN: "arn:aws:iam::1:role/file"
NoVerifySSL: true
ProxyAddress: "proxy:3128"
Version: 2
`

func fullSettings() map[string]string {
	return map[string]string{
		"queue.memory": "64MiB", "aws.region": "eu-west-1", "traces.endpoint": "https://xray.example",
		"receivers.xray.udp": "127.0.0.1:3000", "receivers.xray.tcp": "127.0.0.1:3001", "log.rotate": "0B", "log.level": "error", "log.file": "/tmp/x.log",
		"aws.metadata": "false", "traces.telemetry.send": "true", "traces.telemetry.resource_arn": "arn:a",
		"aws.role_arn": "arn:aws:iam::1:role/file", "aws.insecure": "true", "aws.proxy": "http://proxy:3128",
	}
}

func TestFile(t *testing.T) {
	for name, c := range map[string]struct {
		files disk
		args  []string
		file  string
	}{
		"given":            {disk{"/my.yaml": full, "/etc/amazon/xray/cfg.yaml": "Version: 9"}, []string{"-c", "/my.yaml"}, "/my.yaml"},
		"of the image":     {disk{"/etc/amazon/xray/cfg.yaml": full, "cfg.yaml": "Version: 9"}, nil, "/etc/amazon/xray/cfg.yaml"},
		"of the directory": {disk{"cfg.yaml": full}, nil, "cfg.yaml"},
		"version 1":        {disk{"cfg.yaml": strings.Replace(full, "Version: 2", "Version: 1", 1)}, nil, "cfg.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			got, s, err := seat(t, c.files, nil, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(fullSettings(), got); d != "" || s.File != c.file || len(s.Notes) > 0 {
				t.Errorf("file %q, notes %q, settings (-want +got):\n%s", s.File, s.Notes, d)
			}
		})
	}
}

// A flag wins over the file, a variable of ours over both.
func TestPrecedence(t *testing.T) {
	c, err := xrayd.Parse([]string{"-n", "ap-south-1", "-b", "0.0.0.0:2000", "-n", "us-west-2"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Seat(disk{"cfg.yaml": full}.read, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	l, problems := config.Load("", []string{"SIDELIGHT_CONFIG=receivers: {otlp: {http: 127.0.0.1:4318}}\n", "SIDELIGHT_RECEIVERS_XRAY_UDP=127.0.0.1:9"}, s.Settings...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, v := range l.Values() {
		want, ok := map[string][2]string{
			"aws.region": {"us-west-2", "-n"}, "receivers.xray.udp": {"127.0.0.1:9", "SIDELIGHT_RECEIVERS_XRAY_UDP"}, "receivers.otlp.http": {"127.0.0.1:4318", "SIDELIGHT_CONFIG:1"},
			"receivers.otlp.grpc": {"off", "xray-daemon"}, "log.level": {"error", "cfg.yaml:10 Logging.LogLevel"},
		}[v.Path]
		if ok && (v.Value != want[0] || v.Origin != want[1]) {
			t.Errorf("%s is %s of %s, want %v", v.Path, v.Value, v.Origin, want)
		}
	}
}

// An empty value and the one that the daemon ships are as none; what has no effect
// is named.
func TestNotes(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
		set  map[string]string
	}{
		"as it ships": {"Version: 2\nRegion: \"\"\nConcurrency: 8\nTotalBufferSizeMB: 0\nLocalMode: false\nNoVerifySSL: no\nSocket: {UDPAddress: \"\"}\nRoleARN:\nProxyServer: {MaxIdleConns: 3}", nil, map[string]string{"aws.metadata": "true"}},
		"fewer calls": {"Version: 2\nConcurrency: 2", []string{"cfg.yaml:2 Concurrency: has no effect"}, nil},
		"unknown":     {"Version: 2\nColour: blue\nSocket: {Path: /x}", []string{"cfg.yaml:2 Colour: is no setting", "cfg.yaml:3 Socket.Path: is no setting"}, nil},
		"old":         {"Version: 1\nProcessor: {Region: x}\nMemoryLimit: 3", []string{"cfg.yaml:2 Processor.Region: is of the daemon's format before", "MemoryLimit: is of"}, nil},
		"shapes":      {"Version: 1\nRegion: [a]\nSocket: {UDPAddress: {a: b}}", []string{"Region: expected a single value", "Socket.UDPAddress: expected a single value"}, nil},
		"levels":      {"Version: 2\nLogging: {LogLevel: loud}", []string{`"loud" is no level`}, map[string]string{"log.level": "info"}},
		"little":      {"Version: 2\nTotalBufferSizeMB: 1", []string{"1 MB are less"}, map[string]string{"queue.memory": "3MiB"}},
		"no number":   {"Version: 2\nTotalBufferSizeMB: much", []string{`"much" is not a whole number`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, s, err := seat(t, disk{"cfg.yaml": c.text}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Notes) != len(c.want) {
				t.Errorf("notes %q, want %q", s.Notes, c.want)
			}
			for i := range min(len(s.Notes), len(c.want)) {
				if !strings.Contains(s.Notes[i], c.want[i]) {
					t.Errorf("note %q, want %q", s.Notes[i], c.want[i])
				}
			}
			if c.set == nil {
				c.set = map[string]string{}
			}
			if d := cmp.Diff(c.set, got); d != "" {
				t.Errorf("settings (-want +got):\n%s", d)
			}
		})
	}
}

func TestFileFails(t *testing.T) {
	for text, want := range map[string]string{
		"Version: 3": "line 1: Version: 3: expected 1 or 2", "Region: x": "it has no Version", "service: {name: x}": "SIDELIGHT_CONFIG", "a: [": "cfg.yaml: yaml", "": "expected keys and values",
		"Version: [2]": "expected 1 or 2",
	} {
		if _, _, err := seat(t, disk{"cfg.yaml": text}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, _, err := seat(t, nil, nil, "-c", "none.yaml"); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error %v", err)
	}
}

// The daemon's variables of its own.
func TestVariables(t *testing.T) {
	got, _, err := seat(t, nil, map[string]string{"AWS_HOSTNAME": "h", "AWS_INSTANCE_ID": "i-1", "AWS_XRAY_DAEMON_ADDRESS": "10.0.0.1:2000"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"traces.telemetry.hostname": "h", "traces.telemetry.instance_id": "i-1"}, got); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
}

// A value that cannot be is a problem that names who gave it.
func TestBadValue(t *testing.T) {
	c, err := xrayd.Parse([]string{"-b", "2000", "-p", "ftp://x"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Seat(disk{}.read, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	_, problems := config.Load("", nil, s.Settings...)
	if text := problems.Error(); problems.Errors() != 2 || !strings.Contains(text, `-b: "2000" is not valid`) || !strings.Contains(text, `-p: "ftp://x" is not valid`) {
		t.Errorf("problems: %v", text)
	}
}

func FuzzSeat(f *testing.F) {
	f.Add("-n x -b 0.0.0.0:2000 -o", full)
	f.Add("-m 3 -- x", "Version: 1\nSocket: &a {UDPAddress: x}\nLogging: *a")
	f.Fuzz(func(t *testing.T, args, text string) {
		c, err := xrayd.Parse(strings.Split(args, " "))
		if err != nil {
			return
		}
		s, err := c.Seat(func(string) ([]byte, error) { return []byte(text), nil }, func(string) string { return "" })
		if err != nil {
			return
		}
		config.Load("", nil, s.Settings...)
	})
}
