// Command sidelight ships the logs, metrics and traces of a container to AWS,
// provisions the alarms that watch them, and brings a local stand-in of the AWS
// services to try it all with.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sidelight-dev/sidelight/internal/exit"
)

func main() { os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr)) }

// run is main without the process: its name and arguments, streams and exit code.
func run(argv []string, in io.Reader, out, talk io.Writer) int {
	args := seatArgs(argv)
	ctx, stop := signals()
	defer stop()
	app := &app{in: in, out: out, talk: talk}
	root := app.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(talk)
	err := root.ExecuteContext(ctx)
	return app.finish(err)
}

// signals returns a context that ends at the first SIGINT or SIGTERM. The second
// ends the process at once.
func signals() (context.Context, func()) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// codeError ends the command with an exit code of its own. What there was to say
// has been said if Err is nil.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// hintError adds what to try to an error.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// finish prints an error for people and returns the exit code.
func (a *app) finish(err error) int {
	if err == nil {
		return exit.Done
	}
	code := exit.Failed
	if c, ok := errors.AsType[*codeError](err); ok {
		if code = c.code; c.err == nil {
			return code
		}
	}
	if errors.Is(err, context.Canceled) {
		return exit.Signal + int(syscall.SIGINT)
	}
	a.complain(err)
	return code
}

// complain prints an error in up to three lines: what failed, why, and what to
// try.
func (a *app) complain(err error) {
	r := explain(err)
	fmt.Fprintf(a.talk, "error: %s\n", r.what)
	if r.because != "" {
		fmt.Fprintf(a.talk, "  because: %s\n", r.because)
	}
	if r.try != "" {
		fmt.Fprintf(a.talk, "  try:     %s\n", r.try)
	}
}

// usage is an error of the command line itself.
func usage(format string, args ...any) error {
	return &codeError{code: exit.Usage, err: fmt.Errorf(format, args...)}
}
