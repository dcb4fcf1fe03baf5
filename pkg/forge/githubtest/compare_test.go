package githubtest_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	second := w.commit("dev", "second", map[string]string{"base/app.yaml": "image: app:2\n", "new.yaml": "n: 1\n"})
	third := w.commit("dev", "third", map[string]string{"base/app.yaml": "image: app:3\n"})
	fix := w.commit("production", "fix", map[string]string{"fix.yaml": "f: 1\n"})
	_, err := w.repo.CommitChanges(t.Context(), "feature/x", "x", githubtest.Change{Path: "base/app.yaml", Delete: true}, githubtest.Change{Path: "base/web.yaml", Content: "image: app:3\n"})
	w.do(err)
	for _, test := range []struct {
		base, head, status string
		ahead, behind      float64
		mergeBase          string
	}{
		{"staging", "dev", "ahead", 2, 0, w.first},
		{"dev", "staging", "behind", 0, 2, w.first},
		{"dev", third, "identical", 0, 0, third},
		{"production", "dev", "diverged", 2, 1, w.first},
		{"dev", "production", "diverged", 1, 2, w.first},
		{second, "refs/heads/dev", "ahead", 1, 0, second},
		{"dev", "feature/x", "ahead", 1, 0, third},
		{"dev", "feature%2Fx", "ahead", 1, 0, third},
		{"acme:dev", "acme:production", "diverged", 1, 2, w.first},
	} {
		got := w.call("rita", "GET", "compare/"+test.base+"..."+test.head, nil)
		for path, want := range map[string]any{
			"status": test.status, "ahead_by": test.ahead, "behind_by": test.behind, "merge_base_commit.sha": test.mergeBase, "total_commits": test.ahead,
		} {
			if value := got.get(t, path); value != want {
				t.Errorf("%s...%s: %s is %v, want %v", test.base, test.head, path, value, want)
			}
		}
	}
	got := w.call("rita", "GET", "compare/staging...dev", nil)
	got.want(t, 200, "commits.0.sha", second)
	got.want(t, 200, "commits.1.commit.message", "third")
	got.want(t, 200, "commits.1.author.login", "octocat")
	got.want(t, 200, "files.0.filename", "base/app.yaml")
	got.want(t, 200, "files.0.patch", "@@ -1 +1 @@\n-image: app:1\n+image: app:3")
	got.want(t, 200, "files.0.additions", 1.0)
	got.want(t, 200, "files.1.status", "added")
	renamed := w.call("rita", "GET", "compare/dev...feature/x", nil)
	renamed.want(t, 200, "files.0.status", "renamed")
	renamed.want(t, 200, "files.0.previous_filename", "base/app.yaml")
	w.call("rita", "GET", "compare/dev...nothing", nil).want(t, 404, "", nil)
	w.call("rita", "GET", "compare/dev", nil).want(t, 404, "", nil)
	w.call("rita", "GET", "compare/dev...stranger:dev", nil).want(t, 404, "", nil)
	orphan, err := w.server.CreateRepository(t.Context(), "acme/other", githubtest.RepositoryOptions{})
	w.do(err)
	_, err = orphan.Commit(t.Context(), "main", "x", map[string]string{"a": "b"})
	w.do(err)
	_ = fix
}

func TestUnrelatedHistories(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	tree := w.call("alice", "GET", "git/trees/dev", nil).get(t, "sha")
	root := w.call("alice", "POST", "git/commits", object{"message": "root", "tree": tree, "parents": []string{}})
	root.want(t, 201, "author.name", "alice")
	w.call("alice", "GET", fmt.Sprintf("compare/dev...%v", root.get(t, "sha")), nil).want(t, 404, "", nil)
}

func TestCompareLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	var shas []string
	for i := range 260 {
		files := map[string]string{"counter": fmt.Sprint(i)}
		if i == 0 {
			for n := range 310 {
				files[fmt.Sprintf("many/%03d", n)] = "x"
			}
		}
		shas = append(shas, w.commit("dev", fmt.Sprint("commit ", i), files))
	}
	all := w.call("rita", "GET", "compare/staging...dev", nil)
	all.want(t, 200, "total_commits", 260.0)
	commits := all.get(t, "commits").([]any)
	if len(commits) != 250 || commits[249].(object)["sha"] != shas[259] || commits[0].(object)["sha"] != shas[10] {
		t.Errorf("%d commits", len(commits))
	}
	if files := all.get(t, "files").([]any); len(files) != 300 {
		t.Errorf("%d files", len(files))
	}
	var paged []string
	for page := 1; page <= 3; page++ {
		got := w.call("rita", "GET", fmt.Sprintf("compare/staging...dev?per_page=100&page=%d", page), nil)
		for _, c := range got.get(t, "commits").([]any) {
			paged = append(paged, c.(object)["sha"].(string))
		}
		if _, hasFiles := got.get(t, "files").([]any); hasFiles != (page == 1) {
			t.Errorf("page %d has files: %t", page, hasFiles)
		}
	}
	if !slices.Equal(paged, shas) {
		t.Error("the pages are not the commits in order")
	}
	list := w.call("rita", "GET", "commits?sha=dev&per_page=2", nil)
	list.want(t, 200, "0.sha", shas[259])
	list.want(t, 200, "1.sha", shas[258])
}

// TestGraphAgreesWithGit compares the server's own walks of history with git's.
func TestGraphAgreesWithGit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	ctx := t.Context()
	shas := []string{w.first}
	seed := uint32(7)
	random := func(n int) int { // a plain generator, so that every run sees the same graph
		seed = seed*1664525 + 1013904223
		return int(seed>>8) % n
	}
	for i := range 40 {
		branch := fmt.Sprintf("b%d", i)
		change := githubtest.Change{Path: fmt.Sprintf("f%d", i), Content: "x"}
		w.server.Advance(1e9)
		parents := []string{shas[random(len(shas))]}
		if other := shas[random(len(shas))]; random(3) == 0 && other != parents[0] {
			parents = append(parents, other)
		}
		sha, err := w.repo.MergeCommit(ctx, branch, fmt.Sprint(i), parents, change)
		w.do(err)
		shas = append(shas, sha)
	}
	for range 60 {
		a, b := shas[random(len(shas))], shas[random(len(shas))]
		got := w.call("rita", "GET", "compare/"+a+"..."+b, nil)
		count := mustGit(t, w.dir(), "rev-list", "--left-right", "--count", a+"..."+b)
		if have := fmt.Sprintf("%v\t%v", got.get(t, "behind_by"), got.get(t, "ahead_by")); have != count {
			t.Errorf("%s...%s: %q, git says %q", a, b, have, count)
		}
		bases := strings.Fields(mustGit(t, w.dir(), "merge-base", "--all", a, b))
		if base := got.get(t, "merge_base_commit.sha").(string); !slices.Contains(bases, base) {
			t.Errorf("%s...%s: merge base %s, git says %v", a, b, base, bases)
		}
		var commits []string
		for _, c := range got.get(t, "commits").([]any) {
			commits = append(commits, c.(object)["sha"].(string))
		}
		want := strings.Fields(mustGit(t, w.dir(), "rev-list", "--date-order", "--reverse", a+".."+b))
		if diff := cmp.Diff(want, append([]string{}, commits...)); diff != "" {
			t.Errorf("%s...%s: %s", a, b, diff)
		}
	}
}

func TestCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	second := w.commit("dev", "second\n\nbody\n", map[string]string{"x": "1"})
	got := w.call("rita", "GET", "commits/"+second, nil)
	got.want(t, 200, "commit.message", "second\n\nbody")
	got.want(t, 200, "files.0.filename", "x")
	got.want(t, 200, "parents.0.sha", w.first)
	got.want(t, 200, "stats.total", 1.0)
	w.call("rita", "GET", "commits/dev", nil).want(t, 200, "sha", second)
	w.call("rita", "GET", "commits/"+unknown, nil).want(t, 422, "message", "No commit found for SHA: "+unknown)
	w.call("rita", "GET", "git/commits/"+second, nil).want(t, 200, "tree.sha", got.get(t, "commit.tree.sha"))
	w.call("rita", "GET", "git/commits/"+unknown, nil).want(t, 404, "", nil)
	w.call("rita", "GET", "commits?sha=dev&path=base/app.yaml", nil).want(t, 200, "0.sha", w.first)
	w.call("rita", "GET", "commits?sha=dev&author=nobody", nil).want(t, 200, "0", nil)
	w.call("rita", "GET", "commits?sha=dev&author=octocat&since=2020-01-01T00:00:00Z", nil).want(t, 200, "1.sha", w.first)
	w.call("rita", "GET", "commits?sha=nothing", nil).want(t, 404, "", nil)
	sha, err := w.try("rita", "GET", "commits/dev", nil, "Accept", "application/vnd.github.sha")
	w.do(err)
	if string(sha.body) != second {
		t.Errorf("the SHA is %q", sha.body)
	}
	empty, err := w.server.CreateRepository(t.Context(), "acme/empty", githubtest.RepositoryOptions{Public: true})
	w.do(err)
	_ = empty
	w.call("rita", "GET", "/repos/acme/empty/commits", nil).want(t, 409, "message", "Git Repository is empty.")
	w.call("rita", "GET", "/repos/acme/empty/contents/x", nil).want(t, 404, "", nil)
	w.call("rita", "GET", "branches/dev", nil).want(t, 200, "commit.sha", second)
	w.call("rita", "GET", "branches/none", nil).want(t, 404, "message", "Branch not found")
}

func TestContents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	big := strings.Repeat("0123456789abcdef", 1<<16) + "x"
	_, err := w.repo.CommitChanges(t.Context(), "dev", "second",
		githubtest.Change{Path: "a dir/ä#?.yaml", Content: "hällo\n"}, githubtest.Change{Path: "big", Content: big},
		githubtest.Change{Path: "link", Content: "base/app.yaml", Mode: "120000"},
		githubtest.Change{Path: "broken", Content: "../outside", Mode: "120000"})
	w.do(err)
	read := func(path string) string {
		got := w.call("rita", "GET", "contents/"+path, nil)
		got.want(t, 200, "type", "file")
		data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(got.get(t, "content").(string), "\n", ""))
		w.do(err)
		return string(data)
	}
	if got := read("base/app.yaml"); got != "image: app:1\n" {
		t.Errorf("the file is %q", got)
	}
	if got := read("a%20dir/%C3%A4%23%3F.yaml?ref=dev"); got != "hällo\n" {
		t.Errorf("the file is %q", got)
	}
	if got := read("link"); got != "image: app:1\n" {
		t.Errorf("the link's target is %q", got)
	}
	raw, err := w.try("rita", "GET", "contents/big", nil, "Accept", "application/vnd.github.raw+json")
	w.do(err)
	if string(raw.body) != big || !strings.HasPrefix(raw.header.Get("Content-Type"), "application/vnd.github.raw+json") {
		t.Errorf("%d bytes of %s", len(raw.body), raw.header.Get("Content-Type"))
	}
	w.call("rita", "GET", "contents/big", nil).want(t, 200, "encoding", "none")
	w.call("rita", "GET", "contents/broken", nil).want(t, 200, "type", "symlink")
	w.call("rita", "GET", "contents/base/none.yaml", nil).want(t, 404, "message", "Not Found")
	w.call("rita", "GET", "contents/base/app.yaml/x", nil).want(t, 404, "message", "Not Found")
	w.call("rita", "GET", "contents/base/app.yaml?ref=none", nil).want(t, 404, "message", "No commit found for the ref none")
	w.call("rita", "GET", "contents/a%20dir?ref=staging", nil).want(t, 404, "", nil)
	root := w.call("rita", "GET", "contents", nil)
	var names []string
	for _, item := range root.list(t) {
		names = append(names, item["type"].(string)+" "+item["name"].(string))
	}
	if diff := cmp.Diff([]string{"dir a dir", "dir base", "file big", "symlink broken", "symlink link"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestGitData(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	text := w.call("alice", "POST", "git/blobs", object{"content": "text\n"})
	binary := w.call("alice", "POST", "git/blobs", object{"content": base64.StdEncoding.EncodeToString([]byte{0, 255}), "encoding": "base64"})
	binary.want(t, 201, "", nil)
	w.call("alice", "POST", "git/blobs", object{"content": "!", "encoding": "base64"}).want(t, 422, "", nil)
	w.call("alice", "POST", "git/blobs", object{}).want(t, 422, "", nil)
	w.call("rita", "GET", "git/blobs/"+text.get(t, "sha").(string), nil).want(t, 200, "content", "dGV4dAo=\n")
	w.call("rita", "GET", "git/blobs/"+unknown, nil).want(t, 404, "", nil)
	tree := w.call("alice", "POST", "git/trees", object{"base_tree": w.first, "tree": []object{
		{"path": "b.bin", "mode": "100644", "type": "blob", "sha": binary.get(t, "sha")},
		{"path": "sub/run.sh", "mode": "100755", "type": "blob", "content": "#!/bin/sh\n"},
		{"path": "base/app.yaml", "mode": "100644", "type": "blob", "sha": nil},
	}})
	tree.want(t, 201, "", nil)
	w.call("alice", "POST", "git/trees", object{"tree": []object{{"path": "x", "mode": "100644", "type": "blob", "sha": unknown}}}).want(t, 422, "", nil)
	w.call("alice", "POST", "git/trees", object{"base_tree": unknown, "tree": []object{}}).want(t, 422, "", nil)
	commit := w.call("alice", "POST", "git/commits", object{
		"message": "made by hand", "tree": tree.get(t, "sha"), "parents": []string{w.first},
		"author": object{"name": "Alice", "email": "alice@example.com", "date": "2026-01-01T00:00:00Z"},
	})
	commit.want(t, 201, "committer.email", "alice@example.com")
	w.call("alice", "POST", "git/commits", object{"message": "x", "tree": unknown}).want(t, 422, "", nil)
	w.call("alice", "POST", "git/commits", object{"message": "x", "tree": tree.get(t, "sha"), "parents": []string{unknown}}).want(t, 422, "", nil)
	w.call("alice", "PATCH", "git/refs/heads/dev", object{"sha": commit.get(t, "sha")}).want(t, 200, "", nil)
	got := w.call("rita", "GET", "git/trees/dev?recursive=1", nil)
	var paths []string
	for _, item := range got.get(t, "tree").([]any) {
		e := item.(object)
		paths = append(paths, fmt.Sprint(e["mode"], " ", e["path"]))
	}
	if diff := cmp.Diff([]string{"100644 b.bin", "040000 sub", "100755 sub/run.sh"}, paths); diff != "" {
		t.Error(diff)
	}
	w.call("rita", "GET", "git/trees/"+unknown, nil).want(t, 404, "", nil)
	w.call("rita", "GET", "git/trees/heads/dev", nil).want(t, 200, "truncated", false)
}
