package filelog_test

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/receiver/filelog"
)

// inUTF16 is text as UTF-16.
func inUTF16(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// inBytes is text of one byte a character, those of Windows-1252 included.
func inBytes(text string) string {
	var b []byte
	for _, r := range text {
		switch r {
		case '€':
			b = append(b, 0x80)
		case '„':
			b = append(b, 0x84)
		default:
			b = append(b, byte(r))
		}
	}
	return string(b)
}

// Each character of this needs another number of bytes; U+0A0A and U+0D0D look
// like line ends in UTF-16.
const mixed = "aé€\U0001f600ਊ\u0d0dz"

func TestEncodings(t *testing.T) {
	lines := []string{"first " + mixed, strings.Repeat(mixed, 40), "third", mixed}
	whole := text(lines)
	le := func(s string) string { return inUTF16(binary.LittleEndian, s) }
	be := func(s string) string { return inUTF16(binary.BigEndian, s) }
	single := strings.NewReplacer("\U0001f600", "ÿ", "ਊ", "„", "\u0d0d", "ä")
	narrow := strings.NewReplacer("€", "ß", "„", "ö")
	for name, tc := range map[string]struct {
		encoding filelog.Encoding
		file     string
		want     func(line string) string
	}{
		"utf-8":                {"", whole, nil},
		"utf-8 with a mark":    {"", "\xef\xbb\xbf" + whole, nil},
		"little endian":        {"", le("\ufeff" + whole), nil},
		"big endian":           {"", be("\ufeff" + whole), nil},
		"said to be little":    {filelog.UTF16LE, le(whole), nil},
		"said so, with a mark": {filelog.UTF16LE, le("\ufeff" + whole), nil},
		"said to be big":       {filelog.UTF16BE, be(whole), nil},
		"returns":              {"", le("\ufeff" + strings.ReplaceAll(whole, "\n", "\r\n")), nil},
		"windows":              {filelog.Windows1252, inBytes(single.Replace(whole)), single.Replace},
		"latin":                {filelog.Latin1, inBytes(narrow.Replace(single.Replace(whole))), func(s string) string { return narrow.Replace(single.Replace(s)) }},
		"said to be utf-8":     {filelog.UTF8, "\xef\xbb\xbf" + whole, nil},
		"no mark in the middle": {"", whole[:len(lines[0])+1] + "\ufeff" + whole[len(lines[0])+1:], func(s string) string {
			return strings.Replace(s, strings.Repeat(mixed, 40), "\ufeff"+strings.Repeat(mixed, 40), 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for _, l := range lines {
				if tc.want != nil {
					l = tc.want(l)
				}
				want = append(want, l)
			}
			// At once, and a few bytes at a time, through restarts.
			d, s := newDir(t), newSink()
			d.append("a.log", tc.file)
			d.start(filelog.Config{Encoding: tc.encoding}, nil, s)
			s.wait(t, len(want))
			check(t, s.of("a.log"), want)

			d, s = newDir(t), newSink()
			for part := 0; part < len(tc.file); part += 131 {
				d.append("a.log", tc.file[part:min(part+131, len(tc.file))])
				store := d.store()
				r := d.start(filelog.Config{Encoding: tc.encoding, Quiet: time.Hour}, store, s)
				eventually(t, "the file is open", func() bool { return r.Stats().Files == 1 })
				r.stop()
				d.flush(store)
			}
			check(t, s.of("a.log"), want)
			if saved := d.store().Saved(); len(saved) != 1 || saved[0].Offset != int64(len(tc.file)) {
				t.Errorf("checkpoints %+v, want the offset %d", saved, len(tc.file))
			}
		})
	}
}

// The limit of a line counts what it is in UTF-8, and offsets are those of the
// file also where lines are cut.
func TestLongLinesInUTF16(t *testing.T) {
	d, s := newDir(t), newSink()
	s.hold = true
	line := strings.Repeat("x", 99) + "é" + strings.Repeat("\U0001f600", 60)
	d.append("a.log", inUTF16(binary.LittleEndian, "\ufeff"+line+"\nshort\n"))
	store := d.store()
	r := d.start(filelog.Config{MaxLine: 100}, store, s)
	s.wait(t, 5)
	want := []string{line[:99], line[99:197], line[197:297], line[297:], "short"}
	check(t, s.of("a.log"), want)
	s.mu.Lock()
	s.hold = false
	s.mu.Unlock()
	s.release(func(int) error { return errors.New("not now") })
	s.wait(t, 10)
	check(t, s.of("a.log")[5:], want)
	r.stop()
}

// A line may be longer than what is read at a time.
func TestVeryLongLines(t *testing.T) {
	for name, encode := range map[string]func(string) string{
		"utf-8":  func(s string) string { return s },
		"utf-16": func(s string) string { return inUTF16(binary.BigEndian, "\ufeff"+s) },
	} {
		t.Run(name, func(t *testing.T) {
			d, s := newDir(t), newSink()
			long := strings.Repeat("0123456789", 250_000)
			d.append("a.log", encode("before\n"+long+"\nafter\n"))
			r := d.start(filelog.Config{}, nil, s)
			s.wait(t, 5)
			check(t, s.of("a.log"), []string{"before", long[:1_000_000], long[1_000_000:2_000_000], long[2_000_000:], "after"})
			if n := r.Stats().Cuts; n != 2 {
				t.Errorf("%d cuts, want 2", n)
			}
		})
	}
}

// Bytes that are no text are passed on or replaced, never refused, and the lines
// around them are whole.
func TestInvalidText(t *testing.T) {
	for name, tc := range map[string]struct {
		encoding filelog.Encoding
		file     string
		want     []string
	}{
		"utf-8":         {"", "one\n\xff\xfe two \xc3\n\xe2\x82\nthree\n", []string{"one", "\xff\xfe two \xc3", "\xe2\x82", "three"}},
		"half a pair":   {filelog.UTF16LE, "a\x00\x00\xd8b\x00\n\x00\x00\xdc\n\x00", []string{"a\ufffdb", "\ufffd"}},
		"two halves":    {filelog.UTF16LE, "\x00\xd8\x00\xd8\x00\xdc\n\x00", []string{"\ufffd\U00010000"}},
		"half at end":   {filelog.UTF16LE, "a\x00\n\x00\x00\xd8", []string{"a", "\ufffd"}},
		"an odd byte":   {filelog.UTF16LE, "a\x00\n\x00b\x00c", []string{"a", "b\ufffd"}},
		"not assigned":  {filelog.Windows1252, "\x81\x80\n", []string{"\u0081€"}},
		"half of marks": {"", "\xef\xbb", []string{"\xef\xbb"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := newDir(t), newSink()
			d.append("a.log", tc.file)
			store := d.store()
			r := d.start(filelog.Config{Encoding: tc.encoding, Quiet: 20 * time.Millisecond}, store, s)
			s.wait(t, len(tc.want))
			r.stop()
			if diff := cmp.Diff(tc.want, s.of("a.log")); diff != "" {
				t.Errorf("lines differ (-want +got):\n%s", diff)
			}
			d.flush(store)
			if saved := d.store().Saved(); len(saved) != 1 || saved[0].Offset != int64(len(tc.file)) {
				t.Errorf("checkpoints %+v, want the offset %d", saved, len(tc.file))
			}
		})
	}
}

// A file that is truncated may be written otherwise then.
func TestEncodingAfterTruncation(t *testing.T) {
	d, s := newDir(t), newSink()
	d.append("a.log", inUTF16(binary.LittleEndian, "\ufeffone\n"))
	d.start(filelog.Config{}, nil, s)
	s.wait(t, 1)
	if err := os.Truncate(d.file("a.log"), 0); err != nil {
		t.Fatal(err)
	}
	d.append("a.log", "two\n")
	s.wait(t, 2)
	check(t, s.of("a.log"), []string{"one", "two"})
}

// What is decoded by parts is what is decoded at once, and every byte is counted.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(0), 3, []byte("a\x00\x00\xd8\x00\xdcb\x00"))
	f.Add(uint8(1), 1, []byte("\xd8\x00\xdc\x00\x00a\x00"))
	f.Add(uint8(2), 5, []byte("\x80\x81\xff"))
	f.Add(uint8(3), 2, []byte("plain"))
	f.Fuzz(func(t *testing.T, which uint8, size int, b []byte) {
		filelog.CheckDecode(t, filelog.Encodings()[2+int(which)%4], max(4, size%64), b)
	})
}
