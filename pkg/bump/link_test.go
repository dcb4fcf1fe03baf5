package bump

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/image"
)

const oldPod, newPod = "image: acme/api:1.0.0\n", "image: acme/api:1.1.0\n"

// Which files are edited when links are about. Only what is below base is matched.
func TestEditFollowsLinksWithinTheDirectory(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		links  map[string]string // from path to target
		edited []string          // besides base/own.yaml
		notes  int
	}{
		"none":                   {nil, nil, 0},
		"to a file":              {map[string]string{"base/l.yaml": "../shared/a.yaml"}, []string{"shared/a.yaml"}, 0},
		"to a file, twice":       {map[string]string{"base/l.yaml": "../shared/a.yaml", "base/m.yaml": "../shared/a.yaml"}, []string{"shared/a.yaml"}, 0},
		"to a file that matches": {map[string]string{"base/l.yaml": "own.yaml"}, nil, 0},
		"to a link":              {map[string]string{"base/l.yaml": "../m.yaml", "m.yaml": "shared/a.yaml"}, []string{"shared/a.yaml"}, 0},
		"to a folder":            {map[string]string{"base/l": "../shared"}, []string{"shared/a.yaml", "shared/b/c.yaml"}, 0},
		"to a file, by a folder": {map[string]string{"base/l.yaml": "../s/a.yaml", "s": "shared"}, []string{"shared/a.yaml"}, 0},
		"a folder in a folder":   {map[string]string{"base/l": "../more", "more/m": "../shared/b"}, []string{"more/d.yaml", "shared/b/c.yaml"}, 0},
		"not matched":            {map[string]string{"l.yaml": "shared/a.yaml", "l": "shared"}, nil, 0},
		"no YAML by its name":    {map[string]string{"base/l.txt": "../shared/a.yaml"}, nil, 0},
		"up and down":            {map[string]string{"base/l.yaml": "../base/../shared/./b//../a.yaml"}, []string{"shared/a.yaml"}, 0},
		"nowhere":                {map[string]string{"base/l.yaml": "nothing.yaml", "base/l": "own.yaml/x"}, nil, 0},
		"to themselves":          {map[string]string{"base/l.yaml": "m.yaml", "base/m.yaml": "l.yaml"}, nil, 0},
		"a loop":                 {map[string]string{"base/l": ".", "base/m": "..", "base/n": "../base"}, nil, 0},
		"a loop of two": {
			map[string]string{"base/l": "../shared/b", "shared/b/back": "../../more", "more/on": "../shared/b"},
			[]string{"more/d.yaml", "shared/b/c.yaml"}, 0,
		},
		"into .git":                     {map[string]string{"base/l": "../.git", "base/l.yaml": "../.git/x.yaml"}, nil, 0},
		"of that name":                  {map[string]string{"base/node_modules": "../shared"}, nil, 0},
		"outside, absolute":             {map[string]string{"base/l.yaml": "OUTSIDE/far.yaml"}, nil, 1},
		"outside, relative":             {map[string]string{"base/l.yaml": "../../outside/far.yaml"}, nil, 1},
		"outside, by a chain":           {map[string]string{"base/l.yaml": "../m.yaml", "m.yaml": "n/far.yaml", "n": "../outside"}, nil, 1},
		"outside and back":              {map[string]string{"base/l.yaml": "../../root/shared/a.yaml"}, nil, 1},
		"inside, absolute":              {map[string]string{"base/l.yaml": "ROOT/shared/a.yaml"}, nil, 1},
		"a folder outside":              {map[string]string{"base/l": "OUTSIDE", "base/m": "../../outside"}, nil, 0},
		"outside, where nothing stands": {map[string]string{"base/l.yaml": "../../nothing.yaml"}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			root, outside := filepath.Join(top, "root"), filepath.Join(top, "outside")
			files := map[string]string{"base/own.yaml": oldPod, "shared/a.yaml": oldPod, "shared/b/c.yaml": oldPod, "more/d.yaml": oldPod, ".git/x.yaml": oldPod}
			plant(t, root, files)
			plant(t, outside, map[string]string{"far.yaml": oldPod})
			places := strings.NewReplacer("OUTSIDE", outside, "ROOT", root)
			for from, target := range test.links {
				link(t, places.Replace(target), filepath.Join(root, filepath.FromSlash(from)))
			}
			request := Request{
				Settings: []image.Setting{setting(t, "acme/api:1.1.0")},
				Match:    func(path string) bool { return strings.HasPrefix(path, "base/") && strings.HasSuffix(path, ".yaml") },
			}
			outcome, err := Edit(open(t, root), request, false)
			if err != nil {
				t.Fatal(err)
			}
			want := append([]string{"base/own.yaml"}, test.edited...)
			if diff := cmp.Diff(want, outcome.Files); diff != "" {
				t.Errorf("the report: %s", diff)
			}
			for _, name := range want {
				files[name] = newPod
			}
			for name, content := range files {
				if got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name))); err != nil || string(got) != content {
					t.Errorf("%s is %q, %v", name, got, err)
				}
			}
			if got, _ := os.ReadFile(filepath.Join(outside, "far.yaml")); string(got) != oldPod {
				t.Errorf("the file outside is %q", got)
			}
			for from, target := range test.links {
				if got, err := os.Readlink(filepath.Join(root, filepath.FromSlash(from))); err != nil || got != places.Replace(target) {
					t.Errorf("the link %s leads to %q, %v", from, got, err)
				}
			}
			if len(outcome.Notes) != test.notes || test.notes > 0 && !strings.Contains(outcome.Notes[0], "base/l.yaml is a symbolic link that leads out of the directory") {
				t.Errorf("the notes: %q", outcome.Notes)
			}
		})
	}
}

func TestEditOfALinkThatLeadsOutsideIsRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	link(t, "../far.yaml", filepath.Join(root, "l.yaml"))
	request := Request{Settings: []image.Setting{setting(t, "acme/api:1.1.0")}, Match: func(path string) bool { return path == "l.yaml" }}
	_, err := Edit(open(t, root), request, false)
	var refusal *Refusal
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, "l.yaml is a symbolic link that leads out of the directory (../far.yaml)") {
		t.Errorf("got %v", err)
	}
}

func TestAssignmentThroughALink(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	plant(t, root, map[string]string{"shared/a.yaml": "version: 1\n"})
	link(t, "shared/a.yaml", filepath.Join(root, "l.yaml"))
	request := Request{
		Assignments: []Assignment{{File: "l.yaml", Path: "version", Value: "v2"}},
		Match:       func(path string) bool { return path == "l.yaml" },
	}
	outcome, err := Edit(open(t, root), request, false)
	if err != nil || !cmp.Equal(outcome.Files, []string{"shared/a.yaml"}) {
		t.Errorf("got %v, %v", outcome, err)
	}
}

// Links from each folder to all others unfold without end, nearly.
func TestLinksAreBounded(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const folders = 12
	for i := range folders {
		plant(t, root, map[string]string{strconv.Itoa(i) + "/a.yaml": oldPod})
		for j := range folders {
			link(t, "../"+strconv.Itoa(j), filepath.Join(root, strconv.Itoa(i), "to"+strconv.Itoa(j)))
		}
	}
	_, err := open(t, root).Read(nil)
	if err == nil || !strings.Contains(err.Error(), "symbolic links lead to more than 1000 folders") || len(err.Error()) > 300 {
		t.Errorf("got %v", err)
	}
}
