package ast

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// Severity of a problem.
const (
	Error   = "error"
	Warning = "warning"
)

// Range is a stretch of one line of a recipe.
type Range struct {
	Pos ir.Pos
	// Width is in characters, at least 1 where Pos has a line.
	Width int
	// Source is the whole line, without its line break.
	Source string
}

// Problem is one thing that is wrong with a recipe.
type Problem struct {
	// Code is stable: R1xxx YAML, R2xxx schema and references, R3xxx types and
	// units, R4xxx catalogue, R5xxx AWS limits, L lint.
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
	Related []ir.Pos
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

// Sort orders by place and code and drops repetitions, which arise when one
// line of a recipe is resolved for several environments or items.
func (ps *Problems) Sort() {
	slices.SortStableFunc(*ps, func(a, b Problem) int {
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
	Related  []ir.Pos  `json:"related"`
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
			j.Related = []ir.Pos{}
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

// Nearest returns the candidate that is most like word, and whether one is near
// enough to be what was meant: a distance of at most 2, or a third of the
// word's length. Among equals the first in alphabetical order wins.
func Nearest(word string, candidates []string) (string, bool) {
	limit := max(2, utf8.RuneCountInString(word)/3)
	best, at := "", limit+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		d := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(c)))
		// A word of two letters is two edits from any other one.
		if d < at && d < min(utf8.RuneCountInString(word), utf8.RuneCountInString(c)) {
			best, at = c, d
		}
	}
	return best, at <= limit
}

// DidYouMean returns `did you mean "x"?`, or "" when nothing is near.
func DidYouMean(word string, candidates []string) (hint, fix string) {
	best, ok := Nearest(word, candidates)
	if !ok {
		return "", ""
	}
	return fmt.Sprintf("did you mean %q?", best), best
}

// distance is the Damerau-Levenshtein distance with adjacent transpositions.
func distance(a, b []rune) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
