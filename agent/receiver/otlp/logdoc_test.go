package otlp_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// FuzzLogs makes documents of arbitrary requests: each must be a JSON object
// without a member twice, unless the sender sent an attribute twice.
func FuzzLogs(f *testing.F) {
	j := otlpwire.NewJSON()
	seed, err := j.Append(nil, j.Logs, []byte(logsJSON))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("\x0a\x06\x12\x04\x12\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		docs, err := otlp.LogDocuments(body)
		if err != nil {
			return
		}
		for _, d := range docs {
			var m map[string]json.RawMessage
			if err := json.Unmarshal(d, &m); err != nil || bytes.IndexByte(d, '\n') >= 0 {
				t.Fatalf("%q: %v", d, err)
			}
			if _, ok := m["time"]; !ok {
				t.Fatalf("no time in %q", d)
			}
		}
	})
}

func TestLogDocuments(t *testing.T) {
	tests := map[string]struct{ record, want string }{
		"empty":       {`{"timeUnixNano":"1000000"}`, `{"time":"1970-01-01T00:00:00.001Z"}`},
		"observed":    {`{"observedTimeUnixNano":"2000000","body":{"stringValue":""}}`, `{"time":"1970-01-01T00:00:00.002Z","msg":""}`},
		"level":       {`{"timeUnixNano":"1000000","severityNumber":12,"severityText":"Information"}`, `{"time":"1970-01-01T00:00:00.001Z","level":"INFO","severity_text":"Information"}`},
		"level text":  {`{"timeUnixNano":"1000000","severityText":"warn"}`, `{"time":"1970-01-01T00:00:00.001Z","level":"WARN"}`},
		"number body": {`{"timeUnixNano":"1000000","body":{"intValue":"7"}}`, `{"time":"1970-01-01T00:00:00.001Z","body":7}`},
		"bad ids":     {`{"timeUnixNano":"1000000","traceId":"00000000000000000000000000000000","spanId":"01"}`, `{"time":"1970-01-01T00:00:00.001Z"}`},
		"event":       {`{"timeUnixNano":"1000000","eventName":"device.boot","droppedAttributesCount":3}`, `{"time":"1970-01-01T00:00:00.001Z","event_name":"device.boot","dropped_attributes":3}`},
		"taken names": {
			`{"timeUnixNano":"1000000","attributes":[{"key":"time","value":{"intValue":"1"}},{"key":"a","value":{"boolValue":true}},{"key":"resource","value":{"stringValue":"r"}}]}`,
			`{"time":"1970-01-01T00:00:00.001Z","a":true,"attributes":{"time":1,"resource":"r"}}`,
		},
	}
	j := otlpwire.NewJSON()
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			body, err := j.Append(nil, j.Logs, []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[`+tc.record+`]}]}]}`))
			if err != nil {
				t.Fatal(err)
			}
			docs, err := otlp.LogDocuments(body)
			if err != nil || len(docs) != 1 || string(docs[0]) != tc.want {
				t.Errorf("documents = %s, %v\nwant %s", docs, err, tc.want)
			}
		})
	}
}

func TestLogAllocations(t *testing.T) {
	j := otlpwire.NewJSON()
	body, err := j.Append(nil, j.Logs, []byte(logsJSON))
	if err != nil {
		t.Fatal(err)
	}
	run := otlp.LogEncoder(body)
	if n := testing.AllocsPerRun(50, run); n > 6 { // of a request, not of a record
		t.Errorf("%v allocations", n)
	}
}
