package insights_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/insights"
)

func fieldsOf(row insights.Row) []string {
	var got []string
	for name, value := range insights.Fields(&row) {
		if !strings.HasPrefix(name, "@") || strings.HasPrefix(name, "@@") || strings.HasPrefix(name, "@d") || name == "@type" {
			got = append(got, name+"="+value)
		}
	}
	return got
}

func TestFields(t *testing.T) {
	tests := map[string]struct {
		message string
		want    []string
	}{
		"json":   {`{"a":1,"b":{"c":["x",{"d\"e":true}],"n":null},"@t":"s"}`, []string{"a=1", "b.c.0=x", `b.c.1.d"e=true`, "@@t=s"}},
		"text":   {"hello", nil},
		"lambda": {"REPORT RequestId: r1\tDuration: 5 ms\t", []string{"@duration=5", "@type=REPORT"}},
		"flow": {"2 1 eni-1 10.0.0.5 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK", []string{
			"version=2", "accountId=1", "interfaceId=eni-1", "srcAddr=10.0.0.5", "dstAddr=172.31.9.12", "srcPort=49761", "dstPort=3389",
			"protocol=6", "packets=20", "bytes=4249", "startTime=1418530010", "endTime=1418530070", "action=REJECT", "logStatus=OK",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, fieldsOf(at(0, tt.message))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFieldsOfTheSystem(t *testing.T) {
	row := at(0, "x")
	got := map[string]string{}
	for name, value := range insights.Fields(&row) {
		got[name] = value
	}
	want := map[string]string{
		"@message": "x", "@timestamp": "2026-11-22 12:00:00.000", "@ingestionTime": "2026-11-22 12:00:00.500",
		"@logStream": "prod/web-1", "@log": "123456789012:/app/web",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFieldsEnd(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, `,"f%d":%d`, i, i)
	}
	if got := fieldsOf(at(0, "{"+b.String()[1:]+"}")); len(got) != 200 || got[199] != "f199=199" {
		t.Errorf("%d fields, the last is %q", len(got), got[len(got)-1])
	}
	row := at(0, `{"a":1}`)
	for range insights.Fields(&row) {
		break // must not call yield again
	}
}

// TestFieldsCanBeAskedFor queries every discovered field by its name.
func TestFieldsCanBeAskedFor(t *testing.T) {
	row := at(0, `{"a":1,"b":{"c":["x",{"d e":true}],"n":-1.5},"@t":"s","x.y":{"z":"dots"}}`)
	for name, value := range insights.Fields(&row) {
		expect(t, "fields `"+name+"` as v", insights.Rows{row}, "v="+value)
	}
}
