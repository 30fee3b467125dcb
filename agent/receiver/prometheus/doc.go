// Package prometheus scrapes targets that expose metrics in Prometheus' text
// format (0.0.4) or in OpenMetrics (1.0), found statically, among the containers
// of an ECS task, or among the pods of a Kubernetes node.
//
// Counters become what they grew by since the scrape before; the first scrape of
// a series is only remembered. Histograms become as many values as each bucket
// grew by, equally far inside their buckets so that their sum is right. A
// summary's quantiles are gauges, its sum and count counters. What is known of a
// series lies under its text as it was exposed, so that a scrape in which nothing
// but values changed allocates next to nothing.
package prometheus
