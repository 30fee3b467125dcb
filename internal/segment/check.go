package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a document (X-Ray developer guide, "Segment documents").
const (
	// MaxBytes is the size limit of one document.
	MaxBytes = 64 << 10
	// MaxName is the length limit of a name, in Unicode characters.
	MaxName = 200
	// MaxLinks is how many links a segment may hold.
	MaxLinks = 20
)

// Codes of refusals. InvalidTraceId is documented; X-Ray does not enumerate the
// others.
const (
	CodeParse   = "ParseError"
	CodeSize    = "DocumentTooLarge"
	CodeNoID    = "MissingId"
	CodeID      = "InvalidId"
	CodeTraceID = "InvalidTraceId"
	CodeSegment = "InvalidSegment"
)

// latestTime is far above any time in seconds (the year 5138) and far below the
// present in milliseconds, so it tells the two apart.
const latestTime = 1e11

// Refusal says why a document is not acceptable.
type Refusal struct {
	// Code is one of the Code constants.
	Code string
	// ID is the document's ID if it could be read.
	ID string
	// Reason is for people.
	Reason string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Reason }

// Parse reads and checks one document as PutTraceSegments does. Unknown members
// are ignored, and so are optional members of an unexpected type. The error is a
// *Refusal. The document keeps raw.
func Parse(raw []byte) (*Document, error) {
	d, err := Read(raw)
	if err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return d, nil
}

// Read is Parse without the checks: it accepts whatever is a JSON object of at
// most [MaxBytes]. The error is a *Refusal.
func Read(raw []byte) (*Document, error) {
	if len(raw) > MaxBytes {
		return nil, &Refusal{Code: CodeSize, Reason: fmt.Sprintf("document of %d bytes exceeds %d", len(raw), MaxBytes)}
	}
	return ReadAny(raw)
}

// ReadAny is Read without the size limit, for documents read back from the
// service, which embeds subsegments that arrived on their own.
func ReadAny(raw []byte) (*Document, error) {
	d := new(Document)
	err := json.Unmarshal(raw, d)
	if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !wrongType {
		return nil, &Refusal{Code: CodeParse, Reason: "document is not JSON: " + err.Error()}
	}
	if text := strings.TrimLeft(string(raw[:min(len(raw), 16)]), " \t\r\n"); text != "" && text[0] != '{' {
		return nil, &Refusal{Code: CodeParse, Reason: "document is not a JSON object"}
	}
	d.Raw = raw
	d.dropExtra()
	return d, nil
}

// dropExtra removes subsegments that are null, and those with the ID of one
// before them in the same place: now and then AWS's SDK for Go 1.8.5 emits a
// segment twice, and the second time every subsegment is in it twice.
func (d *Document) dropExtra() {
	kept := d.Subsegments[:0]
	seen := make(map[string]bool, len(d.Subsegments))
	for _, s := range d.Subsegments {
		if s == nil || s.ID != "" && seen[s.ID] {
			continue
		}
		seen[s.ID] = true
		s.dropExtra()
		kept = append(kept, s)
	}
	d.Subsegments = kept
}

func (d *Document) check() error {
	if err := d.checkSpan(); err != nil {
		return err
	}
	switch {
	case !ValidTraceID(d.TraceID):
		return d.refuse(CodeTraceID, "trace_id %q is not 1-<8 hex digits>-<24 hex digits>", clip(d.TraceID))
	case d.Type != "" && d.Type != "subsegment":
		return d.refuse(CodeSegment, "type %q is not \"subsegment\"", clip(d.Type))
	case d.Subsegment() && d.ParentID == "":
		return d.refuse(CodeSegment, "a subsegment sent on its own needs parent_id")
	case d.ParentID != "" && !ValidID(d.ParentID):
		return d.refuse(CodeID, "parent_id %q is not 16 hex digits", clip(d.ParentID))
	}
	return d.checkSubsegments(d.ID)
}

func (d *Document) checkSubsegments(top string) error {
	for _, s := range d.Subsegments {
		err := s.checkSpan()
		if err == nil {
			err = s.checkSubsegments(top)
		}
		if r, ok := errors.AsType[*Refusal](err); ok {
			return &Refusal{Code: r.Code, ID: top, Reason: fmt.Sprintf("subsegment %q: %s", clip(s.Name), r.Reason)}
		}
	}
	return nil
}

// checkSpan checks what segments and subsegments have in common.
func (d *Document) checkSpan() error {
	switch {
	case d.ID == "":
		return d.refuse(CodeNoID, "id is missing")
	case !ValidID(d.ID):
		return d.refuse(CodeID, "id %q is not 16 hex digits", clip(d.ID))
	case d.Name == "":
		return d.refuse(CodeSegment, "name is missing")
	case utf8.RuneCountInString(d.Name) > MaxName:
		return d.refuse(CodeSegment, "name exceeds %d characters", MaxName)
	case !ValidName(d.Name):
		return d.refuse(CodeSegment, "name %q holds a character that X-Ray does not allow", clip(d.Name))
	case len(d.Links) > MaxLinks:
		return d.refuse(CodeSegment, "%d links exceed %d", len(d.Links), MaxLinks)
	}
	if err := d.checkTimes(); err != nil {
		return err
	}
	return d.checkCause()
}

func (d *Document) checkTimes() error {
	switch {
	case d.StartTime == 0:
		return d.refuse(CodeSegment, "start_time is missing")
	case d.StartTime < 0 || d.StartTime > latestTime:
		return d.refuse(CodeSegment, "start_time is not in seconds since 1970")
	case d.EndTime == 0 && !d.InProgress:
		return d.refuse(CodeSegment, "end_time or in_progress is missing")
	case d.EndTime != 0 && d.InProgress:
		return d.refuse(CodeSegment, "end_time and in_progress exclude each other")
	case d.EndTime < 0 || d.EndTime > latestTime:
		return d.refuse(CodeSegment, "end_time is not in seconds since 1970")
	case d.EndTime != 0 && d.EndTime < d.StartTime:
		return d.refuse(CodeSegment, "end_time is before start_time")
	}
	return nil
}

func (d *Document) checkCause() error {
	if d.Cause == nil {
		return nil
	}
	if id := d.Cause.ExceptionID; id != "" && !ValidID(id) {
		return d.refuse(CodeSegment, "cause %q is not 16 hex digits", clip(id))
	}
	for _, e := range d.Cause.Exceptions {
		if !ValidID(e.ID) {
			return d.refuse(CodeSegment, "exception id %q is not 16 hex digits", clip(e.ID))
		}
	}
	return nil
}

func (d *Document) refuse(code, format string, args ...any) error {
	return &Refusal{Code: code, ID: d.ID, Reason: fmt.Sprintf(format, args...)}
}

// clip shortens what goes into a message.
func clip(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// ValidID reports whether s is the ID of a segment, subsegment or exception: 16
// hexadecimal digits.
func ValidID(s string) bool { return len(s) == 16 && isHex(s) }

// ValidTraceID reports whether s is a trace ID: "1-", 8 hexadecimal digits, "-",
// 24 hexadecimal digits. The service no longer reads the first as a time.
func ValidTraceID(s string) bool {
	return len(s) == 35 && s[:2] == "1-" && s[10] == '-' && isHex(s[2:10]) && isHex(s[11:])
}

// ValidName reports whether s consists of the characters allowed in names:
// letters, digits, whitespace and _ . : / % & # = + \ - @.
func ValidName(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune(`_.:/%&#=+\-@`, r)
	}) < 0
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}
