// Package emf receives documents in CloudWatch's embedded metric format as the
// CloudWatch agent does: one a line, over TCP and UDP. They go on untouched, to
// the log group and stream that they name, where CloudWatch extracts their
// metrics.
//
// The format is that of the user guide, "Specification: Embedded metric format";
// that a document may name its group and stream by _aws.LogGroupName and
// _aws.LogStreamName is the agent's ("Sending embedded metric format logs by
// using the CloudWatch agent").
package emf

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// maxDocument is what PutLogEvents takes in one event: 1,048,576 bytes less 26.
const maxDocument = 1_048_550

// Config says where to listen. Zero fields take the defaults.
type Config struct {
	// TCP and UDP are addresses. At least one must be given.
	TCP, UDP string
	// Memory bounds the bytes of unfinished documents. Default 16 MiB.
	Memory int64
	// Dest returns where the documents go that name this group and stream, either
	// of which may be empty. It is called once for each pair, see receiver.Dests.
	Dest func(group, stream string) sidelight.DestHandle
}

// Receiver takes documents.
type Receiver struct {
	*receiver.Sockets
	dests *receiver.Dests
	to    receiver.Input
	warn  *receiver.Warner
}

var _ sidelight.Receiver = (*Receiver)(nil)

// New opens the sockets.
func New(cfg Config, books receiver.Books, log *slog.Logger) (*Receiver, error) {
	if cfg.Dest == nil {
		return nil, errors.New("emf receiver: no destination")
	}
	r := &Receiver{
		dests: receiver.NewDests(func(pair string) sidelight.DestHandle {
			group, stream, _ := strings.Cut(pair, separator)
			return cfg.Dest(group, stream)
		}),
		warn: receiver.NewWarner(log),
	}
	r.to = r.input([]byte(separator))
	var err error
	r.Sockets, err = receiver.OpenSockets(receiver.SocketsConfig{
		Name: "emf", TCP: cfg.TCP, UDP: cfg.UDP, Refuse: true, MaxMessage: maxDocument, Memory: cfg.Memory,
		To: r.to, Decode: r.decode,
	}, books, log)
	if err != nil {
		return nil, fmt.Errorf("emf receiver: %w", err)
	}
	return r, nil
}

// separator stands between group and stream where a pair is one word. No name
// has it.
const separator = "\n"

// input returns where the documents of a pair go. All have one source, so that
// rates and fields are those of the receiver.
func (r *Receiver) input(pair []byte) receiver.Input {
	return receiver.Input{Source: "emf", Dest: r.dests.Get(pair)}
}

// The causes by which a document is lost.
const (
	lostMalformed = "malformed" // it is not JSON
	lostNotEMF    = "not_emf"   // it has no _aws.CloudWatchMetrics
)

// decode looks for what CloudWatch needs to know that a document is in the
// format, and for where it wants to go. What is wrong with single metrics
// CloudWatch says itself (AWS/Logs, EMFValidationErrors).
func (r *Receiver) decode(m *receiver.Message) string {
	doc := bytes.TrimSpace(m.Raw)
	if len(doc) == 0 || doc[0] != '{' || !jsonscan.Valid(doc) {
		return r.refuse(lostMalformed, "a document was dropped: it is not JSON", doc)
	}
	m.Event.Body = doc
	meta := jsonscan.Document(doc).Member("_aws")
	var group, stream jsonscan.Value
	metrics := false
	for s := meta.Scan(); s.Next(); {
		switch {
		case jsonscan.KeyIs(s.Key, "CloudWatchMetrics"):
			metrics = s.Value.Kind == jsonscan.Array
		case jsonscan.KeyIs(s.Key, "Timestamp"):
			m.Event.Time = millis(s.Value, m.Now)
		case jsonscan.KeyIs(s.Key, "LogGroupName"):
			group = s.Value
		case jsonscan.KeyIs(s.Key, "LogStreamName"):
			stream = s.Value
		}
	}
	if !metrics {
		return r.refuse(lostNotEMF, "a document was dropped: it has no _aws.CloudWatchMetrics", doc)
	}
	m.To = r.to
	if group.Kind == jsonscan.String || stream.Kind == jsonscan.String {
		pair := word(m.Text[:0], group, stream)
		m.Text, m.To = pair[:0], r.input(pair)
	}
	return ""
}

// refuse warns of a document. Its text is at debug only: it may hold anything.
func (r *Receiver) refuse(cause, msg string, doc []byte) string {
	r.warn.Warn(msg, slog.Int("bytes", len(doc)))
	return cause
}

// millis is the time that v says, or now where it says none.
func millis(v jsonscan.Value, now int64) int64 {
	if v.Kind != jsonscan.Number {
		return now
	}
	n, err := strconv.ParseInt(string(v.Raw), 10, 64)
	if err != nil || n <= 0 {
		return now
	}
	return n
}

// word appends group and stream to dst as one word.
func word(dst []byte, group, stream jsonscan.Value) []byte {
	if group.Kind == jsonscan.String {
		dst = append(dst, group.Text(nil)...)
	}
	dst = append(dst, separator...)
	if stream.Kind == jsonscan.String {
		dst = append(dst, stream.Text(nil)...)
	}
	return dst
}
