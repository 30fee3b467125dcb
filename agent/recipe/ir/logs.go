package ir

// MetricFilter holds the fields of a metric filter with its one transformation.
//
// Source: the CloudWatch Logs API reference, PutMetricFilter.
type MetricFilter struct {
	LogGroupName           string
	FilterName             string
	FilterPattern          string
	MetricNamespace        string
	MetricName             string
	MetricValue            string
	DefaultValue           *float64          `json:",omitempty"`
	Dimensions             map[string]string `json:",omitempty"`
	Unit                   string            `json:",omitempty"`
	ApplyOnTransformedLogs bool              `json:",omitempty"`
}

// Kind implements Body.
func (*MetricFilter) Kind() Kind { return MetricFilterKind }

// Query holds the fields of a saved query.
//
// Source: the CloudWatch Logs API reference, PutQueryDefinition.
type Query struct {
	QueryString   string
	LogGroupNames []string `json:",omitempty"`
	// QueryLanguage is CWLI if it is "".
	QueryLanguage string `json:",omitempty"`
}

// Kind implements Body.
func (*Query) Kind() Kind { return QueryKind }
