package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain lets the test binary be the program itself.
func TestMain(m *testing.M) {
	if os.Getenv("SHOP_TEST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestProgram(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	statsd, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer statsd.Close()
	cmd := exec.CommandContext(t.Context(), exe, "-target", srv.URL, "-rate", "50", "-duration", "300ms", "-statsd", statsd.LocalAddr().String())
	cmd.Env = append(os.Environ(), "SHOP_TEST_MAIN=1")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "404 Not Found") {
		t.Errorf("output is %q, %v", out, err)
	}
	buf := make([]byte, 1024)
	n, _, err := statsd.ReadFrom(buf)
	if err != nil || !strings.HasPrefix(string(buf[:n]), "shop.requests:1|c\nshop.errors:0|c\nshop.latency:") {
		t.Errorf("StatsD is told %q, %v", buf[:n], err)
	}
}
