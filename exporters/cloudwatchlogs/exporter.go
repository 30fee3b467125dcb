package cloudwatchlogs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
)

// Config says how log groups are made.
type Config struct {
	// RetentionDays of groups that the exporter makes; one of the values that
	// PutRetentionPolicy takes. Zero keeps logs for ever.
	RetentionDays int32
	// Retention, if not nil, is asked for the days of a group that is about to
	// be made, zero for ever. It reports false where RetentionDays holds. It is
	// called from several goroutines and must not block.
	Retention func(group string) (days int32, ok bool)
	// Tags are put on groups that the exporter makes, at most 50.
	Tags map[string]string
	// Class is that of groups that the exporter makes: "" is the service's
	// default, STANDARD. It cannot be changed later.
	Class types.LogGroupClass
	// KMSKey is the ARN of the key that encrypts groups that the exporter makes.
	// Its policy must let the service of the region use it.
	KMSKey string
}

// retention returns the days for group.
func (c *Config) retention(group string) int32 {
	if c.Retention != nil {
		if days, ok := c.Retention(group); ok {
			return days
		}
	}
	return c.RetentionDays
}

// Exporter implements sidelight.Exporter over PutLogEvents.
type Exporter struct {
	encoder
	client *awsapi.Client
	maker  *maker
}

var _ sidelight.Exporter = (*Exporter)(nil)

// New returns an exporter for the account and region of aws. It makes no call.
func New(ctx context.Context, cfg Config, ac aws.Config, log *slog.Logger) (*Exporter, error) {
	client, err := awsapi.NewClient(ctx, ac, awsapi.Logs)
	if err != nil {
		return nil, err
	}
	// The delivery loop retries; the SDK must not multiply that.
	control := cloudwatchlogs.NewFromConfig(ac, func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = 1 })
	return &Exporter{client: client, maker: newMaker(cfg, control, log)}, nil
}

// Export sends b. If its group or stream is missing, both are made and the
// fault is Transient, so that the block is tried again.
func (x *Exporter) Export(ctx context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	answer, err := x.client.Post(ctx, &awsapi.Request{
		Op: "put log events", Path: "/", Header: header(b.Coding), Body: b.Body, Sum: b.Sum,
	})
	if err == nil {
		return receipt(b, answer)
	}
	if !isMissing(err) {
		return sidelight.Receipt{}, err
	}
	if err := x.maker.make(ctx, b.Dest.Value()); err != nil {
		return sidelight.Receipt{}, err
	}
	answer, err = x.client.Post(ctx, &awsapi.Request{
		Op: "put log events", Path: "/", Header: header(b.Coding), Body: b.Body, Sum: b.Sum,
	})
	if err == nil {
		return receipt(b, answer)
	}
	if isMissing(err) {
		// A new group is not visible everywhere at once.
		return sidelight.Receipt{}, &sidelight.Fault{Kind: sidelight.Transient, Op: "put log events", Err: err}
	}
	return sidelight.Receipt{}, err
}

// Make makes the log group and stream of d, for other ways to write to them.
// Something that exists is success; an error is a *sidelight.Fault.
func (x *Exporter) Make(ctx context.Context, d sidelight.Dest) error { return x.maker.make(ctx, d) }

func header(c sidelight.Coding) http.Header {
	h := http.Header{
		"Content-Type": {"application/x-amz-json-1.1"},
		"X-Amz-Target": {"Logs_20140328.PutLogEvents"},
		// Lets metrics be extracted from embedded metric format; harmless for
		// anything else.
		"X-Amzn-Logs-Format": {"json/emf"},
	}
	if c == sidelight.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	return h
}

func isMissing(err error) bool {
	e, ok := errors.AsType[*awsapi.Error](err)
	return ok && e.Code == "ResourceNotFoundException"
}

// rejected is rejectedLogEventsInfo: positions in the request, which stands in
// time order, so that the too old and expired are a prefix and the too new a
// suffix.
type rejected struct {
	TooNewStart *int `json:"tooNewLogEventStartIndex"`
	TooOldEnd   *int `json:"tooOldLogEventEndIndex"`
	ExpiredEnd  *int `json:"expiredLogEventEndIndex"`
}

func receipt(b *sidelight.Block, answer []byte) (sidelight.Receipt, error) {
	var out struct {
		Rejected *rejected `json:"rejectedLogEventsInfo"`
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &out); err != nil {
			// The status was a success: sending again would duplicate.
			return sidelight.Receipt{Accepted: b.Events}, nil
		}
	}
	if out.Rejected == nil {
		return sidelight.Receipt{Accepted: b.Events}, nil
	}
	return out.Rejected.receipt(b.Events)
}

func (r *rejected) receipt(events int) (sidelight.Receipt, error) {
	clamp := func(p *int, missing int) int {
		if p == nil {
			return missing
		}
		return min(max(*p, 0), events)
	}
	old := clamp(r.TooOldEnd, 0)
	expired := max(clamp(r.ExpiredEnd, 0), old)
	newer := max(clamp(r.TooNewStart, events), expired)
	out := sidelight.Receipt{Accepted: newer - expired}
	for _, f := range []struct {
		reason   string
		from, to int
	}{{"too_old", 0, old}, {"expired", old, expired}, {"too_new", newer, events}} {
		if f.to > f.from {
			out.Refused = append(out.Refused, sidelight.Refusal{Reason: f.reason, Events: f.to - f.from, At: positions(f.from, f.to)})
		}
	}
	return out, nil
}

// positions returns from, from+1, … to-1.
func positions(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// fault turns a control call's error into a *sidelight.Fault.
func fault(op string, err error) *sidelight.Fault {
	status, code := awsapi.Details(err)
	f := &sidelight.Fault{Kind: awsapi.Classify(status, code), Op: op, Err: err}
	if code == "OperationAbortedException" || status == 0 {
		f.Kind = sidelight.Transient
	}
	if f.Kind == sidelight.Rejected {
		// A group that cannot be made, by a bad name or a quota, may be made by
		// somebody; its blocks rest and others go on.
		f.Kind = sidelight.Denied
	}
	return f
}

// describe names a destination in errors.
func describe(d sidelight.Dest) string { return fmt.Sprintf("%s:%s", d.Group, d.Stream) }
