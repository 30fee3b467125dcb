package firelens_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/firelens"
)

var update = flag.Bool("update", false, "rewrite golden files")

// files is a file system of few files.
func files(m map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		text, ok := m[path]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const conf = "/fluent-bit/etc/fluent-bit.conf"

func load(t testing.TB, text string) *firelens.Plan {
	t.Helper()
	p, err := firelens.Load(firelens.Options{
		Path: conf, Region: "eu-west-1",
		Read: files(map[string]string{conf: text, "/fluent-bit/etc/external.conf": testdata(t, "external.conf")}),
		Getenv: func(name string) string {
			if name == "GROUP" {
				return "/from/secret"
			}
			return ""
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// describe writes what p means.
func describe(p *firelens.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "unix %q\ntcp %q\nswallow %q\n", p.Unix, p.TCP, p.Swallow)
	for _, tag := range []string{
		"web-firelens-0f9a1d", "worker-firelens-0f9a1d", "api-firelens-0f9a1d", "firelens-healthcheck", "own.logger",
	} {
		fmt.Fprintf(&b, "\n%s\n", tag)
		for _, r := range p.Routes(tag) {
			fmt.Fprintf(&b, "  %+v\n", r)
		}
		for _, record := range []string{
			`{"container_id":"c","container_name":"/app","source":"stdout","log":"GET / ELB-HealthChecker/2.0"}`,
			`{"container_id":"c","log":"{\"level\":\"error\",\"n\":1}","partial_message":"true"}`,
		} {
			body, ok := p.Edit(tag, []byte(record))
			fmt.Fprintf(&b, "  %t %s\n", ok, body)
		}
	}
	b.WriteString("\n")
	for _, n := range p.Notes {
		fmt.Fprintln(&b, n)
	}
	return b.String()
}

func TestGenerated(t *testing.T) {
	for _, name := range []string{"fargate", "ec2"} {
		t.Run(name, func(t *testing.T) {
			got := describe(load(t, testdata(t, name+".conf")))
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(testdata(t, name+".txt"), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	if _, err := firelens.Load(firelens.Options{Path: "/none", Read: files(nil)}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// output returns a configuration with one output that has the lines.
func output(lines string) string {
	return "[OUTPUT]\n  Name cloudwatch_logs\n  Match app-firelens*\n  " + strings.ReplaceAll(lines, "; ", "\n  ")
}

func TestNames(t *testing.T) {
	for name, c := range map[string]struct {
		lines, tag    string
		group, stream string
		notes         int
	}{
		"plain":             {"log_group_name /g; log_stream_name s", "app-firelens-1", "/g", "s", 0},
		"prefix":            {"log_group_name /g; log_stream_prefix p/", "app-firelens-1", "/g", "p/app-firelens-1", 0},
		"go form":           {"log_group_name /$(tag); log_stream_name #(tag[1])", "app-firelens-1.b", "/app-firelens-1.b", "b", 0},
		"part missing":      {"log_group_name g; log_stream_name $(tag[1])", "app-firelens-1", "g", "", 0},
		"record":            {"log_group_name /g/$(container_name)", "app-firelens-1", "", "", 1},
		"template":          {"log_group_name /g; log_group_template /t/$TAG", "app-firelens-1", "/t/app-firelens-1", "", 0},
		"template fails":    {"log_group_name /g; log_group_template /t/$kubernetes['x']['y']", "app-firelens-1", "/g", "", 1},
		"template of parts": {"log_group_name /g; log_stream_template $TAG[1].$TAG[2].x", "app-firelens-1.b.c", "/g", "b.c.x", 0},
		"dollar":            {"log_group_name a$; log_stream_name $5()", "app-firelens-1", "a$", "", 1},
		"other tag":         {"log_group_name /g", "web-firelens-1", "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := load(t, output(c.lines))
			if got := p.Routes(c.tag); len(got) != 1 || got[0].Group != c.group || got[0].Stream != c.stream {
				t.Errorf("routes %+v, want %q %q", got, c.group, c.stream)
			}
			if len(p.Notes) != c.notes {
				t.Errorf("notes %v, want %d", p.Notes, c.notes)
			}
		})
	}
	uuid := load(t, output("log_stream_name $(uuid)"))
	if a, b := uuid.Routes("app-firelens-1")[0].Stream, uuid.Routes("app-firelens-2")[0].Stream; len(a) != 36 || a != b {
		t.Errorf("uuid %q, then %q", a, b)
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, tag string
		want         bool
	}{
		{"*", "a", true},
		{"app-firelens*", "app-firelens-1", true},
		{"app-firelens*", "my-app-firelens-1", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false},
		{"a*a", "a", false},
		{"*.b", "a.b", true},
		{"a", "ab", false},
	} {
		routes := load(t, "[OUTPUT]\nName cloudwatch\nMatch "+c.pattern+"\nlog_group_name g").Routes(c.tag)
		if got := routes[0].Group == "g"; got != c.want {
			t.Errorf("%s matches %s: %t", c.pattern, c.tag, got)
		}
	}
	if r := load(t, "[OUTPUT]\nName cloudwatch\nMatch_Regex ^a+$\nlog_group_name g").Routes("aaa"); r[0].Group != "g" {
		t.Errorf("Match_Regex: %+v", r)
	}
}

// A file that includes itself comes to an end.
func TestIncludeLoop(t *testing.T) {
	p := load(t, "@INCLUDE fluent-bit.conf\n@INCLUDE fluent-bit.conf\n"+output("log_group_name g"))
	if r := p.Routes("app-firelens-1"); len(r) != 1 || r[0].Group != "g" || len(p.Notes) == 0 {
		t.Errorf("routes %v, notes %v", r, p.Notes)
	}
}

func TestMetadata(t *testing.T) {
	p := firelens.Metadata(firelens.Options{Cluster: "c", TaskARN: "arn:x/1"}, "d:2")
	body, ok := p.Edit("any", []byte(`{"log":"a"}`))
	if want := `{"log":"a","ecs_cluster":"c","ecs_task_arn":"arn:x/1","ecs_task_definition":"d:2"}`; !ok || string(body) != want {
		t.Errorf("got %s, want %s", body, want)
	}
	if r := p.Routes("any"); len(r) != 1 || r[0] != (firelens.Route{}) {
		t.Errorf("routes %+v", r)
	}
}

func FuzzLoad(f *testing.F) {
	for _, name := range []string{"fargate.conf", "ec2.conf", "external.conf"} {
		f.Add(testdata(f, name), "web-firelens-1", `{"log":"a"}`)
	}
	f.Add("[OUTPUT]\nName cloudwatch\nMatch *\nlog_group_name $(tag[", "a.b", `{}`)
	f.Add("[FILTER]\nName parser\nMatch *\nKey_Name log\nParser json\nReserve_Data On", "a", `{"log":"{\"a\":1}"}`)
	f.Fuzz(func(t *testing.T, text, tag, record string) {
		p, err := firelens.Load(firelens.Options{Path: conf, Read: files(map[string]string{conf: text}), Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Routes(tag)) == 0 {
			t.Error("no route")
		}
		body, ok := p.Edit(tag, []byte(record))
		if ok && json.Valid([]byte(record)) && !json.Valid(body) {
			t.Errorf("%s became %s", record, body)
		}
	})
}
