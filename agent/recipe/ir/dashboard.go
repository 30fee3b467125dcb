package ir

import "encoding/json"

// Dashboard holds the body of a dashboard, a JSON document.
//
// Source: the CloudWatch API reference, PutDashboard and "Dashboard Body
// Structure and Syntax".
type Dashboard struct {
	DashboardBody json.RawMessage
}

// Kind implements Body.
func (*Dashboard) Kind() Kind { return DashboardKind }
