package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A working tree with a file to change (app.yaml and run.sh) and others that are
// none of our business.
func newBusy(t testing.TB) *working {
	t.Helper()
	return newWorking(t, map[string]string{
		"base/app.yaml": "image: app:1\n", "base/run.sh|100755": "#!/bin/sh\necho 1\n", "base/other.yaml": "image: other:1\n",
		"top.yaml": "image: app:1\n", "far/away.yaml": "x: 1\n", "third.yaml": "x: 1\n",
	})
}

var busyChanges = []Change{
	{Path: "base/app.yaml", Content: []byte("image: app:2\n")},
	{Path: "base/run.sh", Content: []byte("#!/bin/sh\necho 2\n")},
}

// advance commits the changes and brings the checkout along.
func (w *working) advance(changes ...Change) error {
	w.t.Helper()
	checkout := w.open()
	_, head, err := checkout.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	objects := checkout.Objects()
	sha, err := objects.Commit(head, changes, message("bump app to 2"))
	if err != nil {
		w.t.Fatal(err)
	}
	return checkout.Advance(w.t.Context(), objects, head, sha, changes)
}

// snapshot is all that a user can see of a working tree.
func (w *working) snapshot() map[string]string {
	w.t.Helper()
	state := map[string]string{
		"status": w.git("status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignored"),
		"index":  w.git("ls-files", "-v", "--stage"),
		"diff":   w.git("diff"),
		"staged": w.git("diff", "--cached"),
		"refs":   w.git("for-each-ref"),
		"reflog": w.git("reflog", "--all"),
		"stash":  w.git("stash", "list"),
	}
	err := filepath.WalkDir(w.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			return filepath.SkipDir
		}
		if entry.Type().IsRegular() {
			content, err := os.ReadFile(path)
			state["file "+path] = string(content)
			return err
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	w.git("config", "core.fileMode", "true")
	for _, leftover := range []string{".git/index.pawl-1", ".git/index.pawl-1.next", ".git/index.pawl-1.next.lock", ".pawl/.git/X-1"} {
		w.write(leftover, "of a pawl that was killed")
	}
	w.write(".git/index.lock", lockMark)
	before := w.git("rev-parse", "HEAD")
	if err := w.advance(busyChanges...); err != nil {
		t.Fatal(err)
	}
	if got := w.git("status", "--porcelain=v2"); got != "" {
		t.Errorf("status: %s", got)
	}
	if got := w.git("rev-parse", "HEAD^", "main^"); got != before+"\n"+before {
		t.Errorf("the branch: %s", got)
	}
	if got := w.git("diff", "--name-status", "HEAD^", "HEAD"); got != "M\tbase/app.yaml\nM\tbase/run.sh" {
		t.Errorf("the commit: %s", got)
	}
	if w.read("base/app.yaml") != "image: app:2\n" {
		t.Errorf("the file: %q", w.read("base/app.yaml"))
	}
	if info, err := os.Stat(w.path("base/run.sh")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the script's mode: %v", info.Mode())
	}
	want := "bump app to 2 Ada <ada@example.com>"
	for _, ref := range []string{"HEAD", "main"} {
		if got := w.git("log", "-g", "-1", "--format=%gs %gn <%ge>", ref); got != "pawl: "+want {
			t.Errorf("the reflog of %s: %s", ref, got)
		}
	}
	if got := w.git("fsck", "--strict"); strings.Contains(got, "error") {
		t.Error(got)
	}
	w.noLitter()
	// Again, from there.
	if err := w.advance(Change{Path: "new/folder/file.yaml", Content: []byte("x: 1\n")}, Change{Path: "base/app.yaml", Content: []byte("image: app:3\n")}); err != nil {
		t.Fatal(err)
	}
	if got := w.git("status", "--porcelain=v2"); got != "" {
		t.Errorf("status: %s", got)
	}
}

// noLitter looks for files that nobody but us would have made.
func (w *working) noLitter() {
	w.t.Helper()
	for _, pattern := range []string{".git/index?*", ".git/refs/heads/*.lock", ".pawl"} {
		if litter, _ := filepath.Glob(w.path(pattern)); len(litter) > 0 {
			w.t.Errorf("%v was left behind", litter)
		}
	}
}

// Whatever else goes on in a working tree: only the commit is new afterwards.
func TestAdvanceLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(w *working){
		"nothing":          func(*working) {},
		"staged":           func(w *working) { w.write("third.yaml", "x: 2\n"); w.git("add", "third.yaml") },
		"dirty":            func(w *working) { w.write("third.yaml", "x: 2\n") },
		"staged and dirty": func(w *working) { w.write("third.yaml", "x: 2\n"); w.git("add", "."); w.write("third.yaml", "x: 3\n") },
		"intent to add":    func(w *working) { w.write("soon.yaml", "x: 2\n"); w.git("add", "-N", "soon.yaml") },
		"assume unchanged": func(w *working) {
			w.git("update-index", "--assume-unchanged", "third.yaml")
			w.write("third.yaml", "y")
		},
		"skip worktree":   func(w *working) { w.git("update-index", "--skip-worktree", "third.yaml"); w.write("third.yaml", "y") },
		"untracked":       func(w *working) { w.write("base/untracked", "y") },
		"ignored":         func(w *working) { w.write(".git/info/exclude", "*.log\n"); w.write("base/x.log", "y") },
		"deleted":         func(w *working) { w.git("rm", "-q", "third.yaml") },
		"deleted on disk": func(w *working) { _ = os.Remove(w.path("third.yaml")) },
		"renamed":         func(w *working) { w.git("mv", "third.yaml", "fourth.yaml") },
		"mode changed":    func(w *working) { _ = os.Chmod(w.path("third.yaml"), 0o755) },
		"conflict":        unmerged("third.yaml"),
		"stash":           func(w *working) { w.write("third.yaml", "y"); w.git("stash", "-q"); w.write("third.yaml", "z") },
		"index version 4": func(w *working) { w.git("update-index", "--index-version", "4"); w.write("third.yaml", "y") },
		"split index": func(w *working) {
			w.git("update-index", "--split-index")
			w.write("third.yaml", "y")
			w.git("add", ".")
		},
		"untracked cache":  func(w *working) { w.git("update-index", "--untracked-cache"); w.write("x", "y"); w.git("status") },
		"sparse checkout":  func(w *working) { w.git("sparse-checkout", "set", "--cone", "base") },
		"sparse index":     func(w *working) { w.git("sparse-checkout", "set", "--cone", "--sparse-index", "base") },
		"sparse, no cone":  func(w *working) { w.git("sparse-checkout", "set", "--no-cone", "/base/") },
		"rebase under way": func(w *working) { _ = os.Mkdir(w.path(".git/rebase-merge"), 0o755) },
		"a submodule": func(w *working) {
			w.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("12", 20)+",module")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBusy(t)
			disturb(w)
			undisturbed(t, w)
		})
	}
}

func TestAdvanceElsewhere(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(w *working) *working{
		"detached": func(w *working) *working { w.git("checkout", "-q", "--detach"); return w },
		"linked worktree": func(w *working) *working {
			dir := filepath.Join(t.TempDir(), "linked")
			w.git("worktree", "add", "-q", "-b", "linked", dir)
			return w.at(dir)
		},
		"sparse linked worktree": func(w *working) *working {
			dir := filepath.Join(t.TempDir(), "linked")
			w.git("worktree", "add", "-q", "--detach", dir)
			runGit(t, dir, "", "sparse-checkout", "set", "--cone", "base")
			return w.at(dir)
		},
		"shared clone":  func(w *working) *working { return cloned(t, w, "--shared") },
		"shallow clone": func(w *working) *working { return cloned(t, w, "--depth=1") },
		"partial clone": func(w *working) *working {
			w.git("config", "uploadpack.allowFilter", "true")
			return cloned(t, w, "--filter=blob:none")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := place(newBusy(t))
			w.write("top.yaml", "y")
			w.git("add", "top.yaml")
			w.write("top.yaml", "z")
			w.write("base/untracked", "y")
			undisturbed(t, w)
		})
	}
}

func cloned(t *testing.T, w *working, option string) *working {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	from := "file://" + w.dir
	if option == "--shared" {
		from = w.dir
	}
	runGit(t, w.dir, "", "clone", "-q", option, from, dir)
	return w.at(dir)
}

// A file was changed in the same moment, by the clock, in which Git wrote the
// index, and to the same size: only a look at its content tells.
func TestAdvanceWithARacyEntry(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	w.git("config", "core.trustctime", "false")
	then := time.Now().Add(-time.Hour)
	setTime := func(name string) {
		t.Helper()
		if err := os.Chtimes(w.path(name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	setTime("third.yaml")
	w.git("update-index", "--refresh")
	w.write("third.yaml", "x: 9\n")
	setTime("third.yaml")
	setTime(".git/index")
	if got := w.git("--no-optional-locks", "diff", "--name-only"); got != "third.yaml" {
		t.Fatalf("before: %q", got)
	}
	if err := w.advance(busyChanges...); err != nil {
		t.Fatal(err)
	}
	if got := w.git("diff", "--name-only"); got != "third.yaml" {
		t.Errorf("afterwards: %q", got)
	}
}

// undisturbed advances and compares all that is not part of it.
func undisturbed(t *testing.T, w *working) {
	t.Helper()
	before := w.snapshot()
	if err := w.advance(busyChanges...); err != nil {
		t.Fatal(err)
	}
	if got := w.git("diff", "--name-only", "HEAD^", "HEAD"); got != "base/app.yaml\nbase/run.sh" {
		t.Errorf("the commit changes %q", got)
	}
	after := w.snapshot()
	if got := w.git("diff", "HEAD", "--name-only", "--", "base/app.yaml", "base/run.sh"); got != "" {
		t.Errorf("the files differ from the commit: %s", got)
	}
	for _, path := range []string{"base/app.yaml", "base/run.sh"} {
		delete(before, "file "+w.path(path))
		delete(after, "file "+w.path(path))
	}
	for _, state := range []map[string]string{before, after} {
		state["status"] = withoutLines(state["status"], "# branch.oid", "# branch.ab")
		state["index"] = withoutLines(state["index"], "\tbase/app.yaml", "\tbase/run.sh")
		delete(state, "refs")
		delete(state, "reflog")
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

func withoutLines(text string, parts ...string) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		drop := false
		for _, part := range parts {
			drop = drop || strings.Contains(line, part)
		}
		if !drop {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// unmerged gives a path the three stages of a conflict.
func unmerged(path string) func(w *working) {
	return func(w *working) {
		blob := w.git("rev-parse", "HEAD:"+path)
		lines := "0 " + strings.Repeat("0", 40) + "\t" + path + "\n"
		for _, stage := range []string{"1", "2", "3"} {
			lines += "100644 " + blob + " " + stage + "\t" + path + "\n"
		}
		runGit(w.t, w.dir, lines, "update-index", "--index-info")
	}
}

// Bits that a user set on the very file that changes.
func TestAdvanceKeepsBits(t *testing.T) {
	t.Parallel()
	for bit, tag := range map[string]string{"--assume-unchanged": "h", "--skip-worktree": "S"} {
		w := newBusy(t)
		w.git("update-index", bit, "base/app.yaml")
		if err := w.advance(busyChanges...); err != nil {
			t.Fatal(err)
		}
		if got := w.git("ls-files", "-v", "base/app.yaml"); got != tag+" base/app.yaml" {
			t.Errorf("%s: %s", bit, got)
		}
		if w.read("base/app.yaml") != "image: app:2\n" || w.git("status", "--porcelain") != "" {
			t.Errorf("%s: %q, %s", bit, w.read("base/app.yaml"), w.git("status", "--porcelain"))
		}
	}
	for name, index := range map[string]string{"full": "--no-sparse-index", "sparse": "--sparse-index"} {
		w := newBusy(t)
		w.git("sparse-checkout", "set", "--cone", index, "base")
		if err := w.advance(Change{Path: "far/away.yaml", Content: []byte("x: 2\n")}, busyChanges[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(w.path("far/away.yaml")); err == nil {
			t.Errorf("%s: a file outside of the sparse checkout was written", name)
		}
		if got := w.git("status", "--porcelain"); got != "" {
			t.Errorf("%s: %s", name, got)
		}
		if got := w.git("show", "HEAD:far/away.yaml"); got != "x: 2" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAdvanceRefusesDirtyFiles(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(w *working){
		"changed on disk":   func(w *working) { w.write("base/app.yaml", "image: app:9\n") },
		"line ends on disk": func(w *working) { w.write("base/app.yaml", "image: app:1\r\n") },
		"staged": func(w *working) {
			w.write("base/app.yaml", "x")
			w.git("add", ".")
			w.write("base/app.yaml", "image: app:1\n")
		},
		"staged mode":          func(w *working) { w.git("update-index", "--chmod=+x", "base/app.yaml") },
		"removed from index":   func(w *working) { w.git("rm", "-q", "--cached", "base/app.yaml") },
		"intent to add":        func(w *working) { w.git("rm", "-q", "--cached", "base/app.yaml"); w.git("add", "-N", "base/app.yaml") },
		"deleted on disk":      func(w *working) { _ = os.Remove(w.path("base/app.yaml")) },
		"conflict":             unmerged("base/app.yaml"),
		"symbolic link":        link("base/app.yaml", "../top.yaml"),
		"link of same content": link("base/app.yaml", "../top.yaml"),
		"linked folder":        linkFolder,
		"folder":               func(w *working) { _ = os.Remove(w.path("base/app.yaml")); _ = os.Mkdir(w.path("base/app.yaml"), 0o755) },
		"hidden by a bit": func(w *working) {
			w.git("update-index", "--assume-unchanged", "base/app.yaml")
			w.write("base/app.yaml", "y")
		},
		"hidden by another bit": func(w *working) {
			w.git("update-index", "--skip-worktree", "base/app.yaml")
			w.write("base/app.yaml", "y")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBusy(t)
			disturb(w)
			before := w.snapshot()
			err := w.advance(busyChanges[1], busyChanges[0])
			var dirty *DirtyError
			if !errors.As(err, &dirty) || dirty.Path != "base/app.yaml" {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff(before, w.snapshot()); diff != "" {
				t.Error(diff)
			}
		})
	}
	w := newBusy(t)
	w.write("new.yaml", "mine")
	var dirty *DirtyError
	if err := w.advance(Change{Path: "new.yaml", Content: []byte("x")}); !errors.As(err, &dirty) || w.read("new.yaml") != "mine" {
		t.Errorf("a new file over an untracked one: %v", err)
	}
}

func link(path, target string) func(w *working) {
	return func(w *working) {
		_ = os.Remove(w.path(path))
		if err := os.Symlink(target, w.path(path)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func linkFolder(w *working) {
	if err := os.Rename(w.path("base"), w.path("elsewhere")); err != nil {
		w.t.Fatal(err)
	}
	link("base", "elsewhere")(w)
}

// A failure at each step: afterwards everything is as it was.
func TestAdvanceUndoesWhatItDid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(w *working)
		want  error
	}{
		"index locked":  {func(w *working) { w.write(".git/index.lock", "") }, ErrLocked},
		"branch locked": {func(w *working) { w.write(".git/refs/heads/main.lock", "") }, nil},
		"staging":       {func(w *working) { w.write(".pawl", "in the way") }, nil},
		"merge":         {func(w *working) { w.write(".git/MERGE_HEAD", w.git("rev-parse", "HEAD")+"\n") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBusy(t)
			before := w.snapshot()
			test.spoil(w)
			fresh := Change{Path: "a/new/file.yaml", Content: []byte("x: 1\n")}
			err := w.advance(append([]Change{fresh}, busyChanges...)...)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
			_ = os.RemoveAll(w.path(".git/refs/heads/main.lock"))
			_ = os.RemoveAll(w.path(".pawl"))
			_ = os.RemoveAll(w.path(".git/MERGE_HEAD"))
			if name == "index locked" {
				if err := os.Remove(w.path(".git/index.lock")); err != nil {
					t.Errorf("the lock of another process was removed: %v", err)
				}
			}
			if diff := cmp.Diff(before, w.snapshot()); diff != "" {
				t.Error(diff)
			}
			if err := w.advance(busyChanges...); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestAdvanceWhenHeadMoved(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	checkout := w.open()
	objects := checkout.Objects()
	_, head, err := checkout.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sha, err := objects.Commit(head, busyChanges, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	before := w.snapshot()
	if err := checkout.Advance(cancelled, objects, head, sha, busyChanges); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if diff := cmp.Diff(before, w.snapshot()); diff != "" {
		t.Error(diff)
	}
	w.git("commit", "-q", "--allow-empty", "-m", "meanwhile")
	before = w.snapshot()
	if err := checkout.Advance(t.Context(), objects, head, sha, busyChanges); !errors.Is(err, ErrMoved) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, w.snapshot()); diff != "" {
		t.Error(diff)
	}
}

// countdown is a context that ends when it was asked for its state n times.
type countdown struct {
	context.Context
	left   *atomic.Int32
	cancel context.CancelFunc
}

func (c countdown) count() {
	if c.left.Add(-1) < 0 {
		c.cancel()
	}
}

func (c countdown) Err() error {
	c.count()
	return c.Context.Err()
}

func (c countdown) Done() <-chan struct{} {
	c.count()
	return c.Context.Done()
}

// Interrupted at any moment, Advance has done everything or nothing.
func TestAdvanceInterrupted(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	checkout := w.open()
	objects := checkout.Objects()
	_, head, err := checkout.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sha, err := objects.Commit(head, busyChanges, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	status := func() string { return w.git("status", "--porcelain=v2", "--branch", "--untracked-files=all") }
	before := status()
	for n := range 100 {
		inner, cancel := context.WithCancel(t.Context())
		ctx := countdown{inner, &atomic.Int32{}, cancel}
		ctx.left.Store(int32(n))
		err := checkout.Advance(ctx, objects, head, sha, busyChanges)
		cancel()
		if err == nil {
			if got := w.git("rev-parse", "HEAD"); got != sha || w.git("status", "--porcelain") != "" {
				t.Errorf("done, with HEAD at %s and\n%s", got, status())
			}
			if n < 4 {
				t.Errorf("it asked for the context's state %d times only", n)
			}
			return
		}
		if got := status(); got != before || !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted at %d: %v\n%s", n, err, got)
		}
		if litter, _ := filepath.Glob(w.path(".git/index.*")); len(litter) > 0 {
			t.Fatalf("interrupted at %d: %v was left behind", n, litter)
		}
	}
	t.Error("it never came to its end")
}

func TestAdvanceChecksItsArguments(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	checkout := w.open()
	objects := checkout.Objects()
	_, head, err := checkout.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sha, err := objects.Commit(head, busyChanges, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	before := w.snapshot()
	for name, test := range map[string]struct {
		old, sha string
		changes  []Change
	}{
		"a change is missing": {head, sha, busyChanges[:1]},
		"other content":       {head, sha, []Change{busyChanges[0], {Path: "base/run.sh", Content: []byte("other")}}},
		"not on top":          {sha, head, busyChanges},
		"no commit":           {head, strings.Repeat("ab", 20), busyChanges},
		"not ids":             {"HEAD~1", "HEAD", busyChanges},
	} {
		if err := checkout.Advance(t.Context(), objects, test.old, test.sha, test.changes); err == nil {
			t.Errorf("%s: passed", name)
		}
	}
	if diff := cmp.Diff(before, w.snapshot()); diff != "" {
		t.Error(diff)
	}
	if err := checkout.Advance(t.Context(), objects, head, head, nil); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
}

// With core.autocrlf the disk has other line ends than the repository.
func TestAdvanceWithOtherLineEnds(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	w.git("config", "core.autocrlf", "true")
	_ = os.Remove(w.path("base/app.yaml"))
	w.git("checkout", "-q", "--", "base/app.yaml")
	if got := w.read("base/app.yaml"); got != "image: app:1\r\n" {
		t.Fatalf("the disk has %q before", got)
	}
	change := Change{Path: "base/app.yaml", Content: []byte("image: app:2\n")}
	if err := w.advance(change); err != nil {
		t.Fatal(err)
	}
	if got := w.read("base/app.yaml"); got != "image: app:2\r\n" {
		t.Errorf("on disk: %q", got)
	}
	if got := w.git("cat-file", "-p", "HEAD:base/app.yaml"); got != "image: app:2" {
		t.Errorf("in Git: %q", got)
	}
	if got := w.git("status", "--porcelain"); got != "" {
		t.Errorf("status: %s", got)
	}
}

// A commit that was made on fetched objects and pushed can be put into a checkout
// that stands on its parent.
func TestAdvanceAfterAPush(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	dir := filepath.Join(t.TempDir(), "clone")
	runGit(t, p.repo.dir, "", "clone", "-q", "--depth=1", "file://"+p.repo.dir, dir)
	w := &working{t, dir}
	if err := p.push(t); err != nil {
		t.Fatal(err)
	}
	if err := w.open().Advance(t.Context(), p.objects, p.old, p.sha, []Change{{Path: "base/app.yaml", Content: []byte("image: app:2\n")}}); err != nil {
		t.Fatal(err)
	}
	if got := w.git("status", "--porcelain"); got != "" || w.git("rev-parse", "main") != p.sha {
		t.Errorf("status: %s", got)
	}
}

// A commit made in a checkout can be pushed, also from a shallow clone.
func TestPushFromACheckout(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	p.repo.commit("main", map[string]string{"more": "history"})
	dir := filepath.Join(t.TempDir(), "clone")
	runGit(t, p.repo.dir, "", "clone", "-q", "--depth=1", "file://"+p.repo.dir, dir)
	checkout := (&working{t, dir}).open()
	_, head, err := checkout.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	objects := checkout.Objects()
	sha := change(t, objects, head, "base/app.yaml", "image: app:5\n")
	mustPush(t, p.remote, objects, "main", head, sha)
	if got := p.repo.show("main:base/app.yaml"); got != "image: app:5" {
		t.Errorf("got %q", got)
	}
}

// Nothing that a repository's configuration names is run.
func TestNoHookRuns(t *testing.T) {
	t.Parallel()
	w := newBusy(t)
	ran := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$0 $@\" >> "+ran+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	hooks := t.TempDir()
	for _, hook := range []string{"reference-transaction", "post-index-change", "pre-commit", "post-commit", "commit-msg", "post-checkout", "post-rewrite", "fsmonitor-watchman", "update"} {
		for _, dir := range []string{hooks, w.path(".git/hooks")} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(script, filepath.Join(dir, hook)); err != nil && !errors.Is(err, os.ErrExist) {
				t.Fatal(err)
			}
		}
	}
	w.write(".git/info/attributes", "* filter=evil diff=evil\n*.yaml filter=evil.two\n")
	for key, value := range map[string]string{
		"core.hooksPath": hooks, "core.fsmonitor": script, "core.sshCommand": script, "core.askPass": script, "core.editor": script,
		"core.pager": script, "core.alternateRefsCommand": script, "filter.evil.clean": script, "filter.evil.smudge": script,
		"filter.evil.two.process": script, "filter.evil.two.required": "true",
		"diff.evil.textconv": script, "gpg.program": script, "commit.gpgSign": "true", "uploadpack.packObjectsHook": script,
	} {
		w.git("config", key, value)
	}
	_ = os.Remove(ran)
	checkout := w.open()
	_, head, err := checkout.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	objects := checkout.Objects()
	if _, err := readAll(t.Context(), objects, head); err != nil {
		t.Fatal(err)
	}
	sha, err := objects.Commit(head, busyChanges, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkout.Advance(t.Context(), objects, head, sha, busyChanges); err != nil {
		t.Fatal(err)
	}
	_, _ = checkout.RemoteURL(t.Context(), "origin")
	_, _ = checkout.PersistedCredential(t.Context(), "https://github.com/acme/config")
	_, _ = checkout.HelperCredential(t.Context(), "https://github.com/acme/config")
	_, _ = Identity(t.Context(), w.dir, checkout, Author, func(string) string { return "" })
	if log, err := os.ReadFile(ran); err == nil {
		t.Errorf("these ran:\n%s", log)
	}
}
