package promotion

import (
	"context"
	"errors"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// activityLimit bounds how far back a commit's time as head is looked for.
const activityLimit = 1000

// gather reads what the gates of one promotion look at, and nothing that they
// do not. A fact that cannot be read is kept as such: its gate will say unknown.
// The head of the environment before is one of them; a caller that has it from a
// snapshot of all branches brings it along.
func (s Source) gather(ctx context.Context, rules policy, comparison forge.Comparison, pr *forge.PullRequest, fromHead string) gate.Facts {
	facts := gate.Facts{
		From: rules.From, To: rules.To,
		Commit: comparison.Head, Head: HeadBranch(rules.To, comparison.Head),
		PullRequest: pr,
		Comparison:  gate.Known(comparison),
	}
	s.gatherEarned(ctx, &facts, fromHead)
	s.gatherVolatile(ctx, &facts)
	s.gatherEntry(ctx, &facts)
	s.gatherPermissions(ctx, &facts)
	s.gatherContent(ctx, &facts)
	facts.Now = s.Forge.Now()
	return facts
}

// gatherEarned reads where the environment before is, and its past heads when
// the commit is not the present one.
func (s Source) gatherEarned(ctx context.Context, facts *gate.Facts, fromHead string) {
	facts.FromHead = gate.Known(fromHead)
	if fromHead == "" {
		facts.FromHead = gate.Lookup(s.Forge.Branch(ctx, facts.From.Branch))
	}
	if facts.FromHead.Err == nil && facts.FromHead.Value != facts.Commit {
		facts.Moves = gate.Lookup(s.Forge.Activity(ctx, facts.From.Branch, activityLimit))
	}
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

// gatherPermissions looks up everyone whose review could count. Who is known
// already is not asked about again.
func (s Source) gatherPermissions(ctx context.Context, facts *gate.Facts) {
	known := facts.Permissions
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
	causes := []error{facts.Comparison.Err, facts.FromHead.Err, facts.Moves.Err, facts.Landed.Err, facts.Since.Err,
		facts.Statuses.Err, facts.CheckRuns.Err, facts.Reviews.Err,
		facts.Owners.Err, facts.Changes.Err, facts.Leaks.Err}
	for _, permission := range facts.Permissions {
		causes = append(causes, permission.Err)
	}
	for _, cause := range causes {
		if cause != nil {
			return cause
		}
	}
	return nil
}
