package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

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
	defer s.Close()
	scrape := func() (before map[string]float64, got sums, after map[string]float64) {
		before, got = counters(t), sums{}
		if err := s.Scrape(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		return before, got, counters(t)
	}
	before1, _, after1 := scrape()
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
	for name, v := range got {
		most, known := after2[name]
		if !known {
			continue
		}
		if least, most := before2[name]-after1[name], most-before1[name]; v < least || v > most {
			t.Errorf("%s %v, the kernel says %v to %v", name, v, least, most)
		}
	}
}

// What is reported of a file system is what df prints, which is run before and
// after since others write too.
func TestTruthFiles(t *testing.T) {
	df := func() [4]float64 {
		out, err := exec.CommandContext(t.Context(), "df", "-B1", "--output=size,used,avail,iused", "/").Output()
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(out), "\n")
		var v [4]float64
		for i, f := range strings.Fields(text) {
			v[i], _ = strconv.ParseFloat(f, 64) // "-": it has no inodes
		}
		return v
	}
	x := &filesystem{thing: scraper.NewThing(numFS), full: "/", answer: make(chan answer, 1)}
	before := df()
	a, ok := x.ask(syscall.Statfs, allFiles)
	if !ok || a.err != nil {
		t.Fatalf("statfs of /: answered %v, %v", ok, a.err)
	}
	x.read(&a.st)
	after := df()
	for i, n := range []int{fsTotal, fsUsed, fsFree, fsInodesUsed} {
		least, most := min(before[i], after[i]), max(before[i], after[i])
		// Others may write and remove in between.
		slack := 0.02 * most
		if v := x.thing.Now[n]; most > 0 && (v < least-slack || v > most+slack) {
			t.Errorf("number %d is %v, df says %v to %v", n, v, least, most)
		}
	}
}
