package logs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// setDestinationPolicy puts a policy on a destination, or takes it away.
func (s *Service) setDestinationPolicy(ctx context.Context, name, policy *string) error {
	r, id, err := s.shelved(ctx, kindDestination, "deliveryDestinationName", name)
	if err != nil {
		return err
	}
	d := *r.value.(*deliveryDestination)
	d.Policy = policy
	return s.shelve(ctx, kindDestination, id, &d, nil)
}

func (s *Service) putDeliveryDestinationPolicy(ctx context.Context, in *cwl.PutDeliveryDestinationPolicyInput) (*cwl.PutDeliveryDestinationPolicyOutput, error) {
	if isJSON(in.DeliveryDestinationPolicy) != nil {
		return nil, badSchedule("deliveryDestinationPolicy must be a JSON object.")
	}
	if err := s.setDestinationPolicy(ctx, in.DeliveryDestinationName, in.DeliveryDestinationPolicy); err != nil {
		return nil, err
	}
	return &cwl.PutDeliveryDestinationPolicyOutput{Policy: &types.Policy{DeliveryDestinationPolicy: in.DeliveryDestinationPolicy}}, nil
}

func (s *Service) getDeliveryDestinationPolicy(ctx context.Context, in *cwl.GetDeliveryDestinationPolicyInput) (*cwl.GetDeliveryDestinationPolicyOutput, error) {
	r, _, err := s.shelved(ctx, kindDestination, "deliveryDestinationName", in.DeliveryDestinationName)
	if err != nil {
		return nil, err
	}
	return &cwl.GetDeliveryDestinationPolicyOutput{Policy: &types.Policy{DeliveryDestinationPolicy: r.value.(*deliveryDestination).Policy}}, nil
}

func (s *Service) deleteDeliveryDestinationPolicy(ctx context.Context, in *cwl.DeleteDeliveryDestinationPolicyInput) (*cwl.DeleteDeliveryDestinationPolicyOutput, error) {
	return &cwl.DeleteDeliveryDestinationPolicyOutput{}, s.setDestinationPolicy(ctx, in.DeliveryDestinationName, nil)
}

func describedDelivery(r *resource) types.Delivery {
	d := *r.value.(*types.Delivery)
	d.Tags = maps.Clone(r.tags)
	return d
}

// createDelivery pairs a source with a destination.
func (s *Service) createDelivery(ctx context.Context, in *cwl.CreateDeliveryInput) (*cwl.CreateDeliveryOutput, error) {
	if _, _, err := s.shelved(ctx, kindSource, "deliverySourceName", in.DeliverySourceName); err != nil {
		return nil, err
	}
	to, _, err := s.shelved(ctx, kindDestination, "deliveryDestinationArn", in.DeliveryDestinationArn)
	if err != nil {
		return nil, err
	}
	if s.delivers(ctx, func(d *types.Delivery) bool {
		return *d.DeliverySourceName == *in.DeliverySourceName && *d.DeliveryDestinationArn == *in.DeliveryDestinationArn
	}) {
		return nil, conflict("The source %s is delivered to this destination already.", *in.DeliverySourceName)
	}
	id := strings.ReplaceAll(newUUID(), "-", "")[:16]
	d := &types.Delivery{
		Id: &id, Arn: aws.String(resourceARN(ctx, kindDelivery, id)), DeliveryDestinationArn: in.DeliveryDestinationArn, DeliverySourceName: in.DeliverySourceName,
		DeliveryDestinationType: to.value.(*deliveryDestination).DeliveryDestinationType, FieldDelimiter: in.FieldDelimiter, RecordFields: in.RecordFields,
		S3DeliveryConfiguration: in.S3DeliveryConfiguration,
	}
	if err := s.shelve(ctx, kindDelivery, id, d, in.Tags); err != nil {
		return nil, err
	}
	got, err := s.getDelivery(ctx, &cwl.GetDeliveryInput{Id: &id})
	if err != nil {
		return nil, err
	}
	return &cwl.CreateDeliveryOutput{Delivery: got.Delivery}, nil
}

func (s *Service) getDelivery(ctx context.Context, in *cwl.GetDeliveryInput) (*cwl.GetDeliveryOutput, error) {
	r, _, err := s.shelved(ctx, kindDelivery, "id", in.Id)
	if err != nil {
		return nil, err
	}
	d := describedDelivery(r)
	return &cwl.GetDeliveryOutput{Delivery: &d}, nil
}

func (s *Service) describeDeliveries(ctx context.Context, in *cwl.DescribeDeliveriesInput) (*cwl.DescribeDeliveriesOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	found, next, err := s.shelfNames(ctx, kindDelivery, in.NextToken, limit, func(r *resource) bool {
		return len(in.DeliverySourceNames) == 0 || slices.Contains(in.DeliverySourceNames, *r.value.(*types.Delivery).DeliverySourceName)
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeDeliveriesOutput{NextToken: next, Deliveries: []types.Delivery{}}
	for _, r := range found {
		out.Deliveries = append(out.Deliveries, describedDelivery(r))
	}
	return out, nil
}

// updateDeliveryConfiguration changes what is given.
func (s *Service) updateDeliveryConfiguration(ctx context.Context, in *cwl.UpdateDeliveryConfigurationInput) (*cwl.UpdateDeliveryConfigurationOutput, error) {
	r, id, err := s.shelved(ctx, kindDelivery, "id", in.Id)
	if err != nil {
		return nil, err
	}
	d := *r.value.(*types.Delivery)
	if in.FieldDelimiter != nil {
		d.FieldDelimiter = in.FieldDelimiter
	}
	if in.RecordFields != nil {
		d.RecordFields = in.RecordFields
	}
	if in.S3DeliveryConfiguration != nil {
		d.S3DeliveryConfiguration = in.S3DeliveryConfiguration
	}
	return &cwl.UpdateDeliveryConfigurationOutput{}, s.shelve(ctx, kindDelivery, id, &d, nil)
}

func (s *Service) deleteDelivery(ctx context.Context, in *cwl.DeleteDeliveryInput) (*cwl.DeleteDeliveryOutput, error) {
	return &cwl.DeleteDeliveryOutput{}, s.unshelve(ctx, kindDelivery, "id", in.Id)
}
