package promotion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// MergeOptions say what to merge: the open promotion into an environment, or one
// pull request.
type MergeOptions struct {
	Environment string
	Number      int
}

// MergePlan is a promotion that may land, or the reason why there is none.
type MergePlan struct {
	Verification
	Action string `json:"action"` // none, merge or merged
	Reason string `json:"reason,omitempty"`
	DryRun bool   `json:"dryRun"`
	Branch string `json:"branch"`

	source Source
	pr     forge.PullRequest
}

// The actions of a merge.
const (
	ActionMerge  = "merge"  // will be fast-forwarded
	ActionMerged = "merged" // was fast-forwarded by this run
)

// PlanMerge finds the promotion and evaluates its gates. It writes nothing. The
// plan comes with the error of [Verification.Err] when a gate does not pass.
func PlanMerge(ctx context.Context, s Source, options MergeOptions) (*MergePlan, error) {
	plan := &MergePlan{Action: ActionNone, source: s, Verification: Verification{Repository: s.Name, Gates: []gate.Verdict{}}}
	pr, found, err := s.findPromotion(ctx, plan, options)
	if err != nil || !found {
		return plan, err
	}
	plan.pr, plan.Branch = pr, pr.Base
	if pr.State == forge.Merged {
		plan.Number, plan.URL, plan.Commit = pr.Number, pr.WebURL, pr.HeadSHA
		plan.Reason = fmt.Sprintf("#%d is merged already", pr.Number)
		return plan, nil
	}
	report, err := s.verify(ctx, pr)
	if err != nil {
		return plan, fmt.Errorf("merging #%d: %w", pr.Number, err)
	}
	plan.Verification = *report
	if plan.landed() {
		plan.Action, plan.Reason = ActionMerge, fmt.Sprintf("%s is at %s already", plan.Branch, gate.Short(plan.Commit))
		return plan, nil
	}
	if err := plan.blocked(plan.what()); err != nil {
		return plan, err
	}
	plan.Action = ActionMerge
	return plan, nil
}

// landed says whether an earlier run moved the branch and was interrupted before
// it tidied up. A pull request that is no promotion is never tidied away: its
// head may be a branch that somebody needs.
func (p *MergePlan) landed() bool {
	return p.facts.Comparison.Value.Relation == forge.Identical && gate.Of(p.Gates, "edge").State == gate.Pass
}

func (p *MergePlan) what() string { return fmt.Sprintf("merging #%d into %s", p.pr.Number, p.To) }

// findPromotion finds the pull request that the options name.
func (s Source) findPromotion(ctx context.Context, plan *MergePlan, options MergeOptions) (forge.PullRequest, bool, error) {
	if options.Number > 0 {
		pr, err := s.Forge.PullRequest(ctx, options.Number)
		return pr, err == nil, err
	}
	cfg, err := s.environments(ctx)
	if err != nil {
		return forge.PullRequest{}, false, err
	}
	to, err := environment(cfg, options.Environment)
	if err != nil {
		return forge.PullRequest{}, false, err
	}
	plan.To, plan.Branch = to.Name, to.Branch
	if _, ok := cfg.Before(to.Name); !ok {
		return forge.PullRequest{}, false, firstEnvironment(to)
	}
	open, err := s.openPromotions(ctx, to)
	if err != nil {
		return forge.PullRequest{}, false, err
	}
	switch len(open) {
	case 0:
		plan.Reason = fmt.Sprintf("no promotion into %s is open", to.Name)
		return forge.PullRequest{}, false, nil
	case 1:
		return open[0], true, nil
	}
	return forge.PullRequest{}, false, &UsageError{
		Problem: fmt.Sprintf("%d promotions into %s are open: #%d, #%d, …", len(open), to.Name, open[0].Number, open[1].Number),
		Fix:     fmt.Sprintf("name one: pawl merge %d; or let the newest supersede the others: pawl promote %s", open[0].Number, to.Name),
	}
}

// Apply fast-forwards the branch. It reads everything that could have changed
// once more, moves the branch by compare-and-swap from the value that was
// evaluated, and then tidies up. The move is the one step that cannot be undone:
// all before it can be thrown away, and what goes wrong after it is only told.
func (p *MergePlan) Apply(ctx context.Context) error {
	if p.Action != ActionMerge {
		return nil
	}
	if p.landed() {
		p.Action = ActionMerged
		p.tidy(ctx)
		return nil
	}
	if err := p.confirm(ctx); err != nil {
		return err
	}
	if err := p.move(ctx); err != nil {
		return p.explain(err)
	}
	p.Action = ActionMerged
	p.tidy(ctx)
	return nil
}

// move is the one irreversible step. Once it is under way, an interruption waits
// until it is known whether it happened.
func (p *MergePlan) move(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), movedWithin)
	defer cancel()
	return p.source.Forge.FastForward(ctx, p.Branch, p.Before, p.Commit)
}

// movedWithin bounds the move of the branch, with the reading back.
const movedWithin = 30 * time.Second

// confirm evaluates the gates again on fresh volatile facts. The target branch
// is not among them: the compare-and-swap holds it to the value in the plan.
func (p *MergePlan) confirm(ctx context.Context) error {
	pr, err := p.source.Forge.PullRequest(ctx, p.pr.Number)
	if err != nil {
		return fmt.Errorf("%s: %w", p.what(), err)
	}
	facts := p.facts
	facts.PullRequest = &pr
	p.source.gatherVolatile(ctx, &facts)
	p.source.gatherEntry(ctx, &facts)
	p.source.gatherPermissions(ctx, &facts)
	facts.Now = p.source.Forge.Now()
	p.facts = facts
	p.Gates = gate.Evaluate(facts)
	p.State = gate.Overall(p.Gates)
	if err := p.blocked(p.what()); err != nil {
		p.Action = ActionNone
		return err
	}
	return nil
}

// explain turns the refusal of a move into what a person can do about it.
func (p *MergePlan) explain(err error) error {
	p.Action = ActionNone
	blocked := &Blocked{What: p.what(), State: gate.Fail, Cause: err}
	var refused *forge.RefusedError
	switch {
	case errors.Is(err, forge.ErrMoved):
		blocked.State = gate.Pending
		blocked.Reason = fmt.Sprintf("%s moved while the gates were evaluated; nothing was changed", p.Branch)
		blocked.Fix = "run the same command again: it evaluates the new state"
	case errors.Is(err, forge.ErrNotFastForward):
		blocked.Reason = fmt.Sprintf("%s does not lead to %s by moving forward", p.Branch, gate.Short(p.Commit))
		blocked.Fix = "open the promotion of the present commit with: pawl promote " + p.To
	case errors.As(err, &refused):
		blocked.Reason = refused.Error()
		blocked.Fix = "the rules of the branch must let this token update it: add it to the bypass list of the rule that is named, with the mode \"always\""
	default:
		return fmt.Errorf("%s: %w", p.what(), err)
	}
	return blocked
}

// mergedWithin is how long GitHub is given to notice that the pull request is
// merged. It does so by itself when the base reaches the head.
// https://docs.github.com/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges#indirect-merges
const mergedWithin = 60 * time.Second

// tidy waits until the pull request shows as merged and deletes its head branch.
// The promotion has happened; whatever fails here becomes a note.
func (p *MergePlan) tidy(ctx context.Context) {
	merged, err := p.awaitMerged(ctx)
	switch {
	case err != nil:
		p.Notes = append(p.Notes, fmt.Sprintf("whether #%d shows as merged is not known: %v", p.pr.Number, err))
		return
	case !merged:
		p.closeUnnoticed(ctx)
	}
	if err := p.source.Forge.DeleteBranch(ctx, HeadBranch(p.rules.To, p.Commit), p.Commit); err != nil {
		p.Notes = append(p.Notes, fmt.Sprintf("the branch %s was not deleted: %v", p.pr.Head, err))
	}
}

// awaitMerged polls with growing pauses.
func (p *MergePlan) awaitMerged(ctx context.Context) (bool, error) {
	pause := time.Second
	for waited := time.Duration(0); ; waited += pause {
		pr, err := p.source.Forge.PullRequest(ctx, p.pr.Number)
		if err != nil {
			return false, err
		}
		if pr.State == forge.Merged {
			return true, nil
		}
		if waited >= mergedWithin {
			return false, nil
		}
		if waited == 0 && p.source.Progress != nil {
			p.source.Progress("%s is at %s; waiting for the service to show #%d as merged", p.Branch, gate.Short(p.Commit), p.pr.Number)
		}
		if waited > 0 {
			pause = min(pause*3/2, 8*time.Second)
		}
		if err := p.source.Sleep(ctx, pause); err != nil {
			return false, err
		}
	}
}

// closeUnnoticed closes a pull request that GitHub did not mark as merged,
// saying where its commit went.
func (p *MergePlan) closeUnnoticed(ctx context.Context) {
	text := fmt.Sprintf("%s was fast-forwarded to %s, the head of this pull request. GitHub did not notice, so pawl closes it.", p.Branch, p.Commit)
	err := p.source.Forge.Comment(ctx, p.pr.Number, "landed", text)
	if err == nil {
		err = p.source.Forge.ClosePullRequest(ctx, p.pr.Number)
	}
	note := fmt.Sprintf("#%d did not show as merged within %s and was closed with a comment", p.pr.Number, mergedWithin)
	if err != nil {
		note = fmt.Sprintf("#%d does not show as merged and could not be closed: %v", p.pr.Number, err)
	}
	p.Notes = append(p.Notes, note)
}
