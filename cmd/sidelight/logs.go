//go:build !agentonly

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/render"
)

func (a *app) logsCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use:   "logs",
		Short: "Query, follow and list log groups",
		Example: `  sidelight logs query /ecs/orders 'filter level="ERROR" | stats count(*) by route' --since 1h
  sidelight logs tail '/ecs/*' --since 5m`,
	}, a.logsQueryCommand(), a.logsTailCommand(), a.logsGroupsCommand())
}

// client returns the client that the commands ask with.
func (a *app) client(ctx context.Context) (*query.Client, error) {
	cfg, err := a.awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	return query.New(cfg), nil
}

func (a *app) logsGroupsCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "groups [GLOB]",
		Short: "List log groups",
		Long: `Lists log groups by name. GLOB may have * and ?; without them it is the
beginning of the names. What is stored lags some hours behind on AWS.`,
		Example: `  sidelight logs groups
  sidelight logs groups '/ecs/*' -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeGroups(1),
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most `N` groups; 0 means all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		asJSON, err := a.json()
		if err != nil {
			return err
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		pattern := ""
		if len(args) > 0 {
			pattern = args[0]
		}
		groups, err := c.Logs.Groups(cmd.Context(), pattern, limit)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(groupsJSON(groups))
		}
		if len(groups) == 0 {
			a.note("no log group%s", ofPattern(pattern))
			return nil
		}
		t := table("name", ">stored", "expires after", "class", "created")
		for _, g := range groups {
			keep := "never"
			if g.RetentionDays > 0 {
				keep = render.Plural(g.RetentionDays, "day")
			}
			t.Row(render.Cells(g.Name, render.Bytes(g.Bytes), keep, g.Class, g.Created.In(a.zone()).Format(time.DateOnly))...)
		}
		fmt.Fprint(a.out, t.Draw(a.style()))
		return nil
	}
	return cmd
}

func ofPattern(pattern string) string {
	if pattern == "" {
		return ""
	}
	return fmt.Sprintf(" matches %q", pattern)
}

type groupJSON struct {
	Name          string `json:"name"`
	ARN           string `json:"arn"`
	Created       string `json:"created"`
	RetentionDays int    `json:"retention_days"` // 0: never expires
	StoredBytes   int64  `json:"stored_bytes"`
	Class         string `json:"class"`
}

func groupsJSON(groups []query.LogGroup) any {
	list := make([]groupJSON, 0, len(groups))
	for _, g := range groups {
		list = append(list, groupJSON{g.Name, g.ARN, rfc(g.Created), g.RetentionDays, g.Bytes, g.Class})
	}
	return struct {
		Format string      `json:"format"`
		Groups []groupJSON `json:"groups"`
	}{"sidelight.log-groups/1", list}
}
