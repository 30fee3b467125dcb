package xraydoc_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// The console looks for a trace's logs where the segment says: in the group of
// the service that sent it, unless the sender names others.
func TestLogGroupOfService(t *testing.T) {
	tr := xraydoc.New(xraydoc.Config{
		LogGroups: []string{"/all"},
		LogGroup:  func(service string) (name, arn string) { return "/logs/" + service, "arn:" + service },
	})
	attr := func(key, value string) otlpwire.Attr {
		return otlpwire.Attr{Key: []byte(key), Value: otlpwire.StringValue(value)}
	}
	for name, c := range map[string]struct {
		attrs []otlpwire.Attr
		want  []string
	}{
		"of the service": {[]otlpwire.Attr{attr("service.name", "cart")}, []string{"/logs/cartarn:cart"}},
		"nobody's":       {nil, []string{"/logs/arn:"}},
		"the sender's":   {[]otlpwire.Attr{attr("service.name", "cart"), attr("aws.log.group.names", "/a&/b")}, []string{"/a", "/b"}},
	} {
		t.Run(name, func(t *testing.T) {
			var r xraydoc.Resource
			var d xraydoc.Docs
			tr.Prepare(&r, c.attrs)
			span := otlpwire.Span{TraceID: []byte("0123456789abcdef"), SpanID: []byte("01234567"), Kind: otlpwire.Server, Start: 1e18, End: 2e18}
			if err := tr.Append(&d, &r, &span); err != nil {
				t.Fatal(err)
			}
			var doc struct {
				AWS struct {
					Logs []struct {
						Group string `json:"log_group"`
						ARN   string `json:"arn"`
					} `json:"cloudwatch_logs"`
				} `json:"aws"`
			}
			if err := json.Unmarshal(d.Doc(0), &doc); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range doc.AWS.Logs {
				got = append(got, l.Group+l.ARN)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
