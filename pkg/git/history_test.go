package git

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrailers(t *testing.T) {
	t.Parallel()
	for message, want := range map[string][]Trailer{
		"":                                          nil,
		"subject":                                   nil,
		"Key: value":                                nil, // the title
		"s\n\nKey: value":                           {{"Key", "value"}},
		"s\n\nKey: value\n\n\n":                     {{"Key", "value"}},
		"s\n\nbody\n\nA: 1\nB : 2\n":                {{"A", "1"}, {"B", "2"}},
		"s\n\nA: 1\n more\n\tof it\nB:2":            {{"A", "1 more of it"}, {"B", "2"}},
		"s\n\nA: 1\nnot one":                        nil,
		"s\n\n continued\nA: 1":                     nil,
		"s\n\nA: 1\n\nlast words":                   nil,
		"s\n\na\nb\nSigned-off-by: x <y>":           {{"Signed-off-by", "x <y>"}},
		"s\n\na\nb\nc\nd\nSigned-off-by: x <y>":     nil,
		"s\n\nA: 1\n(cherry picked from commit 12)": {{"A", "1"}},
		"s\n\nhttps://example.com":                  {{"https", "//example.com"}},
		"s\n\nspaced key: 1":                        nil,
		"s\n\nPawl-Key: a\nPawl-Key: b":             {{"Pawl-Key", "a"}, {"Pawl-Key", "b"}},
	} {
		got := Trailers(message)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", message, diff)
		}
		var lines []string
		for _, each := range got {
			lines = append(lines, each.Key+": "+each.Value)
		}
		git := runGit(t, t.TempDir(), message+"\n", "interpret-trailers", "--only-trailers", "--unfold", "--no-divider")
		if diff := cmp.Diff(git, strings.Join(lines, "\n")); diff != "" {
			t.Errorf("%q, by git: %s", message, diff)
		}
	}
}

// line makes a branch of n commits and returns them, oldest first.
func line(repo *repository, branch string, n int) []string {
	var list []string
	for i := range n {
		list = append(list, repo.commit(branch, map[string]string{branch + "/file": fmt.Sprint(i)}))
	}
	return list
}

func TestHistory(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	all := line(repo, "main", 6)
	side := repo.git("commit-tree", "-m", "side", "-p", all[2], all[2]+"^{tree}")
	tip := repo.git("commit-tree", "-m", "merge\n\nbody\n\nPawl-Key: k\n", "-p", all[5], "-p", side, all[5]+"^{tree}")
	repo.git("update-ref", "refs/heads/main", tip)
	want := []string{tip, all[5], all[4], all[3], all[2], all[1], all[0]}
	for _, limit := range []int{0, 1, 3, 7, 100} {
		got, err := repo.remote().History(t.Context(), tip, limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, each := range got {
			ids = append(ids, each.SHA)
		}
		if diff := cmp.Diff(want[:min(limit, len(want))], append([]string{}, ids...)); diff != "" {
			t.Errorf("%d: %s", limit, diff)
		}
	}
	got, err := repo.remote().History(t.Context(), tip, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{all[5], side}, got[0].Parents); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Trailer{{"Pawl-Key", "k"}}, Trailers(got[0].Message)); diff != "" {
		t.Errorf("%q: %s", got[0].Message, diff)
	}
	if c := got[1].Committer; c.Name != "Test" || c.Email != "test@example.com" || c.When.Unix() != 1_700_000_000 {
		t.Errorf("%+v", c)
	}
	if _, err := repo.remote().History(t.Context(), strings.Repeat("ab", 20), 5); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown commit: %v", err)
	}
}

func TestDescends(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string][]string{
		"filters":        {"uploadpack.allowFilter", "true"},
		"no filters":     {"uploadpack.allowFilter", "false"},
		"filter refused": {"uploadpackfilter.allow", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			repo := server.repository(t)
			repo.git("config", settings[0], settings[1])
			main := line(repo, "main", 5)
			other := line(repo, "other", 2)
			side := repo.git("commit-tree", "-m", "side", "-p", main[1], main[1]+"^{tree}")
			merge := repo.git("commit-tree", "-m", "merge", "-p", main[4], "-p", side, main[4]+"^{tree}")
			repo.git("update-ref", "refs/heads/merged", merge)
			remote := repo.remote()
			for _, test := range []struct {
				ancestor, descendant string
				want                 bool
			}{
				{main[0], main[4], true}, {main[3], main[4], true}, {main[4], main[4], true}, {side, merge, true}, {main[1], merge, true},
				{main[4], main[0], false}, {other[0], main[4], false}, {main[4], other[1], false}, {side, main[4], false}, {merge, main[4], false},
			} {
				got, err := remote.Descends(t.Context(), test.ancestor, test.descendant)
				if err != nil || got != test.want {
					t.Errorf("%s in %s: %v, %v", test.ancestor, test.descendant, got, err)
				}
			}
			unknown := strings.Repeat("ab", 20)
			for _, pair := range [][2]string{{unknown, main[4]}, {main[4], unknown}} {
				if _, err := remote.Descends(t.Context(), pair[0], pair[1]); !errors.Is(err, ErrNotFound) {
					t.Errorf("%v: %v", pair, err)
				}
			}
		})
	}
}

func TestTipThenPush(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	old := repo.commit("main", sampleFiles)
	remote := repo.remote()
	if tip, err := remote.Tip(t.Context(), "nothing"); tip != "" || err != nil {
		t.Errorf("no such branch: %q, %v", tip, err)
	}
	server.take()
	tip, err := remote.Tip(t.Context(), "main")
	if err != nil || tip != old {
		t.Fatalf("%q, %v", tip, err)
	}
	scope := Scope{File: func(path string) bool { return path == "base/app.yaml" }}
	objects, files, err := remote.FetchFiles(t.Context(), tip, scope, 5)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	mustPush(t, remote, objects, "main", tip, change(t, objects, tip, "base/app.yaml", "image: app:2\n"))
	requests := server.take()
	if last := requests[len(requests)-1]; len(requests) < 2 || last.method != http.MethodPost || requests[len(requests)-2].method != http.MethodPost {
		t.Errorf("the push asked again: %v", requests)
	}
	repo.git("fsck", "--full", "--strict")
	// What Tip saw serves one push only, and only from that commit.
	if err := remote.Push(t.Context(), objects, "main", tip, change(t, objects, tip, "base/app.yaml", "image: app:3\n")); !errors.Is(err, ErrMoved) {
		t.Errorf("got %v", err)
	}
}

// A branch that Tip did not look at is not taken to be missing.
func TestTipThenPushToAnotherBranch(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	main := repo.commit("main", sampleFiles)
	repo.git("update-ref", "refs/heads/topic", main)
	remote := repo.remote()
	objects := fetch(t, remote, main)
	sha := change(t, objects, main, "base/app.yaml", "image: app:2\n")
	for name, test := range map[string]struct {
		sha  string
		want error
	}{"at another commit": {sha, ErrMoved}, "at that commit": {main, nil}} {
		if _, err := remote.Tip(t.Context(), "main"); err != nil {
			t.Fatal(err)
		}
		if err := remote.Push(t.Context(), objects, "topic", "", test.sha); !errors.Is(err, test.want) {
			t.Errorf("creating a branch that is there, %s: %v", name, err)
		}
		if got := repo.tip("topic"); got != main {
			t.Errorf("the branch is at %s", got)
		}
	}
}
