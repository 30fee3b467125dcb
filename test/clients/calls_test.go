//go:build clients

package clients_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	server "github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// callTime is where the clocks of the sandboxes stand, so that the clients'
// answers have the same times.
func callTime() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// newest is the client whose answers the others' are compared with.
const newest = "sdk-js-v3"

// callService is a service as one client has it.
type callService struct {
	name, client string
	url          string // of the sandbox
	caller       caller
	version      string
	// knows are the operations that the client has. model is its own model of the
	// service, nil if it does not show one.
	knows map[string]bool
	model *awsModel
}

// connect starts the client for a service of a new sandbox.
func connect(t *testing.T, client, service string) *callService {
	t.Helper()
	s := sandboxtest.New(t, func(o *server.Options) { o.Clock = clock.NewFrozen(callTime()) })
	c := &callService{name: service, client: client, url: s.URL(), caller: awsClients()[client](t, s.URL(), service), knows: map[string]bool{}}
	prepare(t, s.URL(), service)
	told := c.caller.call(t, asked{Service: service})
	about := told.Value
	c.version = told.Version
	if names, ok := about["operations"].([]any); ok {
		for _, n := range names {
			c.knows[n.(string)] = true
		}
		return c
	}
	text, err := json.Marshal(about)
	c.model = new(awsModel)
	if err == nil {
		err = json.Unmarshal(text, c.model)
	}
	if err != nil {
		t.Fatalf("%s: read its model of %s: %v", client, service, err)
	}
	for op := range c.model.Operations {
		c.knows[op] = true
	}
	return c
}

// prepare makes resources in a sandbox for a service that has none of its own.
func prepare(t *testing.T, url, service string) {
	t.Helper()
	if service != "tagging" {
		return
	}
	c := newGoCaller(url)
	tags := []any{object{"Key": "team", "Value": "a"}}
	for _, r := range []asked{
		{Service: "logs", Op: "CreateLogGroup", In: object{"logGroupName": "/app", "tags": object{"team": "a", "tier": "web"}}},
		{Service: "logs", Op: "CreateLogGroup", In: object{"logGroupName": "/other", "tags": object{"team": "b"}}},
		{Service: "monitoring", Op: "PutMetricAlarm", In: object{
			"AlarmName": "slow", "Namespace": "App", "MetricName": "Latency", "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1,
			"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold", "Tags": tags,
		}},
		{Service: "xray", Op: "CreateGroup", In: object{"GroupName": "g", "Tags": tags}},
	} {
		if a := c.call(t, r); a.Error != nil {
			t.Fatalf("%s: %+v", r.Op, *a.Error)
		}
	}
}

// known is v without the members that the client's model does not have.
func (c *callService) known(ref *modelRef, v any) any {
	if c.model == nil || ref == nil {
		return v
	}
	sh := c.model.Shapes[ref.Shape]
	switch x := v.(type) {
	case object:
		out := object{}
		for k, kid := range x {
			if sh.Type == "map" {
				out[k] = c.known(sh.Value, kid)
			} else if r, ok := sh.Members[k]; ok {
				out[k] = c.known(&r, kid)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, kid := range x {
			out = append(out, c.known(sh.Member, kid))
		}
		return out
	}
	return v
}

// input is what the client can say of an input, in JSON's kinds.
func (c *callService) input(t *testing.T, op string, in object) object {
	t.Helper()
	text, err := json.Marshal(in)
	var plain object
	if err == nil {
		err = json.Unmarshal(text, &plain)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.model != nil {
		return c.known(c.model.Operations[op].Input, plain).(object)
	}
	return plain
}

// seen is what the client can show of a newer client's answer.
func (c *callService) seen(op string, value any) any {
	if c.model == nil {
		return value
	}
	out := c.model.Operations[op].Output
	if out == nil {
		return nil
	}
	return plainAnswer(c.known(out, value))
}

var (
	aTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
	// anID is made anew in each sandbox.
	anID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[A-Z2-7]{26}\b|\b[0-9a-f]{16}\b`)
)

// plainAnswer is an answer without what says nothing, with times in one form and
// without what differs from sandbox to sandbox.
func plainAnswer(v any) any {
	switch x := v.(type) {
	case object:
		out := object{}
		for k, kid := range x {
			if kid = plainAnswer(kid); kid != nil {
				out[k] = kid
			}
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case []any:
		out := []any{}
		for _, kid := range x {
			out = append(out, plainAnswer(kid))
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case string:
		if at, err := time.Parse(time.RFC3339Nano, x); err == nil && aTime.MatchString(x) {
			return at.UTC().Round(time.Millisecond).Format(time.RFC3339Nano)
		}
		return anID.ReplaceAllString(x, "(made here)")
	}
	return v
}

// settleZeroes gives members that may be zero or not there the form that they
// have in the other answer, if that has nothing in them.
func settleZeroes(v, other any) any {
	switch x := v.(type) {
	case object:
		o, _ := other.(object)
		for k, kid := range x {
			switch _, zero := kid.(goZero); {
			case !zero:
				x[k] = settleZeroes(kid, o[k])
			case o[k] == nil:
				delete(x, k)
			case o[k] == "" || o[k] == false || o[k] == 0.0:
				x[k] = o[k]
			}
		}
		if len(x) == 0 {
			return nil
		}
	case []any:
		o, _ := other.([]any)
		for i, kid := range x {
			if i < len(o) {
				kid = settleZeroes(kid, o[i])
			}
			x[i] = kid
		}
	}
	return v
}

// callable are the cases of a service for the clients.
func callable(service string) []modelCase {
	cases, _ := casesOf(service, callTime())
	if service == "logs" {
		at := slices.IndexFunc(cases, func(c modelCase) bool { return c.op == "DeleteLogStream" })
		cases = slices.Insert(cases, at, liveTailCase())
	}
	return slices.DeleteFunc(cases, func(c modelCase) bool { return uncalled()[c.op] != "" && c.follow == nil })
}

// liveTailCase follows a group while the client sends to it.
func liveTailCase() modelCase {
	put := object{"logGroupName": "/model/app", "logStreamName": "stream", "logEvents": []any{
		object{"timestamp": callTime().UnixMilli(), "message": "all is well"}, object{"timestamp": callTime().UnixMilli(), "message": "ERROR followed"},
	}}
	return modelCase{
		op: "StartLiveTail", follow: &following{Put: put}, full: []string{"sessionStart", "sessionResults"},
		in: object{
			"logGroupIdentifiers":   []any{"arn:aws:logs:us-east-1:000000000000:log-group:/model/app"},
			"logEventFilterPattern": "ERROR",
		},
		want: object{"sessionResults.0.message": "ERROR followed"},
	}
}

// answers makes the calls of all cases that the client knows, and returns what
// they answer by the number of the case.
func (c *callService) answers(t *testing.T, cases []modelCase) map[int]object {
	t.Helper()
	kept, out := map[string]any{}, map[int]object{}
	for i, k := range cases {
		if !c.knows[k.op] {
			continue
		}
		r := asked{Service: c.name, Op: k.op, In: c.input(t, k.op, filled(k.in, kept).(object)), Follow: k.follow}
		a := c.caller.call(t, r)
		for st, _ := a.Value["status"].(string); k.op == "GetQueryResults" && (st == "Scheduled" || st == "Running"); st, _ = a.Value["status"].(string) {
			a = c.caller.call(t, r)
		}
		if a.Error != nil {
			if !k.late || !strings.Contains(a.Error.Message, "already ended") {
				t.Errorf("%s: %s: %+v", c.client, k.op, *a.Error)
			}
			continue
		}
		out[i] = a.Value
		for name, path := range k.keep {
			kept[name] = pick(a.Value, path)
		}
	}
	return out
}

// TestEveryOperationByEveryClient makes every operation of the sandbox answer
// every one of AWS's clients, each in its protocol, and compares what they say.
func TestEveryOperationByEveryClient(t *testing.T) {
	t.Parallel()
	for _, s := range modelServices(t) {
		service := s.service.Name()
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			cases := callable(service)
			for _, op := range s.service.Operations() {
				if uncallable()[op.Name] == "" && !slices.ContainsFunc(cases, func(c modelCase) bool { return c.op == op.Name }) {
					t.Errorf("no case calls %s", op.Name)
				}
			}
			services, found := map[string]*callService{}, map[string]map[int]object{}
			for _, client := range slices.Sorted(maps.Keys(awsClients())) {
				services[client] = connect(t, client, service)
				services[client].checkKnown(t, s)
				found[client] = services[client].answers(t, cases)
			}
			for i, c := range cases {
				compareAnswers(t, i, c, services, found)
			}
		})
	}
}

// compareAnswers compares the clients' answers to a case.
func compareAnswers(t *testing.T, i int, c modelCase, services map[string]*callService, found map[string]map[int]object) {
	t.Helper()
	best, ok := found[newest][i]
	if !ok && c.late {
		return
	}
	for _, name := range c.full {
		if isEmpty(best[name]) {
			t.Errorf("%s: the answer has nothing in %s: %v", c.op, name, best)
		}
	}
	for path, want := range c.want {
		if got := pick(plainAnswer(best), path); !cmp.Equal(got, want) {
			t.Errorf("%s: %s = %#v, want %#v", c.op, path, got, want)
		}
	}
	for client, answers := range found {
		got, ok := answers[i]
		if !ok || client == newest {
			continue
		}
		want := services[client].seen(c.op, plainAnswer(best))
		have := settleZeroes(plainAnswer(got), want)
		if client == "aws-cli" { // which reads all pages and mostly shows no token at their end
			want, have = withoutTokens(want), withoutTokens(have)
		}
		want, have = without(want, c.chance), without(have, c.chance)
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: %s answers %s (-) and %s (+) differently:\n%s", fmt.Sprint("case ", i), c.op, newest, client, diff)
		}
	}
}

// without is an answer without the members of those names, at any depth.
func without(v any, names []string) any {
	switch x := v.(type) {
	case object:
		maps.DeleteFunc(x, func(name string, kid any) bool { without(kid, names); return slices.Contains(names, name) })
	case []any:
		for _, kid := range x {
			without(kid, names)
		}
	}
	return v
}

// withoutTokens is an answer without the token that says that no more follows.
func withoutTokens(v any) any {
	x, _ := v.(object)
	maps.DeleteFunc(x, func(name string, token any) bool { return token == "" && strings.HasSuffix(name, "Token") })
	if len(x) == 0 {
		return nil
	}
	return v
}
