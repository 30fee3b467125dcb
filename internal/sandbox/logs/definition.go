package logs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of saved queries (SDK: PutQueryDefinition; guide).
const (
	maxDefinitions     = 1000
	maxQueryString     = 10000
	maxDefinitionName  = 255
	maxDescribeQueries = 1000
)

// definition is a saved query. It does not change; a Put replaces it.
type definition struct {
	types.QueryDefinition
	token string // the client's, for Puts that are tried again
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func queryStringRule(least int) *textRule {
	return &textRule{"queryString", least, maxQueryString, nil}
}

func (s *Service) putQueryDefinition(ctx context.Context, in *cwl.PutQueryDefinitionInput) (*cwl.PutQueryDefinitionOutput, error) {
	if err := checkDefinition(in); err != nil {
		return nil, err
	}
	d := &definition{token: text(in.ClientToken), QueryDefinition: types.QueryDefinition{
		Name: in.Name, QueryString: in.QueryString, LogGroupNames: slices.Clone(in.LogGroupNames), Parameters: slices.Clone(in.Parameters),
		QueryDefinitionId: in.QueryDefinitionId, QueryLanguage: in.QueryLanguage, LastModified: aws.Int64(s.now()),
	}}
	if d.QueryLanguage == "" {
		d.QueryLanguage = types.QueryLanguageCwli
	}
	region := api.CallerOf(ctx).Region
	s.mu.Lock()
	defer s.mu.Unlock()
	defs := s.defs[region]
	if defs == nil {
		defs = make(map[string]*definition)
		s.defs[region] = defs
	}
	id, err := place(defs, d)
	if err != nil {
		return nil, err
	}
	d.QueryDefinitionId = &id
	defs[id] = d
	return &cwl.PutQueryDefinitionOutput{QueryDefinitionId: &id}, nil
}

// place is the id under which a definition goes: its own, that of the same
// request tried before, or a new one.
func place(defs map[string]*definition, d *definition) (string, error) {
	if d.QueryDefinitionId != nil {
		if defs[*d.QueryDefinitionId] == nil {
			return "", notFound("query definition")
		}
		return *d.QueryDefinitionId, nil
	}
	for id, old := range defs {
		if d.token != "" && old.token == d.token {
			return id, nil
		}
	}
	if len(defs) >= maxDefinitions {
		return "", api.Errorf("LimitExceededException", "Resource limit exceeded: there can be no more than %d query definitions.", maxDefinitions)
	}
	return newUUID(), nil
}

func checkDefinition(in *cwl.PutQueryDefinitionInput) error {
	if err := firstError((&textRule{"name", 1, maxDefinitionName, nil}).check(in.Name), queryStringRule(1).check(in.QueryString)); err != nil {
		return err
	}
	if in.QueryLanguage != "" && !slices.Contains(in.QueryLanguage.Values(), in.QueryLanguage) {
		return constraint(in.QueryLanguage, "queryLanguage", "satisfy enum value set: [CWLI, SQL, PPL]")
	}
	for _, n := range in.LogGroupNames {
		if e := groupNameRule().check(&n); e != nil {
			return e
		}
	}
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	for _, p := range in.Parameters {
		if !name.MatchString(text(p.Name)) {
			return constraint(text(p.Name), "parameters", "have names that satisfy regular expression pattern: "+name.String())
		}
	}
	return nil
}

func (s *Service) describeQueryDefinitions(ctx context.Context, in *cwl.DescribeQueryDefinitionsInput) (*cwl.DescribeQueryDefinitionsOutput, error) {
	limit, err := limitOf("maxResults", in.MaxResults, maxDescribeQueries, maxDescribeQueries)
	if err != nil {
		return nil, err
	}
	all := []types.QueryDefinition{}
	s.mu.RLock()
	for _, d := range s.defs[api.CallerOf(ctx).Region] {
		if strings.HasPrefix(*d.Name, text(in.QueryDefinitionNamePrefix)) && (in.QueryLanguage == "" || in.QueryLanguage == d.QueryLanguage) {
			all = append(all, d.QueryDefinition)
		}
	}
	s.mu.RUnlock()
	key := func(d types.QueryDefinition) string { return *d.Name + "\n" + *d.QueryDefinitionId }
	order.By(all, func(a, b types.QueryDefinition) int { return strings.Compare(key(a), key(b)) })
	all, next, err := page(all, in.NextToken, limit, key)
	if err != nil {
		return nil, err
	}
	return &cwl.DescribeQueryDefinitionsOutput{QueryDefinitions: all, NextToken: next}, nil
}

func (s *Service) deleteQueryDefinition(ctx context.Context, in *cwl.DeleteQueryDefinitionInput) (*cwl.DeleteQueryDefinitionOutput, error) {
	if in.QueryDefinitionId == nil {
		return nil, missing("queryDefinitionId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defs := s.defs[api.CallerOf(ctx).Region]
	if defs[*in.QueryDefinitionId] == nil {
		return nil, notFound("query definition")
	}
	delete(defs, *in.QueryDefinitionId)
	return &cwl.DeleteQueryDefinitionOutput{Success: true}, nil
}
