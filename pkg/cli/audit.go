package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/audit"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) auditCommand() *cobra.Command {
	var (
		repo, since string
		options     audit.Options
	)
	cmd := &cobra.Command{
		Use:   "audit [ENV…]",
		Short: "Prove over history that every environment moved as it should",
		Long: `Audit reads the history of each environment's branch, GitHub's own record of its
moves and the pull requests into it, and reports every move that broke a promise:
no fast-forward, no promotion, another commit than was proposed, a commit that was
never head of the environment before, a version that went down or came back after a
rollback, a bump that landed twice, a branch that was deleted.

It decides by itself: it shares no rules with the commands that move branches. It
writes nothing, and a token that may read suffices. What it cannot prove, because
evidence is missing or cannot be read, it reports as not proved.

--since leaves out what was before a day, a time, or the moment at which a commit
became the head of an environment.`,
		Example: `  pawl audit
  pawl audit production --since 2026-01-01
  pawl audit --since 3f2a9c1d4b5e -o json
  pawl audit --repo acme/config -o markdown`,
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Environments = args
			if err := parseSince(since, &options); err != nil {
				return err
			}
			return a.audit(cmd.Context(), repo, options)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "judge what happened from this `DATE|SHA` on: 2026-03-02, 2026-03-02T09:00:00Z, or a commit")
	cmd.Flags().IntVar(&options.Limit, "limit", audit.DefaultLimit, "judge the newest so many moves of each branch")
	repoFlag(cmd, &repo)
	exits(cmd, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

var abbreviated = regexp.MustCompile(`^[0-9a-fA-F]{7,40}$`)

// parseSince reads a day in UTC, a time, or a commit.
func parseSince(text string, options *audit.Options) error {
	if options.Limit < 1 {
		return usagef("", "--limit must be 1 at least")
	}
	if text == "" {
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			options.Since = at
			return nil
		}
	}
	if !abbreviated.MatchString(text) {
		return usagef("write a day as 2026-03-02, a time as 2026-03-02T09:00:00Z, a commit as its SHA, or 7 digits of it at least",
			"%q is neither a date nor a commit", text)
	}
	options.SinceCommit = text
	return nil
}

func (a *app) audit(ctx context.Context, repo string, options audit.Options) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, repo, false)
	if err != nil {
		return err
	}
	report, err := audit.Run(ctx, audit.Source{Name: source.Name, Forge: source.Forge, Git: source.Git, Config: source.Config}, options)
	var named *audit.UsageError
	if errors.As(err, &named) {
		return &usageError{err, named.Fix}
	}
	if err != nil {
		return err
	}
	if err := a.print(report); err != nil {
		return err
	}
	return audited(report)
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// audited is the error of a report that is not clean.
func audited(report *audit.Report) error {
	what := "auditing " + report.Repository
	switch violations := report.Count(audit.Violation); {
	case violations > 0:
		return &promotion.Blocked{What: what, State: gate.Fail, Reason: counted(violations, "finding breaks a promise", "findings break a promise"),
			Fix: "https://github.com/getpawl/pawl/blob/main/docs/how-to/audit.md says what each of them means, and what to do"}
	case !report.Clean:
		return &promotion.Blocked{What: what, State: gate.Unknown, Cause: report.Cause(), Reason: counted(report.Count(audit.Unknown), "point could not be proved", "points could not be proved"),
			Fix: unprovedFix(report.Cause())}
	}
	return nil
}

// unprovedFix says what to do about what could not be proved. Without a cause the
// evidence does not exist, or no more.
func unprovedFix(cause error) string {
	switch {
	case errors.Is(cause, forge.ErrAccess), errors.Is(cause, git.ErrAccess):
		return "give the token what it lacks, then run the same command again"
	case cause != nil:
		return "run the same command again: what could not be read is no violation, and not proved"
	}
	return "what was before the record of moves begins is left out with --since"
}
