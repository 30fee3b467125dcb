package xray

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

const (
	rulesPath   = "/GetSamplingRules"
	targetsPath = "/SamplingTargets"
	// maxCall bounds a sampling call. Targets for every rule that an account
	// may have are a few KB.
	maxCall = 256 << 10
	// maxOther bounds any other call, more than 50 segments of 64 KB.
	maxOther = 4 << 20
	// callWait bounds one call to AWS, so that an SDK that starts up is not
	// held.
	callWait = 3 * time.Second
	// rulesFresh is how long rules are answered from memory. The SDKs ask every
	// 5 minutes.
	rulesFresh = 30 * time.Second
	// rulesUsable is how long old rules are better than none while AWS cannot
	// be reached. The SDKs themselves trust rules for an hour.
	rulesUsable = time.Hour
	// failureRest is how long a failure is answered again without asking AWS.
	failureRest = 2 * time.Second
	// maxPages bounds the answers in memory, one a page of rules.
	maxPages = 64
)

// Upstream makes signed calls to X-Ray. An *awsapi.Client is one.
type Upstream interface {
	Post(ctx context.Context, r *awsapi.Request) ([]byte, error)
}

// Proxy makes calls, those of sampling above all, for all who ask: the SDKs, by HTTP, and the agent
// itself. Rules are remembered, so that many who ask cost one call. It is safe
// for concurrent use.
type Proxy struct {
	// Fresh is how long rules are answered from memory. Default 30 s. It must not
	// be changed once the Proxy is in use.
	Fresh time.Duration

	up Upstream

	mu    sync.Mutex       // guards the pages' fields too
	pages map[string]*page // by request body
}

// page is one remembered answer to GetSamplingRules.
type page struct {
	body   []byte // nil: never answered
	got    time.Time
	stale  bool  // the rules were changed since
	err    error // of the last call, nil if it succeeded
	failed time.Time
	// asking is closed when the call to AWS that is under way ends; nil if
	// there is none. Many clients that start at once cost one call.
	asking chan struct{}
}

// remembered returns what can be answered without asking AWS, if anything.
func (pg *page) remembered(now time.Time, fresh time.Duration) (body []byte, ok bool, err error) {
	if pg.body != nil && !pg.stale && now.Sub(pg.got) < fresh {
		return pg.body, true, nil
	}
	if pg.err == nil || now.Sub(pg.failed) >= failureRest {
		return nil, false, nil
	}
	if pg.body != nil && now.Sub(pg.got) < rulesUsable {
		return pg.body, true, nil
	}
	return nil, true, pg.err
}

// NewProxy returns a Proxy that calls up, which may be nil: every call then fails.
func NewProxy(up Upstream) *Proxy {
	return &Proxy{up: up, Fresh: rulesFresh, pages: map[string]*page{}}
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		fail(w, http.StatusMethodNotAllowed, "InvalidRequestException", "use POST")
		return
	}
	limit := int64(maxOther)
	if req.URL.Path == rulesPath || req.URL.Path == targetsPath {
		limit = maxCall
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
	if err != nil {
		fail(w, http.StatusBadRequest, "InvalidRequestException", "the request body cannot be read")
		return
	}
	answer, err := p.Answer(req.Context(), req.URL.Path, body)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}

// Answer makes a call of X-Ray's API, by its path, with a JSON body. The SDKs make
// the two of sampling; the daemon signs and forwards every other as well, and the
// role decides.
func (p *Proxy) Answer(ctx context.Context, path string, body []byte) ([]byte, error) {
	if len(body) == 0 {
		body = []byte("{}")
	}
	if path == rulesPath {
		return p.rules(ctx, body)
	}
	answer, err := p.call(ctx, path, body)
	if err == nil && path == targetsPath {
		p.outdate(answer)
	}
	return answer, err
}

// outdate forgets rules that are older than an answer says the newest are: whoever
// got it will ask for them at once.
func (p *Proxy) outdate(targets []byte) {
	var a struct{ LastRuleModification float64 } // Unix seconds
	if json.Unmarshal(targets, &a) != nil || a.LastRuleModification <= 0 {
		return
	}
	modified := time.UnixMilli(int64(a.LastRuleModification * 1000))
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pg := range p.pages {
		pg.stale = pg.stale || pg.body != nil && modified.After(pg.got)
	}
}

// rules answers from memory while what is there is fresh, and with old rules
// while AWS cannot be reached.
func (p *Proxy) rules(ctx context.Context, body []byte) ([]byte, error) {
	key := string(body)
	for {
		p.mu.Lock()
		pg := p.pageLocked(key)
		if answer, ok, err := pg.remembered(time.Now(), p.Fresh); ok {
			p.mu.Unlock()
			return answer, err
		}
		asking := pg.asking
		if asking == nil {
			pg.asking = make(chan struct{})
		}
		p.mu.Unlock()
		if asking == nil {
			p.ask(ctx, pg, body)
			continue
		}
		select {
		case <-asking:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// ask calls AWS for pg. The answer serves others too, so that it does not end
// with the caller that happened to be first.
func (p *Proxy) ask(ctx context.Context, pg *page, body []byte) {
	answer, err := []byte(nil), errors.New("the call was abandoned")
	asked := time.Now()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if pg.err = err; err == nil {
			pg.body, pg.got, pg.stale = answer, asked, false
		} else {
			pg.failed = time.Now()
		}
		close(pg.asking)
		pg.asking = nil
	}()
	answer, err = p.call(context.WithoutCancel(ctx), rulesPath, body)
}

func (p *Proxy) pageLocked(key string) *page {
	pg := p.pages[key]
	if pg == nil {
		if len(p.pages) >= maxPages {
			clear(p.pages)
		}
		pg = &page{}
		p.pages[key] = pg
	}
	return pg
}

var errNoUpstream = errors.New("no AWS connection is configured")

func (p *Proxy) call(ctx context.Context, path string, body []byte) ([]byte, error) {
	if p.up == nil {
		return nil, errNoUpstream
	}
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	return p.up.Post(ctx, &awsapi.Request{
		Op: "forward " + path[1:], Path: path, Body: body, Sum: sha256.Sum256(body),
		Header: http.Header{"Content-Type": {"application/json"}},
	})
}

// refuse passes an answer of AWS on, and says 502 where there was none.
func refuse(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*awsapi.Error](err); ok {
		fail(w, e.Status, e.Code, e.Message)
		return
	}
	fail(w, http.StatusBadGateway, "BadGateway", err.Error())
}

func fail(w http.ResponseWriter, status int, code, message string) {
	body, err := json.Marshal(map[string]string{"__type": code, "message": message})
	if err != nil {
		body = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	w.Write(body)
}
