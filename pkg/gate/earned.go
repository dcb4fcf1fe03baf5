package gate

import (
	"fmt"
	"time"
)

// earned asks whether the commit was ever the head of the environment before.
// Being an ancestor of that head is not enough: a fast-forward over several
// commits puts all of them into the branch's history, but only the last one ran.
func earned(facts Facts) Verdict {
	const name = "earned"
	branch := facts.From.Branch
	if facts.FromHead.Err != nil {
		return unknown(name, facts.FromHead.Err)
	}
	if facts.FromHead.Value == facts.Commit {
		return Verdict{Gate: name, State: Pass, Reason: "head of " + branch + " now"}
	}
	if facts.Moves.Err != nil {
		return unknown(name, facts.Moves.Err)
	}
	for _, move := range facts.Moves.Value {
		if move.After != facts.Commit {
			continue
		}
		return Verdict{
			Gate: name, State: Pass,
			Reason:   fmt.Sprintf("was head of %s since %s", branch, move.Time.UTC().Format(time.RFC3339)),
			Evidence: []string{fmt.Sprintf("%s by %s, activity %d", move.Kind, move.Actor, move.ID)},
		}
	}
	return Verdict{Gate: name, State: Fail, Reason: fmt.Sprintf("was never head of %s", branch)}
}
