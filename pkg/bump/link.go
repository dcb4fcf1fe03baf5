package bump

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/getpawl/pawl/pkg/disk"
)

// Link is a symbolic link that leads out of the directory, and so is not followed.
type Link struct {
	Path   string // of the link
	Target string // as it stands in the link
}

// String says where the link leads to.
func (l Link) String() string {
	return fmt.Sprintf("%s is a symbolic link that leads out of the directory (%s)", l.Path, l.Target)
}

// followAssignments puts the file that a link leads to in the place of the link.
func (d *Directory) followAssignments(request Request) Request {
	request.Assignments = slices.Clone(request.Assignments)
	for i, assignment := range request.Assignments {
		where, _, err := follow(d.root, assignment.File)
		if err != nil || where == assignment.File {
			continue
		}
		request.Assignments[i].File = where
		if match := request.Match; match != nil {
			request.Match = func(path string) bool { return path == where || match(path) }
		}
	}
	return request
}

// maxLinks bounds the links on the way to one file, as the kernel does, and
// maxLinked the folders that are visited through links: a few links that lead to
// each other's folders can unfold into any number.
const (
	maxLinks  = 40
	maxLinked = 1000
)

var (
	errOutside  = errors.New("leads out of the directory")
	errDangling = errors.New("leads nowhere")
)

// link looks at what a symbolic link leads to. A file is read where it is; a folder
// is returned, to be visited. A link that leads nowhere is as good as none.
func (w *walk) link(link place, tree *disk.Tree) (target place, isFolder bool) {
	if passedOver(path.Base(link.name)) {
		return place{}, false
	}
	where, info, err := follow(w.root, link.where)
	switch {
	case errors.Is(err, errOutside):
		w.leaves(link)
	case errors.Is(err, errDangling), err != nil && !w.match(link.name):
	case err != nil:
		w.fail(link.name, err)
	case slices.ContainsFunc(strings.Split(where, "/"), passedOver):
	case info.IsDir():
		return w.enter(link, where)
	case info.Mode().IsRegular() && w.match(link.name):
		if err := w.file(where, tree); err != nil {
			w.fail(where, err)
		}
	}
	return place{}, false
}

// enter decides whether to visit the folder that a link leads to: not when the link
// is in it, nor when the way came through it.
func (w *walk) enter(link place, where string) (place, bool) {
	if where == "." || strings.HasPrefix(link.where, where+"/") || slices.Contains(link.links, where) {
		return place{}, false
	}
	w.mu.Lock()
	w.linked++
	count := w.linked
	w.mu.Unlock()
	if count == maxLinked+1 {
		w.fail(link.name, fmt.Errorf("symbolic links lead to more than %d folders", maxLinked))
	}
	if count > maxLinked {
		return place{}, false
	}
	return place{link.name, where, append(slices.Clip(link.links), where)}, true
}

// leaves notes a link that leads out of the directory, if a file of its name would
// be looked at.
func (w *walk) leaves(link place) {
	if !w.match(link.name) {
		return
	}
	target, err := w.root.Readlink(link.where)
	if err != nil {
		w.fail(link.name, err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leaving = append(w.leaving, Link{link.name, target})
}

// follow returns the path, without links, of what a path leads to. It looks at
// nothing outside the root: every step is checked before it is made.
func follow(root *os.Root, name string) (string, fs.FileInfo, error) {
	where, rest, links := ".", strings.Split(name, "/"), 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == ".." && where == "." {
			return "", nil, errOutside
		}
		next := path.Join(where, part)
		target, err := readLink(root, next)
		if err != nil {
			return "", nil, err
		}
		if target == "" {
			where = next
			continue
		}
		if links++; links > maxLinks {
			return "", nil, errDangling
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	info, err := root.Lstat(where)
	return where, info, err
}

// readLink returns where a link leads to, and nothing for what is no link.
func readLink(root *os.Root, name string) (string, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return "", errDangling
	}
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return "", err
	}
	target, err := root.Readlink(name)
	if filepath.IsAbs(target) || path.IsAbs(filepath.ToSlash(target)) {
		return "", errOutside
	}
	return filepath.ToSlash(target), err
}
