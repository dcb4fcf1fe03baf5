//go:build !unix

package git

import "os/exec"

// withoutTerminal does nothing here: time bounds a program that asks.
func withoutTerminal(*exec.Cmd) {}
