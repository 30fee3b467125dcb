package config

import "time"

// TraceSample says which traces go on. A trace goes on if anything here says so.
type TraceSample struct {
	Rate       Percent       `key:"rate" doc:"the part of the traces that nothing else decides about"`
	Services   Percents      `key:"services" doc:"the same for certain services: names and percentages"`
	Rules      bool          `key:"rules" doc:"X-Ray's sampling rules decide instead of rate, for senders that do not ask for them"`
	PerSecond  int           `key:"per_second" min:"0" max:"1000000" doc:"bound on the traces that rate, services and rules keep; 0: none"`
	KeepErrors bool          `key:"keep_errors" doc:"keep traces in which anything failed or was throttled"`
	KeepSlower time.Duration `key:"keep_slower" min:"0s" max:"1h" doc:"keep traces that take this long; 0s: none for that"`
	KeepRare   int           `key:"keep_rare" min:"0" max:"10000" doc:"traces of each operation that are kept in a minute"`
	Senders    Senders       `key:"senders" doc:"respect what senders have sampled already, or ignore that and sample again"`
	Wait       time.Duration `key:"wait" min:"100ms" max:"10m" doc:"from a trace's first span to the decision"`
	Memory     Bytes         `key:"memory" min:"4MiB" doc:"of spans that wait; when it runs short, decisions come early"`
}

// On reports whether s leaves anything out.
func (s TraceSample) On() bool {
	return s.Rate < 100 || s.Rules || s.PerSecond > 0 || len(s.Services) > 0
}

// Senders is respect or ignore.
type Senders string

func (s *Senders) parse(text string) error { return oneOf(s, text, "respect", "ignore") }

// Percents are names and percentages.
type Percents []Pair

func (Percents) check(value string) error {
	var p Percent
	return p.parse(value)
}

// Parts returns the percentages as parts of one.
func (p Percents) Parts() map[string]float64 {
	m := make(map[string]float64, len(p))
	for _, x := range p {
		var part Percent
		if part.parse(x.Value) == nil { // it was when it was read
			m[x.Name] = float64(part) / 100
		}
	}
	return m
}

// checkTraces looks at what is done with traces.
func (d *decoder) checkTraces(cfg *Config, clash clashFunc) {
	s := cfg.Traces.Sample
	if s.Rules && s.Rate < 100 {
		clash("traces.sample.rules", "rules and rate both decide about the same traces", "keep one of them; services may stand beside both")
	}
}
