package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/render"
)

// commandPaths returns all commands that do something.
func commandPaths(cmd *cobra.Command) []string {
	var out []string
	for _, c := range cmd.Commands() {
		if c.Name() == "completion" || c.Name() == "help" {
			continue
		}
		if len(c.Commands()) == 0 {
			out = append(out, c.CommandPath())
		}
		out = append(out, commandPaths(c)...)
	}
	return out
}

func checkHelp(t *testing.T, root *cobra.Command, path string) {
	t.Helper()
	var b bytes.Buffer
	root.SetOut(&b)
	root.SetArgs(append(strings.Fields(path)[1:], "--help"))
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if n := strings.Count(text, "\n"); n > 40 {
		t.Errorf("%d lines do not fit one screen", n)
	}
	_, rest, ok := strings.Cut(text, "Examples:\n")
	if !ok {
		t.Fatal("there are no examples")
	}
	examples, _, _ := strings.Cut(rest, "\n\n")
	if path != "sidelight health" && path != "sidelight ready" && !strings.Contains(examples, path) {
		t.Errorf("no example shows %q:\n%s", path, examples)
	}
	about, _, _ := strings.Cut(text, "Usage:")
	for line := range strings.Lines(about) {
		if render.Width(line) > 81 {
			t.Errorf("wider than 80 columns: %s", line)
		}
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
