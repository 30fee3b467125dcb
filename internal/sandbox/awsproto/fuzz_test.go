package awsproto

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// exportedOnly ignores what no protocol carries.
func exportedOnly() cmp.Options {
	return cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateEmpty(), cmp.FilterPath(func(p cmp.Path) bool {
		sf, ok := p.Last().(cmp.StructField)
		if !ok {
			return false
		}
		f, _ := p.Index(-2).Type().FieldByName(sf.Name())
		return !f.IsExported() || f.Name == "ResultMetadata"
	}, cmp.Ignore())}
}

// milliseconds rounds times as answers do.
func milliseconds() cmp.Option {
	return cmp.Transformer("ms", func(t time.Time) int64 { return t.UnixMilli() })
}

// FuzzCBOR decodes anything. What decodes is encoded and decoded again, and
// what fxamacker/cbor finds malformed must not decode.
func FuzzCBOR(f *testing.F) {
	for _, s := range []string{
		"bf6a4d6574726963446174619fbf6a44696d656e73696f6e739fbf644e616d6564686f73746556616c7565626831ffff6a4d65747269634e616d6563637075ffffff",
		"a16a4d6574726963446174618fa0", "bf6954696d657374616d70c1fb41dac0b650000000ff", "bf667fff", "a0", "d9d9f7a0", "fb7ff8000000000000",
		"a1694e616d657370616365f97e00", "bf694e616d6573706163657f61416170ffff", "a1614e1bffffffffffffffff", "9f9f9f9f",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	spec := CloudWatch()
	p := newPlans(&spec)
	f.Fuzz(func(t *testing.T, b []byte) {
		var in, again cloudwatch.PutMetricDataInput
		if err := decodeInto(&cborReader{data: b}, p, &in); err != nil {
			return
		}
		if err := cbor.Wellformed(b); err != nil && len(b) > 0 {
			t.Fatalf("decoded malformed %x: %v", b, err)
		}
		out, err := appendCBOR(nil, p, &in)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeInto(&cborReader{data: out}, p, &again); err != nil {
			t.Fatalf("decode of %x, encoded from %x: %v", out, b, err)
		}
		if d := cmp.Diff(in, again, exportedOnly(), milliseconds()); d != "" {
			t.Errorf("decoded again differs: %s", d)
		}
	})
}

// FuzzJSON does as FuzzCBOR, and holds what decodes against encoding/json.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"logEvents":[{"message":"hello \"w\" é <>&","timestamp":1763812800000}],"logGroupName":"/app/x","logStreamName":"s1"}`,
		`{"logEvents":[{"message":"\ud83d\ude00\u0000\ud83d","timestamp":1e3}],"entity":{"keyAttributes":{"Type":"Service"},"x":[{}]}}`,
		`{"logEvents":null,"unknown":{"a":[1,2.5e-3,true,false,null,"x"]}}`, "{\"logGroupName\":\"\xff\"}", ` {} `, `[`, `{"a":01}`,
	} {
		f.Add([]byte(s))
	}
	spec := Logs()
	p := newPlans(&spec)
	f.Fuzz(func(t *testing.T, b []byte) {
		var in, again cloudwatchlogs.PutLogEventsInput
		if err := decodeInto(&jsonReader{data: b}, p, &in); err != nil || len(strings.TrimSpace(string(b))) == 0 {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("decoded invalid %q", b)
		}
		var oracle struct {
			LogGroupName *string `json:"logGroupName"`
		}
		// encoding/json takes names in any case, so only exact ones compare.
		if err := json.Unmarshal(b, &oracle); err == nil && strings.Count(strings.ToLower(string(b)), "loggroupname") == 1 && strings.Count(string(b), `"logGroupName"`) == 1 {
			if d := cmp.Diff(oracle.LogGroupName, in.LogGroupName); d != "" {
				t.Errorf("decoded from %q: %s", b, d)
			}
		}
		out, err := appendJSON(nil, p, &in)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeInto(&jsonReader{data: out}, p, &again); err != nil {
			t.Fatalf("decode of %q, encoded from %q: %v", out, b, err)
		}
		if d := cmp.Diff(in, again, exportedOnly()); d != "" {
			t.Errorf("decoded again differs: %s", d)
		}
	})
}

// FuzzForm decodes anything, and checks that the answer made of it is XML.
func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"Action=PutMetricData&Version=2010-08-01&Namespace=App&MetricData.member.1.MetricName=cpu&MetricData.member.1.Value=1.5&MetricData.member.1.Timestamp=2026-11-22T12%3A00%3A00Z",
		"MetricData.member.2.Values.member.1=1&MetricData.member.2.Counts.member.01=3", "MetricData=", "MetricData.member=x", "%zz=1", "a.b.c.d.e.f=1&a=2", "&&=&",
		"EntityMetricData.member.1.Entity.Attributes.entry.1.key=a&EntityMetricData.member.1.Entity.Attributes.entry.1.value=%01%FF<",
	} {
		f.Add(s)
	}
	spec := CloudWatch()
	p := newPlans(&spec)
	f.Fuzz(func(t *testing.T, s string) {
		root, err := parseForm(s)
		if err != nil {
			return
		}
		if v, err := url.ParseQuery(s); err == nil && !strings.Contains(s, ";") && root.kids["Namespace"] != nil && root.kids["Namespace"].set {
			if got := root.text("Namespace"); got != v["Namespace"][len(v["Namespace"])-1] {
				t.Errorf("Namespace of %q is %q, url.ParseQuery says %q", s, got, v["Namespace"])
			}
		}
		var in cloudwatch.PutMetricDataInput
		if err := decodeForm(root, p, &in); err != nil {
			return
		}
		out, err := appendXML([]byte("<x>"), p, &in)
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(string(out) + "</x>"))
		for {
			if _, err := d.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatalf("XML %q: %v", out, err)
			}
		}
	})
}

func TestNumbers(t *testing.T) {
	type T struct {
		I *int64
		F *float64
		B bool
		S []byte
	}
	spec := Spec{}
	p := newPlans(&spec)
	for in, want := range map[string]string{
		`{"I":9223372036854775807}`: `{"I":9223372036854775807,"B":false}`, `{"I":-9223372036854775808}`: `{"I":-9223372036854775808,"B":false}`,
		`{"I":1e3}`: `{"I":1000,"B":false}`, `{"F":"NaN"}`: `{"F":"NaN","B":false}`, `{"F":"-Infinity","B":true}`: `{"F":"-Infinity","B":true}`,
		`{"F":1e300}`: `{"F":1e+300,"B":false}`, `{"F":-0.0}`: `{"F":-0,"B":false}`, `{"S":"AP8="}`: `{"B":false,"S":"AP8="}`, ``: `{"B":false}`,
	} {
		var v T
		if err := decodeInto(&jsonReader{data: []byte(in)}, p, &v); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got, err := appendJSON(nil, p, &v); err != nil || string(got) != want {
			t.Errorf("%s gives %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`{"I":9223372036854775808}`, `{"I":1.5}`, `{"F":"x"}`, `{"F":1e999}`, `{"S":"?"}`, `{"B":1}`, `{"I":01}`, `{"I":-}`, `{"I":1.}`, `{"I":1e}`} {
		if err := decodeInto(&jsonReader{data: []byte(in)}, p, &T{}); err == nil {
			t.Errorf("%s was decoded", in)
		}
	}
}

func TestSpecial(t *testing.T) {
	for _, c := range []byte{'"', '\\', 0, 0x1f, 0x7f, 0x80, 0xff, ' ', '!', '#', '[', ']'} {
		for n := range 20 {
			for before := range 20 {
				b := append(append([]byte(strings.Repeat("a", before)), c), strings.Repeat("~", n)...)
				want := len(b)
				if c == '"' || c == '\\' || c < 0x20 || c >= 0x80 {
					want = before
				}
				if got := special(b); got != want {
					t.Fatalf("special(%q) = %d, want %d", b, got, want)
				}
			}
		}
	}
}

func TestHalfFloats(t *testing.T) {
	// RFC 8949, appendix A.
	for h, want := range map[uint16]float64{
		0x0000: 0, 0x8000: math.Copysign(0, -1), 0x3c00: 1, 0x3e00: 1.5, 0x7bff: 65504, 0x0001: 5.960464477539063e-8, 0x0400: 0.00006103515625, 0xc400: -4, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := halfFloat(h); got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("halfFloat(%04x) = %v, want %v", h, got, want)
		}
	}
	if !math.IsNaN(halfFloat(0x7e00)) {
		t.Error("halfFloat(7e00) is a number")
	}
}

func TestPlansRefuse(t *testing.T) {
	spec := Spec{}
	p := newPlans(&spec)
	for _, v := range []any{map[int]string{}, struct{ C chan int }{}, complex(1, 1)} {
		if _, err := p.of(reflect.TypeOf(v)); err == nil {
			t.Errorf("there is a plan of %T", v)
		}
	}
}

func TestDecodingAllocatesLittle(t *testing.T) {
	const n = 1000
	body := batch(n, 100)
	spec := Logs()
	p := newPlans(&spec)
	got := testing.AllocsPerRun(5, func() {
		var in cloudwatchlogs.PutLogEventsInput
		if err := decodeInto(&jsonReader{data: body}, p, &in); err != nil || len(in.LogEvents) != n {
			t.Fatal(err)
		}
	})
	// The text of each message, a slab for 64 scalars, and the growth of the list.
	if got > n+n/16+40 {
		t.Errorf("%v allocations for %d events", got, n)
	}
}

// batch is the body of a PutLogEvents.
func batch(n, size int) []byte {
	message := `{\"level\":\"info\",\"text\":\"` + strings.Repeat("x", size-30) + `\"}`
	return []byte(`{"logGroupName":"/app","logStreamName":"s","logEvents":[{"message":"first","timestamp":1763812800000}` +
		strings.Repeat(`,{"message":"`+message+`","timestamp":1763812800000}`, n-1) + `]}`)
}

func BenchmarkDecodePutLogEvents(b *testing.B) {
	body := batch(10000, 300)
	spec := Logs()
	p := newPlans(&spec)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var in cloudwatchlogs.PutLogEventsInput
		if err := decodeInto(&jsonReader{data: body}, p, &in); err != nil {
			b.Fatal(err)
		}
	}
}
