package logs

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// tokenLife is how long a token of GetLogEvents and FilterLogEvents may be used.
const tokenLife = day

// The kinds of tokens: on and back in GetLogEvents, and FilterLogEvents.
const (
	tokenForward  = "f"
	tokenBackward = "b"
	tokenFilter   = "n"
)

// positionToken makes an opaque token of a position. It says when it was made,
// as it expires.
func positionToken(kind string, p store.Position, now int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(p.Time))
	b = binary.BigEndian.AppendUint64(b, p.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(now))
	if kind == tokenFilter {
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return kind + "/" + fmt.Sprintf("%x", b) + "/s"
}

// readPosition undoes positionToken. It refuses tokens that are not ours or
// have expired.
func readPosition(token string, now int64) (kind string, p store.Position, err error) {
	refused := invalid("The specified nextToken is invalid.")
	kind = tokenFilter
	b, decodeErr := base64.RawURLEncoding.DecodeString(token)
	if k, rest, ok := strings.Cut(token, "/"); ok && (k == tokenForward || k == tokenBackward) {
		kind = k
		b, decodeErr = unhex(strings.TrimSuffix(rest, "/s"))
	}
	if decodeErr != nil || len(b) != 24 {
		return "", p, refused
	}
	p.Time, p.Seq = int64(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])
	if made := int64(binary.BigEndian.Uint64(b[16:])); made > now || now-made > tokenLife {
		return "", p, invalid("The specified nextToken has expired.")
	}
	return kind, p, nil
}

func unhex(s string) ([]byte, error) {
	b := make([]byte, 0, len(s)/2)
	for len(s) >= 2 {
		v, err := strconv.ParseUint(s[:2], 16, 8)
		if err != nil {
			return nil, err
		}
		b = append(b, byte(v))
		s = s[2:]
	}
	return b, nil
}

// eventID is the id of an event in FilterLogEvents: 56 digits, in order of time.
func eventID(e *store.Event) string { return fmt.Sprintf("%036d%020d", e.Time, e.Ref) }

// Pointer is the value of @ptr, by which GetLogRecord finds an event.
func Pointer(r store.Ref) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte("sl1"), uint64(r)))
}

func readPointer(p string) (store.Ref, bool) {
	b, err := base64.StdEncoding.DecodeString(p)
	if err != nil || len(b) != 11 || string(b[:3]) != "sl1" {
		return 0, false
	}
	return store.Ref(binary.BigEndian.Uint64(b[3:])), true
}
