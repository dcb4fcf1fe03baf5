package git

import (
	"crypto/sha1" //nolint:gosec // what Git calls objects by
	"fmt"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// object is a Git object. Its data is shared: nobody changes it.
type object struct {
	kind plumbing.ObjectType
	data []byte
}

func (o object) hash() plumbing.Hash { return plumbing.ComputeHash(o.kind, o.data) }

// name is the id that an object claims by its content, found several times faster than
// [object.hash], which also finds out whether somebody forged the content for it.
func (o object) name() (id plumbing.Hash) {
	sum := sha1.New() //nolint:gosec // what Git calls objects by
	fmt.Fprintf(sum, "%s %d\x00", o.kind, len(o.data))
	sum.Write(o.data)
	copy(id[:], sum.Sum(nil))
	return id
}

// source is where objects come from. It may be used from several goroutines.
type source interface {
	// object returns one object, or a *[MissingError].
	object(id plumbing.Hash) (object, error)
	// entries reads a folder's bytes. What it returns is shared: nobody changes it.
	entries(id plumbing.Hash, data []byte) ([]entry, error)
	// prepare makes objects ready that will be asked for next, all at once.
	// Objects that are not here are an error only where the source cannot go on.
	prepare(ids []plumbing.Hash) error
}

// memory is a source that holds what was fetched.
type memory struct {
	mu      sync.RWMutex
	objects map[plumbing.Hash]object
	parsed  map[plumbing.Hash][]entry // of large folders: reading one takes a millisecond
}

func newMemory() *memory {
	return &memory{objects: map[plumbing.Hash]object{}, parsed: map[plumbing.Hash][]entry{}}
}

// largeFolder is from which size on a folder is read once only.
const largeFolder = 32 << 10

// entries reads a folder.
func (m *memory) entries(id plumbing.Hash, data []byte) ([]entry, error) {
	if len(data) < largeFolder {
		return parseTree(data)
	}
	m.mu.RLock()
	entries, known := m.parsed[id]
	m.mu.RUnlock()
	if known {
		return entries, nil
	}
	entries, err := parseTree(data)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parsed[id] = entries
	return entries, nil
}

func (m *memory) object(id plumbing.Hash) (object, error) {
	if found, ok := m.lookup(id); ok {
		return found, nil
	}
	return object{}, &MissingError{Object: id.String()}
}

func (m *memory) prepare([]plumbing.Hash) error { return nil }

func (m *memory) lookup(id plumbing.Hash) (object, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found, ok := m.objects[id]
	return found, ok
}

func (m *memory) add(objects map[plumbing.Hash]object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, each := range objects {
		m.objects[id] = each
	}
}

// missing returns the ids that are not here.
func (m *memory) missing(ids []plumbing.Hash) []plumbing.Hash {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []plumbing.Hash
	for _, id := range ids {
		if _, ok := m.objects[id]; !ok {
			list = append(list, id)
		}
	}
	return list
}

// boundary returns the commits whose parents are not all here.
func (m *memory) boundary() []plumbing.Hash {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []plumbing.Hash
	for id, each := range m.objects {
		if each.kind != plumbing.CommitObject {
			continue
		}
		here, err := parseCommit(each.data)
		if err == nil && slices.ContainsFunc(here.parents, func(parent plumbing.Hash) bool {
			_, ok := m.objects[parent]
			return !ok
		}) {
			list = append(list, id)
		}
	}
	return list
}

// layer is a source that looks into objects that are being read first.
type layer struct {
	above map[plumbing.Hash]object
	*memory
}

func (l layer) object(id plumbing.Hash) (object, error) {
	if found, ok := l.above[id]; ok {
		return found, nil
	}
	return l.memory.object(id)
}
