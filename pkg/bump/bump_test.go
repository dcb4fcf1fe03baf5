package bump

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/image"
)

func setting(t *testing.T, arg string) image.Setting {
	t.Helper()
	s, err := image.ParseSetting(arg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func file(path, content string) File { return File{Path: path, Content: []byte(content)} }

func TestNamesAndFieldsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	request := Request{
		Settings: []image.Setting{setting(t, "api:1.1.0")},
		Images: []config.Image{{
			Name: "api", Repository: "ghcr.io/acme/api",
			Fields: []config.Field{{File: "charts/*.yaml", Path: "server.version"}},
		}},
	}
	plan, err := Compute([]File{
		file("base/kustomization.yaml", "images:\n  - name: ghcr.io/acme/api\n    newTag: 1.0.0\n"),
		file("charts/values.yaml", "server:\n  version: 1.0.0 # kept\n"),
	}, request)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"base/kustomization.yaml", "charts/values.yaml"}
	if diff := cmp.Diff(want, plan.Files); diff != "" {
		t.Error(diff)
	}
	if got := string(plan.Content("charts/values.yaml")); got != "server:\n  version: 1.1.0 # kept\n" {
		t.Errorf("got %q", got)
	}
}

func TestBareNamesAreLeftToTheKustomization(t *testing.T) {
	t.Parallel()
	pod := file("base/pod.yaml", "kind: Pod\nspec:\n  containers:\n    - image: acme/api\n")
	request := Request{Settings: []image.Setting{setting(t, "acme/api:1.1.0")}}

	plan, err := Compute([]File{pod}, request)
	if err != nil || len(plan.Changes) != 1 {
		t.Fatalf("alone: %v, %v: a bare name that nothing else sets gets the version", plan, err)
	}
	kustomization := file("base/kustomization.yaml", "images:\n  - name: acme/api\n    newTag: 1.0.0\n")
	plan, err = Compute([]File{pod, kustomization}, request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"base/kustomization.yaml"}, plan.Files); diff != "" {
		t.Error(diff)
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60)
	for _, test := range []struct {
		name    string
		changes []Change
		subject string
	}{
		{"one", []Change{{Image: "acme/api", From: "1.0", To: "1.1"}}, "Bump acme/api from 1.0 to 1.1"},
		{"twice the same", []Change{{Image: "acme/api", From: "1.0", To: "1.1", File: "a"}, {Image: "acme/api", From: "1.0", To: "1.1", File: "b"}}, "Bump acme/api from 1.0 to 1.1"},
		{"new", []Change{{Image: "acme/api", To: "1.1"}}, "Bump acme/api to 1.1"},
		{"from two versions", []Change{{Image: "acme/api", From: "1.0", To: "1.2"}, {Image: "acme/api", From: "1.1", To: "1.2"}}, "Bump acme/api to 1.2"},
		{"two images", []Change{{Image: "acme/api", To: "1"}, {Image: "acme/web", To: "2"}}, "Bump 2 images"},
		{"long", []Change{{Image: long, From: "1.0", To: "1.1-aaaaaaaaaa"}}, "Bump " + long},
	} {
		plan := &Plan{Changes: test.changes}
		if got := plan.Message(nil).Subject; got != test.subject {
			t.Errorf("%s: got %q, want %q", test.name, got, test.subject)
		}
	}
}

func TestWriteIsAllOrNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	paths := []string{"a.yaml", "b.yaml"}
	for _, name := range paths {
		write(t, filepath.Join(root, name), "image: acme/api:1.0.0\n")
	}
	directory, err := OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	files, err := directory.Read(nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Compute(files, Request{Settings: []image.Setting{setting(t, "acme/api:1.1.0")}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "b.yaml"), "image: acme/api:1.0.5\n")
	var refusal *Refusal
	if err := directory.Write(plan); !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal: b.yaml changed meanwhile", err)
	}
	want := map[string]string{"a.yaml": "image: acme/api:1.0.0\n", "b.yaml": "image: acme/api:1.0.5\n"}
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Errorf("something was written, or left behind: %s", diff)
	}
}

func TestWriteKeepsPermissionsAndSkipsLinks(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a.yaml"), "image: acme/api:1.0.0\n")
	if err := os.Chmod(filepath.Join(root, "a.yaml"), 0o773); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	write(t, outside, "image: acme/api:1.0.0\n")
	if err := os.Symlink(outside, filepath.Join(root, "link.yaml")); err != nil {
		t.Skip("no symbolic links here")
	}
	directory, err := OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	if _, err := Edit(directory, Request{Settings: []image.Setting{setting(t, "acme/api:1.1.0")}}, false); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(root, "a.yaml"))
	if err != nil || info.Mode().Perm() != 0o773 {
		t.Errorf("permissions are %v, %v", info.Mode(), err)
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "image: acme/api:1.0.0\n" {
		t.Errorf("a file outside was changed: %q, %v", data, err)
	}
}

func TestBackoffIsRandomAndBounded(t *testing.T) {
	t.Parallel()
	if got := backoff(1, time.Second, 0); got != 0 {
		t.Errorf("got %v, want none", got)
	}
	if got := backoff(100, time.Hour, 0.999999); got > 10*time.Second {
		t.Errorf("got %v, more than the bound", got)
	}
	if a, b := backoff(1, time.Millisecond, 0.5), backoff(4, time.Millisecond, 0.5); a >= b {
		t.Errorf("the wait does not grow: %v, %v", a, b)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		files[filepath.Base(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
