//go:build clients

package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// asked asks a caller for a call. Without an operation it asks what the client
// knows of the service.
type asked struct {
	Service string `json:"service"`
	Op      string `json:"op"`
	In      object `json:"in"`
	// Follow is for StartLiveTail: what to put once the session has begun.
	Follow *following `json:"follow,omitempty"`
}

type following struct {
	Put object `json:"put"`
}

// response is what a call has come to.
type response struct {
	Value object   `json:"value"`
	Error *failure `json:"error"`
	// Version is the client's, if it told what it knows of a service.
	Version string `json:"version"`
}

// failure is an error as a client shows it. Class is its type, "" if the client
// has no types.
type failure struct{ Class, Code, Message string }

// caller makes calls with one of AWS's clients.
type caller interface {
	call(t *testing.T, r asked) response
}

// awsClients are the clients by their names, and how to start each for the
// sandbox at a URL and one service.
func awsClients() map[string]func(t *testing.T, url, service string) caller {
	scripted := func(argv ...string) func(*testing.T, string, string) caller {
		return func(t *testing.T, url, _ string) caller { return startScript(t, append(argv, url)...) }
	}
	return map[string]func(*testing.T, string, string) caller{
		"aws-cli":   scripted("/usr/bin/python3", "callscli.py"),
		"boto3":     scripted("/usr/bin/python3", "calls.py"),
		"sdk-js-v3": scripted("node", "calls.js"),
		"sdk-go-v2": func(t *testing.T, url, service string) caller {
			if service == "tagging" { // whose client the product does not need, nor its module have
				program := os.Getenv("SIDELIGHT_TEST_TAGSGO")
				if program == "" {
					t.Fatal("SIDELIGHT_TEST_TAGSGO is the path of tagsgo; run.sh builds it")
				}
				return startScript(t, program, url)
			}
			return newGoCaller(url)
		},
	}
}

// script is a client in a process of its own, which answers each line with one.
type script struct {
	name   string
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *bytes.Buffer
	cmd    *exec.Cmd
}

func startScript(t *testing.T, argv ...string) *script {
	t.Helper()
	s := &script{name: argv[len(argv)-2], stderr: new(bytes.Buffer), cmd: exec.CommandContext(t.Context(), argv[0], argv[1:]...)}
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8", "TZ=UTC"}, credentials()...)
	s.cmd.Stderr = s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", s.name, err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		_ = s.in.Close()
		_, _ = io.Copy(io.Discard, s.out)
		if err := s.cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("%s: %v\n%s", s.name, err, tail(s.stderr.String()))
		}
	})
	return s
}

func (s *script) call(t *testing.T, r asked) response {
	t.Helper()
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.in.Write(append(line, '\n'))
	var answer []byte
	if err == nil {
		answer, err = s.out.ReadBytes('\n')
	}
	if err != nil {
		_ = s.cmd.Wait() // for all that it says
		t.Fatalf("%s: %s: %v\n%s", s.name, r.Op, err, tail(s.stderr.String()))
	}
	var a response
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatalf("%s: %s: %v in %.300s", s.name, r.Op, err, answer)
	}
	return a
}
