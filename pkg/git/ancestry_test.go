package git

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAncestry(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	all := line(repo, "main", 6)
	side := repo.git("commit-tree", "-m", "side\n\nRollback-Of: api:1", "-p", all[2], all[2]+"^{tree}")
	tip := repo.git("commit-tree", "-m", "merge", "-p", all[5], "-p", side, all[5]+"^{tree}")
	repo.git("update-ref", "refs/heads/main", tip)
	rest := []string{tip, all[5], side, all[4], all[2], all[3], all[1], all[0]}
	for _, test := range []struct {
		limit int
		tips  []string
		want  []string
		whole bool
	}{
		{8, []string{tip}, rest, true},
		{100, []string{tip}, rest, true},
		{100, []string{all[1]}, []string{all[1], all[0]}, true},
		{100, []string{all[1], side}, []string{all[1], side, all[0], all[2]}, true},
		{7, []string{tip}, []string{tip}, false}, // a tenth of that is one generation at least
		{1, []string{all[0]}, []string{all[0]}, true},
	} {
		known, err := repo.remote().Ancestry(t.Context(), test.limit, test.tips...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, ids(known.Commits)); diff != "" || known.Whole != test.whole {
			t.Errorf("at most %d, whole %v: %s", test.limit, known.Whole, diff)
		}
	}
	remote := repo.remote()
	if _, err := remote.Fetch(t.Context(), tip); err != nil { // its parents are not here
		t.Fatal(err)
	}
	if known, err := remote.Ancestry(t.Context(), 5, tip); err != nil || known.Whole || len(known.Commits) != 1 {
		t.Errorf("after a fetch, at most 5: %v, %v", known, err)
	}
	if known, err := remote.Ancestry(t.Context(), 100, tip); err != nil || !known.Whole || len(known.Commits) != 8 {
		t.Errorf("after a fetch, all: %v, %v", known, err)
	}
	if _, err := repo.remote().Ancestry(t.Context(), 5, strings.Repeat("ab", 20)); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown commit: %v", err)
	}
}

// What was read is not read again: of a branch that moved, only the new commits come.
func TestAncestryOfABranchThatMoved(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	line(repo, "main", 300)
	remote := repo.remote()
	first, err := remote.Ancestry(t.Context(), 1000, repo.git("rev-parse", "main"))
	if err != nil || len(first.Commits) != 300 || !first.Whole {
		t.Fatal(len(first.Commits), first.Whole, err)
	}
	line(repo, "main", 3)
	// A limit that only the three new commits keep.
	again, err := remote.Ancestry(t.Context(), 10, repo.git("rev-parse", "main"))
	if err != nil || len(again.Commits) != 303 || !again.Whole {
		t.Fatal(len(again.Commits), again.Whole, err)
	}
}

func ids(commits []Commit) []string {
	var list []string
	for _, commit := range commits {
		list = append(list, commit.SHA)
	}
	return list
}

// A history comes with its folders and without files, once, or not at all.
func TestFetchHistory(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	all := line(repo, "main", 40)
	remote := repo.remote()
	const each = 3 // a commit and two folders
	if objects, whole, err := remote.FetchHistory(t.Context(), all[39], each*40-1); err != nil || whole || objects != nil {
		t.Fatal(objects, whole, err)
	}
	objects, whole, err := remote.FetchHistory(t.Context(), all[39], each*40)
	if err != nil || !whole {
		t.Fatal(whole, err)
	}
	for i := range all[1:] {
		differences, err := objects.Diff(all[i], all[i+1])
		if err != nil || len(differences) != 1 || differences[0].Path != "main/file" {
			t.Fatal(differences, err)
		}
		if _, err := objects.Content(File{Path: "main/file", Blob: differences[0].New}); err == nil {
			t.Fatal("a file came along")
		}
	}
	more := line(repo, "main", 2)
	if _, whole, err = remote.FetchHistory(t.Context(), more[1], each*2); err != nil || !whole { // only what is new
		t.Fatal(whole, err)
	}
	known, err := remote.Ancestry(t.Context(), 1, more[1])
	if err != nil || !known.Whole || len(known.Commits) != 42 {
		t.Fatal(known, err)
	}
	if _, _, err := repo.remote().FetchHistory(t.Context(), strings.Repeat("ab", 20), 10); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown commit: %v", err)
	}
}
