package iam_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/iam"
)

// summary has a line a statement: what is allowed, on what, if what.
func summary(p iam.Policy) string {
	var out []string
	for _, s := range p.Statement {
		line := strings.Join(s.Action, " ") + " on " + strings.Join(s.Resource, " ")
		if in := s.Condition["StringLike"]["cloudwatch:namespace"]; in != nil {
			line += " in " + strings.Join(in, " ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestFor(t *testing.T) {
	const (
		write  = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents logs:PutRetentionPolicy on "
		any    = "arn:aws:logs:*:*:log-group:"
		trace  = "xray:PutTraceSegments xray:GetSamplingRules xray:GetSamplingTargets on *"
		metric = "cloudwatch:PutMetricData on * in Sidelight Sidelight/*"
	)
	own := write + any + "/sidelight/* " + any + "/sidelight/*:*"
	for name, tc := range map[string]struct {
		yaml  string
		where iam.Where
		want  []string
	}{
		"nothing configured": {"", iam.Where{}, []string{own, trace, metric}},
		"telemetry": {
			"traces: {telemetry: true}\n",
			iam.Where{},
			[]string{own, "xray:PutTraceSegments xray:GetSamplingRules xray:GetSamplingTargets xray:PutTelemetryRecords on *", metric},
		},
		"names": {
			"service: {name: orders, environment: prod}\nlogs:\n  group: /{environment}/{service}/{task}\n  retention: never\n  tags: {team: shop}\n  routes: [{when: level = error, group: /errors}]\n",
			iam.Where{Partition: "aws-cn", Region: "cn-north-1", Account: "111111111111", Groups: []string{"/ecs/*"}},
			[]string{
				"logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents logs:TagResource on " +
					"arn:aws-cn:logs:cn-north-1:111111111111:log-group:/ecs/* arn:aws-cn:logs:cn-north-1:111111111111:log-group:/ecs/*:* " +
					"arn:aws-cn:logs:cn-north-1:111111111111:log-group:/errors arn:aws-cn:logs:cn-north-1:111111111111:log-group:/errors:* " +
					"arn:aws-cn:logs:cn-north-1:111111111111:log-group:/prod/orders/* arn:aws-cn:logs:cn-north-1:111111111111:log-group:/prod/orders/*:*",
				trace, metric,
			},
		},
		"nothing to AWS": {
			"otlp: {endpoint: 'https://collector:4318'}\nlogs: {via: otlp}\ntraces: {via: otlp}\nmetrics: {via: none}\nreceivers: {xray: {tcp: off}}\n",
			iam.Where{},
			nil,
		},
		"AWS's OTLP endpoints": {
			"logs: {via: otlp}\ntraces: {via: otlp}\nmetrics: {via: otlp}\nreceivers: {xray: {tcp: off}}\n",
			iam.Where{},
			[]string{
				"logs:PutLogEvents on " + any + "/sidelight/* " + any + "/sidelight/*:*",
				"xray:PutTraceSegments on *", "cloudwatch:PutMetricData on *",
			},
		},
		"beside the first": {
			"metrics:\n  also: [{otlp: aws}, {remote_write: 'https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write'}]\ntraces: {also: [{otlp: 'https://collector:4318'}]}\n",
			iam.Where{Account: "111111111111"},
			[]string{
				strings.ReplaceAll(own, ":*:log", ":111111111111:log"), trace,
				"cloudwatch:PutMetricData on *", "aps:RemoteWrite on arn:aws:aps:eu-west-1:111111111111:workspace/ws-1",
			},
		},
		"metrics as documents": {
			"metrics: {via: emf, emf_group: /metrics}\ntraces: {application_signals: true}\n",
			iam.Where{},
			[]string{write + any + "/aws/application-signals/data " + any + "/aws/application-signals/data:* " + any + "/metrics " + any + "/metrics:* " + any + "/sidelight/* " + any + "/sidelight/*:*", trace},
		},
		"namespaces": {
			"scrape: {names: cwagent}\nreceivers: {prometheus: [{job: web, targets: ['127.0.0.1:9'], namespace: Shop}]}\n" +
				"metrics:\n  namespace: Mine\n  rules: [{match: name = \"x\", namespace: Ruled}]\n  derived: [{name: y, namespace: Derived, value: a / b}]\n",
			iam.Where{},
			[]string{own, trace, "cloudwatch:PutMetricData on * in CWAgent Derived Mine Ruled Shop Sidelight Sidelight/*"},
		},
		"no traces": {
			"receivers: {otlp: {grpc: off, http: off}, xray: {udp: off, tcp: off}}\n", iam.Where{}, []string{own, metric},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, problems := config.Load("", []string{"SIDELIGHT_CONFIG=" + tc.yaml + "\n"})
			if tc.yaml == "" {
				l, problems = config.Load("", nil)
			}
			if problems.Errors() > 0 {
				t.Fatal(problems)
			}
			if diff := cmp.Diff(strings.Join(tc.want, "\n"), summary(iam.For(l.Config, tc.where))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
