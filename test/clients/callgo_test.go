//go:build clients

package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// goCaller calls the methods of the clients of AWS's SDK for Go by their names.
type goCaller struct{ clients map[string]any }

func newGoCaller(url string) *goCaller {
	cfg := sandboxtest.ConfigFor(url)
	// AWS puts a prefix before the host's name, which no loopback address has.
	cfg.APIOptions = append(cfg.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(plainHost{}, middleware.Before)
	})
	return &goCaller{map[string]any{
		"logs": cloudwatchlogs.NewFromConfig(cfg), "monitoring": cloudwatch.NewFromConfig(cfg),
		"xray": xray.NewFromConfig(cfg), "sts": sts.NewFromConfig(cfg),
	}}
}

// plainHost is the step that keeps the prefix away.
type plainHost struct{}

func (plainHost) ID() string { return "plainHost" }

func (plainHost) HandleInitialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
}

func (c *goCaller) call(t *testing.T, r asked) response {
	t.Helper()
	client := reflect.ValueOf(c.clients[r.Service])
	if r.Op == "" {
		names := []any{}
		for m := range client.Type().Methods() {
			names = append(names, m.Name)
		}
		return response{Value: object{"operations": names}}
	}
	if r.Follow != nil {
		return c.follow(t, r)
	}
	method := client.MethodByName(r.Op)
	in := reflect.New(method.Type().In(1).Elem())
	goInput(t, r.Op, r.In, in.Interface())
	results := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
	if err, _ := results[1].Interface().(error); err != nil {
		return response{Error: goFailure(t, err)}
	}
	return response{Value: goValues(r.Service).value(results[0]).(object)}
}

// goInput fills the input structure from the model's JSON form of it.
func goInput(t *testing.T, op string, in object, out any) {
	t.Helper()
	if u, ok := out.(*xray.UpdateIndexingRuleInput); ok { // the one union among the inputs
		percent := pick(in, "Rule.Probabilistic.DesiredSamplingPercentage").(float64)
		name := in["Name"].(string)
		u.Name, u.Rule = &name, &xraytypes.IndexingRuleValueUpdateMemberProbabilistic{Value: xraytypes.ProbabilisticRuleValueUpdate{DesiredSamplingPercentage: &percent}}
		return
	}
	text, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
}

// goFailure is what the SDK makes of a refusal.
func goFailure(t *testing.T, err error) *failure {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Fatal(err)
	}
	return &failure{Class: strings.TrimPrefix(fmt.Sprintf("%T", e), "*types."), Code: e.ErrorCode(), Message: e.ErrorMessage()}
}

// follow follows a group until an event comes, which it sends itself.
func (c *goCaller) follow(t *testing.T, r asked) response {
	t.Helper()
	logs := c.clients["logs"].(*cloudwatchlogs.Client)
	var in cloudwatchlogs.StartLiveTailInput
	var put cloudwatchlogs.PutLogEventsInput
	goInput(t, r.Op, r.In, &in)
	goInput(t, r.Op, r.Follow.Put, &put)
	out, err := logs.StartLiveTail(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	stream := out.GetStream()
	defer stream.Close()
	value, values := object{}, goValues(r.Service)
	for e := range stream.Events() {
		switch e := e.(type) {
		case *logstypes.StartLiveTailResponseStreamMemberSessionStart:
			value["sessionStart"] = values.value(reflect.ValueOf(e.Value))
			if _, err := logs.PutLogEvents(t.Context(), &put); err != nil {
				t.Fatal(err)
			}
		case *logstypes.StartLiveTailResponseStreamMemberSessionUpdate:
			if len(e.Value.SessionResults) > 0 {
				value["sessionResults"] = values.value(reflect.ValueOf(e.Value.SessionResults))
				return response{Value: value}
			}
		}
	}
	t.Fatalf("the session ended: %v", stream.Err())
	return response{}
}

// goValues brings values of a service's structures into the form of the other
// clients' answers.
type goValues string

// name is a member's name on the wire: the SDK writes the first letter large.
func (g goValues) name(field string) string {
	if g == "logs" {
		return strings.ToLower(field[:1]) + field[1:]
	}
	return field
}

// goZero is a member that the SDK does not hold by a pointer, so that one which
// is not there and one which is zero are the same.
type goZero struct{}

func (g goValues) value(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return g.value(v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		e := reflect.Indirect(v.Elem())
		if _, name, ok := strings.Cut(e.Type().Name(), "Member"); ok { // of a union
			return object{name: g.value(e.FieldByName("Value"))}
		}
		return g.value(e)
	case reflect.Struct:
		return g.fields(v)
	case reflect.Slice:
		list := []any{}
		for i := range v.Len() {
			list = append(list, g.value(v.Index(i)))
		}
		return list
	case reflect.Map:
		m := object{}
		for k, x := range v.Seq2() {
			m[k.String()] = g.value(x)
		}
		return m
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	default:
		return float64(v.Int())
	}
}

func (g goValues) fields(v reflect.Value) any {
	if at, ok := v.Interface().(time.Time); ok {
		return at.UTC().Format(time.RFC3339Nano)
	}
	s := object{}
	for f, x := range v.Fields() {
		switch {
		case !f.IsExported() || f.Name == "ResultMetadata":
		case x.IsZero() && x.Kind() != reflect.Pointer && x.Kind() != reflect.Slice && x.Kind() != reflect.Map && x.Kind() != reflect.Interface:
			s[g.name(f.Name)] = goZero{}
		default:
			s[g.name(f.Name)] = g.value(x)
		}
	}
	return s
}
