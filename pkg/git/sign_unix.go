//go:build unix

package git

import (
	"os/exec"
	"syscall"
)

// withoutTerminal keeps a program from asking at the user's terminal, which it can
// open by itself: a session of its own has none.
func withoutTerminal(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
