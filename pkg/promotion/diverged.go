package promotion

import (
	"context"
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// diagnosed is how many foreign commits a divergence report names.
const diagnosed = 10

// diverged reports why a branch cannot be fast-forwarded: which commits it has
// that the candidate lacks, and how to bring them upstream without force.
func (s Source) diverged(ctx context.Context, rules policy, head, candidate string) error {
	blocked := &Blocked{
		What:   fmt.Sprintf("promoting into %s", rules.To.Name),
		State:  gate.Fail,
		Reason: fmt.Sprintf("%s and %s diverged", rules.To.Branch, gate.Short(candidate)),
		Fix:    heal(rules),
	}
	foreign, err := s.Forge.Compare(ctx, candidate, head, diagnosed)
	if err != nil {
		blocked.Reason += fmt.Sprintf(" (the commits in question could not be listed: %v)", err)
		return blocked
	}
	blocked.Reason += fmt.Sprintf("; %s has %s that %s lacks:", rules.To.Branch, plural(foreign.AheadBy, "commit"), rules.From.Branch)
	for _, commit := range foreign.Commits {
		blocked.Reason += "\n  " + diagnose(commit)
	}
	if more := foreign.AheadBy - len(foreign.Commits); more > 0 {
		blocked.Reason += fmt.Sprintf("\n  and %d older", more)
	}
	return blocked
}

// diagnose names a foreign commit and what it looks like.
func diagnose(commit forge.Commit) string {
	return fmt.Sprintf("%s %s (%s; %s)", gate.Short(commit.SHA), output.Clean(commit.Subject()), output.Clean(commit.Author), looks(commit))
}

// looks says what made a commit, as far as its shape tells.
func looks(commit forge.Commit) string {
	if len(commit.Parents) > 1 {
		return "a merge commit: somebody used the merge button"
	}
	if strings.HasSuffix(commit.Subject(), ")") && strings.Contains(commit.Subject(), "(#") {
		return "a squashed pull request: somebody used the squash button"
	}
	return "made on this branch"
}

// heal is the way back to a line: a merge commit at the head of the first
// environment, which has what is foreign as its second parent. Promoted from
// there it reaches every branch by fast-forward; no other branch has to be pushed
// to, and nothing needs force.
func heal(rules policy) string {
	return fmt.Sprintf("merge %[1]s into %[2]s, keeping the image versions of %[2]s: "+
		"git fetch && git switch %[2]s && git pull --ff-only && git merge --no-ff origin/%[1]s && git push; then: %[3]s",
		rules.To.Branch, rules.Way[0].Branch, strings.Join(rules.promotions(), ", "))
}
