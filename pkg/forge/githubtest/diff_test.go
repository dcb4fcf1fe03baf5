package githubtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// TestDiffAgreesWithGit compares patches and counts with those of git diff.
func TestDiffAgreesWithGit(t *testing.T) {
	t.Parallel()
	numbered := func(n int, edit func(i int, line string) string) string {
		var out strings.Builder
		for i := range n {
			out.WriteString(edit(i, fmt.Sprintf("  line %d\n", i)))
		}
		return out.String()
	}
	same := func(_ int, line string) string { return line }
	manifest := "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n  e: 5\n  f: 6\n"
	for name, test := range map[string]struct{ before, after map[string]string }{
		"one line":      {map[string]string{"f": "a: 1\nb: 2\nc: 3\n"}, map[string]string{"f": "a: 1\nb: 5\nc: 3\n"}},
		"heading":       {map[string]string{"f": manifest}, map[string]string{"f": strings.ReplaceAll(manifest, "f: 6", "f: 7")}},
		"no newline":    {map[string]string{"f": "a\nb"}, map[string]string{"f": "a\nc"}},
		"newline added": {map[string]string{"f": "a\nb"}, map[string]string{"f": "a\nb\n"}},
		"added":         {map[string]string{"f": "a\n"}, map[string]string{"f": "a\n", "g": "x\ny\n"}},
		"added empty":   {map[string]string{"f": "a\n"}, map[string]string{"f": "a\n", "g": ""}},
		"removed":       {map[string]string{"f": "a\n", "d/g": "x\ny\n"}, map[string]string{"f": "a\n"}},
		"far apart": {map[string]string{"f": numbered(40, same)}, map[string]string{"f": numbered(40, func(i int, line string) string {
			if i == 3 || i == 30 {
				return "changed\n"
			}
			return line
		})}},
		"seven apart": {map[string]string{"f": numbered(40, same)}, map[string]string{"f": numbered(40, func(i int, line string) string {
			if i == 10 || i == 17 {
				return "changed\n"
			}
			return line
		})}},
		"eight apart": {map[string]string{"f": numbered(40, same)}, map[string]string{"f": numbered(40, func(i int, line string) string {
			if i == 10 || i == 18 {
				return "changed\n"
			}
			return line
		})}},
		"lines dropped": {map[string]string{"f": numbered(30, same)}, map[string]string{"f": numbered(30, func(i int, line string) string {
			if i%7 == 0 {
				return ""
			}
			return line
		})}},
		"file to directory": {map[string]string{"f": "a\n"}, map[string]string{"f/x": "b\n"}},
		"binary":            {map[string]string{"f": "a\x00b"}, map[string]string{"f": "a\x00c"}},
		"renamed":           {map[string]string{"old": numbered(20, same)}, map[string]string{"new": numbered(20, same)}},
		"renamed, edited": {map[string]string{"old": numbered(20, same)}, map[string]string{"new": numbered(20, func(i int, line string) string {
			if i == 10 {
				return "changed\n"
			}
			return line
		})}},
		"not renamed": {map[string]string{"old": numbered(20, same)}, map[string]string{"new": "something else\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{})
			base := w.commit("dev", "before", test.before)
			var changes []githubtest.Change
			for path := range test.before {
				changes = append(changes, githubtest.Change{Path: path, Delete: true})
			}
			_, err := w.repo.CommitChanges(t.Context(), "dev", "empty", changes...)
			w.do(err)
			head := w.commit("dev", "after", test.after)
			got := ""
			for _, file := range w.call("rita", "GET", "compare/"+base+"..."+head, nil).get(t, "files").([]any) {
				f := file.(object)
				got += fmt.Sprint(f["additions"], "\t", f["deletions"], "\t", f["filename"], "\n")
				if patch, ok := f["patch"].(string); ok {
					got += patch + "\n"
				}
			}
			if diff := cmp.Diff(gitDiff(t, w.dir(), base, head), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// gitDiff is what git says, in the same form.
func gitDiff(t *testing.T, dir, base, head string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.SplitSeq(mustGit(t, dir, "diff", "-M", "--name-only", base, head), "\n") {
		if line == "" {
			continue
		}
		stat := mustGit(t, dir, "diff", "-M", "--numstat", "-z", base, head)
		fields := strings.Split(stat, "\x00")
		for i, field := range fields {
			parts := strings.Split(field, "\t")
			if len(parts) != 3 || parts[2] != line && (parts[2] != "" || fields[i+2] != line) {
				continue
			}
			out.WriteString(strings.ReplaceAll(parts[0]+"\t"+parts[1], "-\t-", "0\t0") + "\t" + line + "\n")
		}
		full := mustGit(t, dir, "diff", "-M", base, head)
		for patch := range strings.SplitSeq("\n"+full, "\ndiff --git ") {
			if !strings.HasPrefix(patch, "a/") || !strings.HasSuffix(strings.SplitN(patch, "\n", 2)[0], " b/"+line) {
				continue
			}
			if _, hunks, ok := strings.Cut(patch, "\n@@ "); ok {
				out.WriteString("@@ " + strings.TrimSuffix(hunks, "\n") + "\n")
			}
		}
	}
	return out.String()
}
