package awsproto

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// answer is a finished response, or one that is a stream.
type answer struct {
	stream api.Streamer
	status int
	header http.Header
	body   []byte
}

func newAnswer(status int, contentType string) *answer {
	a := &answer{status: status, header: make(http.Header, 4)}
	if contentType != "" {
		a.header.Set("Content-Type", contentType)
	}
	return a
}

func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	for k, v := range a.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	// A client that went away is no failure of ours.
	_, _ = w.Write(a.body)
}

// success encodes the output of an operation.
func success(t *target, out any, requestID string, buf []byte) (*answer, error) {
	a := newAnswer(http.StatusOK, t.contentType)
	p, void := t.service.plans, t.service.spec.Void[t.operation]
	var err error
	switch t.protocol {
	case protoCBOR:
		a.header.Set("Smithy-Protocol", "rpc-v2-cbor")
		if void {
			a.header.Del("Content-Type")
			return a, nil
		}
		a.body, err = appendCBOR(buf, p, out)
	case protoQuery:
		a.body, err = querySuccess(t, out, requestID, buf, void)
	default:
		// Logs answers operations without output members with an empty body.
		if t.protocol == protoJSON11 && memberless(p, out) {
			return a, nil
		}
		a.body, err = appendJSON(buf, p, out)
	}
	return a, err
}

func memberless(p *plans, out any) bool {
	pl, err := p.of(reflect.TypeOf(out))
	return err == nil && pl.kind == kindStruct && len(pl.fields) == 0
}

func querySuccess(t *target, out any, requestID string, buf []byte, void bool) ([]byte, error) {
	w := xmlWriter{buf: buf}
	w.buf = append(w.buf, "<"+t.operation+`Response xmlns="`+t.service.spec.XMLNamespace+`">`...)
	if !void {
		// Without the wrapper botocore's parser fails, even for no members.
		w.open(t.operation + "Result")
		var err error
		if w.buf, err = appendXML(w.buf, t.service.plans, out); err != nil {
			return nil, err
		}
		w.close(t.operation + "Result")
	}
	w.buf = append(w.buf, "<ResponseMetadata><RequestId>"+requestID+"</RequestId></ResponseMetadata>"...)
	w.close(t.operation + "Response")
	return w.buf, nil
}

// failure encodes an error in the shape of the target's protocol.
func failure(t *target, e *api.Error, requestID string) *answer {
	spec := &t.service.spec
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	code := e.QueryCode
	if code == "" {
		code = spec.QueryCodes[e.Shape]
	}
	if code == "" {
		code = e.Shape
	}
	a := newAnswer(status, t.contentType)
	if spec.QueryCompatible && t.protocol != protoQuery {
		a.header.Set("X-Amzn-Query-Error", code+";"+culprit(status))
	}
	switch t.protocol {
	case protoQuery:
		a.body = queryFailure(t, e, code, status, requestID)
		return a
	case protoCBOR:
		a.header.Set("Smithy-Protocol", "rpc-v2-cbor")
	case protoREST:
		a.header.Set("X-Amzn-ErrorType", e.Shape)
	}
	// Shapes differ in the case of their message, and clients take no other.
	body := map[string]any{"__type": e.Shape, "message": e.Message, "Message": e.Message}
	if spec.Namespace != "" {
		body["__type"] = spec.Namespace + "#" + e.Shape
	}
	for k, v := range e.Members {
		body[k] = v
	}
	encode := appendJSON
	if t.protocol == protoCBOR {
		encode = appendCBOR
	}
	var err error
	if a.body, err = encode(nil, t.service.plans, body); err != nil {
		// A member without a wire form is a bug of the service: say it aloud.
		for k := range e.Members {
			delete(body, k)
		}
		body["message"] = e.Message + " (" + err.Error() + ")"
		a.body, _ = encode(nil, t.service.plans, body)
	}
	return a
}

// culprit is who is to blame, in the words of the query protocol.
func culprit(status int) string {
	if status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

func queryFailure(t *target, e *api.Error, code string, status int, requestID string) []byte {
	w := xmlWriter{plans: t.service.plans}
	w.buf = append(w.buf, `<ErrorResponse xmlns="`+t.service.spec.XMLNamespace+`"><Error>`...)
	for _, kv := range [][2]string{{"Type", culprit(status)}, {"Code", code}, {"Message", e.Message}} {
		w.open(kv[0])
		w.buf = appendXMLText(w.buf, kv[1])
		w.close(kv[0])
	}
	if len(e.Members) > 0 {
		v := reflect.ValueOf(e.Members)
		for _, k := range sortedKeys(v) {
			w.open(k.String())
			if err := w.any(v.MapIndex(k)); err != nil {
				w.buf = appendXMLText(w.buf, err.Error())
			}
			w.close(k.String())
		}
	}
	w.buf = append(w.buf, "</Error><RequestId>"+requestID+"</RequestId></ErrorResponse>"...)
	return w.buf
}
