package otlpwire

import (
	"encoding/binary"
	"math/bits"
)

// AppendBytes appends field n, which must be below 16, of wire type 2.
func AppendBytes[T string | []byte](dst []byte, n uint64, b T) []byte {
	dst = append(dst, byte(n<<3|bytesType))
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// AppendUint appends field n, which must be below 16, of wire type 0, unless v
// is zero.
func AppendUint(dst []byte, n, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(append(dst, byte(n<<3|varintType)), v)
}

// AppendVarint appends v, without a tag, as an element of a packed field.
func AppendVarint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

// AppendFixed64 appends field n, which must be below 16, of wire type 1, also if
// v is zero.
func AppendFixed64(dst []byte, n, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, byte(n<<3|fixed64Type)), v)
}

// Open appends the tag of field n, which must be below 16, of wire type 2. Close
// with the length of what it returns completes the field.
func Open(dst []byte, n uint64) []byte { return append(dst, byte(n<<3|bytesType)) }

// Close puts the length of dst[start:] in front of it: it ends the field whose
// tag ends at start.
func Close(dst []byte, start int) []byte { return prefix(dst, start) }

// AppendTextAttr appends to field n an attribute with a text, as a KeyValue.
func AppendTextAttr(dst []byte, n uint64, key, value string) []byte {
	dst = Open(dst, n)
	start := len(dst)
	dst = AppendBytes(dst, 1, key)
	dst = Open(dst, 2)
	dst = binary.AppendUvarint(dst, uint64(fieldSize(len(value))))
	dst = AppendBytes(dst, 1, value)
	return prefix(dst, start)
}

// AppendEntry appends the content of a ResourceSpans, ResourceLogs or
// ResourceMetrics that holds one item. Their fields have the same numbers.
func AppendEntry(dst []byte, g *Group, item []byte) []byte {
	dst = appendField(dst, 1, g.Resource.Raw)
	dst = Open(dst, 2)
	size := fieldSize(len(item)) + optionalSize(len(g.Scope.Raw)) + optionalSize(len(g.Scope.SchemaURL))
	dst = binary.AppendUvarint(dst, uint64(size))
	dst = appendField(dst, 1, g.Scope.Raw)
	dst = AppendBytes(dst, 2, item)
	dst = appendField(dst, 3, g.Scope.SchemaURL)
	return appendField(dst, 3, g.Resource.SchemaURL)
}

// appendField is AppendBytes for what may be left out.
func appendField(dst []byte, n uint64, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	return AppendBytes(dst, n, b)
}

// fieldSize is the size of a field of wire type 2 whose number is below 16.
func fieldSize(n int) int { return 1 + (bits.Len(uint(n)|1)+6)/7 + n }

func optionalSize(n int) int {
	if n == 0 {
		return 0
	}
	return fieldSize(n)
}

// EntrySize returns how many bytes of an entry, as AppendEntry makes it, are the
// resource and the scope, and how many the item.
func EntrySize(b []byte) (place, item int) {
	f := walk(b)
	for f.next() {
		if f.tag != 2<<3|bytesType {
			place += len(f.bytes)
			continue
		}
		for g := walk(f.bytes); g.next(); {
			if g.tag == 2<<3|bytesType {
				item = max(item, len(g.bytes))
			} else {
				place += len(g.bytes)
			}
		}
	}
	return place, item
}

// AppendResource appends the fields of raw, a Resource, but for its attributes
// called without, if that is not nil.
func AppendResource(dst, raw, without []byte) []byte {
	if without == nil {
		return append(dst, raw...)
	}
	for f := walk(raw); ; {
		before := f.rest
		if !f.next() {
			return dst
		}
		if f.tag == 1<<3|bytesType {
			if a, err := decodeAttr(f.bytes, maxDepth); err == nil && string(a.Key) == string(without) {
				continue
			}
		}
		dst = append(dst, before[:len(before)-len(f.rest)]...)
	}
}
