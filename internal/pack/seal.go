package pack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"

	"github.com/sidelight-dev/sidelight"
)

// Seal completes b's body and hashes it for the signature.
func Seal(enc sidelight.Encoder, b *sidelight.Block, compress bool) {
	Complete(enc, b, compress)
	b.Rehash()
	b.Sealed = true
}

// Complete completes b's body: events in time order if the service wants that,
// the encoder's end, compression.
func Complete(enc sidelight.Encoder, b *sidelight.Block, compress bool) {
	if enc.Limits().Sorted && !b.Sorted() {
		sortEvents(b)
	}
	b.Body = enc.End(b.Body)
	finish(b, compress)
}

// finish compresses a finished body.
func finish(b *sidelight.Block, compress bool) {
	// The marks of a body that End made shorter are good for times only.
	for i := len(b.Marks) - 1; i >= 0 && int(b.Marks[i].End) > len(b.Body); i-- {
		b.Marks[i].End = uint32(len(b.Body))
	}
	b.Head = min(b.Head, len(b.Body))
	if compress {
		b.Body, b.Coding = squeeze(b.Body), sidelight.Gzip
	}
}

func squeeze(body []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(body)/4 + 64)
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		panic("BUG: gzip level: " + err.Error())
	}
	// A bytes.Buffer does not fail.
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}

// sortEvents moves the events of an unsealed block into time order. Events of
// equal time keep their order.
func sortEvents(b *sidelight.Block) {
	order := make([]int, len(b.Marks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch ti, tj := b.Marks[i].Time, b.Marks[j].Time; {
		case ti < tj:
			return -1
		case ti > tj:
			return 1
		}
		return 0
	})
	b.Body, b.Marks = pick(b, order)
}

// pick returns the head of b's body followed by the events at the positions in
// order.
func pick(b *sidelight.Block, order []int) ([]byte, []sidelight.Mark) {
	body := append(make([]byte, 0, len(b.Body)+16), b.Body[:b.Head]...)
	marks := make([]sidelight.Mark, 0, len(order))
	for _, i := range order {
		start := uint32(b.Head)
		if i > 0 {
			start = b.Marks[i-1].End
		}
		body = append(body, b.Body[start:b.Marks[i].End]...)
		marks = append(marks, sidelight.Mark{End: uint32(len(body)), Time: b.Marks[i].Time})
	}
	return body, marks
}

// Divide returns a sealed block of the events of b at the given positions,
// which must be ascending. b must be sealed; it is not changed, and the new
// block has none of its tickets.
func Divide(enc sidelight.Encoder, b *sidelight.Block, positions []int) (*sidelight.Block, error) {
	whole := *b
	if b.Coding == sidelight.Gzip {
		body, err := expand(b.Body)
		if err != nil {
			return nil, err
		}
		whole.Body = body
	}
	part := &sidelight.Block{Dest: b.Dest, Signal: b.Signal, Head: b.Head, Events: len(positions)}
	picker, rearranged := enc.(sidelight.Picker)
	if rearranged {
		part.Body = picker.Pick(whole.Body, positions)
		for _, i := range positions {
			part.Marks = append(part.Marks, b.Marks[i])
		}
	} else {
		part.Body, part.Marks = pick(&whole, positions)
	}
	for i, m := range part.Marks {
		if i == 0 {
			part.First, part.Last = m.Time, m.Time
		}
		part.First, part.Last = min(part.First, m.Time), max(part.Last, m.Time)
	}
	if rearranged {
		finish(part, b.Coding == sidelight.Gzip)
		part.Rehash()
		part.Sealed = true
		return part, nil
	}
	Seal(enc, part, b.Coding == sidelight.Gzip)
	return part, nil
}

// Raw returns the bytes of each event of the sealed block b, with what stands
// between it and the next. They alias b's body unless it is compressed.
func Raw(b *sidelight.Block) ([][]byte, error) {
	body, err := Plain(b)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(b.Marks))
	start := uint32(b.Head)
	for i, m := range b.Marks {
		if m.End < start || int(m.End) > len(body) {
			return nil, fmt.Errorf("event %d ends at %d of %d", i, m.End, len(body))
		}
		out[i] = body[start:m.End]
		start = m.End
	}
	return out, nil
}

// Plain returns the body of b as it is without compression.
func Plain(b *sidelight.Block) ([]byte, error) {
	if b.Coding != sidelight.Gzip {
		return b.Body, nil
	}
	body, err := expand(b.Body)
	if err != nil {
		return nil, fmt.Errorf("expand a block: %w", err)
	}
	return body, nil
}

func expand(body []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(r); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
