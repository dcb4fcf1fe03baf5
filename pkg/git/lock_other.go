//go:build !unix

package git

import (
	"errors"
	"os"
)

func lockFile(*os.File) (busy bool, err error) { return false, errors.ErrUnsupported }
