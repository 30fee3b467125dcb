package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/firelens"
	"github.com/sidelight-dev/sidelight/agent/processor/container"
	"github.com/sidelight-dev/sidelight/agent/processor/join"
	"github.com/sidelight-dev/sidelight/agent/receiver/swallow"
	"github.com/sidelight-dev/sidelight/agent/supervise"
)

// Where ECS puts what it generates for a router, by the type that
// firelensConfiguration names, and where Docker's driver looks for its socket.
const (
	fluentBitConf = "/fluent-bit/etc/fluent-bit.conf"
	fluentdConf   = "/fluentd/etc/fluent.conf"
	fluentSocket  = "/var/run/fluent.sock"
)

// loadFireLens reads what ECS generated, if it did.
func (a *Agent) loadFireLens() error {
	path := a.cfg.Receivers.Forward.FireLens
	if path == "auto" {
		switch {
		case exists(fluentBitConf):
			plan, err := a.readFireLens(fluentBitConf)
			if err != nil {
				a.log.Error("FireLens' configuration cannot be read: every record goes to the agent's own log group", "err", err)
				plan = firelens.Metadata(a.fireLensOptions(""), a.definition())
			}
			a.firelens = plan
			return nil
		case exists(fluentdConf):
			a.log.Error("FireLens' configuration is Fluentd's and not carried over: set the type of firelensConfiguration to fluentbit; "+
				"until then every record goes to the agent's own log group", "path", fluentdConf)
			a.firelens = firelens.Metadata(a.fireLensOptions(""), a.definition())
			return nil
		}
	}
	if !path.On() {
		return nil
	}
	plan, err := a.readFireLens(string(path))
	a.firelens = plan
	return err
}

func (a *Agent) readFireLens(path string) (*firelens.Plan, error) {
	plan, err := firelens.Load(a.fireLensOptions(path))
	if err != nil {
		return nil, err
	}
	for _, n := range plan.Notes {
		a.log.Warn("FireLens' configuration: not carried over", "at", n.Place, "what", n.Text)
	}
	return plan, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (a *Agent) fireLensOptions(path string) firelens.Options {
	return firelens.Options{
		Path: path, Region: a.id.Region, Role: a.cfg.AWS.RoleARN, Cluster: a.id.Cluster, TaskARN: a.id.TaskARN,
	}
}

// definition is the task definition as ECS writes it into records.
func (a *Agent) definition() string {
	if a.id.Family == "" || a.id.Revision == "" {
		return a.id.Family
	}
	return a.id.Family + ":" + a.id.Revision
}

// forwardTCP returns the address for Forward: in the bridge network other
// containers do not reach loopback, and ECS says so in what it generates.
func (a *Agent) forwardTCP() string {
	own := a.cfg.Receivers.Forward.TCP
	if a.firelens != nil && a.firelens.TCP != "" && own == config.Default().Receivers.Forward.TCP {
		return a.firelens.TCP
	}
	return on(own)
}

// forwardSocket returns the path of the socket. auto means FireLens': its
// directory is mounted into a router's container.
func (a *Agent) forwardSocket() string {
	switch {
	case a.cfg.Receivers.Forward.Unix != "auto":
		return on(a.cfg.Receivers.Forward.Unix)
	case a.firelens == nil:
		return ""
	case a.firelens.Unix != "":
		return a.firelens.Unix
	}
	return fluentSocket
}

// explain adds to the error of the socket what can be done. A router without it
// must not run: containers would log into nothing.
func (a *Agent) explain(err error) error {
	if a.firelens == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w; give the router's container a user who owns the socket's directory: \"0\", or \"65532\" where the ECS agent is 1.96.0 or later", err)
}

// forwardSink returns where Forward's records go: a router first joins what the
// container runtime cut, then does what the task definition says; what the
// agent's own configuration wants done comes last.
func (a *Agent) forwardSink() (sidelight.Sink, error) {
	out, err := a.process("forward", logsLane, a.out.logs, forwardInput(a.cfg.Receivers.Forward))
	if err != nil || a.firelens == nil {
		return out, err
	}
	a.router = firelens.NewRouter(a.firelens, out, a.fireLensDest, &a.books, a.log.With("receiver", "forward"))
	read := firelens.Unmarked
	if a.id.Launch == "EC2" || a.id.Launch == "EXTERNAL" {
		read = container.Record // Docker marks pieces
	}
	a.joining = join.New(join.Config{Read: read}, a.router, &a.books, a.log.With("receiver", "forward"))
	return a.joining, nil
}

// fireLensDest returns the place of a route. What the task definition does not
// name is named by the agent's templates.
func (a *Agent) fireLensDest(tag string, r firelens.Route) sidelight.DestHandle {
	d := a.names.dest(logsLane, "", tag).Value()
	if r.Group != "" {
		d.Group = groupName(r.Group)
	}
	if r.Stream != "" {
		d.Stream = exactStream(r.Stream)
	}
	return d.Handle()
}

// fireLensRetention is asked when a group is made.
func (a *Agent) fireLensRetention(group string) (int32, bool) {
	if a.router == nil {
		return 0, false
	}
	return a.router.Retention(group)
}

func (a *Agent) superviseFireLens(s *supervise.Supervisor) {
	if a.joining == nil {
		return
	}
	s.Add(stageJoin, supervise.Actor{
		Name: "joining of pieces", Restart: true, Run: a.joining.Run, Stop: a.joining.Close,
	})
}

// buildSwallow listens where FireLens' health check sends to.
func (a *Agent) buildSwallow() error {
	if a.firelens == nil {
		return nil
	}
	for _, addr := range a.firelens.Swallow {
		r, err := receive(a, "health check input "+addr, nil, func() (*swallow.Receiver, error) { return swallow.New(addr) })
		if err != nil {
			return err
		}
		a.listen("firelens health check", r.Addr())
	}
	return nil
}
