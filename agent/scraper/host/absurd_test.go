package host

import (
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// What file systems of others say need not make sense: more free than there is, a
// quota that is exceeded, no size of a block. Nothing is beyond what there is.
func TestAbsurdFiles(t *testing.T) {
	const minus = ^uint64(0)
	for name, c := range map[string]struct {
		st   syscall.Statfs_t
		want []float64 // total, used, free, reserved, inodes used
	}{
		"more free than there is": {syscall.Statfs_t{Frsize: 10, Blocks: 5, Bfree: 9, Bavail: 8, Files: 3, Ffree: 7}, []float64{50, 0, 50, 0, 0}},
		"quota exceeded":          {syscall.Statfs_t{Frsize: 10, Blocks: 5, Bfree: 1, Bavail: minus, Files: 3, Ffree: 1}, []float64{50, 40, 0, 10, 2}},
		"the block's other size":  {syscall.Statfs_t{Bsize: 10, Blocks: 5, Bfree: 5, Bavail: 5, Files: 1}, []float64{50, 0, 50, 0, 1}},
		"huge":                    {syscall.Statfs_t{Frsize: 1 << 20, Blocks: minus, Bfree: minus, Bavail: minus >> 1, Files: minus, Ffree: minus}, []float64{1.9342813113834067e+25, 0, 9.671406556917033e+24, 9.671406556917033e+24, 0}},
	} {
		f := &filesystem{thing: scraper.NewThing(numFS)}
		f.read(&c.st)
		n := f.thing.Now
		if d := cmp.Diff(c.want, []float64{n[fsTotal], n[fsUsed], n[fsFree], n[fsReserved], n[fsInodesUsed]}); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	f := &filesystem{thing: scraper.NewThing(numFS)}
	f.read(&syscall.Statfs_t{Frsize: -1, Blocks: 5})
	if !math.IsNaN(f.thing.Now[fsTotal]) {
		t.Errorf("blocks of no size: %v", f.thing.Now)
	}
}

// A text that ends in the middle costs what is behind it and nothing else: no
// panic, nothing that is not a number, nothing negative.
func TestTruncated(t *testing.T) {
	whole := proc().with("net/tcp", "  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 0\n").
		with("pressure/cpu", "some avg10=1.00 avg60=1.00 avg300=1.00 total=5\nfull avg10=0.00 total=0\n").with("sys/fs/file-nr", "2176\t176\t900\n").
		with("vmstat", "pgfault 100\npgmajfault 10\n")
	dir := t.TempDir()
	var scrapers []*Scraper
	for _, f := range scraper.Families() {
		s := New(Config{Proc: dir, Names: f, PerCPU: true, Connections: true})
		s.self, s.statfs = "", rootOnly
		defer s.Close()
		scrapers = append(scrapers, s)
	}
	for part := range 41 {
		for name, text := range whole {
			files{name: text[:len(text)*((part*7)%41)/40%(len(text)+1)]}.write(t, dir)
		}
		for _, s := range scrapers {
			_ = s.Scrape(t.Context(), sane{t})
		}
	}
	whole.write(t, dir)
	for _, s := range scrapers {
		if err := s.Scrape(t.Context(), sane{t}); err != nil {
			t.Error(err)
		}
	}
}

// sane takes what can be.
type sane struct{ t *testing.T }

func (s sane) Record(m *sidelight.Measurement) {
	if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) || m.Value < 0 || m.Unit == "Percent" && m.Value > 100 {
		s.t.Errorf("recorded %+v", m)
	}
}

// There are no more things than are told apart in a scrape, however many disks,
// interfaces and mounts there are; the others are counted, each once; and names
// are what they are.
func TestVeryMany(t *testing.T) {
	var disks, links, mounts strings.Builder
	const most, over = scraper.DefaultMax, 500
	for i := range most + over {
		fmt.Fprintf(&disks, " 8 0 sd%c%d_ 1 1 1 1 1 1 1 1 1 1 1\n", 'a'+i%26, i)
		fmt.Fprintf(&links, "  né%d: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n", i)
	}
	for i := range maxFiles + over {
		for _, again := range []string{"", "/again"} {
			fmt.Fprintf(&mounts, "/dev/x%d /mnt/donn\xc3\xa9es%d\\040\xff%s ext4 rw 0 0\n", i, i, again)
		}
	}
	state := proc().with("diskstats", disks.String()).with("net/dev", links.String()).with("mounts", mounts.String())
	dir := t.TempDir()
	state.write(t, dir)
	s := New(Config{Proc: dir})
	defer s.Close()
	var asked []string
	s.self, s.statfs = "", func(path string, st *syscall.Statfs_t) error {
		asked = append(asked, path)
		*st = syscall.Statfs_t{Frsize: 1, Blocks: 1}
		return nil
	}
	for range 2 {
		if err := s.Scrape(t.Context(), sane{t}); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 2*maxFiles || asked[0] != "/mnt/données0 \xff" || s.disks.Len() != most || s.nets.Len() != most {
		t.Errorf("%d file systems, the first %q, %d disks, %d interfaces", len(asked), asked[0], s.disks.Len(), s.nets.Len())
	}
	want := []scraper.Excess{
		{Kind: "CPUs", Bound: most},
		{Kind: "disks", Count: over, Bound: most},
		{Kind: "network interfaces", Count: over, Bound: most},
		{Kind: "file systems", Count: over, Bound: maxFiles},
		{Kind: "states of processes", Bound: maxCensus},
	}
	if d := cmp.Diff(want, s.Excess()); d != "" {
		t.Errorf("left out (-want +got):\n%s", d)
	}
}

// Of too many processes only the number is told, and that it is so.
func TestTooManyProcesses(t *testing.T) {
	state := proc()
	for pid := range maxCensus + 1 {
		state[fmt.Sprint(pid+1)+"/stat"] = fmt.Sprint(pid+1) + " (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 1 0 0\n"
	}
	dir := t.TempDir()
	state.write(t, dir)
	s := New(Config{Proc: dir})
	defer s.Close()
	s.self, s.statfs = "", rootOnly
	var got lines
	if err := s.Scrape(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(lines{"processes_total{} 2001 Count", "processes_running{} 3 Count", "processes_blocked{} 1 Count"}, got.only("processes")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if x := s.Excess(); x[len(x)-1] != (scraper.Excess{Kind: "states of processes", Count: maxCensus + 1, Bound: maxCensus}) {
		t.Errorf("left out: %+v", x)
	}
}

func FuzzProc(f *testing.F) {
	f.Add([]byte("cpu 1 2 3 4 5 6 7 8\n a b vda 1 2 3 4 5 6 7 8 9 10 11\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n/dev/x /y z rw\nMemTotal: 5 kB"))
	f.Add([]byte("sl\n0: 0:1 0:0 0A 0\nsome total=5"))
	s := New(Config{Names: scraper.OTel, PerCPU: true})
	s.statfs = rootOnly
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = s.stat(b), s.memory(b)
		s.diskstats(b)
		s.netdev(b)
		countState(b, new([tcpStates]float64))
		s.mounts(b)
		if len(s.files) > maxFiles || s.nets.Len() > 1000 {
			t.Errorf("%d file systems, %d interfaces", len(s.files), s.nets.Len())
		}
		s.disks.Write(&s.w, &lines{}, &s.tables.Disk, 1)
		s.keep()
	})
}
