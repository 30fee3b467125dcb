// Package statsd receives StatsD and DogStatsD over UDP, through a unix socket
// for datagrams, and as a stream of counted messages: counters, gauges with and
// without sign, timers, histograms, distributions and sets, several values a
// line and several lines a datagram, with sample rates, tags and timestamps;
// events and service checks.
//
// What stands around the value of a line is read once and remembered, as most
// lines differ from one before in their value alone. All that is remembered is
// bounded.
package statsd
