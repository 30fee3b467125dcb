//go:build !agentonly

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/problem"
	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/render"
)

func (a *app) alarmsCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use:   "alarms",
		Short: "List alarms and their states",
		Example: `  sidelight alarms list
  sidelight alarms list --state alarm --fail-on-match`,
	}, a.alarmsListCommand())
}

func (a *app) alarmsListCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "list [PREFIX]",
		Short: "List alarms, those in alarm first",
		Long: `Lists metric, composite and log alarms whose names begin with PREFIX, those in
alarm first, each with its state, since when, and why.`,
		Example: `  sidelight alarms list
  sidelight alarms list shop- --state alarm --fail-on-match`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeAlarms,
	}
	cmd.Flags().StringVar(&state, "state", "", "only alarms in this `STATE`: alarm, ok or insufficient_data")
	fail := addFailFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var q query.AlarmsQuery
		if len(args) > 0 {
			q.Prefix = args[0]
		}
		var err error
		if q.State, err = alarmState(state); err != nil {
			return err
		}
		return a.alarmsList(cmd.Context(), q, fail)
	}
	return cmd
}

func alarmState(text string) (query.AlarmState, error) {
	if text == "" {
		return "", nil
	}
	var names []string
	for _, s := range query.AlarmStates() {
		if strings.EqualFold(text, string(s)) {
			return s, nil
		}
		names = append(names, strings.ToLower(string(s)))
	}
	err := usage("--state %q: expected alarm, ok or insufficient_data", text)
	if near, ok := problem.Nearest(strings.ToLower(text), names); ok {
		return "", &hintError{err: err, hint: "--state " + near}
	}
	return "", err
}

func (a *app) alarmsList(ctx context.Context, q query.AlarmsQuery, fail *failFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	list, err := c.Alarms.List(ctx, q)
	if err != nil {
		return err
	}
	if asJSON {
		if err := a.printJSON(alarmsJSON(list)); err != nil {
			return err
		}
		return fail.held(len(list))
	}
	a.printAlarms(list)
	return fail.held(len(list))
}

func (a *app) printAlarms(list []query.Alarm) {
	if len(list) == 0 {
		a.note("no alarms")
		return
	}
	st := a.style()
	t := table("state", "alarm", ">for", "reason")
	counts := map[query.AlarmState]int{}
	names := 0
	for _, al := range list {
		names = max(names, render.Width(al.Name))
	}
	// On a terminal the reason ends with the line: state, time and gaps take 26.
	if a.terminal() {
		t.Columns[3].Max = max(24, a.width()-names-26)
	}
	for _, al := range list {
		counts[al.State]++
		mark, tone := stateMark(al.State, st)
		reason := al.Reason
		if !al.Actions {
			reason = "(actions disabled) " + reason
		}
		t.Row(render.Cell{Text: mark, Tone: tone}, render.Cell{Text: al.Name}, render.Cell{Text: render.Duration(time.Since(al.Since).Truncate(time.Second))}, render.Cell{Text: reason})
	}
	fmt.Fprint(a.out, t.Draw(st))
	a.note("%s: %d in alarm, %d ok, %d without data", render.Plural(len(list), "alarm"), counts[query.StateAlarm], counts[query.StateOK], counts[query.StateNoData])
}

func stateMark(s query.AlarmState, st render.Style) (string, render.Tone) {
	switch s {
	case query.StateAlarm:
		return st.FaultMark() + " ALARM", render.Bad
	case query.StateOK:
		return "  OK", render.Good
	}
	return "? NO DATA", render.Dim
}

type alarmJSON struct {
	Name           string `json:"name"`
	Type           string `json:"type"`
	State          string `json:"state"`
	Since          string `json:"since"`
	Updated        string `json:"updated"`
	Reason         string `json:"reason"`
	Description    string `json:"description"`
	ActionsEnabled bool   `json:"actions_enabled"`
	ARN            string `json:"arn"`
}

func alarmsJSON(list []query.Alarm) any {
	out := make([]alarmJSON, 0, len(list))
	for _, al := range list {
		out = append(out, alarmJSON{al.Name, al.Type, string(al.State), rfc(al.Since), rfc(al.Updated), al.Reason, al.Description, al.Actions, al.ARN})
	}
	return struct {
		Format string      `json:"format"`
		Alarms []alarmJSON `json:"alarms"`
	}{"sidelight.alarms/1", out}
}
