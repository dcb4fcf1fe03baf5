//go:build !portable

package disk

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// folder is an open folder: its descriptor. It does without os.File and os.Root: of a
// file that is looked at once, preparing one costs as much as reading the file.
type folder struct{ fd int }

// opening is how everything is opened: no link is followed, and a pipe that took the
// place of a file is not waited for.
const opening = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK

func openTop(root *os.Root) (folder, error) {
	top, err := root.Open(".")
	if err != nil {
		return folder{}, err
	}
	defer top.Close()
	fd, err := retry(func() (int, error) { return unix.FcntlInt(top.Fd(), unix.F_DUPFD_CLOEXEC, 0) })
	return folder{fd}, failed("open", root.Name(), err)
}

func (f folder) open(path string) (folder, error) {
	fd, err := f.descriptor(path, opening|unix.O_DIRECTORY)
	return folder{fd}, err
}

// descriptor opens what is below. The kernel goes the way by itself, if it can.
func (f folder) descriptor(path string, flags int) (int, error) {
	if strings.IndexByte(path, '/') < 0 {
		return f.at(path, flags)
	}
	how := unix.OpenHow{
		Flags:   uint64(flags),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := retry(func() (int, error) { return unix.Openat2(f.fd, path, &how) })
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // before Linux 5.6, and in some sandboxes
		return f.stepwise(path, flags)
	}
	return fd, failed("open", path, err)
}

// stepwise is descriptor with every folder on the way opened in the one before it.
func (f folder) stepwise(path string, flags int) (int, error) {
	first, rest, more := strings.Cut(path, "/")
	if !more {
		return f.at(path, flags)
	}
	fd, err := f.at(first, opening|unix.O_DIRECTORY)
	if err != nil {
		return 0, err
	}
	next := folder{fd}
	fd, err = next.stepwise(rest, flags)
	return fd, errors.Join(err, next.close())
}

// at opens what has a name in the folder: no link is followed, and the folder above is
// nobody's.
func (f folder) at(name string, flags int) (int, error) {
	if name == ".." {
		return -1, failed("open", name, unix.EXDEV)
	}
	fd, err := retry(func() (int, error) { return unix.Openat(f.fd, name, flags, 0) })
	return fd, failed("open", name, err)
}

func (f folder) close() error { return failed("close", "folder", unix.Close(f.fd)) }

// list reads all names before it shows one: the folder may be closed by then.
func (f folder) list(again bool, buffer *[]byte, each func(name []byte, kind fs.FileMode)) error {
	if again {
		if _, err := unix.Seek(f.fd, 0, 0); err != nil {
			return failed("seek", "folder", err)
		}
	}
	entries := (*buffer)[:0]
	for {
		entries = slices.Grow(entries, 4096)
		n, err := retry(func() (int, error) { return unix.Getdents(f.fd, entries[len(entries):cap(entries)]) })
		if err != nil {
			return failed("readdir", "folder", err)
		}
		if n == 0 {
			break
		}
		entries = entries[:len(entries)+n]
	}
	*buffer = entries
	if err := f.complete(entries); err != nil {
		return err
	}
	for entry := range dirents(entries) {
		each(entry.name(), entry.mode())
	}
	return nil
}

// complete asks for the types that are not told: some file systems leave them out. A
// file that was removed meanwhile stays without one.
func (f folder) complete(entries []byte) error {
	for entry := range dirents(entries) {
		if *entry.kind() != unix.DT_UNKNOWN {
			continue
		}
		stat, err := f.stat(string(entry.name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		*entry.kind() = byte(stat.Mode & unix.S_IFMT >> 12) // IFTODT in dirent.h
	}
	return nil
}

func (f folder) stat(name string) (unix.Stat_t, error) {
	var stat unix.Stat_t
	_, err := retry(func() (int, error) { return 0, unix.Fstatat(f.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW) })
	return stat, failed("stat", name, err)
}

// read appends the content of a file to the buffer.
func (f folder) read(name string, buffer []byte) ([]byte, error) {
	fd, err := f.descriptor(name, opening)
	if err != nil {
		return buffer, err
	}
	buffer, err = readAll(fd, buffer)
	return buffer, errors.Join(failed("read", name, err), failed("close", name, unix.Close(fd)))
}

// load is read for a file further below, with its permissions.
func (f folder) load(path string, buffer []byte) ([]byte, fs.FileMode, error) {
	fd, err := f.descriptor(path, opening)
	if err != nil {
		return buffer, 0, err
	}
	var stat unix.Stat_t
	_, err = retry(func() (int, error) { return 0, unix.Fstat(fd, &stat) })
	if err == nil {
		buffer, err = readAll(fd, buffer)
	}
	return buffer, fs.FileMode(stat.Mode) & fs.ModePerm, errors.Join(failed("read", path, err), failed("close", path, unix.Close(fd)))
}

// readAll appends what is in an open file to the buffer.
func readAll(fd int, buffer []byte) ([]byte, error) {
	for {
		buffer = slices.Grow(buffer, 1)
		n, err := retry(func() (int, error) { return unix.Read(fd, buffer[len(buffer):cap(buffer)]) })
		if err != nil || n == 0 {
			return buffer, err
		}
		buffer = buffer[:len(buffer)+n]
	}
}

func (f folder) create(name string, content []byte, perm fs.FileMode, sync bool) error {
	mode := uint32(cmp.Or(perm, 0o666))
	fd, err := retry(func() (int, error) {
		return unix.Openat(f.fd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, mode)
	})
	if err != nil {
		return failed("open", name, err)
	}
	for len(content) > 0 && err == nil {
		var n int
		n, err = retry(func() (int, error) { return unix.Write(fd, content) })
		content = content[max(n, 0):]
	}
	if err == nil && perm != 0 { // whatever the umask took away
		_, err = retry(func() (int, error) { return 0, unix.Fchmod(fd, mode) })
	}
	if err == nil && sync {
		_, err = retry(func() (int, error) { return 0, unix.Fsync(fd) })
	}
	return errors.Join(failed("write", name, err), failed("close", name, unix.Close(fd)))
}

func (f folder) rename(name string, to folder, newName string) error {
	_, err := retry(func() (int, error) { return 0, unix.Renameat(f.fd, name, to.fd, newName) })
	return failed("rename", newName, err)
}

// failed says what failed, as package os does.
func failed(call, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: call, Path: name, Err: err}
}

// retry repeats a call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
