package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxDepth bounds folders within folders. No file system takes paths this deep.
const maxDepth = 1000

// Objects are commits, folders and files of one repository, fetched or local, and
// the commits that were made on them. New commits live here only, until they are
// pushed or put into a checkout. It may be used from several goroutines at once.
type Objects struct {
	from   source
	remote *Remote // where Load asks; nil: it does not

	mu   sync.Mutex
	made map[plumbing.Hash]made
}

// made is an object that the repository does not have yet.
type made struct {
	object
	base plumbing.Hash // the object that this one replaces; zero when there is none
}

func newObjects(from source, remote *Remote) *Objects {
	return &Objects{from: from, remote: remote, made: map[plumbing.Hash]made{}}
}

// File is a file of a commit.
type File struct {
	Path string // from the repository's root, with slashes
	Mode uint32 // as it is in the tree, e.g. 0o100644
	Blob string // the id of its content
}

// Kind says what a file is: "a file", "a symbolic link" or "a submodule".
func (f File) Kind() string { return entry{mode: f.Mode}.what() }

// Files returns the regular files of a commit for which match is true, sorted by
// path. Symbolic links and submodules are left out, and never followed. It needs
// the commit and all its folders, not the contents.
func (o *Objects) Files(commit string, match func(path string) bool) ([]File, error) {
	return o.walk(commit, &walk{scope: Scope{File: match}})
}

// Others returns what Files leaves out: the symbolic links and submodules of a
// commit for which match is true. What one is, [File.Kind] says.
func (o *Objects) Others(commit string, match func(path string) bool) ([]File, error) {
	return o.walk(commit, &walk{scope: Scope{File: match}, others: true})
}

// Scoped is [Objects.Files] for a scope: it needs the folders in scope only.
func (o *Objects) Scoped(commit string, scope Scope) ([]File, error) {
	return o.walk(commit, &walk{scope: scope})
}

func (o *Objects) walk(commit string, w *walk) ([]File, error) {
	id, err := parseHash(commit)
	if err != nil {
		return nil, err
	}
	root, err := o.root(id)
	if err != nil {
		return nil, err
	}
	w.objects, w.left = o, o.entryLimit()
	if err := w.from(root); err != nil {
		return nil, fmt.Errorf("reading the files of %s: %w", commit, err)
	}
	return w.files, nil
}

func (o *Objects) entryLimit() int {
	if o.remote != nil {
		return o.remote.limits.Entries
	}
	return Limits{}.withDefaults().Entries
}

// walk gathers the files of a commit, one level of folders after the other.
type walk struct {
	objects *Objects
	scope   Scope
	others  bool // links and submodules instead of files
	files   []File
	left    int // entries that may still come: a small tree can unfold into a huge one
	// partial goes on without the folders that are not here, and gathers them.
	partial bool
	missing []plumbing.Hash
}

type folder struct {
	path string
	tree plumbing.Hash
}

// from walks down from a folder and sorts what it found.
func (w *walk) from(root plumbing.Hash) (err error) {
	level := []folder{{"", root}}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			return fmt.Errorf("folders are nested more than %d deep", maxDepth)
		}
		if level, err = w.descend(level); err != nil {
			return err
		}
	}
	slices.SortFunc(w.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

func (w *walk) descend(level []folder) (next []folder, err error) {
	ids := make([]plumbing.Hash, len(level))
	for i, each := range level {
		ids[i] = each.tree
	}
	if err := w.objects.from.prepare(w.objects.unmade(ids)); err != nil {
		return nil, err
	}
	for _, each := range level {
		entries, err := w.objects.tree(each.tree)
		var missing *MissingError
		if w.partial && errors.As(err, &missing) {
			w.missing = append(w.missing, each.tree)
			continue
		}
		if err != nil {
			return nil, err
		}
		if w.left -= len(entries); w.left < 0 {
			return nil, fmt.Errorf("%w: too many files", errTooLarge)
		}
		for _, entry := range entries {
			name := join(each.path, entry.name)
			switch {
			case entry.isTree() && w.scope.folder(name):
				next = append(next, folder{name, entry.id})
			case entry.isTree() || entry.isFile() == w.others: // not what is looked for
			case w.scope.file(name):
				w.files = append(w.files, File{name, entry.mode, entry.id.String()})
			}
		}
	}
	return next, nil
}

// Load gets the contents of files that are not here yet, all in one request. In a
// checkout it reads them from the local object database; where that lacks one (a
// partial clone), the error is a *[MissingError].
func (o *Objects) Load(ctx context.Context, files []File) error {
	ids := make([]plumbing.Hash, 0, len(files))
	for _, file := range files {
		id, err := parseHash(file.Blob)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	ids = o.unmade(ids)
	if o.remote == nil {
		return o.from.prepare(ids)
	}
	if err := o.remote.load(ctx, ids); err != nil {
		return fmt.Errorf("fetching files from %s: %w", o.remote.name, err)
	}
	return nil
}

// Content returns the bytes of a file that was loaded.
func (o *Objects) Content(file File) ([]byte, error) {
	id, err := parseHash(file.Blob)
	if err != nil {
		return nil, err
	}
	found, err := o.get(id, plumbing.BlobObject)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file.Path, err)
	}
	return slices.Clone(found.data), nil
}

// unmade leaves out the objects that were made here.
func (o *Objects) unmade(ids []plumbing.Hash) []plumbing.Hash {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id plumbing.Hash) bool {
		_, ok := o.made[id]
		return ok
	})
}

func (o *Objects) madeHere(id plumbing.Hash) (made, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found, ok := o.made[id]
	return found, ok
}

// get returns an object of the kind that is expected.
func (o *Objects) get(id plumbing.Hash, kind plumbing.ObjectType) (object, error) {
	here, ok := o.madeHere(id)
	found := here.object
	if !ok {
		var err error
		if found, err = o.from.object(id); err != nil {
			return object{}, err
		}
	}
	if found.kind != kind {
		return object{}, fmt.Errorf("object %s is a %s, not a %s", id, found.kind, kind)
	}
	return found, nil
}

func (o *Objects) commit(id plumbing.Hash) (commit, error) {
	found, err := o.get(id, plumbing.CommitObject)
	if err != nil {
		return commit{}, err
	}
	return parseCommit(found.data)
}

// root is the id of a commit's top folder.
func (o *Objects) root(id plumbing.Hash) (plumbing.Hash, error) {
	found, err := o.commit(id)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("reading commit %s: %w", id, err)
	}
	return found.tree, nil
}

func (o *Objects) tree(id plumbing.Hash) ([]entry, error) {
	found, err := o.get(id, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	entries, err := o.from.entries(id, found.data)
	if err != nil {
		return nil, fmt.Errorf("reading folder %s: %w", id, err)
	}
	return entries, nil
}

// keep adds an object that was made. One that the repository has already is kept
// too: it is the content that counts, not where it was first.
func (o *Objects) keep(made made) plumbing.Hash {
	id := made.hash()
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.made[id]; !ok {
		o.made[id] = made
	}
	return id
}
