package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // the checksum that the format demands
	"encoding/binary"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// packed is an object on its way into a pack: whole, or as a delta against base.
type packed struct {
	object
	base  plumbing.Hash // zero: whole
	delta []byte
}

// deltify makes the object a delta where that halves it at least. A folder of ten
// thousand entries of which one changed is a few bytes then.
func (p packed) deltify(base plumbing.Hash, from object) packed {
	if from.kind != p.kind || len(from.data) == 0 || len(p.data) < 64 {
		return p
	}
	if d := packfile.DiffDelta(from.data, p.data); len(d) < len(p.data)/2 {
		p.base, p.delta = base, d
	}
	return p
}

// writePack encodes objects: https://git-scm.com/docs/pack-format
func writePack(objects []packed) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("PACK")
	header := binary.BigEndian.AppendUint32(nil, packfile.VersionSupported)
	out.Write(binary.BigEndian.AppendUint32(header, uint32(len(objects))))
	compressed := zlib.NewWriter(&out) // it has almost a megabyte: one for all
	for _, each := range objects {
		if err := each.write(&out, compressed); err != nil {
			return nil, fmt.Errorf("packing an object: %w", err)
		}
	}
	sum := sha1.Sum(out.Bytes())
	out.Write(sum[:])
	return out.Bytes(), nil
}

func (p packed) write(out *bytes.Buffer, compressed *zlib.Writer) error {
	kind, content := p.kind, p.data
	if p.delta != nil {
		kind, content = plumbing.REFDeltaObject, p.delta
	}
	// Type and size: four bits of the size beside the type, then seven a byte.
	size := uint64(len(content))
	first := byte(kind)<<4 | byte(size&0x0f)
	if size >>= 4; size == 0 {
		out.WriteByte(first)
	} else {
		out.WriteByte(first | 0x80)
		out.Write(binary.AppendUvarint(nil, size))
	}
	if p.delta != nil {
		out.Write(p.base[:])
	}
	compressed.Reset(out)
	if _, err := compressed.Write(content); err != nil {
		return err
	}
	return compressed.Close()
}
