package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/agent/config"
)

func (a *app) configCommand() *cobra.Command {
	check := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Report every problem of a configuration",
		Example: `  sidelight config check sidelight.yaml
  sidelight config check -o json sidelight.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.config = args[0]
			}
			if asJSON, err := a.json(); err != nil {
				return err
			} else if asJSON {
				_, problems := config.Load(a.config, os.Environ())
				return a.problemsJSON(problems)
			}
			l, err := a.loadConfig()
			if err != nil {
				return err
			}
			if l.File == "" {
				a.note("no file: the defaults are valid")
				return nil
			}
			a.note("%s is valid", l.File)
			return nil
		},
	}
	var effective bool
	show := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the configuration in force",
		Example: `  sidelight config show
  sidelight config show --effective sidelight.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.config = args[0]
			}
			return a.showConfig(effective)
		},
	}
	show.Flags().BoolVar(&effective, "effective", false, "say where each value came from")
	a.configFlag(check)
	a.configFlag(show)
	return parent(&cobra.Command{Use: "config", Short: "Check and show the configuration"}, check, show, a.configImport())
}

func (a *app) showConfig(origins bool) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	l, err := a.loadConfig()
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(struct {
			Format string         `json:"format"`
			File   string         `json:"file"`
			Values []config.Value `json:"values"`
		}{"sidelight.config/1", l.File, l.Values()})
	}
	if l.File != "" {
		fmt.Fprintf(a.out, "# %s\n", l.File)
	}
	return l.WriteYAML(a.out, origins)
}
