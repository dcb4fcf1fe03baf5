package bump

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
)

// walk finds files in a tree, several folders at a time.
//
// Most files are looked at and left. That look goes by path, which is fast, and
// nothing comes of it but a yes or no. What is kept is read through the root: a
// link that somebody puts into the way during the walk leads nowhere.
type walk struct {
	root  *os.Root
	match func(path string) bool
	keep  func(path string, content []byte) bool // nil: everything

	mu       sync.Mutex
	more     sync.Cond // there is more to visit, or all is visited
	folders  []place   // to visit; the last one is the next, so that folders side by side are
	visiting int
	linked   int // folders visited through links
	files    []File
	problems []problem
	leaving  []Link
}

// place is a file or folder as the walk comes to it.
type place struct {
	name  string   // its path as match sees it, through links
	where string   // its path without links
	links []string // the folders that the links on the way lead to
}

// problem is why a file or folder could not be read.
type problem struct {
	path string
	err  error
}

// run walks the tree and returns what is to be kept, by path, or every problem.
func (w *walk) run() ([]File, error) {
	w.more.L = &w.mu
	w.folders = []place{{name: ".", where: "."}}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(w.work)
	}
	workers.Wait()
	if len(w.problems) > 0 {
		return nil, w.failure()
	}
	slices.SortFunc(w.leaving, func(a, b Link) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(w.files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	// Where links lead to, a file may be found several times.
	return slices.CompactFunc(w.files, func(a, b File) bool { return a.Path == b.Path }), nil
}

func (w *walk) failure() error {
	slices.SortFunc(w.problems, func(a, b problem) int { return cmp.Compare(a.path, b.path) })
	problems := make([]error, len(w.problems))
	for i, p := range w.problems {
		problems[i] = fmt.Errorf("%s: %w", p.path, p.err)
	}
	return errors.Join(problems...)
}

// work visits folders until all are visited.
func (w *walk) work() {
	at := newOpened(w.root)
	defer func() {
		if err := at.close(0); err != nil {
			w.fail(".", err)
		}
	}()
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.folders) == 0 && w.visiting > 0 {
			w.more.Wait()
		}
		if len(w.folders) == 0 {
			w.more.Broadcast()
			return
		}
		last := len(w.folders) - 1
		folder := w.folders[last]
		w.folders = w.folders[:last]
		w.visiting++
		w.mu.Unlock()
		below := w.visit(folder, at)
		w.mu.Lock()
		w.visiting--
		w.folders = append(w.folders, below...)
		if len(below) > 1 {
			w.more.Signal()
		}
	}
}

// visit looks at the files of a folder and returns the folders in it.
func (w *walk) visit(folder place, at *opened) []place {
	entries, err := os.ReadDir(w.onDisk(folder.where))
	if err != nil {
		w.fail(folder.where, err)
		return nil
	}
	inName, inReal := within(folder.name), within(folder.where)
	var below []place
	for _, entry := range entries {
		name := inName + entry.Name()
		where := name
		if folder.links != nil {
			where = inReal + entry.Name()
		}
		switch {
		case entry.IsDir() && !passedOver(entry.Name()):
			below = append(below, place{name, where, folder.links})
		case entry.Type().IsRegular() && w.match(name):
			if err := w.file(where, at); err != nil {
				w.fail(where, err)
			}
		case entry.Type()&fs.ModeSymlink != 0:
			if target, ok := w.link(place{name, where, folder.links}, at); ok {
				below = append(below, target)
			}
		}
	}
	return below
}

// within is what stands before the names in a folder.
func within(folder string) string {
	if folder == "." {
		return ""
	}
	return folder + "/"
}

// file reads a file if it is to be kept.
func (w *walk) file(name string, at *opened) error {
	if w.keep != nil {
		content, err := peek(w.onDisk(name), &at.buffer)
		if err != nil || !w.keep(name, content) {
			return err
		}
	}
	folder, err := at.folder(path.Dir(name))
	if err != nil {
		return err
	}
	_, content, err := at.read(folder, path.Base(name))
	if err != nil {
		return err
	}
	file := File{Path: name, Content: bytes.Clone(content)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = append(w.files, file)
	return nil
}

func (w *walk) onDisk(name string) string {
	return w.root.Name() + string(filepath.Separator) + filepath.FromSlash(name)
}

func (w *walk) fail(name string, err error) {
	// The path is said from the top, once.
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, problem{name, err})
}

// passedOver says which folders are not walked: what is in them is not the
// repository's own.
func passedOver(name string) bool {
	return name == ".git" || name == "node_modules"
}

// readOnly does not wait for a pipe that took the place of a file.
const readOnly = os.O_RDONLY | syscall.O_NONBLOCK

// readAll reads a file into the buffer, which grows with it.
func readAll(file *os.File, buffer *[]byte) ([]byte, error) {
	content := (*buffer)[:0]
	for {
		content = slices.Grow(content, 1)
		n, err := file.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		*buffer = content
		if errors.Is(err, io.EOF) {
			return content, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
