package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sidelight-dev/sidelight/agent/config"
)

func TestBadDestinations(t *testing.T) {
	_, ps := config.Load("testdata/baddestinations.yaml", []string{"SIDELIGHT_TRACES_VIA=spans"})
	var b strings.Builder
	if err := ps.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "baddestinations.txt", b.String())
}

func TestDestinations(t *testing.T) {
	l, ps := config.Load("testdata/destinations.yaml", nil)
	if len(ps) != 0 {
		t.Fatal(ps)
	}
	var kinds []string
	for _, a := range append(l.Config.Logs.Also, l.Config.Traces.Also...) {
		kinds = append(kinds, a.Label())
	}
	if d := cmp.Diff([]string{"otlp-backup", "stdout", "stdout-second", "otlp-local", "otlp-again"}, kinds); d != "" {
		t.Error(d)
	}
	shared := l.Config.OTLP
	if got := (config.OTLPOut{Compression: "none"}).Resolve(shared); got.Endpoint != "https://gateway:4318" || len(got.Headers) != 2 || got.Compression != "none" {
		t.Errorf("without an endpoint of its own: %+v", got)
	}
	if got := l.Config.Logs.Also[0].OTLP.Resolve(shared); len(got.Headers) != 0 || got.Endpoint != "https://collector:4318/base" {
		t.Errorf("with an endpoint of its own: %+v; the headers of another leaked", got)
	}
	// What config show prints has the same effect.
	var b strings.Builder
	if err := l.WriteYAML(&b, false); err != nil {
		t.Fatal(err)
	}
	again, ps := config.Load("", []string{"SIDELIGHT_CONFIG=" + b.String()})
	if len(ps) != 0 {
		t.Fatalf("%v in\n%s", ps, b.String())
	}
	if d := cmp.Diff(l.Config, again.Config, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("read again:\n%s", d)
	}
}

// Sampling stands before every destination of traces.
func TestSamplingAndSpans(t *testing.T) {
	for _, text := range []string{
		"traces: {sample: 10%}", "traces: {via: otlp, sample: 10%}", "traces: {via: both, sample: {rules: true}}",
		"traces: {sample: 10%, also: [{otlp: https://collector:4318}]}", "traces: {sample: 10%, also: [{stdout: on}]}",
	} {
		if _, ps := config.Load("", []string{"SIDELIGHT_CONFIG=" + text}); len(ps) > 0 {
			t.Errorf("%s: %v", text, ps)
		}
	}
}
