//go:build !unix

package bump

import (
	"errors"
	"os"
)

// peek reads a file into the buffer, which grows with it.
func peek(name string, buffer *[]byte) ([]byte, error) {
	file, err := os.OpenFile(name, readOnly, 0)
	if err != nil {
		return nil, err
	}
	content, err := readAll(file, buffer)
	return content, errors.Join(err, file.Close())
}
