package bump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/git"
)

// CommitPlan is a bump of the user's checkout, planned on the files of HEAD.
type CommitPlan struct {
	*Plan
	Branch string // empty when HEAD is detached
	Job    Job    // who asks
	Head   string

	checkout *git.Checkout
	objects  *git.Objects
}

// PlanCommit plans a request on the files of HEAD, whatever else is going on in
// the working tree. It writes nothing.
func PlanCommit(ctx context.Context, checkout *git.Checkout, request Request) (*CommitPlan, error) {
	branch, head, err := checkout.Head(ctx)
	if errors.Is(err, git.ErrNoCommit) {
		return nil, &Refusal{Reason: err.Error(), Fix: "commit the files first: a bump changes what is committed"}
	}
	if err != nil {
		return nil, err
	}
	objects := checkout.Objects()
	files, err := filesAt(ctx, objects, head, request.scope())
	if err != nil {
		return nil, err
	}
	plan, err := Compute(files, request)
	if err != nil {
		return nil, explainElsewhere(err, files, objects, head, request.Match)
	}
	return &CommitPlan{Plan: plan, Branch: branch, Head: head, checkout: checkout, objects: objects, Job: request.Job}, nil
}

// filesAt reads the files of a commit that are in scope.
func filesAt(ctx context.Context, objects *git.Objects, commit string, scope git.Scope) ([]File, error) {
	entries, err := objects.Scoped(commit, scope)
	if err != nil {
		return nil, err
	}
	if err := objects.Load(ctx, entries); err != nil {
		return nil, explainAbsent(err, entries)
	}
	return contents(objects, entries)
}

// Apply commits exactly the plan's edits on top of HEAD and brings the files and
// the index along. Everything else, staged or not, stays as it is.
func (p *CommitPlan) Apply(ctx context.Context, stamp Stamp) (*Outcome, error) {
	outcome := &Outcome{Action: ActionNone, Branch: p.Branch, Plan: p.Plan, Commit: p.Head}
	if p.Empty() {
		return outcome, nil
	}
	changes := p.gitChanges()
	commit, err := p.objects.Commit(p.Head, changes, stamp.message(p.Plan, p.Job))
	if err != nil {
		return nil, err
	}
	if err := p.checkout.Advance(ctx, p.objects, p.Head, commit, changes); err != nil {
		return nil, explainDirty(err)
	}
	outcome.Action, outcome.Commit, outcome.Parent = ActionCommit, commit, p.Head
	return outcome, nil
}

// Follow brings a checkout along that stands on the branch, and on the commit,
// that was just pushed to. Any other checkout is left alone; so is one whose
// files have changes of their own. It says in a note what it left undone.
func (p *PushPlan) Follow(ctx context.Context, checkout *git.Checkout, outcome *Outcome) {
	if checkout == nil || outcome.Action != ActionPush {
		return
	}
	branch, head, err := checkout.Head(ctx)
	if err != nil || branch != p.Branch {
		return
	}
	if head == p.Tip {
		err := checkout.Advance(ctx, p.objects, p.Tip, outcome.Commit, p.gitChanges())
		if err == nil {
			return
		}
		outcome.Notes = append(outcome.Notes, fmt.Sprintf("this checkout was left as it is (%v): git pull --ff-only", err))
		return
	}
	outcome.Notes = append(outcome.Notes, "this checkout is not at the commit that was pushed to: git pull --ff-only")
}

// explainDirty says what to do about a file that cannot be committed as it is.
func explainDirty(err error) error {
	var dirty *git.DirtyError
	if errors.As(err, &dirty) {
		return &Refusal{
			Reason: err.Error(),
			Fix:    fmt.Sprintf("commit or stash your changes of %s first, or leave out --commit to edit the file as it is", dirty.Path),
		}
	}
	var converted *git.ConvertedError
	if errors.As(err, &converted) {
		return &Refusal{
			Reason: err.Error(),
			Fix:    "leave out --commit to edit the file as it is on disk, and commit it with git",
		}
	}
	if errors.Is(err, git.ErrUnfinished) {
		return &Refusal{Reason: err.Error(), Fix: "finish it or abort it first"}
	}
	return err
}

// explainAbsent names the file whose content a partial clone does not have.
func explainAbsent(err error, entries []git.File) error {
	var missing *git.MissingError
	if !errors.As(err, &missing) || !missing.Local {
		return err
	}
	i := slices.IndexFunc(entries, func(entry git.File) bool { return entry.Blob == missing.Object })
	if i < 0 {
		return err
	}
	return &Refusal{
		Reason: entries[i].Path + " is not in this checkout (a partial clone?)",
		Fix:    "fetch what is missing: git fetch --refetch --no-filter; or bump without a checkout: --push",
	}
}

// lfsPointer is how the content of a file begins that Git LFS keeps elsewhere.
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
const lfsPointer = "version https://git-lfs.github.com/spec/"

// explainElsewhere says that what is missing may be where a commit cannot change it:
// in Git LFS, behind a symbolic link, or in a submodule.
func explainElsewhere(err error, files []File, objects *git.Objects, head string, match func(path string) bool) error {
	var missing *NotFoundError
	if !errors.As(err, &missing) {
		return err
	}
	reasons := []string{err.Error()}
	for _, file := range files {
		if bytes.HasPrefix(file.Content, []byte(lfsPointer)) {
			reasons = append(reasons, file.Path+" is in Git LFS: a commit does not have its content")
		}
	}
	others, _ := objects.Others(head, func(name string) bool {
		return match == nil || match(name) || match(path.Join(name, "kustomization.yaml")) // of a submodule
	})
	for _, other := range others {
		reasons = append(reasons, fmt.Sprintf("%s is %s: a commit changes no file through it", other.Path, other.Kind()))
	}
	if len(reasons) == 1 {
		return err
	}
	return &Refusal{
		Reason: strings.Join(reasons, "\n"),
		Fix:    "name the file where it is, or leave out --commit to edit it on disk, and commit it with git",
	}
}
