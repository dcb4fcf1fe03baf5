package git

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Kinds of tree entries, in the upper bits of their mode.
// https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
const (
	modeKind    = 0o170000
	modeFolder  = 0o040000
	modeFile    = 0o100000
	modeSymlink = 0o120000
	modeNewFile = 0o100644
)

// entry is one line of a tree object.
type entry struct {
	mode  uint32
	name  string
	id    plumbing.Hash
	start int // where the entry begins in the tree's bytes; its id is the last 20
	end   int
}

func (e entry) isTree() bool { return e.mode&modeKind == modeFolder }
func (e entry) isFile() bool { return e.mode&modeKind == modeFile }

// what names an entry that cannot be written to or through.
func (e entry) what() string {
	switch {
	case e.isTree():
		return "a folder"
	case e.isFile():
		return "a file"
	case e.mode&modeKind == modeSymlink:
		return "a symbolic link"
	}
	return "a submodule"
}

// parseTree reads a tree object: mode, space, name, NUL, id, again and again.
// Names that could lead out of the repository are an error.
func parseTree(data []byte) ([]entry, error) {
	text := string(data) // the names are parts of it: a large folder has thousands
	entries := make([]entry, 0, len(data)/40)
	for at := 0; at < len(data); {
		mode, rest, ok := strings.Cut(text[at:], " ")
		name, rest, named := strings.Cut(rest, "\x00")
		if !ok || !named || len(rest) < 20 || len(mode) > 7 {
			return nil, errors.New("the tree is malformed")
		}
		bits, err := strconv.ParseUint(mode, 8, 32)
		if err != nil {
			return nil, fmt.Errorf("the tree has the mode %q", mode)
		}
		if reason := badEntry(name); reason != "" {
			return nil, fmt.Errorf("the tree has the entry %q: %s", name, reason)
		}
		end := len(data) - len(rest) + 20
		entries = append(entries, entry{uint32(bits), name, plumbing.Hash([]byte(rest[:20])), at, end})
		at = end
	}
	return entries, nil
}

// badEntry is badName for what is in a tree already: a backslash is legal there,
// and harmless until it is written to a Windows disk.
func badEntry(name string) string { return badName(strings.ReplaceAll(name, `\`, "_")) }

// edit is what happens to one name of a folder: a new content, or edits within.
type edit struct {
	content []byte
	within  map[string]*edit // nil for a file
}

// editsOf arranges changes as a tree.
func editsOf(changes []Change) (*edit, error) {
	root := &edit{within: map[string]*edit{}}
	for _, change := range changes {
		if err := checkPath(change.Path); err != nil {
			return nil, err
		}
		at := root
		parts := strings.Split(change.Path, "/")
		for _, part := range parts[:len(parts)-1] {
			next, ok := at.within[part]
			if !ok {
				next = &edit{within: map[string]*edit{}}
				at.within[part] = next
			}
			if next.within == nil {
				return nil, fmt.Errorf("%q cannot be both a file and a folder", part)
			}
			at = next
		}
		name := parts[len(parts)-1]
		if _, ok := at.within[name]; ok {
			return nil, fmt.Errorf("%q is changed twice", change.Path)
		}
		at.within[name] = &edit{content: change.Content}
	}
	return root, nil
}

// splice applies edits to a folder and returns the id of the new one; zero stands
// for a folder that is not there yet. The bytes of all other entries stay as they
// are, odd modes and all.
func (o *Objects) splice(at string, tree plumbing.Hash, edits *edit) (plumbing.Hash, error) {
	var old object
	if !tree.IsZero() {
		var err error
		if old, err = o.get(tree, plumbing.TreeObject); err != nil {
			return tree, err
		}
	}
	entries, err := o.from.entries(tree, old.data)
	if err != nil {
		return tree, fmt.Errorf("reading folder %q: %w", at, err)
	}
	if err := onlyOnce(at, entries, edits); err != nil {
		return tree, err
	}
	data := slices.Clone(old.data)
	var added []entry
	for _, name := range sortedNames(edits.within) {
		here := edits.within[name]
		i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
		if i < 0 {
			fresh, err := o.insert(at, name, here, entries)
			if err != nil {
				return tree, err
			}
			added = append(added, fresh)
			continue
		}
		id, err := o.replace(at, entries[i], here)
		if err != nil {
			return tree, err
		}
		copy(data[entries[i].end-20:entries[i].end], id[:])
	}
	if len(added) > 0 {
		if data, err = merge(data, entries, added); err != nil {
			return tree, fmt.Errorf("adding to folder %q: %w", at, err)
		}
	}
	if !tree.IsZero() && bytes.Equal(data, old.data) {
		return tree, nil
	}
	return o.keep(made{object{plumbing.TreeObject, data}, tree}), nil
}

// onlyOnce refuses to edit a name that a broken tree has twice: which one counts?
func onlyOnce(at string, entries []entry, edits *edit) error {
	seen := map[string]bool{}
	for _, e := range entries {
		if edits.within[e.name] == nil {
			continue
		}
		if seen[e.name] {
			return fmt.Errorf("folder %q has %q twice: run git fsck", at, e.name)
		}
		seen[e.name] = true
	}
	return nil
}

// replace returns the id that an existing entry gets.
func (o *Objects) replace(at string, old entry, change *edit) (plumbing.Hash, error) {
	name := join(at, old.name)
	switch {
	case change.within != nil && old.isTree():
		return o.splice(name, old.id, change)
	case change.within == nil && old.isFile():
		blob := made{object{plumbing.BlobObject, slices.Clone(change.content)}, old.id}
		if id := blob.hash(); id == old.id {
			return id, nil
		}
		return o.keep(blob), nil
	}
	return old.id, fmt.Errorf("%q is %s: pawl does not write to it or through it", name, old.what())
}

// insert makes the entry for a name that is new in its folder.
func (o *Objects) insert(at, name string, change *edit, entries []entry) (entry, error) {
	for _, e := range entries {
		if strings.EqualFold(e.name, name) {
			return entry{}, fmt.Errorf("%q differs from %q in case only: not every disk can hold both", join(at, name), join(at, e.name))
		}
	}
	if change.within == nil {
		id := o.keep(made{object: object{plumbing.BlobObject, slices.Clone(change.content)}})
		return entry{mode: modeNewFile, name: name, id: id}, nil
	}
	id, err := o.splice(join(at, name), plumbing.ZeroHash, change)
	return entry{mode: modeFolder, name: name, id: id}, err
}

// merge puts new entries where Git's order wants them. It refuses to guess that
// order in a tree that is not sorted.
func merge(data []byte, entries, added []entry) ([]byte, error) {
	inOrder := func(a, b entry) int { return strings.Compare(a.sortKey(), b.sortKey()) }
	if !slices.IsSortedFunc(entries, inOrder) {
		return nil, errors.New("its entries are not in Git's order: run git fsck")
	}
	slices.SortFunc(added, inOrder)
	var out []byte
	for _, e := range entries {
		for len(added) > 0 && inOrder(added[0], e) < 0 {
			out, added = added[0].append(out), added[1:]
		}
		out = append(out, data[e.start:e.end]...)
	}
	for _, e := range added {
		out = e.append(out)
	}
	return out, nil
}

// sortKey is the name as Git sorts it: a folder as if it ended in a slash.
func (e entry) sortKey() string {
	if e.isTree() {
		return e.name + "/"
	}
	return e.name
}

func (e entry) append(to []byte) []byte {
	to = strconv.AppendUint(to, uint64(e.mode), 8)
	to = append(to, ' ')
	to = append(to, e.name...)
	to = append(to, 0)
	return append(to, e.id[:]...)
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "/" + name
}

func sortedNames(edits map[string]*edit) []string {
	names := make([]string, 0, len(edits))
	for name := range edits {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
