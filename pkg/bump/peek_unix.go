//go:build unix

package bump

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// peek reads a file into the buffer, which grows with it. It does without os.File:
// of a file that is looked at once, preparing one costs as much as reading it.
func peek(name string, buffer *[]byte) (content []byte, err error) {
	fd, err := retry(func() (int, error) { return syscall.Open(name, readOnly|syscall.O_CLOEXEC, 0) })
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	content = (*buffer)[:0]
	for {
		content = slices.Grow(content, 1)
		n, err := retry(func() (int, error) { return syscall.Read(fd, content[len(content):cap(content)]) })
		if err != nil {
			return nil, errors.Join(&fs.PathError{Op: "read", Path: name, Err: err}, syscall.Close(fd))
		}
		content = content[:len(content)+n]
		if n == 0 {
			break
		}
	}
	*buffer = content
	return content, syscall.Close(fd)
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
