package xray

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/sidelight-dev/sidelight"
)

// position returns where in b the first document with the given segment id stands
// that is not among taken, or -1. The service names a document that it cannot
// read by no id. A compressed block is not searched: its documents count as
// refused.
func position(b *sidelight.Block, id string, taken map[int]bool) int {
	if b.Coding != sidelight.Identity {
		return -1
	}
	start := uint32(b.Head)
	for i, m := range b.Marks {
		doc := b.Body[start:m.End]
		start = m.End
		if !taken[i] && bytes.Contains(doc, []byte(id)) && documentID(doc) == id {
			return i
		}
	}
	return -1
}

// documentID reads the id of one document as it stands in a body: a JSON string
// with its comma, or, for the last, the closing bracket.
func documentID(raw []byte) string {
	raw = bytes.TrimRight(raw, ",]")
	var text string
	var doc struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(raw, &text) != nil || json.Unmarshal([]byte(text), &doc) != nil {
		return ""
	}
	return doc.ID
}

// insert adds n to a sorted list without repeating it.
func insert(list []int, n int) []int {
	at, found := slices.BinarySearch(list, n)
	if found {
		return list
	}
	return slices.Insert(list, at, n)
}
