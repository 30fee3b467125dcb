package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// randomRequests is how many requests TestRandomRequests sends; the variable
// SANDBOX_RANDOM_REQUESTS asks for more.
const randomRequests = 20000

// wordPool are texts that mean something somewhere, and some that do not.
func wordPool() []string {
	return []string{
		"", "a", "*", "/app", "stream", "slow", "App", "Latency", "Default", "g", "r", "0", "-1", "1e400", "NaN", "ALARM", "OK", "Average", "p99", "TM(10%:90%)",
		"arn:aws:logs:us-east-1:000000000000:log-group:/app", "arn:aws:cloudwatch:us-east-1:000000000000:alarm:slow", "arn:", "::::::", "1-67db8a2b-000000000000000000000001",
		`{"trace_id":"1-67db8a2b-000000000000000000000001","id":"aaaaaaaaaaaaaaaa","name":"web","start_time":1,"end_time":2}`, `{"widgets":[]}`, `{"widgets":[{"type":1}]}`, "{", "[1", "null",
		"fields @message | filter a like /x/ | stats count(*) by bin(5m) | sort a desc | limit 3", "parse @message \"* *\" as a, b | dedup a", "fields (", "{ $.a = 1 && $.b[0] != \"x\" }", "[a, b=1, ...]", "?x -y \"z\"", "{", "%(%",
		"fault AND service(\"a\") { error }", "annotation[a] = 1 OR duration >= 1", "edge(\"a\",", "ALARM(slow) AND NOT OK(all)", "ALARM(", "SEARCH('{App,Route} Latency', 'Average', 60)", "m1 + FILL(m2, 0) / 2", "IF(m1 >", "ANOMALY_DETECTION_BAND(m1, 2)", "SELECT AVG(a) FROM b",
		"\x00", "\xff\xfe", "é\u2028🐙", strings.Repeat("x", 300), strings.Repeat("a,", 2000), "aws:tag", "Count/Second", "TimestampDescending", "cron(0 2 * * *)", "PT1H",
		"cron(*/5 * * * ? *)", "CWLI", "id,name\n1,ann\n", "id\n\"", "table", "lookup table id as a OUTPUT name", "filter a in (SOURCE '/app' | fields a) | diff",
		"join type=left left=a right=b where a.x = b.x (SOURCE '/app' | fields x)", "arn:aws:logs:us-east-1:000000000000:lookup-table:table", "arn:aws:logs:us-east-1:000000000000:scheduled-query:a",
	}
}

// chance makes random requests.
type chance struct {
	*rand.Rand
	words []string
	now   int64 // seconds
}

func (c *chance) word() string { return c.words[c.IntN(len(c.words))] }

func (c *chance) number() int64 {
	switch c.IntN(6) {
	case 0:
		return c.now*1000 - c.Int64N(10_000_000)
	case 1:
		return c.now - c.Int64N(10_000)
	case 2:
		return []int64{math.MinInt64, -1, math.MaxInt32, math.MaxInt64, 1 << 53}[c.IntN(5)]
	case 3:
		return 60 * c.Int64N(20)
	}
	return c.Int64N(12)
}

// value makes a value of a type, or of another now and then.
func (c *chance) value(t reflect.Type, lower bool, depth int) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if depth > 6 || c.IntN(60) == 0 {
		return []any{nil, true, c.word(), c.number(), []any{}, map[string]any{}, 1.5}[c.IntN(7)]
	}
	if t == reflect.TypeFor[time.Time]() {
		return float64(c.now) - 4000*c.Float64()
	}
	switch t.Kind() {
	case reflect.String:
		if m, ok := t.MethodByName("Values"); ok && c.IntN(8) > 0 {
			list := m.Func.Call([]reflect.Value{reflect.Zero(t)})[0]
			return list.Index(c.IntN(list.Len())).String()
		}
		return c.word()
	case reflect.Bool:
		return c.IntN(2) == 0
	case reflect.Float32, reflect.Float64:
		return []float64{0, 1, -1, 0.5, 1e300, float64(c.IntN(100))}[c.IntN(6)]
	case reflect.Slice:
		out := []any{}
		for range c.IntN(4) {
			out = append(out, c.value(t.Elem(), lower, depth+1))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for range c.IntN(3) {
			out[c.word()] = c.value(t.Elem(), lower, depth+1)
		}
		return out
	case reflect.Struct:
		return c.structure(t, lower, depth)
	case reflect.Interface:
		return map[string]any{c.word(): map[string]any{c.word(): c.number()}}
	}
	return c.number()
}

func (c *chance) structure(t reflect.Type, lower bool, depth int) map[string]any {
	out := map[string]any{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Name == "ResultMetadata" || c.IntN(10) < 3 {
			continue
		}
		name := f.Name
		if lower {
			name = strings.ToLower(name[:1]) + name[1:]
		}
		out[name] = c.value(f.Type, lower, depth+1)
	}
	return out
}

// randomOp is an operation and how it is reached.
type randomOp struct {
	service, target, version, path string
	cbor                           bool
	query                          map[string]bool
	op                             api.Operation
}

// randomOps are all operations that a sandbox offers.
func randomOps(t *testing.T) (out []randomOp) {
	t.Helper()
	services, specs := sandboxtest.New(t).Registry()
	for _, s := range services {
		i := slices.IndexFunc(specs, func(p awsproto.Spec) bool { return p.Service == s.Name() })
		if i < 0 {
			t.Fatalf("%s has no protocol", s.Name())
		}
		p := specs[i]
		paths := make(map[string]string)
		for path, op := range p.Paths {
			paths[op] = path
		}
		for _, op := range s.Operations() {
			if p.Target == "" && p.QueryVersion == "" && paths[op.Name] == "" {
				t.Fatalf("%s of %s cannot be reached", op.Name, s.Name())
			}
			out = append(out, randomOp{s.Name(), p.Target, p.QueryVersion, paths[op.Name], p.CBOR, p.Query, op})
		}
	}
	return out
}

func formOf(form url.Values, prefix string, v any) {
	switch x := v.(type) {
	case map[string]any:
		for k, kid := range x {
			formOf(form, strings.TrimPrefix(prefix+"."+k, "."), kid)
		}
	case []any:
		for i, kid := range x {
			formOf(form, fmt.Sprintf("%s.member.%d", prefix, i+1), kid)
		}
	default:
		form.Set(prefix, fmt.Sprint(x))
	}
}

func cborOf(v any) cbor.Value {
	switch x := v.(type) {
	case string:
		return cbor.String(x)
	case bool:
		return cbor.Bool(x)
	case int64:
		if x < 0 {
			return cbor.NegInt(uint64(-x))
		}
		return cbor.Uint(uint64(x))
	case float64:
		if x > 1e9 && x < 1e11 {
			return &cbor.Tag{ID: 1, Value: cbor.Float64(x)}
		}
		return cbor.Float64(x)
	case []any:
		out := make(cbor.List, len(x))
		for i := range x {
			out[i] = cborOf(x[i])
		}
		return out
	case map[string]any:
		out := make(cbor.Map)
		for k := range x {
			out[k] = cborOf(x[k])
		}
		return out
	}
	return &cbor.Nil{}
}

// request makes a request in one of the service's protocols.
func (c *chance) request(endpoint string, o *randomOp) (*http.Request, []byte) {
	in := c.structure(reflect.TypeOf(o.op.NewInput()).Elem(), o.service == "logs", 0)
	header := http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/" + o.service + "/aws4_request, SignedHeaders=host, Signature=0"}}
	method, path, query := http.MethodPost, "/", url.Values{}
	var body []byte
	switch {
	case o.version != "" && (o.target == "" || c.IntN(3) == 0):
		form := url.Values{"Action": {o.op.Name}, "Version": {o.version}}
		formOf(form, "", in)
		body = []byte(form.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	case o.cbor && c.IntN(2) == 0:
		path = "/service/" + o.target + "/operation/" + o.op.Name
		body = cbor.Encode(cborOf(in))
		header.Set("Content-Type", "application/cbor")
		header.Set("Smithy-Protocol", "rpc-v2-cbor")
	case o.target != "":
		body, _ = json.Marshal(in)
		header.Set("X-Amz-Target", o.target+"."+o.op.Name)
		header.Set("Content-Type", "application/x-amz-json-1.1")
	default:
		path = o.path
		if m, rest, ok := strings.Cut(o.path, " "); ok {
			method, path = m, rest
		}
		for name := range o.query {
			if v, ok := in[name]; ok {
				query.Set(name, fmt.Sprint(v))
				delete(in, name)
			}
		}
		body, _ = json.Marshal(in)
		header.Set("Content-Type", "application/json")
	}
	if c.IntN(3) == 0 {
		body = c.mutate(body)
		switch c.IntN(12) {
		case 0:
			header.Set("Content-Encoding", "gzip")
		case 1:
			header.Set("Content-Type", "application/cbor")
		case 2:
			header.Del("Authorization")
		case 3:
			path += c.word()
		}
	}
	r, err := http.NewRequest(method, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, nil
	}
	r.URL.Path, r.URL.RawQuery = path, query.Encode()
	r.Header = header
	return r, body
}

func (c *chance) mutate(b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + c.IntN(4) {
		if len(b) == 0 {
			return b
		}
		i, j := c.IntN(len(b)), c.IntN(len(b))
		switch c.IntN(4) {
		case 0:
			b[i] = byte(c.Uint32())
		case 1:
			b = b[:i]
		case 2:
			b = append(b[:min(i, j):min(i, j)], b[max(i, j):]...)
		default:
			b = append(b[:i:i], append([]byte(c.word()), b[i:]...)...)
		}
	}
	return b
}

func randomCount(t *testing.T) int {
	t.Helper()
	v := os.Getenv("SANDBOX_RANDOM_REQUESTS")
	if v == "" {
		return randomRequests
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRandomRequests sends random and damaged requests of all operations over
// all protocols: none may panic, break the connection or fail inside.
func TestRandomRequests(t *testing.T) {
	n := randomCount(t)
	s := sandboxtest.New(t)
	furnish(t, sandboxtest.Config(s))
	ops := randomOps(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses, reached := map[int]int{}, make([]bool, len(ops))
	const workers = 4
	for w := range workers {
		wg.Go(func() {
			c := &chance{rand.New(rand.NewPCG(uint64(w), 7)), wordPool(), time.Now().Unix()}
			for i := range n / workers {
				// Each has its turn, whatever chance says.
				at := i*workers + w
				if at >= len(ops) {
					at = c.IntN(len(ops))
				}
				o := &ops[at]
				r, body := c.request(s.URL(), o)
				if r == nil {
					continue
				}
				status, answer, err := exchange(r.WithContext(t.Context()))
				if err != nil || status >= 500 && status != http.StatusNotImplemented {
					t.Errorf("%s: answers %d %.300s, %v\n%s %q", o.op.Name, status, answer, err, r.Header.Get("Content-Type"), body)
				}
				mu.Lock()
				statuses[status]++
				reached[at] = reached[at] || status != http.StatusNotImplemented && status != http.StatusForbidden
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("answers by status: %v", statuses)
	if statuses[200] < n/20 {
		t.Errorf("of %d requests only %d were good: %v", n, statuses[200], statuses)
	}
	for i := range ops {
		if !reached[i] {
			t.Errorf("%s of %s was not reached", ops[i].op.Name, ops[i].service)
		}
	}
}

// exchange sends a request. Of an endless answer it reads the beginning.
func exchange(r *http.Request) (status int, answer []byte, err error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") == "application/vnd.amazon.eventstream" {
		answer = make([]byte, 64)
		_, err = io.ReadFull(resp.Body, answer)
		return resp.StatusCode, answer, err
	}
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
