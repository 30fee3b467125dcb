package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/render"
)

func TestTraceList(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 40, 2, 0, time.UTC)
	list := []types.TraceSummary{
		{
			Id: aws.String("1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37"), StartTime: &at, ResponseTime: aws.Float64(1.84), Duration: aws.Float64(3), HasFault: aws.Bool(true),
			EntryPoint: &types.ServiceId{Name: aws.String("orders")}, Http: &types.Http{HttpMethod: aws.String("POST"), HttpURL: aws.String("http://shop/orders?x=1"), HttpStatus: aws.Int32(500)},
		},
		{
			Id: aws.String("1-69a4b2c1-000000000000000000000001"), StartTime: &at, ResponseTime: aws.Float64(0.012), EntryPoint: &types.ServiceId{Name: aws.String("orders")},
			Http: &types.Http{HttpMethod: aws.String("GET"), HttpURL: aws.String("http://shop/orders/7"), HttpStatus: aws.Int32(200)},
		},
		{Id: aws.String("1-69a4b2c0-000000000000000000000002"), StartTime: &at, Duration: aws.Float64(61), HasError: aws.Bool(true), HasThrottle: aws.Bool(true), EntryPoint: &types.ServiceId{Name: aws.String("a service with a name that is very long")}},
		{Id: aws.String("1-69a4b2bf-000000000000000000000003"), StartTime: &at, HasError: aws.Bool(true)},
		{Id: aws.String("1-69a4b2be-000000000000000000000004"), StartTime: &at, IsPartial: aws.Bool(true), EntryPoint: &types.ServiceId{Name: aws.String("ba\x1btch")}},
		{},
	}
	golden(t, "traces", render.TraceList(list, nil, render.Style{}))
	golden(t, "traces_color", render.TraceList(list, time.FixedZone("CET", 3600), render.Style{Color: true, ASCII: true}))
	narrow := render.TraceList(list[:3], nil, render.Style{Width: 80})
	golden(t, "traces_narrow", narrow)
	for line := range strings.Lines(narrow) {
		if w := render.Width(strings.TrimRight(line, "\n")); w > 80 {
			t.Errorf("%d cells wide: %s", w, line)
		}
	}
	if got := render.TraceList(nil, nil, render.Style{}); got != "" {
		t.Errorf("an empty list draws %q", got)
	}
}
