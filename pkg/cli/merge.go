package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

// mergeFlags are what the command line of merge says.
type mergeFlags struct {
	options promotion.MergeOptions
	repo    string
	record  string
	all     bool
	event   bool

	override, reason string
}

func (a *app) mergeCommand() *cobra.Command {
	var flags mergeFlags
	cmd := &cobra.Command{
		Use:   "merge ENV|PR",
		Short: "Fast-forward an environment's branch to its open promotion, if the gates pass",
		Long: `Merge evaluates the gates of the open promotion into ENV (or of pull request
PR) and, when all of them pass, fast-forwards the environment's branch to exactly
the commit that was reviewed. GitHub then shows the pull request as merged.

The branch moves by compare-and-swap from the value that was evaluated. When
anything changed in between, nothing lands.

With --wait it asks again until the gates pass, one fails, or the time is over.
It asks every ten seconds at first and once a minute later, and waits for the
pull request and the commit that it saw first.

With --status it publishes the verdict as the commit status pawl/ENVIRONMENT, as
pawl verify --status does: a branch rule that requires the status lets the branch
move then.

With --all it merges every open promotion, the last environment first, so that no
commit passes through two environments in one run. Each is merged or refused by
itself; the exit code is the gravest of theirs.

With --override freeze --reason TEXT it merges in spite of a freeze. Who did so, and
why, stands in the output and in a comment on the pull request, which is written
before the branch moves. No other gate can be set aside.

With --event it follows a comment on a pull request, in a GitHub Actions run that
the comment started. See docs/how-to/comment-commands.md.`,
		Example: `  pawl merge staging
  pawl merge production --wait=1h
  pawl merge 12 --dry-run
  pawl merge production --override freeze --reason "mends the outage of checkout"
  pawl merge --all`,
		ValidArgsFunction: a.completeEnvironments,
		Args:              func(cmd *cobra.Command, args []string) error { return flags.checkArgs(cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.read(a, args); err != nil {
				return err
			}
			return a.merge(cmd.Context(), flags)
		},
	}
	cmd.Flags().BoolVar(&flags.options.DryRun, "dry-run", false, "evaluate the gates, print what would be done, and stop")
	cmd.Flags().BoolVar(&flags.options.Publish, "status", false, "publish the verdict as the commit status pawl/ENVIRONMENT, before the branch moves")
	cmd.Flags().BoolVar(&flags.all, "all", false, "merge every open promotion, the last environment first")
	cmd.Flags().StringVar(&flags.override, "override", "", "set a `GATE` aside: freeze; needs --reason")
	cmd.Flags().StringVar(&flags.reason, "reason", "", "`TEXT` that says why a gate is set aside")
	waitFlag(cmd, &flags.options.Wait, "wait for gates that are pending")
	eventFlag(cmd, &flags.event)
	recordFlag(cmd, &flags.record)
	repoFlag(cmd, &flags.repo)
	exits(cmd, ExitWaiting, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

// defaultWait is how long --wait without a value waits.
const defaultWait = 30 * time.Minute

// waitFlag adds --wait[=DURATION].
func waitFlag(cmd *cobra.Command, wait *time.Duration, usage string) {
	cmd.Flags().DurationVar(wait, "wait", 0, usage+", this long at most")
	cmd.Flags().Lookup("wait").NoOptDefVal = defaultWait.String()
}

func (f *mergeFlags) checkArgs(cmd *cobra.Command, args []string) error {
	if f.all || f.event {
		return withUsage(cobra.NoArgs)(cmd, args)
	}
	return withUsage(cobra.ExactArgs(1))(cmd, args)
}

// read takes the argument: an environment, or a pull request by number or address.
func (f *mergeFlags) read(a *app, args []string) error {
	switch {
	case f.options.Wait < 0:
		return usagef("give a duration, such as --wait=1h", "--wait: %s is less than nothing", f.options.Wait)
	case f.all && f.event:
		return usagef("", "--all and --event exclude each other: a comment speaks of one pull request")
	case f.all && f.record != "":
		return usagef("record one promotion: pawl merge ENV --record FILE", "--all and --record exclude each other: a record is of one promotion")
	case f.all && f.options.Wait > 0:
		return usagef("run it again later, or wait for one promotion: pawl merge ENV --wait", "--all and --wait exclude each other: one promotion must not hold up the others")
	}
	if err := f.readOverride(); err != nil {
		return err
	}
	if len(args) == 0 {
		return nil
	}
	number, ok, err := a.parsePullRequest(args[0], &f.repo)
	switch {
	case err != nil:
		return err
	case ok:
		f.options.Number = number
	default:
		f.options.Environment = args[0]
	}
	return nil
}

// readOverride takes --override and --reason.
func (f *mergeFlags) readOverride() error {
	switch {
	case f.override == "" && f.reason == "":
		return nil
	case f.override == "":
		return usagef("name the gate as well: --override freeze", "--reason says why a gate is set aside, and none is")
	case f.all || f.event:
		return usagef("set a gate aside for one promotion: pawl merge ENV --override "+f.override, "--override goes with neither --all nor --event: it is for one promotion")
	}
	f.options.Override = &promotion.Override{Gate: f.override, Reason: f.reason}
	return f.options.Override.Check()
}

func (a *app) merge(ctx context.Context, flags mergeFlags) error {
	ctx, cancel := a.boundWait(ctx, flags.options.Wait)
	defer cancel()
	source, err := a.pollingSource(ctx, flags.repo, !flags.options.DryRun, flags.options.Wait > 0)
	if err != nil {
		return err
	}
	flags.options.Target = a.runner().Page()
	switch {
	case flags.all:
		return a.mergeAll(ctx, source, flags.options)
	case flags.event:
		return a.mergeEvent(ctx, source, flags)
	}
	plan, problem := a.mergeOne(ctx, source, flags.options)
	return a.merged(plan, problem, flags.record)
}

func (a *app) mergeOne(ctx context.Context, source promotion.Source, options promotion.MergeOptions) (*promotion.MergePlan, error) {
	defer a.waits(&source)()
	return promotion.Merge(ctx, source, options)
}

// merged shows what became of a merge.
func (a *app) merged(plan *promotion.MergePlan, problem error, record string) error {
	if problem != nil && len(plan.Gates) == 0 {
		return problem
	}
	if len(plan.Gates) > 0 {
		problem = errors.Join(problem, a.record(&plan.Verification, record))
	}
	return errors.Join(problem, a.print(plan), a.outputs("action", plan.Action, "environment", plan.To, "commit", plan.Commit))
}

func (a *app) mergeAll(ctx context.Context, source promotion.Source, options promotion.MergeOptions) error {
	report, problem := promotion.MergeAll(ctx, source, options)
	if problem != nil && len(report.Merges) == 0 {
		return problem
	}
	action := promotion.ActionNone
	for _, plan := range report.Merges {
		if plan.Action != promotion.ActionNone {
			action = plan.Action
		}
	}
	return errors.Join(problem, a.print(report), a.outputs("action", action))
}

// mergeEvent follows a comment.
func (a *app) mergeEvent(ctx context.Context, source promotion.Source, flags mergeFlags) error {
	options := flags.options
	order, err := a.order(ctx, source, "merge")
	if err != nil {
		return a.answered(ctx, source, order, "merge", err)
	}
	if order.Nothing != "" {
		plan := promotion.NothingToMerge(source, order.Nothing)
		plan.DryRun = options.DryRun
		return a.merged(plan, nil, "")
	}
	options.Number, options.Commit = order.Number, order.Commit
	plan, problem := a.mergeOne(ctx, source, options)
	return a.merged(plan, a.answered(ctx, source, order, "merge", problem), flags.record)
}
