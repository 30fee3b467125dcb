// Package loglink tells X-Ray's console where the logs of a segment are: it
// writes the name of a log group into the segments of senders that do not name
// one, as the X-Ray SDKs do not. The console then shows the logs of a trace
// beside it (developer guide, "Segment documents: aws.cloudwatch_logs").
//
// Documents are not decoded. Most are told apart by a search for a few words;
// only one that has a member aws is read as far as that member.
package loglink

import (
	"bytes"
	"context"
	"strings"
	"sync"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// maxDocument is the length of the longest document that X-Ray takes, in bytes.
// One that would become longer stays as it is.
const maxDocument = 64 << 10

// Group is a log group. ARN may be empty.
type Group struct{ Name, ARN string }

// GroupARN returns the ARN of a log group in the account, region and partition
// of another ARN, or an empty string if that is none.
func GroupARN(name, other string) string {
	parts := strings.SplitN(other, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[3] == "" || parts[4] == "" {
		return ""
	}
	return strings.Join([]string{"arn", parts[1], "logs", parts[3], parts[4], "log-group", name}, ":")
}

// Linker writes one group into segments. It is safe for concurrent use.
type Linker struct {
	list  []byte // the member cloudwatch_logs
	whole []byte // the member aws with nothing else in it
	// scratch holds what documents are put together in.
	scratch sync.Pool
}

// New returns a Linker.
func New(g Group) *Linker {
	list := wire.AppendString([]byte(`"cloudwatch_logs":[{"log_group":`), []byte(g.Name))
	if g.ARN != "" {
		list = wire.AppendString(append(list, `,"arn":`...), []byte(g.ARN))
	}
	list = append(list, "}]"...)
	whole := append(append([]byte(`"aws":{`), list...), '}')
	return &Linker{list: list, whole: whole}
}

// Watch returns a Sink that links the segments of each batch before next takes
// them.
func (l *Linker) Watch(next sidelight.Sink) sidelight.Sink {
	return sidelight.SinkFunc(func(ctx context.Context, b *sidelight.Batch) error {
		buf, _ := l.scratch.Get().(*[]byte)
		if buf == nil {
			buf = new([]byte)
		}
		defer l.scratch.Put(buf)
		*buf = (*buf)[:0]
		for i := range b.Events {
			e := &b.Events[i]
			// A buffer that grows leaves what was made before where it is.
			from := len(*buf)
			if *buf = l.Append(*buf, e.Body); len(*buf) > from {
				e.Body = (*buf)[from:len(*buf):len(*buf)]
			}
		}
		return next.Push(ctx, b)
	})
}

// The words that are looked for. They begin with letters, which are found faster
// than the quotes before them, as there are fewer.
var (
	groupsWord     = []byte(`cloudwatch_logs"`)
	subsegmentWord = []byte(`subsegment"`)
	awsWord        = []byte(`aws"`)
	metadataWord   = []byte(`metadata"`)
	// sdkWords are what the X-Ray SDKs, and their plugins for where a service runs,
	// begin the member aws of a segment with, and nothing else.
	sdkWords = [][]byte{[]byte(`aws":{"xray":{`), []byte(`aws":{"ecs":{`), []byte(`aws":{"ec2":{`), []byte(`aws":{"elastic_beanstalk":{`)}
)

// Append appends doc with the group in it to dst, or nothing if doc is to stay
// as it is: it names groups itself, is no segment, or has no room.
func (l *Linker) Append(dst, doc []byte) []byte {
	if len(doc) < 2 || doc[0] != '{' || len(doc)+len(l.whole)+1 > maxDocument {
		return dst
	}
	at, known := 1, l.whole
	switch start, kind := find(doc); kind {
	case jsonscan.Missing:
	case jsonscan.Object:
		at, known = start+1, l.list
	default:
		return dst
	}
	dst = append(append(dst, doc[:at]...), known...)
	rest := doc[at:]
	if next := bytes.TrimLeft(rest, " \t\r\n"); len(next) > 0 && next[0] != '}' {
		dst = append(dst, ',')
	}
	return append(dst, rest...)
}

// find returns where the member aws of doc begins, and what it is. If doc is not
// to be touched it is null.
func find(doc []byte) (start int, kind jsonscan.Kind) {
	first := bytes.Index(doc, awsWord)
	// Only metadata could hold the same words, and hold them elsewhere.
	if first > 0 && isOfSDK(doc[first:]) && doc[first-1] == '"' && !bytes.Contains(doc[:first], metadataWord) {
		if bytes.Contains(doc[first:], groupsWord) {
			return 0, jsonscan.Null
		}
		return first + len(`aws":`), jsonscan.Object
	}
	// A subsegment that is sent alone has no place for groups.
	if bytes.Contains(doc, subsegmentWord) && isSubsegment(doc) || bytes.Contains(doc, groupsWord) {
		return 0, jsonscan.Null
	}
	if first < 0 {
		return 0, jsonscan.Missing
	}
	v := jsonscan.Document(doc)
	for s := v.Scan(); s.Next(); {
		if string(s.Key) == "aws" {
			start, _ := s.Span()
			return start, s.Value.Kind
		}
	}
	return 0, jsonscan.Missing
}

func isOfSDK(aws []byte) bool {
	for _, word := range sdkWords {
		if bytes.HasPrefix(aws, word) {
			return true
		}
	}
	return false
}

func isSubsegment(doc []byte) bool {
	t := jsonscan.Document(doc).Member("type")
	return string(t.Raw) == `"subsegment"`
}
