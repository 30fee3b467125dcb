package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/render"
)

// commandPaths returns all commands that do something here.
func commandPaths(cmd *cobra.Command) []string {
	var out []string
	for _, c := range cmd.Commands() {
		if c.Name() == "completion" || c.Name() == "help" || c.Hidden {
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
