package jsonscan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

func TestValid(t *testing.T) {
	for _, text := range []string{
		"", " ", "{}", "[]", " [ ] ", `{"a":1,"b":[true,false,null,{"c":"d"}]}`, `{"a":}`, `{"a"}`, `{a:1}`, `[1,]`, `[,1]`, `{"a":1,}`, `{,}`, "[1 2]",
		"[}", "{]", "[", "{", "]", `{"a":1]`, `[1}`, "1", "-1", "01", "-", "1.", ".1", "1.0e", "1e+", "1E-9", "0", "-0.0", "1 1", "nul", "nulll", "tru", "truefalse",
		`"`, `"a`, `"\"`, `"\u12"`, `"\u12g4"`, `"\u12aF"`, `"\x"`, "\"\n\"", "\"\x7f\xff\"", `{"a" : [ 1 , { } ] , "b" : "" }`, `[[],[],{}]`, `[{},{}]x`,
		strings.Repeat("[", 512) + strings.Repeat("]", 512), strings.Repeat("[", 500),
	} {
		if got, want := jsonscan.Valid([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("Valid(%.40q) = %v, want %v", text, got, want)
		}
	}
	deep := strings.Repeat("[", 514) + strings.Repeat("]", 514)
	if jsonscan.Valid([]byte(deep)) {
		t.Error("the depth has no bound")
	}
}

// FuzzValid holds Valid to the standard library.
func FuzzValid(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,"\u00e9",null]}`, `[{},[],"",true]`, `{"a":{"b":{"c":[[[]]]}}}`, "[1,]", `"\ud800"`, " 0 "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := jsonscan.Valid(b), json.Valid(b); got != want && strings.Count(string(b), "[")+strings.Count(string(b), "{") <= 512 {
			t.Errorf("Valid(%q) = %v, want %v", b, got, want)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	text := []byte(`{"_aws":{"Timestamp":1767355200123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["route"]],"Metrics":[{"Name":"latency","Unit":"Milliseconds"}]}],"LogGroupName":"shop-metrics"},"route":"/pay","latency":[12,14.5],"cart":"81"}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if !jsonscan.Valid(text) {
			b.Fatal("not valid")
		}
	}
}
