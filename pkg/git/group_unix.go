//go:build unix

package git

import (
	"os/exec"
	"syscall"
)

// killGroup gives a program a process group of its own, which ends as a whole:
// ssh may run a proxy command, and may itself be run by a shell.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
