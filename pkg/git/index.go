package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// indexEntry is what the index holds for a path.
type indexEntry struct {
	mode            string // e.g. 100644
	blob            string
	unmerged        bool
	assumeUnchanged bool // bits that a user set and that an update would drop
	skipWorktree    bool
}

// indexEntries reads the index for paths. A path that is not in it is not in the
// result.
func (c *Checkout) indexEntries(ctx context.Context, paths []string) (map[string]indexEntry, error) {
	entries := map[string]indexEntry{}
	for some := range slices.Chunk(paths, 200) { // a command line has an end
		args := append([]string{"--literal-pathspecs", "ls-files", "-z", "-v", "--stage", "--full-name", "--"}, some...)
		out, err := c.git.output(ctx, run{args: args})
		if err != nil {
			return nil, fmt.Errorf("reading the index: %w", err)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if line == "" {
				continue
			}
			path, entry, err := parseIndexLine(line)
			if err != nil {
				return nil, err
			}
			entries[path] = entry
		}
	}
	return entries, nil
}

// parseIndexLine reads "H 100644 <id> 0\t<path>". The letter is S or s for a path
// outside a sparse checkout, and lower case for one that is assumed unchanged.
// https://git-scm.com/docs/git-ls-files#_output
func parseIndexLine(line string) (string, indexEntry, error) {
	facts, path, ok := strings.Cut(line, "\t")
	fields := strings.Fields(facts)
	if !ok || len(fields) != 4 || len(fields[0]) != 1 {
		return "", indexEntry{}, fmt.Errorf("reading the index: git answered %q", line)
	}
	tag := fields[0]
	return path, indexEntry{
		mode: fields[1], blob: fields[2],
		unmerged:        fields[3] != "0",
		assumeUnchanged: tag == strings.ToLower(tag),
		skipWorktree:    strings.EqualFold(tag, "S"),
	}, nil
}

// indexLock is the lock that every Git process takes to change the index, and the
// index that will be in its place. Until commit nothing has changed.
type indexLock struct {
	git               program
	index, lock, next string   // file names
	held              *os.File // the lock file, which is locked in turn: see takeOver
	before            []byte   // the index as it was
	modified          time.Time
}

// lockMark is what our lock file says. Git only looks whether there is one.
const lockMark = "pawl changes the index; when that process has ended, the next pawl removes this file\n"

// lockIndex takes the lock. The lock file comes into being complete, by a link: what
// a pawl that was killed leaves behind can be told from the lock of a Git process.
func (c *Checkout) lockIndex() (_ *indexLock, err error) {
	l := &indexLock{git: c.git, index: filepath.Join(c.private, "index")}
	l.lock = l.index + ".lock"
	if l.held, err = os.CreateTemp(c.private, "index.pawl-*"); err != nil {
		return nil, fmt.Errorf("locking the index: %w", err)
	}
	own := l.held.Name()
	l.next = own + ".next"
	err = l.acquire(own)
	_ = os.Remove(own)
	if err != nil {
		_ = l.held.Close()
		return nil, err
	}
	// What others left behind that were killed: they no longer have the lock.
	leftovers, _ := filepath.Glob(filepath.Join(c.private, "index.pawl*"))
	for _, name := range leftovers {
		_ = os.RemoveAll(name)
	}
	return l, nil
}

func (l *indexLock) acquire(own string) error {
	if _, err := l.held.WriteString(lockMark); err != nil {
		return fmt.Errorf("locking the index: %w", err)
	}
	if _, unable := lockFile(l.held); unable != nil {
		return l.acquireForGood()
	}
	for range 3 { // whoever has it may be just giving it back
		err := os.Link(own, l.lock)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist): // another pawl tidied up: it has the lock
			return l.locked()
		case !errors.Is(err, fs.ErrExist): // a file system without links
			return l.acquireForGood()
		case l.takeOver():
			return nil
		}
		if _, err := os.Lstat(l.lock); err == nil {
			break
		}
	}
	return l.locked()
}

// acquireForGood takes the lock as Git does, where there is nothing better: when
// this process is killed, somebody has to remove the file.
func (l *indexLock) acquireForGood() error {
	_ = l.held.Close()
	file, err := os.OpenFile(l.lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return l.locked()
	}
	if err != nil {
		return fmt.Errorf("locking the index: %w", err)
	}
	return file.Close()
}

func (l *indexLock) locked() error {
	return fmt.Errorf("%w: %s is there; if no Git process runs, remove that file", ErrLocked, l.lock)
}

// takeOver makes the lock file of a pawl that was killed our own. As long as it
// lived, it would have the file locked.
func (l *indexLock) takeOver() bool {
	file, err := os.OpenFile(l.lock, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	said, err := io.ReadAll(io.LimitReader(file, int64(len(lockMark)+1)))
	if err == nil && string(said) == lockMark {
		busy, err := lockFile(file)
		opened, failed := file.Stat()
		there, gone := os.Lstat(l.lock)
		if !busy && errors.Join(err, failed, gone) == nil && os.SameFile(opened, there) {
			_ = l.held.Close()
			l.held = file
			return true
		}
	}
	_ = file.Close()
	return false
}

// release gives the lock back.
func (l *indexLock) release() {
	_ = os.Remove(l.next + ".lock")
	_ = os.Remove(l.next)
	_ = os.Remove(l.lock)
	_ = l.held.Close()
}

// prepare makes the next index: the present one with the new entries. Git does
// the writing, so that any version and extension of the format will do.
func (l *indexLock) prepare(ctx context.Context, targets []*target) error {
	if err := l.copy(); err != nil {
		return fmt.Errorf("copying the index: %w", err)
	}
	filters, err := l.git.withoutFilters(ctx, "update-index")
	if err != nil {
		return err
	}
	var update, assumed, skipped bytes.Buffer
	for _, t := range targets {
		fmt.Fprintf(&update, "%s %s\t%s\x00", indexMode(t.after.mode), t.after.id, t.path)
		if t.index.assumeUnchanged {
			assumed.WriteString(t.path + "\x00")
		}
		if t.index.skipWorktree {
			skipped.WriteString(t.path + "\x00")
		}
	}
	for _, each := range []struct {
		input *bytes.Buffer
		args  []string
	}{
		{&update, []string{"-z", "--index-info"}},
		{&assumed, []string{"--assume-unchanged", "-z", "--stdin"}},
		{&skipped, []string{"--skip-worktree", "-z", "--stdin"}},
	} {
		if each.input.Len() == 0 {
			continue
		}
		args := append(slices.Clone(filters), each.args...)
		if _, err := l.git.output(ctx, run{args: args, stdin: each.input, env: []string{"GIT_INDEX_FILE=" + l.next}}); err != nil {
			return fmt.Errorf("updating the index: %w", err)
		}
	}
	return nil
}

// copy keeps the time of the index: entries that are as young as the index may
// have changed unnoticed, and git has to look at them again.
// https://git-scm.com/docs/racy-git
func (l *indexLock) copy() error {
	info, err := os.Stat(l.index)
	if err != nil {
		return err
	}
	if l.before, err = os.ReadFile(l.index); err != nil {
		return err
	}
	l.modified = info.ModTime()
	return l.writeNext(info.Mode().Perm())
}

// writeNext writes the index as it was into the place of the next one.
func (l *indexLock) writeNext(perm fs.FileMode) error {
	if err := os.WriteFile(l.next, l.before, perm); err != nil {
		return err
	}
	return os.Chtimes(l.next, l.modified, l.modified)
}

// commit puts the next index in place. The lock is held on.
func (l *indexLock) commit() error { return os.Rename(l.next, l.index) }

// undo puts the index back that was there before commit.
func (l *indexLock) undo() error {
	info, err := os.Stat(l.index)
	if err != nil {
		return err
	}
	if err := l.writeNext(info.Mode().Perm()); err != nil {
		return err
	}
	return l.commit()
}

// indexMode is the mode that the index has for a file: it knows only two.
func indexMode(mode uint32) string {
	if mode&0o100 != 0 {
		return "100755"
	}
	return "100644"
}

// checkIndex compares the index with the commit that is checked out. What the new
// commit will have may be staged already: by somebody who did the same by hand, or
// by a run that was killed.
func (t *target) checkIndex(entry indexEntry, there bool) error {
	t.index = entry
	if there && !entry.unmerged && entry.blob == t.after.id.String() && entry.mode == indexMode(t.after.mode) {
		return nil
	}
	switch {
	case t.before.id == plumbing.ZeroHash && there:
		return &DirtyError{t.path, "is new, and in the index already"}
	case t.before.id == plumbing.ZeroHash:
		return nil
	case !there:
		return &DirtyError{t.path, "was removed from the index"}
	case entry.unmerged:
		return &DirtyError{t.path, "has an unresolved conflict"}
	case entry.blob != t.before.id.String() || entry.mode != indexMode(t.before.mode):
		return &DirtyError{t.path, "has staged changes"}
	}
	return nil
}
