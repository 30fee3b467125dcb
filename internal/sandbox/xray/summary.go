package xray

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/segment"
)

// summary computes what GetTraceSummaries tells of a trace.
func (a *anatomy) summary() types.TraceSummary {
	start, end, partial := a.span()
	s := types.TraceSummary{
		Id: aws.String(a.id), IsPartial: aws.Bool(partial), StartTime: aws.Time(segment.Time(start)),
		HasFault: aws.Bool(false), HasError: aws.Bool(false), HasThrottle: aws.Bool(false),
		ServiceIds: a.serviceIDs(), Users: a.users(), Annotations: a.annotations(),
		FaultRootCauses: a.faultCauses(), ErrorRootCauses: a.errorCauses(), ResponseTimeRootCauses: a.delayCauses(),
	}
	if end != 0 {
		s.Duration = aws.Float64(segment.Between(start, end))
	}
	if a.entry != nil {
		top := a.entry.Top
		s.EntryPoint = a.serviceID(top)
		s.HasFault, s.HasError, s.HasThrottle = &top.Fault, &top.Error, &top.Throttle
		s.Http = httpOf(top)
		if top.Done() {
			s.ResponseTime = aws.Float64(top.Seconds())
		}
	}
	zones, instances, arns := a.resources()
	for _, z := range zones {
		s.AvailabilityZones = append(s.AvailabilityZones, types.AvailabilityZoneDetail{Name: aws.String(z)})
	}
	for _, i := range instances {
		s.InstanceIds = append(s.InstanceIds, types.InstanceIdDetail{Id: aws.String(i)})
	}
	for _, r := range arns {
		s.ResourceARNs = append(s.ResourceARNs, types.ResourceARNDetail{ARN: aws.String(r)})
	}
	return s
}

// span returns the first start and the last end of everything in the trace, and
// whether anything is still in progress.
func (a *anatomy) span() (start, end float64, partial bool) {
	for _, p := range a.places {
		if start == 0 || p.StartTime < start {
			start = p.StartTime
		}
		end = max(end, p.EndTime)
		partial = partial || !p.Done()
	}
	return start, end, partial
}

func httpOf(d *segment.Document) *types.Http {
	if d.HTTP == nil {
		return nil
	}
	r := &d.HTTP.Request
	h := &types.Http{
		HttpURL: optional(r.URL), HttpMethod: optional(r.Method),
		UserAgent: optional(r.UserAgent), ClientIp: optional(r.ClientIP),
	}
	if st := d.HTTP.Response.Status; st > 0 && st < 1000 {
		h.HttpStatus = aws.Int32(int32(st))
	}
	return h
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a *anatomy) serviceID(d *segment.Document) *types.ServiceId {
	k := keyOf(d)
	return &types.ServiceId{
		Name: aws.String(k.name), Names: []string{k.name}, Type: optional(k.typ), AccountId: aws.String(a.accountOf(d)),
	}
}

// segments lists the segments that arrived and those that were inferred.
func (a *anatomy) segments() []*segment.Document {
	var out []*segment.Document
	for _, t := range a.trees {
		if !t.Top.Subsegment() {
			out = append(out, t.Top)
		}
	}
	return append(out, a.inferred...)
}

func (a *anatomy) serviceIDs() []types.ServiceId {
	var out []types.ServiceId
	seen := map[nodeKey]bool{}
	for _, d := range a.segments() {
		if k := keyOf(d); !seen[k] {
			seen[k] = true
			out = append(out, *a.serviceID(d))
		}
	}
	return out
}

func (a *anatomy) users() []types.TraceUser {
	var out []types.TraceUser
	for _, d := range a.segments() {
		if d.User == "" {
			continue
		}
		i := slices.IndexFunc(out, func(u types.TraceUser) bool { return *u.UserName == d.User })
		if i < 0 {
			i = len(out)
			out = append(out, types.TraceUser{UserName: aws.String(d.User)})
		}
		out[i].ServiceIds = addService(out[i].ServiceIds, a.serviceID(d))
	}
	return out
}

func addService(ids []types.ServiceId, id *types.ServiceId) []types.ServiceId {
	same := func(x types.ServiceId) bool {
		return *x.Name == *id.Name && aws.ToString(x.Type) == aws.ToString(id.Type)
	}
	if slices.ContainsFunc(ids, same) {
		return ids
	}
	return append(ids, *id)
}

// annotations lists the indexed annotations of all documents by key, with the
// services that set each value. Beyond the limit of a trace, keys that come
// later are not indexed.
func (a *anatomy) annotations() map[string][]types.ValueWithServiceIds {
	out := map[string][]types.ValueWithServiceIds{}
	for _, p := range a.places {
		for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
			v := annotationValue(p.Annotations[key].V)
			if _, known := out[key]; v == nil || !known && len(out) >= segment.MaxAnnotations || !segment.IndexableKey(key) {
				continue
			}
			i := slices.IndexFunc(out[key], func(x types.ValueWithServiceIds) bool { return sameValue(x.AnnotationValue, v) })
			if i < 0 {
				i = len(out[key])
				out[key] = append(out[key], types.ValueWithServiceIds{AnnotationValue: v})
			}
			if !p.tree.Top.Subsegment() {
				out[key][i].ServiceIds = addService(out[key][i].ServiceIds, a.serviceID(p.tree.Top))
			}
		}
	}
	return out
}

// annotationValue converts what a document says, or returns nil for what is not
// indexed.
func annotationValue(v any) types.AnnotationValue {
	switch v := v.(type) {
	case string:
		if len(v) > segment.MaxAnnotationText && len([]rune(v)) > segment.MaxAnnotationText {
			return nil
		}
		return &types.AnnotationValueMemberStringValue{Value: v}
	case float64:
		return &types.AnnotationValueMemberNumberValue{Value: v}
	case bool:
		return &types.AnnotationValueMemberBooleanValue{Value: v}
	}
	return nil
}

func sameValue(a, b types.AnnotationValue) bool { return plainValue(a) == plainValue(b) }

func plainValue(v types.AnnotationValue) any {
	switch v := v.(type) {
	case *types.AnnotationValueMemberStringValue:
		return v.Value
	case *types.AnnotationValueMemberNumberValue:
		return v.Value
	case *types.AnnotationValueMemberBooleanValue:
		return v.Value
	}
	return nil
}

// resources lists what the segments ran on.
func (a *anatomy) resources() (zones, instances, arns []string) {
	for _, d := range a.segments() {
		arns = addText(arns, d.ResourceARN)
		if d.AWS != nil && !d.Inferred {
			zones = addText(addText(zones, d.AWS.EC2.AvailabilityZone), d.AWS.ECS.AvailabilityZone)
			instances = addText(instances, d.AWS.EC2.InstanceID)
		}
	}
	return zones, instances, arns
}

func addText(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
