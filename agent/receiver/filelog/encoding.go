package filelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Encoding is how the text of a file is written. Events are UTF-8, whatever it
// is; offsets are those of the file.
type Encoding string

// The encodings. A byte order mark at a file's start is no part of its first
// line.
const (
	// Auto is what the byte order mark says, UTF8 without one.
	Auto Encoding = "auto"
	// UTF8 passes on what the file holds. Bytes that are no UTF-8 become U+FFFD
	// when a request is written.
	UTF8 Encoding = "utf-8"
	// UTF16LE and UTF16BE are UTF-16. Half a pair becomes U+FFFD.
	UTF16LE Encoding = "utf-16le"
	UTF16BE Encoding = "utf-16be"
	// Latin1 is ISO 8859-1.
	Latin1 Encoding = "latin-1"
	// Windows1252 is Latin1 with printable characters from 0x80 to 0x9f.
	Windows1252 Encoding = "windows-1252"
)

// Encodings returns all of them.
func Encodings() []Encoding {
	return []Encoding{Auto, UTF8, UTF16LE, UTF16BE, Latin1, Windows1252}
}

// marks are the byte order marks.
func marks() map[Encoding]string {
	return map[Encoding]string{UTF8: "\xef\xbb\xbf", UTF16LE: "\xff\xfe", UTF16BE: "\xfe\xff"}
}

// longestMark is the length of the longest of them.
const longestMark = 3

// detect returns the encoding of a file that begins with head, and how long its
// mark is. It reports false if head is too short to tell.
func detect(want Encoding, head []byte) (e Encoding, mark int, ok bool) {
	for e, m := range marks() {
		if want != Auto && want != e {
			continue
		}
		if len(head) >= len(m) && string(head[:len(m)]) == m {
			return e, len(m), true
		}
		if len(head) < len(m) && string(head) == m[:len(head)] {
			return UTF8, 0, false
		}
	}
	if want == Auto {
		want = UTF8
	}
	return want, 0, true
}

// chunk is text that was read from a file.
type chunk struct {
	text []byte // as UTF-8
	mark int    // the length of the mark that stood before it
	// taken is how much of the file became text.
	taken    int
	final    bool // nothing comes behind it
	encoding Encoding
}

// raw returns how long what became text[:used], and the mark, are in the file.
func (c *chunk) raw(used int) int {
	if used == len(c.text) {
		return c.mark + c.taken
	}
	switch c.encoding {
	case UTF16LE, UTF16BE:
		n := 0
		for _, r := range string(c.text[:used]) {
			n += 2 * max(1, utf16.RuneLen(r))
		}
		return c.mark + n
	case Latin1, Windows1252:
		return c.mark + utf8.RuneCount(c.text[:used])
	}
	return c.mark + used
}

// recognise finds out how t is written. It reports false if t is too short to
// tell, unless final is set.
func (r *Receiver) recognise(t *tail, final bool) (bool, error) {
	if t.encoding != "" {
		return true, nil
	}
	var head [longestMark]byte
	n, err := t.f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the head of %q: %w", t.path, err)
	}
	e, mark, ok := detect(r.cfg.Encoding, head[:n])
	if ok || final {
		t.encoding, t.bom = e, mark
	}
	return ok || final, nil
}

// read reads the text of t from offset to end, or as much of it as fits. With
// final nothing comes behind end.
func (r *Receiver) read(t *tail, offset, end int64, final bool) (chunk, error) {
	ok, err := r.recognise(t, final)
	if err != nil || !ok {
		return chunk{}, err
	}
	c := chunk{encoding: t.encoding}
	buf := r.buf
	if c.encoding != UTF8 {
		if r.wide == nil {
			// A line of UTF-16 may be twice as long as it is in UTF-8.
			r.wide = make([]byte, 2*len(r.buf))
		}
		buf = r.wide
	}
	n, err := t.f.ReadAt(buf[:min(int64(len(buf)), end-offset)], offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return chunk{}, fmt.Errorf("read %q: %w", t.path, err)
	}
	if buf = buf[:n]; offset == 0 {
		c.mark = min(t.bom, n)
		buf = buf[c.mark:]
	}
	final = final && offset+int64(n) == end
	c.text, c.taken = decode(c.encoding, r.buf, buf, final)
	c.final = final && c.taken == len(buf)
	return c, nil
}

// decode turns src into UTF-8 in dst, as far as it fits, and returns that and how
// much of src it is.
func decode(e Encoding, dst, src []byte, final bool) (text []byte, taken int) {
	switch e {
	case UTF16LE:
		return decodeUTF16(dst, src, binary.LittleEndian, final)
	case UTF16BE:
		return decodeUTF16(dst, src, binary.BigEndian, final)
	case Latin1, Windows1252:
		return decodeBytes(dst, src, e == Windows1252)
	}
	return src, len(src)
}

func decodeUTF16(dst, src []byte, order binary.ByteOrder, final bool) (text []byte, taken int) {
	text = dst[:0]
	for taken+2 <= len(src) && len(text)+utf8.UTFMax <= len(dst) {
		c := rune(order.Uint16(src[taken:]))
		size := 2
		if utf16.IsSurrogate(c) {
			switch {
			case taken+4 <= len(src):
				if c = utf16.DecodeRune(c, rune(order.Uint16(src[taken+2:]))); c != utf8.RuneError {
					size = 4
				}
			case final:
				c = utf8.RuneError
			default:
				return text, taken
			}
		}
		text = utf8.AppendRune(text, c)
		taken += size
	}
	if final && taken+1 == len(src) && len(text)+utf8.UTFMax <= len(dst) {
		return utf8.AppendRune(text, utf8.RuneError), taken + 1
	}
	return text, taken
}

func decodeBytes(dst, src []byte, windows bool) (text []byte, taken int) {
	high := windowsHigh()
	text = dst[:0]
	for taken < len(src) && len(text)+utf8.UTFMax <= len(dst) {
		c := rune(src[taken])
		if windows && c >= 0x80 && c < 0xa0 {
			c = high[c-0x80]
		}
		text = utf8.AppendRune(text, c)
		taken++
	}
	return text, taken
}

// windowsHigh are the characters from 0x80 to 0x9f of Windows-1252, as the
// Encoding Standard has them: the five that are not assigned are controls.
func windowsHigh() [32]rune {
	return [32]rune{
		0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
		0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
	}
}
