package bump

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// Target is a branch of a remote repository.
type Target struct {
	Remote *git.Remote
	Branch string
}

// Stamp is who makes a commit, and when.
type Stamp struct {
	Author, Committer git.Signature // their times are set from Now
	Trailers          []git.Trailer
	Now               func() time.Time
}

func (s Stamp) message(plan *Plan) git.Message {
	message := plan.Message(s.Trailers)
	message.Author, message.Committer = s.Author, s.Committer
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
	Tip string // the head that the plan was made for

	target  Target
	request Request
	objects *git.Objects
}

// PlanPush fetches the head of the branch, without a checkout and without
// history, and plans the request on its files. It writes nothing.
func PlanPush(ctx context.Context, target Target, request Request) (*PushPlan, error) {
	refs, err := target.Remote.Refs(ctx)
	if err != nil {
		return nil, err
	}
	tip, ok := refs["refs/heads/"+target.Branch]
	if !ok {
		return nil, &Refusal{
			Reason: fmt.Sprintf("the repository has no branch %q", target.Branch),
			Fix:    "a bump never creates an environment's branch: push it once, where the environment should start",
		}
	}
	objects, err := target.Remote.Fetch(ctx, tip)
	if err != nil {
		return nil, err
	}
	files, err := filesAt(ctx, objects, tip, request.Match)
	if err != nil {
		return nil, err
	}
	plan, err := Compute(files, request)
	if err != nil {
		return nil, err
	}
	return &PushPlan{Plan: plan, Tip: tip, target: target, request: request, objects: objects}, nil
}

// filesAt reads the files of a commit that match, all in one request.
func filesAt(ctx context.Context, objects *git.Objects, commit string, match func(string) bool) ([]File, error) {
	if match == nil {
		match = manifest.IsYAML
	}
	entries, err := objects.Files(commit, match)
	if err != nil {
		return nil, err
	}
	if err := objects.Load(ctx, entries); err != nil {
		return nil, explainAbsent(err, entries)
	}
	files := make([]File, len(entries))
	for i, entry := range entries {
		content, err := objects.Content(entry)
		if err != nil {
			return nil, err
		}
		files[i] = File{Path: entry.Path, Content: content}
	}
	return files, nil
}

// Apply commits the plan on the head that it was made for and pushes, stating
// that head as the expected old value. When the branch moved meanwhile, the edit
// (never its text) is made again on the new head, after a random wait, until the
// context ends. The edit is its own record: where it stands on the branch
// already, there is nothing left to do.
func (p *PushPlan) Apply(ctx context.Context, stamp Stamp, pause Pause) (*Outcome, error) {
	outcome := &Outcome{Action: ActionNone, Branch: p.target.Branch, Plan: p.Plan, Commit: p.Tip}
	plan := p
	for try := 1; !plan.Empty(); try++ {
		started := stamp.Now()
		commit, err := plan.push(ctx, stamp)
		if err == nil {
			outcome.Action, outcome.Plan, outcome.Attempts = ActionPush, plan.Plan, try
			outcome.Commit, outcome.Parent = commit, plan.Tip
			*p = *plan
			return outcome, nil
		}
		if !errors.Is(err, git.ErrMoved) && !errors.Is(err, git.ErrUnknownOutcome) {
			return nil, explainRefused(err, p.target.Branch)
		}
		if err := pause.Sleep(ctx, backoff(try, stamp.Now().Sub(started), pause.Random())); err != nil {
			return nil, fmt.Errorf("pushing to %s: others pushed first, %d times: %w", p.target.Branch, try, err)
		}
		plan, err = PlanPush(ctx, p.target, p.request)
		if err != nil {
			return nil, err
		}
		outcome.Plan, outcome.Commit, outcome.Attempts = plan.Plan, plan.Tip, try
	}
	return outcome, nil
}

// explainRefused says what to do about a rule of the branch.
func explainRefused(err error, branch string) error {
	var refused *git.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	return &Refusal{
		Reason: err.Error(),
		Fix:    fmt.Sprintf("the rules of %s must let this token push to it; add it to the bypass list of the rule that is named", branch),
	}
}

func (p *PushPlan) push(ctx context.Context, stamp Stamp) (string, error) {
	commit, err := p.objects.Commit(p.Tip, p.gitChanges(), stamp.message(p.Plan))
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	// Once the push is under way, an interruption waits until it is known whether
	// it happened.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushedWithin)
	defer cancel()
	return commit, p.target.Remote.Push(ctx, p.objects, p.target.Branch, p.Tip, commit)
}

// pushedWithin bounds one push, with the reading back.
const pushedWithin = 60 * time.Second

func (p *Plan) gitChanges() []git.Change {
	changes := make([]git.Change, len(p.Files))
	for i, path := range p.Files {
		changes[i] = git.Change{Path: path, Content: p.after[path]}
	}
	return changes
}

// backoff is a random wait below the time that a try takes, doubled with each
// try up to sixteen-fold. Without the random part everybody who lost a race
// would run the next one in step.
func backoff(try int, took time.Duration, random float64) time.Duration {
	ceiling := max(took, 50*time.Millisecond) << min(try, 4)
	return time.Duration(random * float64(min(ceiling, 5*time.Second)))
}

// Environments returns the configuration that the caller has, else the one at
// the head of the repository's default branch, else the conventional one.
func Environments(ctx context.Context, remote *git.Remote, known *config.Config) (*config.Config, error) {
	if known != nil {
		return known, nil
	}
	refs, err := remote.Refs(ctx)
	if err != nil {
		return nil, err
	}
	head := refs["HEAD"]
	if head == "" {
		return config.Default(git.Branches(refs))
	}
	objects, err := remote.Fetch(ctx, head)
	if err != nil {
		return nil, err
	}
	files, err := filesAt(ctx, objects, head, func(path string) bool { return path == config.FileName })
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return config.Default(git.Branches(refs))
	}
	return config.Parse(config.FileName+" at the default branch", files[0].Content)
}
