package xray_test

import (
	"fmt"
	"slices"
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

// A slow trace's root cause is found by where its time went.
func TestDelayCauses(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	put(t, s, span("batch", "e", "2", 0, 1, `,"subsegments":[{"name":"x","id":"7777777777777777","start_time":1,"end_time":1.2},{"name":"y","id":"8888888888888888","start_time":1.2,"end_time":1.4}]`))
	put(t, s, fmt.Sprintf(`{"trace_id":%q,"id":"9999999999999999","name":"running","start_time":%.3f,"in_progress":true}`, traceID("3"), at(0)))
	var got []string
	for _, trace := range summaries(t, s, &xray.GetTraceSummariesInput{}).TraceSummaries {
		for _, c := range trace.ResponseTimeRootCauses {
			line := ""
			for _, x := range c.Services {
				line += fmt.Sprintf("%s inferred=%v", *x.Name, *x.Inferred)
				for _, e := range x.EntityPath {
					line += fmt.Sprintf(" %s/%v/%.3f", *e.Name, *e.Remote, *e.Coverage)
				}
				line += "; "
			}
			got = append(got, line)
		}
	}
	slices.Sort(got)
	want := []string{
		"batch inferred=false batch/false/1.000; ",
		"orders inferred=false orders/false/1.000 pay.internal/true/0.925; payments inferred=false payments/false/0.918 card gateway/true/0.902; card gateway inferred=true card gateway/false/0.902; ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("root causes (-want +got):\n%s", diff)
	}
	for expr, n := range map[string]int{
		`rootcause.responsetime.entity { last and coverage > 0.8 }`:                           2,
		`rootcause.responsetime.service { inferred and name = "card gateway" }`:               1,
		`rootcause.responsetime.entity { remote and coverage > 0.91 }`:                        1,
		`rootcause.fault.exception { name = "TimeoutError" }`:                                 1,
		`rootcause.error.service { index > 0 and inferred }`:                                  1,
		`rootcause.json = #[{"Services":[{"Name":"batch","EntityPath":[{"Remote":false}]}]}]`: 1,
		`!rootcause.fault.service { first }`:                                                  2,
	} {
		if got := len(summaries(t, s, &xray.GetTraceSummariesInput{FilterExpression: aws.String(expr)}).TraceSummaries); got != n {
			t.Errorf("%s finds %d traces, want %d", expr, got, n)
		}
	}
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
