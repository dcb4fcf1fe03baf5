package promotion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/output"
)

// PromoteOptions say what to promote.
type PromoteOptions struct {
	Environment string // promote into this one; empty: into every environment that has something to get
	Commit      string // instead of the head of the environment before; full, or its first 7 digits or more
	Draft       bool
	Labels      []string
	Reviewers   []string // users, and teams as org/team
}

// PromotePlan is what a promotion will do, one entry for each edge.
type PromotePlan struct {
	Repository string       `json:"repository"`
	DryRun     bool         `json:"dryRun"`
	Promotions []*Promotion `json:"promotions"`

	source  Source
	options PromoteOptions
}

// The actions of a promotion.
const (
	ActionNone   = "none"   // nothing to promote
	ActionCreate = "create" // opens a pull request
	ActionUpdate = "update" // refreshes the open one
	ActionKeep   = "keep"   // the open one is as it should be
)

// Promotion is the move of one commit into one environment.
type Promotion struct {
	From       string         `json:"from"`
	To         string         `json:"to"`
	Action     string         `json:"action"`
	Reason     string         `json:"reason,omitempty"` // why there is nothing to do
	Base       string         `json:"base"`
	Head       string         `json:"head,omitempty"`
	Commit     string         `json:"commit"`
	Before     string         `json:"before"` // where the base is now
	Number     int            `json:"number,omitempty"`
	URL        string         `json:"url,omitempty"`
	Supersedes []int          `json:"supersedes,omitempty"` // older open promotions on this edge; they are closed
	Images     []ImageChange  `json:"images"`
	Commits    []Commit       `json:"commits"`
	Gates      []gate.Verdict `json:"gates"`
	Policy     string         `json:"policy"`
	Notes      []string       `json:"notes,omitempty"`

	page       page
	title      string
	body       string // with what people wrote
	open       *forge.PullRequest
	superseded []forge.PullRequest
}

// Commit is a commit that a promotion brings.
type Commit struct {
	SHA     string `json:"sha"`
	Author  string `json:"author"`
	Subject string `json:"subject"`
}

// PlanPromote works out what a promotion would do. It writes nothing. When some
// edges can be planned and others cannot, it returns the plan for the former
// together with the error for the latter.
func PlanPromote(ctx context.Context, s Source, options PromoteOptions) (*PromotePlan, error) {
	plan := &PromotePlan{Repository: s.Name, Promotions: []*Promotion{}, source: s, options: options}
	refs, err := s.Git.Refs(ctx)
	if err != nil {
		return plan, err
	}
	cfg, err := s.environments(ctx)
	if err != nil {
		return plan, err
	}
	targets, err := targets(cfg, options)
	if err != nil {
		return plan, err
	}
	var problems []error
	for _, target := range targets {
		promotion, err := s.planEdge(ctx, refs, cfg, target, options)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		plan.Promotions = append(plan.Promotions, promotion)
	}
	return plan, errors.Join(problems...)
}

func targets(cfg *config.Config, options PromoteOptions) ([]config.Environment, error) {
	if options.Environment != "" {
		target, err := environment(cfg, options.Environment)
		return []config.Environment{target}, err
	}
	if options.Commit != "" {
		return nil, &UsageError{Problem: "a commit needs the environment that it goes to", Fix: "pawl promote ENV --commit " + options.Commit}
	}
	if len(cfg.Environments) < 2 {
		return nil, &UsageError{Problem: "there is one environment only: nothing to promote to", Fix: "list the environments in " + config.FileName}
	}
	return cfg.Environments[1:], nil
}

// planEdge plans the promotion into one environment.
func (s Source) planEdge(ctx context.Context, refs map[string]string, cfg *config.Config, target config.Environment, options PromoteOptions) (*Promotion, error) {
	what := "promoting into " + target.Name
	before, ok := cfg.Before(target.Name)
	if !ok {
		return nil, fmt.Errorf("%s: %w", what, firstEnvironment(target))
	}
	head, err := branchHead(refs, target)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	source, err := branchHead(refs, before)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	candidate, err := s.candidate(ctx, before, source, options.Commit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	trees, err := s.fetch(ctx, head, candidate)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	conventional := func() (*config.Config, error) { return config.Default(git.Branches(refs)) }
	rules, err := policyFor(ctx, trees.file, target.Branch, head, candidate, conventional)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if rules.From.Branch != before.Branch {
		return nil, &Blocked{What: what, State: gate.Fail,
			Reason: fmt.Sprintf("%s says that %s gets its promotions from %s, not from %s", rules.Origin, rules.To.Name, rules.From.Name, before.Name),
			Fix:    "bring the order of environments in line on both branches"}
	}
	return s.planPromotion(ctx, rules, edgeHeads{target: head, candidate: candidate, refs: refs, asked: options.Commit != ""}, trees, cfg)
}

func branchHead(refs map[string]string, env config.Environment) (string, error) {
	if sha, ok := refs["refs/heads/"+env.Branch]; ok {
		return sha, nil
	}
	return "", &UsageError{
		Problem: fmt.Sprintf("%s has no branch %q", env.Name, env.Branch),
		Fix:     createBranch(env),
	}
}

func createBranch(env config.Environment) string {
	return "create it once, where the environment should start: " + createCommand(env)
}

// createCommand leaves the commit to a person: where an environment starts is a
// decision.
func createCommand(env config.Environment) string {
	return "git push origin COMMIT:" + output.ShellWord("refs/heads/"+env.Branch)
}

// candidate is the commit to promote: the head of the environment before, or the
// one asked for, which must have been that head once.
func (s Source) candidate(ctx context.Context, from config.Environment, head, asked string) (string, error) {
	if asked == "" || asked == head {
		return head, nil
	}
	if len(asked) < 7 || strings.Trim(asked, "0123456789abcdef") != "" {
		return "", &UsageError{Problem: fmt.Sprintf("%q is not a commit", asked), Fix: "give the SHA, or its first 7 digits or more"}
	}
	if strings.HasPrefix(head, asked) {
		return head, nil
	}
	moves, err := s.Forge.Activity(ctx, from.Branch, activityLimit)
	if err != nil {
		return "", err
	}
	var found []string
	for _, move := range moves {
		if strings.HasPrefix(move.After, asked) && !slices.Contains(found, move.After) {
			found = append(found, move.After)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &Blocked{What: "choosing the commit", State: gate.Fail,
			Reason: fmt.Sprintf("%s was never head of %s", asked, from.Branch),
			Fix:    fmt.Sprintf("a commit enters an environment only if it was the head of the one before; pick one of: git log --first-parent %s", from.Branch)}
	}
	return "", &UsageError{Problem: fmt.Sprintf("%s stands for %d commits", asked, len(found)), Fix: "give more digits"}
}

// edgeHeads are the commits of an edge, from one snapshot of the branches.
type edgeHeads struct {
	target    string // where the branch is
	candidate string // what is to be promoted
	refs      map[string]string
	asked     bool // the user named the candidate
}

// planPromotion plans the promotion of one commit under the rules of its target.
func (s Source) planPromotion(ctx context.Context, rules policy, heads edgeHeads, trees contents, cfg *config.Config) (*Promotion, error) {
	head, candidate := heads.target, heads.candidate
	p := &Promotion{
		From: rules.From.Name, To: rules.To.Name, Base: rules.To.Branch, Head: HeadBranch(rules.To, candidate),
		Commit: candidate, Before: head, Policy: rules.Origin,
		Action: ActionNone, Images: []ImageChange{}, Commits: []Commit{}, Gates: []gate.Verdict{},
	}
	if rules.Note != "" {
		p.Notes = append(p.Notes, rules.Note)
	}
	comparison, err := s.Forge.Compare(ctx, head, candidate, bodyCommits)
	if err != nil {
		return nil, err
	}
	switch comparison.Relation {
	case forge.Identical:
		p.Reason = fmt.Sprintf("%s is at %s already", p.To, gate.Short(head))
		return p, nil
	case forge.Behind:
		p.Reason = fmt.Sprintf("%s is past %s by %s", p.To, gate.Short(candidate), output.Plural(comparison.BehindBy, "commit"))
		return p, nil
	case forge.Diverged:
		return nil, s.diverged(ctx, rules, head, candidate)
	case forge.Ahead:
	default:
		return nil, fmt.Errorf("comparing %s with %s: unknown relation %q", gate.Short(head), gate.Short(candidate), comparison.Relation)
	}
	for _, commit := range comparison.Commits {
		p.Commits = append(p.Commits, Commit{SHA: commit.SHA, Author: commit.Author, Subject: commit.Subject()})
	}
	if err := trees.describe(ctx, p, rules.To, cfg.Images, comparison); err != nil {
		return nil, err
	}
	if err := s.findOpen(ctx, p, rules.To, heads.asked); err != nil {
		return nil, err
	}
	facts := s.gather(ctx, rules, comparison, p.open, newScene(gate.Known(heads.refs), gate.Known(trees)))
	p.Gates = gate.Evaluate(facts)
	p.decide(rules)
	return p, nil
}

// findOpen looks for the open pull requests on the edge: the one of this commit,
// and those of other commits. It supersedes those that it contains, and any other
// only if the commit was asked for: somebody else may be promoting a newer one at
// this moment.
func (s Source) findOpen(ctx context.Context, p *Promotion, to config.Environment, asked bool) error {
	open, err := s.openPromotions(ctx, to)
	if err != nil {
		return err
	}
	for _, pr := range open {
		if pr.Head == p.Head {
			p.open = &pr
			p.Number, p.URL = pr.Number, pr.WebURL
			continue
		}
		if asked || slices.ContainsFunc(p.Commits, func(c Commit) bool { return c.SHA == pr.HeadSHA }) {
			p.superseded = append(p.superseded, pr)
			p.Supersedes = append(p.Supersedes, pr.Number)
			continue
		}
		p.Notes = append(p.Notes, fmt.Sprintf("#%d promotes another commit, %s, and stays open: it is not part of this promotion", pr.Number, gate.Short(pr.HeadSHA)))
	}
	return nil
}

// openPromotions lists the open promotions into an environment, newest first.
func (s Source) openPromotions(ctx context.Context, to config.Environment) ([]forge.PullRequest, error) {
	all, err := s.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Open, Base: to.Branch})
	if err != nil {
		return nil, err
	}
	return promotionsInto(all, to), nil
}

// promotionsInto picks the pull requests that promote into an environment: from
// a promotion branch of this repository into the environment's branch.
func promotionsInto(all []forge.PullRequest, to config.Environment) []forge.PullRequest {
	var picked []forge.PullRequest
	for _, pr := range all {
		if pr.HeadRepo == pr.BaseRepo && pr.Base == to.Branch && strings.HasPrefix(pr.Head, headPrefix) {
			picked = append(picked, pr)
		}
	}
	return picked
}

// decide says what is to be done, now that everything is known.
func (p *Promotion) decide(rules policy) {
	p.title = title(p)
	if p.open == nil {
		p.Action, p.body = ActionCreate, fit(sections(p, rules), maxBody)
		return
	}
	var ok bool
	p.Action = ActionUpdate
	p.body, ok = update(p.open.Body, sections(p, rules))
	switch {
	case !ok:
		p.Notes = append(p.Notes, fmt.Sprintf("the description of #%d is so long that pawl's part does not fit into it any more: shorten it", p.Number))
		p.Action = ActionKeep
	case p.body == p.open.Body:
		p.Action = ActionKeep
	}
}

// Apply opens or refreshes the pull requests of the plan. Each step finds what an
// earlier, interrupted run left behind: the head branch by its name, the pull
// request by its head and base.
func (p *PromotePlan) Apply(ctx context.Context) error {
	for _, promotion := range p.Promotions {
		if promotion.Action == ActionNone {
			continue
		}
		if err := p.source.apply(ctx, promotion, p.options); err != nil {
			return fmt.Errorf("promoting into %s: %w", promotion.To, err)
		}
	}
	return nil
}

// Await waits until the gates of the pull requests in the plan pass or fail, for
// so long at most. It merges nothing. The error is what [Verification.Err] says of
// those that did not pass.
func (p *PromotePlan) Await(ctx context.Context, s Source, limit time.Duration) error {
	open := slices.DeleteFunc(slices.Clone(p.Promotions), func(each *Promotion) bool { return each.Number == 0 })
	var decided []error
	err := s.poll(ctx, limit, func(ctx context.Context) error {
		var waiting error
		open = slices.DeleteFunc(open, func(each *Promotion) bool {
			err := s.look(ctx, each)
			if err != nil && notYet(err) {
				waiting = err
				return false
			}
			decided = append(decided, err)
			return true
		})
		return waiting
	})
	return errors.Join(append(decided, err)...)
}

// look asks the gates of an open promotion again. One that was merged meanwhile
// has passed.
func (s Source) look(ctx context.Context, p *Promotion) error {
	report, err := Verify(ctx, s, p.Number)
	if err != nil {
		return err
	}
	if report.facts.PullRequest.State == forge.Merged {
		return nil
	}
	p.Gates = report.Gates
	return report.Err()
}

func (s Source) apply(ctx context.Context, p *Promotion, options PromoteOptions) error {
	if err := s.applyPullRequest(ctx, p, options); err != nil {
		return err
	}
	if missing := p.unlabeled(options.Labels); len(missing) > 0 {
		if err := s.Forge.AddLabels(ctx, p.Number, missing); err != nil {
			return fmt.Errorf("pull request #%d is open, but not labeled: %w", p.Number, err)
		}
	}
	if len(options.Reviewers) > 0 {
		if err := s.Forge.RequestReviews(ctx, p.Number, options.Reviewers); err != nil {
			return fmt.Errorf("pull request #%d is open, but reviewers were not asked: %w", p.Number, err)
		}
	}
	return s.supersede(ctx, p)
}

// unlabeled are the labels that the pull request lacks. GitHub compares them
// without case.
func (p *Promotion) unlabeled(labels []string) []string {
	if p.open == nil {
		return labels
	}
	return slices.DeleteFunc(slices.Clone(labels), func(label string) bool {
		return slices.ContainsFunc(p.open.Labels, func(has string) bool { return strings.EqualFold(has, label) })
	})
}

func (s Source) applyPullRequest(ctx context.Context, p *Promotion, options PromoteOptions) error {
	switch p.Action {
	case ActionKeep:
		return nil
	case ActionUpdate:
		return s.Forge.EditPullRequest(ctx, p.Number, p.open.Title, p.body)
	}
	if err := s.Forge.CreateBranch(ctx, p.Head, p.Commit); err != nil {
		return explainHead(p, err)
	}
	pr, err := s.Forge.CreatePullRequest(ctx, forge.NewPullRequest{
		Title: p.title, Body: p.body, Head: p.Head, Base: p.Base, Draft: options.Draft,
	})
	if err != nil && !errors.Is(err, forge.ErrExists) {
		return err
	}
	p.Number, p.URL = pr.Number, pr.WebURL
	return nil
}

// explainHead says what to do about a promotion branch that holds something else:
// somebody pushed to it. What they pushed is theirs, so pawl does not delete it.
func explainHead(p *Promotion, err error) error {
	if !errors.Is(err, forge.ErrExists) {
		return err
	}
	return &Blocked{What: "opening the promotion", State: gate.Fail, Cause: err,
		Reason: fmt.Sprintf("the branch %s is there and holds another commit than its name says: somebody pushed to it", p.Head),
		Fix:    fmt.Sprintf("save what was pushed, if it is needed; then: git push origin --delete %s, and pawl promote %s", p.Head, p.To)}
}

// supersede closes the older promotions of the edge, now that the newer is open,
// each with a pointer to it.
func (s Source) supersede(ctx context.Context, p *Promotion) error {
	for _, old := range p.superseded {
		note := fmt.Sprintf("Superseded by #%d, which promotes %s to %s.", p.Number, gate.Short(p.Commit), p.To)
		if err := s.Forge.Comment(ctx, old.Number, "superseded", note); err != nil {
			return fmt.Errorf("closing #%d, which #%d supersedes: %w", old.Number, p.Number, err)
		}
		// The branch goes first: an interruption after the pull request is closed
		// would leave the branch for good, because no run looks at closed ones. A
		// rule that keeps the branch must not keep the pull request open as well.
		var refused *forge.RefusedError
		err := s.Forge.DeleteBranch(ctx, old.Head, old.HeadSHA)
		if err == nil || errors.Is(err, forge.ErrMoved) || errors.As(err, &refused) {
			err = errors.Join(unless(err, forge.ErrMoved), s.Forge.ClosePullRequest(ctx, old.Number))
		}
		if err != nil {
			return fmt.Errorf("closing #%d, which #%d supersedes, and deleting its branch: %w", old.Number, p.Number, err)
		}
	}
	return nil
}

// unless returns err, or nil when it is of that kind.
func unless(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

func firstEnvironment(env config.Environment) error {
	return &UsageError{
		Problem: fmt.Sprintf("%s is the first environment: nothing is promoted into it", env.Name),
		Fix:     "set image versions there with: pawl bump IMAGE --env " + env.Name + " --push",
	}
}
