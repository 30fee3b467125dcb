package deploy

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Unit is what a unit of systemd says, by key; a key may be said several times.
type Unit map[string][]string

// ParseUnit reads a unit file.
func ParseUnit(text []byte) Unit {
	u := Unit{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			u[key] = append(u[key], value)
		}
	}
	return u
}

// last returns the value of a key that counts.
func (u Unit) last(key string) string {
	if values := u[key]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// Agent returns the agent that the unit starts with a configuration.
func (u Unit) Agent(config string) (Agent, error) {
	stop, err := time.ParseDuration(u.last("TimeoutStopSec"))
	if err != nil {
		return Agent{}, fmt.Errorf("TimeoutStopSec: %w", err)
	}
	words := strings.Fields(u.last("ExecStart"))
	a := Agent{
		Where: "unit", Config: config, Stop: stop, ReadOnly: u.last("ProtectSystem") == "strict",
		// A machine asks the agent by its status address.
		Probes: [][]string{{"/sidelight", "health"}},
	}
	if len(words) > 1 {
		a.Command = words[1:]
	}
	for _, name := range u["StateDirectory"] {
		a.Mounts = append(a.Mounts, "/var/lib/"+name)
	}
	return a, nil
}

// ComposeService is a service of a compose file.
type ComposeService struct {
	Image       string
	Command     []string
	User        string
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	Stop        string   `yaml:"stop_grace_period"`
	NetworkMode string   `yaml:"network_mode"`
	Environment map[string]string
	Volumes     []string
	Healthcheck struct{ Test []string }
}

// ParseCompose reads a compose file.
func ParseCompose(text []byte) (map[string]ComposeService, error) {
	var f struct{ Services map[string]ComposeService }
	if err := yaml.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("parse a compose file: %w", err)
	}
	return f.Services, nil
}

// Agent returns a service as an agent.
func (s ComposeService) Agent(where string) (Agent, error) {
	stop, err := time.ParseDuration(s.Stop)
	if err != nil {
		return Agent{}, fmt.Errorf("stop_grace_period: %w", err)
	}
	a := Agent{Where: where, Image: s.Image, Command: s.Command, User: s.User, ReadOnly: s.ReadOnly, Environ: s.Environment, Stop: stop}
	for _, v := range s.Volumes {
		if _, path, ok := strings.Cut(v, ":"); ok {
			a.Mounts = append(a.Mounts, path)
		}
	}
	if test := s.Healthcheck.Test; len(test) > 0 && test[0] == "CMD" {
		a.Probes = [][]string{test[1:]}
	}
	return a, nil
}
