package agent

import (
	"regexp"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
)

// names makes destinations of log events out of the configured templates.
type names struct {
	logs config.Logs
	id   identity.Identity
}

// dest returns the log group and stream of a source: a tag, a path, a stream of
// a child. service replaces the agent's own, if it is not empty.
func (n names) dest(lane, service, source string) sidelight.DestHandle {
	value := func(name string) string {
		switch {
		case name == "source":
			return source
		case name == "service" && service != "":
			return service
		}
		return n.id.Value(name)
	}
	return sidelight.Dest{
		Exporter: lane,
		Group:    groupName(n.logs.Group.Expand(value)),
		Stream:   streamName(n.logs.Stream.Expand(value)),
	}.Handle()
}

// badGroup is what CreateLogGroup does not take in a name.
var badGroup = regexp.MustCompile(`[^.\-_/#A-Za-z0-9]+`)

func groupName(s string) string {
	s = badGroup.ReplaceAllString(s, "-")
	if strings.HasPrefix(s, "aws/") {
		s = "/" + s
	}
	if s == "" {
		s = "sidelight"
	}
	return s[:min(len(s), 512)]
}

// exactStream returns s, which somebody chose, as a name of a stream: only what
// CreateLogStream does not take is replaced.
func exactStream(s string) string {
	s = strings.NewReplacer(":", "-", "*", "-").Replace(s)
	return s[:min(len(s), 512)]
}

func streamName(s string) string {
	s = strings.NewReplacer(":", "-", "*", "-").Replace(strings.Trim(s, "/"))
	if s == "" {
		s = "default"
	}
	return s[:min(len(s), 512)]
}
