package xray_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

// causeLines writes the fault causes of a summary, and after a "!" its error
// causes: services with what failed in them.
func causeLines(s types.TraceSummary) (out []string) {
	for _, c := range s.FaultRootCauses {
		line := fmt.Sprintf("client %v:", *c.ClientImpacting)
		for _, x := range c.Services {
			var path []string
			for _, e := range x.EntityPath {
				path = append(path, entity(e.Name, e.Remote, e.Exceptions))
			}
			line += " " + service(x.Name, x.Inferred, path)
		}
		out = append(out, line)
	}
	for _, c := range s.ErrorRootCauses {
		line := fmt.Sprintf("! client %v:", *c.ClientImpacting)
		for _, x := range c.Services {
			var path []string
			for _, e := range x.EntityPath {
				path = append(path, entity(e.Name, e.Remote, e.Exceptions))
			}
			line += " " + service(x.Name, x.Inferred, path)
		}
		out = append(out, line)
	}
	return out
}

func service(name *string, inferred *bool, path []string) string {
	mark := ""
	if *inferred {
		mark = "~"
	}
	return mark + *name + "(" + strings.Join(path, " > ") + ")"
}

func entity(name *string, remote *bool, exceptions []types.RootCauseException) string {
	text := *name
	if *remote {
		text = "→" + text
	}
	for _, e := range exceptions {
		text += " " + aws.ToString(e.Name) + ": " + aws.ToString(e.Message)
	}
	return text
}

func TestRootCauses(t *testing.T) {
	for name, tc := range map[string]struct {
		docs, want []string
	}{
		"a shop": {shop("1", 0), []string{
			"client true: orders(orders > →pay.internal) payments(payments TimeoutError: card gateway timed out > →card gateway) ~card gateway(card gateway)",
			"! client false: orders(→cart) cart(cart)",
			"! client false: payments(→DynamoDB) ~tokens(tokens)",
		}},
		"no failure": {[]string{span("a", "a", "1", 0, 1, "")}, nil},
		"two causes": {
			[]string{span("a", "a", "1", 0, 1, `,"fault":true,"subsegments":[
			{"name":"x","id":"1111111111111111","start_time":1,"end_time":2,"fault":true},{"name":"y","id":"2222222222222222","start_time":1,"end_time":2,"fault":true}]`)},
			[]string{"client true: a(a > x)", "client true: a(a > y)"},
		},
		"handled": {[]string{
			span("a", "a", "1", 0, 1, `,"subsegments":[{"name":"b","id":"1111111111111111","start_time":1,"end_time":2,"namespace":"remote","fault":true}]`),
			span("b", "b", "1", 0.1, 0.2, `,"parent_id":"1111111111111111","fault":true`),
		}, []string{"client false: a(→b) b(b)"}},
		"in a ring": {[]string{span("a", "a", "1", 0, 1, `,"parent_id":"bbbbbbbbbbbbbbbb","fault":true`), span("b", "b", "1", 0, 1, `,"parent_id":"aaaaaaaaaaaaaaaa","fault":true`)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newService(t, sandboxxray.Options{})
			put(t, s, tc.docs...)
			got := causeLines(summaries(t, s, &xray.GetTraceSummariesInput{}).TraceSummaries[0])
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("root causes (-want +got):\n%s", diff)
			}
		})
	}
}
