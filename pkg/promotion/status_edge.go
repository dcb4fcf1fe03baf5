package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// statusEdge compares an environment with the one before it, both of which have a
// branch, and looks at the open promotion.
func (s Source) statusEdge(ctx context.Context, snap snapshot, status *EnvironmentStatus, env, before config.Environment) {
	edge, err := s.foreign(ctx, snap.head(before), status.Commit)
	if err != nil {
		status.State = EdgeUnknown
		status.unread("relation", err)
		return
	}
	status.Relation, status.Behind, status.Ahead = edge.Relation, edge.AheadBy, edge.BehindBy
	switch edge.Relation {
	case forge.Ahead:
		status.State, status.Next = EdgeBehind, "pawl promote "+env.Name
	case forge.Diverged, forge.Behind:
		status.State = EdgeDiverged
		s.statusHeal(ctx, snap, status, env)
		merged := s.diagnoseStatus(ctx, status, env, edge.Commits)
		snap.open.Value = slices.DeleteFunc(slices.Clone(snap.open.Value), func(pr forge.PullRequest) bool {
			return slices.ContainsFunc(merged, func(other forge.PullRequest) bool { return other.Number == pr.Number })
		})
	}
	s.statusPromotion(ctx, snap, status, env, edge)
}

// statusHeal says what brings diverged branches together: a merge into the first
// environment, or only a promotion, once that has what is foreign.
func (s Source) statusHeal(ctx context.Context, snap snapshot, status *EnvironmentStatus, env config.Environment) {
	first, second := snap.cfg.Environments[0], snap.cfg.Environments[1]
	status.Next = HealCommand(first, env)
	if first.Name == status.From || snap.head(first) == "" {
		return
	}
	merged, err := s.relate(ctx, status.Commit, snap.head(first))
	switch {
	case err != nil:
		status.unread("foreign", err)
	case merged.Relation == forge.Ahead || merged.Relation == forge.Identical:
		status.MergedBack, status.Next = first.Name, "pawl promote "+second.Name
	}
}

// foreign compares the environment before with the one after it, as candidate and
// base, and brings along the commits that only the latter has. It asks the other way
// around, since the service lists the commits of one side only.
func (s Source) foreign(ctx context.Context, source, target string) (forge.Comparison, error) {
	if source == target {
		return forge.Comparison{Relation: forge.Identical, Base: target, Head: source}, nil
	}
	c, err := s.Forge.Compare(ctx, source, target, diagnosed)
	c.Base, c.Head, c.AheadBy, c.BehindBy = c.Head, c.Base, c.BehindBy, c.AheadBy
	switch c.Relation {
	case forge.Ahead:
		c.Relation = forge.Behind
	case forge.Behind:
		c.Relation = forge.Ahead
	}
	return c, err
}

// diagnoseStatus says what each foreign commit looks like. One that a merge button
// made of a promotion is known by the pull request. It returns the newest promotions
// that were merged: one of them may have been open a moment ago.
func (s Source) diagnoseStatus(ctx context.Context, status *EnvironmentStatus, env config.Environment, commits []forge.Commit) []forge.PullRequest {
	merged, err := s.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Merged, Base: env.Branch, Limit: recentMerges})
	if err != nil {
		status.unread("foreign", err)
	}
	for _, commit := range commits {
		made := ForeignCommit{SHA: commit.SHA, Author: commit.Author, Subject: commit.Subject(), Looks: looks(commit)}
		for _, pr := range promotionsInto(merged, env) {
			if pr.MergeSHA == commit.SHA && pr.HeadSHA != commit.SHA {
				made.Number = pr.Number
				made.Looks = fmt.Sprintf("promotion #%d, merged with the merge button (%s)", pr.Number,
					button(forge.Comparison{Commits: []forge.Commit{commit}}, pr))
			}
		}
		status.Foreign = append(status.Foreign, made)
	}
	return merged
}

// errMoved: what the snapshot says of a pull request and what the API says are from
// different moments.
var errMoved = fmt.Errorf("%w: it moved while it was read; look again", forge.ErrTransient)

// statusPromotion says what the open promotion waits for.
func (s Source) statusPromotion(ctx context.Context, snap snapshot, status *EnvironmentStatus, env config.Environment, edge forge.Comparison) {
	open, err := snap.open.Get()
	if err != nil {
		if status.State == EdgeBehind {
			status.State = EdgeUnknown
		}
		status.unread("promotion", err)
		return
	}
	promotions := promotionsInto(open, env)
	if len(promotions) == 0 {
		return
	}
	pr := promotions[0]
	comparison, err := s.standing(ctx, snap, status.Commit, pr, edge)
	if err == nil && (comparison.Relation == forge.Identical || comparison.Relation == forge.Behind) {
		return // it landed, and the service has not noticed, or it landed just now
	}
	status.Open = &OpenPromotion{Number: pr.Number, URL: pr.WebURL, Commit: pr.HeadSHA, State: gate.Unknown, Gates: []gate.Verdict{}}
	var facts gate.Facts
	if err == nil {
		facts, err = s.statusFacts(ctx, snap, env, pr, comparison)
	}
	if err != nil {
		status.unread("promotion", fmt.Errorf("#%d: %w", pr.Number, err))
	} else {
		status.Open.judge(facts)
		if why := cause(facts, status.Open.Gates); why != nil && status.Open.State == gate.Unknown {
			status.unreadErr = append(status.unreadErr, why)
		}
	}
	status.follow(pr.HeadSHA == edge.Head)
}

// standing compares the environment with the commit of a pull request, if that is
// where the snapshot has it.
func (s Source) standing(ctx context.Context, snap snapshot, commit string, pr forge.PullRequest, edge forge.Comparison) (forge.Comparison, error) {
	head, there := snap.refs["refs/heads/"+pr.Head]
	var comparison forge.Comparison
	var err error
	switch {
	case there && head != pr.HeadSHA:
		return comparison, errMoved
	case pr.HeadSHA == edge.Head:
		edge.Commits = nil
		comparison = edge
	default:
		comparison, err = s.relate(ctx, commit, pr.HeadSHA)
	}
	landed := comparison.Relation == forge.Identical || comparison.Relation == forge.Behind
	if err == nil && !there && !landed {
		return comparison, errMoved // its branch is gone: somebody has closed it
	}
	return comparison, err
}

// statusFacts reads what the gates of the open promotion look at.
func (s Source) statusFacts(ctx context.Context, snap snapshot, env config.Environment, pr forge.PullRequest, comparison forge.Comparison) (gate.Facts, error) {
	known := func() (*config.Config, error) { return snap.cfg, nil }
	rules, err := policyFor(ctx, snap.trees.file, env.Branch, snap.head(env), "", known)
	if err != nil {
		return gate.Facts{}, err
	}
	if snap.head(rules.From) == "" {
		return gate.Facts{}, errors.New(rules.From.Name + " has no branch")
	}
	trees := gate.Lookup(s.fetch(ctx, comparison.Base, comparison.Head))
	return s.gather(ctx, rules, comparison, &pr, newScene(gate.Known(snap.refs), trees)), nil
}

// relate compares two commits, and spares the request where they are the same.
func (s Source) relate(ctx context.Context, base, head string) (forge.Comparison, error) {
	if base == head {
		return forge.Comparison{Relation: forge.Identical, Base: base, Head: head}, nil
	}
	return s.Forge.Compare(ctx, base, head, 0)
}

func (o *OpenPromotion) judge(facts gate.Facts) {
	o.Gates = gate.Evaluate(facts)
	o.State = gate.Overall(o.Gates)
	o.Waits = waits(o.Gates, facts)
}

// follow says what the open promotion makes of the edge, and which command comes
// next. A promotion of an older commit is replaced by promoting again, unless it
// can land.
func (e *EnvironmentStatus) follow(newest bool) {
	if e.State == EdgeDiverged {
		return
	}
	e.Next = afterOpen(e.Open.State, e.Name, e.Open.Number)
	switch e.Open.State {
	case gate.Pass:
		e.State = EdgeReady
	case gate.Pending:
		e.State = EdgeWaiting
	case gate.Fail:
		e.State = EdgeBlocked
	default:
		e.State = EdgeUnknown
	}
	if !newest && (e.Open.State == gate.Pending || e.Open.State == gate.Fail) {
		e.Next = "pawl promote " + e.Name
	}
}

// afterOpen is the command that moves an open promotion on, or says what blocks it and
// how to mend that.
func afterOpen(state gate.State, to string, number int) string {
	switch state {
	case gate.Pass:
		return "pawl merge " + to
	case gate.Pending:
		return "pawl merge " + to + " --wait"
	}
	return fmt.Sprintf("pawl verify %d", number)
}
