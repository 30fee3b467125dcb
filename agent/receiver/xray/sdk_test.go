package xray_test

import (
	"encoding/json"
	"net"
	"testing"

	"github.com/aws/aws-xray-sdk-go/strategy/sampling"
	xraysdk "github.com/aws/aws-xray-sdk-go/xray"
	"github.com/aws/aws-xray-sdk-go/xraylog"

	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
)

// TestSDK sends segments with the X-Ray SDK itself.
func TestSDK(t *testing.T) {
	out := newSink()
	r, _ := start(t, xray.Config{UDP: "127.0.0.1:0"}, nil, newBooks(), out)
	xraysdk.SetLogger(xraylog.NullLogger)
	emitter, err := xraysdk.NewDefaultEmitter(r.UDPAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	all, err := sampling.NewLocalizedStrategyFromJSONBytes([]byte(`{"version":2,"default":{"fixed_target":100,"rate":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := xraysdk.ContextWithConfig(t.Context(), xraysdk.Config{Emitter: emitter, SamplingStrategy: all})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		ctx, seg := xraysdk.BeginSegment(ctx, "checkout")
		_, sub := xraysdk.BeginSubsegment(ctx, "charge")
		if err := sub.AddAnnotation("attempt", i); err != nil {
			t.Fatal(err)
		}
		sub.Close(nil)
		seg.Close(nil)
	}
	ids := map[string]bool{} // the SDK sends a segment twice now and then
	until(t, out.more, func() bool {
		for _, doc := range out.all() {
			ids[idOf(t, doc)] = true
		}
		return len(ids) == 20
	})
}

// idOf returns a segment's id after a look at the rest.
func idOf(t *testing.T, doc string) string {
	t.Helper()
	var seg struct {
		Name, ID    string
		TraceID     string `json:"trace_id"`
		Subsegments []struct{ Name string }
	}
	err := json.Unmarshal([]byte(doc), &seg)
	if err != nil || len(seg.TraceID) != 35 || seg.Name != "checkout" || len(seg.Subsegments) == 0 || seg.Subsegments[0].Name != "charge" {
		t.Fatalf("%s: %v", doc, err)
	}
	return seg.ID
}
