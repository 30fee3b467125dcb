package live

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// queries is the store of saved queries. They have no tags: the mark is the last
// line of the text, a comment. The ARN of a query is its id, as Logs gives it.
type queries struct{ api *pace.LogsClient }

// Find implements Store. Logs allows several queries of one name; the one that
// has a mark counts first.
func (q *queries) Find(ctx context.Context, names []string) (map[string]*Resource, error) {
	found := map[string]*Resource{}
	for _, name := range names {
		err := q.describe(ctx, name, func(r *Resource) {
			old := found[name]
			if r.Key.Name == name && (old == nil || old.Tags == nil && r.Tags != nil) {
				found[name] = r
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Owned implements Store.
func (q *queries) Owned(ctx context.Context, s *ir.Stack) ([]string, error) {
	var names []string
	err := q.describe(ctx, s.ID()+"/", func(r *Resource) { names = append(names, r.Key.Name) })
	return names, err
}

func (q *queries) describe(ctx context.Context, prefix string, each func(*Resource)) error {
	in := &logs.DescribeQueryDefinitionsInput{QueryDefinitionNamePrefix: &prefix}
	for {
		out, err := q.api.DescribeQueryDefinitions(ctx, in)
		if err != nil {
			return fmt.Errorf("describe saved queries: %w", err)
		}
		for _, d := range out.QueryDefinitions {
			text, mark := splitMark(aws.ToString(d.QueryString))
			each(&Resource{
				Key: ir.Key{Kind: ir.QueryKind, Name: aws.ToString(d.Name)}, ARN: aws.ToString(d.QueryDefinitionId), Tags: mark,
				Body: &ir.Query{QueryString: text, LogGroupNames: d.LogGroupNames, QueryLanguage: string(d.QueryLanguage)},
			})
		}
		if aws.ToString(out.NextToken) == "" {
			return nil
		}
		in.NextToken = out.NextToken
	}
}

// markHead begins the line of a mark.
const markHead = "# managed by sidelight:"

// MarkLine returns a mark as the last line of a query's text.
func MarkLine(tags map[string]string) string {
	var b strings.Builder
	b.WriteString(markHead)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		fmt.Fprintf(&b, " %s=%s", strings.TrimPrefix(key, "sidelight:"), tags[key])
	}
	return b.String()
}

// splitMark is the inverse: it parts a text from its mark, nil if it has none.
func splitMark(text string) (string, map[string]string) {
	at := strings.LastIndexByte(text, '\n') + 1
	rest, ok := strings.CutPrefix(text[at:], markHead)
	if !ok {
		return text, nil
	}
	tags := map[string]string{}
	for _, word := range strings.Fields(rest) {
		if key, value, ok := strings.Cut(word, "="); ok {
			tags["sidelight:"+key] = value
		}
	}
	if _, ok := norm.ReadMark(tags); !ok {
		return text, nil
	}
	return strings.TrimSuffix(text[:at], "\n"), tags
}

// Put implements Store. The tags are written with the text.
func (q *queries) Put(ctx context.Context, r *ir.Resource, tags map[string]string, old *Resource) error {
	b, ok := r.Body.(*ir.Query)
	if !ok {
		return fmt.Errorf("put saved query %q: it is a %s", r.Name, r.Kind().Words())
	}
	in := &logs.PutQueryDefinitionInput{
		Name: &r.Name, LogGroupNames: b.LogGroupNames, QueryLanguage: types.QueryLanguage(b.QueryLanguage),
		QueryString: aws.String(strings.TrimRight(b.QueryString, " \n") + "\n" + MarkLine(tags)),
	}
	if old != nil {
		in.QueryDefinitionId = &old.ARN
	}
	if _, err := q.api.PutQueryDefinition(ctx, in); err != nil {
		return fmt.Errorf("put saved query: %w", err)
	}
	return nil
}

// Delete implements Store.
func (q *queries) Delete(ctx context.Context, rs []*Resource) error {
	for _, r := range rs {
		if _, err := q.api.DeleteQueryDefinition(ctx, &logs.DeleteQueryDefinitionInput{QueryDefinitionId: &r.ARN}); err != nil && !notFound(err) {
			return fmt.Errorf("delete saved query: %w", err)
		}
	}
	return nil
}
