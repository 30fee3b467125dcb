package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sidelight-dev/sidelight/internal/exit"
)

// confirm asks a question whose answer is yes or no. Where nobody can answer the
// error names the flag that does.
func (a *app) confirm(ctx context.Context, question, flag string) (bool, error) {
	answer, err := a.ask(ctx, question+" [y/N] ", flag)
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes", err
}

// ask asks for a line, until ctx ends.
func (a *app) ask(ctx context.Context, question, flag string) (string, error) {
	f, ok := a.in.(*os.File)
	if a.noInput || !ok || !term.IsTerminal(int(f.Fd())) {
		return "", usage("this asks for a confirmation, and there is no terminal to ask on: %s answers it", flag)
	}
	fmt.Fprint(a.talk, question)
	type answer struct {
		line string
		err  error
	}
	// Nothing can interrupt the reading of a terminal: after an interrupt the
	// reader is left behind, and ends with the process.
	read := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		read <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.talk)
		return "", ctx.Err()
	case got := <-read:
		if got.err != nil && got.err != io.EOF {
			return "", fmt.Errorf("read the answer: %w", got.err)
		}
		return strings.TrimSpace(got.line), nil
	}
}

// failFlags let a script ask whether something is there.
type failFlags struct{ empty, match bool }

func addFailFlags(cmd *cobra.Command) *failFlags {
	f := &failFlags{}
	cmd.Flags().BoolVar(&f.empty, "fail-empty", false, "exit with 2 if nothing was found")
	cmd.Flags().BoolVar(&f.match, "fail-on-match", false, "exit with 2 if anything was found")
	return f
}

// held returns the error of exit code 2 if the number found is what a flag fails
// on.
func (f *failFlags) held(found int) error {
	if f.empty && found == 0 || f.match && found > 0 {
		return &codeError{code: exit.No}
	}
	return nil
}
