package xraydoc

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// twice finds attributes whose names come again in the same list. OTLP forbids
// them, and a JSON object should not have them: the last one counts.
type twice struct {
	// mask has a bit set for each name that was seen, by a part of what the name
	// consists of. Names that share a bit are compared.
	mask  [4]uint64
	first []int // indexes of attributes that come again later
}

// maxCompared bounds the attributes whose names are compared pairwise.
const maxCompared = 256

func (t *twice) find(list []otlpwire.Attr) {
	t.mask, t.first = [4]uint64{}, t.first[:0]
	if len(list) > maxCompared {
		t.findMany(list)
		return
	}
	for i := range list {
		name := list[i].Key
		bit := signOf(name)
		if word := &t.mask[bit>>6]; *word>>(bit&63)&1 == 0 {
			*word |= 1 << (bit & 63)
			continue
		}
		for j := range i {
			if bytes.Equal(list[j].Key, name) {
				t.first = append(t.first, j)
			}
		}
	}
}

func (t *twice) findMany(list []otlpwire.Attr) {
	last := make(map[string]int, len(list))
	for i := range list {
		if j, ok := last[string(list[i].Key)]; ok {
			t.first = append(t.first, j)
		}
		last[string(list[i].Key)] = i
	}
}

// without returns list without the attributes that come again: a copy if there
// are any.
func (t *twice) without(list []otlpwire.Attr) []otlpwire.Attr {
	t.find(list)
	if len(t.first) == 0 {
		return list
	}
	again := make([]bool, len(list))
	for _, i := range t.first {
		again[i] = true
	}
	var kept []otlpwire.Attr
	for i, a := range list {
		if !again[i] {
			kept = append(kept, a)
		}
	}
	return kept
}

// signOf is a number below 256 that differs for most names.
func signOf(name []byte) uint8 {
	n := len(name)
	if n == 0 {
		return 0
	}
	return uint8(n)*31 + name[n-1] + name[n/2]*7 + name[0]*13
}
