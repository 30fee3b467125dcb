package alarm_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/alarm"
)

func TestReason(t *testing.T) {
	tests := map[string]struct {
		m, n    int
		missing alarm.Missing
		strip   string
		want    string
	}{
		"alarm, one of one": {
			1, 1, "", "X",
			"Threshold Crossed: 1 out of the last 1 datapoints [2.0 (05/01/26 11:59:00)] was greater than the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
		},
		"ok, one of one": {
			1, 1, "", "0",
			"Threshold Crossed: 1 out of the last 1 datapoints [0.0 (05/01/26 11:59:00)] was not greater than the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
		},
		"newest first, only what speaks for the state": {
			2, 3, "", "X0X",
			"Threshold Crossed: 2 out of the last 3 datapoints [2.0 (05/01/26 11:59:00), 2.0 (05/01/26 11:57:00)] were greater than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition).",
		},
		"ok needs N-M+1": {
			2, 3, "", "00X",
			"Threshold Crossed: 2 out of the last 3 datapoints [0.0 (05/01/26 11:58:00), 0.0 (05/01/26 11:57:00)] were not greater than the threshold (1.0) (minimum 2 datapoints for ALARM -> OK transition).",
		},
		"without DatapointsToAlarm": {
			0, 2, "", "00",
			"Threshold Crossed: 2 datapoints [0.0 (05/01/26 11:59:00), 0.0 (05/01/26 11:58:00)] were not greater than the threshold (1.0).",
		},
		"nothing, treated": {
			1, 1, alarm.Breaching, "---",
			"Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching].",
		},
		"nothing, treated as good": {
			3, 3, alarm.NotBreaching, "-----",
			"Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [NonBreaching].",
		},
		"partly missing": {
			2, 2, alarm.Breaching, "---X",
			"Threshold Crossed: 1 datapoint [2.0 (05/01/26 11:59:00)] was greater than the threshold (1.0) and 1 missing datapoint was treated as [Breaching].",
		},
		"unknown": {
			5, 5, alarm.MissingData, "-------",
			"Insufficient Data: 5 datapoints were unknown.",
		},
		"one unknown": {
			1, 1, alarm.MissingData, "---",
			"Insufficient Data: 1 datapoint was unknown.",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := rule(tt.m, tt.n, tt.missing).Evaluate(slots(tt.strip), alarm.StateInsufficientData, noon).Reason
			if got != tt.want {
				t.Errorf("reason:\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestReasonData(t *testing.T) {
	r := rule(2, 3, "")
	got := r.Evaluate(slots("--0-X"), alarm.StateOK, noon.Add(4*time.Second+25*time.Millisecond)).Data.JSON()
	want := `{"version":"1.0","queryDate":"2026-01-05T12:00:04.025+0000","startDate":"2026-01-05T11:57:00.000+0000",` +
		`"statistic":"Average","period":60,"recentDatapoints":[0.0,2.0],"threshold":1.0,"evaluatedDatapoints":[` +
		`{"timestamp":"2026-01-05T11:59:00.000+0000","sampleCount":1.0,"value":2.0},` +
		`{"timestamp":"2026-01-05T11:58:00.000+0000"},` +
		`{"timestamp":"2026-01-05T11:57:00.000+0000","sampleCount":1.0,"value":0.0},` +
		`{"timestamp":"2026-01-05T11:56:00.000+0000"},` +
		`{"timestamp":"2026-01-05T11:55:00.000+0000"}]}`
	if got != want {
		t.Errorf("reason data:\n got %s\nwant %s", got, want)
	}
}

func TestReasonDataBand(t *testing.T) {
	r := alarm.Rule{Operator: alarm.AboveBand, Period: time.Minute, N: 1, M: 1}
	res := r.Evaluate([]alarm.Slot{{Start: noon, Present: true, Value: 12345678, Lower: 0.0001, Upper: 8}}, alarm.StateOK, noon)
	want := `{"version":"1.0","queryDate":"2026-01-05T12:00:00.000+0000","startDate":"2026-01-05T12:00:00.000+0000",` +
		`"period":60,"recentDatapoints":[1.2345678E7],"recentLowerThresholds":[1.0E-4],"recentUpperThresholds":[8.0],` +
		`"evaluatedDatapoints":[{"timestamp":"2026-01-05T12:00:00.000+0000","value":1.2345678E7}]}`
	if got := res.Data.JSON(); got != want {
		t.Errorf("reason data:\n got %s\nwant %s", got, want)
	}
	if !json.Valid([]byte(res.Data.JSON())) {
		t.Error("not valid JSON")
	}
}

// TestTextLimits checks the limits of DescribeAlarms on an alarm of a day of
// minutes.
func TestTextLimits(t *testing.T) {
	strip := make([]byte, 1442)
	for i := range strip {
		strip[i] = 'X'
	}
	ss := slots(string(strip))
	for i := range ss {
		ss[i].Value = math.Pi * float64(i+1)
	}
	res := rule(1440, 1440, "").Evaluate(ss, alarm.StateOK, noon)
	if len(res.Reason) > 1023 || len(res.Reason) < 500 {
		t.Errorf("reason has %d bytes, want many but at most 1023", len(res.Reason))
	}
	data := res.Data.JSON()
	if len(data) > 4000 || len(data) < 2000 {
		t.Errorf("reason data has %d bytes, want many but at most 4000", len(data))
	}
	if !json.Valid([]byte(data)) {
		t.Error("shortened reason data is not valid JSON")
	}
}
