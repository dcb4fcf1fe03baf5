//go:build !linux || portable

package disk

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
)

// folder is an open folder, and how it is reached from the top.
type folder struct {
	root, top *os.Root
	path      string
}

func openTop(root *os.Root) (folder, error) {
	own, err := root.OpenRoot(".")
	return folder{root: own, top: own, path: "."}, err
}

func (f folder) open(name string) (folder, error) {
	own, err := f.root.OpenRoot(name)
	return folder{root: own, top: f.top, path: path.Join(f.path, name)}, err
}

func (f folder) close() error { return f.root.Close() }

func (f folder) list(_ bool, _ *[]byte, each func(name []byte, kind fs.FileMode)) error {
	self, err := f.root.Open(".")
	if err != nil {
		return err
	}
	entries, err := self.ReadDir(-1)
	for _, entry := range entries {
		each([]byte(entry.Name()), entry.Type())
	}
	return errors.Join(err, self.Close())
}

// read appends the content of a file to the buffer.
func (f folder) read(name string, buffer []byte) ([]byte, error) {
	buffer, _, err := f.load(name, buffer)
	return buffer, err
}

// load is read for a file further below, with its permissions. A pipe that took the
// place of the file is not waited for.
func (f folder) load(path string, buffer []byte) ([]byte, fs.FileMode, error) {
	file, err := f.root.OpenFile(filepath.FromSlash(path), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return buffer, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return buffer, 0, errors.Join(err, file.Close())
	}
	for err == nil {
		buffer = slices.Grow(buffer, 1)
		var n int
		n, err = file.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buffer, info.Mode().Perm(), errors.Join(err, file.Close())
}

func (f folder) create(name string, content []byte, perm fs.FileMode, sync bool) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, cmp.Or(perm, 0o666))
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && perm != 0 { // whatever the umask took away
		err = file.Chmod(perm)
	}
	if err == nil && sync {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func (f folder) rename(name string, to folder, newName string) error {
	return f.top.Rename(path.Join(f.path, name), path.Join(to.path, newName))
}
