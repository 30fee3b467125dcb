//go:build !agentonly

package main

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

// completeWithin bounds how long a press of the tab key waits for AWS.
const completeWithin = time.Second

// complete asks for the words that an argument may be. It has none where the
// answer does not come in time: completion must not print errors.
func (a *app) complete(cmd *cobra.Command, ask func(context.Context, *query.Client) []string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
	defer cancel()
	c, err := a.client(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return ask(ctx, c), cobra.ShellCompDirectiveNoFileComp
}

// completeGroups completes up to most names of log groups.
func (a *app) completeGroups(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.complete(cmd, func(ctx context.Context, c *query.Client) (out []string) {
			groups, _ := c.Logs.Groups(ctx, begun, 100)
			for _, g := range groups {
				if !slices.Contains(args, g.Name) {
					out = append(out, g.Name)
				}
			}
			return out
		})
	}
}

func (a *app) completeAlarms(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, func(ctx context.Context, c *query.Client) (out []string) {
		alarms, _ := c.Alarms.List(ctx, query.AlarmsQuery{Prefix: begun})
		for _, al := range alarms {
			out = append(out, al.Name+"\t"+string(al.State))
		}
		return out
	})
}

func (a *app) completeTraces(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, func(ctx context.Context, c *query.Client) []string {
		out := []string{query.LatestTrace, query.SlowestTrace}
		now := time.Now()
		l, err := c.Traces.List(ctx, traces.Query{From: now.Add(-time.Hour), To: now, Limit: 20})
		if err != nil {
			return out
		}
		for _, t := range l.Traces {
			word := aws.ToString(t.Id)
			if t.EntryPoint != nil {
				word += "\t" + aws.ToString(t.EntryPoint.Name)
			}
			out = append(out, word)
		}
		return out
	})
}
