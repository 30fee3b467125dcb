package config

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
	"github.com/sidelight-dev/sidelight/agent/processor/redact"
	"github.com/sidelight-dev/sidelight/agent/processor/timestamp"
	"github.com/sidelight-dev/sidelight/internal/expr"
)

// placeError is what is wrong with a part of a value.
type placeError struct {
	offset, width int // in bytes of the value
	msg, hint     string
}

// Error implements error.
func (e *placeError) Error() string {
	if e.hint == "" {
		return e.msg
	}
	return e.msg + "; " + e.hint
}

// Expr is an expression over log events.
type Expr string

func (e *Expr) parse(text string) error {
	if text != "" {
		if _, err := expr.Parse(text); err != nil {
			if x, ok := errors.AsType[*expr.Error](err); ok {
				return &placeError{x.Offset, x.Width, x.Msg, x.Hint}
			}
			return err
		}
	}
	*e = Expr(text)
	return nil
}

// Regexp is a regular expression (RE2).
type Regexp string

func (r *Regexp) parse(text string) error {
	if _, err := compile(text); err != nil {
		return err
	}
	*r = Regexp(text)
	return nil
}

// compile compiles text; its error names the part that is wrong.
func compile(text string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(text)
	if se, ok := errors.AsType[*syntax.Error](err); ok {
		at := max(0, strings.Index(text, se.Expr))
		return nil, &placeError{at, max(1, len(se.Expr)), "the regular expression is not valid", se.Code.String()}
	}
	return re, err
}

// Pattern is a regular expression with named groups.
type Pattern string

func (p *Pattern) parse(text string) error {
	re, err := compile(text)
	if err != nil {
		return err
	}
	if text != "" && !slices.ContainsFunc(re.SubexpNames(), func(name string) bool { return name != "" }) {
		return errors.New("expected at least one named group: (?P<name>…)")
	}
	*p = Pattern(text)
	return nil
}

// Watch is auto or poll.
type Watch string

func (w *Watch) parse(text string) error { return oneOf(w, text, "auto", "poll") }

// Encoding is how the text of a file is written.
type Encoding string

func (e *Encoding) parse(text string) error {
	return oneOf(e, text, "auto", "utf-8", "utf-16le", "utf-16be", "latin-1", "windows-1252")
}

// LineFormat is what the lines of a file are.
type LineFormat string

func (f *LineFormat) parse(text string) error {
	return oneOf(f, text, "plain", "json", "logfmt", "regex", "cri", "docker")
}

// ContentFormat is what is inside an envelope.
type ContentFormat string

func (f *ContentFormat) parse(text string) error {
	return oneOf(f, text, "plain", "json", "logfmt", "regex")
}

// RecordFormat is what the member log of a record is.
type RecordFormat string

func (f *RecordFormat) parse(text string) error {
	return oneOf(f, text, "record", "docker", "json", "logfmt", "regex")
}

// EventsMode is count or logs.
type EventsMode string

func (m *EventsMode) parse(text string) error { return oneOf(m, text, "count", "logs") }

// Stack is a language whose stack traces are kept together.
type Stack string

func (s *Stack) parse(text string) error {
	var choices []Stack
	for _, l := range multiline.Languages() {
		choices = append(choices, Stack(l))
	}
	return oneOf(s, text, choices...)
}

// Layout is how times are written.
type Layout string

func (l *Layout) parse(text string) error {
	if _, err := timestamp.New(text, nil); err != nil {
		return err
	}
	*l = Layout(text)
	return nil
}

// Zone is the name of a time zone.
type Zone string

func (z *Zone) parse(text string) error {
	if _, err := time.LoadLocation(text); err != nil {
		return errors.New("expected a time zone such as UTC or Europe/Berlin")
	}
	*z = Zone(text)
	return nil
}

// Percent is a part of a hundred.
type Percent float64

func (p *Percent) parse(text string) error {
	number, ok := strings.CutSuffix(text, "%")
	f, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(f >= 0 && f <= 100) {
		return errors.New("expected a part such as 10%, from 0% to 100%")
	}
	*p = Percent(f)
	return nil
}

// String returns p as it is written in a file.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// Finder is the name of a detector or a regular expression.
type Finder string

// word is what names of detectors look like; nobody redacts such a word.
var word = regexp.MustCompile(`^[a-z_]+$`)

func (f *Finder) parse(text string) error {
	if word.MatchString(text) {
		var choices []Finder
		for _, d := range redact.Detectors() {
			choices = append(choices, Finder(d))
		}
		if err := oneOf(f, text, choices...); err != nil {
			return &choiceError{choices: append(redact.Detectors(), "a regular expression")}
		}
		return nil
	}
	re, err := compile(text)
	if err != nil {
		return err
	}
	if re.MatchString("") {
		return errors.New("finds nothing everywhere; expected a regular expression that needs at least one character")
	}
	*f = Finder(text)
	return nil
}

// Action is what is done with what was found.
type Action string

func (a *Action) parse(text string) error { return oneOf(a, text, "mask", "hash", "remove") }

// Oversize is split, truncate or drop.
type Oversize string

func (o *Oversize) parse(text string) error { return oneOf(o, text, "split", "truncate", "drop") }

// Pair is a name and what belongs to it.
type Pair struct{ Name, Value string }

// Templates are names and values with placeholders, in the order of the file.
type Templates []Pair

func (Templates) check(value string) error {
	var t Template
	return t.parse(value)
}

// Renames are old and new names, in the order of the file.
type Renames []Pair

func (Renames) check(value string) error {
	if value == "" {
		return errors.New("expected a name")
	}
	return nil
}

// pairs is a mapping of free names.
type pairs interface {
	// check says what is wrong with a value.
	check(value string) error
}
