package sandbox_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
)

// figureBatch is how many events of 300 bytes go into a call of PutLogEvents,
// which takes 1 MiB.
const figureBatch = 3200

// BenchmarkFigures measures a sandbox in a process of its own, as a client sees
// it: from start to listening, ingestion, a query over a million rows of 300
// bytes, one for the ID of a trace among them, and a trace among a million
// spans. peak-MB is the most memory that the process had until then.
func BenchmarkFigures(b *testing.B) {
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			c := startChild(b, inMemory)
			b.StopTimer()
			b.ReportMetric(c.peak(b), "peak-MB")
			c.kill()
			b.StartTimer()
		}
	})
	b.Run("logs", benchLogs)
	b.Run("traces", benchTraces)
}

// peak is the most memory that the process had, in MB.
func (c *child) peak(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		b.Fatal("there is no VmHWM")
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// post sends a call in JSON.
func (c *child) post(b *testing.B, service, target, path string, body []byte) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, c.url+path, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s%s: %d %s %v", target, path, resp.StatusCode, text, err)
	}
}

// figureTrace is the trace ID of row n.
func figureTrace(n int) string {
	return fmt.Sprintf("1-%08x-%024x", n, uint64(n+1)*0x9e3779b97f4a7c15)
}

// batch is a call with rows like an access log's, of 300 bytes each.
func figureRows(first int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"logGroupName":"/app","logStreamName":"s","logEvents":[`)
	levels := []string{"INFO", "INFO", "INFO", "INFO", "WARN", "INFO", "INFO", "ERROR"}
	now := time.Now().UnixMilli()
	for i := range figureBatch {
		n := first + i
		row := fmt.Sprintf(`{"level":"%s","path":"/%s/%d","status":%d,"ms":%d,"traceId":"%s","agent":"`, levels[n%8],
			[]string{"payments", "orders", "users"}[n%3], n*7919%10007, 200+n%5*100, n*31%997, figureTrace(n))
		row += strings.Repeat("Mozilla/5.0 (X11) ", 20)[:300-len(row)-2] + `"}`
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timestamp":%d,"message":%q}`, now, row)
	}
	b.WriteString("]}")
	return b.Bytes()
}

func benchLogs(b *testing.B) {
	c := startChild(b, inMemory)
	logs := cwl.NewFromConfig(c.conf)
	c.post(b, "logs", "Logs_20140328.CreateLogGroup", "/", []byte(`{"logGroupName":"/app"}`))
	c.post(b, "logs", "Logs_20140328.CreateLogStream", "/", []byte(`{"logGroupName":"/app","logStreamName":"s"}`))
	n := 0
	b.Run("put-10000x300B", func(b *testing.B) {
		batches := [][]byte{figureRows(0), figureRows(figureBatch), figureRows(2 * figureBatch), figureRows(3 * figureBatch)}
		for b.Loop() {
			for _, batch := range batches {
				c.post(b, "logs", "Logs_20140328.PutLogEvents", "/", batch)
			}
		}
		n += b.N * len(batches) * figureBatch
		// Four calls carry 12,800 events.
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000*10000/float64(len(batches)*figureBatch), "ms/10000")
	})
	for n = 4 * figureBatch; n < 1_000_000; n += figureBatch {
		c.post(b, "logs", "Logs_20140328.PutLogEvents", "/", figureRows(n))
	}
	for name, query := range map[string]string{
		"filter-and-count": `filter level = "ERROR" and path like /payments/ | stats count(*) by status`,
		"one-trace-id":     `filter @message like "` + figureTrace(700_000) + `" | fields @timestamp, @message`,
	} {
		b.Run(name, func(b *testing.B) {
			var scanned float64
			for b.Loop() {
				scanned = runQuery(b, logs, query)
			}
			b.ReportMetric(scanned, "rows-scanned")
			b.ReportMetric(c.peak(b), "peak-MB")
		})
	}
}

// runQuery runs a query to its end and returns how many rows it scanned.
func runQuery(b *testing.B, logs *cwl.Client, query string) float64 {
	b.Helper()
	now := time.Now().Unix()
	q := good(logs.StartQuery(b.Context(), &cwl.StartQueryInput{
		LogGroupName: aws.String("/app"), QueryString: &query,
		StartTime: aws.Int64(now - 3600), EndTime: aws.Int64(now + 60),
	}))(b)
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for {
		out := good(logs.GetQueryResults(b.Context(), &cwl.GetQueryResultsInput{QueryId: q.QueryId}))(b)
		switch out.Status {
		case types.QueryStatusScheduled, types.QueryStatusRunning:
			<-poll.C
			continue
		case types.QueryStatusComplete:
			if len(out.Results) == 0 {
				b.Fatalf("%s finds nothing", query)
			}
			return out.Statistics.RecordsScanned
		}
		b.Fatalf("%s ends as %s", query, out.Status)
	}
}

// benchTraces reads a trace among 50,000 of twenty spans each.
func benchTraces(b *testing.B) {
	c := startChild(b, inMemory)
	traces := xray.NewFromConfig(c.conf)
	const count, perCall = 50_000, 50
	for first := 0; first < count; first += perCall {
		var body bytes.Buffer
		body.WriteString(`{"TraceSegmentDocuments":[`)
		for i := range perCall {
			if i > 0 {
				body.WriteByte(',')
			}
			body.WriteString(strconv.Quote(figureSegment(first + i)))
		}
		body.WriteString("]}")
		c.post(b, "xray", "", "/TraceSegments", body.Bytes())
	}
	b.Run("by-id-of-1000000-spans", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n += 7919
			out := good(traces.BatchGetTraces(b.Context(), &xray.BatchGetTracesInput{TraceIds: []string{figureTrace(n % count)}}))(b)
			if len(out.Traces) != 1 {
				b.Fatalf("trace %d is not there", n%count)
			}
		}
		b.ReportMetric(c.peak(b), "peak-MB")
	})
}

// figureSegment is a segment with nineteen subsegments.
func figureSegment(n int) string {
	at := float64(time.Now().Unix())
	var subs strings.Builder
	for i := range 19 {
		if i > 0 {
			subs.WriteByte(',')
		}
		fmt.Fprintf(&subs, `{"id":"%016x","name":"step","start_time":%.3f,"end_time":%.3f}`, n*20+i+1, at, at+0.1)
	}
	return fmt.Sprintf(`{"trace_id":%q,"id":"%016x","name":"web","start_time":%.3f,"end_time":%.3f,"subsegments":[%s]}`, figureTrace(n), n*20+20, at, at+1, subs.String())
}
