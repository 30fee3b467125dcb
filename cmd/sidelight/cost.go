package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/spend"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/price"
	"github.com/sidelight-dev/sidelight/internal/problem"
	"github.com/sidelight-dev/sidelight/internal/render"
)

// bill is what cost prints as JSON.
type bill struct {
	Prices  price.Table  `json:"prices"`
	Usage   spend.Report `json:"usage"`
	Lines   []spend.Line `json:"lines"`
	Monthly float64      `json:"monthly_usd"`
	// Complete says that every price is known.
	Complete bool `json:"complete"`
}

func (a *app) costCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cost",
		Short: "Project the monthly bill of what a running agent sends",
		Long: `Project what a month costs at the agent's pace so far: series, requests, log
bytes, traces. List prices of one region and date are built in; "sidelight cost prices"
prints them, to be changed to yours and named by --prices, or by aws.prices in
the agent's configuration, whose bounds on money then go by them too. It is the bill of this agent alone, without free tiers and
without discounts for volume, which hold for whole accounts. What has no known
price is shown as "?".`,
		Example: `  sidelight cost
  sidelight cost --by metric
  sidelight cost --by route            which routes' series cost most
  sidelight cost --prices frankfurt.yaml -o json`,
		Args: cobra.NoArgs,
	}
	addr := addressFlag(cmd)
	by := cmd.Flags().String("by", spend.ByNamespace, "metrics by namespace, by metric, or by a dimension's values")
	prices := cmd.Flags().String("prices", "", "file with prices instead of the agent's")
	cmd.AddCommand(a.pricesCommand())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asJSON, err := a.json()
		if err != nil {
			return err
		}
		var t price.Table
		if *prices != "" {
			if t, err = price.Load(*prices); err != nil {
				return &codeError{code: exit.Usage, err: err}
			}
		}
		resp, err := askAgent(cmd.Context(), *addr, "/spend")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var r spend.Report
		if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
			return fmt.Errorf("read the agent's answer: %w", err)
		}
		if err := checkBy(r, *by); err != nil {
			return err
		}
		if t.Region == "" {
			t = r.Prices
		}
		b := bill{Prices: t, Usage: r, Lines: r.Bill(t, *by)}
		b.Monthly, b.Complete = spend.Total(b.Lines)
		if asJSON {
			return a.printJSON(b)
		}
		a.printBill(b)
		return nil
	}
	return cmd
}

// pricesCommand prints what the list says.
func (a *app) pricesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "prices",
		Short: "Print the list of prices, to be changed to yours",
		Long: `Print the prices that are built in, in the form that --prices and aws.prices
take. They are of one region; change what is different in yours.`,
		Example: `  sidelight cost prices > frankfurt.yaml
  sidelight cost --prices frankfurt.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			asJSON, err := a.json()
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(price.List())
			}
			_, err = a.out.Write(price.List().AppendYAML(nil))
			return err
		},
	}
}

// checkBy refuses a dimension that no series has.
func checkBy(r spend.Report, by string) error {
	known := r.Dimensions()
	if by == spend.ByNamespace || by == spend.ByMetric || slices.ContainsFunc(known, func(n string) bool { return strings.EqualFold(n, by) }) {
		return nil
	}
	known = append(known, spend.ByNamespace, spend.ByMetric)
	err := usage("--by %q: no series of the last hour has such a dimension", by)
	if near, ok := problem.Nearest(by, known); ok {
		return &hintError{err: err, hint: "--by " + near}
	}
	return &hintError{err: err, hint: "one of " + strings.Join(known, ", ")}
}

// shownLines is how many lines of each kind are shown; -o json has all.
const shownLines = 15

func (a *app) printBill(b bill) {
	t := table("", "of", ">a month", "", ">USD a month")
	shown, more := map[string]int{}, 0
	for _, l := range b.Lines {
		if shown[l.Kind]++; shown[l.Kind] > shownLines {
			more++
			continue
		}
		t.Row(render.Cells(l.Kind, l.Name, quantity(l.Quantity), l.Unit, dollars(l.Monthly))...)
	}
	all := "total"
	if !b.Complete {
		all = "total of what has a price"
	}
	t.Row(render.Cells(all, "", "", "", dollars(&b.Monthly))...)
	fmt.Fprint(a.out, t.Draw(a.style()))
	if more > 0 {
		fmt.Fprintf(a.out, "and %d more: -o json\n", more)
	}
	hour := "the hour since " + b.Usage.Hour.Began.In(a.zone()).Format("15:04 MST")
	if !b.Usage.Hour.Whole {
		hour += ", which is not over: its series may still grow"
	}
	a.note("\nSeries as in %s; the rest at the pace of %s.\nPrices of %s, %s; the agent runs in %s. --prices takes yours.",
		hour, render.Duration(time.Duration(b.Usage.Seconds*float64(time.Second)).Truncate(time.Second)), b.Prices.Region, b.Prices.Date, b.Usage.Region)
}

// quantity prints three digits of what is small.
func quantity(v float64) string {
	if v >= 100 {
		return render.Count(int64(v + 0.5))
	}
	return fmt.Sprintf("%.3g", v)
}

func dollars(v *float64) string {
	if v == nil {
		return "?"
	}
	return fmt.Sprintf("%.2f", *v)
}
