//go:build !agentonly

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/config/importer"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

// imported is the output of config import as JSON.
type imported struct {
	Format string          `json:"format"`
	From   importer.Format `json:"from"`
	Config string          `json:"config"`
	Notes  []importer.Note `json:"notes"`
}

func (a *app) configImport() *cobra.Command {
	var from string
	var strict bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Turn another agent's configuration into one of ours",
		Long: `Turn the configuration of Fluent Bit, the CloudWatch agent, an OpenTelemetry
collector (ADOT) or the X-Ray daemon into a sidelight.yaml, on standard output.

What is not carried over is said on standard error and at the head of the file,
by file and line.`,
		Example: `  sidelight config import fluent-bit.conf > sidelight.yaml
  sidelight config import --from cloudwatch-agent amazon-cloudwatch-agent.json
  sidelight config import --strict collector.yaml    # exit code 2 if anything is left out`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.importConfig(args[0], from, strict) },
	}
	words := formatNames()
	cmd.Flags().StringVar(&from, "from", "", "whose configuration it is: "+strings.Join(words, ", ")+"; default: as it looks")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 2 if anything is not carried over")
	return cmd
}

func formatNames() []string {
	var words []string
	for _, f := range importer.Formats() {
		words = append(words, string(f))
	}
	return words
}

func (a *app) importConfig(path, from string, strict bool) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	if words := formatNames(); from != "" && !slices.Contains(words, from) {
		return usage("--from %s: expected %s", from, strings.Join(words, ", "))
	}
	r, err := importer.Import(importer.Options{Path: path, Format: importer.Format(from)})
	if err != nil {
		return err
	}
	if r.Notes == nil {
		r.Notes = []importer.Note{}
	}
	if asJSON {
		if err := a.printJSON(imported{"sidelight.import/1", r.Format, string(r.Config), r.Notes}); err != nil {
			return err
		}
	} else if _, err := a.out.Write(r.Config); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return a.importNotes(r, strict)
}

// importNotes says what was not carried over, and what of the rest is not valid
// here.
func (a *app) importNotes(r *importer.Result, strict bool) error {
	if !a.quiet {
		for _, n := range r.Notes {
			fmt.Fprintln(a.talk, n)
		}
	}
	if _, problems := config.Load("", []string{"SIDELIGHT_CONFIG=" + string(r.Config)}); len(problems) > 0 {
		fmt.Fprintln(a.talk, "What was imported is not valid yet:")
		if err := problems.WriteText(a.talk); err != nil {
			return err
		}
		if problems.Errors() > 0 {
			return &codeError{code: exit.No}
		}
	}
	if len(r.Notes) == 0 {
		a.note("everything is carried over")
		return nil
	}
	a.note("%s not carried over", plural(len(r.Notes), "option"))
	if strict {
		return &codeError{code: exit.No}
	}
	return nil
}
