package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// ending is a way in which a run of pawl comes to an untimely end.
type ending struct {
	name   string
	signal syscall.Signal
	all    bool // the git processes that it runs, too
}

// At every step at which a bump changes the file system, its own or that of a git
// process that it runs, it is killed, or told to stop. Whatever the step: every file
// is whole, nothing lies about that git add would take, and the same command, run
// again, ends as if nothing had happened.
//
// Without PAWL_FULL=1 some of the steps are left out.
//
// It runs by itself: whoever traces waits for any process of its thread, and must not
// meet those of other tests.
func TestBumpKilledAtEveryStep(t *testing.T) { //nolint:paralleltest // see above
	pawl := buildBinary(t)
	for name, args := range map[string][]string{
		"in place": {"bump", "ghcr.io/acme/api:1.1.0"},
		"commit":   {"bump", "ghcr.io/acme/api:1.1.0", "--commit"},
	} {
		for i, end := range []ending{
			{"killed", syscall.SIGKILL, false}, {"killed with all", syscall.SIGKILL, true},
			{"terminated", syscall.SIGTERM, false}, {"interrupted", syscall.SIGINT, false},
		} {
			t.Run(name+", "+end.name, func(t *testing.T) {
				k := newKilling(t, pawl, args)
				steps := k.faultFree(t)
				stride := 1 + steps/8 // each ending takes other steps
				if whole() {
					stride = 1
				}
				for step := 1 + i%stride; step <= steps; step += stride {
					k.end(t, step, end)
				}
				t.Logf("%d steps, one of %d", steps, stride)
			})
		}
	}
}

// killing is a command to be killed, in a checkout that is made anew each time.
type killing struct {
	pawl     string
	args     []string
	template string
	before   worldView
	after    worldView
}

// worldView is what a user can see of a checkout.
type worldView struct {
	Head, Status string
	Files        map[string]string
}

var killedFiles = []string{"base/a/kustomization.yaml", "base/b/app.yaml", "base/c.yaml"}

func newKilling(t *testing.T, pawl string, args []string) *killing {
	t.Helper()
	k := &killing{pawl: pawl, args: args, template: filepath.Join(t.TempDir(), "template")}
	for name, content := range map[string]string{
		killedFiles[0]: "images:\n  - name: ghcr.io/acme/api\n    newTag: 1.0.0\n",
		killedFiles[1]: "image: ghcr.io/acme/api:1.0.0\n",
		killedFiles[2]: "image: ghcr.io/acme/api:1.0.0\n",
		"other.yaml":   "x: 1\n",
	} {
		name = filepath.Join(k.template, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	k.git(t, k.template, "init", "-q", "--initial-branch=dev")
	k.git(t, k.template, "add", ".")
	k.git(t, k.template, "commit", "-q", "-m", "start")
	k.before = k.view(t, k.template)
	return k
}

// environment has nobody's configuration.
func (k *killing) environment() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env, "GIT_"+who+"_NAME=Release Bot", "GIT_"+who+"_EMAIL=release-bot@example.com")
	}
	return env
}

func (k *killing) git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"--no-optional-locks"}, args...)...)
	cmd.Dir, cmd.Env = dir, k.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (k *killing) view(t *testing.T, dir string) worldView {
	t.Helper()
	view := worldView{
		Head:   k.git(t, dir, "log", "--format=%T %s", "HEAD", "dev"),
		Status: k.git(t, dir, "status", "--porcelain", "--untracked-files=all", "--ignored"), Files: map[string]string{},
	}
	for _, name := range killedFiles {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		view.Files[name] = string(content)
	}
	return view
}

// fresh is a copy of the checkout.
func (k *killing) fresh(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "checkout")
	if err := os.CopyFS(dir, os.DirFS(k.template)); err != nil {
		t.Fatal(err)
	}
	k.git(t, dir, "update-index", "-q", "--refresh")
	return dir
}

// faultFree runs the command to its end and returns how many steps it took.
func (k *killing) faultFree(t *testing.T) int {
	t.Helper()
	dir := k.fresh(t)
	var said bytes.Buffer
	steps, code, err := trace(k.command(dir, &said), func(int) (syscall.Signal, bool) { return 0, false })
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS) {
		t.Skipf("processes cannot be traced here: %v", err)
	}
	if err != nil || code != 0 {
		t.Fatalf("exit code %d, %v\n%s", code, err, &said)
	}
	k.after = k.view(t, dir)
	k.noLitter(t, dir)
	return steps
}

// end ends the command at a step, looks at what it left, and runs it again.
func (k *killing) end(t *testing.T, step int, end ending) {
	t.Helper()
	dir := k.fresh(t)
	defer os.RemoveAll(dir)
	var said bytes.Buffer
	_, code, err := trace(k.command(dir, &said), func(at int) (syscall.Signal, bool) {
		if at != step {
			return 0, false
		}
		return end.signal, end.all
	})
	if err != nil {
		t.Fatal(err)
	}
	what := fmt.Sprintf("%s at step %d", end.name, step)
	view := k.view(t, dir)
	k.whole(t, what, view)
	switch {
	case end.signal == syscall.SIGKILL:
	case code == 0:
		if diff := cmp.Diff(k.after, view); diff != "" {
			t.Errorf("%s, and done all the same: %s", what, diff)
		}
	case code == 130:
		if diff := cmp.Diff(k.before, view); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		k.noLitter(t, dir)
	default:
		t.Errorf("%s: exit code %d\n%s", what, code, &said)
	}
	if got := k.git(t, dir, "fsck", "--strict", "--no-dangling", "--no-progress"); got != "" {
		t.Errorf("%s: fsck says %s", what, got)
	}
	k.again(t, what, dir, end)
}

// whole checks that every file is old or new, and that git would add none that
// nobody made. What is committed is committed whole.
func (k *killing) whole(t *testing.T, what string, view worldView) {
	t.Helper()
	for name, content := range view.Files {
		if content != k.before.Files[name] && content != k.after.Files[name] {
			t.Errorf("%s: %s is %q", what, name, content)
		}
	}
	if strings.Contains(view.Status, "??") || strings.Contains(view.Status, "!!") {
		t.Errorf("%s: files lie about:\n%s", what, view.Status)
	}
	if view.Head != k.before.Head {
		if diff := cmp.Diff(k.after, view); diff != "" {
			t.Errorf("%s: a half-made commit: %s", what, diff)
		}
	}
}

// again runs the command once more, to its end.
func (k *killing) again(t *testing.T, what, dir string, end ending) {
	t.Helper()
	var said bytes.Buffer
	run := func() error {
		said.Reset()
		return k.command(dir, &said).Run()
	}
	err := run()
	// A git process that is killed while it moves a branch leaves a lock that nobody
	// can tell from that of one that lives.
	locks, _ := filepath.Glob(filepath.Join(dir, ".git", "refs", "heads", "*.lock"))
	more, _ := filepath.Glob(filepath.Join(dir, ".git", "HEAD.lock"))
	var exit *exec.ExitError
	if locks = append(locks, more...); end.all && len(locks) > 0 && errors.As(err, &exit) {
		if exit.ExitCode() != 5 || !strings.Contains(said.String(), ".lock': File exists") {
			t.Errorf("%s, again, with a lock of git's: %v\n%s", what, err, &said)
		}
		for _, lock := range locks {
			_ = os.Remove(lock)
		}
		err = run()
	}
	if err != nil {
		t.Fatalf("%s, again: %v\n%s", what, err, &said)
	}
	if diff := cmp.Diff(k.after, k.view(t, dir)); diff != "" {
		t.Errorf("%s, again: %s", what, diff)
	}
	if !strings.Contains(said.String(), "nothing to change") { // then it had nothing to tidy up for
		k.noLitter(t, dir)
	}
}

func (k *killing) noLitter(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{".git/index?*", ".git/refs/heads/*.lock", ".pawl"} {
		if litter, _ := filepath.Glob(filepath.Join(dir, pattern)); len(litter) > 0 {
			t.Errorf("left behind: %v", litter)
		}
	}
}

func (k *killing) command(dir string, said *bytes.Buffer) *exec.Cmd {
	return &exec.Cmd{Path: k.pawl, Args: append([]string{"pawl"}, k.args...), Dir: dir, Env: k.environment(), Stdout: said, Stderr: said}
}

// trace runs a command to its end and counts the steps at which it, or a process
// that it starts, is about to change the file system. At each, at says which signal
// to send: to the command, or to all its processes.
func trace(cmd *exec.Cmd, at func(step int) (syscall.Signal, bool)) (steps, code int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // only the thread that started a process may trace it
		defer runtime.UnlockOSThread()
		tr := &tracer{dir: cmd.Dir, at: at}
		err = tr.run(cmd)
		steps, code = tr.steps, tr.code
	}()
	<-done
	return steps, code, err
}

type tracer struct {
	dir   string
	at    func(step int) (syscall.Signal, bool)
	steps int
	code  int
	main  int
	tids  map[int]bool
}

// What the syscall package does not have. ptrace(2), waitpid(2)
const (
	ptraceExitKill       = 0x100000
	ptraceGetSyscallInfo = 0x420e
	waitOwnChildren      = 0x20000000 // __WNOTHREAD
	sysRenameat2         = 316
)

func (tr *tracer) run(cmd *exec.Cmd) error {
	output, err := os.CreateTemp("", "output-")
	if err != nil {
		return err
	}
	defer func() {
		said, _ := os.ReadFile(output.Name())
		_, _ = cmd.Stdout.Write(said)
		_ = output.Close()
		_ = os.Remove(output.Name())
	}()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	tr.main, err = syscall.ForkExec(cmd.Path, cmd.Args, &syscall.ProcAttr{
		Dir: cmd.Dir, Env: cmd.Env, Files: []uintptr{null.Fd(), output.Fd(), output.Fd()},
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return err
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(tr.main, &status, 0, nil); err != nil {
		return err
	}
	options := ptraceExitKill | syscall.PTRACE_O_TRACESYSGOOD | syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACEFORK | syscall.PTRACE_O_TRACEVFORK | syscall.PTRACE_O_TRACEEXEC
	if err := syscall.PtraceSetOptions(tr.main, options); err != nil {
		return err
	}
	tr.tids = map[int]bool{tr.main: true}
	_ = syscall.PtraceSyscall(tr.main, 0)
	return tr.follow()
}

// follow runs all processes until none is left.
func (tr *tracer) follow() error {
	for {
		var status syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &status, syscall.WALL|waitOwnChildren, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.ECHILD):
			return nil
		case err != nil:
			return err
		}
		if status.Exited() || status.Signaled() {
			delete(tr.tids, tid)
			if tid == tr.main {
				tr.code = status.ExitStatus()
			}
			continue
		}
		deliver := 0
		fresh := !tr.tids[tid]
		tr.tids[tid] = true
		switch signal := status.StopSignal(); {
		case signal == syscall.SIGTRAP|0x80:
			tr.syscall(tid)
		case signal == syscall.SIGTRAP, fresh && signal == syscall.SIGSTOP:
		default:
			deliver = int(signal)
		}
		_ = syscall.PtraceSyscall(tid, deliver) // it may be gone
	}
}

// syscall looks at a system call that a thread is about to make.
func (tr *tracer) syscall(tid int) {
	var info [88]byte // struct ptrace_syscall_info
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, ptraceGetSyscallInfo, uintptr(tid), uintptr(len(info)), uintptr(unsafe.Pointer(&info[0])), 0, 0)
	if errno != 0 || info[0] != 1 { // 1: at its entry
		return
	}
	number := binary.LittleEndian.Uint64(info[24:])
	args := func(i int) uint64 { return binary.LittleEndian.Uint64(info[32+8*i:]) }
	if !tr.writes(tid, number, args) {
		return
	}
	tr.steps++
	signal, all := tr.at(tr.steps)
	if signal == 0 {
		return
	}
	_ = syscall.Kill(tr.main, signal)
	if all {
		for tid := range tr.tids {
			_ = syscall.Kill(tid, signal)
		}
	}
}

// writes says whether a system call changes the file system.
func (tr *tracer) writes(tid int, number uint64, arg func(int) uint64) bool {
	const change = syscall.O_WRONLY | syscall.O_RDWR | syscall.O_CREAT | syscall.O_TRUNC
	switch number {
	case syscall.SYS_OPENAT:
		return arg(2)&change != 0
	case syscall.SYS_OPEN:
		return arg(1)&change != 0
	case syscall.SYS_WRITE, syscall.SYS_PWRITE64:
		file, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, arg(0)))
		return strings.HasPrefix(file, tr.dir)
	}
	return slices.Contains([]uint64{
		syscall.SYS_RENAME, syscall.SYS_RENAMEAT, sysRenameat2, syscall.SYS_LINK, syscall.SYS_LINKAT, syscall.SYS_UNLINK, syscall.SYS_UNLINKAT,
		syscall.SYS_MKDIR, syscall.SYS_MKDIRAT, syscall.SYS_RMDIR, syscall.SYS_CREAT, syscall.SYS_TRUNCATE, syscall.SYS_FTRUNCATE,
		syscall.SYS_FSYNC, syscall.SYS_FDATASYNC, syscall.SYS_FCHMOD, syscall.SYS_FCHMODAT, syscall.SYS_CHMOD, syscall.SYS_UTIMENSAT,
	}, number)
}
