package main

import (
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/agent/config"
)

// The flag wins over the configuration, and its default only over the
// configuration's default.
func TestExecGrace(t *testing.T) {
	for name, tc := range map[string]struct {
		flagged bool
		environ []string
		want    time.Duration
	}{
		"nothing said":      {false, nil, 10 * time.Second},
		"by variable":       {false, []string{"SIDELIGHT_SHUTDOWN_GRACE=20s"}, 20 * time.Second},
		"by flag":           {true, nil, 10 * time.Second},
		"by both, the flag": {true, []string{"SIDELIGHT_SHUTDOWN_GRACE=20s"}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			l, problems := config.Load("", tc.environ)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if got := execGrace(tc.flagged, 10*time.Second, l); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}
