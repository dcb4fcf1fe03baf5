package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) mergeCommand() *cobra.Command {
	var (
		repo   string
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "merge ENV|PR",
		Short: "Fast-forward an environment's branch to its open promotion, if the gates pass",
		Long: `Merge evaluates the gates of the open promotion into ENV (or of pull request
PR) and, when all of them pass, fast-forwards the environment's branch to exactly
the commit that was reviewed. GitHub then shows the pull request as merged.

The branch moves by compare-and-swap from the value that was evaluated. When
anything changed in between, nothing lands.`,
		Example: `  pawl merge staging
  pawl merge 12 --dry-run`,
		Args:              withUsage(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			options := promotion.MergeOptions{Environment: args[0]}
			if number, ok := parseNumber(args[0]); ok {
				options = promotion.MergeOptions{Number: number}
			}
			return a.merge(cmd.Context(), repo, options, dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "evaluate the gates, print what would be done, and stop")
	repoFlag(cmd, &repo)
	exits(cmd, ExitWaiting, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

func (a *app) merge(ctx context.Context, repo string, options promotion.MergeOptions, dryRun bool) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, repo, !dryRun)
	if err != nil {
		return err
	}
	plan, problem := promotion.PlanMerge(ctx, source, options)
	plan.DryRun = dryRun
	if problem == nil && !dryRun {
		problem = plan.Apply(ctx)
	}
	if problem != nil && len(plan.Gates) == 0 {
		return problem
	}
	return errors.Join(problem, a.print(plan), a.outputs("action", plan.Action, "environment", plan.To, "commit", plan.Commit))
}
