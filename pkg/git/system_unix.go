//go:build unix

package git

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// setApart keeps what is typed at a terminal (Ctrl-C) from a child: we are told, too,
// and end it where that does no harm.
func setApart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// lockFile takes the lock of an open file, which is given back when it is closed,
// at the latest when the process ends, however that happens. Busy means that
// somebody else has it; an error, that this file system has no such locks.
func lockFile(file *os.File) (busy bool, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return false, err
	}
	var locked error
	if err := raw.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) }); err != nil {
		return false, err
	}
	if errors.Is(locked, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, locked
}
