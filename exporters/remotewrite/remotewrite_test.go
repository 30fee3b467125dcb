package remotewrite_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/exporters/remotewrite"
)

func labels(name, route string) []sidelight.Dimension {
	return []sidelight.Dimension{{Name: "__name__", Value: name}, {Name: "route", Value: route}}
}

func event(n, size int) sidelight.Event {
	body := remotewrite.AppendSeries(nil, labels("hits", strings.Repeat("x", size)), float64(n), int64(1000+n))
	return sidelight.Event{Time: int64(n), Body: body}
}

func TestContract(t *testing.T) {
	exportertest.Run(t, exportertest.Suite{
		Event: event, Dest: sidelight.Dest{Group: "prometheus"},
		New: func(t *testing.T, cfg aws.Config) sidelight.Exporter {
			t.Helper()
			x, err := remotewrite.New(remotewrite.Config{URL: aws.ToString(cfg.BaseEndpoint) + "/api/v1/remote_write", Sign: true}, cfg)
			if err != nil {
				t.Fatal(err)
			}
			return x
		},
	})
}

// fields calls f for each field of a message.
func fields(t *testing.T, b []byte, f func(n protowire.Number, bytes []byte, fixed uint64)) {
	t.Helper()
	for len(b) > 0 {
		n, kind, at := protowire.ConsumeTag(b)
		if at < 0 {
			t.Fatal(protowire.ParseError(at))
		}
		b = b[at:]
		switch kind {
		case protowire.BytesType:
			v, at := protowire.ConsumeBytes(b)
			f(n, v, 0)
			b = b[at:]
		case protowire.Fixed64Type:
			v, at := protowire.ConsumeFixed64(b)
			f(n, nil, v)
			b = b[at:]
		default:
			v, at := protowire.ConsumeVarint(b)
			f(n, nil, v)
			b = b[at:]
		}
	}
}

// lines reads a request as remote write's messages are defined: WriteRequest,
// TimeSeries, Label, Sample.
func lines(t *testing.T, body []byte) (out []string) {
	t.Helper()
	fields(t, body, func(_ protowire.Number, series []byte, _ uint64) {
		var text strings.Builder
		fields(t, series, func(n protowire.Number, b []byte, _ uint64) {
			fields(t, b, func(m protowire.Number, word []byte, v uint64) {
				switch {
				case n == 1:
					fmt.Fprintf(&text, "%s,", word)
				case m == 1:
					fmt.Fprintf(&text, " %v", math.Float64frombits(v))
				default:
					fmt.Fprintf(&text, " @%d", v)
				}
			})
		})
		out = append(out, text.String())
	})
	return out
}

func TestRequest(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		raw, err := s2.Decode(nil, body)
		if err != nil || r.Header.Get("Content-Encoding") != "snappy" || r.Header.Get("X-Prometheus-Remote-Write-Version") != "0.1.0" || r.URL.Path != "/write" {
			t.Errorf("%v, headers %v", err, r.Header)
		}
		got = lines(t, raw)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer srv.Close()
	x, err := remotewrite.New(remotewrite.Config{URL: srv.URL + "/write"}, aws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	events := []sidelight.Event{
		{Body: remotewrite.AppendSeries(nil, labels("hits", "/a"), 7, 1000)},
		{Body: remotewrite.AppendSeries(nil, labels("temp", ""), -0.5, 2000)},
	}
	b := exportertest.Pack(t, x, sidelight.Dest{Group: "p"}, events, false)[0]
	if r, err := x.Export(t.Context(), b); err != nil || r.Accepted != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if want := "__name__,hits,route,/a, 7 @1000|__name__,temp,route,, -0.5 @2000"; strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", strings.Join(got, "|"), want)
	}
}

// Amazon's endpoints get a signature of its service.
func TestAmazon(t *testing.T) {
	cfg := exportertest.Config("http://127.0.0.1:1")
	var auth string
	cfg.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		auth = r.Header.Get("Authorization")
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
	})
	const endpoint = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write"
	if !remotewrite.IsAmazon(endpoint) || remotewrite.IsAmazon("https://prometheus:9090/api/v1/write") {
		t.Error("Amazon's endpoints are not told from others")
	}
	x, err := remotewrite.New(remotewrite.Config{URL: endpoint, Sign: true}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := exportertest.Pack(t, x, sidelight.Dest{Group: "p"}, []sidelight.Event{event(1, 5)}, false)[0]
	if _, err := x.Export(t.Context(), b); err != nil || !strings.Contains(auth, "/us-east-1/aps/aws4_request") {
		t.Errorf("%v, signed %q", err, auth)
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }
