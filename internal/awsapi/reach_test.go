package awsapi_test

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// calm sets an environment in which nothing is found outside of the test.
func calm(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none", "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_XRAY": "", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
	} {
		t.Setenv(name, value)
	}
}

// post makes one call to a service with the options.
func post(t *testing.T, s awsapi.Service, o awsapi.Options) error {
	t.Helper()
	cfg, err := awsapi.Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := awsapi.NewClient(t.Context(), cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Post(t.Context(), &awsapi.Request{Op: "call", Path: "/x", Header: http.Header{}, Sum: sha256.Sum256(nil)})
	return err
}

// counter is a server that counts what it was asked for.
func counter(t *testing.T, start func(http.Handler) *httptest.Server) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	n := new(atomic.Int32)
	s := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		w.Write([]byte("{}"))
	}))
	t.Cleanup(s.Close)
	return s, n
}

// All calls go through the proxy, also to a custom endpoint on loopback, but those
// for the container's credentials.
func TestProxy(t *testing.T) {
	calm(t)
	direct, straight := counter(t, httptest.NewServer)
	proxy, through := counter(t, httptest.NewServer)
	for _, o := range []awsapi.Options{
		{Region: "eu-west-1", Proxy: proxy.URL, Endpoint: direct.URL},
		{Region: "eu-west-1", Proxy: proxy.URL, XRay: direct.URL},
		{Region: "eu-west-1", Proxy: proxy.URL, Endpoint: "http://xray.example"},
	} {
		before := through.Load()
		if err := post(t, awsapi.XRay, o); err != nil || through.Load() != before+1 || straight.Load() != 0 {
			t.Errorf("%+v: %v, %d through the proxy, %d without", o, err, through.Load()-before, straight.Load())
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	credentials := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}`))
	}))
	defer credentials.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials.URL)
	before := through.Load()
	if err := post(t, awsapi.XRay, awsapi.Options{Region: "eu-west-1", Proxy: proxy.URL, Endpoint: "http://xray.example"}); err != nil || through.Load() != before+1 {
		t.Errorf("with the container's credentials: %v, %d calls through the proxy", err, through.Load()-before)
	}
	for _, bad := range []string{"proxy", "http://", ":"} {
		if _, err := awsapi.Load(t.Context(), awsapi.Options{Proxy: bad}); err == nil || !strings.Contains(err.Error(), "expected a URL") {
			t.Errorf("proxy %q: %v", bad, err)
		}
	}
}

// A certificate that nobody vouches for is refused unless the user says otherwise.
func TestUnverified(t *testing.T) {
	calm(t)
	s, n := counter(t, httptest.NewTLSServer)
	o := awsapi.Options{Region: "eu-west-1", Endpoint: s.URL}
	if err := post(t, awsapi.XRay, o); err == nil || !strings.Contains(err.Error(), "certificate") || n.Load() != 0 {
		t.Errorf("checked: %v, %d calls", err, n.Load())
	}
	o.Unverified = true
	if err := post(t, awsapi.XRay, o); err != nil || n.Load() != 1 {
		t.Errorf("not checked: %v, %d calls", err, n.Load())
	}
}

// X-Ray's endpoint is for X-Ray alone, and wins over that of all services and that
// of the environment.
func TestXRayEndpoint(t *testing.T) {
	calm(t)
	all, others := counter(t, httptest.NewServer)
	own, traces := counter(t, httptest.NewServer)
	t.Setenv("AWS_ENDPOINT_URL_XRAY", all.URL)
	o := awsapi.Options{Region: "eu-west-1", Endpoint: all.URL, XRay: own.URL}
	for s, want := range map[awsapi.Service]*atomic.Int32{awsapi.XRay: traces, awsapi.Logs: others} {
		before := want.Load()
		if err := post(t, s, o); err != nil || want.Load() != before+1 {
			t.Errorf("%s: %v, %d calls", s, err, want.Load()-before)
		}
	}
}

// The metadata service is asked for the region only if allowed, and only if nothing
// else says it.
func TestRegionByMetadata(t *testing.T) {
	calm(t)
	asked := new(atomic.Int32)
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
		w.Write([]byte("token"))
	})
	mux.HandleFunc("GET /latest/dynamic/instance-identity/document", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`{"region":"eu-north-1","instanceId":"i-1"}`))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", s.URL)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "")
	for name, c := range map[string]struct {
		o     awsapi.Options
		want  string
		calls int32
	}{
		"not allowed": {awsapi.Options{}, "", 0},
		"allowed":     {awsapi.Options{Metadata: true}, "eu-north-1", 1},
		"known":       {awsapi.Options{Metadata: true, Region: "eu-west-1"}, "eu-west-1", 0},
		// A proxy has no such service.
		"with a proxy": {awsapi.Options{Metadata: true, Proxy: "http://192.0.2.1:3128"}, "eu-north-1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			before := asked.Load()
			cfg, err := awsapi.Load(t.Context(), c.o)
			if err != nil || cfg.Region != c.want || asked.Load()-before != c.calls {
				t.Errorf("region %q, %v, asked %d times, want %q, %d", cfg.Region, err, asked.Load()-before, c.want, c.calls)
			}
		})
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if cfg, err := awsapi.Load(t.Context(), awsapi.Options{Metadata: true}); err != nil || cfg.Region != "" {
		t.Errorf("without a service: %q, %v", cfg.Region, err)
	}
}
