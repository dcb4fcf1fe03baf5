package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/disk"
)

// open opens a folder as a tree.
func open(t *testing.T, dir string) *disk.Tree {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := disk.Open(root)
	if err := errors.Join(err, root.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	})
	return tree
}

// plant writes files below a folder, each with its path as its content.
func plant(t *testing.T, dir string, paths ...string) {
	t.Helper()
	for _, name := range paths {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("no symbolic links here")
	}
}

// listed is what a folder holds: names, with a mark for what is no file.
func listed(t *testing.T, tree *disk.Tree, folder string) []string {
	t.Helper()
	var names []string
	err := tree.List(folder, func(name []byte, kind fs.FileMode) {
		mark := map[fs.FileMode]string{0: "", fs.ModeDir: "/", fs.ModeSymlink: "@"}[kind.Type()]
		names = append(names, string(name)+mark)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestList(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plant(t, dir, "a", "b/c", "b/d/e", ".hidden")
	link(t, "a", filepath.Join(dir, "link"))
	tree := open(t, dir)
	want := []string{".hidden", "a", "b/", "link@"}
	for range 2 { // as often as somebody asks
		if diff := cmp.Diff(want, listed(t, tree, ".")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"c", "d/"}, listed(t, tree, "b")); diff != "" {
			t.Error(diff)
		}
	}
}

// More names than fit into one answer of the system, and a file elsewhere is read while
// they are shown.
func TestListManyAndReadMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plant(t, dir, "far/away")
	var want []string
	for i := range 2000 {
		name := fmt.Sprintf("%04d-%s", i, strings.Repeat("x", 100))
		plant(t, dir, "many/"+name)
		want = append(want, name)
	}
	tree := open(t, dir)
	var got []string
	err := tree.List("many", func(name []byte, _ fs.FileMode) {
		got = append(got, string(name))
		if content, err := tree.Read("far/away"); err != nil || string(content) != "far/away" {
			t.Fatalf("%s, %v", content, err)
		}
		if content, err := tree.Read("many/" + got[len(got)-1]); err != nil || string(content) != "many/"+got[len(got)-1] {
			t.Fatalf("%s, %v", content, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The folders of a way stay open; whatever is asked for next, it is the right one.
func TestReadInAnyOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paths := []string{
		"a", "b/a", "b/c/a", "b/c/d/a", "b/c/d/e/a", "b/cd/a", "b/c/dd/a", "bc/a", "bc/d/a", "b.c/a", "c/b/c/a", "c/b/c/d/e/f/a", "c/a",
	}
	plant(t, dir, paths...)
	tree := open(t, dir)
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		name := paths[random.IntN(len(paths))]
		read := tree.Read
		if random.IntN(3) == 0 {
			read = func(path string) ([]byte, error) {
				content, _, err := tree.Load(path)
				return content, err
			}
		}
		content, err := read(name)
		if err != nil || string(content) != name {
			t.Fatalf("%s has %q, %v", name, content, err)
		}
		folder := path.Dir(paths[random.IntN(len(paths))])
		if names := listed(t, tree, folder); !slices.Contains(names, "a") {
			t.Fatalf("%s has %v", folder, names)
		}
	}
	for _, missing := range []string{"b/x", "x/a", "b/c/x/a", "a/b"} {
		if content, err := tree.Read(missing); err == nil {
			t.Errorf("reading %s gives %q", missing, content)
		}
		if content, err := tree.Read("b/c/d/a"); err != nil || string(content) != "b/c/d/a" {
			t.Errorf("after %s: %q, %v", missing, content, err)
		}
	}
}

func TestReadAnySize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree := open(t, dir)
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 1 << 20, 3} {
		want := bytes.Repeat([]byte("x"), size)
		if err := os.WriteFile(filepath.Join(dir, "file"), want, 0o640); err != nil {
			t.Fatal(err)
		}
		if content, err := tree.Read("file"); err != nil || !bytes.Equal(content, want) {
			t.Errorf("%d bytes, %v, want %d", len(content), err, size)
		}
		if content, perm, err := tree.Load("file"); err != nil || !bytes.Equal(content, want) || perm&0o600 != 0o600 {
			t.Errorf("%d bytes, %s, %v, want %d", len(content), perm, err, size)
		}
	}
}

// Nothing outside is reached, however a path gets there.
func TestNothingOutside(t *testing.T) {
	t.Parallel()
	above, outside := t.TempDir(), t.TempDir()
	dir := filepath.Join(above, "dir")
	plant(t, outside, "secret")
	plant(t, above, "beside")
	plant(t, dir, "in/file", "deep/er/file")
	link(t, outside, filepath.Join(dir, "out"))
	link(t, outside, filepath.Join(dir, "deep", "er", "out"))
	link(t, filepath.Join(outside, "secret"), filepath.Join(dir, "secret"))
	tree := open(t, dir)
	for _, name := range []string{"out/secret", "deep/er/out/secret", "secret", "../" + filepath.Base(outside) + "/secret", "../beside", "in/../../beside"} {
		if content, err := tree.Read(name); err == nil {
			t.Errorf("read %s: %q", name, content)
		}
		if content, _, err := tree.Load(name); err == nil {
			t.Errorf("loaded %s: %q", name, content)
		}
	}
	for _, folder := range []string{"out", "deep/er/out", "..", "in/../.."} {
		if err := tree.List(folder, func(name []byte, _ fs.FileMode) { t.Errorf("listed %s", name) }); err == nil {
			t.Errorf("listed %s", folder)
		}
		if err := tree.Create(folder+"/new", nil, 0, false); err == nil {
			t.Errorf("created a file in %s", folder)
		}
		if err := tree.Rename("in/file", folder+"/secret"); err == nil {
			t.Errorf("moved a file into %s", folder)
		}
		if err := tree.Rename(folder+"/secret", "in/file"); err == nil {
			t.Errorf("moved a file out of %s", folder)
		}
	}
	for _, folder := range []string{above, outside} {
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != map[string]int{above: 2, outside: 1}[folder] {
			t.Errorf("outside there is %v, %v", entries, err)
		}
	}
	if content, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(content) != "secret" {
		t.Errorf("outside there is %q, %v", content, err)
	}
}

func TestCreateAndRename(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plant(t, dir, "a/old", "b/c/x")
	tree := open(t, dir)
	for i, sync := range []bool{false, true} {
		if err := tree.Create("b/new", []byte("new"), 0o666, sync); err != nil {
			t.Fatal(err)
		}
		if err := tree.Create("b/new", []byte("again"), 0o666, sync); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a file that is there: %v", err)
		}
		if err := tree.Rename("b/new", "a/old"); err != nil {
			t.Fatal(err)
		}
		content, perm, err := tree.Load("a/old")
		if err != nil || string(content) != "new" {
			t.Fatalf("%d: %q, %v", i, content, err)
		}
		if perm != 0o666 && os.PathSeparator == '/' { // whatever the umask says
			t.Errorf("the permissions are %s", perm)
		}
		if names := listed(t, tree, "b"); len(names) != 1 {
			t.Errorf("left behind: %v", names)
		}
	}
	if err := tree.Rename("b/missing", "a/old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("moving a file that is not there: %v", err)
	}
}
