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

// onTerminal starts one of the programs of TestMain as the leader of a session
// on a new terminal.
func onTerminal(t *testing.T, program, arg string) (*exec.Cmd, *os.File, *output) {
	t.Helper()
	keyboard, screen := openTerminal(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := new(output)
	cmd := exec.Command(self, arg)
	cmd.Env = append(os.Environ(), "CHILD_PROGRAM="+program, "GORACE=atexit_sleep_ms=0")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = screen, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	out.wait(t, "ready")
	return cmd, keyboard, out
}

func press(t *testing.T, keyboard *os.File, key byte) {
	t.Helper()
	if _, err := keyboard.Write([]byte{key}); err != nil {
		t.Fatal(err)
	}
}

const (
	ctrlC = 3
	ctrlZ = 26
)

// TestCtrlCReachesTheChildOnce has an agent on a terminal, which passes on what
// signals it gets.
func TestCtrlCReachesTheChildOnce(t *testing.T) {
	agent, keyboard, out := onTerminal(t, "agent", "signals")
	press(t, keyboard, ctrlC)
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

// TestCtrlZ stops the child on a terminal. With a shell the agent stops, too,
// and both go on when the shell says so; the terminal is the child's again.
func TestCtrlZ(t *testing.T) {
	for program, arg := range map[string]string{"shell": "job", "agent": "job"} {
		t.Run(program, func(t *testing.T) {
			cmd, keyboard, out := onTerminal(t, program, arg)
			press(t, keyboard, ctrlZ)
			out.wait(t, "got "+syscall.SIGCONT.String())
			if program == "shell" {
				out.wait(t, "shell: stopped")
			}
			press(t, keyboard, ctrlC) // the child does not catch it
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 128+int(syscall.SIGINT) {
				t.Errorf("%s ended with %v:\n%s", program, err, out)
			}
		})
	}
}
