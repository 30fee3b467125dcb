package ecstask

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// task is the answer of /task. Fields are only ever added to the endpoint, and
// optional ones are left out: what is unknown here is ignored, and pointers tell
// what was not said from zero.
type task struct {
	Cluster     string // short name, or the ARN on Fargate
	TaskARN     string
	Family      string
	ServiceName string // agent 1.63.1 and later, not on Fargate
	Group       string // "service:NAME" for a service's task
	LaunchType  string // EC2, FARGATE or EXTERNAL
	KnownStatus string
	Limits      *taskLimits
	Containers  []container
	// ClockDrift stands on the task or, in older answers, on each container.
	ClockDrift       *clockDrift
	EphemeralStorage *ephemeralStorage `json:"EphemeralStorageMetrics"`
}

// taskLimits are hard limits of the whole task.
type taskLimits struct {
	CPU    float64 // vCPU
	Memory float64 // MiB
}

// container is one of the task's.
type container struct {
	DockerID     string `json:"DockerId"`
	Name         string
	KnownStatus  string
	StartedAt    when
	Type         string
	Limits       *containerLimits
	Health       *health
	RestartCount *float64
	ClockDrift   *clockDrift
	Networks     []network
}

// containerLimits: CPU is a share to be had under contention, not a bound;
// Memory is a bound.
type containerLimits struct {
	CPU    float64 // CPU units
	Memory float64 // MiB
}

// when is a time; one that is written in an unknown way counts as not said.
type when struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (w *when) UnmarshalJSON(b []byte) error {
	if err := w.Time.UnmarshalJSON(b); err != nil {
		w.Time = time.Time{}
	}
	return nil
}

type health struct {
	Status string `json:"status"`
}

type network struct{ NetworkMode string }

type clockDrift struct {
	ClockErrorBound            *float64 // milliseconds
	ClockSynchronizationStatus string
}

// ephemeralStorage is in MiB; Fargate 1.4.0 and later.
type ephemeralStorage struct{ Utilized, Reserved float64 }

// stats is one container's Docker statistics. precpu_stats is not read: it is
// that of whoever asked before, and empty at first.
type stats struct {
	Read time.Time `json:"read"`
	CPU  struct {
		Usage struct {
			Total *float64 `json:"total_usage"` // ns; percpu_usage is missing on cgroup v2
		} `json:"cpu_usage"`
		Online     float64 `json:"online_cpus"`
		Throttling struct {
			Periods   float64 `json:"periods"`
			Throttled float64 `json:"throttled_periods"`
		} `json:"throttling_data"`
	} `json:"cpu_stats"`
	Memory struct {
		Usage *float64 `json:"usage"`
		Limit float64  `json:"limit"`
		Stats struct {
			InactiveFile      *float64 `json:"inactive_file"`       // cgroup v2, and v1's own level
			TotalInactiveFile *float64 `json:"total_inactive_file"` // cgroup v1
		} `json:"stats"`
	} `json:"memory_stats"`
	Block struct {
		Bytes []blockEntry `json:"io_service_bytes_recursive"` // may be null
	} `json:"blkio_stats"`
	Networks map[string]interfaceStats `json:"networks"` // missing in host mode
	Rates    *networkRates             `json:"network_rate_stats"`
}

type blockEntry struct {
	Op    string  `json:"op"`
	Value float64 `json:"value"`
}

type interfaceStats struct {
	RxBytes float64 `json:"rx_bytes"`
	TxBytes float64 `json:"tx_bytes"`
}

type networkRates struct {
	Rx *float64 `json:"rx_bytes_per_sec"`
	Tx *float64 `json:"tx_bytes_per_sec"`
}

// decodeTask reads the answer of /task.
func decodeTask(b []byte) (*task, error) {
	var t task
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("read the answer of /task: %w", err)
	}
	return &t, nil
}

// decodeStats reads the answer of /task/stats. A container that does not run
// has a nil value; one whose statistics are not what they should be is left out
// and named in the error, the others are good.
func decodeStats(b []byte) (map[string]*stats, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("read the answer of /task/stats: %w", err)
	}
	out := make(map[string]*stats, len(all))
	var bad error
	for id, raw := range all {
		var s *stats
		if err := json.Unmarshal(raw, &s); err != nil {
			bad = fmt.Errorf("read the statistics of container %q: %w", id, err)
			continue
		}
		out[id] = s
	}
	return out, bad
}

// workingSet is the memory in use without the file cache that can be dropped at
// once, as the kubelet and the ECS agent count it. Version 1 of control groups
// has two numbers, of which total_ has the group's children in it.
func (s *stats) workingSet() (float64, bool) {
	if s.Memory.Usage == nil {
		return 0, false
	}
	var cache float64
	switch m := &s.Memory.Stats; {
	case m.TotalInactiveFile != nil:
		cache = *m.TotalInactiveFile
	case m.InactiveFile != nil:
		cache = *m.InactiveFile
	}
	return max(0, *s.Memory.Usage-cache), true
}

// blockBytes adds up reads and writes of every device. Version 1 spells the
// operations Read and Write, version 2 read and write.
func (s *stats) blockBytes() (read, written float64, ok bool) {
	for _, e := range s.Block.Bytes {
		switch {
		case strings.EqualFold(e.Op, "read"):
			read, ok = read+e.Value, true
		case strings.EqualFold(e.Op, "write"):
			written, ok = written+e.Value, true
		}
	}
	return read, written, ok
}

// networkBytes adds up the interfaces' counters.
func (s *stats) networkBytes() (rx, tx float64, ok bool) {
	for _, n := range s.Networks {
		rx, tx = rx+n.RxBytes, tx+n.TxBytes
	}
	return rx, tx, len(s.Networks) > 0
}

// last is what follows the last slash: an ARN's name.
func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
