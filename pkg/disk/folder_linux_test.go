//go:build !portable

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func openFolder(t *testing.T, dir string) folder {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	top, err := openTop(root)
	if err := errors.Join(err, root.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := top.close(); err != nil {
			t.Error(err)
		}
	})
	return top
}

// Where the kernel cannot go the way by itself, pawl goes it, as strictly.
func TestStepwise(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b", "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "a", "a/link": "b", "a/b/file": "c"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	top := openFolder(t, dir)
	for _, name := range []string{"a", "a/b", "a/b/c", "link", "link/b", "a/link", "a/link/c", "a/b/file", "x", "a/x", "x/b"} {
		want, wantErr := top.descriptor(name, opening)
		got, err := top.stepwise(name, opening)
		if (err == nil) != (wantErr == nil) {
			t.Errorf("%s: %v, the kernel says %v", name, err, wantErr)
			continue
		}
		if err != nil {
			continue
		}
		var a, b unix.Stat_t
		if err := errors.Join(unix.Fstat(want, &a), unix.Fstat(got, &b), unix.Close(want), unix.Close(got)); err != nil || a.Ino != b.Ino {
			t.Errorf("%s: another one, %v", name, err)
		}
	}
}

// Some file systems do not tell the types of entries.
func TestTypesThatAreNotTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := map[string]fs.FileMode{"file": 0, "folder": fs.ModeDir, "link": fs.ModeSymlink, "pipe": fs.ModeIrregular}
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "file"), nil, 0o600), os.Mkdir(filepath.Join(dir, "folder"), 0o700),
		os.Symlink("file", filepath.Join(dir, "link")), unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		os.WriteFile(filepath.Join(dir, "gone"), nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	top := openFolder(t, dir)
	entries := make([]byte, 4096)
	n, err := unix.Getdents(top.fd, entries)
	if err != nil {
		t.Fatal(err)
	}
	entries = entries[:n]
	for entry := range dirents(entries) {
		*entry.kind() = unix.DT_UNKNOWN
	}
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	if err := top.complete(entries); err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	for entry := range dirents(entries) {
		got[string(entry.name())] = entry.mode()
	}
	want["gone"] = fs.ModeIrregular // nobody reads it
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A pipe that took the place of a file has no content, and keeps nobody waiting.
func TestPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	top := openFolder(t, dir)
	done := make(chan []byte)
	go func() {
		content, _ := top.read("pipe", nil)
		done <- content
	}()
	select {
	case content := <-done:
		if len(content) > 0 {
			t.Errorf("it has %q", content)
		}
	case <-time.After(time.Minute):
		t.Fatal("reading waits for a writer")
	}
}

// Every folder that was opened is closed again.
func TestCloses(t *testing.T) { //nolint:paralleltest // it counts what the process has open
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b", "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(entries)
	}
	before := open()
	for range 3 {
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := Open(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range []string{"a/b/c", "a/b", "a", "a/b/c", "x", "a/x/y", "."} {
			_ = tree.List(folder, func([]byte, fs.FileMode) {})
			_ = tree.Rename(folder+"/x", "a/b/y")
			_, _ = tree.Read(folder + "/x")
		}
		if err := errors.Join(tree.Close(), root.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if after := open(); after > before {
		t.Errorf("%d files are open, and were %d", after, before)
	}
}
