package main

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// Either build, with the default configuration but for ports and the directory,
// delivers what a child writes before it ends.
func TestDeliversByDefault(t *testing.T) {
	s := sandboxtest.New(t)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sidelight", "exec", "--grace", "30s", "--", "echo", "a line of the child")
	cmd.Env = append(cmd.Environ(),
		"AWS_ENDPOINT_URL="+s.URL(), "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
		"HOME="+dir, "SIDELIGHT_SERVICE_NAME=orders", "SIDELIGHT_QUEUE_DIR="+dir, "SIDELIGHT_STATUS_LISTEN=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_OTLP_GRPC=127.0.0.1:0", "SIDELIGHT_RECEIVERS_OTLP_HTTP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_FORWARD_TCP=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_XRAY_UDP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_XRAY_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_STATSD_UDP=127.0.0.1:0",
		"SIDELIGHT_RECEIVERS_EMF_UDP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_EMF_TCP=127.0.0.1:0")
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &talk)
	}
	if string(out) != "a line of the child\n" {
		t.Errorf("the child's output is %q", out)
	}
	if strings.Contains(talk.String(), "the agent cannot run") || strings.Contains(talk.String(), "unknown key") {
		t.Errorf("it says:\n%s", &talk)
	}
	if got := delivered(t, s); !slices.Contains(got, "a line of the child") {
		t.Errorf("delivered is %q; it says:\n%s", got, &talk)
	}
}

// delivered returns every log event that the sandbox holds.
func delivered(t *testing.T, s *sandbox.Server) (out []string) {
	t.Helper()
	client := cloudwatchlogs.NewFromConfig(sandboxtest.Config(s))
	groups, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.LogGroups {
		page, err := client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: g.LogGroupName})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			out = append(out, aws.ToString(e.Message))
		}
	}
	return out
}
