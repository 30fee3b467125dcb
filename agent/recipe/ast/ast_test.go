package ast_test

import (
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
)

func TestCoreSchema(t *testing.T) {
	for in, want := range map[string]ast.Kind{
		"true": ast.Bool, "False": ast.Bool, "yes": ast.String, "no": ast.String, "on": ast.String, "NO": ast.String, "y": ast.String,
		"null": ast.Null, "~": ast.Null, "": ast.Null, "1": ast.Number, "-1.5": ast.Number, "1e3": ast.Number, "0x1F": ast.Number, "0o17": ast.Number,
		"1_000": ast.String, "2026-01-05": ast.String, "12:30": ast.String, `"1"`: ast.String, "'true'": ast.String, "0b1": ast.String, "+1": ast.Number,
		"|\n  a": ast.String, ".5": ast.Number, "5m": ast.String,
	} {
		n, ps := ast.Parse("x.yaml", []byte("a: "+in+"\n"))
		if len(ps) > 0 || n.Get("a").Kind != want {
			t.Errorf("%q: %v, %v, want %v", in, n.Get("a").Kind, ps, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		"a: .inf": "R1011", "a: .NaN": "R1011", "a: 1\na: 2": "R1003", "a: 1\n---\nb: 2": "R1004", "1: a": "R1005", "[a]: b": "R1005", "a: !!int 1": "R1007",
		"a: !x 1": "R1007", "a:\n\tb: 1": "R1002", "": "R1009", "# only a comment": "R1009", "a: [": "R1001", "a: \xff": "R1001", "a: *b": "R1001",
		"a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200): "R1008", "<<: {a: 1}": "R1010", "a: &a [*a]": "R1006",
	} {
		_, ps := ast.Parse("x.yaml", []byte(in))
		if len(ps) == 0 || ps[0].Code != want {
			t.Errorf("%.40q: %v, want %s", in, ps, want)
		}
	}
}

func TestAliasesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("a: &a [x, x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c <= 'h'; c++ {
		b.WriteString(string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 9) + "*" + string(c-1) + "]\n")
	}
	_, ps := ast.Parse("x.yaml", []byte(b.String()))
	if len(ps) == 0 || ps[0].Code != "R1006" {
		t.Errorf("problems = %v", ps)
	}
	n, ps := ast.Parse("x.yaml", []byte("x-a: &a {b: [1, 2]}\nc: *a\nd: *a\n"))
	if len(ps) > 0 || len(n.Get("d").Get("b").Items) != 2 {
		t.Errorf("a plain alias: %v", ps)
	}
}

func TestMerge(t *testing.T) {
	parse := func(s string) *ast.Node {
		n, ps := ast.Parse("x.yaml", []byte(s))
		if len(ps) > 0 {
			t.Fatal(ps)
		}
		return n
	}
	base := parse("a: 1\nb: {c: 2, d: 3}\nl: [1, 2]\n")
	got := ast.Merge(base, parse("a: null\nb: {d: 4, e: 5}\nl: [3]\nn: null\n"))
	if k := strings.Join(got.Keys(), " "); k != "b l" {
		t.Errorf("keys = %s", k)
	}
	if b := got.Get("b"); b.Get("c").Text != "2" || b.Get("d").Text != "4" || b.Get("e").Text != "5" || len(got.Get("l").Items) != 1 {
		t.Errorf("merged = %+v", b)
	}
	if base.Get("a") == nil || base.Get("b").Get("d").Text != "3" {
		t.Error("the base was changed")
	}
}

func TestPlacesInScalars(t *testing.T) {
	n, _ := ast.Parse("x.yaml", []byte("ü: {a: $(x) y, b: \"$(x) é $(y)\", c: 'it''s $(z)'}\nd: |\n  $(w)\n"))
	for key, c := range map[string]struct{ offset, column int }{"a": {0, 8}, "b": {8, 27}, "c": {5, 37}} {
		r := n.Get("ü").Get(key).At(c.offset, 4)
		if r.Pos.Line != 1 || r.Pos.Column != c.column {
			t.Errorf("%s: %v, want column %d of %q", key, r.Pos, c.column, r.Source)
		}
	}
	if r := n.Get("d").At(0, 4); r.Pos.Line != 2 {
		t.Errorf("d: %v", r.Pos)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: 1\n", "a: {b: [c, *d]}\n", "a: &a [*a]\n", "? [x]\n: y\n", "a: |\n  text\nb: 'q'\n", "---\na: 1\n---\nb: 2\n", "\ta: 1", "a: \"\\x41\"", "{a: $(b), c: \"$(d, e)\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, ps := ast.Parse("x.yaml", text)
		if n == nil && len(ps) == 0 && len(strings.TrimSpace(string(text))) > 0 {
			t.Fatalf("%q: neither a tree nor a problem", text)
		}
		var b strings.Builder
		if err := ps.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		walk(t, n)
	})
}

// walk checks that every node has a place that can be printed.
func walk(t *testing.T, n *ast.Node) {
	if n == nil {
		return
	}
	if r := n.At(0, len(n.Text)); r.Pos.Line < 1 || r.Pos.Column < 1 || r.Width < 1 {
		t.Fatalf("a node at %+v", r)
	}
	for _, c := range n.Items {
		walk(t, c)
	}
	for _, e := range n.Entries {
		walk(t, e.Key)
		walk(t, e.Value)
	}
}
