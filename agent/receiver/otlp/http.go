package otlp

import (
	"io"
	"math"
	"mime"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// pathSignal says what is taken at a path of OTLP/HTTP.
func pathSignal(path string) (sidelight.Signal, bool) {
	switch path {
	case "/v1/traces":
		return sidelight.Traces, true
	case "/v1/logs":
		return sidelight.Logs, true
	case "/v1/metrics":
		return sidelight.Metrics, true
	}
	return 0, false
}

// ServeHTTP implements http.Handler.
func (v *service) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	defer v.contain()
	if isGRPC(req.Header.Get("Content-Type")) {
		v.serveGRPC(w, req)
		return
	}
	sig, ok := pathSignal(req.URL.Path)
	if !ok {
		http.Error(w, "OTLP is taken at /v1/traces, /v1/logs and /v1/metrics", http.StatusNotFound)
		return
	}
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "use POST", http.StatusMethodNotAllowed)
		return
	}
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != protobufType && kind != jsonType {
		http.Error(w, "send "+protobufType+" or "+jsonType, http.StatusUnsupportedMediaType)
		return
	}
	v.serveOTLP(w, req, sig, kind)
}

// contain ends a request that panicked, and only that.
func (v *service) contain() {
	p := recover()
	if p == nil {
		return
	}
	v.log.Error("a request panicked", "receiver", "otlp", "panic", p, "stack", string(debug.Stack()))
	panic(http.ErrAbortHandler) // closes the connection without another log
}

func (v *service) serveOTLP(w http.ResponseWriter, req *http.Request, sig sidelight.Signal, kind string) {
	s := v.scratch.get(&v.memory)
	if refused := v.readHTTP(s, req); refused.http != 0 {
		v.scratch.put(s)
		v.refuse(w, kind, refused)
		return
	}
	res, err := v.take(req.Context(), sig, s, kind == jsonType)
	if err != nil {
		v.refuse(w, kind, refusalOf(err))
		return
	}
	w.Header().Set("Content-Type", kind)
	if kind == jsonType {
		w.Write(appendAnswerJSON(nil, sig, res))
		return
	}
	w.Write(appendAnswer(nil, res))
}

// readHTTP reads the body into s. The zero refusal is success.
func (v *service) readHTTP(s *scratch, req *http.Request) refusal {
	var body io.Reader = req.Body
	size := req.ContentLength
	switch coding := req.Header.Get("Content-Encoding"); coding {
	case "", "identity", "none":
	case "gzip":
		z, err := s.unzip(req.Body)
		if err != nil {
			return refusal{http: 400, code: grpcInvalid, text: "the body is not gzip: " + err.Error()}
		}
		body, size = z, min(size*4, 1<<20)
	default:
		return refusal{http: 415, code: grpcUnimplemented, text: "content encoding " + strconv.Quote(coding) + " is not known; use gzip"}
	}
	return readRefusal(s.read(body, size, v.cfg.MaxBody))
}

// readRefusal says how to answer a request whose body could not be read.
func readRefusal(err error) refusal {
	switch err {
	case nil:
		return refusal{}
	case errLong, errMemory:
		return refusalOf(err)
	}
	return refusal{http: 400, code: grpcInvalid, text: "the body cannot be read: " + err.Error()}
}

func (v *service) refuse(w http.ResponseWriter, kind string, r refusal) {
	var after time.Duration
	if r.retry {
		after = v.cfg.RetryAfter
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(r.http)
	if kind == jsonType {
		w.Write(appendStatusJSON(nil, r.code, r.text))
		return
	}
	w.Write(appendStatus(nil, r.code, r.text, after))
}
