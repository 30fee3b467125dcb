//go:build clients

package clients_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// journalRemote writes journals as journald does.
const journalRemote = "/lib/systemd/systemd-journal-remote"

// journalExport is entries from and below to in the Journal Export Format.
func journalExport(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=0123456789abcdef0123456789abcdef\n",
			time.Now().UnixMicro(), i+1)
		fmt.Fprintf(&b, "PRIORITY=%d\n_SYSTEMD_UNIT=%s\nSYSLOG_IDENTIFIER=shop\n_PID=%d\n_HOSTNAME=web-1\nMESSAGE=entry %d %s\n\n",
			i%8, []string{"shop.service", "other.service"}[i%2], 1000+i, i, strings.Repeat("to be compressed ", i%80))
	}
	return b.String()
}

// journalctl is what systemd's own program reads in a directory.
func journalctl(t *testing.T, dir string) (messages []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.journal*"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"journalctl", "-o", "json", "--all", "--no-pager"}
	for _, f := range files {
		args = append(args, "--file", f)
	}
	for line := range strings.Lines(string(run(t, nil, args...))) {
		var e map[string]string
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		us, err := strconv.ParseInt(e["__REALTIME_TIMESTAMP"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := strconv.Atoi(e["PRIORITY"])
		messages = append(messages, fmt.Sprint(time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z"),
			[]string{"FATAL", "CRITICAL", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG"}[p],
			e["_HOSTNAME"], e["_SYSTEMD_UNIT"], e["SYSLOG_IDENTIFIER"], e["_PID"], e["MESSAGE"]))
	}
	slices.Sort(messages)
	return messages
}

// What arrives of a journal that systemd writes is what journalctl reads, through
// a rotation and a crash of the agent, in both formats.
func TestJournald(t *testing.T) {
	t.Parallel()
	for name, compact := range map[string]string{"regular": "0", "compact": "1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write := func(name string, from, to int) {
				t.Helper()
				cmd := exec.CommandContext(t.Context(), journalRemote, "-o", filepath.Join(dir, name), "-")
				cmd.Env = append(os.Environ(), "SYSTEMD_JOURNAL_COMPACT="+compact)
				cmd.Stdin = strings.NewReader(journalExport(from, to))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", journalRemote, err, out)
				}
			}
			s := startSandbox(t)
			a := startAgent(t, s, fmt.Sprintf("SIDELIGHT_CONFIG=receivers: {journald: {directories: [%q]}}\n", dir))
			write("system.journal", 0, 300)
			eventually(t, "delivery", func() bool { return len(s.messages(t, group, "")) >= 300 })
			write("system.journal", 300, 600)
			if err := os.Rename(filepath.Join(dir, "system.journal"), filepath.Join(dir, "system@1.journal")); err != nil {
				t.Fatal(err)
			}
			write("system.journal", 600, 900)
			eventually(t, "delivery", func() bool { return len(s.messages(t, group, "")) >= 900 })
			// The checkpoint is written once a second; what came since is read again.
			a.signal(t, 9, patience)
			write("system.journal", 900, 1200)
			a.again(t, s)
			want := journalctl(t, dir)
			if len(want) != 1200 {
				t.Fatalf("journalctl reads %d entries, want 1200", len(want))
			}
			var got []string
			eventually(t, "all entries", func() bool {
				got = got[:0]
				for _, m := range s.messages(t, group, "") {
					var d map[string]string
					if err := json.Unmarshal([]byte(m), &d); err != nil {
						t.Fatalf("%v in %s", err, m)
					}
					got = append(got, fmt.Sprint(d["time"], d["level"], d["host"], d["unit"], d["app"], d["pid"], d["msg"]))
				}
				slices.Sort(got)
				got = slices.Compact(got)
				return len(got) >= len(want)
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entries differ (-journalctl +arrived):\n%.2000s", diff)
			}
		})
	}
}
