package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// putSignals records metrics as the agent and CloudWatch's own one do: an entry of
// each of two services, a call from one to the other, and one to a table.
func putSignals(t *testing.T, c *clients, at time.Time) {
	t.Helper()
	for _, dims := range []string{
		"Environment=prod Service=web", "Environment=prod Service=web Operation=GET_/", "Environment=prod Service=web Operation=POST_/",
		"Environment=prod Service=pay", "Environment=prod Service=pay Operation=POST_/charge", "Environment=dev Service=pay",
		"Environment=prod Service=web Operation=POST_/ RemoteService=pay RemoteOperation=POST_/charge",
		"Environment=prod Service=web RemoteService=pay", "RemoteService=pay",
		"Environment=prod Service=web Operation=GET_/ RemoteService=AWS::DynamoDB RemoteOperation=Query RemoteResourceType=AWS::DynamoDB::Table RemoteResourceIdentifier=carts",
		"Environment=prod Service=web Operation=GET_/ RemoteService=AWS::S3 RemoteOperation=GetObject",
		"Environment=prod Service=web Operation=GET_/ RemoteService=example.com RemoteOperation=GET",
	} {
		datum := cwtypes.MetricDatum{MetricName: ptr("Latency"), Value: ptr(1.0), Timestamp: &at}
		for _, d := range strings.Fields(dims) {
			k, v, _ := strings.Cut(d, "=")
			datum.Dimensions = append(datum.Dimensions, cwtypes.Dimension{Name: &k, Value: ptr(strings.ReplaceAll(v, "_", " "))})
		}
		mustGet(c.metrics.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: ptr("ApplicationSignals"), MetricData: []cwtypes.MetricDatum{datum}}))(t)
	}
}

// signals calls an operation of Application Signals and returns its answer.
func signals(t *testing.T, base, method, path string, query url.Values, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+path+"?"+query.Encode(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261122/us-east-1/application-signals/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return resp.StatusCode, out
}

func TestApplicationSignals(t *testing.T) {
	s := frozenIn(t, "")
	now := s.Clock().Now()
	putSignals(t, clientsIn(t, s), now)
	web := `{"KeyAttributes":{"Type":"Service","Name":"web","Environment":"prod"}}`
	pay := strings.Replace(web, "web", "pay", 1)
	for _, tc := range []struct {
		method, path, body, list string
		want                     []string
	}{
		{"GET", "/services", "", "ServiceSummaries", []string{
			"Environment:dev Name:pay Type:Service 1", "Environment:prod Name:pay Type:Service 1", "Environment:prod Name:web Type:Service 1",
		}},
		{"POST", "/service-operations", web, "ServiceOperations", []string{"GET / 1", "POST / 1"}},
		{"POST", "/service-dependencies", web, "ServiceDependencies", []string{
			"GET / Name:AWS::S3 Type:AWS::Service GetObject 1",
			"GET / Identifier:carts ResourceType:AWS::DynamoDB::Table Type:AWS::Resource Query 1",
			"GET / Name:example.com Type:RemoteService GET 1",
			"POST / Environment:prod Name:pay Type:Service POST /charge 1",
		}},
		{"POST", "/service-dependencies", pay, "ServiceDependencies", nil},
		{"POST", "/service-dependents", pay, "ServiceDependents", []string{"POST /charge Environment:prod Name:web Type:Service POST / 1"}},
		{"POST", "/slos", "{}", "SloSummaries", nil},
	} {
		query := url.Values{"StartTime": {now.Add(-10 * time.Minute).Format(time.RFC3339)}, "EndTime": {fmt.Sprint(now.Unix() + 60)}, "MaxResults": {"2"}}
		var got []string
		for {
			status, out := signals(t, s.URL(), tc.method, tc.path, query, tc.body)
			if status != http.StatusOK {
				t.Fatalf("%s: %d, %v", tc.path, status, out)
			}
			if tc.path != "/slos" && out["StartTime"] != float64(now.Add(-time.Hour).Unix()) {
				t.Errorf("%s: StartTime is %v", tc.path, out["StartTime"])
			}
			for _, x := range out[tc.list].([]any) {
				got = append(got, describeSignal(x.(map[string]any)))
			}
			if out["NextToken"] == nil {
				break
			}
			query.Set("NextToken", out["NextToken"].(string))
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.path, tc.body, d)
		}
	}
	status, out := signals(t, s.URL(), "POST", "/service", url.Values{"StartTime": {fmt.Sprint(now.Unix() - 60)}, "EndTime": {fmt.Sprint(now.Unix() + 60)}}, pay)
	if x, ok := out["Service"].(map[string]any); status != http.StatusOK || !ok || describeSignal(x) != "Environment:prod Name:pay Type:Service 1" {
		t.Errorf("GetService: %d, %v", status, out)
	}
}

// describeSignal is an element of an answer as text, with the count of its metrics.
func describeSignal(x map[string]any) string {
	var words []string
	for _, key := range []string{"Name", "OperationName", "KeyAttributes", "DependencyKeyAttributes", "DependentKeyAttributes", "DependencyOperationName", "DependentOperationName"} {
		if v, ok := x[key]; ok {
			words = append(words, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(v), "map["), "]"))
		}
	}
	return strings.Join(append(words, fmt.Sprint(len(x["MetricReferences"].([]any)))), " ")
}

func TestApplicationSignalsErrors(t *testing.T) {
	s := frozenIn(t, "")
	hour := url.Values{"StartTime": {"1700000000"}, "EndTime": {"1700003600"}}
	for name, tc := range map[string]struct {
		method, path, body string
		query              url.Values
		status             int
		want               string
	}{
		"no times":        {"GET", "/services", "", nil, 400, "'startTime'"},
		"backwards":       {"GET", "/services", "", url.Values{"StartTime": {"2"}, "EndTime": {"1"}}, 400, "before EndTime"},
		"no time":         {"GET", "/services", "", url.Values{"StartTime": {"now"}, "EndTime": {"1"}}, 400, "is no time"},
		"page":            {"GET", "/services", "", url.Values{"StartTime": {"1"}, "EndTime": {"2"}, "MaxResults": {"101"}}, 400, "maxResults"},
		"token":           {"GET", "/services", "", url.Values{"StartTime": {"1"}, "EndTime": {"2"}, "NextToken": {"!"}}, 400, "NextToken"},
		"no service":      {"POST", "/service", `{"KeyAttributes":{"Type":"Service","Name":"x","Environment":"y"}}`, hour, 400, "no service"},
		"no key":          {"POST", "/service", `{}`, hour, 400, "keyAttributes"},
		"other type":      {"POST", "/service", `{"KeyAttributes":{"Type":"Resource","Identifier":"y"}}`, hour, 400, "Type Service"},
		"no JSON":         {"POST", "/service", `{`, hour, 400, ""},
		"objective":       {"POST", "/slo", `{}`, nil, 501, "/slo"},
		"objective by ID": {"DELETE", "/slo/x", ``, nil, 501, "DELETE /slo/x"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out := signals(t, s.URL(), tc.method, tc.path, tc.query, tc.body)
			if status != tc.status || !strings.Contains(fmt.Sprint(out), tc.want) {
				t.Errorf("%d, %v, want %d with %q", status, out, tc.status, tc.want)
			}
		})
	}
}
