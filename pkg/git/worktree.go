package git

import (
	"bytes"
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

// writePlain replaces a file, or creates it, in one step: a reader sees the old
// content or the new. What is at the path is replaced, not followed.
func writePlain(root *os.Root, path string, content []byte, perm fs.FileMode) error {
	folder, name, err := openFolder(root, path, true)
	if err != nil {
		return err
	}
	defer folder.Close()
	temporary := "." + name + ".pawl"
	if err := folder.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(folder, temporary, content, perm); err != nil {
		_ = folder.Remove(temporary)
		return err
	}
	if err := folder.Rename(temporary, name); err != nil {
		_ = folder.Remove(temporary)
		return err
	}
	return nil
}

// writeNew leaves the permissions to the user's umask when perm is 0.
func writeNew(folder *os.Root, name string, content []byte, perm fs.FileMode) error {
	file, err := folder.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && perm != 0 {
		err = file.Chmod(perm)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
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
// remembers what is there.
func (t *target) checkDisk(root *os.Root) error {
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
	case t.isNew():
		return &DirtyError{t.path, "is new, and on the disk already"}
	case isBlob(content, t.before.id), t.Disk != nil && isBlob(unixLines(content), t.before.id):
		t.disk, t.perm = content, perm
		return nil
	}
	return &DirtyError{t.path, "has changes that are not committed"}
}

// write brings the file on disk to its new content.
func (t *target) write(root *os.Root) error {
	if t.absent {
		return nil
	}
	content := t.Content
	if t.Disk != nil {
		content = t.Disk
	}
	if err := writePlain(root, t.path, content, t.perm); err != nil {
		return fmt.Errorf("writing %s: %w", t.path, err)
	}
	return nil
}

// restore undoes write.
func (t *target) restore(root *os.Root) error {
	switch {
	case t.absent:
		return nil
	case t.isNew():
		return removePlain(root, t.path)
	}
	return writePlain(root, t.path, t.disk, t.perm)
}

func isBlob(content []byte, id plumbing.Hash) bool {
	return plumbing.ComputeHash(plumbing.BlobObject, content) == id
}

func unixLines(content []byte) []byte { return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")) }
