package cloudwatch_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// fleet is latency of two services on three hosts at noon, of one also a minute
// later, and the same without dimensions.
func fleet() []*sdk.PutMetricDataInput {
	var out []*sdk.PutMetricDataInput
	for _, m := range []struct {
		ns, dims string
		values   []float64
		minute   int
	}{
		{"App/Web", "Service=web host=a", []float64{1, 3}, 0},
		{"App/Web", "Service=web host=b", []float64{8}, 0},
		{"App/Web", "Service=pay host=c", []float64{2}, 0},
		{"App/Web", "Service=pay host=c", []float64{30}, 1},
		{"App/Web", "Service=mail", []float64{5}, 0},
		{"App/Web", "", []float64{100}, 0},
		{"Other", "Service=web host=a", []float64{1000}, 0},
	} {
		d := types.MetricDatum{MetricName: aws.String("latency"), Values: m.values, Timestamp: aws.Time(noon.Add(time.Duration(m.minute) * time.Minute))}
		for _, pair := range strings.Fields(m.dims) {
			k, v, _ := strings.Cut(pair, "=")
			d.Dimensions = append(d.Dimensions, types.Dimension{Name: &k, Value: &v})
		}
		out = append(out, &sdk.PutMetricDataInput{Namespace: aws.String(m.ns), MetricData: []types.MetricDatum{d}})
	}
	return out
}

// labelled shows results by their labels.
func labelled(results []types.MetricDataResult) []string {
	for i := range results {
		results[i].Id = results[i].Label
	}
	return show(results)
}

func TestInsights(t *testing.T) {
	r := newRig(t)
	for _, in := range fleet() {
		if _, err := r.PutMetricData(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	r.advance(t, 2*time.Minute)
	for query, want := range map[string][]string{
		`SELECT SUM(latency) FROM "App/Web"`:                                                                {"q: 12:00=119 12:01=30"},
		`select sum("latency") from "App/Web"`:                                                              {"q: 12:00=119 12:01=30"},
		`SELECT SUM(latency) FROM SCHEMA("App/Web")`:                                                        {"q: 12:00=100"},
		`SELECT AVG(latency) FROM SCHEMA("App/Web", host, Service)`:                                         {"q: 12:00=3.5 12:01=30"},
		`SELECT COUNT(latency) FROM SCHEMA("App/Web",Service,host)`:                                         {"q: 12:00=4 12:01=1"},
		`SELECT MIN(latency) FROM SCHEMA("App/Web", Service, "host")`:                                       {"q: 12:00=1 12:01=30"},
		`SELECT MAX(latency) FROM "App/Web" WHERE Service = 'web'`:                                          {"q: 12:00=8"},
		`SELECT MAX(latency) FROM "App/Web" WHERE Service = 'web' AND host != 'b'`:                          {"q: 12:00=3"},
		`SELECT SUM(latency) FROM "App/Web" WHERE Service != 'web'`:                                         {"q: 12:00=107 12:01=30"},
		`SELECT SUM(latency) FROM "App/Web" WHERE AWS.AccountId != '000000000000'`:                          {"q:"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY AWS.AccountId`:                                         {"000000000000: 12:00=119 12:01=30"},
		`SELECT SUM(latency) FROM SCHEMA("App/Web", Service, host) GROUP BY Service`:                        {"pay: 12:00=2 12:01=30", "web: 12:00=12"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY Service, host`:                                         {"Other Other: 12:00=100", "mail Other: 12:00=5", "pay c: 12:00=2 12:01=30", "web a: 12:00=4", "web b: 12:00=8"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY host ORDER BY MAX() DESC LIMIT 2`:                      {"Other: 12:00=105", "c: 12:00=2 12:01=30"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY host ORDER BY MIN()`:                                   {"c: 12:00=2 12:01=30", "a: 12:00=4", "b: 12:00=8", "Other: 12:00=105"},
		`SELECT SUM(latency) FROM "App/Web" WHERE host = 'a' GROUP BY host ORDER BY COUNT() ASC LIMIT 500 `: {"a: 12:00=4"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY host LIMIT 1`:                                          {"Other: 12:00=105"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY host ORDER BY SUM() DESC`:                              {"Other: 12:00=105", "c: 12:00=2 12:01=30", "b: 12:00=8", "a: 12:00=4"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY host ORDER BY AVG() ASC LIMIT 3`:                       {"a: 12:00=4", "b: 12:00=8", "c: 12:00=2 12:01=30"},
		`SELECT SUM(latency) FROM "App/Web" GROUP BY host ORDER BY COUNT() DESC LIMIT 1`:                    {"c: 12:00=2 12:01=30"},
		`SELECT SUM(latency) FROM "App/Web" LIMIT 1`:                                                        {"q: 12:00=119 12:01=30"},
		`SELECT SUM(latency) FROM Nothing`:                                                                  {"q:"},
		`SELECT SUM(latency) FROM Nothing GROUP BY host`:                                                    nil,
		`SELECT SUM(latency) FROM "App/Web" WHERE Service = 'it\'s'`:                                        {"q:"},
	} {
		t.Run(query, func(t *testing.T) {
			got := labelled(r.get(t, 0, 2*time.Minute, nil, expressionQuery("q", query, true)).MetricDataResults)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("results (-want +got):\n%s", d)
			}
		})
	}
}

// A query is one input of expressions, in whole minutes, of two weeks at most.
func TestInsightsReading(t *testing.T) {
	r := newRig(t)
	for _, in := range fleet() {
		if _, err := r.PutMetricData(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	r.advance(t, 2*time.Minute)
	q := expressionQuery("q", `SELECT SUM(latency) FROM "App/Web" GROUP BY host`, false)
	got := show(r.get(t, 0, 2*time.Minute, nil, q, expressionQuery("e", "SUM(q) * 2", true)).MetricDataResults)
	if d := cmp.Diff([]string{"e: 12:00=238 12:01=60"}, got); d != "" {
		t.Errorf("math on a query (-want +got):\n%s", d)
	}
	q.ReturnData, q.Period, q.Label = nil, aws.Int32(10), aws.String("${LABEL}!")
	got = labelled(r.get(t, 0, 2*time.Minute, nil, q).MetricDataResults)
	if d := cmp.Diff([]string{"Other!: 12:00=105", "a!: 12:00=4", "b!: 12:00=8", "c!: 12:00=2 12:01=30"}, got); d != "" {
		t.Errorf("a period of ten seconds (-want +got):\n%s", d)
	}
	q.Period = aws.Int32(300)
	r.advance(t, 13*24*time.Hour)
	if got := r.get(t, 0, 5*time.Minute, nil, q).MetricDataResults; len(got) != 4 {
		t.Errorf("after 13 days there are %v", show(got))
	}
	r.advance(t, 2*24*time.Hour)
	if got := r.get(t, 0, 5*time.Minute, nil, q).MetricDataResults; len(got) != 0 {
		t.Errorf("after 15 days there are %v", show(got))
	}
}

func TestInsightsErrors(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string]string{
		`SELECT`:                                                     "AVG, COUNT",
		`SELECT MEDIAN(latency) FROM App`:                            "AVG, COUNT",
		`SELECT SUM latency FROM App`:                                "( is expected",
		`SELECT SUM(latency`:                                         ") is expected",
		`SELECT SUM(*) FROM App`:                                     "a name is expected",
		`SELECT SUM('latency') FROM App`:                             "a name is expected",
		`SELECT SUM(latency)`:                                        "FROM is expected",
		`SELECT SUM(latency) FROM App/Web`:                           `unexpected "/"`,
		`SELECT SUM(latency) FROM "App`:                              "a name is expected",
		`SELECT SUM(latency) FROM where`:                             "keyword",
		`SELECT SUM(latency) FROM SCHEMA()`:                          "a name is expected",
		`SELECT SUM(latency) FROM App WHERE host`:                    "= or !=",
		`SELECT SUM(latency) FROM App WHERE host > 'a'`:              "= or !=",
		`SELECT SUM(latency) FROM App WHERE host = "a"`:              "single quotes",
		`SELECT SUM(latency) FROM App WHERE host = 'a' OR host ='b'`: `unexpected "OR"`,
		`SELECT SUM(latency) FROM App WHERE a.b = 'a'`:               "double quotes",
		`SELECT SUM(latency) FROM App WHERE tag.env = 'a'`:           "does not support",
		`SELECT SUM(latency) FROM App GROUP host`:                    "BY is expected",
		`SELECT SUM(latency) FROM App GROUP BY`:                      "a name is expected",
		`SELECT SUM(latency) FROM App ORDER BY SUM`:                  "( is expected",
		`SELECT SUM(latency) FROM App ORDER BY host()`:               "AVG, COUNT",
		`SELECT SUM(latency) FROM App LIMIT 501`:                     "1 to 500",
		`SELECT SUM(latency) FROM App LIMIT 'x'`:                     "1 to 500",
		`SELECT SUM(latency) FROM App LIMIT 1 WHERE host = 'a'`:      `unexpected "WHERE"`,
	} {
		t.Run(query, func(t *testing.T) {
			_, err := r.GetMetricData(t.Context(), &sdk.GetMetricDataInput{
				StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(time.Minute)), MetricDataQueries: []types.MetricDataQuery{expressionQuery("q", query, true)},
			})
			if got := refusal(t, err); !strings.Contains(got.Message, want) || !strings.Contains(got.Message, "line ") {
				t.Errorf("error = %v, want one about %q", got, want)
			}
		})
	}
	one := expressionQuery("q1", "SELECT SUM(x) FROM App", true)
	two := expressionQuery("q2", "SELECT SUM(x) FROM App", true)
	_, err := r.GetMetricData(t.Context(), &sdk.GetMetricDataInput{StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(time.Minute)), MetricDataQueries: []types.MetricDataQuery{one, two}})
	if got := refusal(t, err); !strings.Contains(got.Message, "only one") {
		t.Errorf("error of two queries = %v", got)
	}
}

// A refusal says where: at the word that is wrong, or where one is missing.
func TestInsightsErrorPlaces(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string]string{
		"SELECT":                                                 "line 1, column 7: AVG",
		"SELECT MEDIAN(latency) FROM App":                        "line 1, column 8: AVG",
		"SELECT SUM(latency) WHERE a = 'b'":                      "line 1, column 21: FROM is",
		"SELECT SUM(latency":                                     "line 1, column 19: ) is",
		"SELECT SUM(latency)\nFROM App/Web":                      `line 2, column 9: the query has an unexpected "/"`,
		"SELECT SUM(é)":                                          "line 1, column 12: a name",
		"SELECT SUM(\"é\")\n FROM SCHEMA(":                       "line 2, column 14: a name",
		"SELECT SUM(x) FROM App\n\nWHERE host > 3":               "line 3, column 12: = or !=",
		"SELECT SUM(x) FROM App WHERE a = 'b' OR a = 'c'":        `line 1, column 38: the query has an unexpected "OR"`,
		"SELECT SUM(x) FROM App WHERE tag.env = 'a'":             "tag.env at line 1, column 30",
		"SELECT SUM(x) FROM App WHERE \"é\" = 'a' AND b.c = 'a'": "line 1, column 44: b.c",
		"SELECT SUM(x) FROM App GROUP BY a, ":                    "line 1, column 36: a name",
		"SELECT SUM(x) FROM App ORDER BY SUM(x)":                 "line 1, column 37: ) is",
		"SELECT SUM(x) FROM App LIMIT 0":                         "line 1, column 30: a number",
		"SELECT SUM(x) FROM App LIMIT":                           "line 1, column 29: a number",
	} {
		_, err := r.GetMetricData(t.Context(), &sdk.GetMetricDataInput{
			StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(time.Minute)), MetricDataQueries: []types.MetricDataQuery{expressionQuery("q", query, true)},
		})
		if got := refusal(t, err); !strings.Contains(got.Message, want) {
			t.Errorf("%s: %v, want %q", query, got, want)
		}
	}
}

func TestInsightsAlarm(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
	q := expressionQuery("q", "SELECT MAX(latency) FROM SCHEMA(App)", true)
	q.Period = aws.Int32(60)
	watching(q)(in)
	r.mustPut(t, in)
	var got string
	for _, v := range []float64{1, 500, 2} {
		r.minute(t, v)
		got += string(r.alarmState(t, "latency").StateValue[0])
	}
	if got != "OAO" {
		t.Errorf("states = %s, want OAO", got)
	}
}

// AWS's own client, over the wire.
func TestClientInsights(t *testing.T) {
	c, s := newClient(t)
	for _, in := range fleet() {
		if _, err := c.PutMetricData(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Clock().Advance(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	q := expressionQuery("q", `SELECT AVG(latency) FROM SCHEMA("App/Web", Service, host) GROUP BY Service ORDER BY AVG() DESC`, true)
	q.Period = aws.Int32(60)
	out, err := c.GetMetricData(t.Context(), &sdk.GetMetricDataInput{StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(2 * time.Minute)), MetricDataQueries: []types.MetricDataQuery{q}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"pay: 12:01=30 12:00=2", "web: 12:00=4"}, labelled(out.MetricDataResults)); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
}
