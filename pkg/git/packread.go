package git

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// packReader unpacks a pack in memory within limits. Deltas may refer to objects
// outside the pack (a thin pack), which lookup finds.
//
// go-git's own parser has no limits: it believes the sizes that the pack states.
type packReader struct {
	packRules
	choice   choice // nil: everything
	unpacked int64  // bytes so far

	objects map[plumbing.Hash]object
	at      map[int64]object          // by offset in the pack
	gone    map[int64]recipe          // how to make those again that were let go
	last    placed                    // the newest one of them
	spare   []byte                    // memory that nobody uses any more
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
	// choose begins a choice from a partial pack; nil: everything is read and kept.
	choose func() choice
}

// choice is what is made of a pack while it is being read.
type choice interface {
	// enough ends the reading before the end of the pack: what was not verified by
	// the checksum is by the ids.
	enough(read int64, objects map[plumbing.Hash]object) bool
	// wanted says of a large object that is a delta whether it is to be kept: twenty
	// commits bring twenty versions of a folder of ten thousand entries.
	wanted(id plumbing.Hash, objects map[plumbing.Hash]object) bool
}

// errTooMany is a pack with more objects than the rules want to read.
var errTooMany = errors.New("the pack has more objects than are worth reading")

// largeDelta is from which size on an object has to be wanted.
const largeDelta = 32 << 10

type delta struct {
	offset int64
	data   []byte
}

// recipe is how an object is made: by a delta, from the object at an offset.
type recipe struct {
	base  int64
	delta []byte
}

// placed is an object and its offset in the pack.
type placed struct {
	offset int64
	object object
}

// readPack reads a pack and returns its objects by id. Every id is computed from
// the content. When the pack was read to its end, its checksum was verified.
func readPack(from io.Reader, rules packRules) (map[plumbing.Hash]object, error) {
	p := &packReader{
		packRules: rules,
		objects:   map[plumbing.Hash]object{}, at: map[int64]object{},
		byID: map[plumbing.Hash][]delta{}, byPlace: map[int64][]delta{}, gone: map[int64]recipe{},
	}
	if rules.choose != nil {
		p.choice = rules.choose()
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
		if p.choice != nil && p.choice.enough(metered.read, p.objects) {
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
	if n < 0 || n > p.limits.Content-p.unpacked {
		return errTooLarge
	}
	p.unpacked += n
	return nil
}

func (p *packReader) addOffsetDelta(base int64, d delta) error {
	found, ok, err := p.placedAt(base)
	if err != nil {
		return err
	}
	if ok {
		patched, err := p.apply(found, d)
		if err != nil || p.letGo(base, d, patched) {
			return err
		}
		return p.add(d.offset, patched)
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

// placedAt returns the object at an offset, made again if it was let go.
func (p *packReader) placedAt(offset int64) (object, bool, error) {
	var steps []recipe
	for {
		if found, ok := p.at[offset]; ok {
			return p.follow(found, steps)
		}
		if p.last.object.data != nil && p.last.offset == offset {
			return p.follow(p.last.object, steps)
		}
		step, ok := p.gone[offset]
		if !ok {
			return object{}, false, nil
		}
		steps, offset = append(steps, step), step.base
	}
}

// follow applies the steps from an object on, the last one first.
func (p *packReader) follow(from object, steps []recipe) (object, bool, error) {
	for _, step := range slices.Backward(steps) {
		var err error
		if from, err = p.apply(from, delta{data: step.delta}); err != nil {
			return from, false, err
		}
	}
	return from, true, nil
}

// letGo keeps no more of an object than how it was made, if nobody wants it.
func (p *packReader) letGo(base int64, d delta, patched object) bool {
	if p.choice == nil || len(patched.data) < largeDelta {
		return false
	}
	id := patched.name()
	if len(p.byID[id]) > 0 || p.choice.wanted(id, p.objects) {
		return false
	}
	p.spare = p.last.object.data
	p.gone[d.offset], p.last = recipe{base, d.data}, placed{d.offset, patched}
	return true
}

// add keeps an object and everything that waits for it, directly or not. It goes
// by a list, not by recursion: a chain may be long.
func (p *packReader) add(offset int64, first object) error {
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
	if len(base.data) == 0 {
		return object{}, packfile.ErrInvalidDelta // nothing is a difference from nothing
	}
	patched := &content{data: p.room(min(size, int64(len(base.data)+len(d.data))))}
	err = packfile.ApplyDelta(patched, &content{data: base.data}, d.data)
	return object{base.kind, patched.data}, err
}

// room is memory for a result: as much as it takes, as a rule. A delta that lies
// about the size of its result gets no more than base and delta have.
func (p *packReader) room(size int64) []byte {
	spare := p.spare
	if int64(cap(spare)) < size {
		return make([]byte, 0, size)
	}
	p.spare = nil
	return spare[:0]
}

// content is bytes that go-git reads or writes. Its own type grows by doubling, which
// is a lot with folders of ten thousand entries.
type content struct {
	plumbing.MemoryObject

	data []byte
}

func (c *content) Reader() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.data)), nil }

func (c *content) Writer() (io.WriteCloser, error) { return c, nil }

func (c *content) Write(p []byte) (int, error) {
	c.data = append(c.data, p...)
	return len(p), nil
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
