// Package problem says what is wrong with a file that a person wrote: every
// mistake with its place, the line, a caret, the reason and the nearest valid
// word. Configuration and recipes share it.
package problem

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// Pos is a place in a file. Lines and columns count from 1; a column counts
// characters.
type Pos struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// String returns file:line:column, or just the file where there is no line.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Compare orders places by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Severity of a problem.
const (
	Error   = "error"
	Warning = "warning"
)

// Range is a stretch of one line of a file.
type Range struct {
	Pos Pos
	// Width is in characters, at least 1 where Pos has a line.
	Width int
	// Source is the whole line, without its line break.
	Source string
}

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Code is stable, such as R2101; the package that finds the problem says
	// what its codes mean.
	Code     string
	Severity string
	Message  string
	Range    Range
	// Hint stands beside the caret.
	Hint string
	// Notes stand below, each on its own line.
	Notes []string
	// Fix, if not "", is a text that could replace the range.
	Fix string
	// Related are other places that belong to the problem.
	Related []Pos
}

// Error implements error with the problem's first line.
func (p Problem) Error() string {
	at := ""
	if s := p.Range.Pos.String(); s != "" {
		at = s + ": "
	}
	return fmt.Sprintf("%s%s %s: %s", at, p.Severity, p.Code, p.Message)
}

// Problems is every problem that was found, in the order of their places.
type Problems []Problem

// Add appends problems.
func (ps *Problems) Add(p ...Problem) {
	for _, q := range p {
		if q.Severity == "" {
			q.Severity = Error
		}
		*ps = append(*ps, q)
	}
}

// Errors counts the problems that are errors; the others are warnings.
func (ps Problems) Errors() int {
	n := 0
	for _, p := range ps {
		if p.Severity == Error {
			n++
		}
	}
	return n
}

// Err returns ps as an error if at least one of them is one.
func (ps Problems) Err() error {
	if ps.Errors() == 0 {
		return nil
	}
	return ps
}

// Error implements error.
func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Error())
	}
	return b.String()
}

// Sort orders by place, code and message and drops repetitions, which arise when one
// line is looked at more than once.
func (ps *Problems) Sort() {
	order.Stable(*ps, func(a, b Problem) int {
		if c := a.Range.Pos.Compare(b.Range.Pos); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(a.Message, b.Message))
	})
	*ps = slices.CompactFunc(*ps, func(a, b Problem) bool {
		return a.Range == b.Range && a.Code == b.Code && a.Message == b.Message
	})
}

// WriteText prints the problems for people.
func (ps Problems) WriteText(w io.Writer) error {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		p.text(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Problem) text(b *strings.Builder) {
	fmt.Fprintf(b, "%s %s: %s\n", p.Severity, p.Code, p.Message)
	gutter := ""
	if at := p.Range.Pos; at.Line > 0 {
		number := fmt.Sprint(at.Line)
		gutter = strings.Repeat(" ", len(number))
		// A tab in the source keeps its width above the caret.
		pad := []rune(p.Range.Source)
		pad = pad[:min(at.Column-1, len(pad))]
		for i, r := range pad {
			if r != '\t' {
				pad[i] = ' '
			}
		}
		fmt.Fprintf(b, "%s--> %s\n%s |\n%s | %s\n%s | %s%s", gutter, at, gutter, number, p.Range.Source,
			gutter, string(pad), strings.Repeat("^", max(1, p.Range.Width)))
		if p.Hint != "" {
			b.WriteString(" " + p.Hint)
		}
		b.WriteByte('\n')
	} else if at.File != "" {
		fmt.Fprintf(b, "--> %s\n", at.File)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(b, "%s = %s\n", gutter, n)
	}
	for _, r := range p.Related {
		fmt.Fprintf(b, "%s = see also %s\n", gutter, r)
	}
}

type jsonPos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

type jsonRange struct {
	File  string  `json:"file"`
	Start jsonPos `json:"start"`
	End   jsonPos `json:"end"`
}

type jsonFix struct {
	Range jsonRange `json:"range"`
	Text  string    `json:"text"`
}

type jsonProblem struct {
	Code     string    `json:"code"`
	Severity string    `json:"severity"`
	Message  string    `json:"message"`
	Range    jsonRange `json:"range"`
	Hint     string    `json:"hint,omitempty"`
	Notes    []string  `json:"notes,omitempty"`
	Related  []Pos     `json:"related"`
	Fix      *jsonFix  `json:"fix,omitempty"`
}

// WriteJSON prints the problems as one object of format sidelight.problems/1.
// The end of a range is exclusive.
func (ps Problems) WriteJSON(w io.Writer) error {
	list := make([]jsonProblem, 0, len(ps))
	for _, p := range ps {
		at := p.Range.Pos
		j := jsonProblem{
			Code: p.Code, Severity: p.Severity, Message: p.Message, Hint: p.Hint, Notes: p.Notes, Related: p.Related,
			Range: jsonRange{at.File, jsonPos{at.Line, at.Column}, jsonPos{at.Line, at.Column + p.Range.Width}},
		}
		if j.Related == nil {
			j.Related = []Pos{}
		}
		if p.Fix != "" {
			j.Fix = &jsonFix{j.Range, p.Fix}
		}
		list = append(list, j)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Format   string        `json:"format"`
		Errors   int           `json:"errors"`
		Warnings int           `json:"warnings"`
		Problems []jsonProblem `json:"problems"`
	}{"sidelight.problems/1", ps.Errors(), len(ps) - ps.Errors(), list})
}
