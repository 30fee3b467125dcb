package logs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// TestQueryForAnID finds an ID in any block, and leaves most blocks alone.
func TestQueryForAnID(t *testing.T) {
	w := newWorld(t)
	w.group("/app")
	w.stream("/app", "s")
	id := func(n int) string { return fmt.Sprintf("1-%08x-%024x", n, uint64(n+1)*0x9e3779b97f4a7c15) }
	const total = 24000
	for n := 0; n < total; n += 1000 {
		var events []types.InputLogEvent
		for i := range 1000 {
			events = append(events, event(time.Duration(n+i), `{"traceId":"%s","pad":"%s"}`, id(n+i), strings.Repeat("lorem ipsum ", 20)))
		}
		w.put("/app", "s", events...)
	}
	for _, n := range []int{0, 3, 11999, total - 1} {
		for _, look := range []string{id(n), id(n)[11:], `"` + id(n)} {
			_, out := w.query(cwl.StartQueryInput{LogGroupName: aws.String("/app"), QueryString: aws.String(`fields @message | filter @message like '` + look + `'`)})
			if len(out.Results) != 1 || !strings.Contains(*out.Results[0][0].Value, id(n)) {
				t.Errorf("a look for %s finds %d rows", look, len(out.Results))
			}
			if out.Statistics.RecordsScanned > total/2 {
				t.Errorf("a look for %s scans %v rows", look, out.Statistics.RecordsScanned)
			}
		}
	}
}
