package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/sdk"
)

// callTimeout bounds a call of another service.
const callTimeout = 10 * time.Second

// peer is another service.
type peer struct {
	name   string
	base   string
	client *http.Client
}

func newPeer(tel *sdk.Telemetry, name, base string) *peer {
	return &peer{
		name: name, base: strings.TrimSuffix(base, "/"),
		client: &http.Client{Transport: tel.RoundTripper(nil, sdk.WithPeer(name)), Timeout: callTimeout},
	}
}

// statusError is an answer other than success.
type statusError struct {
	peer   string
	status int
	text   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s answered %d: %s", e.peer, e.status, e.text)
}

// call sends in as JSON, unless it is nil, and reads a successful answer into
// out. Other answers are a *statusError.
func (p *peer) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request to %s: %w", p.name, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, body)
	if err != nil {
		return fmt.Errorf("make request to %s: %w", p.name, err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("call %s: %w", p.name, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", p.name, err)
	}
	if res.StatusCode >= 300 {
		var why problem
		if json.Unmarshal(answer, &why) != nil || why.Error == "" {
			why.Error = http.StatusText(res.StatusCode)
		}
		return &statusError{p.name, res.StatusCode, why.Error}
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", p.name, err)
	}
	return nil
}
