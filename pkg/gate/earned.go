package gate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/getpawl/pawl/pkg/forge"
)

// forcePush is the kind of a move that did not go forward.
// https://docs.github.com/rest/repos/repos#list-repository-activities
const forcePush = "force_push"

// earned asks whether the commit was ever the head of the environment before.
// Being an ancestor of that head is not enough: a fast-forward over several
// commits puts all of them into the branch's history, but only the last one ran.
// A move by force proves nothing: it may have put there what was never promoted.
func earned(facts Facts) Verdict {
	const name = "earned"
	branch := facts.From.Branch
	head, err := facts.FromHead.Get()
	if err != nil {
		return unknown(name, err)
	}
	if head == facts.Commit {
		return Verdict{Gate: name, State: Pass, Reason: "head of " + branch + " now"}
	}
	if facts.To.Gates.RequireCurrent {
		return Verdict{Gate: name, State: Fail, Reason: fmt.Sprintf("is not the head of %s now, and %s takes nothing else", branch, facts.To.Name)}
	}
	moves, err := facts.Moves.Get()
	for _, move := range newestFirst(moves) {
		if move.After == facts.Commit && move.Kind != forcePush {
			return Verdict{Gate: name, State: Pass, Reason: fmt.Sprintf("was head of %s since %s", branch, stamp(move.Time)),
				Evidence: []string{describe(move)}}
		}
	}
	pr, other := landing(facts)
	switch {
	case other == nil:
		return Verdict{Gate: name, State: Pass, Reason: fmt.Sprintf("became head of %s with pull request #%d", branch, pr.Number),
			Evidence: []string{fmt.Sprintf("#%d was merged at %s", pr.Number, stamp(pr.Merged))}}
	case err != nil:
		return unknown(name, err)
	case slices.ContainsFunc(moves, forced):
		return unknown(name, fmt.Errorf("%s was moved by force, so its record proves nothing; %w", branch, other))
	case facts.Landed.Asked() && !errors.Is(other, errNotLanded):
		return unknown(name, other)
	}
	return Verdict{Gate: name, State: Fail, Reason: fmt.Sprintf("was never head of %s", branch)}
}

func forced(move forge.Move) bool { return move.Kind == forcePush }

// newestFirst puts moves in order, by time and then by id.
func newestFirst(moves []forge.Move) []forge.Move {
	sorted := slices.Clone(moves)
	slices.SortStableFunc(sorted, func(a, b forge.Move) int {
		if order := b.Time.Compare(a.Time); order != 0 {
			return order
		}
		return int(max(-1, min(1, b.ID-a.ID)))
	})
	return sorted
}
