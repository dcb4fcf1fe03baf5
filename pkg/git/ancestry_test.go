package git

import (
	"errors"
	"slices"
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
	for _, test := range []struct {
		generations int
		tip         string
		want        []string
	}{
		{1, tip, []string{tip}},
		{2, tip, []string{tip, all[5], side}},
		{3, tip, []string{tip, all[5], side, all[4], all[2]}},
		{100, tip, []string{tip, all[5], side, all[4], all[2], all[3], all[1], all[0]}},
		{100, all[1], []string{all[1], all[0]}},
	} {
		lists, err := repo.remote().Ancestry(t.Context(), test.generations, test.tip, all[0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{test.want, {all[0]}}, [][]string{ids(lists[0]), ids(lists[1])}); diff != "" {
			t.Errorf("%d generations: %s", test.generations, diff)
		}
	}
	remote := repo.remote()
	if _, err := remote.Fetch(t.Context(), tip); err != nil { // its parents are not here
		t.Fatal(err)
	}
	for _, generations := range []int{1, 2, 8} {
		lists, err := remote.Ancestry(t.Context(), generations, tip)
		if err != nil || len(lists[0]) == 0 || generations > 1 && !slices.Contains(ids(lists[0]), side) {
			t.Errorf("after a fetch: %v, %v", lists, err)
		}
	}
	if _, err := repo.remote().Ancestry(t.Context(), 5, strings.Repeat("ab", 20)); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown commit: %v", err)
	}
}

func ids(commits []Commit) []string {
	var list []string
	for _, commit := range commits {
		list = append(list, commit.SHA)
	}
	return list
}
