//go:build !portable

package disk

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"iter"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dirent is an entry of a folder as getdents64(2) gives it: the number of the file, an
// offset, the length of the entry, the type, and the name, which ends with a zero.
type dirent []byte

// dirents are the entries one by one, but for the folder itself and the one above.
func dirents(entries []byte) iter.Seq[dirent] {
	return func(yield func(dirent) bool) {
		for len(entries) > 0 {
			length := binary.NativeEndian.Uint16(entries[unsafe.Offsetof(unix.Dirent{}.Reclen):])
			entry := dirent(entries[:length])
			entries = entries[length:]
			if name := entry.name(); string(name) != "." && string(name) != ".." && !yield(entry) {
				return
			}
		}
	}
}

func (d dirent) name() []byte {
	name := d[unsafe.Offsetof(unix.Dirent{}.Name):]
	return name[:bytes.IndexByte(name, 0)]
}

// kind is one of the constants DT_….
func (d dirent) kind() *byte { return &d[unsafe.Offsetof(unix.Dirent{}.Type)] }

func (d dirent) mode() fs.FileMode {
	switch *d.kind() {
	case unix.DT_REG:
		return 0
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_LNK:
		return fs.ModeSymlink
	}
	return fs.ModeIrregular
}
