package norm

import (
	"encoding/json"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// dashboard compares documents by what they say: the order of keys and the space
// between them mean nothing.
func dashboard(f Form, d *ir.Dashboard) {
	var doc any
	if err := json.Unmarshal(d.DashboardBody, &doc); err != nil {
		doc = string(d.DashboardBody)
	}
	f["DashboardBody"] = doc
}
