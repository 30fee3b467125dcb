package main

import (
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
	cmd := exec.CommandContext(t.Context(), exe, "-target", srv.URL, "-rate", "50", "-duration", "300ms")
	cmd.Env = append(os.Environ(), "SHOP_TEST_MAIN=1")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "404 Not Found") {
		t.Errorf("output is %q, %v", out, err)
	}
}
