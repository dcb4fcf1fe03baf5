package githubtest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

const (
	noSHA   = "0000000000000000000000000000000000000000"
	unknown = "1111111111111111111111111111111111111111"
)

func TestRefs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	second := w.commit("dev", "second", map[string]string{"x": "y"})
	side, err := w.repo.Commit(t.Context(), "production", "side", map[string]string{"z": "y"})
	w.do(err)
	blob := w.call("alice", "POST", "git/blobs", object{"content": "hello"})
	blob.want(t, 201, "", nil)
	for _, test := range []struct {
		name, method, path string
		body               any
		status             int
		message            string
	}{
		{"create", "POST", "git/refs", object{"ref": "refs/heads/a/b", "sha": w.first}, 201, ""},
		{"create again", "POST", "git/refs", object{"ref": "refs/heads/a/b", "sha": w.first}, 422, "Reference already exists"},
		{"create under a branch", "POST", "git/refs", object{"ref": "refs/heads/a/b/c", "sha": w.first}, 422, "Reference update failed"},
		{"create at nothing", "POST", "git/refs", object{"ref": "refs/heads/c", "sha": unknown}, 422, "Object does not exist"},
		{"create at a blob", "POST", "git/refs", object{"ref": "refs/heads/c", "sha": blob.get(t, "sha")}, 422, "Object does not exist"},
		{"create a tag", "POST", "git/refs", object{"ref": "refs/tags/v1", "sha": w.first}, 201, ""},
		{"create without ref", "POST", "git/refs", object{"sha": w.first}, 422, "Invalid request.\n\n\"ref\" wasn't supplied."},
		{"create without sha", "POST", "git/refs", object{"ref": "refs/heads/x"}, 422, "Invalid request.\n\n\"sha\" wasn't supplied."},
		{"create a short name", "POST", "git/refs", object{"ref": "heads/x", "sha": w.first}, 422, "Reference name must start with 'refs/' and have at least two slashes"},
		{"create a bad name", "POST", "git/refs", object{"ref": "refs/heads/x..y", "sha": w.first}, 422, "Reference name must start with 'refs/' and have at least two slashes"},
		{"create in refs/pull", "POST", "git/refs", object{"ref": "refs/pull/9/head", "sha": w.first}, 422, "Reference update failed"},
		{"forward", "PATCH", "git/refs/heads/a/b", object{"sha": second, "force": false}, 200, ""},
		{"forward again", "PATCH", "git/refs/heads/a/b", object{"sha": second}, 200, ""},
		{"forward by escaped name", "PATCH", "git/refs/heads%2Fa%2Fb", object{"sha": second}, 200, ""},
		{"backward", "PATCH", "git/refs/heads/a/b", object{"sha": w.first}, 422, "Update is not a fast forward"},
		{"sideways", "PATCH", "git/refs/heads/a/b", object{"sha": side, "force": false}, 422, "Update is not a fast forward"},
		{"forced", "PATCH", "git/refs/heads/a/b", object{"sha": side, "force": true}, 200, ""},
		{"to nothing", "PATCH", "git/refs/heads/a/b", object{"sha": unknown}, 422, "Object does not exist"},
		{"missing", "PATCH", "git/refs/heads/no", object{"sha": second}, 422, "Reference does not exist"},
		{"no sha", "PATCH", "git/refs/heads/a/b", object{}, 422, "Invalid request.\n\n\"sha\" wasn't supplied."},
		{"get", "GET", "git/ref/heads/a/b", nil, 200, ""},
		{"get missing", "GET", "git/ref/heads/a", nil, 404, "Not Found"},
		{"delete", "DELETE", "git/refs/heads/a/b", nil, 204, ""},
		{"delete again", "DELETE", "git/refs/heads/a/b", nil, 422, "Reference does not exist"},
		{"delete default", "DELETE", "git/refs/heads/dev", nil, 422, "Cannot delete the default branch"},
		{"create over the empty directory", "POST", "git/refs", object{"ref": "refs/heads/a", "sha": w.first}, 201, ""},
	} {
		got := w.call("alice", test.method, test.path, test.body)
		if got.status != test.status {
			t.Errorf("%s: status %d, want %d: %s", test.name, got.status, test.status, got.body)
			continue
		}
		if test.message != "" && got.get(t, "message") != test.message {
			t.Errorf("%s: %s", test.name, got.body)
		}
	}
	got, err := w.try("alice", "POST", "git/refs", "nonsense")
	w.do(err)
	got.want(t, 422, "", nil)
}

func TestMatchingRefs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	for _, branch := range []string{"pawl/staging/a", "pawl/staging/b", "pawl/x"} {
		w.do(w.repo.Branch(t.Context(), branch, w.first))
	}
	var names []string
	for _, item := range w.call("alice", "GET", "git/matching-refs/heads/pawl/staging", nil).list(t) {
		names = append(names, item["ref"].(string))
	}
	if diff := cmp.Diff([]string{"refs/heads/pawl/staging/a", "refs/heads/pawl/staging/b"}, names); diff != "" {
		t.Error(diff)
	}
	if list := w.call("alice", "GET", "git/matching-refs/heads/none", nil).list(t); len(list) != 0 {
		t.Errorf("found %v", list)
	}
}

func TestPackedRefs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	mustGit(t, w.dir(), "pack-refs", "--all")
	mustGit(t, w.dir(), "gc", "-q")
	w.call("alice", "GET", "git/ref/heads/staging", nil).want(t, 200, "object.sha", w.first)
	w.call("alice", "DELETE", "git/refs/heads/staging", nil).want(t, 204, "", nil)
	w.call("alice", "GET", "git/ref/heads/staging", nil).want(t, 404, "", nil)
	w.call("alice", "GET", "contents/base/app.yaml?ref=dev", nil).want(t, 200, "type", "file")
}

// TestDiskAgrees does many things by turns, and asks git now and then whether it
// sees the same refs as the API.
func TestDiskAgrees(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	again, found := w.server.Repository("acme/config")
	if !found || again.Name() != w.repo.Name() {
		t.Fatal("the repository is not found")
	}
	if _, found := w.server.Repository("acme/none"); found {
		t.Error("a repository that is not there is found")
	}
	seed := uint32(3)
	random := func(n int) int { // a plain generator, so that every run does the same
		seed = seed*1664525 + 1013904223
		return int(seed>>8) % n
	}
	names := []string{"a", "a/b", "a/b/c", "x", "x/y"}
	for step := range 120 {
		name := names[random(len(names))]
		switch random(4) {
		case 0:
			w.call("alice", "POST", "git/refs", object{"ref": "refs/heads/" + name, "sha": w.first})
		case 1:
			w.call("alice", "DELETE", "git/refs/heads/"+name, nil)
		case 2:
			_, _ = again.Commit(t.Context(), name, "x", map[string]string{"f": name}) // may be in the way
		case 3:
			_ = again.DeleteBranch(t.Context(), name) // may be gone
		}
		if step%20 != 19 {
			continue
		}
		var want []string
		for _, ref := range w.call("alice", "GET", "git/matching-refs/heads/", nil).list(t) {
			want = append(want, ref["object"].(object)["sha"].(string)+"\t"+ref["ref"].(string))
		}
		got := strings.Split(mustGit(t, "", "ls-remote", "--heads", w.remote("alice")), "\n")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("after step %d: %s", step, diff)
		}
	}
	if out := mustGit(t, w.dir(), "fsck", "--strict", "--no-dangling"); out != "" {
		t.Error(out)
	}
}

// TestLog is the oracle's own test: every kind of change, with who and how.
func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	begin := len(w.server.Log())
	second := w.commit("dev", "second", map[string]string{"x": "1"})
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": second}).want(t, 200, "", nil)
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": second}).want(t, 200, "", nil)
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": unknown}).want(t, 422, "", nil)
	w.do(w.repo.As("mia").ForcePush(t.Context(), "staging", w.first))
	w.do(w.repo.DeleteBranch(t.Context(), "staging"))
	w.do(w.repo.As("alice").Branch(t.Context(), "staging", second))
	at, name := w.server.Now(), "acme/config"
	want := []githubtest.RefUpdate{
		{Repository: name, Ref: "refs/heads/dev", Before: w.first, After: second, Actor: "octocat", Via: githubtest.ViaGit, FastForward: true, Time: at},
		{Repository: name, Ref: "refs/heads/staging", Before: w.first, After: second, Actor: "bob", Via: githubtest.ViaAPI, FastForward: true, Time: at},
		{Repository: name, Ref: "refs/heads/staging", Before: second, After: w.first, Actor: "mia", Via: githubtest.ViaGit, Forced: true, Time: at},
		{Repository: name, Ref: "refs/heads/staging", Before: w.first, After: noSHA, Actor: "octocat", Via: githubtest.ViaGit, Time: at},
		{Repository: name, Ref: "refs/heads/staging", Before: noSHA, After: second, Actor: "alice", Via: githubtest.ViaGit, FastForward: true, Time: at},
	}
	if diff := cmp.Diff(want, w.server.Log()[begin:]); diff != "" {
		t.Error(diff)
	}
}

// TestRepositoryIsSound lets git look at what was written without it.
func TestRepositoryIsSound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	_, err := w.repo.CommitChanges(t.Context(), "dev", "many",
		githubtest.Change{Path: "a/b/c.yaml", Content: "1\n"}, githubtest.Change{Path: "a.yaml", Content: "2\n"},
		githubtest.Change{Path: "a-b", Content: "3\n"}, githubtest.Change{Path: "run.sh", Content: "#!/bin/sh\n", Mode: "100755"},
		githubtest.Change{Path: "link", Content: "a.yaml", Mode: "120000"}, githubtest.Change{Path: "empty", Content: ""})
	w.do(err)
	_, err = w.repo.CommitChanges(t.Context(), "dev", "fewer",
		githubtest.Change{Path: "a/b/c.yaml", Delete: true}, githubtest.Change{Path: "nothing/here", Delete: true})
	w.do(err)
	pr := w.open("topic", "dev")
	w.call("alice", "GET", "pulls/1", nil).want(t, 200, "number", float64(pr.Number))
	if _, err := w.repo.PressMerge(t.Context(), pr.Number, githubtest.MergeButton); err != nil {
		t.Fatal(err)
	}
	if out := mustGit(t, w.dir(), "fsck", "--strict", "--full", "--no-dangling"); out != "" {
		t.Error(out)
	}
	got := strings.Fields(mustGit(t, w.dir(), "ls-tree", "-r", "--name-only", "dev"))
	if diff := cmp.Diff([]string{"a-b", "a.yaml", "base/app.yaml", "empty", "link", "run.sh", "topic.yaml"}, got); diff != "" {
		t.Error(diff)
	}
	if modes := mustGit(t, w.dir(), "ls-tree", "dev", "run.sh", "link"); !strings.Contains(modes, "100755") || !strings.Contains(modes, "120000") {
		t.Error(modes)
	}
}
