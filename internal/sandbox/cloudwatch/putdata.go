package cloudwatch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Limits of PutMetricData.
const (
	maxDatums     = 1000
	maxEntities   = 2
	maxValues     = 150
	maxDimensions = 30
	maxAge        = 14 * 24 * time.Hour
	maxAhead      = 2 * time.Hour
	maxName       = 255
	maxDimValue   = 1024
)

// maxMagnitude is the greatest absolute value of a metric, 2^360.
var maxMagnitude = math.Ldexp(1, 360)

// PutMetricData stores datapoints, or none of them if any is invalid.
func (s *Service) PutMetricData(ctx context.Context, in *cloudwatch.PutMetricDataInput) (*cloudwatch.PutMetricDataOutput, error) {
	now := s.opts.Clock.Now()
	if err := s.checkNamespace(in.Namespace); err != nil {
		return nil, err
	}
	obs, err := observations(in, now)
	if err != nil {
		return nil, err
	}
	return &cloudwatch.PutMetricDataOutput{}, s.write(ctx, now, obs)
}

func (s *Service) checkNamespace(namespace *string) error {
	if err := checkName("Namespace", namespace); err != nil {
		return err
	}
	if strings.HasPrefix(*namespace, ":") {
		return invalidValue("The parameter Namespace must not start with a colon.")
	}
	if strings.HasPrefix(*namespace, "AWS/") && !s.opts.ReservedNamespaces {
		return invalidValue("The value %s for parameter Namespace is invalid: namespaces that start with AWS/ are reserved.", *namespace)
	}
	return nil
}

// observations validates the whole request.
func observations(in *cloudwatch.PutMetricDataInput, now time.Time) ([]observation, error) {
	if err := checkSizes(in); err != nil {
		return nil, err
	}
	var obs []observation
	add := func(path string, data []types.MetricDatum) error {
		for i := range data {
			o, err := observe(fmt.Sprintf("%s.member.%d", path, i+1), *in.Namespace, &data[i], now)
			if err != nil {
				return err
			}
			obs = append(obs, o)
		}
		return nil
	}
	if err := add("MetricData", in.MetricData); err != nil {
		return nil, err
	}
	for i, e := range in.EntityMetricData {
		if err := add(fmt.Sprintf("EntityMetricData.member.%d.MetricData", i+1), e.MetricData); err != nil {
			return nil, err
		}
	}
	return obs, nil
}

func checkSizes(in *cloudwatch.PutMetricDataInput) error {
	n := len(in.MetricData)
	for _, e := range in.EntityMetricData {
		n += len(e.MetricData)
	}
	switch {
	case n == 0:
		return missing("The parameter MetricData is required.")
	case n > maxDatums:
		return invalidValue("The collection MetricData must not have a size greater than %d.", maxDatums)
	case len(in.EntityMetricData) > maxEntities:
		return invalidValue("The collection EntityMetricData must not have a size greater than %d.", maxEntities)
	case len(in.EntityMetricData) > 0 && in.StrictEntityValidation == nil:
		return missing("The parameter StrictEntityValidation is required with EntityMetricData.")
	}
	if in.StrictEntityValidation == nil || !*in.StrictEntityValidation {
		return nil
	}
	for i, e := range in.EntityMetricData {
		if e.Entity == nil || e.Entity.KeyAttributes["Type"] == "" {
			return invalidValue("The parameter EntityMetricData.member.%d.Entity is invalid: the key attribute Type is missing.", i+1)
		}
	}
	return nil
}

// observe validates one datum; path names it in errors.
func observe(path, namespace string, d *types.MetricDatum, now time.Time) (observation, error) {
	if err := checkName(path+".MetricName", d.MetricName); err != nil {
		return observation{}, err
	}
	dims, err := checkDimensions(path+".", d.Dimensions)
	if err != nil {
		return observation{}, err
	}
	o := observation{identity: newIdentity(namespace, *d.MetricName, dims), at: now, unit: string(d.Unit)}
	if o.unit == "" {
		o.unit = string(types.StandardUnitNone)
	}
	if !slices.Contains(types.StandardUnitNone.Values(), types.StandardUnit(o.unit)) {
		return o, invalidValue("The value %s for parameter %s.Unit is invalid.", o.unit, path)
	}
	if o.at, err = checkTimestamp(path, d.Timestamp, now); err != nil {
		return o, err
	}
	if o.resolution, err = checkResolution(path, d.StorageResolution); err != nil {
		return o, err
	}
	return o, o.fill(path, d)
}

func checkTimestamp(path string, t *time.Time, now time.Time) (time.Time, error) {
	switch {
	case t == nil:
		return now, nil
	case t.Before(now.Add(-maxAge)):
		return now, invalidValue("The parameter %s.Timestamp must not be more than two weeks in the past.", path)
	case t.After(now.Add(maxAhead)):
		return now, invalidValue("The parameter %s.Timestamp must not be more than two hours in the future.", path)
	}
	return *t, nil
}

func checkResolution(path string, r *int32) (time.Duration, error) {
	switch {
	case r == nil || *r == 60:
		return time.Minute, nil
	case *r == 1:
		return time.Second, nil
	}
	return 0, invalidValue("The value %d for parameter %s.StorageResolution is invalid: it must be 1 or 60.", *r, path)
}

// fill takes over the values of d, of which exactly one form must be given.
func (o *observation) fill(path string, d *types.MetricDatum) error {
	var given []string
	if d.Value != nil {
		given = append(given, path+".Value")
	}
	if d.StatisticValues != nil {
		given = append(given, path+".StatisticValues")
	}
	if len(d.Values) > 0 {
		given = append(given, path+".Values")
	}
	switch {
	case len(given) > 1:
		return invalidCombination("The parameters %s are mutually exclusive and you have specified both.", strings.Join(given, " and "))
	case len(given) == 0 && len(d.Counts) > 0:
		return invalidCombination("The parameter %s.Counts needs the parameter %s.Values.", path, path)
	case len(given) == 0:
		return missing("At least one of the parameters %s.Value, %s.Values or %s.StatisticValues must be specified.", path, path, path)
	case d.Value != nil:
		o.values = []weighted{{*d.Value, 1}}
		return checkNumber(path+".Value", *d.Value)
	case d.StatisticValues != nil:
		return o.fillSet(path+".StatisticValues", d.StatisticValues)
	}
	return o.fillValues(path, d)
}

func (o *observation) fillSet(path string, s *types.StatisticSet) error {
	fields := []struct {
		name  string
		value *float64
	}{{"SampleCount", s.SampleCount}, {"Sum", s.Sum}, {"Minimum", s.Minimum}, {"Maximum", s.Maximum}}
	for _, f := range fields {
		if f.value == nil {
			return missing("The parameter %s.%s is required.", path, f.name)
		}
		if err := checkNumber(path+"."+f.name, *f.value); err != nil {
			return err
		}
	}
	if *s.SampleCount < 0 {
		return invalidValue("The parameter %s.SampleCount must not be negative.", path)
	}
	if *s.Minimum > *s.Maximum {
		return invalidValue("The parameter %s.Maximum must be greater than or equal to %s.Minimum.", path, path)
	}
	o.set = &statisticSet{*s.SampleCount, *s.Sum, *s.Minimum, *s.Maximum}
	return nil
}

func (o *observation) fillValues(path string, d *types.MetricDatum) error {
	if len(d.Values) > maxValues {
		return invalidValue("The collection %s.Values must not have a size greater than %d.", path, maxValues)
	}
	if len(d.Counts) > 0 && len(d.Counts) != len(d.Values) {
		return invalidValue("The collections %s.Values and %s.Counts must have the same size.", path, path)
	}
	o.values = make([]weighted, len(d.Values))
	for i, v := range d.Values {
		o.values[i] = weighted{v, 1}
		if !inRange(v) { // the path costs more than the check
			return checkNumber(fmt.Sprintf("%s.Values.member.%d", path, i+1), v)
		}
		if len(d.Counts) == 0 {
			continue
		}
		o.values[i].weight = d.Counts[i]
		if !inRange(d.Counts[i]) || d.Counts[i] < 0 {
			return invalidValue("The value %v for parameter %s.Counts.member.%d is invalid.", d.Counts[i], path, i+1)
		}
	}
	return nil
}

func checkNumber(path string, v float64) error {
	if !inRange(v) {
		return invalidValue("The value %v for parameter %s is invalid: it must be a number from -2^360 to 2^360.", v, path)
	}
	return nil
}

// inRange reports whether v is a number that CloudWatch can hold.
func inRange(v float64) bool { return math.Abs(v) <= maxMagnitude } // false for NaN

func checkName(path string, name *string) error {
	if name == nil || *name == "" {
		return missing("The parameter %s is required.", path)
	}
	if len(*name) > maxName {
		return invalidValue("The parameter %s must be shorter than %d characters.", path, maxName+1)
	}
	if !plainASCII(*name) {
		return invalidValue("The parameter %s must contain only ASCII characters other than control characters.", path)
	}
	return nil
}

// checkDimensions checks the list at prefix + "Dimensions".
func checkDimensions(prefix string, in []types.Dimension) ([]dimension, error) {
	if len(in) > maxDimensions {
		return nil, invalidValue("The collection %sDimensions must not have a size greater than %d.", prefix, maxDimensions)
	}
	seen := make(map[string]bool, len(in))
	dims := make([]dimension, len(in))
	for i, d := range in {
		at := fmt.Sprintf("%sDimensions.member.%d", prefix, i+1)
		if err := checkDimension(at, d); err != nil {
			return nil, err
		}
		if seen[*d.Name] {
			return nil, invalidValue("The parameter %s.Name repeats the dimension %s.", at, *d.Name)
		}
		seen[*d.Name] = true
		dims[i] = dimension{*d.Name, *d.Value}
	}
	return dims, nil
}

func checkDimension(path string, d types.Dimension) error {
	for _, part := range []struct {
		name  string
		value *string
		limit int
	}{{"Name", d.Name, maxName}, {"Value", d.Value, maxDimValue}} {
		switch {
		case part.value == nil:
			return missing("The parameter %s.%s is required.", path, part.name)
		case strings.TrimSpace(*part.value) == "":
			return invalidValue("The parameter %s.%s must contain at least one character that is not a space.", path, part.name)
		case len(*part.value) > part.limit:
			return invalidValue("The parameter %s.%s must be shorter than %d characters.", path, part.name, part.limit+1)
		case !plainASCII(*part.value):
			return invalidValue("The parameter %s.%s must contain only ASCII characters other than control characters.", path, part.name)
		}
	}
	if strings.HasPrefix(*d.Name, ":") {
		return invalidValue("The parameter %s.Name must not start with a colon.", path)
	}
	return nil
}

// plainASCII reports whether s is ASCII without control characters.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
