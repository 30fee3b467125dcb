package deploy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Task is a task definition of ECS, or of a managed daemon, in the form of its API.
type Task struct {
	Family               string
	NetworkMode          string
	ContainerDefinitions []Container
}

// Container is what the checks look at in a container of a task.
type Container struct {
	Name                   string
	Image                  string
	Essential              *bool
	Command                []string
	EntryPoint             []string
	User                   string
	ReadonlyRootFilesystem bool
	StopTimeout            int
	Links                  []string
	Environment            []struct{ Name, Value string }
	PortMappings           []struct {
		Name          string
		ContainerPort int
		HostPort      int
		Protocol      string
	}
	MountPoints []struct {
		SourceVolume, ContainerPath string
		ReadOnly                    bool
	}
	HealthCheck *struct {
		Command                                 []string
		Interval, Timeout, Retries, StartPeriod int
	}
	DependsOn             []struct{ ContainerName, Condition string }
	FirelensConfiguration *struct {
		Type    string
		Options map[string]string
	}
	LogConfiguration *struct {
		LogDriver string
		Options   map[string]string
	}
}

// ParseTask reads a task definition.
func ParseTask(text []byte) (Task, error) {
	var t Task
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("parse a task definition: %w", err)
	}
	return t, nil
}

// Agent returns the container named sidelight.
func (t Task) Agent(where string) (Container, Agent, bool) {
	for _, c := range t.ContainerDefinitions {
		if c.Name == "sidelight" {
			return c, c.agent(where), true
		}
	}
	return Container{}, Agent{}, false
}

func (c Container) environ() map[string]string {
	m := map[string]string{}
	for _, v := range c.Environment {
		m[v.Name] = v.Value
	}
	return m
}

func (c Container) agent(where string) Agent {
	a := Agent{
		Where: where, Image: c.Image, Command: c.Command, User: c.User, ReadOnly: c.ReadonlyRootFilesystem,
		Environ: c.environ(), Stop: time.Duration(c.StopTimeout) * time.Second,
	}
	for _, m := range c.MountPoints {
		if !m.ReadOnly {
			a.Mounts = append(a.Mounts, m.ContainerPath)
		}
	}
	for _, p := range c.PortMappings {
		protocol := p.Protocol
		if protocol == "" {
			protocol = "tcp"
		}
		a.Ports = append(a.Ports, fmt.Sprintf("%d/%s", p.ContainerPort, protocol))
	}
	if c.HealthCheck != nil && len(c.HealthCheck.Command) > 0 && c.HealthCheck.Command[0] == "CMD" {
		a.Probes = [][]string{c.HealthCheck.Command[1:]}
	}
	return a
}

// Check returns what is not as it should be in a task with an agent: the agent
// itself, and the order, addresses and logs of the containers beside it.
func (t Task) Check(where string, i Image) []string {
	own, a, ok := t.Agent(where)
	if !ok {
		return []string{where + ": no container is named sidelight"}
	}
	out := a.Check(i)
	bad := func(format string, args ...any) { out = append(out, where+": "+fmt.Sprintf(format, args...)) }
	// Docker's limits and ECS's: the least interval is 5 s, the longest stop on
	// Fargate 120 s.
	if own.StopTimeout > 120 {
		bad("stopTimeout %d, Fargate allows 120", own.StopTimeout)
	}
	if own.LogConfiguration == nil || own.LogConfiguration.LogDriver == "awsfirelens" {
		bad("the agent's own log would go through the agent")
	}
	router := own.FirelensConfiguration != nil
	if router && (own.Essential != nil && !*own.Essential || own.FirelensConfiguration.Type != "fluentbit") {
		bad("a router has to be essential, and of the type fluentbit")
	}
	for _, c := range t.ContainerDefinitions {
		if c.Name == "sidelight" {
			continue
		}
		out = append(out, t.checkBeside(where, c, a, router)...)
	}
	return out
}

func (t Task) checkBeside(where string, c Container, a Agent, router bool) []string {
	var out []string
	where += ": " + c.Name
	local := t.NetworkMode != "bridge"
	waits := slices.ContainsFunc(c.DependsOn, func(d struct{ ContainerName, Condition string }) bool {
		return d.ContainerName == "sidelight" && d.Condition == "HEALTHY"
	})
	if !waits {
		out = append(out, where+" does not depend on sidelight being HEALTHY")
	}
	if !local && !slices.Contains(c.Links, "sidelight") {
		out = append(out, where+" is not linked with sidelight")
	}
	if through := c.LogConfiguration != nil && c.LogConfiguration.LogDriver == "awsfirelens"; through != router {
		out = append(out, fmt.Sprintf("%s: its log driver is awsfirelens: %v, the agent is a router: %v", where, through, router))
	}
	s := Sender{Where: where, Environ: c.environ()}
	if len(s.Environ) == 0 || !strings.Contains(s.Environ["OTEL_EXPORTER_OTLP_ENDPOINT"], ":4318") {
		out = append(out, where+" is told nothing of where OTLP goes")
	}
	return append(out, a.CheckSender(s, local)...)
}
