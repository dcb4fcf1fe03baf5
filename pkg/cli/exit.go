package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/promotion"
)

// The exit codes. They are frozen; a code that is not listed means failure.
const (
	ExitDone        = 0   // done, or nothing to do
	ExitError       = 1   // unexpected error
	ExitUsage       = 2   // usage or configuration
	ExitWaiting     = 3   // a gate is pending: the same command can succeed later
	ExitRefused     = 4   // a gate failed, a rule forbids it, or branches diverged: a person must act
	ExitTransient   = 5   // network or rate limit: safe to run again
	ExitAccess      = 6   // authentication or permission
	ExitInterrupted = 130 // stopped by a signal
)

// ExitMeaning says what an exit code means, in the words of help and docs.
func ExitMeaning(code int) string {
	switch code {
	case ExitDone:
		return "done, or nothing to do"
	case ExitError:
		return "unexpected error"
	case ExitUsage:
		return "usage or configuration"
	case ExitWaiting:
		return "waiting: a gate is pending, the same command can succeed later"
	case ExitRefused:
		return "refused: a gate failed, a rule forbids it, or branches diverged; a person must act"
	case ExitTransient:
		return "transient: network or rate limit, safe to run again"
	case ExitAccess:
		return "access: authentication or permission"
	case ExitInterrupted:
		return "interrupted"
	}
	return "failure"
}

// exitAnnotation holds the exit codes of a command, for help and docs.
const exitAnnotation = "exits"

// exits notes the codes that a command can exit with, beside 0, 1, 2 and 130,
// which every command can.
func exits(cmd *cobra.Command, codes ...int) {
	all := append([]int{ExitDone, ExitError, ExitUsage}, codes...)
	var lines []string
	for _, code := range append(all, ExitInterrupted) {
		lines = append(lines, fmt.Sprintf("  %-3d  %s", code, ExitMeaning(code)))
	}
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[exitAnnotation] = strings.Join(lines, "\n")
}

// exitCode maps an error to its code: the gravest, where several were joined.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return ExitDone
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return ExitInterrupted
	}
	worst := exitCodeOf(err)
	for _, each := range parts(err) {
		worst = graver(worst, exitCode(ctx, each))
	}
	return worst
}

// parts returns the errors that were joined into one, directly or further down.
func parts(err error) []error {
	for err != nil {
		if _, ok := err.(*promotion.Blocked); ok { //nolint:errorlint // this error, not one below it
			return nil // what is behind it is in its code already
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			return many.Unwrap()
		}
		err = errors.Unwrap(err)
	}
	return nil
}

func exitCodeOf(err error) int {
	var (
		usage   *usageError
		named   *promotion.UsageError
		layout  *config.LayoutError
		problem *config.Problem
		missing *bump.NotFoundError
		blocked *promotion.Blocked
		refusal *bump.Refusal
		rule    *forge.RefusedError
		pushed  *git.RefusedError
	)
	switch {
	case errors.As(err, &usage), errors.As(err, &named), errors.As(err, &layout), errors.As(err, &problem), errors.As(err, &missing):
		return ExitUsage
	case errors.As(err, &blocked):
		return blockedCode(blocked)
	case errors.As(err, &refusal), errors.As(err, &rule), errors.As(err, &pushed):
		return ExitRefused
	case errors.Is(err, forge.ErrAccess), errors.Is(err, git.ErrAccess):
		return ExitAccess
	case errors.Is(err, forge.ErrTransient), errors.Is(err, git.ErrTransient), errors.Is(err, git.ErrMoved),
		errors.Is(err, git.ErrLocked), errors.Is(err, git.ErrNotFound), errors.Is(err, context.DeadlineExceeded):
		return ExitTransient
	case errors.Is(err, forge.ErrNotFound), errors.Is(err, git.ErrUnsupported):
		return ExitUsage
	}
	return ExitError
}

// blockedCode tells a gate that waits from one that failed. A fact that could
// not be read is as transient, or as forbidden, as the error behind it; what no later
// look can find out is for a person.
func blockedCode(blocked *promotion.Blocked) int {
	switch {
	case blocked.State == gate.Pending:
		return ExitWaiting
	case blocked.State == gate.Unknown && (errors.Is(blocked.Cause, forge.ErrAccess) || errors.Is(blocked.Cause, git.ErrAccess)):
		return ExitAccess
	case blocked.State == gate.Unknown && errors.Is(blocked.Cause, gate.ErrUndecidable):
		return ExitRefused
	case blocked.State == gate.Unknown:
		return ExitTransient
	}
	return ExitRefused
}

// graver picks the code to exit with when two things went wrong: what a person
// must look at comes before what goes away by itself, and a code that says what
// is wrong before the one for everything else.
func graver(a, b int) int {
	order := []int{ExitDone, ExitWaiting, ExitError, ExitTransient, ExitRefused, ExitAccess, ExitUsage, ExitInterrupted}
	rank := func(code int) int {
		for i, each := range order {
			if each == code {
				return i
			}
		}
		return len(order)
	}
	if rank(a) > rank(b) {
		return a
	}
	return b
}
