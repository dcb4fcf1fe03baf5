package gate

import (
	"fmt"

	"github.com/getpawl/pawl/pkg/forge"
)

// edge asks whether the pull request is a promotion at all: from the write-once
// branch that its commit calls for, in this repository, into the environment's
// branch. A moving or foreign head could change after the approval.
func edge(facts Facts) Verdict {
	const name = "edge"
	route := fmt.Sprintf("%s → %s", facts.From.Name, facts.To.Name)
	pr := facts.PullRequest
	if pr == nil {
		return Verdict{Gate: name, State: Pass, Reason: route}
	}
	fail := func(format string, args ...any) Verdict {
		return Verdict{Gate: name, State: Fail, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case pr.State == forge.Merged:
		return fail("pull request #%d is merged already", pr.Number)
	case pr.State != forge.Open:
		return fail("pull request #%d is closed", pr.Number)
	case pr.HeadRepo == "" || pr.HeadRepo != pr.BaseRepo:
		return fail("the head is in another repository: %q", pr.HeadRepo)
	case pr.Base != facts.To.Branch:
		return fail("the base is %q, not %s's branch %q", pr.Base, facts.To.Name, facts.To.Branch)
	case pr.Head != facts.Head:
		return fail("the head branch is %q; a promotion of this commit has %q", pr.Head, facts.Head)
	case pr.HeadSHA != facts.Commit:
		return fail("the head moved to %s", Short(pr.HeadSHA))
	case pr.Draft:
		return Verdict{Gate: name, State: Pending, Reason: fmt.Sprintf("pull request #%d is a draft", pr.Number)}
	}
	return Verdict{Gate: name, State: Pass, Reason: route, Evidence: []string{fmt.Sprintf("pull request #%d", pr.Number)}}
}
