package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// Limits of dashboards.
const (
	maxDashboardName = 255
	maxWidgets       = 500
	maxListedBoards  = 1000
)

var dashboardName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)

// dashboard is stored as it was put. Dashboards belong to the account, not to a
// region.
type dashboard struct {
	body     string
	modified time.Time
	tags     map[string]string
}

// PutDashboard stores a dashboard if its body is valid.
func (s *Service) PutDashboard(ctx context.Context, in *cloudwatch.PutDashboardInput) (*cloudwatch.PutDashboardOutput, error) {
	name := aws.ToString(in.DashboardName)
	if !dashboardName.MatchString(name) {
		return nil, invalidDashboard([]types.DashboardValidationMessage{{
			Message: aws.String(fmt.Sprintf("The value %s for field DashboardName contains invalid characters or is longer than %d", name, maxDashboardName)),
		}})
	}
	if problems := checkDashboard(aws.ToString(in.DashboardBody)); len(problems) > 0 {
		return nil, invalidDashboard(problems)
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	account := api.CallerOf(ctx).Account
	s.mu.Lock()
	defer s.mu.Unlock()
	boards := s.dashboards[account]
	if boards == nil {
		boards = make(map[string]*dashboard)
		s.dashboards[account] = boards
	}
	tags := tagMap(in.Tags)
	if old := boards[name]; old != nil {
		tags = old.tags // tags count only at creation
	}
	boards[name] = &dashboard{body: *in.DashboardBody, modified: s.opts.Clock.Now().UTC(), tags: tags}
	return &cloudwatch.PutDashboardOutput{DashboardValidationMessages: []types.DashboardValidationMessage{}}, nil
}

func invalidDashboard(problems []types.DashboardValidationMessage) error {
	members := make([]map[string]any, len(problems))
	for i, p := range problems {
		members[i] = map[string]any{"DataPath": aws.ToString(p.DataPath), "Message": aws.ToString(p.Message)}
	}
	return &api.Error{
		Shape: "DashboardInvalidInputError", QueryCode: "InvalidParameterInput", Status: http.StatusBadRequest,
		Message: fmt.Sprintf("The field DashboardBody must be a valid JSON object: %d validation errors", len(problems)),
		Members: map[string]any{"dashboardValidationMessages": members},
	}
}

// widget is the part of a dashboard body that is checked.
type widget struct {
	Type          string          `json:"type"`
	X             *float64        `json:"x"`
	Y             *float64        `json:"y"`
	Width, Height *float64        // case does not matter to encoding/json
	Properties    json.RawMessage `json:"properties"`
}

// checkDashboard checks the frame of a body: its widgets, their kinds and places.
func checkDashboard(body string) []types.DashboardValidationMessage {
	var problems []types.DashboardValidationMessage
	bad := func(path, format string, args ...any) {
		problems = append(problems, types.DashboardValidationMessage{DataPath: aws.String(path), Message: aws.String(fmt.Sprintf(format, args...))})
	}
	var doc struct {
		Widgets        *[]widget `json:"widgets"`
		PeriodOverride *string   `json:"periodOverride"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		bad("", "The dashboard body is not valid: %v", err)
		return problems
	}
	if doc.PeriodOverride != nil && *doc.PeriodOverride != "auto" && *doc.PeriodOverride != "inherit" {
		bad("/periodOverride", "Should be auto or inherit")
	}
	if doc.Widgets == nil {
		bad("", "Should have required property 'widgets'")
		return problems
	}
	if len(*doc.Widgets) > maxWidgets {
		bad("/widgets", "Should NOT have more than %d items", maxWidgets)
	}
	for i, w := range *doc.Widgets {
		w.check(fmt.Sprintf("/widgets/%d", i), bad)
	}
	return problems
}

func (w *widget) check(path string, bad func(path, format string, args ...any)) {
	switch w.Type {
	case "metric", "text", "log", "alarm", "explorer", "custom":
	case "":
		bad(path, "Should have required property 'type'")
	default:
		bad(path+"/type", "Should be one of metric, text, log, alarm, explorer, custom")
	}
	if (w.X == nil) != (w.Y == nil) {
		bad(path, "Should have both x and y or neither")
	}
	within := func(name string, v *float64, least, most float64) {
		if v != nil && !(*v >= least && *v <= most) {
			bad(path+"/"+name, "Should be between %v and %v", least, most)
		}
	}
	within("x", w.X, 0, 23)
	within("y", w.Y, 0, 1e9)
	within("width", w.Width, 1, 24)
	within("height", w.Height, 1, 1000)
	if len(w.Properties) == 0 || w.Properties[0] != '{' {
		bad(path, "Should have required property 'properties'")
	}
}

func dashboardNotFound(name string) error {
	return &api.Error{
		Shape: "DashboardNotFoundError", QueryCode: "ResourceNotFound", Status: http.StatusNotFound,
		Message: "Dashboard " + name + " does not exist",
	}
}

// GetDashboard returns a dashboard's body as it was put.
func (s *Service) GetDashboard(ctx context.Context, in *cloudwatch.GetDashboardInput) (*cloudwatch.GetDashboardOutput, error) {
	account := api.CallerOf(ctx).Account
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dashboards[account][aws.ToString(in.DashboardName)]
	if d == nil {
		return nil, dashboardNotFound(aws.ToString(in.DashboardName))
	}
	return &cloudwatch.GetDashboardOutput{
		DashboardArn: aws.String(dashboardARN(account, *in.DashboardName)), DashboardName: in.DashboardName, DashboardBody: aws.String(d.body),
	}, nil
}

// ListDashboards lists dashboards by name.
func (s *Service) ListDashboards(ctx context.Context, in *cloudwatch.ListDashboardsInput) (*cloudwatch.ListDashboardsOutput, error) {
	after, err := listToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	account := api.CallerOf(ctx).Account
	out := &cloudwatch.ListDashboardsOutput{DashboardEntries: []types.DashboardEntry{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.dashboards[account]))
	for _, name := range names[sort.SearchStrings(names, after+"\x00"):] {
		if !strings.HasPrefix(name, aws.ToString(in.DashboardNamePrefix)) {
			continue
		}
		if len(out.DashboardEntries) == maxListedBoards {
			out.NextToken = encodeToken(*out.DashboardEntries[maxListedBoards-1].DashboardName)
			break
		}
		d := s.dashboards[account][name]
		out.DashboardEntries = append(out.DashboardEntries, types.DashboardEntry{
			DashboardName: aws.String(name), DashboardArn: aws.String(dashboardARN(account, name)),
			LastModified: aws.Time(d.modified), Size: aws.Int64(int64(len(d.body))),
		})
	}
	return out, nil
}

// DeleteDashboards deletes dashboards, all or none.
func (s *Service) DeleteDashboards(ctx context.Context, in *cloudwatch.DeleteDashboardsInput) (*cloudwatch.DeleteDashboardsOutput, error) {
	if len(in.DashboardNames) == 0 {
		return nil, missing("The parameter DashboardNames is required.")
	}
	account := api.CallerOf(ctx).Account
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range in.DashboardNames {
		if s.dashboards[account][name] == nil {
			return nil, dashboardNotFound(name)
		}
	}
	for _, name := range in.DashboardNames {
		delete(s.dashboards[account], name)
	}
	return &cloudwatch.DeleteDashboardsOutput{}, nil
}
