package otlp

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
)

// The members of AnyValue.
const (
	anyString = 1
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5
	anyMap    = 6
	anyBytes  = 7
)

// AppendAttr appends a KeyValue as field number field.
func AppendAttr(b []byte, field int, kv attribute.KeyValue) []byte {
	b, m := open(b, field)
	b = appendString(b, 1, string(kv.Key))
	b, v := open(b, 2)
	b = appendValue(b, kv.Value)
	return shut(shut(b, v), m)
}

// AppendAttrs appends every attribute of kvs.
func AppendAttrs(b []byte, field int, kvs []attribute.KeyValue) []byte {
	for _, kv := range kvs {
		b = AppendAttr(b, field, kv)
	}
	return b
}

func appendSet(b []byte, field int, set *attribute.Set) []byte {
	for iter := set.Iter(); iter.Next(); {
		b = AppendAttr(b, field, iter.Attribute())
	}
	return b
}

// appendValue writes the content of an AnyValue. An empty value has none.
func appendValue(b []byte, v attribute.Value) []byte {
	switch v.Type() {
	case attribute.BOOL:
		return appendAnyBool(b, v.AsBool())
	case attribute.INT64:
		return appendAnyInt(b, v.AsInt64())
	case attribute.FLOAT64:
		return appendDouble(b, anyDouble, v.AsFloat64())
	case attribute.STRING:
		return appendText(b, anyString, v.AsString())
	case attribute.BYTESLICE:
		return appendMessage(b, anyBytes, v.AsByteSlice())
	case attribute.BOOLSLICE:
		return appendArray(b, v.AsBoolSlice(), appendAnyBool)
	case attribute.INT64SLICE:
		return appendArray(b, v.AsInt64Slice(), appendAnyInt)
	case attribute.FLOAT64SLICE:
		return appendArray(b, v.AsFloat64Slice(), appendAnyDouble)
	case attribute.STRINGSLICE:
		return appendArray(b, v.AsStringSlice(), appendAnyString)
	case attribute.SLICE:
		return appendArray(b, v.AsSlice(), appendValue)
	case attribute.MAP:
		b, m := open(b, anyMap)
		return shut(AppendAttrs(b, 1, v.AsMap()), m)
	}
	return b
}

func appendAnyBool(b []byte, v bool) []byte {
	b = appendTag(b, anyBool, wireVarint)
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendAnyInt(b []byte, v int64) []byte {
	b = appendTag(b, anyInt, wireVarint)
	return appendVarint(b, uint64(v))
}

func appendAnyDouble(b []byte, v float64) []byte { return appendDouble(b, anyDouble, v) }
func appendAnyString(b []byte, v string) []byte  { return appendText(b, anyString, v) }

func appendArray[T any](b []byte, values []T, item func([]byte, T) []byte) []byte {
	b, m := open(b, anyArray)
	for _, v := range values {
		var e int
		b, e = open(b, 1)
		b = shut(item(b, v), e)
	}
	return shut(b, m)
}

func appendPackedDoubles(b []byte, field int, values []float64) []byte {
	if len(values) == 0 {
		return b
	}
	b, m := open(b, field)
	for _, v := range values {
		b = appendLittle64(b, math.Float64bits(v))
	}
	return shut(b, m)
}

func appendPackedCounts(b []byte, field int, values []uint64) []byte {
	if len(values) == 0 {
		return b
	}
	b, m := open(b, field)
	for _, v := range values {
		b = appendLittle64(b, v)
	}
	return shut(b, m)
}

func appendPackedVarints(b []byte, field int, values []uint64) []byte {
	if len(values) == 0 {
		return b
	}
	b, m := open(b, field)
	for _, v := range values {
		b = appendVarint(b, v)
	}
	return shut(b, m)
}
