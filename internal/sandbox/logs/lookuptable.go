package logs

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// maxTableBody bounds the CSV of a lookup table in bytes (SDK:
// CreateLookupTable).
const maxTableBody = 10 << 20

// lookupTable is a lookup table as it was put.
type lookupTable struct {
	Name, ARN, Body  string
	Description, KMS *string
	Updated          int64
}

// table reads the CSV.
func (t *lookupTable) table() (*insights.Table, error) {
	r := csv.NewReader(strings.NewReader(t.Body))
	r.ReuseRecord = false
	rows, err := r.ReadAll()
	if err != nil {
		return nil, invalid("tableBody is no CSV: %v", err)
	}
	if len(rows) == 0 || slices.Contains(rows[0], "") {
		return nil, invalid("tableBody must begin with a row of column names.")
	}
	return &insights.Table{Columns: rows[0], Rows: rows[1:]}, nil
}

func tableNameRule(member string) *textRule {
	return &textRule{member, 1, 256, regexp.MustCompile(`^[A-Za-z0-9_]+$`)}
}

// tableBody is the CSV that a request gives, or makes of a query's results.
func (s *Service) tableBody(ctx context.Context, body, queryID *string) (string, error) {
	if (body == nil) == (queryID == nil) {
		return "", invalid("Exactly one of tableBody and queryId must be given.")
	}
	if queryID != nil {
		q, err := s.query(ctx, queryID)
		if err != nil {
			return "", err
		}
		status, result := q.snapshot()
		if status != types.QueryStatusComplete && status != types.QueryStatusCancelled {
			return "", invalid("The query has not ended: it is %s.", status)
		}
		return csvOf(result.Rows), nil
	}
	if len(*body) > maxTableBody || !utf8.ValidString(*body) {
		return "", invalid("tableBody must be UTF-8 of at most %d bytes.", maxTableBody)
	}
	return *body, nil
}

// csvOf is the results of a query with a header, without @ptr.
func csvOf(rows [][]insights.Field) string {
	var names []string
	for _, row := range rows {
		for _, f := range row {
			if f.Field != "@ptr" && !slices.Contains(names, f.Field) {
				names = append(names, f.Field)
			}
		}
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(names) // to memory
	for _, row := range rows {
		cells := make([]string, len(names))
		for _, f := range row {
			if i := slices.Index(names, f.Field); i >= 0 {
				cells[i] = f.Value
			}
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.String()
}

func (s *Service) createLookupTable(ctx context.Context, in *cwl.CreateLookupTableInput) (*cwl.CreateLookupTableOutput, error) {
	if err := firstError(tableNameRule("lookupTableName").check(in.LookupTableName), (&textRule{"description", 0, 1024, nil}).checkOptional(in.Description)); err != nil {
		return nil, err
	}
	if _, _, err := s.shelved(ctx, kindTable, "", in.LookupTableName); err == nil {
		return nil, exists("lookup table")
	}
	body, err := s.tableBody(ctx, in.TableBody, in.QueryId)
	if err != nil {
		return nil, err
	}
	t := &lookupTable{
		Name: *in.LookupTableName, ARN: resourceARN(ctx, kindTable, *in.LookupTableName), Body: body,
		Description: in.Description, KMS: in.KmsKeyId, Updated: s.now(),
	}
	if _, err := t.table(); err != nil {
		return nil, err
	}
	if err := s.shelve(ctx, kindTable, t.Name, t, in.Tags); err != nil {
		return nil, err
	}
	return &cwl.CreateLookupTableOutput{CreatedAt: &t.Updated, LookupTableArn: &t.ARN}, nil
}

func (s *Service) updateLookupTable(ctx context.Context, in *cwl.UpdateLookupTableInput) (*cwl.UpdateLookupTableOutput, error) {
	r, name, err := s.shelved(ctx, kindTable, "lookupTableArn", in.LookupTableArn)
	if err != nil {
		return nil, err
	}
	t := *r.value.(*lookupTable)
	if t.Body, err = s.tableBody(ctx, in.TableBody, in.QueryId); err != nil {
		return nil, err
	}
	if in.Description != nil {
		t.Description = in.Description
	}
	if in.KmsKeyId != nil {
		t.KMS = in.KmsKeyId
		if *in.KmsKeyId == "" {
			t.KMS = nil
		}
	}
	t.Updated = s.now()
	if _, err := t.table(); err != nil {
		return nil, err
	}
	return &cwl.UpdateLookupTableOutput{LastUpdatedTime: &t.Updated, LookupTableArn: &t.ARN}, s.shelve(ctx, kindTable, name, &t, nil)
}

func (s *Service) getLookupTable(ctx context.Context, in *cwl.GetLookupTableInput) (*cwl.GetLookupTableOutput, error) {
	r, _, err := s.shelved(ctx, kindTable, "lookupTableArn", in.LookupTableArn)
	if err != nil {
		return nil, err
	}
	t := r.value.(*lookupTable)
	return &cwl.GetLookupTableOutput{
		Description: t.Description, KmsKeyId: t.KMS, LastUpdatedTime: &t.Updated, LookupTableArn: &t.ARN, LookupTableName: &t.Name,
		SizeBytes: aws.Int64(int64(len(t.Body))), TableBody: &t.Body,
	}, nil
}

func (s *Service) describeLookupTables(ctx context.Context, in *cwl.DescribeLookupTablesInput) (*cwl.DescribeLookupTablesOutput, error) {
	limit := 50
	if in.MaxResults != 0 {
		var err error
		if limit, err = limitOf("maxResults", &in.MaxResults, 50, 100); err != nil {
			return nil, err
		}
	}
	found, next, err := s.shelfNames(ctx, kindTable, in.NextToken, limit, func(r *resource) bool {
		return strings.HasPrefix(r.value.(*lookupTable).Name, text(in.LookupTableNamePrefix))
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeLookupTablesOutput{NextToken: next, LookupTables: []types.LookupTable{}}
	for _, r := range found {
		t := r.value.(*lookupTable)
		table, err := t.table()
		if err != nil {
			return nil, err
		}
		out.LookupTables = append(out.LookupTables, types.LookupTable{
			Description: t.Description, KmsKeyId: t.KMS, LastUpdatedTime: &t.Updated, LookupTableArn: &t.ARN, LookupTableName: &t.Name,
			RecordsCount: aws.Int64(int64(len(table.Rows))), SizeBytes: aws.Int64(int64(len(t.Body))), TableFields: table.Columns,
		})
	}
	return out, nil
}

func (s *Service) deleteLookupTable(ctx context.Context, in *cwl.DeleteLookupTableInput) (*cwl.DeleteLookupTableOutput, error) {
	return &cwl.DeleteLookupTableOutput{}, s.unshelve(ctx, kindTable, "lookupTableArn", in.LookupTableArn)
}

// lookupTables reads the tables that a query names. Those that are not there
// are left for the engine to refuse, which knows where they are named.
func (s *Service) lookupTables(ctx context.Context, q *insights.Query) (map[string]*insights.Table, error) {
	tables := make(map[string]*insights.Table)
	for _, name := range q.Tables() {
		s.mu.RLock()
		r := s.shelf[shelfKey{api.CallerOf(ctx).Region, kindTable, name}]
		s.mu.RUnlock()
		if r == nil {
			continue
		}
		t, err := r.value.(*lookupTable).table()
		if err != nil {
			return nil, fmt.Errorf("read lookup table %s: %w", name, err)
		}
		tables[name] = t
	}
	return tables, q.CheckTables(tables)
}
