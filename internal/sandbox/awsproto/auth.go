package awsproto

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// authenticate says who sent r, or refuses it as the service would. body is
// the body as sent.
func (h *Handler) authenticate(r *http.Request, s *service, body []byte) (credential, *api.Error) {
	codes := &s.spec.Codes
	header := r.Header.Get("Authorization")
	if header == "" {
		return credential{}, refusal(codes.Unsigned, "Missing Authentication Token")
	}
	c, problem := parseAuthorization(header)
	if problem != "" {
		return c, refusal(codes.Incomplete, "%s", problem)
	}
	if c.service != s.spec.Service {
		return c, refusal(codes.Signature, "Credential should be scoped to correct service: '%s'.", s.spec.Service)
	}
	if !h.verify {
		return c, nil
	}
	return c, h.checkSignature(r, s, &c, body)
}

func (h *Handler) checkSignature(r *http.Request, s *service, c *credential, body []byte) *api.Error {
	codes := &s.spec.Codes
	secret, ok := h.keys[c.key]
	if !ok {
		return refusal(codes.Key, "The security token included in the request is invalid.")
	}
	if date := r.Header.Get("X-Amz-Date"); len(c.date) != 8 || !strings.HasPrefix(date, c.date) {
		return refusal(codes.Incomplete, "Date in Credential scope does not match the header X-Amz-Date: '%s' and '%s'.", c.date, date)
	}
	if e := h.checkTime(r, s, 0); e != nil {
		return e
	}
	if !c.verify(r, body, secret) {
		return refusal(codes.Signature, "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method.")
	}
	return nil
}

// checkTime refuses a signature of another time than the service's, whose clock
// is ahead of ours by skew.
func (h *Handler) checkTime(r *http.Request, s *service, skew time.Duration) *api.Error {
	codes, date := &s.spec.Codes, r.Header.Get("X-Amz-Date")
	t, err := time.Parse(sigTime, date)
	if err != nil {
		return refusal(codes.Incomplete, "The header X-Amz-Date is not a time: '%s'.", date)
	}
	if now := h.now().Add(skew); t.Before(now.Add(-maxSkew)) || t.After(now.Add(maxSkew)) {
		return refusal(codes.Expired, "Signature expired or not yet current: %s is not within 5 minutes of %s.", date, now.UTC().Format(sigTime))
	}
	return nil
}

func refusal(c Code, format string, args ...any) *api.Error {
	return &api.Error{Shape: c.Name, Status: c.Status, Message: fmt.Sprintf(format, args...)}
}
