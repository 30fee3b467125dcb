package forward

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// unhex reads hexadecimal digits with spaces between them.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordAsJSON(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"empty":          {"80", `{}`},
		"strings":        {"82 a161 a162 a163 d901 64", `{"a":"b","c":"d"}`},
		"str16, str32":   {"82 a161 da0001 78 a162 db00000001 79", `{"a":"x","b":"y"}`},
		"escapes":        {"81 a161 a4 22 5c 0a 01", `{"a":"\"\\\n\u0001"}`},
		"bad utf-8":      {"81 a161 a2 ff 78", "{\"a\":\"\ufffdx\"}"},
		"duplicate keys": {"82 a161 01 a161 02", `{"a":1,"a":2}`},
		"small integers": {"84 a161 00 a162 7f a163 ff a164 e0", `{"a":0,"b":127,"c":-1,"d":-32}`},
		"unsigned":       {"84 a161 ccff a162 cdffff a163 ceffffffff a164 cfffffffffffffffff", `{"a":255,"b":65535,"c":4294967295,"d":18446744073709551615}`},
		"signed":         {"84 a161 d080 a162 d18000 a163 d280000000 a164 d38000000000000000", `{"a":-128,"b":-32768,"c":-2147483648,"d":-9223372036854775808}`},
		"floats":         {"83 a161 cb3ff8000000000000 a162 ca3dcccccd a163 cb7ff0000000000000", `{"a":1.5,"b":0.1,"c":null}`},
		"words":          {"83 a161 c0 a162 c2 a163 c3", `{"a":null,"b":false,"c":true}`},
		"bin text":       {"81 a161 c402 6869", `{"a":"hi"}`},
		"bin bytes":      {"81 a161 c402 fffe", `{"a":"//4="}`},
		"nested":         {"81 a161 93 01 81a16202 90", `{"a":[1,{"b":2},[]]}`},
		"map16, array32": {"de0001 a161 dd00000001 c0", `{"a":[null]}`},
		"map32":          {"df00000001 a161 dc0001 c0", `{"a":[null]}`},
		"event time":     {"81 a161 d700 5f5e1000 1dcd6500", `{"a":"2020-09-13T12:26:40.5Z"}`},
		"event time ext": {"81 a161 c70800 5f5e1000 00000000", `{"a":"2020-09-13T12:26:40Z"}`},
		"other ext":      {"82 a161 d405 ff a162 c70306 010203", `{"a":"/w==","b":"AQID"}`},
		"long ext":       {"81 a161 c8000109 ff", `{"a":"/w=="}`},
		"scalar keys":    {"84 01 02 ff 03 c3 04 cb3ff8000000000000 05", `{"1":2,"-1":3,"true":4,"1.5":5}`},
		"bin key":        {"81 c40161 01", `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			in := unhex(t, tc.in)
			got, end, err := appendRecord(nil, in, 0)
			if err != nil || end != len(in) || string(got) != tc.want {
				t.Errorf("appendRecord = %s, %d, %v; want %s, %d", got, end, err, tc.want, len(in))
			}
			if !json.Valid(got) {
				t.Errorf("%s is not JSON", got)
			}
			for cut := range in {
				if _, _, err := appendRecord(nil, in[:cut], 0); !errors.Is(err, errShort) {
					t.Errorf("cut at %d: %v, want %v", cut, err, errShort)
				}
			}
		})
	}
}

func TestRecordRefused(t *testing.T) {
	deep := slices.Concat([]byte{0x81, 0xa1, 'a'}, slices.Repeat([]byte{0x91}, maxDepth), []byte{0xc0})
	for name, tc := range map[string]struct {
		in   []byte
		want error
	}{
		"not a map":  {[]byte{0x90}, errRecord},
		"array key":  {[]byte{0x81, 0x90, 0x01}, errKey},
		"map key":    {[]byte{0x81, 0x80, 0x01}, errKey},
		"never used": {[]byte{0x81, 0xa1, 'a', 0xc1}, errNoValue},
		"too deep":   {deep, errDepth},
		"huge map":   {[]byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01}, errShort},
		"huge array": {[]byte{0x81, 0xa1, 'a', 0xdd, 0xff, 0xff, 0xff, 0xff}, errShort},
	} {
		if _, _, err := appendRecord(nil, tc.in, 0); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if got, _, err := appendRecord(nil, slices.Concat(deep[:3], deep[4:]), 0); err != nil {
		t.Errorf("at the limit: %s, %v", got, err)
	}
}

func TestReadTime(t *testing.T) {
	const now = 42
	for name, tc := range map[string]struct {
		in   string
		want int64
	}{
		"seconds":          {"ce 5f5e1000", 1600000000_000},
		"signed seconds":   {"d2 5f5e1000", 1600000000_000},
		"event time":       {"d700 5f5e1000 075bcd15", 1600000000_123},
		"event time, ext":  {"c70800 5f5e1000 075bcd15", 1600000000_123},
		"float":            {"cb 41d7d7840007df3b", 1600000000_123},
		"past 2038":        {"d700 ffffffff 00000000", 4294967295_000},
		"nil":              {"c0", now},
		"zero":             {"00", now},
		"negative":         {"ff", now},
		"no time at all":   {"cf ffffffffffffffff", now},
		"not a number":     {"cb 7ff8000000000000", now},
		"with metadata":    {"92 d700 5f5e1000 00000000 81a16101", 1600000000_000},
		"integer metadata": {"92 ce 5f5e1000 80", 1600000000_000},
	} {
		in := unhex(t, tc.in)
		got, end, err := readTime(in, 0, now)
		if err != nil || end != len(in) || got != tc.want {
			t.Errorf("%s: readTime = %d, %d, %v; want %d, %d", name, got, end, err, tc.want, len(in))
		}
	}
	for name, in := range map[string]string{
		"text": "a161", "map": "80", "other ext": "d405ff", "short event time": "d600 00000000",
		"pair of pairs": "92 92 01 80 80", "triple": "93 01 80 80", "bool": "c3",
	} {
		if _, _, err := readTime(unhex(t, in), 0, now); !errors.Is(err, errEntry) {
			t.Errorf("%s: %v, want %v", name, err, errEntry)
		}
	}
}

// FuzzRecord holds the JSON against the reading of an independent decoder.
func FuzzRecord(f *testing.F) {
	f.Add(unhex(f, "82 a161 93 01 ca3dcccccd c3 a162 c402 6869"))
	f.Add(unhex(f, "81 a161 d700 5f5e1000 1dcd6500"))
	f.Add(unhex(f, "81 a161 df00000001 cc01 c1"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, end, err := appendRecord([]byte("x"), in, 0)
		if skipped, skipErr := skip(in, 0); err == nil && (skipErr != nil || skipped != end) {
			t.Fatalf("skip = %d, %v; appendRecord read %d", skipped, skipErr, end)
		}
		if err != nil {
			return
		}
		if !json.Valid(got[1:]) {
			t.Fatalf("%x: %q is not JSON", in, got[1:])
		}
		value, _, err := msgp.ReadIntfBytes(in)
		if err != nil {
			return // it knows no keys but strings, for one
		}
		want, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("%x: not a map to the other decoder, but %q to us", in, got)
		}
		var back map[string]any
		if err := json.Unmarshal(got[1:], &back); err != nil {
			t.Fatal(err)
		}
		if !same(want, back) {
			t.Fatalf("%x: %q, but to the other decoder it is %v", in, got, want)
		}
	})
}

// same compares what the other decoder made of a value with what encoding/json
// made of ours, as far as the two can be compared.
func same(value, back any) bool {
	switch v := value.(type) {
	case map[string]any:
		m, ok := back.(map[string]any)
		if !ok || len(m) > len(v) {
			return false
		}
		for key, e := range v {
			if utf8.ValidString(key) && len(m) == len(v) && !same(e, m[key]) {
				return false
			}
		}
	case []any:
		a, ok := back.([]any)
		if !ok || len(a) != len(v) {
			return false
		}
		for i := range v {
			if !same(v[i], a[i]) {
				return false
			}
		}
	case string:
		s, ok := back.(string)
		return ok && (s == v || !utf8.ValidString(v))
	case int64:
		return back == float64(v)
	case uint64:
		return back == float64(v)
	case float64:
		return back == v || back == nil && (math.IsNaN(v) || math.IsInf(v, 0))
	case bool, nil:
		return back == v
	}
	return true
}
