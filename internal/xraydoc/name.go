package xraydoc

import (
	"bytes"
	"net/url"
	"unicode"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// maxName is the length of the longest name, in bytes, so that it is also short
// enough in characters.
const maxName = 200

// appendName appends the document's name as a JSON string.
func (x *translation) appendName(dst []byte, p plan) []byte {
	name := x.documentName(p)
	dst = append(dst, '"')
	start := len(dst)
	plain := plainPrefix(name[:min(len(name), maxName)])
	dst, name = append(dst, name[:plain]...), name[plain:]
	for len(name) > 0 && len(dst)-start < maxName {
		r, size := utf8.DecodeRune(name)
		if len(dst)-start+size > maxName {
			break
		}
		switch {
		case r < ' ' && unicode.IsSpace(r), r == nextLine: // no separators to X-Ray
			dst = append(dst, ' ')
		case r == utf8.RuneError && size == 1 || !allowed(r):
		default:
			dst = append(dst, name[:size]...)
		}
		name = name[size:]
	}
	if len(bytes.TrimSpace(dst[start:])) == 0 {
		dst = append(dst[:start], "span"...)
	}
	x.told.name = bytes.Equal(dst[start:], x.s.Name)
	return append(dst, '"')
}

// The characters below 128 that X-Ray takes in a name, as bits.
const (
	plainLow  = 1<<' ' | 1<<'#' | 1<<'%' | 1<<'&' | 1<<'+' | 1<<'=' | (1<<(':'+1) - 1<<'-')
	plainHigh = 1<<('@'-64) | 1<<('_'-64) | (1<<('z'+1-64) - 1<<('a'-64)) | (1<<('Z'+1-64) - 1<<('A'-64))
)

// plainPrefix returns how many of the first bytes of name are characters that are
// taken as they are.
func plainPrefix(name []byte) int {
	for i, c := range name {
		if c >= utf8.RuneSelf || [2]uint64{plainLow, plainHigh}[c>>6]>>(c&63)&1 == 0 {
			return i
		}
	}
	return len(name)
}

// nextLine is white space to Go, but not among Unicode's separators.
const nextLine = '\u0085'

// allowed reports whether X-Ray takes r in a name. By its developer guide that is
// Unicode's letters, digits and white space, and _ . : / % & # = + \ - @; the
// published schema has no backslash, and separators for white space. What both
// allow is taken by either.
func allowed(r rune) bool {
	if r < utf8.RuneSelf {
		return plainPrefix([]byte{byte(r)}) == 1
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Z, r)
}

func (x *translation) documentName(p plan) []byte {
	a, kind := x.a, x.s.Kind
	if p.derived {
		return orElse(a.text(awsLocalService), x.r.service)
	}
	if x.localRoot() && p.subsegment {
		if name := x.remoteService(); name != nil {
			return name
		}
	}
	switch kind {
	case otlpwire.Server:
		if name := a.text(awsLocalService); name != nil {
			return name
		}
	case otlpwire.Internal:
		if name := a.text(awsLocalService); name != nil && x.localRoot() {
			return name
		}
	case otlpwire.Client, otlpwire.Producer, otlpwire.Consumer:
		if name := x.remoteService(); name != nil {
			return name
		}
	}
	if name := a.text(peerService, awsService); name != nil {
		return name
	}
	if name := x.databaseName(); name != nil {
		return name
	}
	if calls := kind == otlpwire.Client || kind == otlpwire.Producer; !p.subsegment && !calls && len(x.r.service) > 0 {
		return x.r.service
	}
	if name := a.text(rpcService); name != nil {
		return name
	}
	if name, _ := x.rpcMethod(); name != nil {
		return name
	}
	if name := a.text(httpHost, netPeerName); name != nil {
		return name
	}
	if name := a.text(serverAddress); name != nil && kind == otlpwire.Client {
		return name
	}
	return x.s.Name
}

func orElse(a, b []byte) []byte {
	if len(a) > 0 {
		return a
	}
	return b
}

// remoteService is the name that Application Signals gave the callee.
func (x *translation) remoteService() []byte {
	name := x.a.text(awsRemoteService)
	if !x.callsAWS() {
		return name
	}
	if rest, ok := bytes.CutPrefix(name, []byte("AWS.SDK.")); ok {
		return rest
	}
	return bytes.TrimPrefix(name, []byte("AWS::"))
}

// databaseName is the database, at the host of its connection string if that
// can be read.
func (x *translation) databaseName() []byte {
	name := x.a.text(dbName, dbNamespace)
	if name == nil {
		return nil
	}
	conn := bytes.TrimPrefix(x.a.text(dbConnection), []byte("jdbc:"))
	if len(conn) == 0 {
		return name
	}
	u, err := url.Parse(string(conn))
	if err != nil || u.Hostname() == "" {
		return name
	}
	x.d.stack = append(append(append(x.d.stack[:0], name...), '@'), u.Hostname()...)
	return x.d.stack
}

// namespace writes aws for calls of AWS, remote for calls of anything else.
func (x *translation) namespace(p plan) {
	if p.plain {
		return
	}
	a, kind := x.a, x.s.Kind
	calling := kind == otlpwire.Client || kind == otlpwire.Producer
	switch {
	case x.callsAWS(), x.namedByAWS():
		x.w.literal("namespace", "aws")
	case calling, kind == otlpwire.Consumer && p.subsegment && (a.text(awsRemoteService) != nil || x.localRoot()):
		x.w.literal("namespace", "remote")
	}
}

// namedByAWS reports whether the name comes from aws.service.
func (x *translation) namedByAWS() bool {
	name := x.a.text(awsService)
	return name != nil && x.a.text(peerService) == nil && bytes.Equal(x.documentName(plan{}), name)
}
