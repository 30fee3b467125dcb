package otlp

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// appendBytes appends field n of wire type 2.
func appendBytes[T string | []byte](dst []byte, n uint64, b T) []byte {
	dst = binary.AppendUvarint(dst, n<<3|2)
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// appendNumber appends field n of wire type 0 unless it is zero.
func appendNumber(dst []byte, n uint64, v int64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(binary.AppendUvarint(dst, n<<3), uint64(v))
}

// appendAnswer appends an Export…ServiceResponse in protobuf. All three have
// the same fields.
func appendAnswer(dst []byte, r result) []byte {
	if r.rejected == 0 {
		return dst
	}
	partial := appendNumber(nil, 1, int64(r.rejected))
	return appendBytes(dst, 1, appendBytes(partial, 2, r.why))
}

// appendAnswerJSON appends an Export…ServiceResponse in JSON.
func appendAnswerJSON(dst []byte, sig sidelight.Signal, r result) []byte {
	if r.rejected == 0 {
		return append(dst, `{}`...)
	}
	name := "rejectedSpans"
	switch sig {
	case sidelight.Logs:
		name = "rejectedLogRecords"
	case sidelight.Metrics:
		name = "rejectedDataPoints"
	}
	dst = append(append(append(dst, `{"partialSuccess":{"`...), name...), `":"`...)
	dst = strconv.AppendInt(dst, int64(r.rejected), 10)
	dst = append(dst, `","errorMessage":`...)
	return append(wire.AppendString(dst, []byte(r.why)), `}}`...)
}

// appendStatus appends a google.rpc.Status in protobuf, with a RetryInfo if
// after is not zero.
func appendStatus(dst []byte, code int, text string, after time.Duration) []byte {
	dst = appendBytes(appendNumber(dst, 1, int64(code)), 2, text)
	if after <= 0 {
		return dst
	}
	delay := appendNumber(nil, 1, int64(after/time.Second))
	delay = appendNumber(delay, 2, int64(after%time.Second))
	info := appendBytes(nil, 1, delay)
	detail := appendBytes(nil, 1, "type.googleapis.com/google.rpc.RetryInfo")
	return appendBytes(dst, 3, appendBytes(detail, 2, info))
}

func appendStatusJSON(dst []byte, code int, text string) []byte {
	dst = strconv.AppendInt(append(dst, `{"code":`...), int64(code), 10)
	dst = wire.AppendString(append(dst, `,"message":`...), []byte(text))
	return append(dst, '}')
}

// statusDetails is a status in the form of the trailer grpc-status-details-bin.
func statusDetails(code int, text string, after time.Duration) string {
	return base64.RawStdEncoding.EncodeToString(appendStatus(nil, code, text, after))
}

// percentEncode returns text in the form of the trailer grpc-message.
func percentEncode(text string) string {
	var dst []byte
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			dst = append(dst, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
			continue
		}
		dst = append(dst, text[i])
	}
	return string(dst)
}
