package agent

import (
	"errors"
	"net"
	"syscall"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/status"
)

// port is a listener's address in the configuration.
type port struct {
	name, path, network string
	address             *config.Address
}

// ports returns the addresses that are listened on when nothing is configured.
func (a *Agent) ports() []port {
	r := &a.cfg.Receivers
	ports := []port{
		{"otlp grpc", "receivers.otlp.grpc", "tcp", &r.OTLP.GRPC},
		{"otlp http", "receivers.otlp.http", "tcp", &r.OTLP.HTTP},
		{"xray udp", "receivers.xray.udp", "udp", &r.XRay.UDP},
		{"xray tcp", "receivers.xray.tcp", "tcp", &r.XRay.TCP},
		{"emf tcp", "receivers.emf.tcp", "tcp", &r.EMF.TCP},
		{"emf udp", "receivers.emf.udp", "udp", &r.EMF.UDP},
		{"statsd udp", "receivers.statsd.udp", "udp", &r.StatsD.UDP},
		{"status", "status.listen", "tcp", &a.cfg.Status.Listen},
	}
	// A FireLens router without its port is none: the containers' logs would be lost.
	if a.firelens == nil {
		ports = append(ports, port{"forward tcp", "receivers.forward.tcp", "tcp", &r.Forward.TCP})
	}
	return ports
}

// giveWay closes the addresses that nobody chose and another process listens on:
// an X-Ray daemon or a collector beside the agent is no reason to take the task
// down. An address that was chosen is opened or the agent does not start. See
// docs/adr/0014.
func (a *Agent) giveWay(chosen func(path string) bool) {
	if chosen == nil {
		return
	}
	for _, p := range a.ports() {
		if !p.address.On() || chosen(p.path) || !taken(p.network, string(*p.address)) {
			continue
		}
		a.log.Warn("another process listens on this default port: what is sent there does not reach this agent",
			"for", p.name, "address", string(*p.address), "network", p.network, "setting", p.path, "hint", "set it to a free port or to off")
		a.yielded = append(a.yielded, status.Listener{Name: p.name, Address: string(*p.address), Taken: true})
		*p.address = config.Off
	}
}

// taken reports whether another socket has an address. Whatever else is wrong with
// the address is found, and said, when it is opened.
func taken(network, address string) bool {
	var err error
	if network == "udp" {
		var c net.PacketConn
		if c, err = net.ListenPacket(network, address); err == nil {
			err = c.Close()
		}
	} else {
		var l net.Listener
		if l, err = net.Listen(network, address); err == nil {
			err = l.Close()
		}
	}
	return errors.Is(err, syscall.EADDRINUSE)
}
