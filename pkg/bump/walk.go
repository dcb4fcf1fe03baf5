package bump

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// walk reads the files of a tree, several folders at a time. Every folder is
// opened from the one that it is in, so that a path is never looked up twice and
// nothing outside of the tree can be reached.
type walk struct {
	match func(path string) bool
	keep  func(path string, content []byte) bool

	group   errgroup.Group
	buffers sync.Pool // of *[]byte; most files are read and not kept

	mu       sync.Mutex
	files    []File
	problems []problem
}

// problem is why a file or folder could not be read.
type problem struct {
	path string
	err  error
}

func newWalk(match func(path string) bool, keep func(path string, content []byte) bool) *walk {
	w := &walk{match: match, keep: keep}
	w.buffers.New = func() any { return new(make([]byte, 64<<10)) }
	// Whoever starts the walk takes part in it.
	w.group.SetLimit(runtime.GOMAXPROCS(0) - 1)
	return w
}

// run walks the tree and returns what is kept, by path, or every problem.
func (w *walk) run(root *os.Root) ([]File, error) {
	w.folder(root, "")
	_ = w.group.Wait() // the problems are collected instead, all of them
	slices.SortFunc(w.problems, func(a, b problem) int { return cmp.Compare(a.path, b.path) })
	var problems []error
	for _, p := range w.problems {
		problems = append(problems, fmt.Errorf("%s: %w", cmp.Or(p.path, "."), p.err))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	slices.SortFunc(w.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return w.files, nil
}

// folder reads the files of a folder and walks those below it. Prefix is its path
// with a slash at the end, or empty at the top.
func (w *walk) folder(root *os.Root, prefix string) {
	entries, err := list(root)
	if err != nil {
		w.fail(prefix, err)
		return
	}
	buffer, _ := w.buffers.Get().(*[]byte)
	for _, entry := range entries {
		if name := prefix + entry.Name(); entry.Type().IsRegular() && w.match(name) {
			w.file(root, entry.Name(), name, buffer)
		}
	}
	w.buffers.Put(buffer)
	for _, entry := range entries {
		if entry.IsDir() && !passedOver(entry.Name()) {
			w.below(root, entry.Name(), prefix+entry.Name())
		}
	}
}

// below walks a folder in a folder, beside this walk if there is a processor for it.
func (w *walk) below(root *os.Root, name, path string) {
	child, err := root.OpenRoot(name)
	if err != nil {
		w.fail(path, err)
		return
	}
	visit := func() error {
		w.folder(child, path+"/")
		if err := child.Close(); err != nil {
			w.fail(path, err)
		}
		return nil
	}
	if !w.group.TryGo(visit) {
		_ = visit()
	}
}

// file reads a file into the buffer, which grows with it, and copies what is kept.
func (w *walk) file(root *os.Root, name, path string, buffer *[]byte) {
	content, err := readInto(root, name, buffer)
	if err != nil {
		w.fail(path, err)
		return
	}
	if !w.keep(path, content) {
		return
	}
	file := File{Path: path, Content: bytes.Clone(content)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = append(w.files, file)
}

func (w *walk) fail(path string, err error) {
	// The path is said from the top, not from the folder that it was opened from.
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, problem{path, err})
}

// passedOver says which folders are not walked: what is in them is not the
// repository's own.
func passedOver(name string) bool {
	return name == ".git" || name == "node_modules"
}

func list(root *os.Root) ([]fs.DirEntry, error) {
	folder, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	entries, err := folder.ReadDir(-1)
	return entries, errors.Join(err, folder.Close())
}

func readInto(root *os.Root, name string, buffer *[]byte) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	content := (*buffer)[:0]
	for {
		n, err := file.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if err != nil {
			*buffer = content[:cap(content)]
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return content, errors.Join(err, file.Close())
		}
		if len(content) == cap(content) {
			content = slices.Grow(content, len(content))
		}
	}
}
