package imds_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/imds"
)

// service is a metadata service of version 2: without a token it says nothing.
func service(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Write([]byte("token"))
	})
	mux.HandleFunc("GET /latest/meta-data/instance-id", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Aws-Ec2-Metadata-Token") != "token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Write([]byte("i-0abc\n"))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestGet(t *testing.T) {
	url := service(t)
	for name, c := range map[string]struct {
		env             map[string]string
		path, want, err string
	}{
		"a value":   {map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": url + "/"}, imds.InstanceID, "i-0abc", ""},
		"no value":  {map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}, imds.Hostname, "", "404"},
		"disabled":  {map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": url, "AWS_EC2_METADATA_DISABLED": "TRUE"}, imds.InstanceID, "", ""},
		"elsewhere": {map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": url + "/x"}, imds.InstanceID, "", "get a token"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := imds.New(func(k string) string { return c.env[k] }).Get(t.Context(), c.path)
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v, want %q, %s", got, err, c.want, c.err)
			}
		})
	}
}
