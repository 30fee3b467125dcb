package awsproto

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sigAlgorithm = "AWS4-HMAC-SHA256"
	sigTime      = "20060102T150405Z"
	// maxSkew is how far X-Amz-Date may be from the server's clock.
	maxSkew = 5 * time.Minute
)

// credential is a parsed Authorization header of Signature Version 4.
type credential struct {
	key, date, region, service string
	signedHeaders              []string
	signature                  string
}

// parseAuthorization parses "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…,
// Signature=…". If that is not what h is, it says so in the words of AWS.
func parseAuthorization(h string) (c credential, problem string) {
	algorithm, rest, _ := strings.Cut(strings.TrimSpace(h), " ")
	if algorithm != sigAlgorithm {
		return c, "Authorization header requires '" + sigAlgorithm + "'."
	}
	var scope string
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope = value
		case "SignedHeaders":
			c.signedHeaders = strings.Split(value, ";")
		case "Signature":
			c.signature = value
		}
	}
	parts := strings.Split(scope, "/")
	n := len(parts)
	switch {
	case scope == "":
		return c, "Authorization header requires 'Credential' parameter."
	case n < 5 || parts[n-1] != "aws4_request":
		return c, fmt.Sprintf("Credential must have at least 5 slash-delimited elements and end in 'aws4_request', got %q.", scope)
	case c.signature == "":
		return c, "Authorization header requires 'Signature' parameter."
	case len(c.signedHeaders) == 0 || c.signedHeaders[0] == "":
		return c, "Authorization header requires 'SignedHeaders' parameter."
	}
	c.key = strings.Join(parts[:n-4], "/")
	c.date, c.region, c.service = parts[n-4], parts[n-3], parts[n-2]
	return c, ""
}

// scope is the part of the credential that the signature covers.
func (c *credential) scope() string {
	return c.date + "/" + c.region + "/" + c.service + "/aws4_request"
}

// verify checks the signature of r with the body as sent. The headers that
// count are those the client lists.
func (c *credential) verify(r *http.Request, body []byte, secret string) bool {
	sum := sha256.Sum256([]byte(c.canonical(r, body)))
	toSign := sigAlgorithm + "\n" + r.Header.Get("X-Amz-Date") + "\n" + c.scope() + "\n" + hex.EncodeToString(sum[:])
	key := mac([]byte("AWS4"+secret), c.date)
	for _, s := range []string{c.region, c.service, "aws4_request", toSign} {
		key = mac(key, s)
	}
	got, err := hex.DecodeString(c.signature)
	return err == nil && hmac.Equal(got, key)
}

func mac(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}

func (c *credential) canonical(r *http.Request, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + escape(r.URL.EscapedPath(), true) + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	for _, name := range c.signedHeaders {
		b.WriteString(strings.ToLower(name) + ":" + headerValue(r, name) + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(c.signedHeaders, ";") + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

// headerValue is a header as the client signed it. The server keeps Host and
// Content-Length apart from the others.
func headerValue(r *http.Request, name string) string {
	switch strings.ToLower(name) {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}

func canonicalQuery(q url.Values) string {
	var pairs []string
	for k, vs := range q {
		for _, v := range vs {
			pairs = append(pairs, escape(k, false)+"="+escape(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape is the URI encoding of Signature Version 4: everything but the
// unreserved characters of RFC 3986, and slashes if they are kept.
func escape(s string, keepSlash bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '-' || c == '_' || c == '.' || c == '~' || c == '/' && keepSlash {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
