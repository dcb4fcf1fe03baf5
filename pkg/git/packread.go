package git

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// packReader unpacks a pack in memory within limits. Deltas may refer to objects
// outside the pack (a thin pack), which lookup finds.
//
// go-git's own parser has no limits: it believes the sizes that the pack states.
type packReader struct {
	packRules
	content int64 // unpacked so far

	objects map[plumbing.Hash]object
	at      map[int64]object          // by offset in the pack
	byID    map[plumbing.Hash][]delta // waiting for an object
	byPlace map[int64][]delta         // waiting for the object at an offset
	waiting int
}

// packRules say how a pack is read.
type packRules struct {
	limits Limits
	lookup func(plumbing.Hash) (object, bool) // finds the bases of a thin pack
	// partial leaves out the deltas whose base is not found, instead of failing.
	partial bool
	// most is how many objects a pack may hold to be read at all; 0: any number.
	most int
	// enough ends the reading before the end of the pack: what was not verified by
	// the checksum is by the ids. nil: read everything.
	enough func(read int64, objects map[plumbing.Hash]object) bool
}

// errTooMany is a pack with more objects than the rules want to read.
var errTooMany = errors.New("the pack has more objects than are worth reading")

type delta struct {
	offset int64
	data   []byte
}

// readPack reads a pack and returns its objects by id. Every id is computed from
// the content. When the pack was read to its end, its checksum was verified.
func readPack(from io.Reader, rules packRules) (map[plumbing.Hash]object, error) {
	p := &packReader{
		packRules: rules,
		objects:   map[plumbing.Hash]object{}, at: map[int64]object{},
		byID: map[plumbing.Hash][]delta{}, byPlace: map[int64][]delta{},
	}
	metered := &meter{from: from}
	scanner := packfile.NewScanner(metered)
	_, count, err := scanner.Header()
	switch {
	case err != nil:
		return nil, err
	case int64(count) > int64(rules.limits.Objects):
		return nil, fmt.Errorf("%w: %d objects", errTooLarge, count)
	case rules.most > 0 && int64(count) > int64(rules.most):
		return nil, errTooMany
	}
	for range count {
		if err := p.next(scanner); err != nil {
			return nil, err
		}
		if rules.enough != nil && rules.enough(metered.read, p.objects) {
			return p.objects, nil
		}
	}
	if _, err := scanner.Checksum(); err != nil {
		return nil, err
	}
	return p.objects, p.resolveOutside()
}

// meter counts what is read. It is no [io.Seeker], whatever it reads from.
type meter struct {
	from io.Reader
	read int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.read += int64(n)
	return n, err
}

func (p *packReader) next(scanner *packfile.Scanner) error {
	header, err := scanner.NextObjectHeader()
	if err != nil {
		return err
	}
	if err := p.grow(header.Length); err != nil {
		return err
	}
	var content bytes.Buffer
	n, _, err := scanner.NextObject(&content)
	if err != nil {
		return err
	}
	if n != header.Length {
		return errors.New("an object of the pack is shorter than stated")
	}
	switch header.Type {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		return p.add(header.Offset, object{header.Type, content.Bytes()})
	case plumbing.OFSDeltaObject:
		return p.addOffsetDelta(header.OffsetReference, delta{header.Offset, content.Bytes()})
	case plumbing.REFDeltaObject:
		return p.addReferenceDelta(header.Reference, delta{header.Offset, content.Bytes()})
	}
	return fmt.Errorf("an object of the pack has the unknown type %d", header.Type)
}

// grow accounts for content that is about to be unpacked.
func (p *packReader) grow(n int64) error {
	if n < 0 || n > p.limits.Content-p.content {
		return errTooLarge
	}
	p.content += n
	return nil
}

func (p *packReader) addOffsetDelta(base int64, d delta) error {
	if found, ok := p.at[base]; ok {
		return p.patch(found, d)
	}
	p.waiting++
	p.byPlace[base] = append(p.byPlace[base], d)
	return nil
}

func (p *packReader) addReferenceDelta(base plumbing.Hash, d delta) error {
	if found, ok := p.objects[base]; ok {
		return p.patch(found, d)
	}
	p.waiting++
	p.byID[base] = append(p.byID[base], d)
	return nil
}

// add keeps an object and everything that waits for it, directly or not. It goes
// by a list, not by recursion: a chain may be long.
func (p *packReader) add(offset int64, first object) error {
	type placed struct {
		offset int64
		object object
	}
	todo := []placed{{offset, first}}
	for len(todo) > 0 {
		here := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		id := here.object.hash()
		p.objects[id], p.at[here.offset] = here.object, here.object
		ready := append(p.byID[id], p.byPlace[here.offset]...)
		delete(p.byID, id)
		delete(p.byPlace, here.offset)
		p.waiting -= len(ready)
		for _, d := range ready {
			patched, err := p.apply(here.object, d)
			if err != nil {
				return err
			}
			todo = append(todo, placed{d.offset, patched})
		}
	}
	return nil
}

func (p *packReader) patch(base object, d delta) error {
	patched, err := p.apply(base, d)
	if err != nil {
		return err
	}
	return p.add(d.offset, patched)
}

func (p *packReader) apply(base object, d delta) (object, error) {
	size, err := patchedSize(d.data)
	if err != nil {
		return object{}, err
	}
	if err := p.grow(size); err != nil {
		return object{}, err
	}
	data, err := packfile.PatchDelta(base.data, d.data)
	return object{base.kind, data}, err
}

// patchedSize reads the size of the result, which a delta states after that of
// its base. https://git-scm.com/docs/pack-format#_deltified_representation
func patchedSize(data []byte) (int64, error) {
	_, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, packfile.ErrInvalidDelta
	}
	size, m := binary.Uvarint(data[n:])
	if m <= 0 || size > 1<<62 {
		return 0, packfile.ErrInvalidDelta
	}
	return int64(size), nil
}

// resolveOutside patches the deltas whose base is not in the pack.
func (p *packReader) resolveOutside() error {
	for p.waiting > 0 {
		progress := false
		for id, list := range p.byID {
			base, ok := p.lookup(id)
			if !ok {
				continue
			}
			delete(p.byID, id)
			p.waiting -= len(list)
			progress = true
			for _, d := range list {
				if err := p.patch(base, d); err != nil {
					return err
				}
			}
		}
		if !progress && p.partial {
			return nil
		}
		if !progress {
			return errors.New("the pack refers to an object that is not here")
		}
	}
	return nil
}
