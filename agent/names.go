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
	return sidelight.Dest{
		Exporter: lane,
		Group:    groupName(n.expand(n.logs.Group, service, source)),
		Stream:   streamName(n.expand(n.logs.Stream, service, source)),
	}.Handle()
}

// expand fills in the placeholders of t.
func (n names) expand(t config.Template, service, source string) string {
	return t.Expand(func(name string) string {
		switch {
		case name == "source":
			return source
		case name == "service" && service != "":
			return service
		}
		return n.id.Value(name)
	})
}

// route returns where events of source go by r. What r does not say is as it
// is in from.
func (n names) route(r config.Route, lane, source string, from sidelight.DestHandle) sidelight.DestHandle {
	d := from.Value()
	d.Exporter = lane
	if r.Group != "" {
		d.Group = groupName(n.expand(r.Group, "", source))
	}
	if r.Stream != "" {
		d.Stream = streamName(n.expand(r.Stream, "", source))
	}
	return d.Handle()
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
