package bump

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/getpawl/pawl/pkg/disk"
)

// walk finds files in a tree, several folders at a time.
type walk struct {
	root  *os.Root
	match func(path string) bool
	keep  func(path string, content []byte) bool // nil: everything

	idle     atomic.Int32 // workers that wait for a folder
	rules    atomic.Bool  // there is a .gitignore
	mu       sync.Mutex
	more     sync.Cond // there is a folder to take, or all are visited
	folders  []place   // for who is idle
	busy     int       // workers that have folders to visit
	linked   int       // folders visited through links
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
	tree, err := disk.Open(w.root)
	if err != nil {
		w.fail(".", err)
		return
	}
	for folder, ok := w.take(); ok; folder, ok = w.take() {
		w.descend(folder, tree)
		w.done()
	}
	if err := tree.Close(); err != nil {
		w.fail(".", err)
	}
}

// descend visits a folder and those below it, the next one near the last one. Somebody
// idle gets one that was found early: much is below it.
func (w *walk) descend(folder place, tree *disk.Tree) {
	folders := []place{folder}
	for len(folders) > 0 {
		last := len(folders) - 1
		folder, folders = folders[last], folders[:last]
		folders = w.visit(folder, tree, folders)
		if len(folders) > 1 && w.idle.Load() > 0 {
			w.give(folders[0])
			folders = folders[1:]
		}
	}
}

// take waits for a folder, and reports false when there will be none.
func (w *walk) take() (folder place, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle.Add(1)
	defer w.idle.Add(-1)
	for len(w.folders) == 0 && w.busy > 0 {
		w.more.Wait()
	}
	if len(w.folders) == 0 {
		w.more.Broadcast()
		return place{}, false
	}
	last := len(w.folders) - 1
	folder, w.folders = w.folders[last], w.folders[:last]
	w.busy++
	return folder, true
}

func (w *walk) give(folder place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.folders = append(w.folders, folder)
	w.more.Signal()
}

func (w *walk) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
}

// visit looks at the files of a folder and adds the folders in it to those below.
func (w *walk) visit(folder place, tree *disk.Tree, below []place) []place {
	inName, inReal := within(folder.name), within(folder.where)
	err := tree.List(folder.where, func(entry []byte, kind fs.FileMode) {
		name := inName + string(entry)
		where := name
		if folder.links != nil {
			where = inReal + string(entry)
		}
		switch {
		case kind.IsDir() && !passedOver(name[len(inName):]):
			below = append(below, place{name, where, folder.links})
		case string(entry) == ".gitignore":
			w.rules.Store(true)
		case kind.IsRegular() && w.match(name):
			if err := w.file(where, tree); err != nil {
				w.fail(where, err)
			}
		case kind&fs.ModeSymlink != 0:
			if target, ok := w.link(place{name, where, folder.links}, tree); ok {
				below = append(below, target)
			}
		}
	})
	if err != nil {
		w.fail(folder.where, err)
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

// file reads a file, and keeps it if it is to be kept.
func (w *walk) file(name string, tree *disk.Tree) error {
	content, err := tree.Read(name)
	if err != nil || w.keep != nil && !w.keep(name, content) {
		return err
	}
	file := File{Path: name, Content: bytes.Clone(content)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = append(w.files, file)
	return nil
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
