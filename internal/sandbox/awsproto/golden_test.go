package awsproto_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
)

// raw sends a request byte by byte as given, signed for a service as far as
// the server looks, and returns the answer with its body.
func raw(t *testing.T, url, service, path, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if service != "" {
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/"+service+"/aws4_request, SignedHeaders=host;x-amz-date, Signature=00ff")
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Amzn-Requestid") == "" || res.Header.Get("Date") == "" {
		t.Errorf("answer lacks its request id or date: %v", res.Header)
	}
	return res, string(b)
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	cborPath  = "/service/GraniteServiceVersion20100801/operation/"
	putMetric = `bf6a4d6574726963446174619fbf6a44696d656e73696f6e739fbf644e616d6564686f73746556616c7565626831ffff6a4d65747269634e616d65
		636370757153746f726167655265736f6c7574696f6e183c6954696d657374616d70c1fb41dac0b65000000064556e69746750657263656e746556
		616c7565fb4029000000000000ffff694e616d65737061636563417070ff`
	putAlarm = `bf6e416374696f6e73456e61626c6564f56c416c61726d416374696f6e739f782461726e3a6177733a736e733a75732d656173742d
		313a3132333435363738393031323a74ff69416c61726d4e616d6562613172436f6d70617269736f6e4f70657261746f7274477265617465725468616e
		5468726573686f6c647144617461706f696e7473546f416c61726d02714576616c756174696f6e506572696f6473036a4d65747269634e616d65636370
		75694e616d6573706163656341707066506572696f64183c695374617469737469636741766572616765695468726573686f6c64fb4054000000000000ff`
	getData = `bf67456e6454696d65c1fb41dac0b9d4000000714d657472696344617461517565726965739fbf624964626d316a4d657472696353746174bf
		664d6574726963bf6a4d65747269634e616d6563637075694e616d65737061636563417070ff66506572696f64183c645374617463703939ffffff69537461
		727454696d65c1fb41dac0b650000000ff`
)

func noon() *time.Time { return aws.Time(time.Unix(1795348800, 0).UTC()) }

func datum() cwtypes.MetricDatum {
	return cwtypes.MetricDatum{
		Dimensions: []cwtypes.Dimension{{Name: aws.String("host"), Value: aws.String("h1")}}, MetricName: aws.String("cpu"),
		StorageResolution: aws.Int32(60), Timestamp: noon(), Unit: cwtypes.StandardUnitPercent, Value: aws.Float64(12.5),
	}
}

// TestCapturedRequests decodes requests as clients have sent them.
func TestCapturedRequests(t *testing.T) {
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
	json10 := map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData", "X-Amzn-Query-Mode": "true"}
	put := &cloudwatch.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []cwtypes.MetricDatum{datum()}}
	for name, tt := range map[string]struct {
		service, path, body string
		header              map[string]string
		want                any
	}{
		"CBOR PutMetricData": {"monitoring", cborPath + "PutMetricData", unhex(t, putMetric), nil, put},
		"CBOR PutMetricAlarm": {"monitoring", cborPath + "PutMetricAlarm", unhex(t, putAlarm), nil, &cloudwatch.PutMetricAlarmInput{
			ActionsEnabled: aws.Bool(true), AlarmActions: []string{"arn:aws:sns:us-east-1:123456789012:t"}, AlarmName: aws.String("a1"),
			ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, DatapointsToAlarm: aws.Int32(2), EvaluationPeriods: aws.Int32(3),
			MetricName: aws.String("cpu"), Namespace: aws.String("App"), Period: aws.Int32(60), Statistic: cwtypes.StatisticAverage, Threshold: aws.Float64(80),
		}},
		"CBOR GetMetricData": {"monitoring", cborPath + "GetMetricData", unhex(t, getData), nil, &cloudwatch.GetMetricDataInput{
			StartTime: noon(), EndTime: aws.Time(noon().Add(time.Hour)), MetricDataQueries: []cwtypes.MetricDataQuery{{
				Id:         aws.String("m1"),
				MetricStat: &cwtypes.MetricStat{Metric: &cwtypes.Metric{MetricName: aws.String("cpu"), Namespace: aws.String("App")}, Period: aws.Int32(60), Stat: aws.String("p99")},
			}},
		}},
		"CBOR DescribeAlarms": {
			"monitoring", cborPath + "DescribeAlarms", unhex(t, "bf6a416c61726d54797065739f6b4d6574726963416c61726dffff"), nil,
			&cloudwatch.DescribeAlarmsInput{AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm}},
		},
		"CBOR definite lengths": {
			"monitoring", cborPath + "DescribeAlarms", unhex(t, "a16a416c61726d5479706573816b4d6574726963416c61726d"), nil,
			&cloudwatch.DescribeAlarmsInput{AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm}},
		},
		"CBOR behind a prefix": {"monitoring", "/aws" + cborPath + "ListMetrics", "", nil, &cloudwatch.ListMetricsInput{}},
		"query PutMetricData": {"monitoring", "/", "Action=PutMetricData&Version=2010-08-01&Namespace=App&MetricData.member.1.MetricName=cpu&MetricData.member.1.Value=12.5" +
			"&MetricData.member.1.Timestamp=2026-11-22T12%3A00%3A00Z&MetricData.member.1.Unit=Percent&MetricData.member.1.StorageResolution=60" +
			"&MetricData.member.1.Dimensions.member.1.Name=host&MetricData.member.1.Dimensions.member.1.Value=h1", form, put},
		"query lists": {
			"monitoring", "/", "Action=PutMetricData&Version=2010-08-01&Namespace=App&MetricData.member.2.Values.member.1=1&MetricData.member.2.Counts.member.1=3" +
				"&MetricData.member.2.StatisticValues.Sum=1&MetricData.member.10.MetricName=b&MetricData.member.1.MetricName=h+1%2B", form,
			&cloudwatch.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []cwtypes.MetricDatum{
				{MetricName: aws.String("h 1+")},
				{Values: []float64{1}, Counts: []float64{3}, StatisticValues: &cwtypes.StatisticSet{Sum: aws.Float64(1)}},
				{MetricName: aws.String("b")},
			}},
		},
		"query empty list": {
			"monitoring", "/", "Action=DescribeAlarms&Version=2010-08-01&AlarmNames=&MaxRecords=5", form,
			&cloudwatch.DescribeAlarmsInput{AlarmNames: []string{}, MaxRecords: aws.Int32(5)},
		},
		"JSON 1.0 PutMetricData": {"monitoring", "/", `{"Namespace":"App","MetricData":[{"Dimensions":[{"Name":"host","Value":"h1"}],"MetricName":"cpu",
			"StorageResolution":60,"Timestamp":1795348800,"Unit":"Percent","Value":12.5}],"Unheard":{"Of":[1,null,"x"]}}`, json10, put},
		"JSON 1.1 PutLogEvents": {
			"logs", "/", `{"logEvents":[{"message":"hello \"w\" é <>&","timestamp":1763812800000}],"logGroupName":"/app/x","logStreamName":"s1"}`,
			map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Logs_20140328.PutLogEvents"},
			&cloudwatchlogs.PutLogEventsInput{
				LogGroupName: aws.String("/app/x"), LogStreamName: aws.String("s1"),
				LogEvents: []logtypes.InputLogEvent{{Message: aws.String(`hello "w" é <>&`), Timestamp: aws.Int64(1763812800000)}},
			},
		},
		"REST PutTraceSegments": {
			"xray", "/TraceSegments", `{"TraceSegmentDocuments":["{\"name\":\"a\"}"]}`,
			map[string]string{"Content-Type": "application/json"},
			&xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{`{"name":"a"}`}},
		},
		"REST GetTraceSummaries": {
			"xray", "/TraceSummaries", `{"EndTime":1795352400,"FilterExpression":"fault = true","StartTime":1795348800.25,"TimeRangeType":"Event"}`, nil,
			&xray.GetTraceSummariesInput{StartTime: aws.Time(noon().Add(250 * time.Millisecond)), EndTime: aws.Time(noon().Add(time.Hour)), FilterExpression: aws.String("fault = true"), TimeRangeType: "Event"},
		},
		"query GetCallerIdentity": {"sts", "/", "Action=GetCallerIdentity&Version=2011-06-15", form, &sts.GetCallerIdentityInput{}},
	} {
		t.Run(name, func(t *testing.T) {
			e, url := serveAll(t, nil)
			res, body := raw(t, url, tt.service, tt.path, tt.body, tt.header)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("answer is %d %s", res.StatusCode, body)
			}
			if d := cmp.Diff(tt.want, e[tt.service].in, exported()); d != "" {
				t.Errorf("input differs (-want +decoded):\n%s", d)
			}
		})
	}
}

// serveAll serves all four services with empty answers, or with err.
func serveAll(t *testing.T, err error) (map[string]*echo, string) {
	t.Helper()
	all := map[string]*echo{
		"monitoring": newEcho("monitoring", cloudwatch.New(cloudwatch.Options{})), "logs": newEcho("logs", cloudwatchlogs.New(cloudwatchlogs.Options{})),
		"xray": newEcho("xray", xray.New(xray.Options{})), "sts": newEcho("sts", sts.New(sts.Options{})),
	}
	o := awsproto.Options{Specs: []awsproto.Spec{awsproto.Logs(), awsproto.CloudWatch(), awsproto.XRay(), awsproto.STS()}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		e.err = err
		e.out = func(op string) any { return outputs(op) }
		o.Services = append(o.Services, e)
	}
	return all, serveOptions(t, o)
}

// outputs are the answers of serveAll.
func outputs(op string) any {
	switch op {
	case "GetMetricData":
		return &cloudwatch.GetMetricDataOutput{Messages: []cwtypes.MessageData{}, MetricDataResults: []cwtypes.MetricDataResult{{
			Id: aws.String("m1"), Label: aws.String("c<p>u"), StatusCode: "Complete", Timestamps: []time.Time{*noon()}, Values: []float64{12.5},
		}}}
	case "DescribeAlarms":
		return &cloudwatch.DescribeAlarmsOutput{CompositeAlarms: []cwtypes.CompositeAlarm{}, MetricAlarms: []cwtypes.MetricAlarm{{
			AlarmName: aws.String("a"), StateUpdatedTimestamp: aws.Time(noon().Add(5 * time.Millisecond)), ActionsEnabled: aws.Bool(false), Threshold: aws.Float64(1e-9),
		}}}
	case "PutTraceSegments":
		return &xray.PutTraceSegmentsOutput{}
	case "GetCallerIdentity":
		return &sts.GetCallerIdentityOutput{Account: aws.String("123456789012")}
	case "PutLogEvents":
		return &cloudwatchlogs.PutLogEventsOutput{RejectedLogEventsInfo: &logtypes.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(1)}}
	}
	return &cloudwatchlogs.CreateLogGroupOutput{}
}

// TestAnswers pins the bytes of answers.
func TestAnswers(t *testing.T) {
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	target := func(op, ct string) map[string]string {
		return map[string]string{"X-Amz-Target": op, "Content-Type": ct}
	}
	for name, tt := range map[string]struct {
		service, path, body string
		header              map[string]string
		contentType, want   string
	}{
		"CBOR": {
			"monitoring", cborPath + "GetMetricData", "", nil, "application/cbor",
			unhex(t, `bf684d6573736167657380714d657472696344617461526573756c747381bf624964626d31654c6162656c65633c703e75
			6a537461747573436f646568436f6d706c6574656a54696d657374616d707381c11a6b02d9406656616c75657381fb4029000000000000ffff`),
		},
		"CBOR without output": {"monitoring", cborPath + "PutMetricData", "", nil, "", ""},
		"CBOR empty output":   {"monitoring", cborPath + "DeleteDashboards", "", nil, "application/cbor", "\xbf\xff"},
		"query": {
			"monitoring", "/", "Action=DescribeAlarms&Version=2010-08-01", form, "text/xml",
			`<DescribeAlarmsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><DescribeAlarmsResult><CompositeAlarms></CompositeAlarms><MetricAlarms><member>` +
				`<ActionsEnabled>false</ActionsEnabled><AlarmName>a</AlarmName><StateUpdatedTimestamp>2026-11-22T12:00:00.005Z</StateUpdatedTimestamp><Threshold>1e-09</Threshold>` +
				`</member></MetricAlarms></DescribeAlarmsResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></DescribeAlarmsResponse>`,
		},
		"query without output": {
			"monitoring", "/", "Action=PutMetricData&Version=2010-08-01", form, "text/xml",
			`<PutMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></PutMetricDataResponse>`,
		},
		"query empty output": {
			"monitoring", "/", "Action=DeleteDashboards&Version=2010-08-01", form, "text/xml",
			`<DeleteDashboardsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><DeleteDashboardsResult></DeleteDashboardsResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></DeleteDashboardsResponse>`,
		},
		"JSON 1.0": {
			"monitoring", "/", "{}", target("GraniteServiceVersion20100801.GetMetricData", "application/x-amz-json-1.0"), "application/x-amz-json-1.0",
			`{"Messages":[],"MetricDataResults":[{"Id":"m1","Label":"c<p>u","StatusCode":"Complete","Timestamps":[1795348800],"Values":[12.5]}]}`,
		},
		"JSON 1.1 where 1.0 is usual": {
			"monitoring", "/", "{}", target("GraniteServiceVersion20100801.DescribeAlarms", "application/x-amz-json-1.1"), "application/x-amz-json-1.1",
			`{"CompositeAlarms":[],"MetricAlarms":[{"ActionsEnabled":false,"AlarmName":"a","StateUpdatedTimestamp":1795348800.005,"Threshold":1e-09}]}`,
		},
		"Logs": {
			"logs", "/", "{}", target("Logs_20140328.PutLogEvents", "application/x-amz-json-1.1"), "application/x-amz-json-1.1",
			`{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":1}}`,
		},
		"Logs without output": {"logs", "/", "{}", target("Logs_20140328.CreateLogGroup", "application/x-amz-json-1.1"), "application/x-amz-json-1.1", ""},
		"REST":                {"xray", "/TraceSegments", "", nil, "application/json", `{}`},
		"STS": {
			"sts", "/", "Action=GetCallerIdentity&Version=2011-06-15", form, "text/xml",
			`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult>` +
				`<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := serveAll(t, nil)
			res, body := raw(t, url, tt.service, tt.path, tt.body, tt.header)
			body = strings.ReplaceAll(body, res.Header.Get("X-Amzn-Requestid"), "ID")
			if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != tt.contentType || body != tt.want {
				t.Errorf("answer is %d %q\n%q, want\n%q", res.StatusCode, res.Header.Get("Content-Type"), body, tt.want)
			}
			if got := res.Header.Get("Smithy-Protocol"); (got == "rpc-v2-cbor") != strings.HasPrefix(tt.path, cborPath) {
				t.Errorf("Smithy-Protocol is %q", got)
			}
		})
	}
}

// TestErrorShapes pins how one error looks in every protocol.
func TestErrorShapes(t *testing.T) {
	err := &api.Error{Shape: "InvalidParameterValueException", Status: 400, Message: `no "x" & y`, Members: map[string]any{"count": 3}}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for name, tt := range map[string]struct {
		service, path, body string
		header              map[string]string
		want                string
		check               map[string]string // headers
	}{
		"CBOR": {
			"monitoring", cborPath + "PutMetricData", "", nil,
			"\xa4\x67Message\x6ano \"x\" & y\x66__type\x787com.amazonaws.cloudwatch#InvalidParameterValueException\x65count\x03\x67message\x6ano \"x\" & y",
			map[string]string{"X-Amzn-Query-Error": "InvalidParameterValue;Sender", "Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"},
		},
		"JSON": {
			"monitoring", "/", "{}",
			map[string]string{"X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData", "Content-Type": "application/x-amz-json-1.0"},
			`{"Message":"no \"x\" & y","__type":"com.amazonaws.cloudwatch#InvalidParameterValueException","count":3,"message":"no \"x\" & y"}`,
			map[string]string{"X-Amzn-Query-Error": "InvalidParameterValue;Sender", "Content-Type": "application/x-amz-json-1.0"},
		},
		"query": {
			"monitoring", "/", "Action=PutMetricData&Version=2010-08-01", form,
			`<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type><Code>InvalidParameterValue</Code>` +
				`<Message>no &quot;x&quot; &amp; y</Message><count>3</count></Error><RequestId>ID</RequestId></ErrorResponse>`,
			map[string]string{"X-Amzn-Query-Error": "", "Content-Type": "text/xml"},
		},
		"Logs": {
			"logs", "/", "{}",
			map[string]string{"X-Amz-Target": "Logs_20140328.PutLogEvents", "Content-Type": "application/x-amz-json-1.1"},
			`{"Message":"no \"x\" & y","__type":"InvalidParameterValueException","count":3,"message":"no \"x\" & y"}`,
			map[string]string{"X-Amzn-Query-Error": ""},
		},
		"REST": {
			"xray", "/TraceSegments", "{}", nil,
			`{"Message":"no \"x\" & y","__type":"InvalidParameterValueException","count":3,"message":"no \"x\" & y"}`,
			map[string]string{"X-Amzn-Errortype": "InvalidParameterValueException"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := serveAll(t, err)
			res, body := raw(t, url, tt.service, tt.path, tt.body, tt.header)
			body = strings.ReplaceAll(body, res.Header.Get("X-Amzn-Requestid"), "ID")
			if res.StatusCode != 400 || body != tt.want {
				t.Errorf("answer is %d\n%q, want\n%q", res.StatusCode, body, tt.want)
			}
			for k, v := range tt.check {
				if got := res.Header.Get(k); got != v {
					t.Errorf("%s is %q, want %q", k, got, v)
				}
			}
		})
	}
}

// TestBadRequests checks what the protocol layer refuses by itself.
func TestBadRequests(t *testing.T) {
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	logs := map[string]string{"X-Amz-Target": "Logs_20140328.PutLogEvents", "Content-Type": "application/x-amz-json-1.1"}
	auth := func(v string) map[string]string {
		return map[string]string{"X-Amz-Target": "Logs_20140328.PutLogEvents", "Authorization": v}
	}
	big := "Action=PutMetricData&Version=2010-08-01&Namespace=" + strings.Repeat("x", 1<<20)
	for name, tt := range map[string]struct {
		service, path, body string
		header              map[string]string
		status              int
		code, says          string
	}{
		"wrong type names the member": {
			"logs", "/", `{"logEvents":[{"message":"a","timestamp":1},{"message":"b","timestamp":"2"}]}`, logs,
			400, "SerializationException", "logEvents[1].timestamp: a string can not be converted to an integer",
		},
		"structure for a list":     {"logs", "/", `{"logEvents":{}}`, logs, 400, "SerializationException", "logEvents: a map"},
		"null in a list":           {"logs", "/", `{"logEvents":[null]}`, logs, 400, "SerializationException", "logEvents[0]: null"},
		"no JSON":                  {"logs", "/", `{"logEvents":`, logs, 400, "SerializationException", "unexpected end"},
		"trailing data":            {"logs", "/", `{} {}`, logs, 400, "SerializationException", "after the document"},
		"deep JSON":                {"logs", "/", `{"x":` + strings.Repeat("[", 100000), logs, 400, "SerializationException", "nested too deeply"},
		"time without its tag":     {"monitoring", cborPath + "GetMetricData", unhex(t, "a167456e6454696d651a6b02d940"), nil, 400, "SerializationException", "EndTime: a number"},
		"number in a form":         {"monitoring", "/", "Action=DescribeAlarms&Version=2010-08-01&MaxRecords=ten", form, 400, "MalformedInput", `MaxRecords: "ten"`},
		"value for a list":         {"monitoring", "/", "Action=DescribeAlarms&Version=2010-08-01&AlarmNames=a", form, 400, "MalformedInput", "AlarmNames"},
		"int32 out of range":       {"logs", "/", `{"limit":3000000000}`, map[string]string{"X-Amz-Target": "Logs_20140328.GetLogEvents"}, 400, "SerializationException", "limit: number is out of the range"},
		"unknown operation":        {"logs", "/", `{}`, map[string]string{"X-Amz-Target": "Logs_20140328.MakeCoffee"}, 501, "UnknownOperationException", "PutLogEvents"},
		"unknown query operation":  {"monitoring", "/", "Action=MakeCoffee&Version=2010-08-01", form, 501, "InvalidAction", "MakeCoffee"},
		"unknown path of a signer": {"xray", "/MakeCoffee", `{}`, nil, 501, "UnknownOperationException", "/MakeCoffee"},
		"unknown service":          {"s3", "/bucket", ``, nil, 501, "UnknownOperationException", "POST /bucket"},
		"unsigned":                 {"", "/", `{}`, logs, 400, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		"unsigned query":           {"", "/", "Action=DescribeAlarms&Version=2010-08-01", form, 403, "MissingAuthenticationToken", "Missing"},
		"another service's scope":  {"monitoring", "/", `{}`, logs, 400, "InvalidSignatureException", "'logs'"},
		"basic authorization":      {"", "/", `{}`, auth("Basic abc"), 400, "IncompleteSignatureException", "AWS4-HMAC-SHA256"},
		"short scope":              {"", "/", `{}`, auth("AWS4-HMAC-SHA256 Credential=AKID/x, SignedHeaders=host, Signature=00"), 400, "IncompleteSignatureException", "5 slash-delimited"},
		"no signature":             {"", "/", `{}`, auth("AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/logs/aws4_request, SignedHeaders=host"), 400, "IncompleteSignatureException", "Signature"},
		"body too large":           {"monitoring", "/", big, form, 413, "RequestEntityTooLarge", "1048576"},
		"broken gzip": {
			"logs", "/", `{}`,
			map[string]string{"X-Amz-Target": "Logs_20140328.PutLogEvents", "Content-Encoding": "gzip"},
			400, "SerializationException", "gzip",
		},
		"unknown encoding": {
			"logs", "/", `{}`,
			map[string]string{"X-Amz-Target": "Logs_20140328.PutLogEvents", "Content-Encoding": "br"},
			400, "SerializationException", `"br"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := serveAll(t, nil)
			res, body := raw(t, url, tt.service, tt.path, tt.body, tt.header)
			if res.StatusCode != tt.status || !strings.Contains(body, tt.code) || !strings.Contains(plain(body), tt.says) {
				t.Errorf("answer is %d %s, want %d %s with %q", res.StatusCode, body, tt.status, tt.code, tt.says)
			}
		})
	}
}

// plain undoes the escapes of messages.
func plain(body string) string {
	var v map[string]any
	if json.Unmarshal([]byte(body), &v) == nil {
		body, _ = v["message"].(string)
	}
	return strings.ReplaceAll(body, "&quot;", `"`)
}

func TestGzipBodies(t *testing.T) {
	e, url := serveAll(t, nil)
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(zw, unhex(t, putMetric)); err != nil || zw.Close() != nil {
		t.Fatal(err)
	}
	res, _ := raw(t, url, "monitoring", cborPath+"PutMetricData", zipped.String(), map[string]string{"Content-Encoding": "gzip"})
	in, ok := e["monitoring"].in.(*cloudwatch.PutMetricDataInput)
	if res.StatusCode != 200 || !ok || len(in.MetricData) != 1 {
		t.Errorf("answer is %d, input %v", res.StatusCode, in)
	}
}
