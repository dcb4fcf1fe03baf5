package promotion

import (
	"context"
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
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
	blocked.Reason += fmt.Sprintf("; %s has %s that %s lacks:", rules.To.Branch, output.Plural(foreign.AheadBy, "commit"), rules.From.Branch)
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

// looks says what made a commit, as far as its shape tells, and its trailers. The
// squash button copies the messages of what it squashes, trailers included, so that it
// comes before what they say.
func looks(commit forge.Commit) string {
	says := exception(commit.Message)
	switch {
	case len(commit.Parents) > 1 && says != "back-merge":
		return "a merge commit: somebody used the merge button"
	case strings.HasSuffix(commit.Subject(), ")") && strings.Contains(commit.Subject(), "(#"):
		text := "a squashed pull request: somebody used the squash button"
		if says != "" {
			text += "; its trailer says that it is a " + says
		}
		return text
	case says != "":
		return "a " + says + ", as its trailer says"
	}
	return "made on this branch"
}

// exception is what a commit says that it is, of all that may enter an environment
// without having been in the one before; empty when it says nothing.
func exception(message string) string {
	for _, each := range []struct{ key, name string }{{"Hotfix", "hotfix"}, {trailerRollback, "rollback"}, {"Back-Merge-Of", "back-merge"}} {
		if len(trailers(message, each.key)) > 0 {
			return each.name
		}
	}
	return ""
}

// heal is the way back to a line: a merge commit at the head of the first
// environment, which has what is foreign as its second parent. Promoted from
// there it reaches every branch by fast-forward; no other branch has to be pushed
// to, and nothing needs force. Of two versions the newer one is kept: that is the one
// upstream, unless the hotfix brought it.
func heal(rules policy) string {
	return fmt.Sprintf("merge %s into %s, keeping the newer image versions: %s; then: %s",
		rules.To.Branch, rules.Way[0].Branch, HealCommand(rules.Way[0], rules.To), strings.Join(rules.promotions(), ", "))
}

// HealCommand makes that merge commit, in a clone at any branch: a line for a shell.
func HealCommand(first, to config.Environment) string {
	return fmt.Sprintf("git fetch && git switch %s && git pull --ff-only && git merge --no-ff %s && git push", output.ShellWord(first.Branch), output.ShellWord("origin/"+to.Branch))
}
