package child_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sidelight-dev/sidelight/agent/receiver/child"
)

func TestOrphansAreReaped(t *testing.T) {
	in, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r := start(t, child.Config{Stdin: in, Reap: true}, newSink(), "orphan")
	r.stdout.wait(t, "\n")
	stat := "/proc/" + strings.TrimSpace(r.stdout.String()) + "/stat"
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for {
		if _, err := os.Stat(stat); os.IsNotExist(err) {
			break
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("the orphan is still there")
		}
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	r.exit(t, 0)
}

// openTerminal returns both sides of a new pseudo-terminal.
func openTerminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

// TestCtrlCReachesTheChildOnce has an agent on a terminal, which passes on what
// signals it gets.
func TestCtrlCReachesTheChildOnce(t *testing.T) {
	keyboard, screen := openTerminal(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := new(output)
	agent := exec.Command(self)
	agent.Env = append(os.Environ(), "CHILD_PROGRAM=agent")
	agent.Stdin, agent.Stdout, agent.Stderr = screen, out, out
	agent.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill() })
	out.wait(t, "ready")
	if _, err := keyboard.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	out.wait(t, "got interrupt")
	// And what is sent to the agent alone reaches the child, too.
	if err := agent.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := agent.Wait(); agent.ProcessState.ExitCode() != 9 {
		t.Errorf("the agent ended with %v", err)
	}
	if n := strings.Count(out.String(), "got interrupt"); n != 1 {
		t.Errorf("the child got %d interrupts:\n%s", n, out)
	}
}
