//go:build agentonly

package main

import "path/filepath"

// scripts are those that run with this build.
func scripts() ([]string, error) {
	own, err := filepath.Glob("testdata/agentonly/*.txtar")
	return append(own, "testdata/config.txtar", "testdata/queue.txtar"), err
}
