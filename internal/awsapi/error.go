package awsapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// Error is a refusal by AWS.
type Error struct {
	Status    int
	Code      string // without namespace: "ThrottlingException"
	Message   string
	RequestID string
}

// Error implements error.
func (e *Error) Error() string {
	code := e.Code
	if code == "" {
		code = http.StatusText(e.Status)
	}
	s := fmt.Sprintf("%s (HTTP %d)", code, e.Status)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

func parseError(resp *http.Response, body []byte) *Error {
	e := &Error{Status: resp.StatusCode, RequestID: resp.Header.Get("X-Amzn-Requestid")}
	switch kind := resp.Header.Get("Content-Type"); {
	case strings.Contains(kind, "cbor"):
		e.Code, e.Message = cborText(body, "__type"), cborText(body, "message")
	case strings.HasPrefix(kind, "application/x-protobuf"): // of an OTLP endpoint
		e.Message = otlpwire.StatusMessage(body)
	default:
		var m struct {
			Type    string `json:"__type"`
			Code    string `json:"code"`
			Message string `json:"message"` // matches Message too
		}
		if json.Unmarshal(body, &m) == nil {
			e.Code, e.Message = m.Type, m.Message
			if e.Code == "" {
				e.Code = m.Code
			}
		}
	}
	// The header wins over the body, as it does for the SDKs.
	if h := resp.Header.Get("X-Amzn-Errortype"); h != "" {
		e.Code = h
	}
	e.Code = bareCode(e.Code)
	return e
}

// bareCode strips a namespace before '#' and a URL after ':'.
func bareCode(code string) string {
	if _, after, ok := strings.Cut(code, "#"); ok {
		code = after
	}
	code, _, _ = strings.Cut(code, ":")
	return code
}

// cborText returns the text value that follows the key in a CBOR map, or "".
// An error body is small and flat, so that looking for the key's bytes is
// enough.
func cborText(body []byte, key string) string {
	needle := append([]byte{0x60 | byte(len(key))}, key...)
	_, rest, ok := bytes.Cut(body, needle)
	if !ok || len(rest) == 0 || rest[0]>>5 != 3 {
		return ""
	}
	n, skip := int(rest[0]&31), 1
	switch {
	case n == 24 && len(rest) > 1:
		n, skip = int(rest[1]), 2
	case n == 25 && len(rest) > 2:
		n, skip = int(rest[1])<<8|int(rest[2]), 3
	case n >= 24:
		return ""
	}
	if skip+n > len(rest) {
		return ""
	}
	return string(rest[skip : skip+n])
}

// Classify says what to do about an answer with an error status. The codes are
// those that the SDK's standard retryer knows, and the ones that the services
// document for denied callers.
func Classify(status int, code string) sidelight.FaultKind {
	switch {
	case isThrottle(code) || status == http.StatusTooManyRequests:
		return sidelight.Throttled
	case status == http.StatusRequestEntityTooLarge || code == "RequestEntityTooLargeException":
		return sidelight.TooLarge
	case isDenied(code) || status == http.StatusUnauthorized || status == http.StatusForbidden:
		return sidelight.Denied
	case status >= 500 || status == http.StatusRequestTimeout || strings.HasPrefix(code, "RequestTimeout"):
		return sidelight.Transient
	case status < 400:
		// A redirect or an odd success comes from something in between.
		return sidelight.Transient
	}
	return sidelight.Rejected
}

func isThrottle(code string) bool {
	switch code {
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
		"RequestThrottled", "TooManyRequestsException", "ProvisionedThroughputExceededException",
		"RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "SlowDown",
		"PriorRequestNotComplete", "EC2ThrottledException":
		return true
	}
	return false
}

func isDenied(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired":
		return true
	}
	return isIdentity(code)
}

// isIdentity reports whether a denied caller was not recognized at all, whatever
// it asked for.
func isIdentity(code string) bool {
	switch code {
	case "UnrecognizedClientException", "InvalidClientTokenId",
		"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "RequestExpired", "RequestTimeTooSkewed", "InvalidAccessKeyId":
		return true
	}
	return isExpired(code)
}

func isExpired(code string) bool {
	return code == "ExpiredToken" || code == "ExpiredTokenException"
}

// retryAfter reads the two headers by which AWS and proxies ask for patience.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.Atoi(h.Get("X-Amz-Retry-After")); err == nil && ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	return 0
}

// Details returns the HTTP status and the error code of an error of a generated
// client, zero and "" where it has none.
func Details(err error) (status int, code string) {
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = r.HTTPStatusCode()
	}
	if a, ok := errors.AsType[smithy.APIError](err); ok {
		code = a.ErrorCode()
	}
	return status, code
}
