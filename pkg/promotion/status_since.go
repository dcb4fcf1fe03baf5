package promotion

import (
	"context"
	"errors"
	"slices"

	"github.com/getpawl/pawl/pkg/forge"
)

// pinned is the service with the record of moves as it was when the branches were
// where refs says: moves that came after that are left out, so that no gate takes a
// branch for gone from where the rest of the report has it.
type pinned struct {
	forge.Forge
	refs map[string]string
}

// Activity lists the moves of a branch up to the snapshot.
func (p pinned) Activity(ctx context.Context, branch string, limit int) ([]forge.Move, error) {
	moves, err := p.Forge.Activity(ctx, branch, limit)
	return upTo(moves, p.refs["refs/heads/"+branch]), err
}

// upTo drops the moves, newest first, that came after a commit was the head.
func upTo(moves []forge.Move, head string) []forge.Move {
	for i, move := range moves {
		switch head {
		case move.After:
			return moves[i:]
		case move.Before:
			return moves[i+1:]
		}
	}
	return moves
}

// recentMoves is one page of the record of moves, of all branches together.
const recentMoves = 100

// errNoRecord: the service has forgotten, or never knew, how a branch came where it is.
var errNoRecord = errors.New("neither the record of moves nor a merged promotion says when it came")

// statusSince says since when each branch is where it is: from the service's record of
// moves, of which one page for all branches mostly is enough, else from the promotion
// that was merged. The dates in a commit say when it was made, which is no answer.
func (s Source) statusSince(ctx context.Context, report *StatusReport) {
	recent, err := s.Forge.Activity(ctx, "", recentMoves)
	for i := range report.Environments {
		env := &report.Environments[i]
		if env.Commit == "" {
			continue
		}
		ofBranch := slices.DeleteFunc(slices.Clone(recent), func(m forge.Move) bool { return m.Branch != env.Branch })
		if env.came(upTo(ofBranch, env.Commit)) {
			continue
		}
		problem := err
		if err == nil && len(recent) == recentMoves { // there are older ones
			moves, other := s.Forge.Activity(ctx, env.Branch, recentMoves)
			if problem = other; env.came(moves) {
				continue
			}
		}
		s.sinceMerge(ctx, env, problem)
	}
}

// came takes the time of the move that brought the branch to its commit.
func (e *EnvironmentStatus) came(moves []forge.Move) bool {
	if len(moves) == 0 || moves[0].After != e.Commit {
		return false
	}
	e.Since, e.By = moves[0].Time, moves[0].Actor
	return true
}

// sinceMerge takes the time at which the promotion of the commit was merged, if the
// record of moves could not be read or does not have it. The first environment gets
// no promotions.
func (s Source) sinceMerge(ctx context.Context, env *EnvironmentStatus, problem error) {
	var merged []forge.PullRequest
	var err error
	if env.From != "" {
		merged, err = s.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Merged, Base: env.Branch, Limit: recentMerges})
	}
	for _, pr := range merged {
		if pr.HeadSHA == env.Commit {
			env.Since = pr.Merged
			return
		}
	}
	switch {
	case problem != nil:
		env.unread("since", problem)
	case err != nil:
		env.unread("since", err)
	default:
		env.unread("since", errNoRecord)
	}
}
