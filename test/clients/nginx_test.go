//go:build clients

package clients_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const nginxConfig = `
daemon off;
master_process on;
user root;
worker_processes 2;
pid DIR/nginx.pid;
error_log DIR/log/error.log warn;
events {}
http {
  log_format json escape=json '{"time":"$time_iso8601","method":"$request_method","path":"$uri","status":$status,"id":"$arg_id"}';
  access_log DIR/log/access.log json;
  client_body_temp_path DIR/tmp; proxy_temp_path DIR/tmp; fastcgi_temp_path DIR/tmp; uwsgi_temp_path DIR/tmp; scgi_temp_path DIR/tmp;
  server {
    listen unix:DIR/nginx.sock;
    root DIR/www;
  }
}
`

// nginx writes its logs, which are rotated as logrotate does it: renamed, then
// opened anew after a signal. Every line arrives, also those that were written
// between the two and while no agent ran; and once, unless the agent crashed.
func TestNginx(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"rotation": 0, "rotation and a restart": syscall.SIGTERM, "rotation and a crash": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, server, client := startNginx(t)
			s := startSandbox(t)
			config := fmt.Sprintf("receivers: {files: [{include: [%q], start: beginning, timestamp: time}]}\n", filepath.Join(dir, "log", "*.log*"))
			a := startAgent(t, s, "SIDELIGHT_CONFIG="+config)
			sent := 0
			get := func(n int) {
				t.Helper()
				sent = request(t, client, sent, n)
			}
			get(200)
			for i := range 3 {
				rotate(t, dir, i)
				get(50) // into the renamed files
				_ = server.cmd.Process.Signal(syscall.SIGUSR1)
				eventually(t, "new files", func() bool {
					_, err := os.Stat(filepath.Join(dir, "log", "access.log"))
					return err == nil
				})
				get(100)
				if i == 1 && sig != 0 {
					eventually(t, "delivery", func() bool { return len(s.messages(t, group, "")) >= 400 })
					a.signal(t, sig, patience)
					get(100)
					a = a.again(t, s)
				}
			}
			for log, number := range map[string]string{"access": `"id":"<(\d+)>"`, "error": `/missing/(\d+)\.html" failed`} {
				if twice := arrivals(t, s, log, regexp.MustCompile(number), sent); twice > 0 && sig != syscall.SIGKILL {
					t.Errorf("%d lines of the %s log arrived twice", twice, log)
				}
			}
		})
	}
}

// request asks for n files that are not there, which leaves a line in each log,
// and returns the number of the next request.
func request(t *testing.T, client *http.Client, from, n int) int {
	t.Helper()
	for i := from; i < from+n; i++ {
		resp, err := client.Get(fmt.Sprintf("http://shop/missing/%d.html?id=<%d>", i, i))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	return from + n
}

// arrivals waits until the lines of all requests have arrived and returns how
// many have more than once.
func arrivals(t *testing.T, s *sandbox, log string, number *regexp.Regexp, sent int) int {
	t.Helper()
	seen, twice := map[string]int{}, 0
	eventually(t, log+" log", func() bool {
		clear(seen)
		twice = 0
		for _, m := range s.messages(t, group, "") {
			if g := number.FindStringSubmatch(m); g != nil {
				if seen[g[1]]++; seen[g[1]] > 1 {
					twice++
				}
			}
		}
		return len(seen) == sent
	})
	t.Logf("%s log: %d lines arrived, %d of them twice", log, len(seen), twice)
	return twice
}

// rotate renames the logs as logrotate does.
func rotate(t *testing.T, dir string, i int) {
	t.Helper()
	for _, name := range []string{"access.log", "error.log"} {
		path := filepath.Join(dir, "log", name)
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, i)); err != nil {
			t.Fatal(err)
		}
	}
}

// startNginx starts nginx on a socket in a directory of its own and returns the
// directory, the server and a client.
func startNginx(t *testing.T) (string, *process, *http.Client) {
	t.Helper()
	// The path of a socket is short.
	dir, err := os.MkdirTemp("", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, sub := range []string{"log", "tmp", "www"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := nginxConfig
	if os.Getuid() != 0 {
		config = strings.Replace(config, "user root;\n", "", 1)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(config, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "nginx.sock")
	server := launch(t, "nginx", nil, "/usr/sbin/nginx", "-e", filepath.Join(dir, "log", "error.log"), "-c", file)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	eventually(t, "nginx", func() bool {
		select {
		case <-server.done:
			t.Fatalf("nginx ended: %v\n%s", server.err, server.out)
		default:
		}
		_, err := os.Stat(socket)
		return err == nil
	})
	return dir, server, client
}
