package xraydoc

import (
	"bytes"
	"net/netip"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// httpSigns are the attributes of which one makes a span a matter of HTTP;
// httpParts are the others that the block is made of.
var (
	httpSigns = []key{
		httpMethod, httpRequestMethod, httpClientIP, httpUserAgent, userAgent, httpStatus, httpResponseStatus,
		httpURL, urlFull, httpScheme, urlScheme, httpHost, httpTarget, httpServerName, netHostPort, urlPath, urlQuery,
	}
	httpParts = []key{
		clientAddress, netHostName, hostName, netPeerName, netPeerPort, netPeerIP, netSockPeerAddr, networkPeerAddress,
		serverAddress, serverPort, messageType, messageSize, httpResponseLength, httpResponseSize,
	}
)

// urlParts are what a URL is made of. They stay in metadata if it is too long.
var urlParts = []key{httpURL, urlFull, httpTarget, urlPath, urlQuery}

func (x *translation) isHTTP() bool {
	for _, k := range httpSigns {
		if x.a.has(k) {
			return true
		}
	}
	return false
}

// http writes the request and the response, by the old or the stable semantic
// conventions.
func (x *translation) http() {
	if !x.isHTTP() {
		return
	}
	w, a := &x.w, x.a
	start, inside := w.open("http")
	rs, ri := w.open("request")
	w.short("method", a.text(httpMethod, httpRequestMethod))
	url := x.url()
	w.short("url", url)
	w.short("user_agent", a.text(httpUserAgent, userAgent))
	x.clientIP()
	w.shut(rs, ri)
	rs, ri = w.open("response")
	if status, ok := a.number(httpStatus, httpResponseStatus); ok {
		w.number("status", status)
	}
	w.number("content_length", x.contentLength())
	w.shut(rs, ri)
	w.shut(start, inside)
	a.use(httpSigns...)
	a.use(httpParts...)
	a.keepLong(httpMethod, httpRequestMethod, httpUserAgent, userAgent, httpClientIP)
	if len(url) > maxText {
		a.keep(urlParts...)
	}
}

// clientIP writes who asked. A caller's peer is whom it called, so that it says
// nothing here.
func (x *translation) clientIP() {
	if x.s.Kind == otlpwire.Client || x.s.Kind == otlpwire.Producer {
		return
	}
	peer := ipOf(x.a.text(netPeerIP, netSockPeerAddr))
	if peer == nil {
		peer = ipOf(x.a.text(networkPeerAddress))
	}
	client := x.a.text(httpClientIP)
	if client == nil {
		client = ipOf(x.a.text(clientAddress))
	}
	x.w.short("client_ip", orElse(client, peer))
	if client != nil && peer == nil {
		x.w.boolean("x_forwarded_for", true)
	}
}

// ipOf returns s if it is an IP address.
func ipOf(s []byte) []byte {
	if isIPv4(s) {
		return s
	}
	// A parse allocates, and most of what is none is a host name.
	if bytes.IndexByte(s, ':') < 0 {
		return nil
	}
	if _, err := netip.ParseAddr(string(s)); err != nil {
		return nil
	}
	return s
}

func isIPv4(s []byte) bool {
	parts, digits, n := 1, 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int(c-'0')
			if digits++; digits > 3 || n > 255 {
				return false
			}
		case c == '.' && digits > 0:
			parts, digits, n = parts+1, 0, 0
		default:
			return false
		}
	}
	return parts == 4 && digits > 0
}

// contentLength is the length of the answer or of what was received, zero if it
// is not known.
func (x *translation) contentLength() int64 {
	if n, ok := x.a.number(httpResponseLength, httpResponseSize); ok {
		return n
	}
	if n, ok := x.a.number(messageSize); ok && string(x.a.text(messageType)) == "RECEIVED" {
		return n
	}
	for i := range x.s.Events {
		var received bool
		var size int64
		for _, a := range x.s.Events[i].Attrs {
			switch string(a.Key) {
			case "message.type":
				received = string(a.Value.Raw) == "RECEIVED"
			case "messaging.message_payload_size_bytes":
				size, _ = a.Value.AsInt()
			}
		}
		if received && size > 0 {
			return size
		}
	}
	return 0
}

// url returns the full URL as the sender says it, or puts it together.
func (x *translation) url() []byte {
	a := x.a
	if full := a.text(httpURL, urlFull); full != nil {
		return full
	}
	host := a.text(httpHost)
	var port int64
	if host == nil {
		host, port = x.hostPort()
	}
	if host == nil {
		return nil
	}
	scheme := orElse(a.text(httpScheme, urlScheme), []byte("http"))
	u := append(append(x.d.stack[:0], scheme...), "://"...)
	u = append(u, host...)
	standard := port == 0 || port == 80 && string(scheme) == "http" || port == 443 && string(scheme) == "https"
	if !standard {
		u = appendPort(u, port)
	}
	x.d.stack = x.appendPath(u)
	return x.d.stack
}

// hostPort returns the server's name and port. A server knows its own, a caller
// that of its peer.
func (x *translation) hostPort() (host []byte, port int64) {
	a := x.a
	if x.s.Kind == otlpwire.Server {
		port, _ = a.number(netHostPort, serverPort)
		return a.text(httpServerName, netHostName, hostName, serverAddress), port
	}
	port, _ = a.number(netPeerPort, serverPort)
	return a.text(netPeerName, serverAddress, netPeerIP), port
}

func (x *translation) appendPath(u []byte) []byte {
	a := x.a
	path := a.text(httpTarget)
	if path == nil {
		path = orElse(a.text(urlPath), []byte("/"))
	}
	if path[0] != '/' {
		u = append(u, '/')
	}
	u = append(u, path...)
	if query := a.text(urlQuery); query != nil && !a.has(httpTarget) {
		u = append(append(u, '?'), query...)
	}
	return u
}

// flags writes whose fault it was. The HTTP status decides before the span's.
func (x *translation) flags() {
	status, known := x.a.number(httpStatus, httpResponseStatus)
	isError := known && status >= 400 && status < 500
	fault := known && status >= 500 && status < 600
	if !isError && !fault {
		fault = x.s.Status == otlpwire.StatusError
	}
	x.w.boolean("error", isError)
	x.w.boolean("fault", fault)
	x.w.boolean("throttle", isError && status == 429)
}
