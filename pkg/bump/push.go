package bump

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

const (
	// recent is how many commits of the branch are fetched along with its files: as
	// many as cost no request of their own. One for the key of a job that may have run
	// before is worth one.
	recent  = 20
	earlier = 100
	// further is how many are looked at when the recent ones do not tell which of two
	// versions is the older one. A commit is some 200 bytes on the wire.
	further = 1000
	// pushedWithin bounds one push, with the reading back.
	pushedWithin = 60 * time.Second
	// interruptedWithin bounds it from an interruption on: who interrupts a job kills
	// it some seconds later. The reading back has its own time.
	interruptedWithin = 3 * time.Second
	// lostInARow is how many answers may be lost one after the other: by then the
	// server has trouble, which trying does not mend.
	lostInARow = 3
)

// Stamp is who makes a commit, and when.
type Stamp struct {
	Author, Committer git.Signature // their times are set from Now
	Now               func() time.Time
	// Sign signs the commit, see [git.Message]; nil: it is not signed.
	Sign func(commit []byte) ([]byte, error)
}

func (s Stamp) message(plan *Plan, job Job) git.Message {
	message := plan.Message(job.trailers())
	message.Author, message.Committer, message.Sign = s.Author, s.Committer, s.Sign
	message.Author.When, message.Committer.When = s.Now(), s.Now()
	return message
}

// Pause is how a push waits for its turn.
type Pause struct {
	Sleep  func(ctx context.Context, d time.Duration) error
	Random func() float64 // in [0, 1)
}

// PushPlan is a bump of a remote branch, planned on its present head.
type PushPlan struct {
	*Plan
	Environment string
	Branch      string
	Tip         string       // the head that the plan was made for
	Landed      string       // the commit with which this job did its work already
	Superseded  []Superseded // images that keep a newer version
	Notes       []string

	site    *site
	old     string // where the branch that is pushed to is expected: at the tip, or nowhere yet
	pull    *pull  // the pull request that takes the place of a push; nil: none
	objects *git.Objects
	entries []git.File
	commits []string // those of the branch that are known, newest first
}

// PlanPush fetches what it needs of the branch, without a checkout, and plans the
// request on its files. It writes nothing.
func PlanPush(ctx context.Context, target Target) (*PushPlan, error) {
	at, err := target.find(ctx)
	if err != nil {
		return nil, err
	}
	p := &PushPlan{Environment: at.env.Name, Branch: at.branch, Tip: at.tip, site: at, old: at.tip}
	if err := p.plan(ctx, ""); err != nil {
		return nil, err
	}
	return p, nil
}

// plan works out what is to be done at the tip. The branch was seen at another
// commit before, unless that is empty: it must be part of what there is now.
func (p *PushPlan) plan(ctx context.Context, seen string) error {
	request := p.site.request
	deep := request.Job.recent()
	if seen != "" {
		deep = earlier // a push of this very run may be below those of others by now
	}
	objects, entries, err := p.site.target.fetch(ctx, p.Tip, request.scope(), deep)
	if err != nil {
		return err
	}
	p.objects, p.entries = objects, entries
	history, err := p.history()
	if err != nil {
		return err
	}
	if err := p.contains(ctx, seen); err != nil {
		return err
	}
	files, err := contents(objects, entries)
	if err != nil {
		return err
	}
	if p.landedBefore(files, history) {
		return nil
	}
	undecided, err := p.compute(files, history)
	if err != nil || !undecided || history.whole {
		return err
	}
	return p.lookFurther(ctx, files)
}

// history reads what is known of the branch's history.
func (p *PushPlan) history() (past, error) {
	commits, whole, err := p.objects.History(p.Tip)
	if err != nil {
		return past{}, err
	}
	p.commits = p.commits[:0]
	for _, commit := range commits {
		p.commits = append(p.commits, commit.SHA)
	}
	return readPast(commits, whole), nil
}

// lookFurther decides again with more of the history.
func (p *PushPlan) lookFurther(ctx context.Context, files []File) error {
	if _, err := p.site.target.Remote.History(ctx, p.Tip, further); err != nil {
		return err
	}
	history, err := p.history()
	if err != nil {
		return err
	}
	if p.landedBefore(files, history) {
		return nil
	}
	_, err = p.compute(files, history)
	return err
}

// landedBefore says whether this job did its work already. What became of it since
// was decided by others: it is not done again.
func (p *PushPlan) landedBefore(files []File, history past) bool {
	p.Landed = history.byKey(p.site.request.Job.Key)
	if p.Landed == "" {
		return false
	}
	p.Notes = nil
	if _, err := p.compute(files, history); err != nil || !p.Empty() {
		p.Notes = []string{"the versions are not all in place any more: others changed them since; to set them again, give another --key"}
	}
	p.Plan, p.Superseded = emptyPlan(), nil
	return true
}

// contains checks that the branch still has a commit that was seen on it.
func (p *PushPlan) contains(ctx context.Context, seen string) error {
	if seen == "" || slices.Contains(p.commits, seen) {
		return nil
	}
	descends, err := p.site.target.Remote.Descends(ctx, seen, p.Tip)
	if err != nil && !errGone(err) {
		return err
	}
	if !descends {
		return rewritten(p.Branch, seen, p.Tip)
	}
	return nil
}

// compute makes the plan without what is superseded. It says whether nothing told,
// for some image, which of two versions is older.
func (p *PushPlan) compute(files []File, history past) (undecided bool, err error) {
	request := p.site.request
	allowed := request.AllowDowngrade
	request.AllowDowngrade = true // judge has more to go by
	request.Settings = resolve(request.Settings, request.Images)
	p.Superseded = nil
	for {
		plan, err := Compute(files, request)
		if err != nil {
			return false, err
		}
		p.Plan, plan.mayLower = plan, allowed
		if allowed {
			return false, nil
		}
		superseded, undecided, err := judge(plan, history, request.Job)
		if err != nil || len(superseded) == 0 {
			return undecided, err
		}
		p.Superseded = append(p.Superseded, superseded...)
		request.Settings = without(request.Settings, superseded)
		if len(request.Settings)+len(request.Assignments) == 0 {
			p.Plan = emptyPlan()
			return undecided, nil
		}
	}
}

// without leaves out the settings whose images are superseded.
func without(settings []image.Setting, superseded []Superseded) []image.Setting {
	return slices.DeleteFunc(slices.Clone(settings), func(s image.Setting) bool {
		return slices.ContainsFunc(superseded, func(each Superseded) bool { return each.asked == s.Match })
	})
}

// sent are the commits that were pushed without an answer, with their plans.
type sent map[string]*Plan

// landed returns the one among them that the branch has.
func (s sent) landed(p *PushPlan) string {
	for _, commit := range p.commits {
		if _, ok := s[commit]; ok {
			return commit
		}
	}
	return ""
}

// Apply commits the plan on the head that it was made for and pushes, stating
// that head as the expected old value. When the branch moved meanwhile, or the
// answer was lost, the branch is read back, and the edit (never its text) is made
// again on the new head, after a random wait, until the context ends.
//
// It ends without a push when there is nothing left to do: the versions are
// there, this very job set them before, or newer ones are there. It refuses to go
// on when the branch was deleted, or lost a commit that was seen on it, and when the
// environment takes verified commits only and this one would not be.
func (p *PushPlan) Apply(ctx context.Context, stamp Stamp, pause Pause) (*Outcome, error) {
	if err := p.canBeVerified(stamp); err != nil {
		return nil, err
	}
	outcome, err := p.land(ctx, stamp, pause)
	if err != nil {
		return nil, err
	}
	return outcome, p.verify(ctx, outcome)
}

func (p *PushPlan) land(ctx context.Context, stamp Stamp, pause Pause) (*Outcome, error) {
	lost, unanswered, started := 0, sent{}, stamp.Now()
	for try := 1; ; try++ {
		if commit := unanswered.landed(p); commit != "" {
			p.Plan = unanswered[commit]
			return p.outcome(ActionPush, commit, try-1), nil
		}
		if p.Empty() {
			return p.outcome(p.idle(), p.Tip, try-1), nil
		}
		commit, err := p.push(ctx, stamp)
		if err == nil {
			return p.outcome(ActionPush, commit, try), nil
		}
		missed := err
		switch {
		case errors.Is(err, git.ErrMoved):
			lost = 0
		case errors.Is(err, git.ErrUnknownOutcome), errors.Is(err, git.ErrTransient):
			if lost++; lost > lostInARow {
				return nil, err
			}
			unanswered[commit] = p.Plan
		default:
			return nil, err
		}
		if err := pause.Sleep(ctx, backoff(try, stamp.Now().Sub(started), pause.Random())); err != nil {
			return nil, p.gaveUp(try, lost, missed, err)
		}
		started = stamp.Now()
		if err := p.renew(ctx); err != nil {
			return nil, err
		}
	}
}

// gaveUp says what the last try came to when there is no time for another one.
func (p *PushPlan) gaveUp(try, lost int, last, why error) error {
	if lost > 0 {
		return fmt.Errorf("%w; no time is left for another try: %w", last, why)
	}
	return fmt.Errorf("pushing to %s: others pushed first, %d times: %w", p.Branch, try, why)
}

// renew reads the branch again and plans on what is there now.
func (p *PushPlan) renew(ctx context.Context) error {
	if p.pull != nil {
		return p.replace(ctx)
	}
	seen := p.Tip
	tip, err := p.site.target.head(ctx, p.Branch)
	if err != nil {
		return err
	}
	if tip == "" {
		return deleted(p.Branch, seen)
	}
	p.Tip, p.old = tip, tip
	return p.plan(ctx, seen)
}

// idle is the action of a plan without changes.
func (p *PushPlan) idle() string {
	switch {
	case p.Landed != "":
		return ActionLanded
	case len(p.Superseded) > 0:
		return ActionSuperseded
	}
	return ActionNone
}

// Outcome is what comes of a plan that is not applied.
func (p *PushPlan) Outcome() *Outcome {
	o := p.outcome(p.idle(), p.Tip, 0)
	if p.pull != nil {
		o.Number, o.URL = p.pull.number, p.pull.url
	}
	return o
}

func (p *PushPlan) outcome(action, commit string, attempts int) *Outcome {
	o := &Outcome{
		Action: action, Environment: p.Environment, Branch: p.Branch, Commit: commit, Attempts: attempts,
		Superseded: p.Superseded, Notes: p.Notes, Plan: p.Plan,
	}
	switch action {
	case ActionPush:
		o.Parent = p.parent(commit)
	case ActionLanded:
		o.Commit = p.Landed
	}
	return o
}

// parent is the commit that a pushed one stands on.
func (p *PushPlan) parent(commit string) string {
	if i := slices.Index(p.commits, commit); i >= 0 && i+1 < len(p.commits) {
		return p.commits[i+1] // its answer was lost, and others are on top of it
	}
	return p.Tip
}

func (p *PushPlan) push(ctx context.Context, stamp Stamp) (string, error) {
	message := stamp.message(p.Plan, p.site.request.Job)
	if p.site.target.ViaAPI {
		commit, err := p.commitFiles(ctx, message)
		switch {
		case !errors.Is(err, forge.ErrUnsupported):
			return commit, err
		case p.site.env.RequireVerified && stamp.Sign == nil:
			return "", p.unsigned(err.Error())
		}
		p.Notes = []string{"pushed with Git: " + err.Error()}
	}
	commit, err := p.objects.Commit(p.Tip, p.gitChanges(), message)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	// Once the push is under way, an interruption waits until it is known whether
	// it happened.
	ctx, cancel := outlive(ctx)
	defer cancel()
	if p.pull != nil {
		if err := p.pull.clear(ctx); err != nil {
			return "", err
		}
	}
	return commit, p.site.target.Remote.Push(ctx, p.objects, p.Branch, p.old, commit)
}

// outlive is a context for a push that was begun. It goes on when the other one ends,
// though not for long after an interruption.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushedWithin)
	stop := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.Canceled) {
			return
		}
		select {
		case <-time.After(interruptedWithin):
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

func (p *Plan) gitChanges() []git.Change {
	changes := make([]git.Change, len(p.Files))
	for i, path := range p.Files {
		changes[i] = git.Change{Path: path, Content: p.after[path]}
	}
	return changes
}

// backoff is a random wait below a ceiling: the time that a try takes, at least
// 50 ms, doubled with each try up to 3.2 s, or up to four tries where a try takes
// long because everybody tries at once, and never more than 10 s. Without the
// random part everybody who lost a race would run the next one in step.
func backoff(try int, took time.Duration, random float64) time.Duration {
	most := min(max(3200*time.Millisecond, 4*took), 10*time.Second)
	ceiling := min(max(took, 50*time.Millisecond)<<min(try, 6), most)
	return time.Duration(random * float64(ceiling))
}
