package otlpwire

import (
	"bytes"
	"encoding/binary"
)

// Regroup returns the request body with neighbouring items of one resource and
// scope put together, so that neither is repeated. keep says which items, counted
// from zero, stay; nil keeps them all. A body that is malformed comes back as it
// is.
//
// Beside the messages of a request, body may have bare items as fields of number
// 2. They belong to the resource and scope of the first message.
func Regroup(body []byte, keep func(i int) bool) []byte {
	items, err := scatter(body)
	if err != nil {
		return body
	}
	if keep != nil {
		kept := items[:0]
		for i, it := range items {
			if keep(i) {
				kept = append(kept, it)
			}
		}
		items = kept
	}
	return gather(make([]byte, 0, len(body)+16), items)
}

// place is a resource and a scope.
type place struct{ resource, resourceSchema, scope, scopeSchema []byte }

type placed struct {
	at  *place
	raw []byte
}

func (p *place) sameResource(q *place) bool {
	return p == q || bytes.Equal(p.resource, q.resource) && bytes.Equal(p.resourceSchema, q.resourceSchema)
}

func (p *place) sameScope(q *place) bool {
	return p == q || bytes.Equal(p.scope, q.scope) && bytes.Equal(p.scopeSchema, q.scopeSchema)
}

// scatter lists the items of body with their places.
func scatter(body []byte) (items []placed, err error) {
	var first *place
	f := walk(body)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			var p *place
			if items, p, err = scatterEntry(items, f.bytes); err != nil {
				return nil, err
			}
			if first == nil {
				first = p
			}
		case 2<<3 | bytesType:
			if first == nil {
				first = &place{}
			}
			items = append(items, placed{first, f.bytes})
		}
	}
	return items, f.err
}

// scatterEntry lists the items of one resource and returns its last place.
func scatterEntry(items []placed, b []byte) (_ []placed, last *place, err error) {
	last = &place{}
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			last.resource = f.bytes
		case 3<<3 | bytesType:
			last.resourceSchema = f.bytes
		}
	}
	if f.err != nil {
		return items, last, f.err
	}
	for f = walk(b); f.next(); {
		if f.tag != 2<<3|bytesType {
			continue
		}
		p := &place{resource: last.resource, resourceSchema: last.resourceSchema}
		if items, err = scatterScope(items, p, f.bytes); err != nil {
			return items, last, err
		}
		last = p
	}
	return items, last, nil
}

func scatterScope(items []placed, p *place, b []byte) ([]placed, error) {
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			p.scope = f.bytes
		case 2<<3 | bytesType:
			items = append(items, placed{p, f.bytes})
		case 3<<3 | bytesType:
			p.scopeSchema = f.bytes
		}
	}
	return items, f.err
}

// gather appends a request of items.
func gather(dst []byte, items []placed) []byte {
	for len(items) > 0 {
		n := 1
		for n < len(items) && items[n].at.sameResource(items[0].at) {
			n++
		}
		dst = gatherResource(dst, items[:n])
		items = items[n:]
	}
	return dst
}

// gatherResource appends the message of one resource.
func gatherResource(dst []byte, items []placed) []byte {
	at := items[0].at
	size := optionalSize(len(at.resource)) + optionalSize(len(at.resourceSchema))
	for rest := items; len(rest) > 0; {
		n, bytes := scopeRun(rest)
		size += fieldSize(bytes)
		rest = rest[n:]
	}
	dst = binary.AppendUvarint(Open(dst, 1), uint64(size))
	dst = appendField(dst, 1, at.resource)
	for len(items) > 0 {
		n, size := scopeRun(items)
		dst = binary.AppendUvarint(Open(dst, 2), uint64(size))
		dst = appendField(dst, 1, items[0].at.scope)
		for _, it := range items[:n] {
			dst = AppendBytes(dst, 2, it.raw)
		}
		dst = appendField(dst, 3, items[0].at.scopeSchema)
		items = items[n:]
	}
	return appendField(dst, 3, at.resourceSchema)
}

// scopeRun returns how many items from the first on share its scope, and the
// size of their message.
func scopeRun(items []placed) (n, size int) {
	at := items[0].at
	size = optionalSize(len(at.scope)) + optionalSize(len(at.scopeSchema))
	for n < len(items) && items[n].at.sameScope(at) {
		size += fieldSize(len(items[n].raw))
		n++
	}
	return n, size
}
