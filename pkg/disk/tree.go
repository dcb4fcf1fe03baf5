// Package disk reaches the files below a folder of the local disk.
//
// It guarantees that nothing outside the folder is read or replaced, whatever other
// programs put into the way meanwhile: a path is walked folder by folder, each opened
// in the one before it, and a symbolic link to somewhere else leads nowhere. That is
// what [os.Root] guarantees; here the folders of the way stay open for the next path,
// since a walk over a repository is mostly a matter of opening folders. It does not
// follow links on behalf of the caller, and it knows nothing of Git or YAML.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Tree is a folder with everything below it. Paths in it are separated by slashes,
// lead through no symbolic link, and "." is the folder itself. Not safe for use by
// several goroutines: each opens its own.
type Tree struct {
	at      way    // to the folder that was asked for last
	from    way    // to the folder that a file was moved from last
	list    []byte // room for the names in a folder
	content []byte // room for what is in a file
}

// Open opens the folder of a root. The root is not needed any more afterwards, and
// not closed with the tree.
func Open(root *os.Root) (*Tree, error) {
	top, err := openTop(root)
	if err != nil {
		return nil, err
	}
	return &Tree{at: way{{folder: top}}, from: way{{folder: top}}, list: make([]byte, 0, 32<<10), content: make([]byte, 0, 64<<10)}, nil
}

// Close closes what the tree keeps open.
func (t *Tree) Close() error {
	return errors.Join(t.from.back(1), t.at.back(0)) // the top is in both
}

// List calls a function with the name and the type of everything in a folder, in no
// order. The name is there during the call only; the function may read files of the
// tree.
func (t *Tree) List(path string, each func(name []byte, kind fs.FileMode)) error {
	at, err := t.at.folder(path)
	if err != nil {
		return err
	}
	again := at.listed
	at.listed = true
	return at.folder.list(again, &t.list, each)
}

// Read returns the content of a file, until the next call.
func (t *Tree) Read(path string) ([]byte, error) {
	at, name, err := t.at.parent(path)
	if err != nil {
		return nil, err
	}
	t.content, err = at.read(name, t.content[:0])
	return t.content, err
}

// Load returns the content of a file, until the next call, and its permissions. It is
// for files that are far from each other.
func (t *Tree) Load(path string) (content []byte, perm fs.FileMode, err error) {
	t.content, perm, err = t.at[0].folder.load(path, t.content[:0])
	return t.content, perm, err
}

// Create writes a new file. Permissions of 0 are those that the user's umask leaves.
// With sync the content is on the disk, and not only in memory, when it returns.
func (t *Tree) Create(path string, content []byte, perm fs.FileMode, sync bool) error {
	at, name, err := t.at.parent(path)
	if err != nil {
		return err
	}
	return at.create(name, content, perm, sync)
}

// Rename moves a file, in one step: whoever looks at the new path sees what was there
// or the file.
func (t *Tree) Rename(from, to string) error {
	old, oldName, err := t.from.parent(from)
	if err != nil {
		return err
	}
	at, name, err := t.at.parent(to)
	if err != nil {
		return err
	}
	return old.rename(oldName, at, name)
}

// way is an open folder, and folders below it that lead to another one. Those stay
// open: the next folder is likely to be near.
type way []step

// step is a folder of a way, opened from the one before it.
type step struct {
	path   string // from there: one name, or several
	folder folder
	listed bool // it was listed before
}

// parent opens the folder that a path is in.
func (w *way) parent(path string) (at folder, name string, err error) {
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return (*w)[0].folder, path, nil
	}
	last, err := w.folder(path[:slash])
	if err != nil {
		return folder{}, "", err
	}
	return last.folder, path[slash+1:], nil
}

// folder opens the folder at a path.
func (w *way) folder(path string) (*step, error) {
	if path == "." {
		return &(*w)[0], nil
	}
	depth := 1
	for ; path != "" && depth < len(*w); depth++ {
		rest, ok := strings.CutPrefix(path, (*w)[depth].path)
		if !ok || rest != "" && rest[0] != '/' {
			break
		}
		path = strings.TrimPrefix(rest, "/")
	}
	if path == "" {
		return &(*w)[depth-1], nil
	}
	if err := w.back(depth); err != nil {
		return nil, err
	}
	next, err := (*w)[depth-1].folder.open(path)
	if err != nil {
		return nil, err
	}
	*w = append(*w, step{path: path, folder: next})
	return &(*w)[depth], nil
}

// back closes all folders but the first few.
func (w *way) back(depth int) error {
	var problems []error
	for _, step := range slices.Backward((*w)[depth:]) {
		problems = append(problems, step.folder.close())
	}
	*w = (*w)[:depth]
	return errors.Join(problems...)
}
