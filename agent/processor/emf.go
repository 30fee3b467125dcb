package processor

import (
	"bytes"
	"context"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/parse"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// isEMF reports whether body is a document in the embedded metric format. It is
// asked of events that are about to be dropped only.
func isEMF(body []byte) bool {
	return bytes.Contains(body, []byte(`"_aws"`)) && jsonscan.Document(body).Member("_aws").Kind == jsonscan.Object
}

// lifter makes of records whose member log is a document in the embedded metric
// format such documents, with the members of the record beside theirs: CloudWatch
// looks for _aws at the top only. Other records it leaves alone, for little more
// than a search in their bytes.
type lifter struct {
	parser *parse.Parser
	hits   []int
	events []sidelight.Event
}

func newLifter() *lifter { return &lifter{parser: parse.New(embedded, "log", nil)} }

// embedded takes a line that is a document in the embedded metric format.
func embedded(dst, line []byte) ([]byte, bool) {
	metrics := jsonscan.Document(line).Member("_aws").Member("CloudWatchMetrics")
	if metrics.Kind != jsonscan.Array {
		return dst, false
	}
	return parse.JSON(dst, line)
}

// Process rewrites the bodies. It never fails.
func (l *lifter) Process(ctx context.Context, b *sidelight.Batch) error {
	l.hits, l.events = l.hits[:0], l.events[:0]
	for i := range b.Events {
		if bytes.Contains(b.Events[i].Body, []byte(`CloudWatchMetrics\"`)) {
			l.hits, l.events = append(l.hits, i), append(l.events, b.Events[i])
		}
	}
	if len(l.hits) == 0 {
		return nil
	}
	part := sidelight.Batch{Signal: b.Signal, Events: l.events}
	if err := l.parser.Process(ctx, &part); err != nil {
		return err
	}
	for n, i := range l.hits {
		b.Events[i] = l.events[n]
	}
	clear(l.events)
	return nil
}
