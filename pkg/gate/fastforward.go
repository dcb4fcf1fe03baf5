package gate

import (
	"fmt"

	"github.com/getpawl/pawl/pkg/forge"
)

// fastForward asks whether the target branch can reach the commit by moving
// forward only.
func fastForward(facts Facts) Verdict {
	const name = "fast-forward"
	if facts.Comparison.Err != nil {
		return unknown(name, facts.Comparison.Err)
	}
	comparison := facts.Comparison.Value
	branch := facts.To.Branch
	switch comparison.Relation {
	case forge.Ahead:
		return Verdict{Gate: name, State: Pass, Reason: fmt.Sprintf("%s moves forward by %s from %s",
			branch, commits(comparison.AheadBy), Short(comparison.Base))}
	case forge.Identical:
		return Verdict{Gate: name, State: Pass, Reason: branch + " is at this commit already"}
	case forge.Behind:
		return Verdict{Gate: name, State: Fail, Reason: fmt.Sprintf("%s is past this commit by %s",
			branch, commits(comparison.BehindBy))}
	case forge.Diverged:
		return Verdict{Gate: name, State: Fail, Reason: fmt.Sprintf("%s has %s that this commit lacks",
			branch, commits(comparison.BehindBy))}
	}
	return Verdict{Gate: name, State: Unknown, Reason: fmt.Sprintf("the relation %q is not one that pawl knows", comparison.Relation)}
}

func commits(n int) string {
	if n == 1 {
		return "1 commit"
	}
	return fmt.Sprintf("%d commits", n)
}
