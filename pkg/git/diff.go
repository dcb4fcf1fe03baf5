package git

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Difference is a file, a symbolic link or a submodule that two commits do not have
// alike. Modes are as in the trees, e.g. 0o100644; 0 where it is not there, and the
// id is empty then.
type Difference struct {
	Path             string
	OldMode, NewMode uint32
	Old, New         string // ids of the contents; of a submodule, its commit
}

// Diff lists what differs between two commits, sorted by path. A file that was moved
// is one that went and one that came. It needs the commits and the folders that
// differ, not the contents.
func (o *Objects) Diff(before, after string) ([]Difference, error) {
	level := []folderPair{{}}
	for i, commit := range []string{before, after} {
		id, err := parseHash(commit)
		if err != nil {
			return nil, err
		}
		if level[0].trees[i], err = o.root(id); err != nil {
			return nil, err
		}
	}
	w := &diffWalk{objects: o, left: 2 * o.entryLimit()}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			return nil, fmt.Errorf("comparing %s with %s: folders are nested more than %d deep", before, after, maxDepth)
		}
		var err error
		if level, err = w.descend(level); err != nil {
			return nil, fmt.Errorf("comparing %s with %s: %w", before, after, err)
		}
	}
	slices.SortFunc(w.found, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return w.found, nil
}

// folderPair is a folder in both commits; the zero id stands for none.
type folderPair struct {
	path  string
	trees [2]plumbing.Hash
}

type diffWalk struct {
	objects *Objects
	found   []Difference
	left    int // entries that may still come
}

// descend compares one level of folders and returns those below that differ.
func (w *diffWalk) descend(level []folderPair) (next []folderPair, err error) {
	var ids []plumbing.Hash
	for _, pair := range level {
		for _, id := range pair.trees {
			if !id.IsZero() {
				ids = append(ids, id)
			}
		}
	}
	if err := w.objects.from.prepare(w.objects.unmade(ids)); err != nil {
		return nil, err
	}
	for _, pair := range level {
		if pair.trees[0] == pair.trees[1] {
			continue
		}
		below, err := w.compare(pair)
		if err != nil {
			return nil, err
		}
		next = append(next, below...)
	}
	return next, nil
}

// compare compares one folder.
func (w *diffWalk) compare(pair folderPair) (next []folderPair, err error) {
	both := map[string]*[2]entry{}
	for side, id := range pair.trees {
		if id.IsZero() {
			continue
		}
		entries, err := w.objects.tree(id)
		if err != nil {
			return nil, err
		}
		if w.left -= len(entries); w.left < 0 {
			return nil, fmt.Errorf("%w: too many files", errTooLarge)
		}
		for _, each := range entries {
			if both[each.name] == nil {
				both[each.name] = new([2]entry)
			}
			if both[each.name][side].mode != 0 {
				return nil, fmt.Errorf("the folder %q has the entry %q twice", pair.path, each.name)
			}
			both[each.name][side] = each
		}
	}
	for name, sides := range both {
		at := path.Join(pair.path, name)
		if sides[0].mode == sides[1].mode && sides[0].id == sides[1].id {
			continue
		}
		below := folderPair{path: at}
		difference := Difference{Path: at}
		for side, entry := range sides {
			switch {
			case entry.mode == 0:
			case entry.isTree():
				below.trees[side] = entry.id
			case side == 0:
				difference.OldMode, difference.Old = entry.mode, entry.id.String()
			default:
				difference.NewMode, difference.New = entry.mode, entry.id.String()
			}
		}
		if below.trees[0] != below.trees[1] {
			next = append(next, below)
		}
		if difference.Old != "" || difference.New != "" {
			w.found = append(w.found, difference)
		}
	}
	return next, nil
}
