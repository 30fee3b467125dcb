package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
)

// noted is what was recorded, by name and dimensions.
type noted map[string]float64

func (n noted) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, d.Name+"="+d.Value)
	}
	n[strings.TrimSpace(fmt.Sprintf("%s %s", m.Name, strings.Join(dims, ",")))] = m.Value
}

func TestOwnScraper(t *testing.T) {
	a := &Agent{}
	s := &ownScraper{agent: a}
	a.books.Accept(sidelight.Logs, 10)
	first := noted{}
	if err := s.Scrape(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if first["accepted signal=logs"] != 10 || first["memory_rss"] <= 0 {
		t.Errorf("first %v", first)
	}
	a.books.Accept(sidelight.Logs, 5)
	a.books.Withdraw(sidelight.Logs, 1)
	a.books.Deliver(sidelight.Logs, 7)
	a.books.Drop(sidelight.Logs, "full", 2)
	a.books.Refuse(sidelight.Traces, "Invalid", 3)
	second := noted{}
	if err := s.Scrape(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	for _, cost := range []string{"memory_rss", "cpu_usage"} {
		if _, ok := second[cost]; !ok {
			t.Errorf("no %s", cost)
		}
		delete(second, cost)
	}
	want := noted{
		"accepted signal=logs": 4, "delivered signal=logs": 7, "dropped cause=full,signal=logs": 2, "queued signal=logs": 5,
		"accepted signal=traces": 0, "delivered signal=traces": 0, "refused reason=Invalid,signal=traces": 3, "queued signal=traces": -3,
		"accepted signal=metrics": 0, "delivered signal=metrics": 0, "queued signal=metrics": 0,
	}
	if d := cmp.Diff(want, second); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
