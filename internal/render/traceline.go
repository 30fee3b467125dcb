package render

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// The widths of the columns of TraceLine, in cells, but for the one that takes
// what is left, which is at least lineWhere wide.
const (
	lineTook    = 8
	lineOutcome = 11
	lineID      = 35
	lineWhere   = 12
)

// TraceLine draws a trace summary as one line, whose columns stand below those of
// the lines before it: when it began, how long it took to answer, its outcome,
// the service it entered by with its request, and its ID. Times are in zone, UTC
// if it is nil.
func TraceLine(x *types.TraceSummary, zone *time.Location, s Style) string {
	if zone == nil {
		zone = time.UTC
	}
	width := s.Width
	if width <= 0 {
		width = DefaultWidth
	}
	outcome, tone := summaryOutcome(x, s)
	where := Clean(strings.TrimSpace(entryService(x) + " " + summaryRequest(x)))
	room := max(lineWhere, width-len(time.TimeOnly)-lineTook-lineOutcome-lineID-4*2)
	return strings.Join([]string{
		s.Paint(Dim, aws.ToTime(x.StartTime).In(zone).Format(time.TimeOnly)),
		padLeft(summaryTime(x), lineTook),
		s.Paint(tone, padRight(s.Fit(outcome, lineOutcome), lineOutcome)),
		padRight(s.Fit(where, room), room),
		s.Paint(Dim, aws.ToString(x.Id)),
	}, "  ") + "\n"
}
