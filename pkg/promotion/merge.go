package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// MergeOptions say what to merge: the open promotion into an environment, or one
// pull request.
type MergeOptions struct {
	Environment string
	Number      int
	Commit      string        // the head that the pull request must have; empty: whichever it has
	Wait        time.Duration // how long to wait for what is pending; 0: not at all
	DryRun      bool          // evaluate and write nothing
	Publish     bool          // set the commit status of every verdict, before the branch moves
	Target      string        // where that status leads to; empty: to the pull request
	Override    *Override     // a gate to set aside; who does it is asked of the service
}

// Merge finds the promotion, waits until its gates pass or fail, and
// fast-forwards. What it waits for is the pull request, and the head, that it saw
// first. The plan says how far it came, with an error or without.
func Merge(ctx context.Context, s Source, options MergeOptions) (*MergePlan, error) {
	var plan *MergePlan
	err := s.poll(ctx, options.Wait, func(ctx context.Context) error {
		var err error
		if plan, err = PlanMerge(ctx, s, options); plan.Number > 0 {
			options.Number, options.Commit = plan.Number, plan.Commit
		}
		err = errors.Join(err, plan.publish(ctx, options))
		if err != nil || options.DryRun {
			return err
		}
		if err = plan.Apply(ctx); err != nil {
			err = errors.Join(err, plan.publish(ctx, options))
		}
		return err
	})
	return plan, err
}

// publish sets the commit status, when asked to. A branch rule can require it, so
// it comes before the branch moves; and after a refusal once more.
func (p *MergePlan) publish(ctx context.Context, options MergeOptions) error {
	if !options.Publish || options.DryRun || len(p.Gates) == 0 {
		return nil
	}
	return p.Publish(ctx, p.source, cmp.Or(options.Target, p.URL))
}

// MergeReport is what became of every open promotion.
type MergeReport struct {
	Repository string       `json:"repository"`
	DryRun     bool         `json:"dryRun"`
	Merges     []*MergePlan `json:"merges"` // one for each environment but the first, the last one first
}

// MergeAll merges the open promotion into every environment, each by itself: what
// one of them says keeps no other from landing. It begins with the last
// environment, so that no commit passes through two of them in one run.
func MergeAll(ctx context.Context, s Source, options MergeOptions) (*MergeReport, error) {
	report := &MergeReport{Repository: s.Name, DryRun: options.DryRun, Merges: []*MergePlan{}}
	cfg, err := s.environments(ctx)
	if err != nil {
		return report, err
	}
	s.Config = cfg
	var problems []error
	for i := len(cfg.Environments) - 1; i > 0 && ctx.Err() == nil; i-- {
		options.Environment = cfg.Environments[i].Name
		plan, err := Merge(ctx, s, options)
		report.Merges = append(report.Merges, plan)
		problems = append(problems, err)
	}
	return report, errors.Join(append(problems, ctx.Err())...)
}

// MergePlan is a promotion that may land, or the reason why there is none.
type MergePlan struct {
	Verification
	Action string `json:"action"` // none, merge or merged
	Reason string `json:"reason,omitempty"`
	DryRun bool   `json:"dryRun"`
	Branch string `json:"branch"`
	// Overrides are the gates that a person set aside.
	Overrides []Override `json:"overrides,omitempty"`

	source   Source
	pr       forge.PullRequest
	leftover bool // the promotion landed, and an interrupted run left its branch
}

// The actions of a merge.
const (
	ActionMerge  = "merge"  // will be fast-forwarded
	ActionMerged = "merged" // was fast-forwarded by this run
)

// NothingToMerge is the plan that does nothing, for a reason.
func NothingToMerge(s Source, reason string) *MergePlan {
	return &MergePlan{
		Action: ActionNone, Reason: reason, source: s,
		Verification: Verification{Repository: s.Name, Gates: []gate.Verdict{}},
	}
}

// PlanMerge finds the promotion and evaluates its gates. It writes nothing. The
// plan comes with the error of [Verification.Err] when a gate does not pass.
func PlanMerge(ctx context.Context, s Source, options MergeOptions) (*MergePlan, error) {
	plan := NothingToMerge(s, "")
	plan.DryRun = options.DryRun
	pr, found, err := s.findPromotion(ctx, plan, options)
	if err != nil || !found {
		return plan, err
	}
	plan.pr, plan.Branch = pr, pr.Base
	plan.Number, plan.URL, plan.Commit = pr.Number, pr.WebURL, pr.HeadSHA
	if pr.State == forge.Merged {
		plan.Reason = fmt.Sprintf("#%d is merged already", pr.Number)
		return plan, plan.afterwards(ctx)
	}
	if plan.Overrides, err = s.overrides(ctx, options); err != nil {
		return plan, err
	}
	report, err := s.verify(ctx, pr, plan.Overrides...)
	if err != nil {
		return plan, fmt.Errorf("merging #%d: %w", pr.Number, err)
	}
	plan.Verification = *report
	if err := plan.changed(ctx, options.Commit); err != nil {
		return plan, err
	}
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

// afterwards looks at a pull request that is merged already: how, and whether its
// branch is still there.
func (p *MergePlan) afterwards(ctx context.Context) error {
	if err := p.source.pressed(ctx, p.pr); err != nil {
		return err
	}
	ours := strings.HasPrefix(p.pr.Head, headPrefix) && strings.HasSuffix(p.pr.Head, "/"+gate.Short(p.pr.HeadSHA))
	if !ours || p.pr.HeadRepo != p.pr.BaseRepo {
		return nil
	}
	head, err := p.source.Forge.Branch(ctx, p.pr.Head)
	if errors.Is(err, forge.ErrNotFound) {
		return nil
	}
	p.leftover = err == nil && head == p.pr.HeadSHA
	return err
}

// changed says why a pull request cannot be merged that is not, or not any more,
// the one that was meant: its head moved, or another promotion took its place.
func (p *MergePlan) changed(ctx context.Context, commit string) error {
	blocked := &Blocked{What: p.what(), State: gate.Fail, Fix: "open the promotion of the present commit with: pawl promote " + p.To}
	switch {
	case commit != "" && commit != p.pr.HeadSHA:
		blocked.Reason = fmt.Sprintf("edge: the head moved from %s to %s", gate.Short(commit), gate.Short(p.pr.HeadSHA))
	case p.pr.State == forge.Closed:
		blocked.Reason = fmt.Sprintf("edge: pull request #%d is closed", p.pr.Number)
		open, err := p.source.openPromotions(ctx, p.rules.To)
		if err != nil {
			return fmt.Errorf("%s: %s; looking for a newer promotion: %w", blocked.What, blocked.Reason, err)
		}
		if len(open) > 0 {
			blocked.Reason += fmt.Sprintf("; #%d promotes %s instead", open[0].Number, gate.Short(open[0].HeadSHA))
			blocked.Fix = fmt.Sprintf("merge that one: pawl merge %d", open[0].Number)
		}
	default:
		return nil
	}
	return blocked
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
		last, found, err := s.lastMerged(ctx, to)
		if err == nil && found {
			plan.pr = last
			err = plan.afterwards(ctx)
		}
		return forge.PullRequest{}, false, err
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
	if p.leftover {
		p.deleteHead(ctx)
	}
	if p.Action != ActionMerge {
		return nil
	}
	if p.landed() {
		p.Action = ActionMerged
		p.tidy(ctx)
		return nil
	}
	if err := p.confirm(ctx); err != nil || p.Action == ActionNone {
		return err
	}
	if err := p.tellOverrides(ctx); err != nil {
		p.Action = ActionNone
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
	if pr.State == forge.Merged {
		p.Action, p.Reason = ActionNone, fmt.Sprintf("#%d was merged meanwhile", pr.Number)
		return p.source.pressed(ctx, pr)
	}
	facts := p.facts
	facts.PullRequest = &pr
	p.source.gatherVolatile(ctx, &facts)
	p.source.gatherMoved(ctx, &facts, p.rules, &p.scene)
	p.source.gatherEntry(ctx, &facts)
	p.source.gatherPermissions(ctx, &facts, nil)
	facts.Now = p.source.Forge.Now()
	facts.Explain(alike)
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
		blocked.Fix = ruleFix(refused, p.pr.Number)
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
	p.deleteHead(ctx)
}

// deleteHead deletes the branch of a promotion that landed.
func (p *MergePlan) deleteHead(ctx context.Context) {
	if err := p.source.Forge.DeleteBranch(ctx, p.pr.Head, p.pr.HeadSHA); err != nil {
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
