package tagging

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

type fixed []api.Resource

func (f fixed) Resources(context.Context) []api.Resource { return f }

func TestGetResources(t *testing.T) {
	s := New([]Source{
		fixed{{ARN: "arn:aws:logs:us-east-1:1:log-group:/a", Tags: map[string]string{"team": "x", "env": "p"}}},
		fixed{
			{ARN: "arn:aws:cloudwatch:us-east-1:1:alarm:a", Tags: map[string]string{"team": "y"}},
			{ARN: "arn:aws:cloudwatch::1:dashboard/d", Tags: map[string]string{"team": "x"}},
			{ARN: "arn:aws:cloudwatch:us-east-1:1:alarm:bare"},
		},
	})
	for name, tc := range map[string]struct {
		in   GetResourcesInput
		want []string
	}{
		"all":   {GetResourcesInput{}, []string{"arn:aws:cloudwatch::1:dashboard/d", "arn:aws:cloudwatch:us-east-1:1:alarm:a", "arn:aws:logs:us-east-1:1:log-group:/a"}},
		"tag":   {GetResourcesInput{TagFilters: []TagFilter{{Key: new("team"), Values: []string{"x"}}}}, []string{"arn:aws:cloudwatch::1:dashboard/d", "arn:aws:logs:us-east-1:1:log-group:/a"}},
		"both":  {GetResourcesInput{TagFilters: []TagFilter{{Key: new("team")}, {Key: new("env")}}}, []string{"arn:aws:logs:us-east-1:1:log-group:/a"}},
		"type":  {GetResourcesInput{ResourceTypeFilters: []string{"cloudwatch:alarm"}}, []string{"arn:aws:cloudwatch:us-east-1:1:alarm:a"}},
		"named": {GetResourcesInput{ResourceARNList: []string{"arn:aws:cloudwatch:us-east-1:1:alarm:bare"}}, []string{"arn:aws:cloudwatch:us-east-1:1:alarm:bare"}},
		"none":  {GetResourcesInput{ResourceTypeFilters: []string{"ec2"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := s.getResources(t.Context(), &tc.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range out.ResourceTagMappingList {
				got = append(got, *m.ResourceARN)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPages(t *testing.T) {
	var many fixed
	for i := range 250 {
		many = append(many, api.Resource{ARN: fmt.Sprintf("arn:aws:logs:us-east-1:1:log-group:%03d", i), Tags: map[string]string{"a": "b"}})
	}
	s := New([]Source{many})
	var in GetResourcesInput
	n := 0
	for {
		out, err := s.getResources(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		n += len(out.ResourceTagMappingList)
		if *out.PaginationToken == "" {
			break
		}
		in.PaginationToken = out.PaginationToken
	}
	if n != 250 {
		t.Errorf("the pages have %d resources", n)
	}
	if _, err := s.getResources(t.Context(), &GetResourcesInput{PaginationToken: new("?")}); err == nil {
		t.Error("a token that was never given is taken")
	}
}
