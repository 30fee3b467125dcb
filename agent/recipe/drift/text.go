package drift

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
)

// WriteText prints the report for people.
func (r *Report) WriteText(w io.Writer, st plan.Style) error {
	var b strings.Builder
	fmt.Fprintf(&b, "sidelight drift  %s/%s  %s  %s   recipe rev %d\n\n", r.Recipe, r.Env, r.Account, r.Region, r.Rev)
	for _, x := range r.Resources {
		r.resource(&b, x, st)
	}
	if len(r.Resources) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(r.summary())
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "Note: %s.\n", strings.TrimSuffix(note, "."))
	}
	text := b.String()
	if st.ASCII {
		text = strings.NewReplacer("→", "->", "…", "...").Replace(text)
	}
	_, err := io.WriteString(w, text)
	return err
}

func (r *Report) resource(b *strings.Builder, x Resource, st plan.Style) {
	what := string(x.Class)
	if x.Risk != "" {
		what += ", " + string(x.Risk)
	}
	line := strings.TrimRight(fmt.Sprintf("  %-16s %-25s %-18s %s", x.Kind.Words(), x.ID, what, x.Note), " ")
	if code := map[Risk]string{Blind: "31", Noisy: "33"}[x.Risk]; st.Color && code != "" {
		line = "\x1b[" + code + "m" + line + "\x1b[0m"
	}
	fmt.Fprintln(b, line)
	for _, f := range x.Fields {
		fmt.Fprintf(b, "      %-21s is %s, not %s   %s\n", f.Path, plan.Show(f.Live), plan.Show(f.Desired), f.Risk)
	}
}

func (r *Report) summary() string {
	c := r.Counts
	if r.Owned == 0 {
		return fmt.Sprintf("Not applied: %s/%s owns nothing here.\n", r.Recipe, r.Env)
	}
	parts := []string{}
	for _, e := range []struct {
		n    int
		text string
	}{
		{c.Drifted, "drifted"},
		{c.Missing, "missing"},
		{c.Orphan, "no longer declared"},
		{c.Conflict, "in conflict"},
		{c.Behind, "of an older revision"},
		{c.Superseded, "of a newer revision"},
		{c.InSync, "in sync"},
	} {
		if e.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", e.n, e.text))
		}
	}
	if !r.Drifted() {
		return "No drift: " + strings.Join(parts, ", ") + ".\n"
	}
	return "Drift: " + strings.Join(parts, ", ") + ".\n"
}

// WriteJSON prints the report in the format sidelight.drift/1.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
