package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) verifyCommand() *cobra.Command {
	var (
		repo    string
		publish bool
	)
	cmd := &cobra.Command{
		Use:   "verify [PR]",
		Short: "Say whether a pull request is an allowed promotion and its gates pass",
		Long: `Verify evaluates the gates of a promotion at the head of its pull request:
whether it is an allowed promotion, whether the branch can be fast-forwarded to
it, whether its commit was head of the environment before, and whatever else the
configuration of the target branch asks for.

PR is a number or the address of a pull request. In a GitHub Actions job of a
pull request it is known.

It needs no checkout, runs nothing from the pull request, and a read-only token
suffices. With --status it also publishes the verdict as the commit status
pawl/ENVIRONMENT, which a branch rule can require; that takes a token that may
write commit statuses.`,
		Example: `  pawl verify 12
  pawl verify https://github.com/acme/config/pull/12 -o json
  pawl verify --status`,
		Args:              withUsage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := a.pullRequest(args, &repo)
			if err != nil {
				return err
			}
			return a.verify(cmd.Context(), repo, number, publish)
		},
	}
	cmd.Flags().BoolVar(&publish, "status", false, "publish the verdict as the commit status pawl/ENVIRONMENT")
	repoFlag(cmd, &repo)
	exits(cmd, ExitWaiting, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

func (a *app) verify(ctx context.Context, repo string, number int, publish bool) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, repo, publish)
	if err != nil {
		return err
	}
	report, err := promotion.Verify(ctx, source, number)
	if err != nil {
		return err
	}
	problem := report.Err()
	if publish {
		problem = errors.Join(problem, report.Publish(ctx, source, cmp.Or(a.runner().Page(), report.URL)))
	}
	return errors.Join(problem, a.print(report), a.outputs("state", string(report.State), "environment", report.To, "commit", report.Commit))
}

// pullRequest reads which pull request is meant from the argument, else from the
// run's event. An address names the repository as well.
func (a *app) pullRequest(args []string, repo *string) (int, error) {
	if len(args) == 1 {
		number, ok, err := a.parsePullRequest(args[0], repo)
		if err == nil && !ok {
			err = usagef("give its number, such as 12, or its address", "%q is not a pull request", args[0])
		}
		return number, err
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

// parsePullRequest reads 12, #12, or the address of a pull request, which must be
// on the server that pawl talks to: no argument decides where the token goes.
func (a *app) parsePullRequest(arg string, repo *string) (int, bool, error) {
	if !strings.Contains(arg, "://") {
		number, err := strconv.Atoi(strings.TrimPrefix(arg, "#"))
		return number, err == nil && number > 0, nil
	}
	path, ok := strings.CutPrefix(arg, a.server()+"/")
	parts := strings.Split(path, "/")
	if !ok || len(parts) < 4 || parts[2] != "pull" {
		return 0, false, usagef("give its number, or its address on that server", "%q is not a pull request on %s", arg, a.server())
	}
	slug := parts[0] + "/" + parts[1]
	if *repo != "" && !strings.EqualFold(*repo, slug) {
		return 0, false, usagef("leave out --repo: the address names the repository", "%q is not in %s", arg, *repo)
	}
	digits := strings.FieldsFunc(parts[3], func(r rune) bool { return r == '#' || r == '?' })
	if len(digits) == 0 {
		return 0, false, nil
	}
	number, err := strconv.Atoi(digits[0])
	if err != nil || number <= 0 {
		return 0, false, nil
	}
	*repo = slug
	return number, true, nil
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
