package sandbox_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// clients are those of one sandbox, whose clock stands still.
type clients struct {
	metrics *cloudwatch.Client
	logs    *cloudwatchlogs.Client
	traces  *xray.Client
}

func newClients(t *testing.T) *clients { return clientsIn(t, frozenIn(t, "")) }

// frozenIn is a sandbox whose clock stands still, with that folder if one is given.
func frozenIn(t *testing.T, dir string) *sandbox.Server {
	t.Helper()
	return sandboxtest.New(t, func(o *sandbox.Options) {
		o.Data, o.Clock = dir, clock.NewFrozen(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	})
}

func clientsIn(t *testing.T, s *sandbox.Server) *clients {
	t.Helper()
	cfg := sandboxtest.Config(s)
	return &clients{cloudwatch.NewFromConfig(cfg), cloudwatchlogs.NewFromConfig(cfg), xray.NewFromConfig(cfg)}
}

// kept is an operation with input In that stores something, and how to read it
// back. Fields are named by their path: "MetricStat.Metric.Namespace".
type kept[In any] struct {
	// variants are valid inputs for the same thing. Together they set every field.
	variants func() []*In
	// other differs from the first variant in every member that a Put may change.
	other func() *In
	// before makes what the operation needs; it may be nil.
	before func(t *testing.T, c *clients)
	put    func(t *testing.T, c *clients, in *In) error
	// get returns structs that have the members of the input, in any of them.
	get func(t *testing.T, c *clients, in *In) []any
	// unset are fields that no variant sets, and lost are those that do not come
	// back, each with the reason. fixed are members that a Put cannot change.
	unset, lost, fixed map[string]string
	// merges says that members that a Put leaves out stay as they are.
	merges bool
}

// tagged makes tags a struct that get may return.
type tagged struct{ Tags any }

// flatten lists the values in v by their path.
func flatten(path string, v reflect.Value, into map[string]any) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			if v.Elem().Kind() != reflect.Struct && v.Elem().Kind() != reflect.Slice {
				into[path] = v.Elem().Interface() // also if it is zero
				return
			}
			flatten(path, v.Elem(), into)
		}
	case reflect.Interface:
		if !v.IsNil() {
			e := reflect.Indirect(v.Elem())
			if e.Type().PkgPath() != "" && e.Kind() == reflect.Struct { // a member of a union
				into[path] = e.Type().Name()
			}
			flatten(path, v.Elem(), into)
		}
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			into[path] = at.UTC().String()
			return
		}
		for f, x := range v.Fields() {
			if f.IsExported() && f.Name != "ResultMetadata" {
				flatten(strings.TrimPrefix(path+"."+f.Name, "."), x, into)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			flatten(fmt.Sprintf("%s[%d]", path, i), v.Index(i), into)
		}
	case reflect.Map:
		for k, x := range v.Seq2() {
			flatten(fmt.Sprintf("%s[%v]", path, k), x, into)
		}
	default:
		if !v.IsZero() {
			into[path] = v.Interface()
		}
	}
}

func flat(values ...any) map[string]any {
	out := make(map[string]any)
	for _, v := range values {
		flatten("", reflect.ValueOf(v), out)
	}
	return out
}

var index = regexp.MustCompile(`\[[^\]]*\]`)

// field is the path without the places in lists and the keys of maps.
func field(path string) string { return index.ReplaceAllString(path, "") }

// fields lists the fields of t.
func fields(path string, t reflect.Type) (out []string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return []string{path}
	}
	for f := range t.Fields() {
		if f.IsExported() {
			out = append(out, fields(strings.TrimPrefix(path+"."+f.Name, "."), f.Type)...)
		}
	}
	return out
}

// excused is the reason given for a field, or for one that it is part of.
func excused(reasons map[string]string, path string) (key string, ok bool) {
	for key = field(path); key != ""; key = key[:max(strings.LastIndexByte(key, '.'), 0)] {
		if reasons[key] != "" {
			return key, true
		}
	}
	return "", false
}

// check runs all checks of k.
func (k *kept[In]) check(t *testing.T) {
	t.Run("covers", k.covers)
	for i := range k.variants() {
		t.Run(fmt.Sprint("variant ", i), func(t *testing.T) { k.comesBack(t, i) })
		t.Run(fmt.Sprint("outlives ", i), func(t *testing.T) { k.outlives(t, i) })
	}
	t.Run("changes", k.changes)
	if !k.merges {
		t.Run("replaces", k.replaces)
	}
}

// covers fails for a field that no variant sets, and for a reason without need.
func (k *kept[In]) covers(t *testing.T) {
	set := make(map[string]bool)
	for _, in := range k.variants() {
		for path := range flat(in) {
			set[field(path)] = true
		}
	}
	all := fields("", reflect.TypeFor[In]())
	used := make(map[string]bool)
	for _, path := range all {
		if set[path] {
			continue
		}
		key, ok := excused(k.unset, path)
		if used[key] = true; !ok {
			t.Errorf("no variant sets %s", path)
		}
	}
	for key := range k.unset {
		if !used[key] {
			t.Errorf("%s is set, or is no field, but is excused", key)
		}
	}
	for key := range k.lost {
		if !slices.ContainsFunc(all, func(p string) bool { _, ok := excused(map[string]string{key: "x"}, p); return ok }) {
			t.Errorf("%s is no field", key)
		}
	}
}

func (k *kept[In]) start(t *testing.T) *clients {
	t.Helper()
	c := newClients(t)
	if k.before != nil {
		k.before(t, c)
	}
	return c
}

func (k *kept[In]) mustPut(t *testing.T, c *clients, in *In) map[string]any {
	t.Helper()
	if err := k.put(t, c, in); err != nil {
		t.Fatal(err)
	}
	return flat(k.get(t, c, in)...)
}

// compare fails for each value of in that got does not have, unless it is
// excused; and for excuses that nothing needs.
func (k *kept[In]) compare(t *testing.T, in *In, got map[string]any) {
	t.Helper()
	want := flat(in)
	for _, path := range slices.Sorted(maps.Keys(want)) {
		have, ok := got[path]
		_, free := excused(k.lost, path)
		switch {
		case free && ok && cmp.Equal(have, want[path]):
			t.Errorf("%s comes back, though it is said that it does not", path)
		case !free && !ok:
			t.Errorf("%s does not come back", path)
		case !free && !cmp.Equal(have, want[path]):
			t.Errorf("%s = %#v, want %#v", path, have, want[path])
		}
	}
}

// comesBack puts a variant, twice: the second time changes nothing.
func (k *kept[In]) comesBack(t *testing.T, i int) {
	c, in := k.start(t), k.variants()[i]
	got := k.mustPut(t, c, in)
	k.compare(t, in, got)
	if d := cmp.Diff(got, k.mustPut(t, c, k.variants()[i])); d != "" {
		t.Errorf("the same again changes something (-first +second):\n%s", d)
	}
}

// changes puts the first variant with one member of the other one at a time.
func (k *kept[In]) changes(t *testing.T) {
	c := k.start(t)
	other := reflect.ValueOf(k.other()).Elem()
	for f, first := range reflect.ValueOf(k.variants()[0]).Elem().Fields() {
		if !f.IsExported() || first.IsZero() || k.fixed[f.Name] != "" {
			continue
		}
		value := other.FieldByName(f.Name)
		if reflect.DeepEqual(value.Interface(), first.Interface()) {
			t.Errorf("the other variant has the same %s", f.Name)
			continue
		}
		k.mustPut(t, c, k.variants()[0])
		in := k.variants()[0]
		reflect.ValueOf(in).Elem().FieldByName(f.Name).Set(value)
		got := k.mustPut(t, c, in)
		t.Run(f.Name, func(t *testing.T) { k.compare(t, in, got) })
	}
}

// replaces puts each variant after each: nothing of the former is left.
func (k *kept[In]) replaces(t *testing.T) {
	n := len(k.variants())
	for i := range n {
		fresh := k.mustPut(t, k.start(t), k.variants()[i])
		for j := range n {
			if i == j {
				continue
			}
			c := k.start(t)
			k.mustPut(t, c, k.variants()[j])
			got := k.mustPut(t, c, k.variants()[i])
			for _, values := range []map[string]any{fresh, got} {
				maps.DeleteFunc(values, func(path string, _ any) bool { _, ok := excused(k.fixed, path); return ok })
			}
			if d := cmp.Diff(fresh, got); d != "" {
				t.Errorf("variant %d after %d (-fresh +got):\n%s", i, j, d)
			}
		}
	}
}

// ptr is a pointer to v.
func ptr[T any](v T) *T { return &v }

func mustGet[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// only is the single element of list.
func only[T any](t *testing.T, list []T) T {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d are described, want 1: %+v", len(list), list)
	}
	return list[0]
}

// TestEveryPutIsChecked fails for an operation that stores something, but has
// no kept of its input, by the text of this package's tests.
func TestEveryPutIsChecked(t *testing.T) {
	packages := map[string]string{"monitoring": "cloudwatch", "logs": "cloudwatchlogs", "xray": "xray"}
	data := []string{"PutMetricData", "PutLogEvents", "PutTraceSegments", "PutTelemetryRecords"} // no settings
	names, err := filepath.Glob("comesback*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	stores := regexp.MustCompile(`^(Put|Create|Update|Associate)`)
	for _, o := range randomOps(t) {
		if !stores.MatchString(o.op.Name) || slices.Contains(data, o.op.Name) {
			continue
		}
		if want := "kept[" + packages[o.service] + "." + o.op.Name + "Input]"; !strings.Contains(tests.String(), want) {
			t.Errorf("there is no %s", want)
		}
	}
}
