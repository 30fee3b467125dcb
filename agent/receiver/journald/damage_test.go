package journald

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// files are the journals of testdata, unpacked once.
var files = map[string]func() ([]byte, error){
	"regular": sync.OnceValues(func() ([]byte, error) { return unpack("regular") }),
	"compact": sync.OnceValues(func() ([]byte, error) { return unpack("compact") }),
}

func unpack(name string) ([]byte, error) {
	f, err := os.Open(filepath.Join("testdata", name+".journal.gz"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	// The rest of the file is there for what comes.
	return append(bytes.TrimRight(b, "\x00"), make([]byte, 4096)...), err
}

func load(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := files[name]()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Load is load for the tests outside of the package.
func Load(tb testing.TB, name string) []byte {
	tb.Helper()
	return bytes.Clone(load(tb, name))
}

// patched is a file with some bytes changed, and perhaps cut off.
type patched struct {
	file  []byte
	bytes map[int64]byte
}

func (p *patched) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	if off >= int64(len(p.file)) {
		return 0, io.EOF
	}
	n := copy(b, p.file[off:])
	for at, v := range p.bytes {
		if at >= off && at < off+int64(n) {
			b[at-off] = v
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

type nobody struct{ lost int }

func (n *nobody) Lose(_ sidelight.Signal, _ string, count int) { n.lost += count }

// readAll reads what can be read of r and returns the documents, the entries that
// were lost and the fields that were not decoded.
func readAll(tb testing.TB, r io.ReaderAt) (docs []string, lost int, undecodable int64) {
	tb.Helper()
	books := &nobody{}
	v, err := New(Config{Fields: []string{"*"}}, nil, books, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	defer v.decoder.close()
	rd, err := newReader(r, &v.windows, &v.decoder)
	if err != nil {
		return nil, 0, 0
	}
	j := &journal{reader: rd, ledger: receiver.NewLedger(0)}
	for j.next < j.hdr.entries && !j.broken {
		end, err := v.collect(j, j.next, j.hdr.entries)
		if err != nil {
			tb.Fatalf("collect = %v: a damaged file is no failure", err)
		}
		for _, e := range v.events {
			docs = append(docs, string(e.Body))
		}
		if end == j.next && !j.broken {
			tb.Fatal("nothing was read, and nothing was wrong")
		}
		j.next = end
	}
	return docs, books.lost, v.undecodable.Load()
}

// objects returns where the objects of a type are.
func objects(file []byte, want byte) (found []int64) {
	le := binary.LittleEndian
	for off := le.Uint64(file[88:]); off != 0 && off <= le.Uint64(file[136:]); {
		if file[off] == want {
			found = append(found, int64(off))
		}
		off += (le.Uint64(file[off+8:]) + 7) &^ 7
	}
	return found
}

func TestDamagedEntriesArePassedOver(t *testing.T) {
	for _, name := range []string{"regular", "compact"} {
		file := load(t, name)
		at := objects(file, typeEntry)
		whole, _, _ := readAll(t, bytes.NewReader(file))
		if len(whole) != 40 || len(at) != 40 {
			t.Fatalf("%s: %d documents of %d entries", name, len(whole), len(at))
		}
		for what, bad := range map[string]map[int64]byte{
			"type":   {at[7]: 1},
			"length": {at[7] + 8: 0, at[7] + 9: 0},
			"huge":   {at[7] + 15: 0xff},
			"items":  {at[7] + 10: 0x20},
			"time":   {at[7] + 31: 0xff},
			"field":  {at[7] + 64: 0xff, at[7] + 65: 0xff, at[7] + 66: 0xff},
		} {
			docs, lost, _ := readAll(t, &patched{file, bad})
			if len(docs) != 39 || lost != 1 || docs[6] != whole[6] || docs[7] != whole[8] {
				t.Errorf("%s, %s: %d documents, %d lost; want 39 and 1", name, what, len(docs), lost)
			}
		}
	}
}

func TestDamagedListEndsTheFile(t *testing.T) {
	for _, name := range []string{"regular", "compact"} {
		file := load(t, name)
		le := binary.LittleEndian
		first := int64(le.Uint64(file[176:]))
		second := int64(le.Uint64(file[first+16:]))
		capacity := int(le.Uint64(file[first+8:])-arrayHead) / map[string]int{"regular": 8, "compact": 4}[name]
		for what, bad := range map[string]map[int64]byte{
			"type":    {second: 1},
			"ends":    {first + 16: 0, first + 17: 0, first + 18: 0, first + 19: 0},
			"circle":  {first + 16: file[176], first + 17: file[177], first + 18: file[178], first + 19: file[179]},
			"nowhere": {first + 22: 0x7f},
		} {
			docs, lost, _ := readAll(t, &patched{file, bad})
			if len(docs) != capacity || lost != 40-capacity {
				t.Errorf("%s, %s: %d documents, %d lost; want %d and %d", name, what, len(docs), lost, capacity, 40-capacity)
			}
		}
	}
}

// Fields that cannot be decoded, by their compression or their damage, are left out, counted, and told of.
func TestUndecodableFields(t *testing.T) {
	file := load(t, "regular")
	for _, flag := range []byte{packedXZ, packedLZ4} {
		bad, n := map[int64]byte{}, 0
		for _, at := range objects(file, typeData) {
			if file[at+1] == packedZstd {
				bad[at+1] = flag
				n++
			}
		}
		if n == 0 {
			t.Fatal("the journal has no compressed fields: the test shows nothing")
		}
		docs, lost, undecodable := readAll(t, &patched{file, bad})
		if len(docs) != 40 || lost != 0 || undecodable != int64(n) {
			t.Errorf("%d documents, %d lost, %d fields not decoded; want 40, 0 and %d", len(docs), lost, undecodable, n)
		}
		var doc struct {
			Undecodable int    `json:"undecodable_fields"`
			Msg         string `json:"msg"`
		}
		if err := json.Unmarshal([]byte(docs[3]), &doc); err != nil || doc.Undecodable != 1 || doc.Msg != "" {
			t.Errorf("document %s: %v", docs[3], err)
		}
	}
}

func TestHeaderRefused(t *testing.T) {
	file := load(t, "compact")
	for name, r := range map[string]io.ReaderAt{
		"empty":     bytes.NewReader(nil),
		"short":     bytes.NewReader(file[:100]),
		"signature": &patched{file, map[int64]byte{3: 'x'}},
		"flags":     &patched{file, map[int64]byte{12: 0x80}},
	} {
		if _, err := readHeader(r); !errors.Is(err, errNotJournal) {
			t.Errorf("%s: readHeader = %v, want %v", name, err, errNotJournal)
		}
	}
}

// A file that is cut anywhere gives what stands before the cut, and no more.
func TestCutFile(t *testing.T) {
	for _, name := range []string{"regular", "compact"} {
		file := load(t, name)
		for _, at := range objects(file, typeEntry) {
			docs, lost, _ := readAll(t, bytes.NewReader(file[:at+20]))
			if len(docs)+lost != 40 {
				t.Errorf("%s cut at %d: %d documents and %d lost, want 40 together", name, at, len(docs), lost)
			}
		}
	}
}

// FuzzJournal changes bytes of a journal: three for the place, counted from the
// first object, and one for what is there then. What is read is JSON, and nothing
// else happens.
func FuzzJournal(f *testing.F) {
	both := [][]byte{load(f, "regular"), load(f, "compact")}
	f.Add(true, uint32(1<<31), []byte{0, 0, 0, 0})
	f.Add(false, uint32(3_900_000), []byte{9, 0, 0, 1, 200, 1, 0, 255})
	f.Fuzz(func(t *testing.T, compact bool, length uint32, changes []byte) {
		file := both[0]
		if compact {
			file = both[1]
		}
		base := objectsFrom(file)
		bad := map[int64]byte{}
		for ; len(changes) >= 4; changes = changes[4:] {
			at := int64(changes[0]) | int64(changes[1])<<8 | int64(changes[2])<<16
			if at < 272 {
				bad[at] = changes[3] // the header
			} else {
				bad[base+at-272] = changes[3]
			}
		}
		docs, _, _ := readAll(t, &patched{file[:min(len(file), int(length))], bad})
		for _, doc := range docs {
			if !json.Valid([]byte(doc)) {
				t.Fatalf("not JSON: %q", doc)
			}
		}
	})
}

// objectsFrom returns where the hash tables of a file end.
func objectsFrom(file []byte) int64 {
	le := binary.LittleEndian
	return int64(max(le.Uint64(file[104:])+le.Uint64(file[112:]), le.Uint64(file[120:])+le.Uint64(file[128:])))
}

func BenchmarkRead(b *testing.B) {
	file := load(b, "compact")
	b.ReportAllocs()
	v, err := New(Config{}, nil, &nobody{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer v.decoder.close()
	rd, err := newReader(bytes.NewReader(file), &v.windows, &v.decoder)
	if err != nil {
		b.Fatal(err)
	}
	j := &journal{reader: rd, ledger: receiver.NewLedger(0)}
	for b.Loop() {
		if _, err := v.collect(j, 0, j.hdr.entries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(j.hdr.entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func TestNoAllocationPerEntry(t *testing.T) {
	file := load(t, "compact")
	v, err := New(Config{}, nil, &nobody{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer v.decoder.close()
	rd, err := newReader(bytes.NewReader(file), &v.windows, &v.decoder)
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{reader: rd, ledger: receiver.NewLedger(0)}
	if n := testing.AllocsPerRun(10, func() {
		if _, err := v.collect(j, 0, j.hdr.entries); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for %d entries", n, j.hdr.entries)
	}
}
