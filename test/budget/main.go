// Command budget reads the output of go test -json, prints what failed and what
// was skipped, and fails if a test took longer than it may:
//
//	go test -json ./... | go run ./test/budget -limit 30s
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// event is a line of test2json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// tally is what was seen.
type tally struct {
	limit                   time.Duration
	out                     io.Writer
	output                  map[string][]string // of tests and packages that still run
	passed, failed, skipped int
	slow, broken            int
}

func main() {
	limit := flag.Duration("limit", 30*time.Second, "the longest a single test may take")
	flag.Parse()
	t := tally{limit: *limit, out: os.Stdout, output: map[string][]string{}}
	if err := t.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "budget: error:", err)
		os.Exit(1)
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed+t.broken+t.slow > 0 {
		os.Exit(1)
	}
}

func (t *tally) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			// What go itself prints, such as a build failure, is not JSON.
			fmt.Fprintln(t.out, lines.Text())
			continue
		}
		t.add(&e)
	}
	return lines.Err()
}

func (t *tally) add(e *event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		t.output[key] = append(t.output[key], e.Output)
	case "pass", "fail", "skip":
		t.end(e, key)
		delete(t.output, key)
	case "build-fail":
		t.broken++
		fmt.Fprint(t.out, strings.Join(t.output[key], ""))
	}
}

func (t *tally) end(e *event, key string) {
	if e.Action == "fail" {
		fmt.Fprint(t.out, strings.Join(t.output[key], ""))
	}
	if e.Test == "" {
		if e.Action == "fail" {
			t.broken++
		}
		fmt.Fprintf(t.out, "%-4s %s %.1fs\n", e.Action, e.Package, e.Elapsed)
		return
	}
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
	case "skip":
		t.skipped++
		fmt.Fprintf(t.out, "skipped: %s\n", key)
	}
	took := time.Duration(e.Elapsed * float64(time.Second))
	if took > t.limit && !strings.Contains(e.Test, "/") {
		t.slow++
		fmt.Fprintf(t.out, "too slow: %s took %v, more than %v\n", key, took, t.limit)
	}
}
