package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) promoteCommand() *cobra.Command {
	var (
		options promotion.PromoteOptions
		repo    string
		dryRun  bool
	)
	cmd := &cobra.Command{
		Use:   "promote [ENV]",
		Short: "Open or refresh the pull request that promotes into an environment",
		Long: `Promote opens the pull request that moves an environment's branch forward to
the head of the environment before it, or refreshes the one that is open. Without
ENV it does so for every environment that has something to get.

The pull request's head is a branch of its own, pawl/ENV/SHA, which never moves:
what is approved is what lands. An older open promotion into the same environment
is closed with a pointer to the new one.`,
		Example: `  pawl promote staging
  pawl promote production --commit 3f2a1bc --reviewer octocat
  pawl promote --dry-run -o json`,
		Args:              withUsage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				options.Environment = args[0]
			}
			return a.promote(cmd.Context(), repo, options, dryRun)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.Commit, "commit", "", "promote this commit, which must have been head of the environment before")
	flags.BoolVar(&options.Draft, "draft", false, "open the pull request as a draft")
	flags.StringSliceVar(&options.Reviewers, "reviewer", nil, "ask `USER` or ORG/TEAM for a review (repeatable)")
	flags.StringSliceVar(&options.Labels, "label", nil, "add a label (repeatable)")
	flags.BoolVar(&dryRun, "dry-run", false, "print what would be done, and stop")
	repoFlag(cmd, &repo)
	exits(cmd, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

func (a *app) promote(ctx context.Context, repo string, options promotion.PromoteOptions, dryRun bool) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, repo, !dryRun)
	if err != nil {
		return err
	}
	plan, problem := promotion.PlanPromote(ctx, source, options)
	plan.DryRun = dryRun
	if !dryRun {
		problem = errors.Join(problem, plan.Apply(ctx))
	}
	if len(plan.Promotions) == 0 && problem != nil {
		return problem
	}
	return errors.Join(problem, a.print(plan), a.promoteOutputs(plan))
}

// promoteOutputs gives later steps the pull request, when there is exactly one.
func (a *app) promoteOutputs(plan *promotion.PromotePlan) error {
	if len(plan.Promotions) != 1 {
		return nil
	}
	p := plan.Promotions[0]
	number := ""
	if p.Number > 0 {
		number = fmt.Sprint(p.Number)
	}
	return a.outputs("action", p.Action, "environment", p.To, "commit", p.Commit, "pull-request", number, "url", p.URL)
}
