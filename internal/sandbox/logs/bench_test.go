package logs_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// BenchmarkPutLogEvents sends full batches of 300 byte events over HTTP.
func BenchmarkPutLogEvents(b *testing.B) {
	s := sandboxtest.New(b)
	call := func(op, body string) {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL(), strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", "Logs_20140328."+op)
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260301/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=00")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		if msg, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%s: %d %s %v", op, res.StatusCode, msg, err)
		}
	}
	call("CreateLogGroup", `{"logGroupName":"/app"}`)
	call("CreateLogStream", `{"logGroupName":"/app","logStreamName":"s"}`)
	now := time.Now().UnixMilli()
	var body bytes.Buffer
	body.WriteString(`{"logGroupName":"/app","logStreamName":"s","logEvents":[`)
	const n = 3200
	for i := range n {
		if i > 0 {
			body.WriteByte(',')
		}
		text := fmt.Sprintf(`{\"level\":\"info\",\"path\":\"/payments/%d\",\"ms\":%d,\"id\":\"%x\",`, i*7919%10007, i*31%997, uint64(i)*0x9e3779b97f4a7c15)
		fmt.Fprintf(&body, `{"timestamp":%d,"message":"%s\"text\":\"%s\"}"}`, now+int64(i/100), text, strings.Repeat("lorem ipsum ", 18))
	}
	body.WriteString("]}")
	b.SetBytes(int64(body.Len()))
	for b.Loop() {
		call("PutLogEvents", body.String())
	}
}
