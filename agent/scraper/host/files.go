package host

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/internal/procfile"
)

// filesystem is a mounted one that is measured.
type filesystem struct {
	thing  *scraper.Thing
	path   string // as /proc/mounts has it
	device string
	full   string // the path as this process sees it
	seen   bool
	asked  bool // and not answered yet
	answer chan answer
}

type answer struct {
	st  syscall.Statfs_t
	err error
}

const (
	// maxFiles bounds the file systems that are measured.
	maxFiles = 1000
	// allFiles bounds what one scrape waits for answers.
	allFiles = 2 * time.Second
)

// readFiles asks how full file systems are. What root has reserved is not in the
// whole of which disk_used_percent is a part, as in df.
func (s *Scraper) readFiles() error {
	b, err := s.proc.Read(s.self + "mounts")
	if err != nil {
		return err
	}
	s.mounts(b)
	left, stuck := allFiles, 0.0
	for _, f := range s.files {
		began := time.Now()
		st, ok := f.ask(s.statfs, min(s.wait, left))
		if !ok {
			stuck++
			left = max(0, left-time.Since(began))
			continue
		}
		// A mount that is gone or not ours to see is no reason to fail.
		if st.err == nil && st.st.Blocks > 0 {
			f.read(&st.st)
		}
	}
	s.machine.Now[unanswered] = stuck
	return nil
}

// ask asks the kernel in a goroutine that is left behind if it does not answer
// in time. Until it has, the file system is not asked again.
func (f *filesystem) ask(statfs func(string, *syscall.Statfs_t) error, wait time.Duration) (answer, bool) {
	if f.asked {
		select {
		case <-f.answer: // as it was then
			f.asked = false
		default:
			return answer{}, false
		}
	}
	if wait <= 0 {
		return answer{}, false
	}
	f.asked = true
	path, to := f.full, f.answer
	go func() {
		var a answer
		a.err = statfs(path, &a.st)
		to <- a // there is room for one
	}()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a := <-f.answer:
		f.asked = false
		return a, true
	case <-timer.C:
		return answer{}, false
	}
}

// read takes what the kernel says, which for file systems that other machines or
// processes serve is what those say: more may be free than there is, and what is
// left for users may be less than nothing, as a quota has it.
func (f *filesystem) read(st *syscall.Statfs_t) {
	size, to := float64(st.Frsize), f.thing.Now
	if size <= 0 {
		size = float64(st.Bsize)
	}
	if size <= 0 {
		return
	}
	free := min(st.Bfree, st.Blocks)
	left := min(st.Bavail, free)
	if int64(st.Bavail) < 0 {
		left = 0
	}
	to[fsTotal], to[fsFree] = float64(st.Blocks)*size, float64(left)*size
	to[fsUsed] = float64(st.Blocks-free) * size
	to[fsReserved] = float64(free-left) * size
	to[fsUsable] = to[fsUsed] + to[fsFree]
	if st.Files > 0 {
		unused := min(st.Ffree, st.Files)
		to[fsInodes], to[fsInodesFree], to[fsInodesUsed] = float64(st.Files), float64(unused), float64(st.Files-unused)
	}
}

// mounts brings the list of file systems up to date, each device once:
// /proc/mounts lists bind mounts again.
func (s *Scraper) mounts(b []byte) {
	for _, f := range s.files {
		f.seen = false
	}
	for len(b) > 0 {
		var line []byte
		line, b = procfile.Line(b)
		device, rest := procfile.Field(line)
		path, rest := procfile.Field(rest)
		fstype, rest := procfile.Field(rest)
		options, _ := procfile.Field(rest)
		if len(options) > 0 && !pseudo(device, fstype) {
			s.mounted(device, path, fstype, options)
		}
	}
	// One that is unmounted while it is asked stays until it has answered.
	s.files = slices.DeleteFunc(s.files, func(f *filesystem) bool { return !f.seen && !f.asked })
	s.unasked.End()
}

func (s *Scraper) mounted(device, path, fstype, options []byte) {
	for _, f := range s.files {
		if f.device == string(device) {
			if f.path == string(path) {
				f.seen = true
			}
			if f.seen {
				return
			}
		}
	}
	if len(s.files) >= maxFiles {
		s.unasked.Add(device)
		return
	}
	at, mode := unescape(string(path)), "rw"
	if bytes.Equal(options, []byte("ro")) || bytes.HasPrefix(options, []byte("ro,")) {
		mode = "ro"
	}
	s.files = append(s.files, &filesystem{
		thing: scraper.NewThing(numFS, at, strings.TrimPrefix(unescape(string(device)), "/dev/"), string(fstype), mode),
		path:  string(path), device: string(device), full: filepath.Join("/", s.root, at), seen: true, answer: make(chan answer, 1),
	})
}

// pseudo reports file systems that have no room of their own to measure: those
// of the kernel, in memory, in another file system, and images that are always
// full. overlay has the room of the file system below it.
func pseudo(device, fstype []byte) bool {
	switch string(fstype) {
	case "proc", "sysfs", "tmpfs", "ramfs", "rootfs", "devtmpfs", "cgroup", "cgroup2", "overlay", "squashfs", "iso9660", "erofs", "autofs",
		"mqueue", "debugfs", "tracefs", "securityfs", "pstore", "bpf", "fusectl", "configfs", "devpts", "hugetlbfs", "nsfs",
		"binfmt_misc", "efivarfs", "selinuxfs", "rpc_pipefs", "nfsd", "aufs":
		return true
	}
	return bytes.HasPrefix(fstype, []byte("fuse")) || len(device) == 0 || string(device) == "none"
}

// unescape undoes the octal escapes of /proc/mounts.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
