package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/render"
)

// The columns of lines that are drawn one by one stand below each other.
func TestTraceLine(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 40, 2, 0, time.UTC)
	list := []types.TraceSummary{
		{
			Id: aws.String("1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37"), StartTime: &at, ResponseTime: aws.Float64(1.84), HasFault: aws.Bool(true),
			EntryPoint: &types.ServiceId{Name: aws.String("orders")},
			Http:       &types.Http{HttpStatus: aws.Int32(500), HttpMethod: aws.String("POST"), HttpURL: aws.String("http://x/orders/and/a/long/path/behind/it")},
		},
		{Id: aws.String("1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a38"), StartTime: &at, Duration: aws.Float64(0.002), EntryPoint: &types.ServiceId{Name: aws.String("漢\x1b[31m")}},
		{Id: aws.String("1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a39")},
	}
	const first = "09:40:02    1.84 s  ✗ 500        orders POST /orders/and/a/lon…  1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37"
	for _, width := range []int{100, 60} {
		column := -1
		for i := range list {
			line := strings.TrimSuffix(render.TraceLine(&list[i], nil, render.Style{Width: width}), "\n")
			before, _, ok := strings.Cut(line, *list[i].Id)
			if w := render.Width(before); !ok || column >= 0 && w != column {
				t.Errorf("width %d: the ID of %q stands at %d, not %d", width, line, w, column)
			} else {
				column = w
			}
			if strings.ContainsAny(line, "\x1b\n") || width == 100 && render.Width(line) > width {
				t.Errorf("width %d: %q", width, line)
			}
			if width == 100 && i == 0 && line != first {
				t.Errorf("%q, want %q", line, first)
			}
		}
	}
}
