package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

// promoteFlags are what the command line of promote says.
type promoteFlags struct {
	options promotion.PromoteOptions
	repo    string
	dryRun  bool
	wait    time.Duration
	event   bool
}

func (a *app) promoteCommand() *cobra.Command {
	var flags promoteFlags
	cmd := &cobra.Command{
		Use:   "promote [ENV]",
		Short: "Open or refresh the pull request that promotes into an environment",
		Long: `Promote opens the pull request that moves an environment's branch forward to
the head of the environment before it, or refreshes the one that is open. Without
ENV it does so for every environment that has something to get.

The pull request's head is a branch of its own, pawl/ENV/SHA, which never moves:
what is approved is what lands. An older open promotion into the same environment
is closed with a pointer to the new one.

With --wait it then waits until the gates of what it opened pass or fail, and
exits as pawl verify would. It does not merge.

With --event it follows a comment on a pull request, in a GitHub Actions run that
the comment started. See docs/how-to/comment-commands.md.`,
		Example: `  pawl promote staging
  pawl promote production --commit 3f2a1bc --reviewer octocat
  pawl promote staging --wait=10m
  pawl promote --dry-run -o json`,
		Args:              func(cmd *cobra.Command, args []string) error { return flags.read(cmd, args) },
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.promote(cmd.Context(), flags) },
	}
	set := cmd.Flags()
	set.StringVar(&flags.options.Commit, "commit", "", "promote this commit, which must have been head of the environment before")
	set.BoolVar(&flags.options.Draft, "draft", false, "open the pull request as a draft")
	set.StringSliceVar(&flags.options.Reviewers, "reviewer", nil, "ask `USER` or ORG/TEAM for a review (repeatable)")
	set.StringSliceVar(&flags.options.Labels, "label", nil, "add a label (repeatable)")
	set.BoolVar(&flags.dryRun, "dry-run", false, "print what would be done, and stop")
	waitFlag(cmd, &flags.wait, "wait until the gates pass or fail")
	eventFlag(cmd, &flags.event)
	repoFlag(cmd, &flags.repo)
	exits(cmd, ExitWaiting, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

// read takes the environment, and refuses what cannot go together.
func (f *promoteFlags) read(cmd *cobra.Command, args []string) error {
	check := cobra.MaximumNArgs(1)
	if f.event {
		check = cobra.NoArgs
	}
	if err := withUsage(check)(cmd, args); err != nil {
		return err
	}
	if len(args) == 1 {
		f.options.Environment = args[0]
	}
	switch {
	case f.wait < 0:
		return usagef("give a duration, such as --wait=1h", "--wait: %s is less than nothing", f.wait)
	case f.wait > 0 && f.dryRun:
		return usagef("", "--wait and --dry-run exclude each other: a plan opens nothing to wait for")
	case f.event && f.options.Commit != "":
		return usagef("", "--event and --commit exclude each other: the comment names the commit")
	}
	return nil
}

func (a *app) promote(ctx context.Context, flags promoteFlags) error {
	ctx, cancel := a.boundWait(ctx, flags.wait)
	defer cancel()
	source, err := a.pollingSource(ctx, flags.repo, !flags.dryRun, flags.wait > 0)
	if err != nil {
		return err
	}
	if flags.event {
		return a.promoteEvent(ctx, source, flags)
	}
	plan, problem := a.promoteNow(ctx, source, flags)
	return a.promoted(plan, problem)
}

func (a *app) promoteNow(ctx context.Context, source promotion.Source, flags promoteFlags) (*promotion.PromotePlan, error) {
	defer a.waits(&source)()
	plan, problem := promotion.PlanPromote(ctx, source, flags.options)
	plan.DryRun = flags.dryRun
	if flags.dryRun {
		return plan, problem
	}
	problem = errors.Join(problem, plan.Apply(ctx))
	if problem == nil && flags.wait > 0 {
		problem = plan.Await(ctx, source, flags.wait)
	}
	return plan, problem
}

// promoted shows what became of a promotion.
func (a *app) promoted(plan *promotion.PromotePlan, problem error) error {
	if len(plan.Promotions) == 0 && problem != nil {
		return problem
	}
	return errors.Join(problem, a.print(plan), a.promoteOutputs(plan))
}

// promoteEvent follows a comment: it opens or refreshes the promotion of the
// commit into the environment that the pull request is for.
func (a *app) promoteEvent(ctx context.Context, source promotion.Source, flags promoteFlags) error {
	order, err := a.order(ctx, source, "promote")
	if err != nil {
		return a.answered(ctx, source, order, "promote", err)
	}
	if order.Nothing != "" {
		a.say("nothing to promote: %s", order.Nothing)
		plan := &promotion.PromotePlan{Repository: source.Name, DryRun: flags.dryRun, Promotions: []*promotion.Promotion{}}
		return errors.Join(a.promoted(plan, nil), a.outputs("action", promotion.ActionNone))
	}
	flags.options.Environment, flags.options.Commit = order.Environment, order.Commit
	plan, problem := a.promoteNow(ctx, source, flags)
	return a.promoted(plan, a.answered(ctx, source, order, "promote", problem))
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
