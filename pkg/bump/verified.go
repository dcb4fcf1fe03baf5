package bump

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
)

// commitFiles has the service make the commit. Its errors are those of a push.
func (p *PushPlan) commitFiles(ctx context.Context, message git.Message) (string, error) {
	text, err := message.Text()
	if err != nil {
		return "", err
	}
	modes := map[string]uint32{}
	for _, entry := range p.entries {
		modes[entry.Path] = entry.Mode
	}
	files := make([]forge.FileChange, len(p.Files))
	for i, path := range p.Files {
		files[i] = forge.FileChange{Path: path, Content: p.after[path], Mode: modes[path]}
	}
	commit, err := p.site.target.Forge.CommitFiles(ctx, p.Branch, p.Tip, files, text)
	switch {
	case errors.Is(err, forge.ErrMoved):
		return "", fmt.Errorf("%w: %w", git.ErrMoved, err)
	case errors.Is(err, forge.ErrTransient):
		return "", fmt.Errorf("%w: %w", git.ErrUnknownOutcome, err)
	}
	return commit, err
}

// canBeVerified refuses a commit that the environment would not take, before it is
// on the branch: what is there cannot be taken away again.
func (p *PushPlan) canBeVerified(stamp Stamp) error {
	target := p.site.target
	if !p.site.env.RequireVerified || p.Empty() {
		return nil
	}
	if target.Forge == nil {
		return &Refusal{
			Reason: p.Environment + " takes verified commits only (requireVerified), and a plain Git server does not tell which are",
			Fix:    "use --repo OWNER/NAME",
		}
	}
	if !target.ViaAPI && stamp.Sign == nil {
		return p.unsigned("nothing is set to sign this one")
	}
	return nil
}

func (p *PushPlan) unsigned(reason string) error {
	return &Refusal{
		Reason: p.Environment + " takes verified commits only (requireVerified), and " + reason,
		Fix:    "have the service make and sign it with --commit-via api, or sign it yourself: git config commit.gpgsign true, or PAWL_SIGNING_KEY_FILE",
	}
}

// verify reads back what the service says of a commit that landed.
func (p *PushPlan) verify(ctx context.Context, outcome *Outcome) error {
	if !p.site.env.RequireVerified || p.site.target.Forge == nil || !slices.Contains([]string{ActionPush, ActionPull, ActionLanded}, outcome.Action) {
		return nil
	}
	verified, reason, err := p.site.target.Forge.Verification(ctx, outcome.Commit)
	if err != nil {
		return fmt.Errorf("commit %s is on %s, and whether it is verified could not be read: %w", outcome.Commit, p.Branch, err)
	}
	if verified {
		return nil
	}
	return &Refusal{
		Reason: fmt.Sprintf("commit %s is on %s, and it is not verified: %s", outcome.Commit, p.Branch, reason),
		Fix:    "do not promote it: add the key that it is signed with to the account of its committer, then run the same command again, which makes no second commit",
	}
}
