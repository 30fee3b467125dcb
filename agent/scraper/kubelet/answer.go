package kubelet

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// summary is the answer of /stats/summary. All numbers are optional: a pointer
// tells what was not said from zero.
type summary struct {
	Node struct {
		Name string `json:"nodeName"`
		usage
	} `json:"node"`
	Pods []podStats `json:"pods"`
}

type usage struct {
	Start   time.Time `json:"startTime"`
	CPU     *cpu      `json:"cpu"`
	Memory  *memory   `json:"memory"`
	Network *network  `json:"network"`
	FS      *fs       `json:"fs"`
}

type cpu struct {
	Time  time.Time `json:"time"`
	Nano  *float64  `json:"usageNanoCores"`       // now; 1e9 is a core
	Total *float64  `json:"usageCoreNanoSeconds"` // since the start
}

type memory struct {
	Available  *float64 `json:"availableBytes"`
	Usage      *float64 `json:"usageBytes"`
	WorkingSet *float64 `json:"workingSetBytes"`
	RSS        *float64 `json:"rssBytes"`
}

type network struct {
	Time     time.Time `json:"time"`
	Rx       *float64  `json:"rxBytes"`
	Tx       *float64  `json:"txBytes"`
	RxErrors *float64  `json:"rxErrors"`
	TxErrors *float64  `json:"txErrors"`
}

type fs struct {
	Available  *float64 `json:"availableBytes"`
	Capacity   *float64 `json:"capacityBytes"`
	Used       *float64 `json:"usedBytes"`
	Inodes     *float64 `json:"inodes"`
	InodesUsed *float64 `json:"inodesUsed"`
}

type podStats struct {
	Ref struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		UID       string `json:"uid"`
	} `json:"podRef"`
	usage
	Containers []struct {
		Name string `json:"name"`
		usage
		Rootfs *fs `json:"rootfs"`
	} `json:"containers"`
	Volumes []struct {
		Name string `json:"name"`
		fs
		Claim *struct {
			Name      string `json:"name"`
			Namespace string `json:"namespace"`
		} `json:"pvcRef"`
	} `json:"volume"`
	Ephemeral *fs `json:"ephemeral-storage"`
}

func decodeSummary(b []byte) (*summary, error) {
	var s summary
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("read the answer of /stats/summary: %w", err)
	}
	return &s, nil
}

// podList is the answer of /pods: what the pods were promised.
type podList struct {
	Items []pod `json:"items"`
}

type pod struct {
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
		Owners    []struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		Containers []containerSpec `json:"containers"`
		Init       []containerSpec `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase      string            `json:"phase"`
		Containers []containerStatus `json:"containerStatuses"`
		Init       []containerStatus `json:"initContainerStatuses"`
	} `json:"status"`
}

type containerSpec struct {
	Name          string `json:"name"`
	RestartPolicy string `json:"restartPolicy"` // Always: a sidecar
	Resources     struct {
		Limits   amounts `json:"limits"`
		Requests amounts `json:"requests"`
	} `json:"resources"`
}

type amounts struct {
	CPU    quantity `json:"cpu"`
	Memory quantity `json:"memory"`
}

type containerStatus struct {
	Name     string  `json:"name"`
	Restarts float64 `json:"restartCount"`
	Ready    bool    `json:"ready"`
	State    struct {
		Running *struct{} `json:"running"`
	} `json:"state"`
}

func decodePods(b []byte) (*podList, error) {
	var p podList
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("read the answer of /pods: %w", err)
	}
	return &p, nil
}

// quantity is an amount as Kubernetes writes it: 100m, 1.5, 128Mi, 1e3.
type quantity struct {
	v  float64
	ok bool
}

// UnmarshalJSON takes a string or a number. What is none of them counts as not
// said: one pod's nonsense does not hide the others.
func (q *quantity) UnmarshalJSON(b []byte) error {
	v, err := parseQuantity(strings.Trim(string(b), `"`))
	*q = quantity{v, err == nil}
	return nil
}

func parseQuantity(s string) (float64, error) {
	i := len(s)
	for i > 0 && !(s[i-1] >= '0' && s[i-1] <= '9' || s[i-1] == '.') {
		i--
	}
	scale, ok := suffix(s[i:])
	v, err := strconv.ParseFloat(s[:i], 64)
	if !ok || err != nil || v < 0 || math.IsNaN(v*scale) || math.IsInf(v*scale, 0) {
		return 0, errors.New("not a quantity")
	}
	return v * scale, nil
}

func suffix(s string) (float64, bool) {
	switch s {
	case "":
		return 1, true
	case "n":
		return 1e-9, true
	case "u":
		return 1e-6, true
	case "m":
		return 1e-3, true
	}
	for i, c := range "kMGTPE" {
		switch {
		case s == string(c):
			return math.Pow(1000, float64(i+1)), true
		case s == string(c)+"i" && c != 'k', s == "Ki" && c == 'k':
			return math.Pow(1024, float64(i+1)), true
		}
	}
	return 0, false
}

// workload is the name of what the pod is one of: without the hash of a replica
// set, and without the time of a scheduled job.
func (p *pod) workload() string {
	if len(p.Metadata.Owners) == 0 {
		return p.Metadata.Name
	}
	o := p.Metadata.Owners[0]
	switch o.Kind {
	case "ReplicaSet":
		if hash := p.Metadata.Labels["pod-template-hash"]; hash != "" {
			return strings.TrimSuffix(o.Name, "-"+hash)
		}
	case "Job":
		if i := strings.LastIndexByte(o.Name, '-'); i > 0 && len(o.Name)-i > 8 && strings.Trim(o.Name[i+1:], "0123456789") == "" {
			return o.Name[:i]
		}
	case "Node": // a static pod
		return p.Metadata.Name
	}
	return o.Name
}
