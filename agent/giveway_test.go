package agent_test

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestTakenPorts has every default address taken by another process: the agent
// starts without them and says so, unless somebody chose the address.
func TestTakenPorts(t *testing.T) {
	t.Parallel()
	tcp := func(t *testing.T) config.Address {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return config.Address(l.Addr().String())
	}
	udp := func(t *testing.T) config.Address {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return config.Address(c.LocalAddr().String())
	}
	for name, tc := range map[string]struct {
		listener string
		open     func(*testing.T) config.Address
		at       func(*config.Config) *config.Address
	}{
		"receivers.otlp.grpc":   {"otlp grpc", tcp, func(c *config.Config) *config.Address { return &c.Receivers.OTLP.GRPC }},
		"receivers.otlp.http":   {"otlp http", tcp, func(c *config.Config) *config.Address { return &c.Receivers.OTLP.HTTP }},
		"receivers.xray.udp":    {"xray udp", udp, func(c *config.Config) *config.Address { return &c.Receivers.XRay.UDP }},
		"receivers.xray.tcp":    {"xray tcp", tcp, func(c *config.Config) *config.Address { return &c.Receivers.XRay.TCP }},
		"receivers.emf.tcp":     {"emf tcp", tcp, func(c *config.Config) *config.Address { return &c.Receivers.EMF.TCP }},
		"receivers.emf.udp":     {"emf udp", udp, func(c *config.Config) *config.Address { return &c.Receivers.EMF.UDP }},
		"receivers.statsd.udp":  {"statsd udp", udp, func(c *config.Config) *config.Address { return &c.Receivers.StatsD.UDP }},
		"receivers.forward.tcp": {"forward tcp", tcp, func(c *config.Config) *config.Address { return &c.Receivers.Forward.TCP }},
		"status.listen":         {"status", tcp, func(c *config.Config) *config.Address { return &c.Status.Listen }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := settings(t, sandboxtest.New(t))
			address := tc.open(t)
			*tc.at(&cfg) = address
			start := func(chosen func(string) bool) (*agent.Agent, error) {
				return agent.New(t.Context(), cfg, agent.Deps{
					Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{Service: "orders"}, Chosen: chosen,
				})
			}
			if _, err := start(func(path string) bool { return path == name }); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("chosen: New = %v, want %v", err, syscall.EADDRINUSE)
			}
			a, err := start(func(string) bool { return false })
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = a.Close() }()
			var got []status.Listener
			for _, l := range a.Report().Listeners {
				if l.Taken {
					got = append(got, l)
				}
			}
			if diff := cmp.Diff([]status.Listener{{Name: tc.listener, Address: string(address), Taken: true}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
