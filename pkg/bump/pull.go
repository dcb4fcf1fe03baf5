package bump

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/output"
)

// headPrefix begins the branches of bump pull requests. The configuration allows
// no environment below pawl/.
const headPrefix = "pawl/bump/"

// Review says how to ask for a review instead of pushing.
type Review struct {
	Forge     forge.Forge
	Draft     bool
	Labels    []string
	Reviewers []string // users, and teams as org/team
}

// pull is the one rolling pull request of an environment, which all pipelines
// share.
type pull struct {
	Review
	base   string // the environment's branch
	number int    // the open pull request; 0: none
	url    string
	// clear brings the head branch to where the commit starts from, right before the
	// push; it does nothing when the branch is there.
	clear func(ctx context.Context) error
}

// PlanPull plans the request for the environment's rolling pull request: on top of
// what others put into it already, else on the environment's branch. It writes
// nothing.
func PlanPull(ctx context.Context, target Target, review Review) (*PushPlan, error) {
	at, err := target.find(ctx)
	if err != nil {
		return nil, err
	}
	p := &PushPlan{Environment: at.env.Name, Branch: headPrefix + at.env.Name, site: at, pull: &pull{Review: review, base: at.branch}}
	if err := p.replace(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// replace looks again where the next commit goes, and plans on what is there.
func (p *PushPlan) replace(ctx context.Context) error {
	seen, number := p.old, p.pull.number
	if err := p.place(ctx); err != nil {
		return err
	}
	if p.old == "" || p.pull.number == 0 || p.pull.number != number {
		seen = "" // it is another branch, though of the same name
	}
	return p.plan(ctx, seen)
}

// place finds the commit to start from.
func (p *PushPlan) place(ctx context.Context) error {
	refs, err := p.site.target.Remote.Refs(ctx)
	if err != nil {
		return err
	}
	base, head := refs["refs/heads/"+p.pull.base], refs["refs/heads/"+p.Branch]
	if base == "" {
		return p.site.target.noBranch(ctx, p.pull.base)
	}
	open, err := p.pull.find(ctx, forge.Open, p.Branch)
	if err != nil {
		return err
	}
	p.pull.number, p.pull.url = 0, ""
	p.pull.clear = func(context.Context) error { return nil }
	if len(open) > 0 {
		p.pull.number, p.pull.url = open[0].Number, open[0].WebURL
	}
	switch {
	case head == "":
		p.Tip, p.old = base, ""
		return nil
	case len(open) > 0:
		p.Tip, p.old = head, head
		return nil
	}
	return p.placeOnLeftover(ctx, base, head)
}

// placeOnLeftover decides about a head branch without an open pull request.
func (p *PushPlan) placeOnLeftover(ctx context.Context, base, head string) error {
	merged, err := p.site.target.Remote.Descends(ctx, head, base)
	if err != nil {
		return err
	}
	if merged {
		p.Tip, p.old = base, base
		p.pull.clear = func(ctx context.Context) error {
			if head == base {
				return nil
			}
			return moved(p.pull.Forge.FastForward(ctx, p.Branch, head, base))
		}
		return nil
	}
	done, err := p.pull.find(ctx, forge.All, p.Branch)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(done, func(pr forge.PullRequest) bool { return pr.HeadSHA == head && pr.State != forge.Open }) {
		// Squashed, rebased, or closed by somebody: what is on it is dealt with.
		p.Tip, p.old = base, ""
		p.pull.clear = func(ctx context.Context) error { return moved(p.pull.Forge.DeleteBranch(ctx, p.Branch, head)) }
		return nil
	}
	// Somebody else is about to open the pull request, or was interrupted.
	p.Tip, p.old = head, head
	return nil
}

// moved says in the words of a push that the branch is somewhere else by now.
func moved(err error) error {
	if errors.Is(err, forge.ErrMoved) || errors.Is(err, forge.ErrNotFastForward) || errors.Is(err, forge.ErrNotFound) {
		return fmt.Errorf("%w: %w", git.ErrMoved, err)
	}
	return err
}

// find lists pull requests from the head branch of this very repository.
func (v *pull) find(ctx context.Context, state forge.State, head string) ([]forge.PullRequest, error) {
	all, err := v.Forge.PullRequests(ctx, forge.PullRequestFilter{State: state, Head: head, Base: v.base})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(pr forge.PullRequest) bool { return pr.HeadRepo != pr.BaseRepo }), nil
}

// Propose applies the plan to the head branch and sees to it that the pull request
// is open and tells all that is in it.
func (p *PushPlan) Propose(ctx context.Context, stamp Stamp, pause Pause) (*Outcome, error) {
	outcome, err := p.Apply(ctx, stamp, pause)
	if err != nil {
		return nil, err
	}
	if outcome.Action == ActionPush {
		outcome.Action = ActionPull
	}
	if p.old == "" && outcome.Action != ActionPull {
		return outcome, nil // nothing to review: the environment's branch has it all
	}
	if err := p.describe(ctx); err != nil {
		return nil, explainReview(fmt.Errorf("the commit is on %s, but its pull request is not up to date: %w", p.Branch, err))
	}
	outcome.Number, outcome.URL = p.pull.number, p.pull.url
	return outcome, nil
}

// explainReview tells what the service refused about a pull request from what it
// refuses about a push.
func explainReview(err error) error {
	var rule *forge.RefusedError
	if !errors.As(err, &rule) {
		return err
	}
	return &Refusal{Reason: err.Error(), Fix: "the commit stays: mend that, then run the same command again, which makes no second one"}
}

// describe opens the pull request, or brings its text up to date. Pipelines that
// do so at the same time overwrite each other's text; but each looks afterwards
// whether the branch is still what it described. So the last one to write has
// described what is there.
func (p *PushPlan) describe(ctx context.Context) error {
	for {
		tip, err := p.site.target.Remote.Tip(ctx, p.Branch)
		if err != nil || tip == "" {
			return err // merged and deleted by now
		}
		ahead, err := p.pull.Forge.Compare(ctx, p.pull.base, tip, bodyCommits)
		if err != nil {
			return err
		}
		if ahead.AheadBy == 0 {
			return nil
		}
		if err := p.pull.write(ctx, p.Branch, body(p.Environment, p.pull.base, ahead)); err != nil {
			return err
		}
		now, err := p.site.target.Remote.Tip(ctx, p.Branch)
		if err != nil {
			return err
		}
		if now == tip {
			return p.pull.ask(ctx)
		}
	}
}

// write opens the pull request, or edits the open one.
func (v *pull) write(ctx context.Context, head, part string) error {
	open, err := v.find(ctx, forge.Open, head)
	if err != nil {
		return err
	}
	var pr forge.PullRequest
	if len(open) > 0 {
		pr = open[0]
	} else {
		draft := forge.NewPullRequest{Title: "Bump images in " + strings.TrimPrefix(head, headPrefix), Body: part, Head: head, Base: v.base, Draft: v.Draft}
		if pr, err = v.Forge.CreatePullRequest(ctx, draft); err != nil && !errors.Is(err, forge.ErrExists) {
			return err
		}
	}
	v.number, v.url = pr.Number, pr.WebURL
	if text := forge.MergeBody(pr.Body, part); text != pr.Body {
		return v.Forge.EditPullRequest(ctx, pr.Number, pr.Title, text)
	}
	return nil
}

// ask sets the labels and asks for the reviews.
func (v *pull) ask(ctx context.Context) error {
	if len(v.Labels) > 0 {
		if err := v.Forge.AddLabels(ctx, v.number, v.Labels); err != nil {
			return fmt.Errorf("pull request #%d is open, but not labeled: %w", v.number, err)
		}
	}
	if len(v.Reviewers) > 0 {
		if err := v.Forge.RequestReviews(ctx, v.number, v.Reviewers); err != nil {
			return fmt.Errorf("pull request #%d is open, but reviewers were not asked: %w", v.number, err)
		}
	}
	return nil
}

// bodyCommits is how many commits a body draws on; the newest are kept.
const bodyCommits = 250

// row is one image of the table in a body.
type row struct {
	image, version, source, run string
}

// rows lists what the commits set, oldest first: the last word on an image counts.
func rows(commits []forge.Commit) []row {
	var list []row
	for _, commit := range commits {
		var images []row
		var source, run string
		for _, trailer := range git.Trailers(commit.Message) {
			switch trailer.Key {
			case trailerImage:
				name, version := cutVersion(trailer.Value)
				images = append(images, row{image: name, version: version})
			case trailerField:
				if name, version, ok := strings.Cut(trailer.Value, "="); ok {
					images = append(images, row{image: name, version: version})
				}
			case trailerSource:
				source = trailer.Value
			case trailerRun:
				run = trailer.Value
			}
		}
		for _, each := range images {
			each.source, each.run = source, run
			list = append(slices.DeleteFunc(list, func(r row) bool { return r.image == each.image }), each)
		}
	}
	slices.SortFunc(list, func(a, b row) int { return strings.Compare(a.image, b.image) })
	return list
}

// body is pawl's part of the pull request's text.
func body(environment, base string, ahead forge.Comparison) string {
	var b strings.Builder
	w := output.NewPrinter(&b, output.Style{})
	w.Line("%s\n", forge.BeginMark)
	w.Line("These image versions go to %s by merging this pull request into %s. Pipelines add to it while it is open.\n",
		output.Escape(environment), output.Code(base))
	table := output.Table{Head: []string{"image", "version", "from", "run"}}
	for _, each := range rows(ahead.Commits) {
		table.Add(output.Code(each.image), output.Code(each.version), dash(each.source), dash(each.run))
	}
	w.MarkdownTable(table)
	if more := ahead.AheadBy - len(ahead.Commits); more > 0 {
		w.Line("\nand what %d older commits set.", more)
	}
	w.Line("\n<sub>Kept by [pawl](https://github.com/getpawl/pawl).</sub>")
	b.WriteString(forge.EndMark)
	return b.String()
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return output.Code(text)
}
