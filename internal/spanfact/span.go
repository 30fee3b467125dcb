package spanfact

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// traits are the attributes that facts are made of, by the old and the stable
// semantic conventions.
type traits struct {
	route, path, target, method, host, fullURL    []byte
	rpcSystem, rpcService, rpcMethod              []byte
	destination, template, messageOp, messageSys  []byte
	dbSystem, dbOperation                         []byte
	peer, awsService, remote, remoteOp, local, op []byte
	faas                                          []byte
	resource, resourceType                        []byte
	port, status                                  int64
	localRoot, temporary                          bool
}

func (t *traits) read(attrs []otlpwire.Attr) {
	for i := range attrs {
		a := &attrs[i]
		if len(a.Key) < 6 {
			continue
		}
		// One look at the first letters spares most attributes the search.
		switch a.Key[0] {
		case 'h', 'u', 'n', 's':
			t.request(a)
		case 'r', 'm', 'd', 'p', 'a', 'f':
			t.service(a)
		}
	}
}

func (t *traits) request(a *otlpwire.Attr) {
	v := a.Value
	switch string(a.Key) {
	case "http.route":
		t.route = text(v)
	case "http.request.method", "http.method":
		t.method = text(v)
	case "http.response.status_code", "http.status_code":
		t.status, _ = v.AsInt()
	case "url.path":
		t.path = text(v)
	case "http.target":
		t.target = text(v)
	case "url.full", "http.url":
		t.fullURL = text(v)
	case "server.port", "net.peer.port":
		t.port, _ = v.AsInt()
	case "server.address", "http.host", "net.peer.name", "net.host.name":
		if t.host == nil || a.Key[0] == 's' {
			t.host = text(v)
		}
	}
}

func (t *traits) service(a *otlpwire.Attr) {
	v := a.Value
	switch string(a.Key) {
	case "rpc.system", "rpc.system.name":
		t.rpcSystem = text(v)
	case "rpc.service":
		t.rpcService = text(v)
	case "rpc.method":
		t.rpcMethod = text(v)
	case "messaging.destination.name", "messaging.destination":
		t.destination = text(v)
	case "messaging.destination.template":
		t.template = text(v)
	case "messaging.destination.temporary", "messaging.destination.anonymous":
		t.temporary = t.temporary || v.Kind == otlpwire.Bool && v.Bool()
	case "messaging.operation.name", "messaging.operation", "messaging.operation.type":
		if t.messageOp == nil || string(a.Key) == "messaging.operation.name" {
			t.messageOp = text(v)
		}
	case "messaging.system":
		t.messageSys = text(v)
	case "db.system.name", "db.system":
		t.dbSystem = text(v)
	case "db.operation.name", "db.operation":
		t.dbOperation = text(v)
	case "peer.service":
		t.peer = text(v)
	case "aws.service":
		t.awsService = text(v)
	case "aws.remote.service":
		t.remote = text(v)
	case "aws.remote.operation":
		t.remoteOp = text(v)
	case "aws.local.service":
		t.local = text(v)
	case "aws.local.operation":
		t.op = text(v)
	case "aws.span.kind":
		t.localRoot = string(v.Raw) == "LOCAL_ROOT"
	case "faas.name", "faas.invoked_name":
		t.faas = text(v)
	default:
		t.asked(a)
	}
}

// OfSpan reads the facts of a span of s.
func OfSpan(s Sender, span *otlpwire.Span) (f Fact) {
	var t traits
	t.read(span.Attrs)
	// The stable conventions have the service before the method.
	if i := bytes.LastIndexByte(t.rpcMethod, '/'); i > 0 && t.rpcService == nil {
		t.rpcService, t.rpcMethod = t.rpcMethod[:i], t.rpcMethod[i+1:]
	}
	f = Fact{
		Service: s.Service, Environment: s.Environment, Start: span.Start, End: max(span.Start, span.End),
		Host: t.host, Method: t.method, Path: t.path, Root: !anyBit(span.ParentID),
		Decided: chosen(span.TraceState), Unsampled: span.Flags&hasRemote != 0 && span.Flags&sampledFlag == 0,
	}
	if len(span.TraceID) == 16 && anyBit(span.TraceID) {
		f.TraceID = span.TraceID
	}
	if f.Path == nil {
		f.Path = t.target
	}
	if f.Path == nil {
		f.Host, f.Path = divideURL(t.fullURL, f.Host)
	}
	if t.local != nil {
		f.Service = t.local
	}
	f.Role = roleOf(span.Kind, f.Root || t.localRoot)
	switch f.Role {
	case Entry:
		f.operation(&t, span)
	case Call:
		f.Operation = t.op
		f.remote(&t, span)
	}
	f.outcome(&t, span)
	return f
}

// The bits of a span's flags.
const (
	sampledFlag = 1
	// hasRemote is set by senders that know of the field, so that a zero of the
	// others is not taken for an answer.
	hasRemote = 1 << 8
)

func roleOf(kind otlpwire.SpanKind, root bool) Role {
	switch kind {
	case otlpwire.Server, otlpwire.Consumer:
		return Entry
	case otlpwire.Client, otlpwire.Producer:
		return Call
	}
	if root {
		return Entry
	}
	return Local
}

// operation names what was asked of the service.
func (f *Fact) operation(t *traits, span *otlpwire.Span) {
	switch {
	case t.op != nil:
		f.Operation = t.op
	case t.route != nil:
		f.Verb, f.Joint, f.Object = t.method, ' ', t.route
	case t.rpcMethod != nil:
		f.Verb, f.Joint, f.Object = t.rpcService, '/', t.rpcMethod
	case t.messageSys != nil || t.destination != nil:
		f.Verb, f.Joint, f.Object = t.messageOp, ' ', t.queue()
	case t.faas != nil:
		f.Object = t.faas
	case f.Method != nil && f.Path != nil: // the path, as a template
	default:
		f.Operation = span.Name
	}
}

// queue is the name of a message's destination, as long as it is one that is
// there for longer than the message.
func (t *traits) queue() []byte {
	switch {
	case t.template != nil:
		return t.template
	case t.temporary:
		return []byte("(temporary)")
	case t.destination != nil:
		return t.destination
	}
	return t.messageSys
}

// remote names whom the service called.
func (f *Fact) remote(t *traits, span *otlpwire.Span) {
	f.AWS = string(t.rpcSystem) == "aws-api"
	if f.Port = t.port; len(t.resource) > 0 && len(t.resourceType) > 0 {
		f.Resource, f.ResourceType = t.resource, t.resourceType
	}
	for _, name := range [...][]byte{t.remote, t.peer, t.awsService, t.rpcService, t.dbSystem, t.messageSys, f.Host} {
		if name != nil {
			f.Remote = name
			break
		}
	}
	if f.AWS {
		f.Remote = bytes.TrimPrefix(bytes.TrimPrefix(f.Remote, []byte("AWS.SDK.")), []byte("AWS::"))
	}
	if f.Remote == nil {
		f.Remote = []byte("UnknownRemoteService")
	}
	switch {
	case t.remoteOp != nil:
		f.RemoteOperation = t.remoteOp
	case t.rpcMethod != nil:
		f.RemoteOperation = t.rpcMethod
	case t.dbOperation != nil:
		f.RemoteOperation = t.dbOperation
	case t.messageOp != nil:
		f.RemoteOperation = t.messageOp
	case f.Method != nil:
		f.RemoteOperation = f.Method
	case span.Kind == otlpwire.Producer:
		f.RemoteOperation = []byte("publish")
	default:
		f.RemoteOperation = []byte("UnknownRemoteOperation")
	}
}

// outcome says whose fault it was, by the same rule as the documents: the status
// of HTTP decides before that of the span.
func (f *Fact) outcome(t *traits, span *otlpwire.Span) {
	switch {
	case t.status >= 400 && t.status < 500:
		f.Error, f.Throttle = true, t.status == 429
	case t.status >= 500 && t.status < 600:
		f.Fault = true
	default:
		f.Fault = span.Status == otlpwire.StatusError
	}
}

// chosen reports whether a trace state says by which share a sampler chose the
// trace: ot=th:c (OpenTelemetry, "TraceState probability sampling"). A threshold
// of zero is everything, so nothing was chosen.
func chosen(state []byte) bool {
	_, rest, ok := bytes.Cut(state, []byte("ot="))
	if !ok {
		return false
	}
	rest, _, _ = bytes.Cut(rest, []byte{','})
	for len(rest) > 0 {
		var part []byte
		part, rest, _ = bytes.Cut(rest, []byte{';'})
		if th, ok := bytes.CutPrefix(part, []byte("th:")); ok {
			return len(bytes.Trim(th, "0")) > 0
		}
	}
	return false
}

func anyBit(id []byte) bool {
	for _, b := range id {
		if b != 0 {
			return true
		}
	}
	return false
}

// divideURL returns the host and path of a URL; the host only if none is known.
func divideURL(u, known []byte) (host, path []byte) {
	_, rest, ok := bytes.Cut(u, []byte("://"))
	if !ok {
		return known, nil
	}
	host = rest
	if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if known != nil {
		host = known
	}
	if len(path) == 0 || path[0] != '/' {
		path = []byte("/")
	}
	return host, path
}
