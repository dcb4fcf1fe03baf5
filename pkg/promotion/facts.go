package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
)

// activityLimit bounds how far back a commit's time as head is looked for.
const activityLimit = 1000

// gather reads what the gates of one promotion look at, and nothing that they
// do not. A fact that cannot be read is kept as such: its gate will say unknown.
func (s Source) gather(ctx context.Context, rules policy, comparison forge.Comparison, pr *forge.PullRequest, at scene) gate.Facts {
	commits := comparison.Commits
	comparison.Commits = nil // their messages are nobody's business who reads a record
	facts := gate.Facts{
		From: rules.From, To: rules.To,
		Commit: comparison.Head, Head: HeadBranch(rules.To, comparison.Head),
		PullRequest: pr,
		Comparison:  gate.Known(comparison),
	}
	s.gatherEarned(ctx, &facts, at)
	s.gatherVolatile(ctx, &facts)
	s.gatherEntry(ctx, &facts)
	s.gatherPermissions(ctx, &facts, nil)
	s.gatherContributors(&facts, commits)
	s.gatherContent(ctx, &facts, at)
	s.gatherVersions(ctx, &facts, rules, at, commits)
	facts.Now = s.Forge.Now()
	facts.Explain(alike)
	return facts
}

// gatherEarned reads where the environment before is, and its past heads when
// the commit is not the present one.
func (s Source) gatherEarned(ctx context.Context, facts *gate.Facts, at scene) {
	facts.FromHead = at.head(facts.From.Branch)
	if facts.FromHead.Err == nil && facts.FromHead.Value != facts.Commit {
		facts.Moves = gate.Lookup(s.Forge.Activity(ctx, facts.From.Branch, activityLimit))
	}
}

// gatherMoved reads where the environments are once more. If one of them moved, what
// rests on that is read again: when the commit was head of the environment before,
// and which versions were taken back.
func (s Source) gatherMoved(ctx context.Context, facts *gate.Facts, rules policy, at *scene) {
	_, before, _ := at.heads(rules.All)
	at.refs = gate.Lookup(s.Git.Refs(ctx))
	_, now, err := at.heads(rules.All)
	if err == nil && slices.Equal(before, now) {
		return
	}
	facts.Moves, facts.Landed, facts.Since = gate.Fact[[]forge.Move]{}, gate.Fact[[]forge.PullRequest]{}, gate.Fact[forge.Comparison]{}
	s.gatherEarned(ctx, facts, *at)
	s.gatherPast(ctx, facts, rules, *at)
}

// gatherContributors says who is behind the commits, if a gate asks that.
func (s Source) gatherContributors(facts *gate.Facts, commits []forge.Commit) {
	if !facts.To.Gates.SeparateDuties {
		return
	}
	if all := facts.Comparison.Value.AheadBy; len(commits) < all {
		facts.Contributors = gate.Unread[[]gate.Contributor](fmt.Errorf("the promotion has %d commits, and pawl looks at %d", all, len(commits)))
		return
	}
	contributors := make([]gate.Contributor, len(commits))
	for i, commit := range commits {
		contributors[i] = gate.Contributor{SHA: commit.SHA, Author: commit.AuthorLogin, Committer: commit.CommitterLogin}
	}
	facts.Contributors = gate.Known(contributors)
}

// gatherVolatile reads what can change from one moment to the next.
func (s Source) gatherVolatile(ctx context.Context, facts *gate.Facts) {
	if len(facts.To.Gates.Checks) > 0 {
		facts.Statuses = gate.Lookup(s.Forge.Statuses(ctx, facts.Commit))
		facts.CheckRuns = gate.Lookup(s.Forge.CheckRuns(ctx, facts.Commit))
	}
	if wantsReviews(facts.To.Gates) && facts.PullRequest != nil {
		facts.Reviews = gate.Lookup(s.Forge.Reviews(ctx, facts.PullRequest.Number))
	}
}

func wantsReviews(rules config.Gates) bool { return rules.Approvals > 0 || rules.CodeOwners }

// sinceLimit bounds how far back the first parents of the environment before are
// followed, and how many merged pull requests into it are looked at.
const sinceLimit = 100

// gatherEntry reads when the commit came to the environment before, if a gate asks
// that: from the record of moves, and where that does not say, from the pull
// requests that were merged into it and the commits since.
func (s Source) gatherEntry(ctx context.Context, facts *gate.Facts) {
	if gate.NeedsEntry(*facts) && !facts.Moves.Asked() {
		facts.Moves = gate.Lookup(s.Forge.Activity(ctx, facts.From.Branch, activityLimit))
	}
	if !gate.NeedsLanding(*facts) || facts.Landed.Asked() {
		return
	}
	filter := forge.PullRequestFilter{State: forge.Merged, Base: facts.From.Branch, Limit: sinceLimit}
	facts.Landed = gate.Lookup(s.Forge.PullRequests(ctx, filter))
	if head, err := facts.FromHead.Get(); err == nil && head != facts.Commit {
		facts.Since = gate.Lookup(s.Forge.Compare(ctx, facts.Commit, head, sinceLimit))
	}
}

// gatherPermissions looks up everyone whose review could count. Those in the map are
// not asked about again.
func (s Source) gatherPermissions(ctx context.Context, facts *gate.Facts, known map[string]gate.Fact[forge.Permission]) {
	facts.Permissions = map[string]gate.Fact[forge.Permission]{}
	for _, review := range gate.Latest(facts.Reviews.Value) {
		if fact, ok := known[review.Author]; ok {
			facts.Permissions[review.Author] = fact
			continue
		}
		facts.Permissions[review.Author] = s.permission(ctx, review.Author)
	}
}

// permission looks up what somebody may do. An account that is gone may do
// nothing, which the service proves by not knowing it.
func (s Source) permission(ctx context.Context, login string) gate.Fact[forge.Permission] {
	role, err := s.Forge.Permission(ctx, login)
	if errors.Is(err, forge.ErrNotFound) {
		return gate.Known(forge.PermissionNone)
	}
	return gate.Lookup(role, err)
}

// firstCause returns the error behind the first fact that could not be read.
func firstCause(facts gate.Facts) error {
	var first error
	facts.Explain(func(err error) error {
		first = cmp.Or(first, err)
		return err
	})
	return first
}

// cause is why something is unknown: the first fact that could not be read; else, where
// all that there is does not tell which version is newer, that looking again is in vain.
// What other gates do not know, a record that lags may still tell.
func cause(facts gate.Facts, verdicts []gate.Verdict) error {
	err := firstCause(facts)
	if err == nil && slices.ContainsFunc(verdicts, func(v gate.Verdict) bool { return v.Gate == "images" && v.State == gate.Unknown }) {
		return gate.ErrUndecidable
	}
	return err
}

// kinds are the errors of package git that callers tell apart, and what the forge calls
// the same. A record of facts keeps the latter.
func kinds() [][2]error {
	return [][2]error{
		{git.ErrAccess, forge.ErrAccess}, {git.ErrTransient, forge.ErrTransient}, {git.ErrMoved, forge.ErrTransient},
		{git.ErrNotFound, forge.ErrTransient}, {context.DeadlineExceeded, forge.ErrTransient},
	}
}

// kinded is an error of the kind that the forge would have given.
type kinded struct {
	error
	kind error
}

func (k *kinded) Unwrap() []error { return []error{k.error, k.kind} }

// alike gives an error of package git the kind that the forge's have.
func alike(err error) error {
	for _, pair := range kinds() {
		if errors.Is(err, pair[0]) && !errors.Is(err, pair[1]) {
			return &kinded{err, pair[1]}
		}
	}
	return err
}
