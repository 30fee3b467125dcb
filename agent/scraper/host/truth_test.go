package host

import (
	"math"
	gonet "net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

type sums map[string]float64

func (s sums) Record(m *sidelight.Measurement) {
	if m.Kind == sidelight.Sum {
		s[m.Name+" "+m.Dimensions[len(m.Dimensions)-1].Value] = m.Value
	}
}

// counters reads the kernel's counters of disks and interfaces, by the metrics'
// names.
func counters(t *testing.T) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	add := func(file string, read func(f []string)) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			read(strings.Fields(strings.Replace(line, ":", " ", 1)))
		}
	}
	number := func(s string) float64 { v, _ := strconv.ParseFloat(s, 64); return v }
	add("/proc/diskstats", func(f []string) {
		out["diskio_reads "+f[2]], out["diskio_writes "+f[2]] = number(f[3]), number(f[7])
		out["diskio_read_bytes "+f[2]], out["diskio_write_bytes "+f[2]] = 512*number(f[5]), 512*number(f[9])
	})
	add("/proc/net/dev", func(f []string) {
		if len(f) > 16 {
			out["net_bytes_recv "+f[0]], out["net_bytes_sent "+f[0]] = number(f[1]), number(f[9])
			out["net_packets_recv "+f[0]], out["net_packets_sent "+f[0]] = number(f[2]), number(f[10])
		}
	})
	return out
}

// What is reported of disks and interfaces lies between what the kernel's own
// counters say before and after.
func TestTruthCounters(t *testing.T) {
	s := New(Config{})
	s.virtual = func([]byte) bool { return false } // some machines have nothing but lo
	defer s.Close()
	scrape := func() (before map[string]float64, got sums, after map[string]float64) {
		before, got = counters(t), sums{}
		if err := s.Scrape(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		return before, got, counters(t)
	}
	send := loopback(t)
	send()
	before1, _, after1 := scrape()
	send()
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	before2, got, after2 := scrape()
	compared := 0
	for name, v := range got {
		most, known := after2[name]
		if !known {
			continue
		}
		compared++
		if least, most := before2[name]-after1[name], most-before1[name]; v < least || v > most {
			t.Errorf("%s %v, the kernel says %v to %v", name, v, least, most)
		}
	}
	if compared == 0 {
		t.Errorf("nothing to compare with the kernel's counters among %v", got)
	}
}

// What goes over the loopback interface is reported by the byte: 100 datagrams of
// 1,000 bytes and 28 of headers. Where the test may have a network of its own,
// nobody else's traffic is in it.
func TestTruthTraffic(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	alone := ownNetwork(t)
	s := New(Config{Proc: "/proc/thread-self"})
	s.self, s.virtual = "", func([]byte) bool { return false }
	defer s.Close()
	send := loopback(t)
	read := func() {
		if err := s.readNet(); err != nil {
			t.Fatal(err)
		}
	}
	send() // an interface that never had a packet is not measured
	read()
	s.keep()
	const datagrams, headers = 100, 20 + 8
	for range datagrams {
		send()
	}
	read()
	got := sums{}
	s.nets.Write(&s.w, got, &s.tables.Net, 1)
	for name, want := range map[string]float64{
		"net_bytes_recv lo": datagrams * (datagram + headers), "net_bytes_sent lo": datagrams * (datagram + headers), "net_packets_recv lo": datagrams, "net_packets_sent lo": datagrams,
	} {
		if v := got[name]; v != want && (alone || v < want) {
			t.Errorf("%s %v, sent were %v; alone: %v", name, v, want, alone)
		}
	}
}

// datagram is how many bytes one has without its headers.
const datagram = 1000

// loopback returns what sends a datagram over the loopback interface, and waits
// until it has come.
func loopback(t *testing.T) (send func()) {
	t.Helper()
	conn, err := gonet.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	in, out := make([]byte, 2*datagram), make([]byte, datagram)
	return func() {
		if _, err := conn.WriteTo(out, conn.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if n, _, err := conn.ReadFrom(in); n != datagram || err != nil {
			t.Fatalf("%d bytes came back: %v", n, err)
		}
	}
}

// ownNetwork gives the thread a network with nothing but a loopback interface, and
// reports whether it may have one.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Logf("the network is shared with others: %v", err)
		return false
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	up := struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP}
	copy(up.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&up))); errno != 0 {
		t.Fatal(errno)
	}
	return true
}

// What is reported of a file system is what df prints, to the byte: of one that
// nobody else writes to or, where none can be mounted, of one that is quiet while
// it is looked at.
func TestTruthFiles(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	dir, seen := ownFiles(t)
	if err := os.WriteFile(filepath.Join(dir, "sidelight-truth"), make([]byte, 3<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(filepath.Join(dir, "sidelight-truth")) }()
	for range 200 {
		before := df(t, dir)
		x := &filesystem{thing: scraper.NewThing(numFS), full: seen, answer: make(chan answer, 1)}
		a, ok := x.ask(syscall.Statfs, allFiles)
		if !ok || a.err != nil {
			t.Fatalf("statfs of %s: answered %v, %v", seen, ok, a.err)
		}
		x.read(&a.st)
		if df(t, dir) != before {
			continue
		}
		n := x.thing.Now
		percent := math.Ceil(100 * n[fsUsed] / n[fsUsable])
		got := account{n[fsTotal], n[fsUsed], n[fsFree], percent, n[fsInodesUsed]}
		if got != before || n[fsUsed] < 3<<20 {
			t.Errorf("total, used, free, percent, inodes: %v, df says %v", got, before)
		}
		return
	}
	t.Errorf("%s is never quiet", dir)
}

// ownFiles mounts a file system that this thread alone sees, and returns where it
// is and where other threads find it; else one that is seldom written to.
func ownFiles(t *testing.T) (dir, seen string) {
	t.Helper()
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		t.Logf("no file system can be mounted: %v", err)
		return "/dev/shm", "/dev/shm"
	}
	dir = t.TempDir()
	err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("truth", dir, "tmpfs", 0, "size=16m,nr_inodes=100")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, "/proc/self/task/" + strconv.Itoa(syscall.Gettid()) + "/root" + dir
}

// account is what df says: total, used and free bytes, percent, used inodes.
type account [5]float64

func df(t *testing.T, dir string) (a account) {
	t.Helper()
	fields := func(args ...string) []string {
		out, err := exec.CommandContext(t.Context(), "df", append(args, dir)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(out), "\n")
		return strings.Fields(strings.ReplaceAll(text, "%", " "))
	}
	text := append(fields("-B1", "-P")[1:5], fields("--output=iused")...)
	for i := range a {
		var err error
		if a[i], err = strconv.ParseFloat(text[i], 64); err != nil {
			t.Fatal(err)
		}
	}
	return a
}
