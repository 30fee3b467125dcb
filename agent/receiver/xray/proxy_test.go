package xray_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// upstream plays AWS below the signing.
type upstream struct {
	mu    sync.Mutex
	calls []string
	post  func(r *awsapi.Request) ([]byte, error)
}

func (u *upstream) Post(_ context.Context, r *awsapi.Request) ([]byte, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls = append(u.calls, r.Path+" "+string(r.Body))
	return u.post(r)
}

func (u *upstream) set(post func(r *awsapi.Request) ([]byte, error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.post = post
}

func post(t *testing.T, h http.Handler, path, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func TestRulesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &upstream{post: func(*awsapi.Request) ([]byte, error) { return []byte(`{"rules":1}`), nil }}
		h := xray.NewProxy(up)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if code, body := post(t, h, "/GetSamplingRules", "{}"); code != 200 || body != `{"rules":1}` {
					t.Errorf("answer = %d %s", code, body)
				}
			})
		}
		wg.Wait()
		if len(up.calls) != 1 {
			t.Fatalf("100 clients cost %d calls", len(up.calls))
		}
		down := errors.New("no route")
		up.set(func(*awsapi.Request) ([]byte, error) { return nil, down })
		time.Sleep(time.Minute) // stale now, and AWS is away: old rules serve
		for range 3 {
			if code, body := post(t, h, "/GetSamplingRules", "{}"); code != 200 || body != `{"rules":1}` {
				t.Errorf("while away: %d %s", code, body)
			}
		}
		if len(up.calls) != 2 {
			t.Errorf("asked %d times, want 2: failures rest", len(up.calls))
		}
		time.Sleep(time.Hour)
		if code, _ := post(t, h, "/GetSamplingRules", "{}"); code != 502 {
			t.Errorf("rules of an hour ago: %d, want 502", code)
		}
		up.set(func(*awsapi.Request) ([]byte, error) { return []byte(`{"rules":2}`), nil })
		time.Sleep(3 * time.Second)
		if code, body := post(t, h, "/GetSamplingRules", ""); code != 200 || body != `{"rules":2}` {
			t.Errorf("back again: %d %s", code, body)
		}
	})
}

func TestProxyAnswers(t *testing.T) {
	refusal := &awsapi.Error{Status: 429, Code: "ThrottledException", Message: "slow down"}
	tests := map[string]struct {
		up         xray.Upstream
		path, body string
		code       int
		answer     string
	}{
		"targets":       {&upstream{post: echo}, "/SamplingTargets", `{"a":1}`, 200, `{"a":1}`},
		"empty body":    {&upstream{post: echo}, "/GetSamplingRules", "", 200, `{}`},
		"aws refuses":   {&upstream{post: func(*awsapi.Request) ([]byte, error) { return nil, refusal }}, "/SamplingTargets", "{}", 429, "slow down"},
		"aws away":      {&upstream{post: func(*awsapi.Request) ([]byte, error) { return nil, errors.New("dial") }}, "/SamplingTargets", "{}", 502, "dial"},
		"no connection": {nil, "/GetSamplingRules", "{}", 502, "no AWS connection"},
		"other path":    {&upstream{post: echo}, "/TraceSegments", "{}", 200, "{}"},
		"a long one":    {&upstream{post: echo}, "/TraceSegments", strings.Repeat(" ", 1<<20), 200, " "},
		"unknown to it": {&upstream{post: unknown}, "/NoSuchCall", "{}", 404, "UnknownOperationException"},
		"too long":      {&upstream{post: echo}, "/SamplingTargets", strings.Repeat("x", 1<<20), 400, "cannot be read"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			code, body := post(t, xray.NewProxy(tc.up), tc.path, tc.body)
			if code != tc.code || !strings.Contains(body, tc.answer) {
				t.Errorf("answer = %d %s, want %d with %q", code, body, tc.code, tc.answer)
			}
		})
	}
}

// unknown answers as AWS does to a path that it has not.
func unknown(*awsapi.Request) ([]byte, error) {
	return nil, &awsapi.Error{Status: 404, Code: "UnknownOperationException"}
}

func echo(r *awsapi.Request) ([]byte, error) { return r.Body, nil }

// TestProxyEndToEnd goes through the listener and the signing client.
func TestProxyEndToEnd(t *testing.T) {
	type seen struct{ path, auth, body string }
	calls := make(chan seen, 1)
	svc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- seen{r.URL.Path, r.Header.Get("Authorization"), string(body)}
		io.WriteString(w, `{"SamplingTargetDocuments":[]}`)
	}))
	defer svc.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := awsapi.NewClient(t.Context(), aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(svc.URL), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	}, awsapi.XRay)
	if err != nil {
		t.Fatal(err)
	}
	r, stop := start(t, xray.Config{TCP: "127.0.0.1:0"}, client, newBooks(), newSink())
	sdk := &http.Client{Transport: transport}
	resp, err := sdk.Post("http://"+r.TCPAddr().String()+"/SamplingTargets", "application/json", strings.NewReader(`{"x":1}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || string(body) != `{"SamplingTargetDocuments":[]}` {
		t.Errorf("answer = %d %s", resp.StatusCode, body)
	}
	got := <-calls
	if got.path != "/SamplingTargets" || got.body != `{"x":1}` || !strings.Contains(got.auth, "/eu-west-1/xray/aws4_request") {
		t.Errorf("AWS saw %+v", got)
	}
	transport.CloseIdleConnections()
	if err := stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// Whoever hears of newer rules gets them, and not those that are remembered.
func TestNewerRulesAreNotAnsweredFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		modified, version := time.Now().Add(-time.Hour), 1
		up := &upstream{}
		up.set(func(r *awsapi.Request) ([]byte, error) {
			if r.Path == "/SamplingTargets" {
				return fmt.Appendf(nil, `{"LastRuleModification":%f}`, float64(modified.UnixMilli())/1000), nil
			}
			return fmt.Appendf(nil, `{"rules":%d}`, version), nil
		})
		p := xray.NewProxy(up)
		rules := func(want string) {
			t.Helper()
			if _, body := post(t, p, "/GetSamplingRules", "{}"); body != want {
				t.Errorf("answered %s, want %s", body, want)
			}
		}
		rules(`{"rules":1}`)
		time.Sleep(time.Second)
		modified, version = time.Now(), 2
		rules(`{"rules":1}`) // nobody has heard of it
		time.Sleep(time.Second)
		post(t, p, "/SamplingTargets", "{}")
		rules(`{"rules":2}`)
		calls := len(up.calls)
		post(t, p, "/SamplingTargets", "{}")
		rules(`{"rules":2}`)
		if len(up.calls) != calls+1 {
			t.Errorf("asked again for rules that are not newer: %v", up.calls[calls:])
		}
	})
}
