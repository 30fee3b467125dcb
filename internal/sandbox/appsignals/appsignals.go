// Package appsignals emulates the part of CloudWatch Application Signals that says
// which services there are, what they do and whom they call. It holds nothing: the
// answers are read from the metrics in the namespace ApplicationSignals, by which
// the service knows what it knows.
//
// There are no service level objectives, as the operations that create them are
// refused: their list is empty.
package appsignals

import (
	"cmp"
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// namespace has the metrics of services, operations and calls.
const namespace = "ApplicationSignals"

// Metrics tells which metrics there are.
type Metrics interface {
	// WithData lists the metrics of a namespace, in the caller's account and region,
	// that have data from start to before end.
	WithData(ctx context.Context, namespace string, start, end time.Time) []api.Metric
}

// Service implements api.Service.
type Service struct{ metrics Metrics }

var _ api.Service = (*Service)(nil)

// New returns a service that reads m.
func New(m Metrics) *Service { return &Service{m} }

// Name implements api.Service.
func (*Service) Name() string { return "application-signals" }

// Operations implements api.Service.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Op("ListServices", s.listServices),
		api.Op("GetService", s.getService),
		api.Op("ListServiceOperations", s.listServiceOperations),
		api.Op("ListServiceDependencies", s.listServiceDependencies),
		api.Op("ListServiceDependents", s.listServiceDependents),
		api.Op("ListServiceLevelObjectives", s.listServiceLevelObjectives),
	}
}

func invalid(format string, args ...any) *api.Error {
	return api.Errorf("ValidationException", format, args...)
}

// series is a metric with its dimensions by name.
type series struct {
	api.Metric
	dims map[string]string
}

// dimensions reports whether these are the names of all dimensions.
func (s *series) dimensions(names ...string) bool {
	return len(s.dims) == len(names) && !slices.ContainsFunc(names, func(n string) bool { return s.dims[n] == "" })
}

// service names a service.
type service struct{ environment, name string }

func (s *series) service() service { return service{s.dims["Environment"], s.dims["Service"]} }

func (s service) attributes() map[string]string {
	return map[string]string{"Type": "Service", "Name": s.name, "Environment": s.environment}
}

// view is what there is in a range of time, rounded outwards to whole hours; the
// service rounds to the nearest ones.
type view struct {
	start, end time.Time
	series     []series
	services   []service
}

func (s *Service) view(ctx context.Context, start, end *time.Time) (*view, error) {
	if start == nil || end == nil || !start.Before(*end) {
		return nil, invalid("StartTime must be before EndTime")
	}
	v := &view{start: start.UTC().Truncate(time.Hour), end: end.UTC().Add(time.Hour - 1).Truncate(time.Hour)}
	seen := make(map[service]bool)
	for _, m := range s.metrics.WithData(ctx, namespace, v.start, v.end) {
		x := series{m, make(map[string]string)}
		for _, d := range m.Dimensions {
			x.dims[d[0]] = d[1]
		}
		if x.service().name == "" || x.service().environment == "" {
			continue // sums over services
		}
		v.series = append(v.series, x)
		seen[x.service()] = true
	}
	v.services = order.Sorted(maps.Keys(seen), func(a, b service) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.environment, b.environment))
	})
	return v, nil
}

// references are the metrics that want chooses.
func (v *view) references(ctx context.Context, want func(*series) bool) []MetricReference {
	out := []MetricReference{}
	for i := range v.series {
		x := &v.series[i]
		if !want(x) {
			continue
		}
		ref := MetricReference{
			Namespace: aws.String(namespace), MetricName: aws.String(x.Name), MetricType: aws.String(strings.ToUpper(x.Name)),
			AccountId: aws.String(api.CallerOf(ctx).Account),
		}
		for _, d := range x.Dimensions {
			ref.Dimensions = append(ref.Dimensions, Dimension{&d[0], &d[1]})
		}
		out = append(out, ref)
	}
	return out
}

func (v *view) summary(ctx context.Context, s service) ServiceSummary {
	return ServiceSummary{KeyAttributes: s.attributes(), MetricReferences: v.references(ctx, func(x *series) bool {
		return x.service() == s && x.dimensions("Environment", "Service")
	})}
}

func (s *Service) listServices(ctx context.Context, in *ListServicesInput) (*ListServicesOutput, error) {
	v, err := s.view(ctx, in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	if in.AwsAccountId != nil && *in.AwsAccountId != api.CallerOf(ctx).Account {
		v.services = nil
	}
	some, next, err := page(v.services, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListServicesOutput{StartTime: &v.start, EndTime: &v.end, NextToken: next, ServiceSummaries: []ServiceSummary{}}
	for _, x := range some {
		out.ServiceSummaries = append(out.ServiceSummaries, v.summary(ctx, x))
	}
	return out, nil
}

// find returns the service that key attributes name, and what there is.
func (s *Service) find(ctx context.Context, start, end *time.Time, key map[string]string) (*view, service, error) {
	v, err := s.view(ctx, start, end)
	if err != nil {
		return nil, service{}, err
	}
	if key["Type"] != "Service" || key["Name"] == "" {
		return nil, service{}, invalid("KeyAttributes must have the Type Service and a Name")
	}
	for _, x := range v.services {
		if x.name == key["Name"] && (key["Environment"] == "" || key["Environment"] == x.environment) {
			return v, x, nil
		}
	}
	return nil, service{}, invalid("There is no service %q in the environment %q", key["Name"], key["Environment"])
}

func (s *Service) getService(ctx context.Context, in *GetServiceInput) (*GetServiceOutput, error) {
	v, x, err := s.find(ctx, in.StartTime, in.EndTime, in.KeyAttributes)
	if err != nil {
		return nil, err
	}
	summary := v.summary(ctx, x)
	return &GetServiceOutput{Service: &summary, StartTime: &v.start, EndTime: &v.end}, nil
}

func (s *Service) listServiceOperations(ctx context.Context, in *ListServiceOperationsInput) (*ListServiceOperationsOutput, error) {
	v, x, err := s.find(ctx, in.StartTime, in.EndTime, in.KeyAttributes)
	if err != nil {
		return nil, err
	}
	mine := func(m *series) bool { return m.service() == x && m.dimensions("Environment", "Operation", "Service") }
	names := make(map[string]bool)
	for i := range v.series {
		if mine(&v.series[i]) {
			names[v.series[i].dims["Operation"]] = true
		}
	}
	some, next, err := page(slices.Sorted(maps.Keys(names)), in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListServiceOperationsOutput{StartTime: &v.start, EndTime: &v.end, NextToken: next, ServiceOperations: []ServiceOperation{}}
	for _, name := range some {
		out.ServiceOperations = append(out.ServiceOperations, ServiceOperation{Name: aws.String(name), MetricReferences: v.references(ctx, func(m *series) bool {
			return mine(m) && m.dims["Operation"] == name
		})})
	}
	return out, nil
}

// listServiceLevelObjectives knows none: what creates them is refused.
func (*Service) listServiceLevelObjectives(_ context.Context, in *ListServiceLevelObjectivesInput) (*ListServiceLevelObjectivesOutput, error) {
	_, _, err := page([]string(nil), in.NextToken, in.MaxResults)
	return &ListServiceLevelObjectivesOutput{SloSummaries: []ServiceLevelObjectiveSummary{}}, err
}

// pageSize is that of a page unless the caller says otherwise.
const pageSize = 50

// page cuts a page out of a list. A token is the place that it goes on from.
func page[T any](list []T, token *string, most *int32) ([]T, *string, error) {
	from := 0
	if token != nil {
		b, err := base64.RawURLEncoding.DecodeString(*token)
		if err == nil {
			from, err = strconv.Atoi(string(b))
		}
		if err != nil || from < 0 {
			return nil, nil, invalid("NextToken is invalid")
		}
	}
	from = min(from, len(list))
	to := min(from+int(cmp.Or(aws.ToInt32(most), pageSize)), len(list))
	if to == len(list) {
		return list[from:], nil, nil
	}
	return list[from:to], aws.String(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to)))), nil
}
