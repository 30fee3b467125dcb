package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// On a machine that mounts the unified hierarchy beside version 1, the kernel's own
// cpu.stat of a group is read as version 2; memory is version 1's there.
func TestUnified(t *testing.T) {
	const mount = "/sys/fs/cgroup/unified"
	dir := filepath.Join(mount, "sidelight-unified-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Logf("no group can be made here: %v", err)
		ownGroup(t)
		return
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helper+"=1")
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = cmd.Wait() }()
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	files{
		"proc/self/cgroup": "0::/g\n", "sys/fs/cgroup/cgroup.controllers": "", "sys/fs/cgroup/g/memory.current": "1\n", "sys/fs/cgroup/g/memory.stat": "anon 1\n",
	}.write(t, root)
	if err := os.Symlink(filepath.Join(dir, "cpu.stat"), filepath.Join(root, "sys/fs/cgroup/g/cpu.stat")); err != nil {
		t.Fatal(err)
	}
	step := stepper(t, in, out)
	step()
	before := step()
	s, err := open(root, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g := &group{usage: filepath.Join(dir, "cpu.stat"), perSecond: 1e6}
	first := scrapeBetween(t, s, g)
	checkBurnt(t, s, g, first, before, step)
}
