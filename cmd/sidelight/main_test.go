package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

func TestMain(m *testing.M) {
	// The second is the X-Ray daemon's name.
	testscript.Main(m, map[string]func(){"sidelight": main, "xray": main})
}

var update = flag.Bool("update", false, "rewrite the scripts' expected output")

// noon is the time in the scripts' sandboxes.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

type sandboxKey struct{}

// Each script runs commands against a sandbox of its own, whose clock
// stands at noon. Beside the usual commands there are
//
//	seed logs|traces|metrics|alarms…     puts data into the sandbox
//	fault KIND OPERATION [COUNT]         makes calls fail
//	called [!] OPERATION                 says whether there was such a call; waits for it to come
//	exits CODE COMMAND…                  runs a command that must end with the code
func TestScripts(t *testing.T) {
	files, err := scripts()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: files, UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			s, err := sandbox.New(sandbox.Options{Listen: "127.0.0.1:0", Clock: clock.NewFrozen(noon())})
			if err != nil {
				return err
			}
			done := make(chan error, 1)
			go func() { done <- s.Serve(context.Background()) }()
			env.Defer(func() {
				if err := errors.Join(s.Close(), <-done); err != nil {
					env.T().Fatal("sandbox: ", err)
				}
			})
			env.Values[sandboxKey{}] = s
			for name, value := range map[string]string{
				"AWS_ENDPOINT_URL": s.URL(), "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true",
				"TZ": "UTC", "LANG": "C.UTF-8", "CI": "", "NO_COLOR": "", "HOME": env.WorkDir,
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"seed": seedCommand, "fault": faultCommand, "called": calledCommand, "exits": exitsCommand,
		},
	})
}

func scriptSandbox(ts *testscript.TestScript) *sandbox.Server {
	return ts.Value(sandboxKey{}).(*sandbox.Server)
}

func faultCommand(ts *testscript.TestScript, _ bool, args []string) {
	r := fault.Rule{Kind: fault.Kind(args[0]), Operation: args[1]}
	if len(args) > 2 {
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		r.Count = n
	}
	if r.Kind == fault.Error {
		r.Status, r.Shape, r.Message = 400, "AccessDeniedException", "not authorized to perform this"
	}
	_, err := scriptSandbox(ts).Faults().Add(r)
	ts.Check(err)
}

func calledCommand(ts *testscript.TestScript, neg bool, args []string) {
	was := func() bool {
		for _, c := range scriptSandbox(ts).Calls() {
			if c.Operation == args[0] {
				return true
			}
		}
		return false
	}
	if neg {
		if was() {
			ts.Fatalf("%s was called", args[0])
		}
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(10 * time.Second); !was(); {
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("%s was not called", args[0])
		}
	}
}

func exitsCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// Every command has a help that fits one screen, says what it is, and shows
// examples of itself.
func TestHelpScreens(t *testing.T) {
	root := (&app{in: os.Stdin, out: os.Stdout, talk: os.Stderr}).root()
	for _, name := range slices.Sorted(slices.Values(commandPaths(root))) {
		t.Run(name, func(t *testing.T) { checkHelp(t, root, name) })
	}
}
