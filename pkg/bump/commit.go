package bump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
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
	if err != nil {
		return nil, err
	}
	objects := checkout.Objects()
	files, err := filesAt(ctx, objects, head, request.Match)
	if err != nil {
		return nil, err
	}
	plan, err := Compute(files, request)
	if err != nil {
		return nil, err
	}
	return &CommitPlan{Plan: plan, Branch: branch, Head: head, checkout: checkout, objects: objects, Job: request.Job}, nil
}

// filesAt reads the files of a commit that match.
func filesAt(ctx context.Context, objects *git.Objects, commit string, match func(string) bool) ([]File, error) {
	if match == nil {
		match = manifest.IsYAML
	}
	entries, err := objects.Files(commit, match)
	if err != nil {
		return nil, err
	}
	if err := objects.Load(ctx, entries); err != nil {
		return nil, err
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
	changes, err := onDisk(p.checkout.Root(), p.Plan)
	if err != nil {
		return nil, err
	}
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
		changes, err := onDisk(checkout.Root(), p.Plan)
		if err == nil {
			err = checkout.Advance(ctx, p.objects, p.Tip, outcome.Commit, changes)
		}
		if err == nil {
			return
		}
		outcome.Notes = append(outcome.Notes, fmt.Sprintf("this checkout was left as it is (%v): git pull --ff-only", err))
		return
	}
	outcome.Notes = append(outcome.Notes, "this checkout is not at the commit that was pushed to: git pull --ff-only")
}

// onDisk adds to the edits of the committed files the same edits in the line
// ends that the files have on disk (core.autocrlf).
func onDisk(root string, plan *Plan) ([]git.Change, error) {
	changes := plan.gitChanges()
	for i, change := range changes {
		disk, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(change.Path)))
		if errors.Is(err, os.ErrNotExist) {
			continue // a sparse checkout; a file that was deleted is refused later
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", change.Path, err)
		}
		before := plan.Before(change.Path)
		if bytes.Equal(disk, before) || !bytes.Equal(bytes.ReplaceAll(disk, []byte("\r\n"), []byte("\n")), before) {
			continue
		}
		changes[i].Disk = bytes.ReplaceAll(change.Content, []byte("\n"), []byte("\r\n"))
	}
	return changes, nil
}

// explainDirty says what to do about a file with changes of its own.
func explainDirty(err error) error {
	var dirty *git.DirtyError
	if errors.As(err, &dirty) {
		return &Refusal{
			Reason: err.Error(),
			Fix:    fmt.Sprintf("commit or stash your changes of %s first, or leave out --commit to edit the file as it is", dirty.Path),
		}
	}
	return err
}
