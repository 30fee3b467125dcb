//go:build agentonly

package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// edition is which of the two builds this is: see full.go for the other.
const edition = "agent"

// addEdition says what this build has not: to ask, to provision and to try things
// out is for people and CI, and would be pulled with every container.
func (a *app) addEdition(root *cobra.Command) {
	root.Long += "\n\nThis build is the agent alone. The full build has also: config import,\n" + strings.Join(fullCommands(), ", ") + "."
	for _, name := range fullCommands() {
		root.AddCommand(missing(name))
	}
}

func (a *app) configImport() *cobra.Command { return missing("import") }

// missing answers for a command of the full build, whatever its arguments are.
func missing(name string) *cobra.Command {
	return &cobra.Command{
		Use: name, Long: "This build is the agent alone; the full build of sidelight has this command.",
		Hidden: true, DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &hintError{
				err:  usage("%q is not in this build, which is the agent alone: the full build of sidelight has it", cmd.CommandPath()),
				hint: "make bin/sidelight, or docker build --target tool",
			}
		},
	}
}
