package gate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
)

// entry is when the commit became the head of the environment before, and how that
// is known.
type entry struct {
	at       time.Time
	evidence string
}

// NeedsEntry says whether the gates have to know when the commit came to the
// environment before, so that Moves, or else Landed and Since, have to be looked up.
// It looks at the reports on the commit, which must be there already.
func NeedsEntry(facts Facts) bool {
	rules := facts.To.Gates
	if rules.Soak > 0 || len(rules.Checks) > 0 && rules.MissingTimeout > 0 {
		return true
	}
	if len(rules.Checks) == 0 {
		return false
	}
	return slices.ContainsFunc(facts.Statuses.Value, func(s forge.Status) bool { return tellsOf(s.Context, facts.From) }) ||
		slices.ContainsFunc(facts.CheckRuns.Value, func(r forge.CheckRun) bool { return tellsOf(r.Name, facts.From) })
}

// NeedsLanding says whether the record of moves was looked up and does not show the
// commit coming to the environment before, so that Landed and Since have to be
// looked up.
func NeedsLanding(facts Facts) bool {
	moves, err := facts.Moves.Get()
	if err != nil {
		return facts.Moves.Asked()
	}
	return !slices.ContainsFunc(moves, func(m forge.Move) bool { return m.After == facts.Commit && !forced(m) })
}

// entered finds the commit's last entry into the environment before: in the
// service's record of moves, or from the pull request that brought it.
func entered(facts Facts) (entry, error) {
	moves, err := facts.Moves.Get()
	if err == nil {
		for _, move := range newestFirst(moves) {
			if move.After == facts.Commit {
				return entry{move.Time, describe(move)}, nil
			}
		}
	}
	pr, other := landing(facts)
	if other == nil {
		return entry{pr.Merged, fmt.Sprintf("pull request #%d, merged at %s", pr.Number, stamp(pr.Merged))}, nil
	}
	if err == nil {
		err = fmt.Errorf("the record of moves does not say when this commit entered %s; %w", facts.From.Branch, other)
	}
	return entry{}, err
}

func describe(move forge.Move) string {
	return fmt.Sprintf("%s by %s at %s, activity %d", move.Kind, move.Actor, stamp(move.Time), move.ID)
}

// rival is how close to each other two pull requests are merged by one move of
// their base. GitHub marks every open pull request whose head became reachable, so
// that one which lay on the way looks like one that was the goal. It does so some
// time after the move.
// https://docs.github.com/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges#indirect-merges
const rival = 10 * time.Minute

var errNotLanded = errors.New("no merged pull request brought this commit")

// landing finds the merged pull request that made the commit the head of the
// environment before. Being merged is not enough: the merge button puts another
// commit at the head, and a pull request that lay on the way of another's move was
// never it. So the commit must be the head, or the first parents must lead to it,
// and no other pull request may have landed at the same time.
func landing(facts Facts) (forge.PullRequest, error) {
	landed, err := facts.Landed.Get()
	if err != nil {
		return forge.PullRequest{}, err
	}
	for _, pr := range landed {
		if pr.HeadSHA != facts.Commit || pr.State != forge.Merged || pr.Merged.IsZero() || pr.Base != facts.From.Branch {
			continue
		}
		if err := undisputed(facts, pr, landed); err != nil {
			return forge.PullRequest{}, err
		}
		return pr, straight(facts)
	}
	return forge.PullRequest{}, fmt.Errorf("%w to %s", errNotLanded, facts.From.Branch)
}

func undisputed(facts Facts, pr forge.PullRequest, landed []forge.PullRequest) error {
	if head, err := facts.FromHead.Get(); err == nil && head == facts.Commit {
		return nil
	}
	for _, other := range landed {
		if other.HeadSHA != pr.HeadSHA && other.Base == pr.Base && other.Merged.Sub(pr.Merged).Abs() < rival {
			return fmt.Errorf("pull requests #%d and #%d were merged together, and only one of them was the head of %s",
				pr.Number, other.Number, facts.From.Branch)
		}
	}
	return nil
}

// straight walks the first parents from the head of the environment before to the
// commit.
func straight(facts Facts) error {
	head, err := facts.FromHead.Get()
	if err != nil || head == facts.Commit {
		return err
	}
	since, err := facts.Since.Get()
	if err != nil {
		return err
	}
	if since.Relation != forge.Ahead || since.Base != facts.Commit || since.Head != head || len(since.Commits) != since.AheadBy {
		return errors.New("the commits since then are not all known")
	}
	parent := map[string]string{}
	for _, commit := range since.Commits {
		if len(commit.Parents) > 0 {
			parent[commit.SHA] = commit.Parents[0]
		}
	}
	at := head
	for range since.Commits {
		if at = parent[at]; at == facts.Commit {
			return nil
		}
	}
	return fmt.Errorf("a merge brought this commit to %s, so that another one became the head", facts.From.Branch)
}
