package ir

// XRayGroup holds the fields of a group of traces.
//
// Source: the X-Ray API reference, CreateGroup.
type XRayGroup struct {
	FilterExpression     string
	InsightsEnabled      bool `json:",omitempty"`
	NotificationsEnabled bool `json:",omitempty"`
}

// Kind implements Body.
func (*XRayGroup) Kind() Kind { return XRayGroupKind }

// SamplingRule holds the fields of a sampling rule. A field that is "" matches
// everything.
//
// Source: the X-Ray API reference, SamplingRule.
type SamplingRule struct {
	Priority int32
	// FixedRate is from 0 to 1, ReservoirSize in requests a second.
	FixedRate     float64
	ReservoirSize int32
	ServiceName   string             `json:",omitempty"`
	ServiceType   string             `json:",omitempty"`
	Host          string             `json:",omitempty"`
	HTTPMethod    string             `json:",omitempty"`
	URLPath       string             `json:",omitempty"`
	ResourceARN   string             `json:",omitempty"`
	Attributes    map[string]string  `json:",omitempty"`
	Boost         *SamplingRateBoost `json:",omitempty"`
}

// SamplingRateBoost lets X-Ray raise the rate for a while.
type SamplingRateBoost struct {
	MaxRate               float64
	CooldownWindowMinutes int32
}

// Kind implements Body.
func (*SamplingRule) Kind() Kind { return SamplingRuleKind }
