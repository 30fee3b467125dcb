package journald

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// prose is what the first block of TestLZ4OfTheLibrary was made of.
func prose() []byte {
	var b []byte
	for i := range 40 {
		b = fmt.Appendf(b, "MESSAGE=order %d of shop checkout was refused; ", i*7919%1000)
	}
	return b
}

// The blocks were made by the library that systemd uses, release 1.9.4.
func TestLZ4OfTheLibrary(t *testing.T) {
	for name, test := range map[string]struct {
		text  []byte
		block string
	}{
		"prose": {prose(), "+h9NRVNTQUdFPW9yZGVyIDAgb2Ygc2hvcCBjaGVja291dCB3YXMgcmVmdXNlZDsgLgA/OTE5MAAaPzgzODAAGj83NTcwABo/Njc2MAAaPzU5NTAAGy8xNDAAGj80MzMwABo/MzUyMAAaPzI3" +
			"MTAAGi8xOeABGy8xMOABGx8y3wEbLzk03wEbLzg23wEbLzc43wEbLzcw3wEbLzYy3wEbLzU03wEbLzQ23wEbLzM43wEbLzI53wEcHzHgARsvMTPgARsfNd8BGy85N98BGy84Od8BGy84Md8BGy83M98B" +
			"Gy82Nd8BGz81NzDuAxovNDjfARsvNDDfARsvMzLfARsvMjTgARsvMTbgARwP3wEbD90BGy85Mt0BGy84NN0BCFBzZWQ7IA=="},
		"run":      {append([]byte("M="), bytes.Repeat([]byte{'x'}, 3000)...), "P009eAEA//////////////+qUHh4eHh4"},
		"literals": {[]byte("MESSAGE=abc"), "sE1FU1NBR0U9YWJj"},
	} {
		block, err := base64.StdEncoding.DecodeString(test.block)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpackLZ4(nil, sized(len(test.text), block))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(string(test.text), string(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		for n := range block {
			if _, err := unpackLZ4(nil, sized(len(test.text), block[:n])); err == nil {
				t.Errorf("%s: no error for the first %d of %d bytes", name, n, len(block))
			}
		}
	}
}

func TestLZ4IsBounded(t *testing.T) {
	for name, text := range map[string][]byte{
		"no length":        {1, 0, 0, 0, 0, 0, 0},
		"no block":         sized(0, nil),
		"huge":             sized(maxFieldBytes+1, []byte{0}),
		"negative":         append(bytes.Repeat([]byte{0xff}, 8), 0),
		"longer":           sized(3, []byte("\x40abcd")),
		"shorter":          sized(5, []byte("\x40abcd")),
		"before the start": sized(9, []byte("\x10a\x02\x00\x40bcde")),
		"nowhere":          sized(9, []byte("\x10a\x00\x00\x40bcde")),
		"match too long":   sized(9, append([]byte("\x1fa\x01\x00"), bytes.Repeat([]byte{255}, 100)...)),
	} {
		got, err := unpackLZ4(nil, text)
		if err == nil {
			t.Errorf("%s: no error, %q", name, got)
		}
		if len(got) > 9 {
			t.Errorf("%s: %d bytes were made", name, len(got))
		}
	}
}

// A journal whose fields are compressed with LZ4 reads as the one they were
// compressed with zstd in.
func TestLZ4Fields(t *testing.T) {
	file := load(t, "regular")
	want, _, _ := readAll(t, bytes.NewReader(file))
	le := binary.LittleEndian
	moved := map[uint64]uint64{}
	var dec decoder
	defer dec.close()
	packed := slices.Clone(file)
	for _, at := range objects(file, typeData) {
		if file[at+1] != packedZstd {
			continue
		}
		text, err := dec.decode(packedZstd, file[at+dataHead:at+int64(le.Uint64(file[at+8:]))])
		if err != nil {
			t.Fatal(err)
		}
		packed = append(packed, make([]byte, -len(packed)&7)...)
		moved[uint64(at)] = uint64(len(packed))
		head, block := slices.Clone(file[at:at+dataHead]), sized(len(text), packLZ4(text))
		head[1] = packedLZ4
		le.PutUint64(head[8:], uint64(dataHead+len(block)))
		packed = slices.Concat(packed, head, block)
	}
	if len(moved) == 0 {
		t.Fatal("the journal has no compressed fields: the test shows nothing")
	}
	for _, at := range objects(file, typeEntry) {
		for item := packed[at+entryHead : at+int64(le.Uint64(file[at+8:]))]; len(item) > 0; item = item[16:] {
			if to, ok := moved[le.Uint64(item)]; ok {
				le.PutUint64(item, to)
			}
		}
	}
	for at := range moved {
		clear(packed[at : at+dataHead]) // what is not to be read
	}
	packed = append(packed, make([]byte, 4096)...)
	got, lost, undecodable := readAll(t, bytes.NewReader(packed))
	if lost != 0 || undecodable != 0 {
		t.Errorf("%d lost, %d fields not decoded", lost, undecodable)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-zstd +LZ4):\n%s", d)
	}
}

func FuzzLZ4(f *testing.F) {
	for _, text := range []string{"", "MESSAGE=abc", strings.Repeat("abc", 100), string(prose())} {
		f.Add([]byte(text))
		f.Add(sized(len(text), packLZ4([]byte(text))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := unpackLZ4(nil, data); len(got) > maxFieldBytes || err == nil && uint64(len(got)) != binary.LittleEndian.Uint64(data) {
			t.Errorf("%d bytes, error %v", len(got), err)
		}
		got, err := unpackLZ4(nil, sized(len(data), packLZ4(data)))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q came back as %q, error %v", data, got, err)
		}
	})
}

// sized returns block behind its length, as systemd writes it.
func sized(n int, block []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(n)), block...)
}

// packLZ4 compresses text, with the nearest match of four bytes or more.
func packLZ4(text []byte) (block []byte) {
	seen := map[string]int{}
	start, at := 0, 0
	for at+lz4MinMatch <= len(text) {
		four := string(text[at : at+lz4MinMatch])
		from, ok := seen[four]
		seen[four] = at
		// The last five bytes are literals.
		n := 0
		for ok && at-from < 1<<16 && at+n < len(text)-5 && text[from+n] == text[at+n] {
			n++
		}
		if n < lz4MinMatch {
			at++
			continue
		}
		block = appendSequence(block, text[start:at], at-from, n)
		at += n
		start = at
	}
	return appendSequence(block, text[start:], 0, lz4MinMatch)
}

// appendSequence appends literals and a match, without one if back is 0.
func appendSequence(block, literals []byte, back, n int) []byte {
	n -= lz4MinMatch
	block = append(block, byte(min(len(literals), lz4Long)<<4|min(n, lz4Long)))
	block = append(appendLength(block, len(literals)), literals...)
	if back == 0 {
		return block
	}
	block = binary.LittleEndian.AppendUint16(block, uint16(back))
	return appendLength(block, n)
}

func appendLength(block []byte, n int) []byte {
	if n -= lz4Long; n < 0 {
		return block
	}
	for ; n >= 255; n -= 255 {
		block = append(block, 255)
	}
	return append(block, byte(n))
}
