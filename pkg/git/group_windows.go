package git

import "os/exec"

// killGroup changes nothing: Windows has no process groups, and the program itself
// is ended.
func killGroup(*exec.Cmd) {}
