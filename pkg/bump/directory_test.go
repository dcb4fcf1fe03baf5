package bump

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// plant writes files below a folder, by their paths.
func plant(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, name, content)
	}
}

func open(t *testing.T, root string) *Directory {
	t.Helper()
	directory, err := OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := directory.Close(); err != nil {
			t.Error(err)
		}
	})
	return directory
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("no symbolic links here")
	}
}

func TestReadFindsWhatIsTheRepositorysOwn(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	plant(t, outside, map[string]string{"far.yaml": "image: far:1\n"})
	large := strings.Repeat("# a line of a large file\n", 10_000)
	plant(t, root, map[string]string{
		"a.yaml":                             "a",
		"a/b.yml":                            "b",
		"a/empty.yaml":                       "",
		"a/large.yaml":                       large,
		"a/note.txt":                         "no YAML",
		"a/folder.yaml/c.yaml":               "c",
		"a.b/d.yaml":                         "d",
		"charts/x/Chart.yaml":                "chart",
		"charts/x/charts/y/values.yaml":      "of a subchart",
		".github/workflows/ci.yaml":          "ci",
		".git/index.yaml":                    "git's",
		"lib/.git/index.yaml":                "git's",
		"web/node_modules/pkg/manifest.yaml": "npm's",
	})
	for name, target := range map[string]string{"link.yaml": "a.yaml", "loop": ".", "far": outside, "far.yaml": filepath.Join(outside, "far.yaml"), "dangling.yaml": "nowhere"} {
		link(t, target, filepath.Join(root, name))
	}
	want := []string{
		".github/workflows/ci.yaml", "a.b/d.yaml", "a.yaml", "a/b.yml", "a/empty.yaml", "a/folder.yaml/c.yaml", "a/large.yaml",
		"charts/x/Chart.yaml", "charts/x/charts/y/values.yaml",
	}
	for range 20 { // several folders are read at a time, and the order stays
		files, err := open(t, root).Read(nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, file := range files {
			got = append(got, file.Path)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		if got := string(files[6].Content); got != large {
			t.Fatalf("the large file has %d bytes, want %d", len(got), len(large))
		}
		if got := string(files[4].Content); got != "" {
			t.Fatalf("the empty file has the content %q", got)
		}
	}
}

func TestReadKeepsOnlyWhatIsWanted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plant(t, root, map[string]string{"a.yaml": "yes", "b/c.yaml": "no", "b/d.yaml": "yes, too"})
	files, _, err := open(t, root).read(nil, func(path string, content []byte) bool { return strings.HasPrefix(string(content), "yes") }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]File{file("a.yaml", "yes"), file("b/d.yaml", "yes, too")}, files); diff != "" {
		t.Error(diff)
	}
}

func TestReadReportsEveryProblem(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plant(t, root, map[string]string{"a/1.yaml": "", "b/2.yaml": "", "c/3.yaml": "", "c/4.yaml": "", "d/5.yaml": ""})
	gone := []string{"c/4.yaml", "a/1.yaml", "b/2.yaml"}
	_, err := open(t, root).Read(func(path string) bool {
		if slices.Contains(gone, path) {
			if err := os.Remove(filepath.Join(root, filepath.FromSlash(path))); err != nil {
				t.Error(err)
			}
		}
		return true
	})
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v, want what was removed meanwhile", err)
	}
	var got []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		line = strings.TrimPrefix(line, "reading the files below "+root+": ")
		path, _, _ := strings.Cut(line, ": ")
		got = append(got, path)
	}
	if diff := cmp.Diff([]string{"a/1.yaml", "b/2.yaml", "c/4.yaml"}, got); diff != "" {
		t.Errorf("%s\n%v", diff, err)
	}
}

// A link that takes the place of a file, or of the folder that it is in, while the
// files are read leads to nothing outside, and nothing is written there.
func TestALinkThatComesUpIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, swapped := range []string{"a/b/c.yaml", "a/b", "a"} {
		t.Run(swapped, func(t *testing.T) {
			t.Parallel()
			root, outside := t.TempDir(), t.TempDir()
			const inside = "image: acme/api:1.0.0\n"
			plant(t, root, map[string]string{"a/b/c.yaml": inside})
			plant(t, outside, map[string]string{"b/c.yaml": inside, "c.yaml": inside})
			target := map[string]string{"a/b/c.yaml": filepath.Join(outside, "c.yaml"), "a/b": filepath.Join(outside, "b"), "a": outside}[swapped]
			var once sync.Once
			outcome, err := Edit(open(t, root), Request{
				Settings: []image.Setting{setting(t, "acme/api:1.1.0")},
				Match: func(string) bool {
					once.Do(func() {
						name := filepath.Join(root, filepath.FromSlash(swapped))
						if err := os.Rename(name, name+".old"); err != nil {
							t.Error(err)
						}
						link(t, target, name)
					})
					return true
				},
			}, false)
			if err == nil {
				t.Errorf("got %v, want an error", outcome.Changes)
			}
			for name, content := range tree(t, outside) {
				if content != inside {
					t.Errorf("outside, %s has %q", name, content)
				}
			}
			kept := strings.Replace("a/b/c.yaml", swapped, swapped+".old", 1)
			if content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(kept))); err != nil || string(content) != inside {
				t.Errorf("%s has %q, %v", kept, content, err)
			}
		})
	}
}

func TestWriteRemovesWhatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plant(t, root, map[string]string{"a/b.yaml": "image: acme/api:1.0.0\n", "other.yaml": "image: acme/web:1.0.0\n", ".pawl/.git/X-1": "half of"})
	link(t, filepath.Join("..", "..", "other.yaml"), filepath.Join(root, ".pawl", ".git", "X-2"))
	request := Request{Settings: []image.Setting{setting(t, "acme/api:1.1.0")}}
	if _, err := Edit(open(t, root), request, false); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"b.yaml": "image: acme/api:1.1.0\n", "other.yaml": "image: acme/web:1.0.0\n"}
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Lstat(filepath.Join(root, ".pawl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the staging folder is there: %v", err)
	}
}

// What was renamed already is undone when a later file cannot be.
func TestWriteUndoesWhatIsDone(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("nothing is forbidden to root")
	}
	root := t.TempDir()
	before := map[string]string{}
	for i := range 5 {
		before[fmt.Sprintf("%d/f%d.yaml", i, i)] = "image: acme/api:1.0.0\n"
	}
	plant(t, root, before)
	last := filepath.Join(root, "4")
	if err := os.Chmod(last, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(last, 0o755) })
	request := Request{Settings: []image.Setting{setting(t, "acme/api:1.1.0")}}
	if _, err := Edit(open(t, root), request, false); !errors.Is(err, os.ErrPermission) {
		t.Fatalf("got %v, want the rename that failed", err)
	}
	want := map[string]string{}
	for name, content := range before {
		want[filepath.Base(name)] = content
	}
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Error(diff)
	}
}

// Two pawls do not write in the same tree at the same time.
func TestWriteWaitsForNobody(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plant(t, root, map[string]string{"a.yaml": "image: acme/api:1.0.0\n"})
	directory := open(t, root)
	other, err := git.OpenStaging(directory.root)
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Settings: []image.Setting{setting(t, "acme/api:1.1.0")}}
	if _, err := Edit(directory, request, false); !errors.Is(err, git.ErrLocked) {
		t.Errorf("got %v", err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Edit(directory, request, false); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
