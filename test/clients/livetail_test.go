//go:build clients

package clients_test

import (
	"regexp"
	"testing"
)

// The SDK for JavaScript follows a group by an event stream while an agent sends
// to it.
func TestLiveTailJS(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s)
	c := forwarder(t, a.address(t, "forward"))
	if err := c.Post("app", map[string]any{"text": "before the session"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the group", func() bool { return len(s.messages(t, group, "")) == 1 })
	p := launch(t, "livetail", credentials(), "node", "livetail.js", s.url, "000000000000", group, "ERROR")
	p.line(t, regexp.MustCompile(`(?m)^started \S+$`))
	for _, text := range []string{"all is well", "ERROR gnocchi"} {
		if err := c.Post("app", map[string]any{"text": text}); err != nil {
			t.Fatal(err)
		}
	}
	line := p.line(t, regexp.MustCompile(`(?m)^event (.*)$`))[1]
	if got := field(t, line, "text"); got != "ERROR gnocchi" {
		t.Errorf("the first event of the session is %q", line)
	}
}
