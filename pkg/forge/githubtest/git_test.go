package githubtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func TestCloneAndPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	dir := w.clone("alice", "dev")
	write(t, dir, "base/app.yaml", "image: app:2\n")
	mustGit(t, dir, "commit", "-qam", "second")
	mustGit(t, dir, "push", "-q", "origin", "dev")
	sha := mustGit(t, dir, "rev-parse", "HEAD")
	if got := w.repo.Head("dev"); got != sha {
		t.Errorf("dev is at %s, want %s", got, sha)
	}
	log := w.server.Log()
	last := log[len(log)-1]
	if last.Before != w.first || last.After != sha || last.Actor != "alice" || last.Via != githubtest.ViaGit || !last.FastForward {
		t.Errorf("the log says %+v", last)
	}
	w.call("alice", "GET", "activity?per_page=1", nil).want(t, 200, "0.after", sha)
	w.call("alice", "GET", "contents/base/app.yaml", nil).want(t, 200, "size", 13.0)
	// What the server made and what was pushed stand on each other.
	w.commit("dev", "third", map[string]string{"x": "1"})
	mustGit(t, dir, "pull", "-q", "--ff-only", "origin", "dev")
	if got := mustGit(t, dir, "rev-parse", "HEAD"); got != w.repo.Head("dev") {
		t.Errorf("pulled %s", got)
	}
}

func TestPushMovesPullRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("topic", "staging")
	dir := w.clone("alice", "topic")
	write(t, dir, "more", "x")
	mustGit(t, dir, "add", "-A")
	mustGit(t, dir, "commit", "-qm", "more")
	mustGit(t, dir, "push", "-q", "origin", "topic")
	sha := mustGit(t, dir, "rev-parse", "HEAD")
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "head.sha", sha)
	mustGit(t, dir, "push", "-q", "origin", "topic:staging", ":topic")
	// Both at once: the base has the head, and the head is gone. The merge is
	// noticed in the order in which the push names them.
	if p := w.pull(1); p.Open || w.repo.Head("staging") != sha || w.repo.Head("topic") != "" {
		t.Errorf("%+v", p)
	}
}

func TestForcedAndDeletedByPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	second := w.commit("staging", "second", map[string]string{"x": "1"})
	dir := w.clone("alice", "dev")
	if out, err := git(t, dir, "push", "origin", "dev:staging"); err == nil {
		t.Errorf("pushed: %s", out)
	}
	mustGit(t, dir, "push", "-q", "--force", "origin", "dev:staging")
	mustGit(t, dir, "push", "-q", "origin", ":production")
	mustGit(t, dir, "push", "-q", "origin", "dev:refs/tags/v1")
	if out, err := git(t, dir, "push", "origin", ":dev"); err == nil || !strings.Contains(out, "refusing to delete the current branch: refs/heads/dev") {
		t.Errorf("deleted the default branch: %s", out)
	}
	if out, err := git(t, dir, "push", "origin", "dev:refs/pull/1/head"); err == nil || !strings.Contains(out, "deny updating a hidden ref") {
		t.Errorf("wrote refs/pull: %s", out)
	}
	log := w.server.Log()
	forced, deleted, tag := log[len(log)-3], log[len(log)-2], log[len(log)-1]
	if !forced.Forced || forced.FastForward || forced.Before != second || !deleted.Deleted() || tag.Ref != "refs/tags/v1" || !tag.Created() {
		t.Errorf("the log says %+v, %+v, %+v", forced, deleted, tag)
	}
}

func TestPushRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.repo.Protect("production", githubtest.Rules{RequirePullRequest: true})
	dir := w.clone("alice", "production")
	write(t, dir, "base/app.yaml", "image: app:2\n")
	mustGit(t, dir, "commit", "-qam", "second")
	out, err := git(t, dir, "push", "origin", "production", "production:topic")
	if err == nil {
		t.Fatalf("the push succeeded: %s", out)
	}
	for _, want := range []string{
		"remote: error: GH013: Repository rule violations found for refs/heads/production.",
		"remote: Review all repository rules at " + w.server.URL() + "/acme/config/rules?ref=refs%2Fheads%2Fproduction",
		"remote: - Changes must be made through a pull request.",
		"! [remote rejected] production -> production (push declined due to repository rule violations)",
		"! [remote rejected] production -> topic (push declined due to repository rule violations)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// Nothing is left of a refused push, not even its objects.
	sha := mustGit(t, dir, "rev-parse", "HEAD")
	w.call("alice", "GET", "git/commits/"+sha, nil).want(t, 404, "", nil)
	w.call("alice", "POST", "git/refs", object{"ref": "refs/heads/x", "sha": sha}).want(t, 422, "message", "Object does not exist")
	if out, err := git(t, w.dir(), "cat-file", "-e", sha); err == nil {
		t.Errorf("the object is there: %s", out)
	}
	// The same commit as the head of a pull request, and the push goes through.
	mustGit(t, dir, "push", "-q", "origin", "production:topic")
	w.openFrom("topic", "production")
	mustGit(t, dir, "push", "-q", "origin", "production")
	if !w.pull(1).Merged {
		t.Error("not merged")
	}
}

func TestGitAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.tokens["wrong"] = "nonsense"
	w.tokens["actions"] = w.repo.ActionsToken(githubtest.Permissions{"contents": "read"})
	w.tokens["app"] = w.server.CreateApp("reader", githubtest.Permissions{"contents": "read"})
	for _, test := range []struct{ login, args, says string }{
		{"alice", "ls-remote", ""},
		{"alice", "push", ""},
		{"rita", "ls-remote", ""},
		{"actions", "ls-remote", ""},
		{"app", "ls-remote", ""},
		{"rita", "push", "Permission to acme/config.git denied to rita."},
		{"actions", "push", "Permission to acme/config.git denied to github-actions[bot]."},
		{"app", "push", "Write access to repository not granted."},
		{"eve", "ls-remote", "Repository not found."},
		{"eve", "push", "Repository not found."},
		{"wrong", "ls-remote", "Authentication failed"},
		{"", "ls-remote", "could not read"},
	} {
		remote := w.remote(test.login)
		if test.login == "" {
			remote = w.repo.CloneURL()
		}
		args := []string{"ls-remote", remote}
		if test.args == "push" {
			args = []string{"push", remote, "refs/heads/dev:refs/heads/copy"}
		}
		out, err := git(t, w.dir(), args...)
		if (err == nil) != (test.says == "") || !strings.Contains(out, test.says) {
			t.Errorf("%s %s: %v\n%s", test.login, test.args, err, out)
		}
	}
	missing := strings.Replace(w.remote("alice"), "config", "nothing", 1)
	if out, err := git(t, "", "ls-remote", missing); err == nil || !strings.Contains(out, "Repository not found.") {
		t.Errorf("a repository that is not there: %s", out)
	}
}

func TestPartialClone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.commit("dev", "second", map[string]string{"base/app.yaml": "image: app:2\n", "deep/er/file": "x\n"})
	count := func(filter string) (string, error) {
		dir := t.TempDir()
		out, err := git(t, dir, "clone", "-q", "--bare", "--filter="+filter, w.remote("rita"), "x.git")
		if err != nil {
			return out, err
		}
		return mustGit(t, dir+"/x.git", "cat-file", "--batch-check=%(objecttype)", "--batch-all-objects"), nil
	}
	for filter, unwanted := range map[string]string{"blob:none": "blob", "blob:limit=1": "blob", "tree:0": "tree"} {
		objects, err := count(filter)
		if err != nil || strings.Contains(objects, unwanted) || !strings.Contains(objects, "commit") {
			t.Errorf("%s: %v %s", filter, err, objects)
		}
	}
	for _, filter := range []string{"tree:1", "combine:blob:none+tree:0", "sparse:oid=dev:x"} {
		if out, err := count(filter); err == nil {
			t.Errorf("%s was accepted: %s", filter, out)
		}
	}
}

// TestFetchAnyObject: a SHA that no ref points at can be fetched, as from GitHub.
func TestFetchAnyObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	middle := w.commit("dev", "second", map[string]string{"x": "1"})
	w.commit("dev", "third", map[string]string{"x": "2"})
	dir := t.TempDir()
	mustGit(t, dir, "init", "-q")
	mustGit(t, dir, "fetch", "-q", "--depth=1", "--filter=blob:none", w.remote("rita"), middle, w.first)
	if got := mustGit(t, dir, "log", "--format=%s", "-1", middle); got != "second" {
		t.Errorf("fetched %q", got)
	}
	for _, version := range []string{"0", "1", "2"} {
		out := mustGit(t, dir, "-c", "protocol.version="+version, "ls-remote", w.remote("rita"), "refs/heads/dev")
		if !strings.HasPrefix(out, w.repo.Head("dev")) {
			t.Errorf("protocol %s: %s", version, out)
		}
	}
}

// TestRacingPushes: of many pushes from one commit exactly one goes through.
func TestRacingPushes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	const pushers = 4
	var dirs []string
	for i := range pushers {
		dir := w.clone("alice", "dev")
		write(t, dir, fmt.Sprint(i), "x")
		mustGit(t, dir, "add", "-A")
		mustGit(t, dir, "commit", "-qm", fmt.Sprint(i))
		dirs = append(dirs, dir)
	}
	var group sync.WaitGroup
	results := make([]error, pushers)
	for i, dir := range dirs {
		group.Go(func() { _, results[i] = git(t, dir, "push", "origin", "dev") })
	}
	group.Wait()
	succeeded := 0
	for _, err := range results {
		if err == nil {
			succeeded++
		}
	}
	moves := 0
	for _, u := range w.server.Log() {
		if u.Ref == "refs/heads/dev" && !u.Created() {
			moves++
		}
	}
	if succeeded != 1 || moves != 1 {
		t.Errorf("%d pushes succeeded, dev moved %d times", succeeded, moves)
	}
}

func TestGitEndpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	for path, status := range map[string]int{
		"/": 404, "/acme/config": 404, "/acme/config.git": 404, "/acme/config.git/HEAD": 404,
		"/acme/config.git/info/refs":                          404, // the dumb protocol
		"/acme/config.git/info/refs?service=git-evil":         404,
		"/acme/config.git/info/refs?service=git-upload-pack":  401,
		"/acme/config/info/refs?service=git-receive-pack":     401,
		"/acme/nothing.git/info/refs?service=git-upload-pack": 401,
	} {
		got, err := w.try("", "GET", w.server.URL()+path, nil)
		w.do(err)
		if got.status != status {
			t.Errorf("%s: status %d, want %d", path, got.status, status)
		}
	}
}

// TestMalformedPush sends bodies that no git sends.
func TestMalformedPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	post := func(body, encoding string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), "POST", w.repo.CloneURL()+"/git-receive-pack", strings.NewReader(body))
		w.do(err)
		request.SetBasicAuth("x", w.tokens["alice"])
		request.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		request.Header.Set("Content-Encoding", encoding)
		response, err := http.DefaultClient.Do(request)
		w.do(err)
		defer func() { _ = response.Body.Close() }()
		data, err := io.ReadAll(response.Body)
		w.do(err)
		return response.StatusCode, string(data)
	}
	for _, body := range []string{"", "zzzz", "0003", "00", "0010short", "0008\x00abc0000", "000ahello\n0000"} {
		if status, text := post(body, ""); status != 400 {
			t.Errorf("%q: %d %s", body, status, text)
		}
	}
	if status, text := post("not gzip", "gzip"); status != 400 {
		t.Errorf("gzip: %d %s", status, text)
	}
	// A protected branch and a pack that is none: git says what is wrong.
	w.repo.Protect("dev", githubtest.Rules{RequirePullRequest: true})
	line := w.first + " " + unknown + " refs/heads/dev\x00report-status"
	status, text := post(fmt.Sprintf("%04x%s0000PACKnonsense", len(line)+4, line), "")
	if status != 200 || !strings.Contains(text, "unpack") || strings.Contains(text, "unpack ok") {
		t.Errorf("%d %s", status, text)
	}
	if w.repo.Head("dev") != w.first {
		t.Error("dev moved")
	}
}
