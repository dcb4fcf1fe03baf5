package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) verifyCommand() *cobra.Command {
	var repo string
	cmd := &cobra.Command{
		Use:   "verify [PR]",
		Short: "Say whether a pull request is an allowed promotion and its gates pass",
		Long: `Verify evaluates the gates of a promotion at the head of its pull request:
whether it is an allowed promotion, whether the branch can be fast-forwarded to
it, whether its commit was head of the environment before, and the checks and
approvals that the configuration of the target branch asks for.

It needs no checkout, runs nothing from the pull request, and a read-only token
suffices. In a GitHub Actions job of a pull request, PR is known.`,
		Example: `  pawl verify 12
  pawl verify 12 -o json
  pawl verify`,
		Args:              withUsage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := a.pullRequest(args)
			if err != nil {
				return err
			}
			return a.verify(cmd.Context(), repo, number)
		},
	}
	repoFlag(cmd, &repo)
	exits(cmd, ExitWaiting, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

func (a *app) verify(ctx context.Context, repo string, number int) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, repo, false)
	if err != nil {
		return err
	}
	report, err := promotion.Verify(ctx, source, number)
	if err != nil {
		return err
	}
	return errors.Join(report.Err(), a.print(report), a.outputs("state", string(report.State), "environment", report.To, "commit", report.Commit))
}

// pullRequest reads the number from the argument, else from the run's event.
func (a *app) pullRequest(args []string) (int, error) {
	if len(args) == 1 {
		number, ok := parseNumber(args[0])
		if !ok {
			return 0, usagef("give its number, such as 12", "%q is not a pull request", args[0])
		}
		return number, nil
	}
	number, ok, err := a.runner().PullRequest()
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, usagef("give its number, such as: pawl verify 12", "which pull request is meant?")
	}
	return number, nil
}

// parseNumber reads 12 or #12.
func parseNumber(arg string) (int, bool) {
	number, err := strconv.Atoi(strings.TrimPrefix(arg, "#"))
	return number, err == nil && number > 0
}

// outputs gives later steps of a GitHub Actions job names and values.
func (a *app) outputs(pairs ...string) error {
	runner := a.runner()
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := runner.SetOutput(pairs[i], pairs[i+1]); err != nil {
			return fmt.Errorf("setting outputs: %w", err)
		}
	}
	return nil
}
