package awsproto

import (
	"net/http"
	"strings"
)

// target is what a request asks for, as far as it says so.
type target struct {
	service   *service
	operation string
	protocol  protocol
	// contentType is the one to answer with.
	contentType string
}

const (
	typeCBOR   = "application/cbor"
	typeJSON   = "application/json"
	typeJSON10 = "application/x-amz-json-1.0"
	typeJSON11 = "application/x-amz-json-1.1"
	typeForm   = "application/x-www-form-urlencoded"
	typeXML    = "text/xml"
)

// mediaType is a Content-Type without its parameters.
func mediaType(r *http.Request) string {
	t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// route finds the target of a request from its path and headers. For a form,
// the service and the operation come with the body and are still missing.
func (h *Handler) route(r *http.Request) target {
	path := r.URL.Path
	if r.Method != http.MethodPost {
		return h.routePath(r, r.Method+" "+path)
	}
	if t, ok := h.routeCBOR(r); ok {
		return t
	}
	if t, ok := h.routeTarget(r); ok {
		return t
	}
	if path == "/" && mediaType(r) == typeForm {
		return target{protocol: protoQuery, contentType: typeXML}
	}
	return h.routePath(r, path)
}

// routePath finds the target of REST JSON.
func (h *Handler) routePath(r *http.Request, path string) target {
	for _, s := range h.services {
		if op, ok := s.spec.Paths[path]; ok {
			return target{service: s, operation: op, protocol: protoREST, contentType: typeJSON}
		}
	}
	// Nothing above: the signature's scope may still say who was meant, so that
	// the refusal is in the words of that service.
	if c, problem := parseAuthorization(r.Header.Get("Authorization")); problem == "" {
		if s := h.byName[c.service]; s != nil && len(s.spec.Paths) > 0 {
			return target{service: s, operation: path, protocol: protoREST, contentType: typeJSON}
		}
	}
	return target{}
}

// routeCBOR takes /service/<target>/operation/<operation>, which may have a
// prefix (Smithy RPC v2 CBOR, "Requests").
func (h *Handler) routeCBOR(r *http.Request) (target, bool) {
	parts := strings.Split(r.URL.Path, "/")
	n := len(parts)
	if n < 5 || parts[n-4] != "service" || parts[n-2] != "operation" {
		return target{}, false
	}
	for _, s := range h.services {
		if s.spec.CBOR && s.spec.Target == parts[n-3] {
			return target{service: s, operation: parts[n-1], protocol: protoCBOR, contentType: typeCBOR}, true
		}
	}
	return target{}, false
}

// routeTarget takes the header X-Amz-Target. Clients differ in the version of
// JSON that they announce for one service, so either is taken and echoed.
func (h *Handler) routeTarget(r *http.Request) (target, bool) {
	prefix, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		return target{}, false
	}
	t := target{operation: op, protocol: protoJSON11, contentType: typeJSON11}
	if mediaType(r) == typeJSON10 {
		t.protocol, t.contentType = protoJSON10, typeJSON10
	}
	for _, s := range h.services {
		if s.spec.Target == prefix {
			t.service = s
			return t, true
		}
	}
	return target{}, false
}

// routeForm completes a target from a form's Version and Action.
func (h *Handler) routeForm(t *target, form *node) {
	t.operation = form.text("Action")
	for _, s := range h.services {
		if s.spec.QueryVersion != "" && s.spec.QueryVersion == form.text("Version") {
			t.service = s
			return
		}
	}
}
