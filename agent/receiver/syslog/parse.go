package syslog

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// parser makes documents of messages. It is safe for concurrent use.
type parser struct {
	zone     *time.Location
	unparsed *atomic.Int64
}

// message is what a message says. Its fields borrow the message; a nil one is
// not there.
type message struct {
	priority       int // -1: none
	at             time.Time
	host, app, pid []byte
	msgid, data    []byte
	text           []byte
}

// decode writes the document of m. No message is refused.
func (p *parser) decode(m *receiver.Message) string {
	now := time.UnixMilli(m.Now)
	var msg message
	if !msg.read(m.Raw, m.Unix, now, p.zone) {
		p.unparsed.Add(1)
	}
	if msg.at.IsZero() {
		msg.at = now
	}
	start := len(m.Text)
	m.Text = msg.append(m.Text)
	m.Event = sidelight.Event{Time: msg.at.UnixMilli(), Body: m.Text[start:len(m.Text):len(m.Text)]}
	return ""
}

// read parses b. If it is not syslog, all of it is the text, and read reports
// false. local says that it came through the machine's own socket, where nobody
// writes a host.
func (m *message) read(b []byte, local bool, now time.Time, zone *time.Location) bool {
	b = bytes.TrimRight(b, "\r\n\x00")
	*m = message{priority: -1, text: b}
	priority, rest, ok := readPriority(b)
	if !ok {
		return false
	}
	m.priority = priority
	if version(rest) {
		if m.readNew(rest) {
			return true
		}
		*m = message{priority: priority}
	}
	m.readOld(rest, local, now, zone)
	return true
}

// readPriority reads <n>, from 0 to 191 (RFC 5424, 6.2.1).
func readPriority(b []byte) (int, []byte, bool) {
	if len(b) < 3 || b[0] != '<' {
		return 0, nil, false
	}
	n, i := 0, 1
	for ; i < len(b) && i < 4 && isDigit(b[i]); i++ {
		n = 10*n + int(b[i]-'0')
	}
	if i == 1 || i >= len(b) || b[i] != '>' || n > 191 {
		return 0, nil, false
	}
	return n, b[i+1:], true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// version reports whether b begins with the version of RFC 5424, which is 1.
func version(b []byte) bool { return len(b) > 1 && b[0] == '1' && b[1] == ' ' }

// readNew reads what follows the priority in RFC 5424, section 6: version, time,
// host, app, process, message id, structured data and text.
func (m *message) readNew(b []byte) bool {
	var stamp []byte
	rest := b[2:]
	for _, field := range []*[]byte{&stamp, &m.host, &m.app, &m.pid, &m.msgid} {
		var ok bool
		if *field, rest, ok = word(rest); !ok {
			return false
		}
		if len(*field) == 1 && (*field)[0] == '-' {
			*field = nil
		}
	}
	if stamp != nil {
		var n int
		if m.at, n = isoTime(stamp, nil); n != len(stamp) {
			return false
		}
	}
	n := dataEnd(rest)
	if n == 0 {
		return false
	}
	if rest[0] == '[' {
		m.data = rest[:n]
	}
	m.text = trimText(rest[n:])
	return true
}

// word cuts the next word off b. It must not be empty, and a space or the end
// follows it.
func word(b []byte) (w, rest []byte, ok bool) {
	i := bytes.IndexByte(b, ' ')
	if i < 0 {
		i = len(b)
	}
	return b[:i], b[min(i+1, len(b)):], i > 0
}

// trimText takes the space and the mark of UTF-8 off a text.
func trimText(b []byte) []byte {
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
}

// readOld reads what follows the priority in the messages that RFC 3164
// describes: a time, a host, a tag with a process and a text, each of which may
// be missing.
func (m *message) readOld(b []byte, local bool, now time.Time, zone *time.Location) {
	b = bytes.TrimLeft(trimText(b), " ")
	at, rest, ok := oldTime(b, now, zone)
	if ok {
		m.at = at
		b = bytes.TrimLeft(rest, " ")
	}
	host, tail, _ := word(b)
	// Without a time there is no host either (RFC 3164, 4.3.3).
	if ok && !local && len(tail) > 0 && isHost(host) {
		m.host, b = host, bytes.TrimLeft(tail, " ")
	}
	m.readTag(b)
}

// isHost reports whether w can be a host's name or address, which a tag such as
// app: or app[1]: cannot.
func isHost(w []byte) bool {
	if len(w) == 0 || len(w) > 255 || w[len(w)-1] == ':' && bytes.Count(w, []byte{':'}) == 1 {
		return false
	}
	for _, c := range w {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c), c == '.', c == '-', c == '_', c == ':', c == '%', c >= 0x80:
		default:
			return false
		}
	}
	return true
}

// longestTag is generous: RFC 3164 allows 32 characters.
const longestTag = 128

// readTag reads app[pid]: or app: before the text.
func (m *message) readTag(b []byte) {
	m.text = b
	i := 0
	for i < len(b) && i < longestTag && b[i] != ':' && b[i] != '[' && b[i] > ' ' {
		i++
	}
	if i == 0 || i == len(b) || b[i] != ':' && b[i] != '[' {
		return
	}
	app, rest := b[:i], b[i:]
	var pid []byte
	if rest[0] == '[' {
		end := bytes.IndexByte(rest[:min(len(rest), longestTag)], ']')
		if end < 2 || bytes.IndexByte(rest[:end], ' ') >= 0 {
			return
		}
		pid, rest = rest[1:end], rest[end+1:]
	}
	switch {
	case len(rest) > 0 && rest[0] == ':':
		rest = rest[1:]
		if len(rest) > 0 && rest[0] > ' ' && pid == nil {
			return // a:b is no tag
		}
	case pid == nil:
		return
	}
	m.app, m.pid, m.text = app, pid, trimText(rest)
}

// append writes the document.
func (m *message) append(dst []byte) []byte {
	dst = append(dst, `{"time":"`...)
	dst = wire.AppendTime(dst, m.at)
	dst = append(dst, '"')
	if m.priority >= 0 {
		s := severities[m.priority&7]
		dst = append(append(dst, `,"level":"`...), s.level...)
		if s.text != "" {
			dst = append(append(dst, `","severity_text":"`...), s.text...)
		}
		dst = append(append(dst, `","facility":"`...), facilities[m.priority>>3]...)
		dst = append(dst, '"')
	}
	dst = member(dst, `,"host":`, m.host)
	dst = member(dst, `,"app":`, m.app)
	dst = member(dst, `,"pid":`, m.pid)
	dst = member(dst, `,"msgid":`, m.msgid)
	if m.data != nil {
		dst = appendData(append(dst, `,"structured_data":`...), m.data)
	}
	dst = append(dst, `,"msg":`...)
	dst = wire.AppendString(dst, m.text)
	return append(dst, '}')
}

func member(dst []byte, key string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	return wire.AppendString(append(dst, key...), value)
}

// severity is how a severity is called: level in every document of the agent,
// text where that says less than syslog does.
type severity struct{ level, text string }

// severities are those of RFC 5424, table 2.
var severities = [8]severity{
	{"FATAL", "emerg"},
	{"CRITICAL", "alert"},
	{"CRITICAL", ""},
	{"ERROR", ""},
	{"WARN", ""},
	{"NOTICE", ""},
	{"INFO", ""},
	{"DEBUG", ""},
}

// facilities are those of RFC 5424, table 1, by the names of <syslog.h> and, from
// 12 to 15, of rsyslog.
var facilities = [24]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}
