package cloudwatchlogs_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/cloudwatchlogs"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func open(t *testing.T, cfg aws.Config) sidelight.Exporter {
	t.Helper()
	x, err := cloudwatchlogs.New(t.Context(), cloudwatchlogs.Config{RetentionDays: 7}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func event(n, size int) sidelight.Event {
	return sidelight.Event{Time: 1_700_000_000_000 + int64(n), Body: fmt.Appendf(nil, "%d \"q\" %s", n, strings.Repeat("x", size))}
}

func dest() sidelight.Dest {
	return sidelight.Dest{Exporter: "logs", Group: "/app/x", Stream: "s\"1"}
}

func TestContract(t *testing.T) {
	exportertest.Run(t, exportertest.Suite{New: open, Event: event, Dest: dest(), Success: `{"nextSequenceToken":"1"}`})
}

func TestBodyIsWhatAWSReads(t *testing.T) {
	b := exportertest.Pack(t, open(t, exportertest.Config("http://127.0.0.1:1")), dest(), []sidelight.Event{event(2, 1), event(1, 1)}, false)[0]
	var got struct {
		LogGroupName, LogStreamName string
		LogEvents                   []struct {
			Timestamp int64
			Message   string
		}
	}
	if err := json.Unmarshal(b.Body, &got); err != nil {
		t.Fatalf("%v in %s", err, b.Body)
	}
	if got.LogGroupName != "/app/x" || got.LogStreamName != `s"1` || len(got.LogEvents) != 2 || got.LogEvents[0].Message != `1 "q" x` || got.LogEvents[1].Timestamp != 1_700_000_000_002 {
		t.Errorf("body reads as %+v", got)
	}
}

// Against the sandbox: the group and stream are made on demand, and what the
// service rejects inside a success is counted by reason.
func TestSandbox(t *testing.T) {
	s := sandboxtest.New(t)
	x := open(t, sandboxtest.Config(s))
	now := time.Now()
	at := func(d time.Duration, text string) sidelight.Event {
		return sidelight.Event{Time: now.Add(d).UnixMilli(), Body: []byte(text)}
	}
	d := sidelight.Dest{Group: "/made/on/demand", Stream: "s"}
	// Retention of the group is 7 days: 8 days is expired, 15 days too old.
	for _, c := range []struct {
		events []sidelight.Event
		want   string
	}{
		{[]sidelight.Event{at(0, "a"), at(-time.Hour, "b")}, "{2 [] []}"},
		{[]sidelight.Event{at(-15*24*time.Hour, "old")}, "{0 [{too_old 1 [0] }] []}"},
		{[]sidelight.Event{at(3*time.Hour, "new"), at(0, "now")}, "{1 [{too_new 1 [1] }] []}"},
		{[]sidelight.Event{at(-8*24*time.Hour, "expired")}, "{0 [{expired 1 [0] }] []}"},
	} {
		b := exportertest.Pack(t, x, d, c.events, false)
		if len(b) != 1 {
			t.Fatalf("%d blocks, want 1", len(b))
		}
		r, err := x.Export(t.Context(), b[0])
		if err != nil || fmt.Sprint(r) != c.want {
			t.Errorf("%s: receipt %v, %v; want %s", c.events[0].Body, r, err, c.want)
		}
	}
	out, err := sdk.NewFromConfig(sandboxtest.Config(s)).DescribeLogGroups(t.Context(), &sdk.DescribeLogGroupsInput{})
	if err != nil || len(out.LogGroups) != 1 || *out.LogGroups[0].LogGroupName != "/made/on/demand" || *out.LogGroups[0].RetentionInDays != 7 {
		t.Errorf("groups %+v, %v", out, err)
	}
}

// Groups are made as the configuration says, and by several agents at once
// without an error.
func TestMakeGroups(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := cloudwatchlogs.Config{
		RetentionDays: 7, Class: types.LogGroupClassInfrequentAccess, KMSKey: "arn:aws:kms:us-east-1:111111111111:key/1", Tags: map[string]string{"team": "shop"},
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			x, err := cloudwatchlogs.New(t.Context(), cfg, sandboxtest.Config(s), slog.New(slog.DiscardHandler))
			if err == nil {
				err = x.Make(t.Context(), sidelight.Dest{Group: "/made", Stream: fmt.Sprint(i)})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	client := sdk.NewFromConfig(sandboxtest.Config(s))
	out, err := client.DescribeLogGroups(t.Context(), &sdk.DescribeLogGroupsInput{})
	if err != nil || len(out.LogGroups) != 1 {
		t.Fatal(out, err)
	}
	g := out.LogGroups[0]
	if g.LogGroupClass != cfg.Class || aws.ToString(g.KmsKeyId) != cfg.KMSKey || aws.ToInt32(g.RetentionInDays) != 7 {
		t.Errorf("group of class %s, key %s, %d days", g.LogGroupClass, aws.ToString(g.KmsKeyId), aws.ToInt32(g.RetentionInDays))
	}
	tags, err := client.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: g.LogGroupArn})
	if err != nil || tags.Tags["team"] != "shop" {
		t.Errorf("tags %v, %v", tags, err)
	}
	streams, err := client.DescribeLogStreams(t.Context(), &sdk.DescribeLogStreamsInput{LogGroupName: g.LogGroupName})
	if err != nil || len(streams.LogStreams) != 8 {
		t.Errorf("streams %v, %v", streams, err)
	}
}
