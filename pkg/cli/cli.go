// Package cli is pawl's command line: one file a command, each of which parses
// its arguments, calls one library function, renders what comes back and returns.
//
// [Main] is the whole program as a function. It and the files beside it are the
// only code that sees arguments, the environment, the standard streams and the
// clock. Results go to Host.Out and nothing else does; everything said beside
// them goes to Host.Err with the prefix "pawl: ".
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/output"
)

// Host is the machine that a command runs on.
type Host struct {
	In     io.Reader
	Out    io.Writer // results
	Err    io.Writer // talk
	Getenv func(string) string
	Now    func() time.Time
	Sleep  func(ctx context.Context, d time.Duration) error // nil: wait for real
	Dir    string                                           // the working directory; empty: that of the process
}

// System is the real machine.
func System() Host {
	return Host{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Now: time.Now}
}

// Main runs one command line and returns the exit code of the process.
func Main(ctx context.Context, args []string, host Host) int {
	if host.Sleep == nil {
		host.Sleep = sleep
	}
	a := &app{host: host}
	a.collect(collectLate)
	root := a.root()
	root.SetArgs(args)
	err := cmp.Or(root.ExecuteContext(ctx), a.unsaid)
	code := exitCode(ctx, err)
	if err != nil {
		a.complain(err, code)
	}
	return code
}

// complain prints an error and what to do about it.
func (a *app) complain(err error, code int) {
	printer := output.NewPrinter(a.host.Err, a.style(a.host.Err))
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = output.Clean(strings.TrimSpace(line))
	}
	label := "error"
	if code == ExitWaiting {
		label = "waiting"
	}
	// Each line begins with our name: the runner of a job takes a line that begins
	// with "::", white space or not, for a command.
	text := strings.Join(lines, "\npawl:   ")
	if code == ExitInterrupted {
		text = "interrupted: " + text
	}
	printer.Line("pawl: %s: %s", paintLabel(printer, label), text)
	advice := hints(err)
	if a.late != nil && a.late() && errors.Is(err, context.DeadlineExceeded) {
		advice = append(advice, fmt.Sprintf("--timeout gave it %s; it is safe to run it again, with more time if need be", a.timeout))
	}
	for _, hint := range advice {
		printer.Line("pawl: hint: %s", output.Clean(hint))
	}
	if code == ExitWaiting {
		a.runner().Notice("pawl "+label, text)
		return
	}
	a.runner().Error("pawl "+label, text)
}

func paintLabel(p *output.Printer, label string) string {
	if label == "waiting" {
		return p.Yellow(label)
	}
	return p.Red(label)
}

// hints collects what the errors in a tree advise, outermost first, each once.
func hints(err error) []string {
	var list []string
	seen := map[string]bool{}
	var visit func(error)
	visit = func(err error) {
		if err == nil {
			return
		}
		if hinter, ok := err.(interface{ Hint() string }); ok {
			if hint := hinter.Hint(); hint != "" && !seen[hint] {
				seen[hint] = true
				list = append(list, hint)
			}
		}
		switch wrapped := err.(type) { //nolint:errorlint // see above
		case interface{ Unwrap() error }:
			visit(wrapped.Unwrap())
		case interface{ Unwrap() []error }:
			for _, each := range wrapped.Unwrap() {
				visit(each)
			}
		}
	}
	visit(err)
	return list
}

// usageError is a mistake on the command line.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Hint() string  { return e.hint }
func (e *usageError) Unwrap() error { return e.err }

func usagef(hint, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), hint}
}

// withUsage makes a failing argument check a usage error.
func withUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err, "see: " + cmd.CommandPath() + " --help"}
		}
		return nil
	}
}
