package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
)

const (
	zeros = "0000000000000000000000000000000000000000" // no commit: a branch began, or ended

	// minMoves is how many moves of a branch are read at least: what came to one
	// environment may have been head of the one before long ago.
	minMoves = 1000
	// maxDescends is how often the server is asked whether one commit is in the history
	// of another. Nearly always the first parents answer that.
	maxDescends = 100
	// maxAsides is how often commits are asked for that are not among a branch's first
	// parents, and aside how many come with each.
	maxAsides, aside = 100, 20
	// morePulls is how many pull requests are read besides two for each move.
	morePulls = 100

	forcePush = "force_push" // https://docs.github.com/rest/repos/repos#list-repository-activities
)

// branch is an environment's branch and the evidence about it.
type branch struct {
	env     config.Environment
	before  *branch // the environment that is promoted from; nil for the first one
	audited bool
	head    string

	moves   []forge.Move          // newest first, the first one led to the head
	whole   bool                  // the last of them is how the branch began
	cut     bool                  // there are more moves than were read
	record  error                 // why there is no record
	judged  int                   // how many of them are judged
	commits []git.Commit          // first-parent history from the head, newest first
	history error                 // why there is none
	place   map[string]int        // by commit: where in that history it is
	aside   map[string]git.Commit // heads of the branch that are not in it, and the commits that they came with
	recent  int                   // how many of the commits came with the judged moves
	short   bool                  // there are more such commits than are known

	pulls    []forge.PullRequest
	allPulls bool // there are no others
	unpulled error

	steps []step
}

// read gathers the evidence about one branch.
func (a *auditor) read(ctx context.Context, env config.Environment, i int, head string) *branch {
	b := &branch{env: env, head: head, place: map[string]int{}, aside: map[string]git.Commit{}}
	b.audited = len(a.options.Environments) == 0 || slices.Contains(a.options.Environments, env.Name)
	if i > 0 {
		b.before = a.branches[i-1]
	}
	limit := max(a.options.Limit, minMoves)
	moves, err := a.source.Forge.Activity(ctx, env.Branch, limit)
	b.cut = len(moves) == limit
	b.record = err
	if err == nil {
		b.moves, b.record = upTo(moves, head)
	}
	b.whole = len(b.moves) > 0 && b.moves[len(b.moves)-1].Before == zeros
	if head != "" {
		b.commits, b.history = a.source.Git.History(ctx, head, a.options.Limit+1)
	}
	for i, commit := range b.commits {
		b.place[commit.SHA] = i
	}
	a.readAside(ctx, b)
	return b
}

// readAside reads commits that were on the branch and are not among its first parents:
// a merge took them in on its other side, or the branch was moved by force.
func (a *auditor) readAside(ctx context.Context, b *branch) {
	for i := range b.moves {
		m := &b.moves[i]
		if _, found := b.commit(m.After); found || m.After == zeros || a.asides == 0 {
			continue
		}
		a.asides--
		list, _ := a.source.Git.History(ctx, m.After, aside) // a commit that is gone is found missing where it is needed
		for _, commit := range list {
			if _, found := b.commit(commit.SHA); found || commit.SHA == m.Before {
				break
			}
			b.aside[commit.SHA] = commit
		}
	}
}

var errBehind = errors.New("the service's record does not show how the branch came to where it is")

// upTo puts moves in order, the newest first, and leaves out those that came after the
// branches were read.
func upTo(moves []forge.Move, head string) ([]forge.Move, error) {
	moves = slices.Clone(moves)
	slices.SortStableFunc(moves, func(x, y forge.Move) int {
		return cmp.Or(y.Time.Compare(x.Time), cmp.Compare(y.ID, x.ID))
	})
	want := cmp.Or(head, zeros)
	i := slices.IndexFunc(moves, func(m forge.Move) bool { return m.After == want })
	switch {
	case i >= 0:
		return moves[i:], nil
	case head == "" && len(moves) == 0:
		return nil, nil // there is no branch, and there never was
	}
	return nil, errBehind
}

// window decides which moves and commits are judged.
func (a *auditor) window() error {
	since := a.options.Since
	if a.options.SinceCommit != "" {
		first := a.firstMove(a.options.SinceCommit)
		if first == nil {
			return &UsageError{fmt.Sprintf("%q was never head of an environment, as far as the record of moves goes", a.options.SinceCommit),
				"give a commit that was, or a date such as 2026-03-02"}
		}
		if first.Time.After(since) {
			since = first.Time
		}
	}
	for _, b := range a.branches {
		b.judged = min(a.options.Limit, len(b.moves))
		if i := slices.IndexFunc(b.moves, func(m forge.Move) bool { return m.Time.Before(since) }); i >= 0 {
			b.judged = min(i, b.judged)
		}
		b.recent, b.short = b.came()
		b.recent = min(b.recent, a.options.Limit)
		b.steps = b.list()
	}
	return nil
}

// readPulls reads the pull requests into a branch: those that brought its moves, and
// those that were given up meanwhile.
func (a *auditor) readPulls(ctx context.Context, b *branch) {
	if b.before == nil || !b.audited || b.judged == 0 {
		return
	}
	limit := 2*b.judged + morePulls
	b.pulls, b.unpulled = a.source.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.All, Base: b.env.Branch, Limit: limit})
	b.allPulls = len(b.pulls) < limit
}

// firstMove finds how a commit first became the head of an environment.
func (a *auditor) firstMove(sha string) *forge.Move {
	var first *forge.Move
	for _, b := range a.branches {
		for i := range b.moves {
			m := &b.moves[i]
			if len(sha) >= 7 && strings.HasPrefix(m.After, strings.ToLower(sha)) && (first == nil || m.Time.Before(first.Time)) {
				first = m
			}
		}
	}
	return first
}

// came counts the commits that the judged moves brought, along the first parents, and
// says whether the history that was read ends before they do. Without a record, all
// commits that are known count.
func (b *branch) came() (count int, short bool) {
	last := len(b.commits) - 1
	ends := last >= 0 && len(b.commits[last].Parents) == 0
	if b.record != nil {
		return len(b.commits), !ends
	}
	for _, m := range b.moves[:b.judged] {
		if at, found := b.place[m.After]; found && m.Before != zeros {
			count = max(count, at+1)
		} else if found {
			count = max(count, at) // what a branch began with was there before
		}
		if at, found := b.place[m.Before]; found {
			count = max(count, at)
		}
	}
	if b.judged == 0 || ends || b.head == "" {
		return count, false
	}
	first := b.moves[b.judged-1]
	if _, found := b.place[first.Before]; found {
		return count, false
	}
	if _, found := b.place[first.After]; found && first.Before == zeros {
		return count, false
	}
	return len(b.commits), true
}

// list makes the steps whose versions are compared: each commit of the first
// environment, each move of the others.
func (b *branch) list() []step {
	var steps []step
	if b.before != nil {
		for i := range b.judged {
			m := &b.moves[i]
			if m.Before != zeros && m.After != zeros && m.Kind != forcePush {
				steps = append(steps, step{before: m.Before, after: m.After, move: m})
			}
		}
		return steps
	}
	for _, commit := range b.commits[:b.recent] {
		if len(commit.Parents) > 0 {
			steps = append(steps, step{before: commit.Parents[0], after: commit.SHA, move: b.brought(commit.SHA)})
		}
	}
	return steps
}

// brought finds the move that brought a commit to the branch: the oldest one that led
// to it or past it, along the first parents. It is nil when the record does not go
// back so far.
func (b *branch) brought(sha string) *forge.Move {
	at, found := b.place[sha]
	if !found {
		return nil
	}
	var last *forge.Move
	for i := range b.moves {
		place, known := b.place[b.moves[i].After]
		if known && place > at {
			return last
		}
		if known {
			last = &b.moves[i]
		}
	}
	if last != nil && (b.whole || b.place[last.Before] > at) {
		return last
	}
	return nil
}

// commit finds a commit of the branch.
func (b *branch) commit(sha string) (git.Commit, bool) {
	if i, found := b.place[sha]; found {
		return b.commits[i], true
	}
	commit, found := b.aside[sha]
	return commit, found
}
