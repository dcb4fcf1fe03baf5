package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Advance moves the checkout from old, where HEAD must be, to sha, a commit that
// was made in o on top of old by the given changes. HEAD's branch (or HEAD itself,
// when detached), the index entries of those files and the files on disk move
// together. Everything else, staged or not, stays as it is. No hook runs.
//
// It looks before it leaps: *[DirtyError] when one of the files has changes of its
// own, on disk or staged; [ErrMoved] when HEAD is elsewhere; [ErrLocked] while
// another Git process holds the index. The files change first, then the index, which
// is locked throughout, and the branch last, with its expected old value. When a
// step fails, the ones before it are undone, or the error says what remains. When
// the process is killed, what it did stands there as a change of the user's that is
// not committed, and the same call, made again, completes it.
func (c *Checkout) Advance(ctx context.Context, o *Objects, old, sha string, changes []Change) error {
	var m move
	var err error
	if m.old, err = parseHash(old); err != nil {
		return err
	}
	if m.new, err = parseHash(sha); err != nil || m.old == m.new {
		return err
	}
	fresh, err := o.since(m.old, m.new)
	if err != nil {
		return err
	}
	targets, err := o.targets(m, changes)
	if err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	lock, err := c.lockIndex()
	if err != nil {
		return err
	}
	defer lock.release()
	root, err := os.OpenRoot(c.root)
	if err != nil {
		return fmt.Errorf("opening the checkout: %w", err)
	}
	defer root.Close()
	if err := c.ready(ctx, &m, root, targets); err != nil {
		return err
	}
	if err := c.unpack(ctx, o, fresh); err != nil {
		return err
	}
	if err := lock.prepare(ctx, targets); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return c.apply(context.WithoutCancel(ctx), o, m, root, lock, targets)
}

// target is one file that an advance changes.
type target struct {
	Change
	path          string
	before, after entry // as in the two commits; before is zero for a new file
	index         indexEntry
	there         bool        // on disk so far
	disk          []byte      // its bytes
	windows       bool        // which have CR LF where Git has LF
	perm          fs.FileMode // its permissions; 0 for a new file
	absent        bool        // not on disk, rightly
	staged        string      // the file that will take its place
}

func (t *target) isNew() bool { return t.before.id.IsZero() }

// targets says what differs between the two commits, which has to be what the
// caller gave contents for.
func (o *Objects) targets(m move, changes []Change) ([]*target, error) {
	before, err := o.root(m.old)
	if err != nil {
		return nil, err
	}
	after, err := o.root(m.new)
	if err != nil {
		return nil, err
	}
	targets, err := o.differences("", before, after)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		i := slices.IndexFunc(changes, func(c Change) bool { return c.Path == t.path })
		if i < 0 || plumbing.ComputeHash(plumbing.BlobObject, changes[i].Content) != t.after.id {
			return nil, fmt.Errorf("the commit changes %s in another way than stated", t.path)
		}
		t.Change = changes[i]
	}
	return targets, nil
}

// differences lists the files that differ between two folders.
func (o *Objects) differences(at string, before, after plumbing.Hash) ([]*target, error) {
	old := map[string]entry{}
	if !before.IsZero() {
		entries, err := o.tree(before)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			old[e.name] = e
		}
	}
	entries, err := o.tree(after)
	if err != nil {
		return nil, err
	}
	var list []*target
	for _, e := range entries {
		was := old[e.name]
		delete(old, e.name)
		path := join(at, e.name)
		switch {
		case was.id == e.id && was.mode == e.mode:
		case e.isTree() && (was.isTree() || was.id.IsZero()):
			within, err := o.differences(path, was.id, e.id)
			if err != nil {
				return nil, err
			}
			list = append(list, within...)
		case e.isFile() && (was.isFile() || was.id.IsZero()):
			list = append(list, &target{path: path, before: was, after: e})
		default:
			return nil, fmt.Errorf("%s is %s", path, e.what())
		}
	}
	for name := range old {
		return nil, fmt.Errorf("the commit removes %s", join(at, name))
	}
	return list, nil
}

// ready checks everything that can be known before the first change. It learns
// which branch is checked out.
func (c *Checkout) ready(ctx context.Context, m *move, root *os.Root, targets []*target) error {
	for _, name := range []string{"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"} {
		if _, err := os.Lstat(filepath.Join(c.private, name)); err == nil {
			return fmt.Errorf("%w (%s)", ErrUnfinished, name)
		}
	}
	branch, head, err := c.Head(ctx)
	if err != nil {
		return err
	}
	m.ref = "HEAD"
	if branch != "" {
		m.ref = branchPrefix + branch
	}
	if head != m.old.String() {
		return m.moved(head)
	}
	entries, err := c.indexEntries(ctx, paths(targets))
	if err != nil {
		return err
	}
	for _, t := range targets {
		entry, there := entries[t.path]
		if err := t.checkIndex(entry, there); err != nil {
			return err
		}
		if err := c.checkDisk(ctx, t, root); err != nil {
			return err
		}
	}
	return nil
}

// unpack writes new objects into the object database. Nothing refers to them yet.
func (c *Checkout) unpack(ctx context.Context, o *Objects, ids []plumbing.Hash) error {
	pack, err := o.pack(ids, false)
	if err != nil {
		return err
	}
	if _, err := c.git.output(ctx, run{args: []string{"unpack-objects", "-q"}, stdin: bytes.NewReader(pack)}); err != nil {
		return fmt.Errorf("writing the commit's objects: %w", err)
	}
	return nil
}

// apply changes the files, the index and the branch, in this order.
func (c *Checkout) apply(ctx context.Context, o *Objects, m move, root *os.Root, lock *indexLock, targets []*target) (err error) {
	staging, err := OpenStaging(root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, staging.Close()) }()
	for _, t := range targets {
		if err := t.stage(staging); err != nil {
			return err
		}
	}
	for i, t := range targets {
		if err := t.write(root); err != nil {
			return undo(err, root, staging, targets[:i])
		}
	}
	if err := lock.commit(); err != nil {
		return undo(fmt.Errorf("updating the index: %w", err), root, staging, targets)
	}
	err = c.updateRef(ctx, o, m)
	if err == nil {
		return nil
	}
	if failed := lock.undo(); failed != nil {
		err = errors.Join(err, fmt.Errorf("the index keeps what was not committed: run git reset -q -- %s: %w", strings.Join(paths(targets), " "), failed))
	}
	return undo(err, root, staging, targets)
}

// undo puts files back after an error, and adds what could not be put back.
func undo(err error, root *os.Root, staging *Staging, targets []*target) error {
	for _, t := range targets {
		if failed := t.restore(root, staging); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s keeps its new content: run git checkout -- %s: %w", t.path, t.path, failed))
		}
	}
	return err
}

func paths(targets []*target) []string {
	paths := make([]string, len(targets))
	for i, t := range targets {
		paths[i] = t.path
	}
	return paths
}

// updateRef moves the branch, or the detached HEAD, with an entry in the reflog.
func (c *Checkout) updateRef(ctx context.Context, o *Objects, m move) error {
	made, err := o.commit(m.new)
	if err != nil {
		return err
	}
	_, err = c.git.output(ctx, run{
		args: []string{"update-ref", "--no-deref", "-m", "pawl: " + made.subject, m.ref, m.new.String(), m.old.String()},
		env:  committerEnvironment(made.committer),
	})
	if err == nil {
		return nil
	}
	if _, head, failed := c.Head(ctx); failed == nil && head != m.old.String() {
		return m.moved(head)
	}
	if mentions(err, ".lock': File exists") {
		return fmt.Errorf("moving %s: %w: %w", m.ref, ErrLocked, err)
	}
	return fmt.Errorf("moving %s: %w", m.ref, err)
}

// committerEnvironment makes the commit's committer the one of the reflog.
func committerEnvironment(line string) []string {
	name, rest, _ := strings.Cut(line, " <")
	email, when, _ := strings.Cut(rest, "> ")
	return []string{"GIT_COMMITTER_NAME=" + name, "GIT_COMMITTER_EMAIL=" + email, "GIT_COMMITTER_DATE=@" + when}
}
