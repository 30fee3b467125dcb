// Package price knows what AWS charges for telemetry: list prices of one region
// at one date, which a file can replace. It makes no call.
package price

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"
)

// HoursPerMonth is what AWS divides monthly prices by.
const HoursPerMonth = 730

// Table is a list of prices in US dollars. A price of zero is one that is not
// known.
type Table struct {
	// Region and Date say where and when the prices held.
	Region string `yaml:"region" json:"region"`
	Date   string `yaml:"date" json:"date"`
	// Metric is a custom metric, a month: of the first 10,000 of an account, which
	// cost most. CloudWatch charges it by the hour.
	Metric float64 `yaml:"metric" json:"metric"`
	// Requests are a thousand calls of PutMetricData.
	Requests float64 `yaml:"requests" json:"requests"`
	// Logs is a gigabyte taken in by a log group of each class.
	Logs map[string]float64 `yaml:"logs" json:"logs"`
	// Traces are a million traces recorded by X-Ray.
	Traces float64 `yaml:"traces" json:"traces"`
	// OTLP is a gigabyte taken by the OTLP endpoint of each signal.
	OTLP map[string]float64 `yaml:"otlp" json:"otlp"`
}

// List returns the list prices of us-east-1, the first tier of each. They hold in
// most regions for metrics; logs are up to twice as dear elsewhere. What OTLP
// endpoints charge for metrics and traces is not in it.
func List() Table {
	return Table{
		Region: "us-east-1", Date: "2025-12",
		Metric: 0.30, Requests: 0.01, Traces: 5,
		Logs: map[string]float64{"standard": 0.50, "infrequent_access": 0.25},
		OTLP: map[string]float64{"logs": 0.50},
	}
}

// AppendYAML appends t in the form that Load reads, with what each price is of.
func (t Table) AppendYAML(dst []byte) []byte {
	dst = fmt.Appendf(dst, `# What AWS charges for telemetry, in US dollars: https://aws.amazon.com/cloudwatch/pricing/
# Take the first tier of each price, and leave out or set to 0 what you do not know.
region: %s
date: %q
metric: %v          # a custom metric for a month
requests: %v       # a thousand calls of PutMetricData
logs:               # a gigabyte into a log group of the class
  standard: %v
  infrequent_access: %v
traces: %v            # a million traces recorded by X-Ray
otlp:               # a gigabyte to the OTLP endpoint of the signal
  logs: %v
  metrics: %v
  traces: %v
`, t.Region, t.Date, t.Metric, t.Requests, t.Logs["standard"], t.Logs["infrequent_access"], t.Traces, t.OTLP["logs"], t.OTLP["metrics"], t.OTLP["traces"])
	return dst
}

// Load reads a file that has the form of a Table in YAML or JSON. What it leaves
// out keeps the list price; an unknown key is an error.
func Load(path string) (Table, error) {
	t := List()
	b, err := os.ReadFile(path)
	if err != nil {
		return t, fmt.Errorf("read prices: %w", err)
	}
	t.Region, t.Date = "", ""
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&t); err != nil && !errors.Is(err, io.EOF) {
		return t, fmt.Errorf("read prices from %s: %w", path, err)
	}
	if t.Date == "" || t.Region == "" {
		return t, fmt.Errorf("read prices from %s: region and date are missing; they say where and when the prices held", path)
	}
	return t, nil
}
