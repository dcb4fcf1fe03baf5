//go:build !unix

package git

import (
	"errors"
	"os"
	"os/exec"
)

func setApart(*exec.Cmd) {}

func lockFile(*os.File) (busy bool, err error) { return false, errors.ErrUnsupported }
