package child_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sidelight-dev/sidelight/agent/receiver/child"
)

// TestMain runs a program instead of the tests if it was started as a child of
// one.
func TestMain(m *testing.M) {
	if program := os.Getenv("CHILD_PROGRAM"); program != "" {
		programs[program]()
		return
	}
	os.Exit(m.Run())
}

// programs are what tests run, with arguments from the command line.
var programs = map[string]func(){
	"exit": func() {
		code, _ := strconv.Atoi(os.Args[1])
		os.Exit(code)
	},
	"die": func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		select {}
	},
	"print": func() {
		fmt.Print(os.Args[1])
		fmt.Fprint(os.Stderr, os.Args[2])
	},
	"cat": func() {
		_, _ = io.Copy(os.Stdout, os.Stdin)
	},
	"where": func() {
		dir, _ := os.Getwd()
		fmt.Println(os.Getenv("GREETING"), dir, syscall.Getpgrp() == os.Getpid(), os.Args[0])
	},
	"lines": func() {
		n, _ := strconv.Atoi(os.Args[1])
		w := bufio.NewWriter(os.Stdout)
		for i := range n {
			fmt.Fprintf(w, "line %d %s\n", i, strings.Repeat("x", 90))
		}
		_ = w.Flush()
	},
	"signals": func() {
		got := make(chan os.Signal, 10)
		signal.Notify(got)
		fmt.Println("ready")
		for sig := range got {
			if sig == syscall.SIGURG || sig == syscall.SIGCONT {
				continue // the runtime's own; the terminal's
			}
			fmt.Println("got", sig)
			if sig == syscall.SIGTERM {
				os.Exit(9)
			}
		}
	},
	// orphan leaves a process behind that the agent has to reap, and prints its
	// number.
	"orphan": func() {
		out, err := exec.Command("/bin/sh", "-c", "(exec sleep 0.05) >/dev/null 2>&1 & echo $!").Output()
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.Write(out)
		_, _ = io.Copy(io.Discard, os.Stdin)
	},
	// holder leaves a process behind that keeps the output open.
	"holder": func() {
		cmd := exec.Command("/bin/sleep", "30")
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			os.Exit(1)
		}
		fmt.Println(cmd.Process.Pid)
	},
	// job prints when it is continued, and ends with SIGTERM.
	"job": func() {
		got := make(chan os.Signal, 10)
		signal.Notify(got, syscall.SIGCONT, syscall.SIGTERM)
		fmt.Println("ready")
		for sig := range got {
			fmt.Println("got", sig)
			if sig == syscall.SIGTERM {
				os.Exit(9)
			}
		}
	},
	// shell runs an agent in the foreground, as a shell with job control does,
	// and continues it as soon as it stops.
	"shell": func() {
		if err := os.Setenv("CHILD_PROGRAM", "agent"); err != nil {
			os.Exit(1)
		}
		signal.Ignore(syscall.SIGTTOU)
		self, _ := os.Executable()
		agent := exec.Command(self, os.Args[1])
		agent.Stdin, agent.Stdout, agent.Stderr = os.Stdin, os.Stdout, os.Stderr
		agent.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
		if err := agent.Start(); err != nil {
			os.Exit(1)
		}
		pid := agent.Process.Pid
		for {
			var status syscall.WaitStatus
			if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil {
				os.Exit(1)
			}
			if !status.Stopped() {
				os.Exit(status.ExitStatus())
			}
			fmt.Println("shell: stopped")
			if err := unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, pid); err != nil {
				os.Exit(1)
			}
			if err := syscall.Kill(-pid, syscall.SIGCONT); err != nil {
				os.Exit(1)
			}
		}
	},
	// agent runs another program as its child and passes on what it is sent, as
	// the command line does.
	"agent": func() {
		if err := os.Setenv("CHILD_PROGRAM", os.Args[1]); err != nil {
			os.Exit(1)
		}
		self, _ := os.Executable()
		r, err := child.New(child.Config{Command: []string{self}, Dest: dest}, new(books), discard)
		if err != nil {
			os.Exit(1)
		}
		got := make(chan os.Signal, 10)
		signal.Notify(got, syscall.SIGINT, syscall.SIGTERM)
		go func() {
			for sig := range got {
				r.Signal(sig)
			}
		}()
		if err := r.Start(); err != nil {
			os.Exit(1)
		}
		code, _ := r.Wait()
		os.Exit(code)
	},
}
