package git

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Diff says what git diff-tree says, of every kind of change.
func TestDiff(t *testing.T) {
	t.Parallel()
	w := newWorking(t, map[string]string{
		"same": "1\n", "changed": "1\n", "gone": "1\n", "run": "1\n", "stop": "1\n", "to-link": "1\n", "to-folder": "1\n",
		"folder/a": "1\n", "folder/deep/b": "1\n", "folder/deep/c": "1\n", "gone-folder/a/b": "1\n", "to-file/a": "1\n", "to-submodule": "1\n",
		"moved": "moved\n",
	})
	w.git("update-index", "--chmod=+x", "stop")
	w.git("commit", "-q", "-m", "one")
	before := w.git("rev-parse", "HEAD")
	w.write("changed", "2\n")
	w.write("new", "1\n")
	w.write("new-folder/a/b", "1\n")
	w.write("folder/deep/b", "2\n")
	w.git("rm", "-q", "-r", "gone", "gone-folder", "to-folder", "to-file", "to-link", "to-submodule")
	w.write("to-folder/a", "1\n")
	w.write("to-file", "1\n")
	w.git("mv", "moved", "moved-to")
	if err := os.Symlink("same", w.path("to-link")); err != nil {
		t.Skip("there are no symbolic links here")
	}
	if err := os.Symlink("same", w.path("new-link")); err != nil {
		t.Fatal(err)
	}
	w.git("add", "-A")
	w.git("update-index", "--chmod=+x", "run")
	w.git("update-index", "--chmod=-x", "stop")
	w.git("update-index", "--add", "--cacheinfo", "160000,"+before+",to-submodule")
	w.git("commit", "-q", "-m", "two")
	after := w.git("rev-parse", "HEAD")

	objects := w.open().Objects()
	for _, pair := range [][2]string{{before, after}, {after, before}, {after, after}} {
		got, err := objects.Diff(pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, d := range got {
			lines = append(lines, fmt.Sprintf("%06o %06o %s %s %s", d.OldMode, d.NewMode, orZero(d.Old), orZero(d.New), d.Path))
		}
		var want []string
		for line := range strings.Lines(w.git("diff-tree", "-r", "--no-renames", pair[0], pair[1])) {
			meta, path, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
			fields := strings.Fields(strings.TrimPrefix(meta, ":"))
			want = append(want, strings.Join(append(fields[:4:4], path), " "))
		}
		if len(want) == 0 && pair[0] != pair[1] {
			t.Fatal("git sees no difference")
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("(-git +pawl)\n%s", diff)
		}
	}
	if _, err := objects.Diff(before, strings.Repeat("1", 40)); err == nil {
		t.Error("a commit that is not there was compared")
	}
}

func orZero(id string) string {
	if id == "" {
		return strings.Repeat("0", 40)
	}
	return id
}
