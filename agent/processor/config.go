package processor

import (
	"fmt"
	"regexp"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/container"
	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
	"github.com/sidelight-dev/sidelight/agent/processor/parse"
	"github.com/sidelight-dev/sidelight/agent/processor/redact"
	"github.com/sidelight-dev/sidelight/agent/processor/timestamp"
	"github.com/sidelight-dev/sidelight/internal/expr"
	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// Format is what the lines of an input are.
type Format string

// The formats.
const (
	// Plain lines stay as they are.
	Plain Format = "plain"
	// JSON lines are documents that say when they are.
	JSON Format = "json"
	// Logfmt lines become documents.
	Logfmt Format = "logfmt"
	// Regex lines become documents of the pattern's named groups.
	Regex Format = "regex"
	// CRI and Docker lines lose the envelope of the container runtime.
	CRI    Format = "cri"
	Docker Format = "docker"
)

// Config says what a Pipeline does. The zero Config does nothing but split
// events that are too large for CloudWatch Logs.
type Config struct {
	// Input is how what one receiver reads is to be understood.
	Input Input
	// Keep and Drop are expressions, see package expr; "" is none. An event
	// goes on if Keep means it and Drop does not.
	Keep, Drop string
	// Sample is the part of the events of each level that goes on, from 0 to
	// 1, by Level. Nil: all of them. Events that name no level count as info.
	Sample *[loglevel.Count]float64
	// Rate is the events a second that go on of each source; zero: no limit.
	// Burst is how many may come at once; zero: those of one second.
	Rate, Burst int
	// Report is how often the sources that were limited hear of it. Default
	// one minute.
	Report time.Duration
	Redact redact.Config
	Fields Fields
	// Budget bounds the bytes that are sent. Nil: nothing does.
	Budget *Budget
	// TraceIDs are members that hold a trace id of W3C (32 hexadecimal
	// digits), which takes the form of X-Ray.
	TraceIDs []string
	// Routes send events elsewhere. The first that means an event holds.
	Routes   []Route
	Oversize Oversize
	// MaxEvent is how large an event may be. Default 1,048,550 bytes, what
	// PutLogEvents takes: 1,048,576 less 26 for each event.
	MaxEvent int
}

// Input is how what one receiver reads is to be understood.
type Input struct {
	// Format is what lines are. Empty: Plain.
	Format Format
	// Content is what is inside the envelope of CRI and Docker.
	Content Format
	// Pattern is the regular expression of Regex.
	Pattern string
	// Records says that bodies are records whose member log is the line, as
	// Docker's fluentd driver makes them.
	Records   bool
	Multiline multiline.Config
	// Wait is how long an event of several lines is waited for. Default 1 s.
	Wait time.Duration
	// Stamp says that events carry their time, as Key and Layout tell.
	// Otherwise only those of the formats JSON, Logfmt and Regex are asked.
	Stamp  bool
	Key    string
	Layout timestamp.Layout
}

// Fields edits the members of JSON documents. Lines of text have none.
type Fields struct {
	// Add are members that are added unless they are there.
	Add []Field
	// Rename are pairs of the old and the new name.
	Rename [][2]string
	Remove []string
}

// Field is a member to add.
type Field struct {
	Name string
	// Value returns the text for the events of source.
	Value func(source string) string
}

// Route sends events elsewhere.
type Route struct {
	// When is an expression.
	When string
	// Dest returns where the events of source go that would go to from.
	Dest func(source string, from sidelight.DestHandle) sidelight.DestHandle
}

// Oversize is what becomes of an event that is too large.
type Oversize string

// The ways. Empty means Split.
const (
	// Split makes several events of it, which say which part they are.
	Split Oversize = "split"
	// Truncate cuts it and says so.
	Truncate Oversize = "truncate"
	// Drop drops and counts it.
	Drop Oversize = "drop"
)

// maxEvent is what PutLogEvents takes: an event weighs its bytes and 26, and
// may weigh 1,048,576 (CloudWatch Logs quotas, "PutLogEvents").
const maxEvent = 1_048_550

func (c Config) withDefaults() Config {
	if c.Report <= 0 {
		c.Report = time.Minute
	}
	if c.Burst <= 0 {
		c.Burst = c.Rate
	}
	if c.Oversize == "" {
		c.Oversize = Split
	}
	if c.MaxEvent <= 0 {
		c.MaxEvent = maxEvent
	}
	return c
}

// joins returns how the input's events are put together; ok is false if each
// line is one as it is.
func (in Input) joins() (read container.Reader, rule *multiline.Rule, ok bool, err error) {
	switch {
	case in.Records && (in.Format == Docker || in.Multiline.On()):
		read = container.Record
	case in.Format == CRI:
		read = container.CRI
	case in.Format == Docker:
		read = container.Docker
	}
	if in.Multiline.On() {
		if rule, err = multiline.New(in.Multiline); err != nil {
			return nil, nil, false, fmt.Errorf("multiline: %w", err)
		}
	}
	return read, rule, read != nil || rule != nil, nil
}

// content returns what the lines are once they are whole.
func (in Input) content() Format {
	if in.Format == CRI || in.Format == Docker {
		return in.Content
	}
	return in.Format
}

// parser returns how lines become documents, nil if they stay as they are.
func (in Input) parser() (parse.Format, error) {
	switch f := in.content(); f {
	case Logfmt:
		return parse.Logfmt, nil
	case Regex:
		re, err := regexp.Compile(in.Pattern)
		if err != nil {
			return nil, fmt.Errorf("pattern: %w", err)
		}
		return parse.Regexp(re)
	case JSON:
		if in.Records {
			return parse.JSON, nil
		}
	case "", Plain:
	default:
		return nil, fmt.Errorf("format: %q is not known", f)
	}
	return nil, nil
}

// stamped reports whether events are asked for their time.
func (in Input) stamped() bool {
	f := in.content()
	return in.Stamp || !in.Records && (f == JSON || f == Logfmt || f == Regex)
}

// parseExpr compiles an expression; "" is nil.
func parseExpr(name, text string) (*expr.Expr, error) {
	if text == "" {
		return nil, nil
	}
	x, err := expr.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return x, nil
}
