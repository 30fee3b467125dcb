package awsapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/smithy-go/middleware"

	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// doFunc is an HTTP client.
type doFunc func(*http.Request) (*http.Response, error)

func (f doFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestSteadyBody(t *testing.T) {
	var bodies []string
	var writes []bool
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		APIOptions: []func(*middleware.Stack) error{awsapi.SteadyBody},
		HTTPClient: doFunc(func(r *http.Request) (*http.Response, error) {
			_, canWrite := r.Body.(io.WriterTo)
			writes = append(writes, canWrite)
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if r.ContentLength != int64(len(text)) {
				t.Errorf("content length %d of %d bytes", r.ContentLength, len(text))
			}
			bodies = append(bodies, string(text))
			status := http.StatusOK
			if len(bodies) == 1 {
				status = http.StatusServiceUnavailable // so that the body is sent again
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
		}),
	}
	_, err := xray.NewFromConfig(cfg).BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 2 || bodies[0] != `{"TraceIds":["x"]}` || bodies[1] != bodies[0] || writes[0] || writes[1] {
		t.Errorf("bodies %q, which can write themselves: %v", bodies, writes)
	}
}
