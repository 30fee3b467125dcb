//go:build !agentonly

package main

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
)

// scripts are those that run with this build.
func scripts() ([]string, error) { return filepath.Glob("testdata/*.txtar") }

// The agent alone knows the names of the commands that it lacks.
func TestFullCommands(t *testing.T) {
	var here []string
	for _, c := range (&app{}).root().Commands() {
		if c.GroupID != "agent" && c.Name() != "version" {
			here = append(here, c.Name())
		}
	}
	if d := cmp.Diff(slices.Sorted(slices.Values(fullCommands())), slices.Sorted(slices.Values(here))); d != "" {
		t.Errorf("commands of the full build (-known to the agent alone +here):\n%s", d)
	}
}

// The agent knows the sandbox's address without knowing the sandbox.
func TestSandboxAddress(t *testing.T) {
	if sandboxAddress != sandbox.DefaultListen {
		t.Errorf("--sandbox goes to %s, the sandbox listens on %s", sandboxAddress, sandbox.DefaultListen)
	}
}

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, zone)
	for text, want := range map[string]string{
		"15m": "2026-03-01T11:45:00+02:00", "2h30m": "2026-03-01T09:30:00+02:00", "3d": "2026-02-26T12:00:00+02:00", "1w1d": "2026-02-21T12:00:00+02:00",
		"1.5h": "2026-03-01T10:30:00+02:00", "500ms": "2026-03-01T11:59:59+02:00", "now": "2026-03-01T12:00:00+02:00",
		"2026-03-01T09:00": "2026-03-01T09:00:00+02:00", "2026-03-01 09:00:30": "2026-03-01T09:00:30+02:00", "2026-02-28": "2026-02-28T00:00:00+02:00",
		"2026-03-01T09:00:00Z": "2026-03-01T11:00:00+02:00", "09:15": "2026-03-01T09:15:00+02:00",
	} {
		got, err := parseTime(text, now, zone)
		if err != nil || got.In(zone).Format(time.RFC3339) != want {
			t.Errorf("parseTime(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "15", "15 m", "-5m", "yesterday", "2026-13-01", "99999999999w", "2026-03-01T"} {
		if got, err := parseTime(text, now, zone); err == nil {
			t.Errorf("parseTime(%q) = %v", text, got)
		}
	}
}
