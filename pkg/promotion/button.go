package promotion

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// pressed says whether a merged promotion was merged with a button of the service
// instead of a fast-forward, and the environment before lacks the commit that the
// button made. Then the branches have parted, and a person must act. GitHub names
// that commit; for a fast-forward it may name one that is in no branch, so both
// branches are asked.
func (s Source) pressed(ctx context.Context, pr forge.PullRequest) error {
	if pr.MergeSHA == "" || pr.MergeSHA == pr.HeadSHA {
		return nil
	}
	landed, err := s.Forge.Compare(ctx, pr.MergeSHA, pr.Base, 0)
	if errors.Is(err, forge.ErrNotFound) || err == nil && landed.Relation != forge.Ahead && landed.Relation != forge.Identical {
		return nil
	}
	if err != nil {
		return err
	}
	rules, err := s.policyOverAPI(ctx, pr, forge.Comparison{Base: landed.Head, Head: pr.HeadSHA})
	if err != nil {
		return err
	}
	lacks, err := s.Forge.Compare(ctx, rules.From.Branch, pr.MergeSHA, 1)
	if err != nil {
		return err
	}
	if lacks.Relation != forge.Ahead && lacks.Relation != forge.Diverged {
		return nil
	}
	return &Blocked{
		What:  fmt.Sprintf("merging #%d into %s", pr.Number, rules.To.Name),
		State: gate.Fail,
		Reason: fmt.Sprintf("it was merged with the merge button (%s): %s now holds %s, which %s lacks",
			button(lacks, pr), rules.To.Branch, gate.Short(pr.MergeSHA), rules.From.Branch),
		Fix: heal(rules),
	}
}

// button tells from the commit which of the methods made it. Squash puts the
// number of the pull request at the end of the subject, unless somebody edits it.
func button(made forge.Comparison, pr forge.PullRequest) string {
	if len(made.Commits) == 0 {
		return "method unknown"
	}
	commit := made.Commits[len(made.Commits)-1]
	switch {
	case len(commit.Parents) > 1:
		return "merge commit"
	case strings.HasSuffix(commit.Subject(), fmt.Sprintf("(#%d)", pr.Number)):
		return "squash"
	}
	return "squash or rebase"
}

// lastMerged finds the newest merged promotion into an environment.
func (s Source) lastMerged(ctx context.Context, to config.Environment) (forge.PullRequest, bool, error) {
	merged, err := s.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Merged, Base: to.Branch, Limit: recentMerges})
	if err != nil {
		return forge.PullRequest{}, false, err
	}
	found := promotionsInto(merged, to)
	if len(found) == 0 {
		return forge.PullRequest{}, false, nil
	}
	return found[0], true, nil
}

// recentMerges is how many merged pull requests are looked through for the newest
// promotion.
const recentMerges = 20
