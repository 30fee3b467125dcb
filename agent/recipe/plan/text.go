package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Style says how a plan is printed for people.
type Style struct {
	// Color adds ANSI colours; the symbols say the same.
	Color bool
	// ASCII writes -> and x for → and ×.
	ASCII bool
	// All also prints what does not change.
	All bool
}

// WriteText prints the plan for people.
func (p *Plan) WriteText(w io.Writer, st Style) error {
	t := &printer{st: st}
	verb := "plan"
	if p.Destroy {
		verb = "destroy"
	}
	t.f("sidelight %s  %s  %s  %s   recipe rev %d", verb, p.Stack.ID(), p.Stack.Account, p.Stack.Region, p.Stack.Rev)
	if p.Stack.LiveRev != 0 && p.Stack.LiveRev != p.Stack.Rev {
		t.f("  (live rev %d)", p.Stack.LiveRev)
	}
	t.f("\n\n")
	lines := t.b.Len()
	for _, c := range p.Changes {
		t.change(c)
	}
	for _, d := range p.Disabled {
		t.row("#", "skipped", d.ID, "disabled: "+d.Reason)
	}
	if t.b.Len() > lines {
		t.f("\n")
	}
	t.summary(p)
	out := t.b.String()
	if st.ASCII {
		out = strings.NewReplacer("→", "->", "×", "x", "…", "...").Replace(out)
	}
	_, err := io.WriteString(w, out)
	return err
}

type printer struct {
	b  strings.Builder
	st Style
}

func (t *printer) f(format string, args ...any) { fmt.Fprintf(&t.b, format, args...) }

func (t *printer) row(symbol, what, id, text string) {
	line := strings.TrimRight(fmt.Sprintf("  %s %s %s %s", symbol, pad(what, 16), pad(id, 25), text), " ")
	if code := map[string]string{"+": "32", "~": "33", "<": "36", "-": "31", "!": "31", "#": "2"}[symbol]; t.st.Color && code != "" {
		line = "\x1b[" + code + "m" + line + "\x1b[0m"
	}
	t.f("%s\n", line)
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
}

func (t *printer) change(c Change) {
	kind := c.Kind.Words()
	switch {
	case c.Class == Conflict:
		t.row("!", "conflict", c.ID, fmt.Sprintf("%q: %s", c.Name, c.Note))
	case c.Class == Superseded:
		t.row("!", "superseded", c.ID, fmt.Sprintf("revision %d was applied; this recipe is older", c.LiveRev))
	case c.Action == Create:
		w := c.Desired.Words
		text := pad(clip(w.Condition), 33) + " " + w.Cadence
		if w.Route != "" {
			text += "   → " + w.Route
		}
		t.row("+", kind, c.ID, text)
	case c.Action == Update:
		t.row("~", kind, c.ID, "")
		t.fields(c)
	case c.Action == Retag:
		t.row("~", kind, c.ID, "ownership tags only")
	case c.Action == Adopt:
		text := fmt.Sprintf("%q", c.Name)
		if len(c.Fields) == 0 {
			text += "  no field changes"
		}
		t.row("<", "adopt", c.ID, text)
		t.fields(c)
	case c.Action == Release:
		t.row("-", kind, c.ID, c.Note)
	case c.Action == Delete:
		text := c.Note
		if c.Protected {
			text = strings.TrimPrefix(text+", protected", ", ")
		}
		t.row("-", kind, c.ID, text)
	case c.Note != "":
		t.row("#", "left alone", c.ID, c.Note)
	case t.st.All:
		t.row(" ", kind, c.ID, "unchanged")
	}
}

func (t *printer) fields(c Change) {
	for _, f := range c.Fields {
		line := fmt.Sprintf("      %s %s → %s", pad(f.Path, 21), Show(f.Before), Show(f.After))
		t.f("%s\n", strings.TrimRight(pad(line, 60)+" "+place(f.Origin), " "))
	}
	for _, f := range c.Fields {
		if f.Drift {
			t.row("    !", "drift: "+f.Path+" was changed outside sidelight (live "+Show(f.Before)+" is not what was applied)", "", "")
		}
	}
}

// place shortens file:line:column to name:line.
func place(origin string) string {
	if origin == "" {
		return ""
	}
	if i := strings.LastIndexByte(origin, ':'); i > 0 {
		origin = origin[:i]
	}
	return filepath.Base(origin)
}

// Show prints a value of a field for people, in one line and not too long.
func Show(v any) string {
	switch v := v.(type) {
	case nil:
		return "(none)"
	case string:
		return clip(strings.ReplaceAll(v, "\n", " "))
	case []string:
		return clip(strings.Join(v, ", "))
	case []any:
		return clip(dimensions(v))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return clip(string(text))
}

// dimensions writes the normal form of dimensions as a recipe would.
func dimensions(list []any) string {
	var parts []string
	for _, e := range list {
		if d, ok := e.(map[string]any); ok {
			parts = append(parts, fmt.Sprintf("%v=%v", d["Name"], d["Value"]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func clip(s string) string {
	const most = 72
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func (t *printer) summary(p *Plan) {
	s := p.Summary
	if p.Destroy {
		t.f("Destroy: %d to delete", s.Delete)
		if s.Release > 0 {
			t.f(", %d to release", s.Release)
		}
		t.f(".")
	} else if !p.Changed() && s.Conflict+s.Superseded == 0 {
		t.f("No changes: %d unchanged", s.None)
		if s.Disabled > 0 {
			t.f(", %d disabled", s.Disabled)
		}
		t.f(".")
	} else {
		var parts []string
		for _, e := range []struct {
			n    int
			text string
		}{
			{s.Create, "to add"},
			{s.Update, "to change"},
			{s.Adopt, "to adopt"},
			{s.Retag, "to retag"},
			{s.Release, "to release"},
			{s.Delete, "to delete"},
			{s.Conflict, "in conflict"},
			{s.Superseded, "superseded"},
			{s.None, "unchanged"},
			{s.Disabled, "disabled"},
		} {
			if e.n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", e.n, e.text))
			}
		}
		t.f("Plan: %s.", strings.Join(parts, ", "))
	}
	t.f("\n")
	if p.Writes.Calls > 0 {
		t.f("Writes: %d calls, about %d s.\n", p.Writes.Calls, p.Writes.Seconds)
	}
	for _, note := range p.Notes {
		t.f("Note: %s.\n", strings.TrimSuffix(note, "."))
	}
	if refused, ok := errors.AsType[*Refused](p.Refusal(0)); ok {
		t.f("\nAn apply is refused:\n")
		for _, reason := range refused.Reasons {
			t.f("  ! %s\n", reason)
		}
	}
}

// WriteJSON prints the plan in the format sidelight.plan/1, from which Read
// makes the same plan again.
func (p *Plan) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(p)
}

// Read reads a plan that WriteJSON wrote.
func Read(r io.Reader) (*Plan, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	p := &Plan{}
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if p.Format != Format {
		return nil, fmt.Errorf("read plan: format %q is not %s", p.Format, Format)
	}
	for _, c := range p.Changes {
		if c.Name == "" || c.Desired == nil && (c.Action == Create || c.Action == Update || c.Action == Retag || c.Action == Adopt) {
			return nil, fmt.Errorf("read plan: the change of %q is incomplete", c.ID)
		}
	}
	p.count()
	return p, nil
}
