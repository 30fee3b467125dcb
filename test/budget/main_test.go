package main

import (
	"strings"
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	in := `{"Action":"output","Package":"p","Test":"TestBad","Output":"    bad_test.go:1: no\n"}
{"Action":"fail","Package":"p","Test":"TestBad","Elapsed":0.1}
{"Action":"output","Package":"p","Test":"TestGood","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestGood","Elapsed":0.1}
{"Action":"pass","Package":"p","Test":"TestSlow","Elapsed":31}
{"Action":"pass","Package":"p","Test":"TestSlow/part","Elapsed":31}
{"Action":"skip","Package":"p","Test":"TestSkipped"}
{"Action":"fail","Package":"p","Elapsed":31.3}
FAIL	q [build failed]
`
	var out strings.Builder
	c := tally{limit: 30 * time.Second, out: &out, output: map[string][]string{}}
	if err := c.read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if c.passed != 3 || c.failed != 1 || c.skipped != 1 || c.slow != 1 || c.broken != 1 {
		t.Errorf("tally %+v", c)
	}
	for _, want := range []string{"bad_test.go:1: no", "skipped: p TestSkipped", "too slow: p TestSlow took 31s", "fail p 31.3s", "FAIL\tq [build failed]"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "noise") {
		t.Error("the output of a test that passed is printed")
	}
}
