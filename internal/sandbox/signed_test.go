package sandbox_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestSignedRequests sends requests that AWS's own signer has signed, and what
// someone on the way might make of them.
func TestSignedRequests(t *testing.T) {
	s := sandboxtest.New(t, func(o *sandbox.Options) {
		o.VerifySignatures, o.Keys = true, map[string]string{sandboxtest.AccessKey: sandboxtest.SecretKey}
	})
	const body = `{"logGroupNamePrefix":"/a"}`
	type request struct {
		secret, hash, sent string
		at                 time.Time
		before, after      func(r *http.Request) // the signature
	}
	hash := func(text string) string { sum := sha256.Sum256([]byte(text)); return hex.EncodeToString(sum[:]) }
	for name, tc := range map[string]struct {
		change func(r *request)
		want   string // the error, or none
	}{
		"as it is":         {func(*request) {}, ""},
		"chunked":          {func(r *request) { r.before = func(r *http.Request) { r.ContentLength = -1 } }, ""},
		"header unsigned":  {func(r *request) { r.after = func(r *http.Request) { r.Header.Set("X-Other", "x") } }, ""},
		"wrong secret":     {func(r *request) { r.secret = "other" }, "InvalidSignatureException"},
		"old":              {func(r *request) { r.at = r.at.Add(-6 * time.Minute) }, "InvalidSignatureException"},
		"ahead":            {func(r *request) { r.at = r.at.Add(6 * time.Minute) }, "InvalidSignatureException"},
		"a little old":     {func(r *request) { r.at = r.at.Add(-4 * time.Minute) }, ""},
		"altered body":     {func(r *request) { r.sent = strings.Replace(body, "a", "b", 1) }, "InvalidSignatureException"},
		"unsigned payload": {func(r *request) { r.hash = "UNSIGNED-PAYLOAD" }, "InvalidSignatureException"},
		"signed chunks":    {func(r *request) { r.hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" }, "InvalidSignatureException"},
		"altered header": {func(r *request) {
			r.after = func(r *http.Request) { r.Header.Set("X-Amz-Target", "Logs_20140328.DescribeQueries") }
		}, "InvalidSignatureException"},
		"altered query": {func(r *request) { r.after = func(r *http.Request) { r.URL.RawQuery = "a=b" } }, "InvalidSignatureException"},
		"other date":    {func(r *request) { r.after = func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") } }, "IncompleteSignatureException"},
		"no signature":  {func(r *request) { r.after = func(r *http.Request) { r.Header.Del("Authorization") } }, "MissingAuthenticationTokenException"},
	} {
		t.Run(name, func(t *testing.T) {
			q := request{secret: sandboxtest.SecretKey, hash: hash(body), sent: body, at: time.Now(), before: func(*http.Request) {}, after: func(*http.Request) {}}
			tc.change(&q)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(q.sent))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "Logs_20140328.DescribeLogGroups")
			r.Header.Set("X-Amz-Content-Sha256", q.hash)
			q.before(r)
			who := aws.Credentials{AccessKeyID: sandboxtest.AccessKey, SecretAccessKey: q.secret}
			if err := v4.NewSigner().SignHTTP(t.Context(), who, r, q.hash, "logs", "us-east-1", q.at); err != nil {
				t.Fatal(err)
			}
			q.after(r)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, _ := io.ReadAll(resp.Body)
			if ok := resp.StatusCode == http.StatusOK; ok != (tc.want == "") || !bytes.Contains(answer, []byte(tc.want)) {
				t.Errorf("answers %s %s, want %q", resp.Status, answer, tc.want)
			}
		})
	}
}

// TestNotify sends what an alarm's action sends to a server, in SNS's form.
func TestNotify(t *testing.T) {
	type message struct{ Type, MessageId, TopicArn, Subject, Message, Timestamp string }
	got := make(chan message, 2)
	status := http.StatusOK
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Header.Get("x-amz-sns-message-type") != "Notification" || r.Header.Get("x-amz-sns-topic-arn") != m.TopicArn {
			t.Errorf("got %v, %v", r.Header, err)
		}
		w.WriteHeader(status)
		got <- m
	}))
	defer sink.Close()
	s := sandboxtest.New(t, func(o *sandbox.Options) { o.Notify = sink.URL })
	c := cloudwatch.NewFromConfig(sandboxtest.Config(s))
	topic := "arn:aws:sns:us-east-1:000000000000:team"
	good(c.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: ptr("a"), Namespace: ptr("App"), MetricName: ptr("x"), Statistic: cwtypes.StatisticSum, Period: ptr[int32](60), EvaluationPeriods: ptr[int32](1),
		Threshold: ptr(1.0), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, AlarmActions: []string{topic}, OKActions: []string{topic},
		TreatMissingData: ptr("ignore"),
	}))(t)
	set := func(ctx context.Context, state cwtypes.StateValue) {
		good(c.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: ptr("a"), StateValue: state, StateReason: ptr("test")}))(t)
	}
	set(t.Context(), cwtypes.StateValueAlarm)
	m := <-got
	if m.Type != "Notification" || m.TopicArn != topic || m.MessageId == "" || m.Timestamp == "" || !strings.HasPrefix(m.Subject, `ALARM: "a"`) || !strings.Contains(m.Message, `"NewStateValue":"ALARM"`) {
		t.Errorf("the message is %+v", m)
	}
	status = http.StatusInternalServerError
	set(t.Context(), cwtypes.StateValueOk)
	<-got
	if n := s.Inbox().Total(); n != 2 {
		t.Errorf("the inbox has %d notifications, want 2", n)
	}
	history := good(c.DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{AlarmName: ptr("a"), HistoryItemType: cwtypes.HistoryItemTypeAction}))(t).AlarmHistoryItems
	if len(history) != 2 || !strings.HasPrefix(*history[0].HistorySummary, "Failed to execute action") || !strings.HasPrefix(*history[1].HistorySummary, "Successfully") {
		t.Errorf("history of actions is %+v", history)
	}
}
