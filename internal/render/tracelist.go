package render

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// TraceList draws trace summaries as a table, one trace a line: when it began,
// how long it took to answer, its outcome, the service it entered by, its
// request and its ID. Times are in zone, UTC if it is nil. Without any the
// result is empty.
func TraceList(list []types.TraceSummary, zone *time.Location, s Style) string {
	if len(list) == 0 {
		return ""
	}
	if zone == nil {
		zone = time.UTC
	}
	narrow := s.Width > 0 && s.Width < DefaultWidth
	t, layout := &Table{}, time.DateTime
	t.Columns = []Column{{Title: "start"}, {Title: "took", Align: AlignRight}, {Title: "outcome"}, {Title: "service", Max: 24}, {Title: "request", Max: 40}, {Title: "trace"}}
	if narrow {
		// An ID takes 35 cells, which leaves no room for a date, if one is enough,
		// and little for service and request.
		if layout = "01-02 15:04"; sameDay(list, zone) {
			layout = time.TimeOnly
		}
		t.Columns = slices.Delete(t.Columns, 3, 4)
		took, outcomes := len("took"), len("outcome")
		for i := range list {
			text, _ := summaryOutcome(&list[i], s)
			took, outcomes = max(took, Width(summaryTime(&list[i]))), max(outcomes, Width(text))
		}
		t.Columns[3].Max = max(len("request"), s.Width-len(layout)-took-outcomes-35-4*2)
	}
	for i := range list {
		x := &list[i]
		outcome, tone := summaryOutcome(x, s)
		where := []Cell{{Text: entryService(x)}, {Text: summaryRequest(x)}}
		if narrow {
			where = Cells(strings.TrimSpace(entryService(x) + " " + summaryRequest(x)))
		}
		cells := []Cell{{Text: aws.ToTime(x.StartTime).In(zone).Format(layout)}, {Text: summaryTime(x)}, {Text: outcome, Tone: tone}}
		t.Row(append(append(cells, where...), Cell{Text: aws.ToString(x.Id), Tone: Dim})...)
	}
	return t.Draw(s)
}

func entryService(x *types.TraceSummary) string {
	if x.EntryPoint == nil {
		return ""
	}
	return aws.ToString(x.EntryPoint.Name)
}

// sameDay reports whether all traces began on one day in zone.
func sameDay(list []types.TraceSummary, zone *time.Location) bool {
	day := aws.ToTime(list[0].StartTime).In(zone).Format(time.DateOnly)
	for i := range list {
		if aws.ToTime(list[i].StartTime).In(zone).Format(time.DateOnly) != day {
			return false
		}
	}
	return true
}

func summaryTime(x *types.TraceSummary) string {
	switch {
	case x.ResponseTime != nil:
		return Seconds(*x.ResponseTime)
	case x.Duration != nil:
		return Seconds(*x.Duration)
	}
	return "-"
}

// summaryOutcome is a mark with the HTTP status, or what the flags say.
func summaryOutcome(x *types.TraceSummary, s Style) (string, Tone) {
	status := ""
	if x.Http != nil && x.Http.HttpStatus != nil {
		status = fmt.Sprint(*x.Http.HttpStatus)
	}
	word := func(mark, text string, t Tone) (string, Tone) {
		if status != "" {
			text = status
		}
		return strings.TrimSpace(mark + " " + text), t
	}
	switch {
	case aws.ToBool(x.HasFault):
		return word(s.FaultMark(), "fault", Bad)
	case aws.ToBool(x.HasThrottle):
		return word(s.ErrorMark(), "throttled", Warn)
	case aws.ToBool(x.HasError):
		return word(s.ErrorMark(), "error", Warn)
	case aws.ToBool(x.IsPartial):
		return word(s.ellipsis(), "in progress", Dim)
	}
	return word("", "ok", Good)
}

// summaryRequest is the method and path of the request.
func summaryRequest(x *types.TraceSummary) string {
	if x.Http == nil {
		return ""
	}
	path := aws.ToString(x.Http.HttpURL)
	if u, err := url.Parse(path); err == nil && u.Path != "" {
		path = u.Path
	}
	return strings.TrimSpace(aws.ToString(x.Http.HttpMethod) + " " + path)
}
