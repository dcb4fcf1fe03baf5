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
	index, lock, next string // file names
}

func (c *Checkout) lockIndex() (*indexLock, error) {
	l := &indexLock{git: c.git, index: filepath.Join(c.private, "index")}
	l.lock, l.next = l.index+".lock", l.index+".pawl" // the second is ours while we hold the first
	file, err := os.OpenFile(l.lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %s is there; if no Git process runs, remove that file", ErrLocked, l.lock)
	}
	if err != nil {
		return nil, fmt.Errorf("locking the index: %w", err)
	}
	_ = os.Remove(l.next + ".lock") // what a git that was killed leaves behind
	return l, file.Close()
}

// release gives the lock back. After commit it does nothing.
func (l *indexLock) release() {
	if l.lock != "" {
		_ = os.Remove(l.next + ".lock")
		_ = os.Remove(l.next)
		_ = os.Remove(l.lock)
	}
}

// prepare makes the next index: the present one with the new entries. Git does
// the writing, so that any version and extension of the format will do.
func (l *indexLock) prepare(ctx context.Context, targets []*target) error {
	if err := l.copy(); err != nil {
		return fmt.Errorf("copying the index: %w", err)
	}
	filters, err := l.withoutFilters(ctx, "update-index")
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

// withoutFilters returns a command that runs none of the user's filters (LFS and
// the like). Git would run them to look again at entries as young as the index;
// without them it takes those for changed, and looks at them next time.
func (l *indexLock) withoutFilters(ctx context.Context, command string) ([]string, error) {
	out, err := l.git.output(ctx, run{args: []string{"config", "-z", "--name-only", "--get-regexp", `^filter\.`}})
	if err != nil && exitCode(err) != 1 { // 1: there is none
		return nil, fmt.Errorf("reading the filters: %w", err)
	}
	var drivers, args []string
	for key := range strings.SplitSeq(string(out), "\x00") {
		if i := strings.LastIndexByte(key, '.'); i > 0 && !slices.Contains(drivers, key[:i]) {
			drivers = append(drivers, key[:i])
		}
	}
	for _, driver := range drivers {
		args = append(args, "-c", driver+".clean=", "-c", driver+".process=", "-c", driver+".required=false")
	}
	return append(args, command), nil
}

// copy keeps the time of the index: entries that are as young as the index may
// have changed unnoticed, and git has to look at them again.
// https://git-scm.com/docs/racy-git
func (l *indexLock) copy() error {
	data, err := os.ReadFile(l.index)
	if err != nil {
		return err
	}
	info, err := os.Stat(l.index)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.next, data, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(l.next, info.ModTime(), info.ModTime())
}

// commit puts the next index in place. The lock is held to the end.
func (l *indexLock) commit() error {
	if err := os.Rename(l.next, l.lock); err != nil {
		return err
	}
	if err := os.Rename(l.lock, l.index); err != nil {
		return err
	}
	l.lock = ""
	return nil
}

// indexMode is the mode that the index has for a file: it knows only two.
func indexMode(mode uint32) string {
	if mode&0o100 != 0 {
		return "100755"
	}
	return "100644"
}

// check compares the index with the commit that is checked out.
func (t *target) checkIndex(entry indexEntry, there bool) error {
	t.index = entry
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
