package ir

// MetricAlarm holds the fields of PutMetricAlarm except AlarmName and Tags,
// under the names and with the meaning that the API gives them. The zero value
// of a field means that it is not sent, but for the pointers, where nil does.
//
// Source: the CloudWatch API reference, PutMetricAlarm.
type MetricAlarm struct {
	AlarmDescription                 string               `json:",omitempty"`
	ActionsEnabled                   *bool                `json:",omitempty"`
	AlarmActions                     []string             `json:",omitempty"`
	OKActions                        []string             `json:",omitempty"`
	InsufficientDataActions          []string             `json:",omitempty"`
	Namespace                        string               `json:",omitempty"`
	MetricName                       string               `json:",omitempty"`
	Dimensions                       []Dimension          `json:",omitempty"`
	Statistic                        string               `json:",omitempty"`
	ExtendedStatistic                string               `json:",omitempty"`
	Period                           int32                `json:",omitempty"`
	Unit                             string               `json:",omitempty"`
	Metrics                          []MetricQuery        `json:",omitempty"`
	ComparisonOperator               string               `json:",omitempty"`
	Threshold                        *float64             `json:",omitempty"`
	ThresholdMetricId                string               `json:",omitempty"` // the API's own spelling
	EvaluationPeriods                int32                `json:",omitempty"`
	DatapointsToAlarm                int32                `json:",omitempty"`
	TreatMissingData                 string               `json:",omitempty"`
	EvaluateLowSampleCountPercentile string               `json:",omitempty"`
	EvaluationWindow                 *EvaluationWindow    `json:",omitempty"`
	WarmUpConfiguration              *WarmUp              `json:",omitempty"`
	ActionConfiguration              *ActionConfiguration `json:",omitempty"`
	EvaluationCriteria               *EvaluationCriteria  `json:",omitempty"`
	EvaluationInterval               int32                `json:",omitempty"`
}

// Kind implements Body.
func (*MetricAlarm) Kind() Kind { return MetricAlarmKind }

// Dimension is a name and a value.
type Dimension struct {
	Name  string
	Value string
}

// MetricQuery is MetricDataQuery.
type MetricQuery struct {
	Id         string      // the API's own spelling
	AccountId  string      `json:",omitempty"` // the API's own spelling
	Expression string      `json:",omitempty"`
	Label      string      `json:",omitempty"`
	MetricStat *MetricStat `json:",omitempty"`
	Period     int32       `json:",omitempty"`
	ReturnData *bool       `json:",omitempty"`
}

// MetricStat is one metric and how it is summed up.
type MetricStat struct {
	Metric Metric
	Period int32
	Stat   string
	Unit   string `json:",omitempty"`
}

// Metric identifies a series.
type Metric struct {
	Namespace  string
	MetricName string
	Dimensions []Dimension `json:",omitempty"`
}

// EvaluationWindow is a union in the API: at most one member is set. Neither,
// or SlidingWindow, means a sliding window.
type EvaluationWindow struct {
	SlidingWindow   *SlidingWindow   `json:",omitempty"`
	WallClockWindow *WallClockWindow `json:",omitempty"`
}

// SlidingWindow has no settings.
type SlidingWindow struct{}

// WallClockWindow aligns periods to the clock of a time zone.
type WallClockWindow struct {
	Timezone string `json:",omitempty"`
}

// WarmUp delays the evaluation of a new alarm.
type WarmUp struct {
	WarmUpPeriodDurationInMinutes            int32
	OnlyStartEvaluatingAfterWarmUpPeriodEnds *bool `json:",omitempty"`
}

// ActionConfiguration says which of the alarm's tags go into notifications.
type ActionConfiguration struct {
	AlarmTagsPropagation *TagsPropagation `json:",omitempty"`
}

// TagsPropagation names tag keys; at most one of the lists is given.
type TagsPropagation struct {
	Enabled         *bool    `json:",omitempty"`
	IncludedTagKeys []string `json:",omitempty"`
	ExcludedTagKeys []string `json:",omitempty"`
}

// EvaluationCriteria is a union in the API with one member.
type EvaluationCriteria struct {
	PromQLCriteria *PromQL `json:",omitempty"`
}

// PromQL is an alarm's query in that language; the periods are in seconds.
type PromQL struct {
	Query          string
	PendingPeriod  *int32 `json:",omitempty"`
	RecoveryPeriod *int32 `json:",omitempty"`
}
