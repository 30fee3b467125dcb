// Package iam writes the least policy that an agent's role needs for what its
// configuration makes it call.
package iam

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
)

// Policy is an identity policy in the form that IAM takes.
type Policy struct {
	Version   string      `json:"Version"`
	Statement []Statement `json:"Statement"`
}

// Statement allows actions on resources.
type Statement struct {
	ID        string    `json:"Sid"`
	Effect    string    `json:"Effect"`
	Action    []string  `json:"Action"`
	Resource  []string  `json:"Resource"`
	Condition Condition `json:"Condition,omitempty"`
}

// Condition is operators, keys and the values that hold.
type Condition map[string]map[string][]string

// Where is what ARNs are made of. What is empty stands for any.
type Where struct {
	// Partition is aws if it is empty.
	Partition, Region, Account string
	// Groups are log groups beside those of the configuration: what FireLens'
	// options and documents in the embedded metric format name.
	Groups []string
}

// For returns the policy for a configuration that was checked. Names that are
// known only where the agent runs, such as {task}, stand as *.
func For(cfg config.Config, w Where) Policy {
	b := &builder{cfg: cfg, w: w}
	b.w.Partition = cmp.Or(w.Partition, "aws")
	b.w.Region, b.w.Account = cmp.Or(w.Region, "*"), cmp.Or(w.Account, "*")
	b.logs()
	b.traces()
	b.metrics()
	b.remoteWrite()
	return Policy{Version: "2012-10-17", Statement: b.out}
}

type builder struct {
	cfg config.Config
	w   Where
	out []Statement
}

func (b *builder) allow(s Statement) {
	s.Effect = "Allow"
	b.out = append(b.out, s)
}

// logs allows to write to the groups, and to make them as configured. A group
// that exists is left as it is, so nothing else about groups is needed. Groups
// that AWS's OTLP endpoint writes to must exist.
func (b *builder) logs() {
	c := b.cfg.Logs
	if b.signed(c.Via == "otlp", c.Also) {
		b.allow(Statement{ID: "LogsByOTLP", Action: []string{"logs:PutLogEvents"}, Resource: b.groupARNs(b.named())})
	}
	groups := slices.Clone(b.w.Groups)
	if c.Via == "cloudwatch" {
		groups = append(groups, b.named()...)
	}
	if b.cfg.Metrics.Vias()["emf"] {
		groups = append(groups, b.cfg.Metrics.EMFGroup.Expand(b.value))
	}
	if b.cfg.Traces.ApplicationSignals {
		groups = append(groups, spanmetrics.SignalsGroup)
	}
	if len(groups) == 0 {
		return
	}
	actions := []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
	if c.Retention > 0 {
		actions = append(actions, "logs:PutRetentionPolicy")
	}
	if len(c.Tags) > 0 {
		actions = append(actions, "logs:TagResource")
	}
	b.allow(Statement{ID: "Logs", Action: actions, Resource: b.groupARNs(groups)})
}

// named are the groups of log events.
func (b *builder) named() []string {
	out := []string{b.cfg.Logs.Group.Expand(b.value)}
	for _, r := range b.cfg.Logs.Routes {
		if r.Group != "" {
			out = append(out, r.Group.Expand(b.value))
		}
	}
	return out
}

// groupARNs returns the ARNs of groups and of what is in them.
func (b *builder) groupARNs(groups []string) []string {
	groups = slices.Sorted(slices.Values(groups))
	var out []string
	for _, g := range slices.Compact(groups) {
		arn := b.arn("logs", "log-group:"+g)
		out = append(out, arn, arn+":*")
	}
	return out
}

// value is what stands for a placeholder.
func (b *builder) value(name string) string {
	switch name {
	case "service":
		return cmp.Or(b.cfg.Service.Name, "*")
	case "environment":
		return cmp.Or(b.cfg.Service.Environment, "*")
	}
	return "*"
}

// traces allows to send segments and to ask for sampling rules. X-Ray knows no
// resources for these actions.
func (b *builder) traces() {
	if !b.receivesTraces() {
		return
	}
	c := b.cfg.Traces
	var actions []string
	if c.Via != "otlp" || b.signed(c.Via.Spans(), c.Also) {
		actions = append(actions, "xray:PutTraceSegments")
	}
	if b.cfg.Receivers.XRay.TCP.On() || c.Sample.Rules {
		actions = append(actions, "xray:GetSamplingRules", "xray:GetSamplingTargets")
	}
	if c.Telemetry.Send {
		actions = append(actions, "xray:PutTelemetryRecords")
	}
	if len(actions) > 0 {
		b.allow(Statement{ID: "Traces", Action: actions, Resource: []string{"*"}})
	}
}

func (b *builder) receivesTraces() bool {
	r := b.cfg.Receivers
	return r.XRay.UDP.On() || r.XRay.TCP.On() || r.OTLP.GRPC.On() || r.OTLP.HTTP.On() || r.OTLP.Unix.On()
}

// signed reports whether what is sent as OTLP goes to AWS's own endpoint, of which
// the first destination may be one.
func (b *builder) signed(first bool, also []config.Also) bool {
	if first && b.cfg.OTLP.Endpoint == config.AWSEndpoint {
		return true
	}
	return slices.ContainsFunc(also, func(x config.Also) bool {
		return x.Kind() == "otlp" && x.OTLP.Resolve(b.cfg.OTLP).Endpoint == config.AWSEndpoint
	})
}

// metrics allows to send the namespaces that the agent makes and those that the
// configuration names. What arrives over OTLP is in the namespace of the agent.
func (b *builder) metrics() {
	ways := b.cfg.Metrics.Vias()
	byOTLP := b.signed(ways["otlp"], b.cfg.Metrics.Also)
	if !ways["api"] && !byOTLP {
		return
	}
	s := Statement{ID: "Metrics", Action: []string{"cloudwatch:PutMetricData"}, Resource: []string{"*"}}
	if !byOTLP { // OTLP has no namespaces
		s.Condition = Condition{"StringLike": {"cloudwatch:namespace": b.namespaces()}}
	}
	b.allow(s)
}

func (b *builder) namespaces() []string {
	out := []string{"Sidelight", "Sidelight/*", b.cfg.Metrics.Namespace}
	for _, r := range b.cfg.Metrics.Rules {
		out = append(out, r.Namespace)
	}
	for _, d := range b.cfg.Metrics.Derived {
		out = append(out, d.Namespace)
	}
	for _, j := range b.cfg.Receivers.Prometheus {
		out = append(out, j.Namespace)
	}
	if b.cfg.Scrape.Names == "cwagent" {
		out = append(out, "CWAgent")
	}
	out = slices.DeleteFunc(out, func(s string) bool { return s == "" })
	slices.Sort(out)
	return slices.Compact(out)
}

// remoteWrite allows to write to the workspaces of Amazon Managed Service for
// Prometheus that the configuration names.
func (b *builder) remoteWrite() {
	var arns []string
	for _, x := range b.cfg.Metrics.Also {
		if arn := b.workspace(string(x.Remote.URL)); arn != "" {
			arns = append(arns, arn)
		}
	}
	if len(arns) > 0 {
		b.allow(Statement{ID: "RemoteWrite", Action: []string{"aps:RemoteWrite"}, Resource: arns})
	}
}

// workspace returns the ARN of the workspace that an endpoint such as
// https://aps-workspaces.REGION.amazonaws.com/workspaces/ID/api/v1/remote_write
// belongs to, or "" for others.
func (b *builder) workspace(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	region, ok := strings.CutPrefix(u.Hostname(), "aps-workspaces.")
	if !ok {
		return ""
	}
	region, _, _ = strings.Cut(region, ".")
	_, id, _ := strings.Cut(u.Path, "/workspaces/")
	id, _, _ = strings.Cut(id, "/")
	return "arn:" + b.w.Partition + ":aps:" + region + ":" + b.w.Account + ":workspace/" + cmp.Or(id, "*")
}

func (b *builder) arn(service, resource string) string {
	return "arn:" + b.w.Partition + ":" + service + ":" + b.w.Region + ":" + b.w.Account + ":" + resource
}
