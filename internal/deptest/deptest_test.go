package deptest_test

import (
	"bytes"
	"flag"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the reviewed lists of modules")

const module = "github.com/sidelight-dev/sidelight"

// list runs go list and returns its lines.
func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// rule says what the packages below from must not import, directly or through
// others.
type rule struct {
	from, not string
	why       string
}

func rules() []rule {
	return []rule{
		{"", "third-party", "the model imports the standard library only"},
		{"internal/wire", "third-party", "the encoders import the standard library only"},
		{"internal/pack", "third-party", "the packer imports the standard library only"},
		{"internal/memq", "third-party", "the memory queue imports the standard library only"},
		{"internal/line", "third-party", "the line imports the standard library only"},
		{"internal/spare", "third-party", "spare memory imports the standard library only"},
		{"internal/meter", "third-party", "the books import the standard library only"},
		{"internal/alarm", "third-party", "the evaluator is pure"},
		{"internal/procfile", "third-party", "the kernel's files need no library"},
		{"internal/insights", "third-party", "the query engine is pure"},
		{"internal/filterpattern", "third-party", "filter patterns are pure"},
		{"internal/metricmath", "third-party", "metric math is pure"},
		{"internal/expr", "third-party", "the language of filters is pure"},
		{"internal/loglevel", "third-party", "telling levels is pure"},
		{"agent/processor", "third-party", "log events are worked on with the standard library"},
		{"internal", "agent", "what is shared does not know the agent"},
		{"internal", "cmd", "what is shared does not know the command"},
		{"exporters", "agent", "exporters know the model and how to call AWS"},
		{"exporters", "internal/sandbox", "the product does not know its test bed"},
		{"agent", "internal/sandbox", "the agent treats the sandbox as it treats AWS"},
		{"agent", "cmd", "the command starts the agent, not the other way"},
		{"sdk", "agent", "a service that embeds the sdk does not embed the agent"},
		{"sdk", "cmd", "the sdk is a library"},
		{"sdk", "internal/sandbox", "the sdk is a library"},
	}
}

// siblings must not import one another: what two need moves down.
func siblings() []string {
	return []string{"agent/receiver", "agent/scraper", "exporters"}
}

func TestDirection(t *testing.T) {
	deps := map[string][]string{}
	for _, line := range list(t, "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...") {
		pkg, rest, _ := strings.Cut(line, " ")
		deps[pkg] = strings.Fields(rest)
	}
	for _, r := range rules() {
		checked := 0
		for pkg, imports := range deps {
			if !under(pkg, r.from) {
				continue
			}
			checked++
			for _, d := range imports {
				if forbidden(d, r.not) {
					t.Errorf("%s imports %s, directly or through others: %s", pkg, d, r.why)
				}
			}
		}
		if checked == 0 {
			t.Errorf("no package is below %q: the rule checks nothing", r.from)
		}
	}
}

func TestSiblings(t *testing.T) {
	for _, line := range list(t, "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		pkg, rest, _ := strings.Cut(line, " ")
		for _, parent := range siblings() {
			own, ok := child(pkg, parent)
			if !ok {
				continue
			}
			for _, d := range strings.Fields(rest) {
				if other, ok := child(d, parent); ok && other != own {
					t.Errorf("%s imports its sibling %s", pkg, d)
				}
			}
		}
	}
}

// child returns which child of parent pkg belongs to.
func child(pkg, parent string) (string, bool) {
	rest, ok := strings.CutPrefix(pkg, module+"/"+parent+"/")
	name, _, _ := strings.Cut(rest, "/")
	return name, ok && name != "exportertest"
}

// under reports whether pkg is from or below it. The root package has nothing
// below it.
func under(pkg, from string) bool {
	if from == "" {
		return pkg == module
	}
	return pkg == module+"/"+from || strings.HasPrefix(pkg, module+"/"+from+"/")
}

func forbidden(dep, not string) bool {
	if not != "third-party" {
		return under(dep, not)
	}
	first, _, _ := strings.Cut(dep, "/")
	return strings.Contains(first, ".") && !strings.HasPrefix(dep, module)
}

// Every package has exactly one package comment.
func TestPackageComments(t *testing.T) {
	for _, line := range list(t, "-f", `{{.Dir}} {{join .GoFiles " "}}`, "./...") {
		dir, files, _ := strings.Cut(line, " ")
		var with []string
		for f := range strings.FieldsSeq(files) {
			ast, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, f), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if ast.Doc != nil {
				with = append(with, f)
			}
		}
		if len(with) != 1 && strings.TrimSpace(files) != "" {
			t.Errorf("%s: package comments in %v, want exactly one", dir, with)
		}
	}
}

// The build that is the agent alone links nothing that only people need.
func TestAgentAlone(t *testing.T) {
	full := list(t, "-deps", "./cmd/sidelight")
	alone := list(t, "-deps", "-tags", "agentonly", "./cmd/sidelight")
	for _, not := range []string{
		"agent/config/importer", "agent/recipe", "cmd/sidelight/internal", "internal/alarm", "internal/filterpattern", "internal/insights",
		"internal/metricmath", "internal/query", "internal/sandbox", "internal/traces",
	} {
		is := func(dep string) bool { return under(dep, not) }
		if !slices.ContainsFunc(full, is) {
			t.Errorf("not even the full build links %s: the rule checks nothing", not)
		}
		if i := slices.IndexFunc(alone, is); i >= 0 {
			t.Errorf("the agent alone links %s", alone[i])
		}
	}
}

// The modules of each binary and of the sdk are a reviewed list.
func TestModules(t *testing.T) {
	for name, args := range map[string][]string{
		"sidelight": {"./cmd/sidelight"}, "sidelight-agent": {"-tags", "agentonly", "./cmd/sidelight"}, "sdk": {"./sdk"},
	} {
		lines := list(t, append([]string{"-deps", "-f", `{{with .Module}}{{.Path}} {{.Version}}{{end}}`}, args...)...)
		slices.Sort(lines)
		lines = slices.DeleteFunc(slices.Compact(lines), func(s string) bool { return s == "" || strings.TrimSpace(s) == module })
		got := strings.Join(lines, "\n") + "\n"
		path := filepath.Join("testdata", name+".modules.txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("modules of %s (-reviewed +now); if meant, run: go test ./internal/deptest -update\n%s", name, d)
		}
	}
}

// Each element type of its own shape that is sorted with a comparison by package
// slices costs the binary 14 to 25 KB. What is linked into it and does not sort
// for every event or row uses internal/order.
func TestSortsShareCode(t *testing.T) {
	hot := map[string]string{
		module + "/internal/pack": "sorts the events of blocks, by number: a shape that others have",
	}
	generic := regexp.MustCompile(`\bslices\.(SortFunc|SortStableFunc|SortedFunc|SortedStableFunc)\(`)
	checked := 0
	for _, line := range list(t, "-deps", "-f", `{{.ImportPath}} {{.Dir}} {{join .GoFiles " "}}`, "./cmd/sidelight") {
		fields := strings.Fields(line)
		if !strings.HasPrefix(fields[0], module) || hot[fields[0]] != "" {
			continue
		}
		for _, f := range fields[2:] {
			checked++
			text, err := os.ReadFile(filepath.Join(fields[1], f))
			if err != nil {
				t.Fatal(err)
			}
			if used := generic.Find(text); used != nil {
				t.Errorf("%s/%s: %s) is code of its own for each type, use internal/order", fields[0], f, used)
			}
		}
	}
	if checked == 0 {
		t.Error("no file is linked: the rule checks nothing")
	}
}
