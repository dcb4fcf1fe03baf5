package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// maxStatusText is GitHub's limit for the description of a commit status, in
// characters. The service answers 422 to a longer one.
const maxStatusText = 140

// CommitStatus is the commit status that says what the gates say. Only a pass is
// a success; what could not be found out is an error.
func (v *Verification) CommitStatus(target string) forge.Status {
	states := map[gate.State]string{gate.Pass: "success", gate.Pending: "pending", gate.Fail: "failure"}
	state, ok := states[v.State]
	if !ok {
		state = "error"
	}
	return forge.Status{Context: gate.StatusContext(v.To), State: state, Description: v.statusText(), TargetURL: target}
}

// statusText is one line for people, the worst first. A reason may quote others.
func (v *Verification) statusText() string {
	if v.State == gate.Pass {
		return fmt.Sprintf("%s may go from %s to %s", gate.Short(v.Commit), v.From, v.To)
	}
	var reasons []string
	for _, state := range []gate.State{gate.Fail, gate.Unknown, gate.Pending} {
		for _, verdict := range v.Gates {
			if verdict.State == state {
				reasons = append(reasons, verdict.Gate+": "+verdict.Reason)
			}
		}
	}
	return cut(output.Clean(strings.Join(reasons, "; ")), maxStatusText)
}

// cut shortens a text to so many characters.
func cut(text string, characters int) string {
	runes := []rune(text)
	if len(runes) <= characters {
		return text
	}
	return string(runes[:characters-1]) + "…"
}

// Publish sets the commit status on the head of the pull request. A status that
// says the same already stays, because a commit takes 1,000 of one context and
// then no more (https://docs.github.com/rest/commits/statuses). Nothing is set on
// a pull request that is not open: what landed keeps the status that it landed with.
func (v *Verification) Publish(ctx context.Context, s Source, target string) error {
	if pr := v.facts.PullRequest; pr.State != forge.Open {
		v.Notes = append(v.Notes, fmt.Sprintf("#%d is %s: no status was published", pr.Number, pr.State))
		return nil
	}
	want := v.CommitStatus(target)
	what := fmt.Sprintf("publishing the status %s of #%d", want.Context, v.Number)
	now := v.facts.Statuses
	if !now.Asked() { // the gates needed none
		now = gate.Lookup(s.Forge.Statuses(ctx, v.Commit))
	}
	if now.Err != nil {
		return fmt.Errorf("%s: %w", what, now.Err)
	}
	if slices.ContainsFunc(now.Value, func(is forge.Status) bool {
		return is.Context == want.Context && is.State == want.State && is.Description == want.Description
	}) {
		v.Published = "unchanged"
		return nil
	}
	if err := s.Forge.SetStatus(ctx, v.Commit, want); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	v.Published = want.State
	return nil
}
