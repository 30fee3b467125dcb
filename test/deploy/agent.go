// Package deploy reads what the folder deploy has for each platform and checks that
// all of it agrees: with the Dockerfile, with the chart's version, with the agent's
// defaults, and with itself.
package deploy

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/agent/config"
)

// Agent is the agent as an artefact runs it: a container, or a unit of systemd.
type Agent struct {
	// Where says which artefact this is.
	Where string
	// Image is "" where there is none.
	Image string
	// Command is what the image's entry point is given.
	Command []string
	// User is a number, "" for the image's own.
	User string
	// Privileged agents may be root: they read what belongs to it.
	Privileged bool
	ReadOnly   bool
	Environ    map[string]string
	// Config is the text of its configuration file, "" for none.
	Config string
	// Lacks is what the artefact names and has not.
	Lacks string
	// Mounts are the paths of volumes that it may write.
	Mounts []string
	// Probes are the commands of all of its probes.
	Probes [][]string
	// Stop is the time from SIGTERM to SIGKILL.
	Stop time.Duration
	// Ports are those that are reached from outside its network namespace, as
	// 4317/tcp.
	Ports []string
}

// Sender is a container that sends to an Agent.
type Sender struct {
	Where   string
	Environ map[string]string
}

// margin is the least that a platform waits longer than the agent takes to stop.
const margin = 5 * time.Second

// Load reads the configuration that the agent will have.
func (a Agent) Load() (*config.Loaded, error) {
	environ := make([]string, 0, len(a.Environ)+1)
	for name, value := range a.Environ {
		environ = append(environ, name+"="+value)
	}
	if a.Config != "" {
		// A line end makes it the text of a file instead of its path.
		environ = append(environ, "SIDELIGHT_CONFIG="+a.Config+"\n")
	}
	l, problems := config.Load("", environ)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", a.Where, problems)
	}
	return l, nil
}

// Check returns what is not as it should be.
func (a Agent) Check(i Image) []string {
	if a.Lacks != "" {
		return []string{a.Where + " lacks " + a.Lacks}
	}
	l, err := a.Load()
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	bad := func(format string, args ...any) { out = append(out, a.Where+": "+fmt.Sprintf(format, args...)) }
	if a.Image != "" && a.Image != i.Name("") {
		bad("image %s, want %s", a.Image, i.Name(""))
	}
	if user, _, _ := strings.Cut(a.User, ":"); user != "" && user != i.User && (!a.Privileged || user != "0") {
		bad("user %s, the image's is %s", a.User, i.User)
	}
	if !a.ReadOnly {
		bad("its root can be written")
	}
	if len(a.Command) == 0 || (a.Command[0] != "run" && a.Command[0] != "exec") {
		bad("command %q", a.Command)
	}
	if !slices.Contains(a.Mounts, i.Queue) {
		bad("nothing is mounted at %s, where the queue is: %q", i.Queue, a.Mounts)
	}
	if len(a.Probes) == 0 {
		bad("no probe")
	}
	for _, p := range a.Probes {
		if len(p) != 2 || p[0] != i.Program || (p[1] != "ready" && p[1] != "health") {
			bad("probe %q", p)
		}
	}
	if grace := l.Config.Shutdown.Grace; a.Stop < grace+margin {
		bad("it is killed after %s and may take %s to stop", a.Stop, grace)
	}
	open := Listeners(l.Config)
	for _, p := range a.Ports {
		if host, ok := open[p]; !ok || loopback(host) {
			bad("port %s is published, and the agent listens on %q", p, host)
		}
	}
	return out
}

// CheckSender returns what a sender is told about an agent and is not so. local
// says that both share a network namespace.
func (a Agent) CheckSender(s Sender, local bool) []string {
	l, err := a.Load()
	if err != nil {
		return []string{err.Error()}
	}
	open := Listeners(l.Config)
	var out []string
	for name, protocol := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "tcp", "AWS_XRAY_DAEMON_ADDRESS": "udp", "AWS_EMF_AGENT_ENDPOINT": "tcp", "STATSD_ADDRESS": "udp",
	} {
		value, ok := s.Environ[name]
		if !ok {
			continue
		}
		host, port, err := hostPort(value)
		listens, there := open[port+"/"+protocol]
		switch {
		case err != nil:
			out = append(out, fmt.Sprintf("%s: %s: %v", s.Where, name, err))
		case !there:
			out = append(out, fmt.Sprintf("%s: %s is %s, where %s does not listen", s.Where, name, value, a.Where))
		case local != loopback(host), !local && loopback(listens):
			out = append(out, fmt.Sprintf("%s: %s is %s, and %s listens on %s", s.Where, name, value, a.Where, listens))
		}
	}
	slices.Sort(out)
	return out
}

func hostPort(address string) (host, port string, err error) {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		u, err := url.Parse("x://" + rest)
		if err != nil {
			return "", "", err
		}
		address = u.Host
	}
	return net.SplitHostPort(address)
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Listeners returns the addresses that a configuration opens, by port and protocol.
func Listeners(c config.Config) map[string]string {
	r := c.Receivers
	out := map[string]string{}
	for _, l := range []struct {
		address  config.Address
		protocol string
	}{
		{r.OTLP.GRPC, "tcp"},
		{r.OTLP.HTTP, "tcp"},
		{r.XRay.UDP, "udp"},
		{r.XRay.TCP, "tcp"},
		{r.Forward.TCP, "tcp"},
		{r.StatsD.UDP, "udp"},
		{r.EMF.TCP, "tcp"},
		{r.EMF.UDP, "udp"},
		{r.Syslog.TCP, "tcp"},
		{r.Syslog.UDP, "udp"},
		{r.Lines.TCP, "tcp"},
		{r.Lines.UDP, "udp"},
		{c.Status.Listen, "tcp"},
	} {
		if host, port, err := net.SplitHostPort(string(l.address)); err == nil {
			out[port+"/"+l.protocol] = host
		}
	}
	return out
}
