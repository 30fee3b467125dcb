package logs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// deliveryOperations are those on sources, destinations and deliveries, by which
// AWS's own services log. Nothing is delivered here.
func (s *Service) deliveryOperations() []api.Operation {
	return []api.Operation{
		api.Op("PutDeliverySource", s.putDeliverySource),
		api.Op("GetDeliverySource", s.getDeliverySource),
		api.Op("DescribeDeliverySources", s.describeDeliverySources),
		api.Op("DeleteDeliverySource", s.deleteDeliverySource),
		api.Op("PutDeliveryDestination", s.putDeliveryDestination),
		api.Op("GetDeliveryDestination", s.getDeliveryDestination),
		api.Op("DescribeDeliveryDestinations", s.describeDeliveryDestinations),
		api.Op("DeleteDeliveryDestination", s.deleteDeliveryDestination),
		api.Op("PutDeliveryDestinationPolicy", s.putDeliveryDestinationPolicy),
		api.Op("GetDeliveryDestinationPolicy", s.getDeliveryDestinationPolicy),
		api.Op("DeleteDeliveryDestinationPolicy", s.deleteDeliveryDestinationPolicy),
		api.Op("CreateDelivery", s.createDelivery),
		api.Op("GetDelivery", s.getDelivery),
		api.Op("DescribeDeliveries", s.describeDeliveries),
		api.Op("UpdateDeliveryConfiguration", s.updateDeliveryConfiguration),
		api.Op("DeleteDelivery", s.deleteDelivery),
	}
}

// arnService is the service that an ARN names.
func arnService(arn string) string {
	if parts := strings.SplitN(arn, ":", 4); len(parts) == 4 {
		return parts[2]
	}
	return ""
}

// conflict refuses what something else still needs, or is there already.
func conflict(format string, args ...any) *api.Error {
	return api.Errorf("ConflictException", format, args...)
}

// describedSource is a source with its tags.
func describedSource(r *resource) types.DeliverySource {
	d := *r.value.(*types.DeliverySource)
	d.Tags = maps.Clone(r.tags)
	return d
}

// putDeliverySource creates a source or replaces it, but for its tags.
func (s *Service) putDeliverySource(ctx context.Context, in *cwl.PutDeliverySourceInput) (*cwl.PutDeliverySourceOutput, error) {
	if in.ResourceArn == nil || arnService(*in.ResourceArn) == "" {
		return nil, badSchedule("resourceArn must be an ARN.")
	}
	d := &types.DeliverySource{
		Arn: aws.String(resourceARN(ctx, kindSource, text(in.Name))), Name: in.Name, LogType: in.LogType, ResourceArns: []string{*in.ResourceArn},
		Service: aws.String(arnService(*in.ResourceArn)), DeliverySourceConfiguration: in.DeliverySourceConfiguration,
	}
	if err := s.shelve(ctx, kindSource, text(in.Name), d, in.Tags); err != nil {
		return nil, err
	}
	got, err := s.getDeliverySource(ctx, &cwl.GetDeliverySourceInput{Name: in.Name})
	if err != nil {
		return nil, err
	}
	return &cwl.PutDeliverySourceOutput{DeliverySource: got.DeliverySource}, nil
}

func (s *Service) getDeliverySource(ctx context.Context, in *cwl.GetDeliverySourceInput) (*cwl.GetDeliverySourceOutput, error) {
	r, _, err := s.shelved(ctx, kindSource, "name", in.Name)
	if err != nil {
		return nil, err
	}
	d := describedSource(r)
	return &cwl.GetDeliverySourceOutput{DeliverySource: &d}, nil
}

func (s *Service) describeDeliverySources(ctx context.Context, in *cwl.DescribeDeliverySourcesInput) (*cwl.DescribeDeliverySourcesOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	found, next, err := s.shelfNames(ctx, kindSource, in.NextToken, limit, func(r *resource) bool {
		return len(in.ResourceArns) == 0 || slices.ContainsFunc(r.value.(*types.DeliverySource).ResourceArns, func(arn string) bool { return slices.Contains(in.ResourceArns, arn) })
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeDeliverySourcesOutput{NextToken: next, DeliverySources: []types.DeliverySource{}}
	for _, r := range found {
		out.DeliverySources = append(out.DeliverySources, describedSource(r))
	}
	return out, nil
}

func (s *Service) deleteDeliverySource(ctx context.Context, in *cwl.DeleteDeliverySourceInput) (*cwl.DeleteDeliverySourceOutput, error) {
	if s.delivers(ctx, func(d *types.Delivery) bool { return *d.DeliverySourceName == text(in.Name) }) {
		return nil, conflict("The delivery source %s has a delivery.", text(in.Name))
	}
	return &cwl.DeleteDeliverySourceOutput{}, s.unshelve(ctx, kindSource, "name", in.Name)
}

// delivers reports whether there is a delivery that want chooses.
func (s *Service) delivers(ctx context.Context, want func(*types.Delivery) bool) bool {
	region := api.CallerOf(ctx).Region
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, r := range s.shelf {
		if k.region == region && k.kind == kindDelivery && want(r.value.(*types.Delivery)) {
			return true
		}
	}
	return false
}

// deliveryDestination is a destination and its policy.
type deliveryDestination struct {
	types.DeliveryDestination
	Policy *string `json:",omitempty"`
}

func describedDestination(r *resource) types.DeliveryDestination {
	d := r.value.(*deliveryDestination).DeliveryDestination
	d.Tags = maps.Clone(r.tags)
	return d
}

// destinationType is the kind of a destination, by the service of its ARN.
func destinationType(in *cwl.PutDeliveryDestinationInput) types.DeliveryDestinationType {
	if in.DeliveryDestinationType != "" || in.DeliveryDestinationConfiguration == nil {
		return in.DeliveryDestinationType
	}
	return map[string]types.DeliveryDestinationType{
		"s3": types.DeliveryDestinationTypeS3, "logs": types.DeliveryDestinationTypeCwl, "firehose": types.DeliveryDestinationTypeFh,
	}[arnService(text(in.DeliveryDestinationConfiguration.DestinationResourceArn))]
}

// putDeliveryDestination creates a destination or replaces it, but for its tags and
// its policy.
func (s *Service) putDeliveryDestination(ctx context.Context, in *cwl.PutDeliveryDestinationInput) (*cwl.PutDeliveryDestinationOutput, error) {
	d := &deliveryDestination{DeliveryDestination: types.DeliveryDestination{
		Arn: aws.String(resourceARN(ctx, kindDestination, text(in.Name))), Name: in.Name, OutputFormat: in.OutputFormat, RoleArn: in.RoleArn,
		DeliveryDestinationConfiguration: in.DeliveryDestinationConfiguration, DeliveryDestinationType: destinationType(in),
	}}
	if d.DeliveryDestinationType == "" {
		return nil, badSchedule("deliveryDestinationConfiguration must have the ARN of a bucket, a log group or a delivery stream.")
	}
	if old, _, err := s.shelved(ctx, kindDestination, "name", in.Name); err == nil {
		d.Policy = old.value.(*deliveryDestination).Policy
	}
	if err := s.shelve(ctx, kindDestination, text(in.Name), d, in.Tags); err != nil {
		return nil, err
	}
	got, err := s.getDeliveryDestination(ctx, &cwl.GetDeliveryDestinationInput{Name: in.Name})
	if err != nil {
		return nil, err
	}
	return &cwl.PutDeliveryDestinationOutput{DeliveryDestination: got.DeliveryDestination}, nil
}

func (s *Service) getDeliveryDestination(ctx context.Context, in *cwl.GetDeliveryDestinationInput) (*cwl.GetDeliveryDestinationOutput, error) {
	r, _, err := s.shelved(ctx, kindDestination, "name", in.Name)
	if err != nil {
		return nil, err
	}
	d := describedDestination(r)
	return &cwl.GetDeliveryDestinationOutput{DeliveryDestination: &d}, nil
}

func (s *Service) describeDeliveryDestinations(ctx context.Context, in *cwl.DescribeDeliveryDestinationsInput) (*cwl.DescribeDeliveryDestinationsOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	found, next, err := s.shelfNames(ctx, kindDestination, in.NextToken, limit, func(r *resource) bool {
		return len(in.Names) == 0 || slices.Contains(in.Names, text(r.value.(*deliveryDestination).Name))
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeDeliveryDestinationsOutput{NextToken: next, DeliveryDestinations: []types.DeliveryDestination{}}
	for _, r := range found {
		out.DeliveryDestinations = append(out.DeliveryDestinations, describedDestination(r))
	}
	return out, nil
}

func (s *Service) deleteDeliveryDestination(ctx context.Context, in *cwl.DeleteDeliveryDestinationInput) (*cwl.DeleteDeliveryDestinationOutput, error) {
	arn := resourceARN(ctx, kindDestination, text(in.Name))
	if s.delivers(ctx, func(d *types.Delivery) bool { return *d.DeliveryDestinationArn == arn }) {
		return nil, conflict("The delivery destination %s has a delivery.", text(in.Name))
	}
	return &cwl.DeleteDeliveryDestinationOutput{}, s.unshelve(ctx, kindDestination, "name", in.Name)
}
