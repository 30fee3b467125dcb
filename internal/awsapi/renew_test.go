package awsapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// Credentials of a shared file and of a process are asked for again when AWS
// calls them expired, and not before.
func TestExpiredCredentialsAreRenewed(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, dir, key string){
		"file": func(t *testing.T, dir, key string) {
			put(t, filepath.Join(dir, "credentials"), fmt.Sprintf("[test]\naws_access_key_id = %s\naws_secret_access_key = s\naws_session_token = t\n", key))
		},
		"process": func(t *testing.T, dir, key string) {
			put(t, filepath.Join(dir, "out"), fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":"s"}`, key))
			put(t, filepath.Join(dir, "config"), "[profile test]\ncredential_process = cat "+filepath.Join(dir, "out")+"\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			var expired, seen atomic.Value
			expired.Store("")
			svc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
				key, _, _ := strings.Cut(rest, "/")
				seen.Store(key)
				if key == expired.Load() {
					w.Header().Set("X-Amzn-Errortype", "ExpiredTokenException")
					w.WriteHeader(http.StatusBadRequest)
				}
			}))
			defer svc.Close()
			write(t, dir, "OLD")
			cfg, err := awsapi.Load(t.Context(), awsapi.Options{Region: "eu-west-1", Profile: "test", Endpoint: svc.URL})
			if err != nil {
				t.Fatal(err)
			}
			c, err := awsapi.NewClient(t.Context(), cfg, awsapi.Logs)
			if err != nil {
				t.Fatal(err)
			}
			post := func(want string, fails bool) {
				t.Helper()
				_, err := c.Post(t.Context(), &awsapi.Request{Op: "test", Path: "/", Header: http.Header{}})
				if (err != nil) != fails || seen.Load() != want {
					t.Errorf("signed as %q, %v; want %q", seen.Load(), err, want)
				}
			}
			post("OLD", false)
			write(t, dir, "NEW")
			post("OLD", false)
			expired.Store("OLD")
			post("OLD", true)
			post("NEW", false)
			expired.Store("NEW") // and nothing newer yet
			post("NEW", true)
			post("NEW", true)
			write(t, dir, "NEWEST")
			post("NEWEST", false)
		})
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
