package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxDiskFile bounds what is read of a file on disk.
const maxDiskFile = 256 << 20

// errNotPlain: something other than a folder or regular file is in the way.
var errNotPlain = errors.New("is a symbolic link, or not a regular file, on disk")

// openFolder opens the folder of a path below root, never through a symbolic
// link. With create it makes folders that are missing.
func openFolder(root *os.Root, path string, create bool) (folder *os.Root, name string, err error) {
	parts := strings.Split(path, "/")
	if folder, err = root.OpenRoot("."); err != nil {
		return nil, "", err
	}
	for _, part := range parts[:len(parts)-1] {
		next, err := step(folder, part, create)
		_ = folder.Close()
		if err != nil {
			return nil, "", err
		}
		folder = next
	}
	return folder, parts[len(parts)-1], nil
}

// step goes one folder down. What was looked at has to be what was opened: in
// between, somebody could put a link there.
func step(folder *os.Root, name string, create bool) (*os.Root, error) {
	seen, err := folder.Lstat(name)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err := folder.Mkdir(name, 0o777); err != nil {
			return nil, err
		}
		seen, err = folder.Lstat(name)
	}
	if err != nil {
		return nil, err
	}
	if !seen.IsDir() {
		return nil, errNotPlain
	}
	next, err := folder.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	opened, err := next.Stat(".")
	if err == nil && !os.SameFile(seen, opened) {
		err = errNotPlain
	}
	if err != nil {
		_ = next.Close()
		return nil, err
	}
	return next, nil
}

// readPlain reads a regular file and its permissions.
func readPlain(root *os.Root, path string) ([]byte, fs.FileMode, error) {
	folder, name, err := openFolder(root, path, false)
	if err != nil {
		return nil, 0, err
	}
	defer folder.Close()
	seen, err := folder.Lstat(name)
	if err != nil {
		return nil, 0, err
	}
	if !seen.Mode().IsRegular() {
		return nil, 0, errNotPlain
	}
	file, err := folder.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	if opened, err := file.Stat(); err != nil || !os.SameFile(seen, opened) {
		return nil, 0, errNotPlain
	}
	content, err := io.ReadAll(io.LimitReader(file, maxDiskFile+1))
	if err == nil && len(content) > maxDiskFile {
		err = errTooLarge
	}
	return content, seen.Mode().Perm(), err
}

func removePlain(root *os.Root, path string) error {
	folder, name, err := openFolder(root, path, false)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Remove(name)
}

// checkDisk compares a file on disk with the commit that is checked out, and
// remembers what is there. The content of the new commit may be there already, as
// in checkIndex.
func (c *Checkout) checkDisk(ctx context.Context, t *target, root *os.Root) error {
	content, perm, err := readPlain(root, t.path)
	switch {
	case errors.Is(err, errNotPlain):
		return &DirtyError{t.path, errNotPlain.Error()}
	case errors.Is(err, fs.ErrNotExist) && t.isNew():
		return nil
	case errors.Is(err, fs.ErrNotExist) && t.index.skipWorktree:
		t.absent = true // outside of a sparse checkout: only the index knows it
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &DirtyError{t.path, "was deleted from the disk"}
	case err != nil:
		return fmt.Errorf("reading %s: %w", t.path, err)
	}
	t.there, t.disk, t.perm = true, content, perm
	if t.isEither(plumbing.ComputeHash(plumbing.BlobObject, content)) {
		return nil
	}
	return c.checkForm(ctx, t)
}

// isEither says whether a blob is the file's before or after.
func (t *target) isEither(id plumbing.Hash) bool {
	return id == t.after.id || id == t.before.id && !t.isNew()
}

// checkForm looks at a file whose bytes on disk are not those in Git: attributes and
// core.autocrlf can mean them to differ. Git is asked, and runs no filter.
func (c *Checkout) checkForm(ctx context.Context, t *target) error {
	args, err := c.git.withoutFilters(ctx, "hash-object")
	if err != nil {
		return err
	}
	out, err := c.git.output(ctx, run{args: append(args, "--stdin", "--path="+t.path), stdin: bytes.NewReader(t.disk)})
	if err != nil {
		return fmt.Errorf("comparing %s with the commit: %w", t.path, err)
	}
	id, err := parseHash(strings.TrimSpace(string(out)))
	unix := unixLines(t.disk)
	switch {
	case err != nil:
		return err
	case t.isNew():
		return &DirtyError{t.path, "is new, and on the disk already"}
	case !t.isEither(id):
		return &DirtyError{t.path, "has changes that are not committed"}
	case !t.isEither(plumbing.ComputeHash(plumbing.BlobObject, unix)):
		return &ConvertedError{t.path, "its Git attributes give it another form on disk than in the repository (an encoding, an identifier, or a filter)"}
	case !bytes.Equal(windowsLines(unix), t.disk):
		return &ConvertedError{t.path, "on disk, some of its lines end in CR LF and others in LF"}
	}
	t.windows = true
	return nil
}

// stage writes the new content of the file on disk into a file of the staging
// folder.
func (t *target) stage(staging *Staging) (err error) {
	if t.absent {
		return nil
	}
	content := t.Content
	if t.windows {
		content = windowsLines(unixLines(content))
	}
	if t.staged, err = staging.Write(content, t.perm, true); err != nil {
		return fmt.Errorf("writing %s: %w", t.path, err)
	}
	return nil
}

// write brings the file on disk to its new content, in one step.
func (t *target) write(root *os.Root) error {
	if t.absent {
		return nil
	}
	if err := replacePlain(root, t.staged, t.path); err != nil {
		return fmt.Errorf("writing %s: %w", t.path, err)
	}
	return nil
}

// restore undoes write.
func (t *target) restore(root *os.Root, staging *Staging) error {
	switch {
	case t.absent:
		return nil
	case !t.there:
		return removePlain(root, t.path)
	}
	staged, err := staging.Write(t.disk, t.perm, true)
	if err != nil {
		return err
	}
	return replacePlain(root, staged, t.path)
}

// replacePlain moves a file to a path. What is there is replaced, not followed, and
// so is no link on the way.
func replacePlain(root *os.Root, staged, path string) error {
	folder, _, err := openFolder(root, path, true)
	if err != nil {
		return err
	}
	return errors.Join(root.Rename(staged, path), folder.Close())
}

func unixLines(content []byte) []byte { return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")) }

func windowsLines(content []byte) []byte {
	return bytes.ReplaceAll(content, []byte("\n"), []byte("\r\n"))
}
