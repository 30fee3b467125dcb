package sandbox

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	cw "github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
)

// The day of SeedDemo: requests a minute at the busiest hour, the share of them
// that is traced, and an incident in which the payment gateway is slow.
const (
	seedPeak       = 40
	seedTraced     = 0.05
	seedAgo        = 3 * time.Hour
	seedIncident   = 20 * time.Minute
	seedAlarms     = 6 * time.Hour // ago they were put
	seedNamespace  = "Shop"
	seedGroupsRoot = "/shop/"
)

// seeder fills a sandbox through the operations that clients call.
type seeder struct {
	s      *Server
	ctx    context.Context
	rnd    *rand.Rand
	now    time.Time
	err    error // the first
	lines  map[string][]logtypes.InputLogEvent
	docs   []string
	minute map[string]*seedMinute // by route
}

// seedMinute is what a minute's requests of a route add up to.
type seedMinute struct {
	latency []float64
	faults  float64
}

// SeedDemo fills the sandbox with the latest day of a small shop: logs of
// three services, metrics by route, traces, a dashboard, a saved query and
// alarms, with an incident three hours ago, of which the alarms have told. The same day comes out each time
// but for its hour. A sandbox that has one stays as it is.
func (s *Server) SeedDemo(ctx context.Context) error {
	caller := api.Caller{Account: s.account, Region: DefaultRegion, RequestID: "seed"}
	d := &seeder{
		s: s, ctx: api.WithCaller(ctx, caller), rnd: rand.New(rand.NewPCG(1, 1)), now: s.clock.Now().Truncate(time.Minute),
		lines: make(map[string][]logtypes.InputLogEvent),
	}
	if d.there() {
		s.log.Warn("the sandbox has a day of the demo already; it stays as it is")
		return nil
	}
	d.resources()
	for at := d.now.Add(-24 * time.Hour); at.Before(d.now) && d.err == nil; at = at.Add(time.Minute) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		d.fill(at)
	}
	d.flush()
	if d.err != nil {
		return fmt.Errorf("seed the sandbox: %w", d.err)
	}
	for _, svc := range s.services {
		if m, ok := svc.(*cw.Service); ok {
			m.Backdate(d.ctx, d.now.Add(-seedAlarms))
		}
	}
	return nil
}

// there reports whether the sandbox has been seeded, as one with a folder may have
// been before.
func (d *seeder) there() bool {
	_, err := d.s.do(d.ctx, "logs", "DescribeLogStreams", &cwl.DescribeLogStreamsInput{LogGroupName: aws.String(seedGroupsRoot + seedServices()[0])})
	return err == nil
}

// do calls an operation, unless one has failed.
func (d *seeder) do(service, operation string, in any) {
	if d.err == nil {
		_, d.err = d.s.do(d.ctx, service, operation, in)
	}
}

func seedServices() []string { return []string{"storefront", "orders", "payments"} }

// resources makes groups, alarms, a dashboard and saved queries.
func (d *seeder) resources() {
	for _, name := range seedServices() {
		g := aws.String(seedGroupsRoot + name)
		d.do("logs", "CreateLogGroup", &cwl.CreateLogGroupInput{LogGroupName: g, Tags: map[string]string{"app": "shop"}})
		d.do("logs", "PutRetentionPolicy", &cwl.PutRetentionPolicyInput{LogGroupName: g, RetentionInDays: aws.Int32(14)})
		d.do("logs", "CreateLogStream", &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: aws.String(name + "/1")})
	}
	d.do("logs", "PutQueryDefinition", &cwl.PutQueryDefinitionInput{
		Name:        aws.String("shop/faults by route"),
		QueryString: aws.String(`filter status >= 500 | stats count(*) as faults by route | sort faults desc`), LogGroupNames: []string{seedGroupsRoot + "orders"},
	})
	topic := []string{"arn:aws:sns:" + DefaultRegion + ":" + d.s.account + ":shop-alerts"}
	route := []cwtypes.Dimension{{Name: aws.String("Route"), Value: aws.String("POST /orders")}}
	d.do("monitoring", "PutMetricAlarm", &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("shop-orders-faults"), AlarmDescription: aws.String("Orders fail."), Namespace: aws.String(seedNamespace),
		MetricName: aws.String("Faults"), Dimensions: route, Statistic: cwtypes.StatisticSum, Period: aws.Int32(300), EvaluationPeriods: aws.Int32(2),
		DatapointsToAlarm: aws.Int32(2), Threshold: aws.Float64(3), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold,
		TreatMissingData: aws.String("notBreaching"), AlarmActions: topic, OKActions: topic,
	})
	d.do("monitoring", "PutMetricAlarm", &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("shop-orders-slow"), AlarmDescription: aws.String("Orders take long."), Namespace: aws.String(seedNamespace),
		MetricName: aws.String("Latency"), Dimensions: route, ExtendedStatistic: aws.String("p99"), Period: aws.Int32(300), EvaluationPeriods: aws.Int32(2),
		DatapointsToAlarm: aws.Int32(2), Threshold: aws.Float64(2), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold,
		TreatMissingData: aws.String("notBreaching"), AlarmActions: topic,
	})
	d.do("monitoring", "PutCompositeAlarm", &cloudwatch.PutCompositeAlarmInput{
		AlarmName: aws.String("shop-orders"), AlarmRule: aws.String(`ALARM("shop-orders-faults") OR ALARM("shop-orders-slow")`), AlarmActions: topic,
	})
	d.do("monitoring", "PutDashboard", &cloudwatch.PutDashboardInput{DashboardName: aws.String("shop"), DashboardBody: aws.String(
		`{"widgets":[{"type":"metric","x":0,"y":0,"width":12,"height":6,"properties":{"title":"Latency of orders","region":"` + DefaultRegion +
			`","stat":"p99","period":60,"metrics":[["Shop","Latency","Route","POST /orders"]]}}]}`)})
}

// load is the share of the peak at an hour of the day: little at night, most in
// the evening.
func load(at time.Time) float64 {
	h := float64(at.Hour()) + float64(at.Minute())/60
	return 0.3 + 0.7*math.Pow((1+math.Cos((h-20)/24*2*math.Pi))/2, 1.5)
}

type seedRequest struct {
	at       time.Time
	route    string
	seconds  float64
	status   int
	incident bool
	traceID  string
	traced   bool
	order    int
}

// fill adds a minute.
func (d *seeder) fill(at time.Time) {
	d.minute = make(map[string]*seedMinute)
	begin := d.now.Add(-seedAgo)
	incident := !at.Before(begin) && at.Before(begin.Add(seedIncident))
	n := int(seedPeak*load(at)*(0.8+0.4*d.rnd.Float64())) + 1
	for i := range n {
		d.request(at.Add(time.Duration(i)*time.Minute/time.Duration(n)), incident)
	}
	d.metrics(at)
	if len(d.docs) > 0 || at.Minute()%10 == 9 {
		d.flush()
	}
}

func (d *seeder) request(at time.Time, incident bool) {
	routes := []string{"GET /", "GET /products", "GET /products", "POST /orders", "GET /orders/{id}"}
	r := seedRequest{at: at, route: routes[d.rnd.IntN(len(routes))], status: 200, incident: incident, order: 1000 + d.rnd.IntN(9000)}
	r.seconds = 0.012 + 0.03*d.rnd.ExpFloat64()
	if r.route == "POST /orders" {
		r.seconds, r.status = 0.12+0.15*d.rnd.ExpFloat64(), 201
		if incident && d.rnd.Float64() < 0.6 {
			r.seconds, r.status = 2.4+d.rnd.ExpFloat64(), 500
		}
	}
	if d.rnd.Float64() < 0.004 {
		r.status = 404
	}
	r.traceID = fmt.Sprintf("1-%08x-%016x%08x", at.Unix(), d.rnd.Uint64(), d.rnd.Uint32())
	r.traced = r.status >= 500 || d.rnd.Float64() < seedTraced
	m := d.minute[r.route]
	if m == nil {
		m = &seedMinute{}
		d.minute[r.route] = m
	}
	m.latency = append(m.latency, math.Round(r.seconds*1e4)/1e4)
	if r.status >= 500 {
		m.faults++
	}
	level := "info"
	switch {
	case r.status >= 500:
		level = "error"
	case r.status >= 400 || r.seconds > 1:
		level = "warn"
	}
	d.log("storefront", &r, level, "request served")
	if strings.Contains(r.route, "orders") {
		text := "order handled"
		switch {
		case r.status >= 500:
			text = "payment failed: card gateway timed out"
			d.log("payments", &r, level, "card gateway timed out after 2000 ms")
		case r.status == 404:
			text = "no such order"
		case r.route == "POST /orders":
			d.log("payments", &r, level, "card charged")
		}
		d.log("orders", &r, level, text)
	}
	if r.traced {
		d.docs = append(d.docs, r.documents()...)
	}
}

func (d *seeder) log(service string, r *seedRequest, level, text string) {
	line := fmt.Sprintf(`{"level":%q,"msg":%q,"service":%q,"route":%q,"status":%d,"took_ms":%.1f,"order":%d,"traceId":%q}`,
		level, text, service, r.route, r.status, r.seconds*1000, r.order, r.traceID)
	d.lines[service] = append(d.lines[service], logtypes.InputLogEvent{Timestamp: aws.Int64(r.at.UnixMilli()), Message: &line})
}

// documents are the segments of a request, from storefront down.
func (r *seedRequest) documents() []string {
	start, end := float64(r.at.UnixMicro())/1e6, float64(r.at.UnixMicro())/1e6+r.seconds
	id := func(n int) string { return fmt.Sprintf("%016x", uint64(r.at.UnixNano())<<4+uint64(n)) }
	method, path, _ := strings.Cut(r.route, " ")
	flag := ""
	if r.status >= 500 {
		flag = `,"fault":true`
	} else if r.status >= 400 {
		flag = `,"error":true`
	}
	web := fmt.Sprintf(`"http":{"request":{"method":%q,"url":"http://shop.local%s"},"response":{"status":%d}}`, method, path, r.status)
	segment := func(n int, name, parent, body string, from, to float64) string {
		return fmt.Sprintf(`{"trace_id":%q,"id":%q,"name":%q,"origin":"AWS::ECS::Container"%s,"start_time":%.6f,"end_time":%.6f,%s%s}`,
			r.traceID, id(n), name, parent, from, to, body, flag)
	}
	call := func(n int, name, more string, from, to float64) string {
		return fmt.Sprintf(`"subsegments":[{"id":%q,"name":%q,"namespace":"remote","start_time":%.6f,"end_time":%.6f%s%s}]`, id(n), name, from, to, more, flag)
	}
	if !strings.Contains(r.route, "orders") {
		return []string{segment(1, "storefront", "", web, start, end)}
	}
	step := r.seconds / 20
	docs := []string{
		segment(1, "storefront", "", web+","+call(2, "orders", "", start+step, end-step), start, end),
		segment(3, "orders", `,"parent_id":"`+id(2)+`"`, web+`,"annotations":{"order":`+fmt.Sprint(r.order)+`},`+call(4, "payments", "", start+3*step, end-2*step), start+2*step, end-step),
	}
	cause := ""
	if r.status >= 500 {
		cause = `,"cause":{"exceptions":[{"id":"` + id(7) + `","type":"TimeoutError","message":"card gateway timed out","remote":true}]}`
	}
	return append(docs, segment(5, "payments", `,"parent_id":"`+id(4)+`"`, web+","+call(6, "card gateway", cause, start+5*step, end-4*step), start+4*step, end-3*step))
}

// metrics writes the minute's metrics.
func (d *seeder) metrics(at time.Time) {
	var data []cwtypes.MetricDatum
	for route, m := range d.minute {
		dims := []cwtypes.Dimension{{Name: aws.String("Route"), Value: aws.String(route)}}
		data = append(data,
			cwtypes.MetricDatum{MetricName: aws.String("Latency"), Dimensions: dims, Timestamp: &at, Unit: cwtypes.StandardUnitSeconds, Values: m.latency},
			cwtypes.MetricDatum{MetricName: aws.String("Requests"), Dimensions: dims, Timestamp: &at, Unit: cwtypes.StandardUnitCount, Value: aws.Float64(float64(len(m.latency)))},
			cwtypes.MetricDatum{MetricName: aws.String("Faults"), Dimensions: dims, Timestamp: &at, Unit: cwtypes.StandardUnitCount, Value: &m.faults})
	}
	d.do("monitoring", "PutMetricData", &cloudwatch.PutMetricDataInput{Namespace: aws.String(seedNamespace), MetricData: data})
}

// flush writes the log lines and the documents that wait.
func (d *seeder) flush() {
	for _, name := range seedServices() {
		if len(d.lines[name]) > 0 {
			d.do("logs", "PutLogEvents", &cwl.PutLogEventsInput{LogGroupName: aws.String(seedGroupsRoot + name), LogStreamName: aws.String(name + "/1"), LogEvents: d.lines[name]})
			d.lines[name] = nil
		}
	}
	for len(d.docs) > 0 {
		n := min(50, len(d.docs))
		d.do("xray", "PutTraceSegments", &xray.PutTraceSegmentsInput{TraceSegmentDocuments: d.docs[:n]})
		d.docs = d.docs[n:]
	}
}
