package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is committed is what the program says: run make docs after a change.
func TestDocsAreUpToDate(t *testing.T) {
	t.Parallel()
	const root = "../.."
	files, err := generate(context.Background(), root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the program says (-program +file); run: make docs\n%s", name, diff)
		}
	}
	committed, err := filepath.Glob(filepath.Join(root, "docs/reference/pawl*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range committed {
		if _, ok := files["docs/reference/"+filepath.Base(name)]; !ok {
			t.Errorf("%s documents a command that is gone", name)
		}
	}
}
