package gate

import (
	"fmt"
	"slices"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
)

// stay is a time during which the commit was the head of the environment before
// without a break.
type stay struct {
	from, to time.Time
	open     bool // it is the head still
	evidence string
}

func (s stay) length() time.Duration { return s.to.Sub(s.from) }

// soak asks whether the commit was the head of the environment before for long
// enough without a break. Times are the service's: the dates in a commit are
// whatever its author wrote, and say when it was made, not when it arrived.
func soak(facts Facts) Verdict {
	const name = "soak"
	want := time.Duration(facts.To.Gates.Soak)
	stays, doubt := occupancy(facts)
	verdict := Verdict{Gate: name, State: Pass}
	var longest stay
	for _, s := range stays {
		verdict.Evidence = append(verdict.Evidence, s.evidence)
		if s.length() > longest.length() {
			longest = s
		}
	}
	place, wanted := facts.From.Name, facts.To.Gates.Soak.String()
	if longest.length() >= want {
		verdict.Reason = fmt.Sprintf("%s in %s, or longer", wanted, place)
		return verdict
	}
	if last := len(stays) - 1; last >= 0 && stays[last].open {
		verdict.State, verdict.Until = Pending, stays[last].from.Add(want)
		// How long it has been there is left out: with it, the same facts would read
		// differently every minute.
		verdict.Reason = fmt.Sprintf("%s in %s wanted, since %s: until %s", wanted, place, stamp(stays[last].from), stamp(verdict.Until))
		return verdict
	}
	if doubt != nil {
		return Verdict{Gate: name, State: Unknown, Evidence: verdict.Evidence, Reason: "could not find out: " + legible(doubt.Error())}
	}
	verdict.State = Fail
	verdict.Reason = fmt.Sprintf("%s in %s, %s wanted, and it is not there anymore", spell(longest.length()), place, wanted)
	return verdict
}

// occupancy lists the stays that are proved, oldest first, and why there may be
// others. A stay begins with a move to the commit and ends with a move away from
// it. A stay that began by force does not count, and one whose end is not on record
// cannot be told from a short one.
func occupancy(facts Facts) ([]stay, error) {
	head, err := facts.FromHead.Get()
	if err != nil {
		return nil, err
	}
	moves, err := facts.Moves.Get()
	if err != nil {
		return landed(facts, head, err)
	}
	moves = slices.DeleteFunc(newestFirst(moves), func(m forge.Move) bool { return m.Before == m.After })
	slices.Reverse(moves)
	var stays []stay
	var doubt error
	for i, move := range moves {
		if move.After != facts.Commit {
			continue
		}
		s := stay{from: move.Time, to: facts.Now, open: true, evidence: describe(move)}
		switch next := i + 1; {
		case move.Kind == forcePush:
			doubt = fmt.Errorf("%s was moved to this commit by force", facts.From.Branch)
			continue
		case next < len(moves) && moves[next].Before == facts.Commit:
			s.to, s.open = moves[next].Time, false
			s.evidence += "; " + describe(moves[next])
		case next == len(moves) && head == facts.Commit:
		default:
			doubt = fmt.Errorf("the record of moves of %s has a gap after this commit came", facts.From.Branch)
			continue
		}
		if s.to.Before(s.from) {
			doubt = fmt.Errorf("the record of moves of %s is ahead of the service's clock", facts.From.Branch)
			continue
		}
		stays = append(stays, s)
	}
	if len(stays) > 0 || doubt != nil {
		return stays, doubt
	}
	if slices.ContainsFunc(moves, forced) {
		return nil, fmt.Errorf("%s was moved by force, and the record does not say when this commit came", facts.From.Branch)
	}
	return landed(facts, head, fmt.Errorf("the record of moves of %s does not have this commit", facts.From.Branch))
}

// landed takes the time of the pull request that brought the commit, where the
// record of moves has nothing. It proves a stay only while the commit is the head:
// a branch that moves forward only cannot have left it and come back.
func landed(facts Facts, head string, without error) ([]stay, error) {
	if head != facts.Commit {
		return nil, without
	}
	pr, err := landing(facts)
	if err != nil {
		return nil, fmt.Errorf("%w; %w", without, err)
	}
	if facts.Now.Before(pr.Merged) {
		return nil, fmt.Errorf("pull request #%d was merged in the future", pr.Number)
	}
	return []stay{{from: pr.Merged, to: facts.Now, open: true,
		evidence: fmt.Sprintf("pull request #%d, merged at %s", pr.Number, stamp(pr.Merged))}}, nil
}

// spell writes a time in hours and minutes, rounded down.
func spell(d time.Duration) string {
	minutes := int(d / time.Minute)
	if hours := minutes / 60; hours > 0 {
		return fmt.Sprintf("%dh%02dm", hours, minutes%60)
	}
	return fmt.Sprintf("%dm", minutes)
}
