package git

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"

	"github.com/getpawl/pawl/pkg/disk"
)

// stagingFolder is where files wait until they take the place of others. Git passes
// over every folder named .git that is no repository: what a killed process leaves
// there is not shown by git status, and git add -A does not add it.
// https://github.com/git/git/blob/v2.39.5/dir.c (treat_path)
const stagingFolder = ".pawl/.git"

// Staging replaces files of a tree, each in one step: a reader sees the old content
// or the new one, and so does everybody after a crash. Only one process at a time
// has it.
type Staging struct {
	root   *os.Root
	tree   *disk.Tree
	lock   *os.File
	prefix string
	count  int
}

// OpenStaging makes the folder for new files at the top of a tree, and removes what
// a process that was killed left in it. While another process has it, the error is
// [ErrLocked].
func OpenStaging(root *os.Root) (*Staging, error) {
	for range 3 { // the one before us may be just removing it
		if err := root.MkdirAll(stagingFolder, 0o777); err != nil {
			return nil, fmt.Errorf("making the folder %s: %w", path.Dir(stagingFolder), err)
		}
		lock, err := root.Open(stagingFolder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		busy, unable := lockFile(lock) // without locks, nobody is kept out
		if busy {
			return nil, errors.Join(fmt.Errorf("%w: another pawl writes files in %s", ErrLocked, root.Name()), lock.Close())
		}
		if !isAt(root, stagingFolder, lock) {
			_ = lock.Close()
			continue
		}
		tree, err := disk.Open(root)
		if err != nil {
			return nil, errors.Join(err, lock.Close())
		}
		s := &Staging{root: root, tree: tree, lock: lock, prefix: rand.Text()}
		if err := s.empty(); err != nil {
			return nil, errors.Join(err, tree.Close(), lock.Close())
		}
		if unable != nil { // where a folder cannot be removed while it is open
			return s, lock.Close()
		}
		return s, nil
	}
	return nil, fmt.Errorf("%w: other pawls write files in %s", ErrLocked, root.Name())
}

// isAt says whether an open file is still the one at its path.
func isAt(root *os.Root, name string, file *os.File) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := root.Lstat(name)
	return err == nil && os.SameFile(opened, there)
}

// empty removes what is in the folder.
func (s *Staging) empty() error {
	entries, err := s.lock.ReadDir(-1)
	if err != nil {
		return fmt.Errorf("reading the folder %s: %w", stagingFolder, err)
	}
	for _, entry := range entries {
		if err := s.root.RemoveAll(path.Join(stagingFolder, entry.Name())); err != nil {
			return fmt.Errorf("removing what an earlier run left in %s: %w", stagingFolder, err)
		}
	}
	return nil
}

// Write puts content into a new file and returns its path. Permissions of 0 are
// those that the user's umask leaves. With sync the content is on the disk, and not
// only in memory, when it returns.
func (s *Staging) Write(content []byte, perm fs.FileMode, sync bool) (name string, err error) {
	s.count++
	name = stagingFolder + "/" + s.prefix + "-" + strconv.Itoa(s.count)
	return name, s.tree.Create(name, content, perm, sync)
}

// Close removes the folder with everything in it.
func (s *Staging) Close() error {
	err := errors.Join(s.tree.Close(), s.root.RemoveAll(stagingFolder))
	if err == nil {
		// Somebody may have put something of theirs beside it.
		_ = s.root.Remove(path.Dir(stagingFolder))
	}
	_ = s.lock.Close()
	return err
}
