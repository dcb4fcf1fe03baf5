// Command measure runs a command in a folder and prints as JSON what it cost, with
// the processes that it started. It is a process of its own because the kernel
// counts the memory of whoever starts a process as that process's peak, and this
// one is small.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// cost is what a command cost. The benchmarks read it.
type cost struct {
	CPU, Wall time.Duration
	Peak      int64 // bytes
}

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, name string, args []string) error {
	// grep stops at the first match when it writes to /dev/null, hence a pipe.
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	started := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out.Bytes())
	}
	wall := time.Since(started)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return fmt.Errorf("%s: the system does not say what a process used", name)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return json.NewEncoder(os.Stdout).Encode(cost{CPU: cpu, Wall: wall, Peak: usage.Maxrss * 1024})
}
