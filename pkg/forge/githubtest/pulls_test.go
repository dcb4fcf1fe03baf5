package githubtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func TestCreatePullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.tokens["actions"] = w.repo.ActionsToken(githubtest.Permissions{"contents": "write", "pull_requests": "write"})
	w.do(w.repo.Branch(t.Context(), "topic", w.first))
	w.commit("topic", "second", map[string]string{"x": "1"})
	w.do(w.repo.Branch(t.Context(), "same", w.first))
	long := strings.Repeat("é", 65537)
	for _, test := range []struct {
		name, login string
		body        object
		status      int
		path        string
		want        any
	}{
		{"actions", "actions", object{"title": "t", "head": "topic", "base": "staging"}, 403, "message", "GitHub Actions is not permitted to create or approve pull requests."},
		{"no title", "alice", object{"head": "topic", "base": "staging"}, 422, "errors.0.code", "missing_field"},
		{"no head", "alice", object{"title": "t", "base": "staging"}, 422, "errors.0.field", "head"},
		{"no base", "alice", object{"title": "t", "head": "topic"}, 422, "errors.0.field", "base"},
		{"unknown head", "alice", object{"title": "t", "head": "no", "base": "staging"}, 422, "errors.0.code", "invalid"},
		{"unknown base", "alice", object{"title": "t", "head": "topic", "base": "no"}, 422, "errors.0.field", "base"},
		{"a stranger's head", "alice", object{"title": "t", "head": "eve:topic", "base": "staging"}, 422, "errors.0.field", "head"},
		{"nothing new", "alice", object{"title": "t", "head": "same", "base": "staging"}, 422, "errors.0.message", "No commits between staging and same"},
		{"long body", "alice", object{"title": "t", "head": "topic", "base": "staging", "body": long}, 422, "errors.0.message", "body is too long (maximum is 65536 characters)"},
		{"good", "alice", object{"title": "t", "head": "topic", "base": "staging", "body": long[2:]}, 201, "number", 1.0},
		{"duplicate", "bob", object{"title": "u", "head": "topic", "base": "staging"}, 422, "errors.0.message", "A pull request already exists for acme:topic."},
		{"another base", "bob", object{"title": "u", "head": "acme:topic", "base": "production", "draft": true}, 201, "draft", true},
		{"a stranger", "eve", object{"title": "u", "head": "topic", "base": "production"}, 404, "message", "Not Found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.call(test.login, "POST", "pulls", test.body).want(t, test.status, test.path, test.want)
		})
	}
	settings := githubtest.DefaultSettings()
	settings.ActionsMayCreatePullRequests = true
	w.repo.SetSettings(settings)
	w.call("actions", "POST", "pulls", object{"title": "t", "head": "topic", "base": "dev"}).want(t, 201, "user.login", "github-actions[bot]")
}

func TestPullRequestFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	pr := w.open("topic", "staging")
	got := w.call("alice", "GET", "pulls/1", nil)
	for path, want := range map[string]any{
		"head.sha": pr.HeadSHA, "head.ref": "topic", "head.label": "acme:topic", "base.ref": "staging",
		"base.sha": w.first, "state": "open", "merged": false, "mergeable": nil, "mergeable_state": "unknown",
		"commits": 1.0, "changed_files": 1.0, "additions": 1.0, "deletions": 0.0, "user.login": "alice", "body": nil,
		"head.repo.full_name": "acme/config", "author_association": "COLLABORATOR", "merged_by": nil, "auto_merge": nil,
		"base.repo.node_id": w.repo.NodeID(),
	} {
		if value := got.get(t, path); value != want {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	again := w.call("alice", "GET", "pulls/1", nil)
	again.want(t, 200, "mergeable_state", "clean")
	if again.get(t, "mergeable") != true || again.get(t, "merge_commit_sha") == nil {
		t.Errorf("%s", again.body)
	}
	w.call("alice", "GET", "pulls/2", nil).want(t, 404, "message", "Not Found")
	w.call("alice", "GET", "pulls/x", nil).want(t, 404, "message", "Not Found")
	files := w.call("alice", "GET", "pulls/1/files", nil)
	files.want(t, 200, "0.filename", "topic.yaml")
	commits := w.call("alice", "GET", "pulls/1/commits", nil)
	commits.want(t, 200, "0.sha", pr.HeadSHA)
	refs := mustGit(t, t.TempDir(), "ls-remote", w.remote("alice"), "refs/pull/1/head")
	if !strings.HasPrefix(refs, pr.HeadSHA) {
		t.Errorf("refs/pull/1/head is %q", refs)
	}
	of := w.call("alice", "GET", "commits/"+pr.HeadSHA+"/pulls", nil)
	of.want(t, 200, "0.number", 1.0)
}

func TestListPullRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{ListDelay: time.Minute})
	w.open("a", "staging")
	w.open("b", "production")
	w.open("c", "staging")
	if list := w.call("alice", "GET", "pulls", nil).list(t); len(list) != 0 {
		t.Errorf("a list that lags has %d", len(list))
	}
	w.server.Advance(time.Minute)
	w.do(w.repo.ClosePullRequest(t.Context(), 3))
	w.server.Advance(time.Minute)
	w.do(w.repo.Comment(t.Context(), 1, "hello"))
	for query, want := range map[string][]float64{
		"":                                       {2, 1},
		"?state=all":                             {3, 2, 1},
		"?state=closed":                          {3},
		"?state=all&direction=asc":               {1, 2, 3},
		"?base=staging":                          {1},
		"?head=acme:b":                           {2},
		"?head=ACME:b&base=staging":              {},
		"?head=eve:b":                            {},
		"?head=b":                                {2, 1}, // without an owner the filter is ignored
		"?state=all&sort=updated":                {2, 3, 1},
		"?state=all&sort=popularity":             {2, 3, 1},
		"?state=all&per_page=1&page=2":           {2},
		"?state=all&sort=updated&direction=desc": {1, 3, 2},
	} {
		got := []float64{}
		for _, item := range w.call("alice", "GET", "pulls"+query, nil).list(t) {
			got = append(got, item["number"].(float64))
		}
		if query == "?state=all&sort=popularity" {
			got = got[2:]
			want = want[2:]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
	w.call("alice", "GET", "pulls?state=merged", nil).want(t, 422, "", nil)
}

func TestEditPullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("a", "staging")
	w.call("alice", "PATCH", "pulls/1", object{"title": "new", "body": "text"}).want(t, 200, "title", "new")
	w.call("alice", "PATCH", "pulls/1", object{"base": "production"}).want(t, 200, "base.ref", "production")
	w.call("alice", "PATCH", "pulls/1", object{"base": "no"}).want(t, 422, "errors.0.field", "base")
	w.call("alice", "PATCH", "pulls/1", object{"title": ""}).want(t, 422, "", nil)
	w.call("rita", "PATCH", "pulls/1", object{"title": "mine"}).want(t, 403, "", nil)
	w.call("bob", "PATCH", "pulls/1", object{"state": "closed"}).want(t, 200, "state", "closed")
	w.call("bob", "PATCH", "pulls/1", object{"base": "staging"}).want(t, 422, "errors.0.field", "base")
	w.call("bob", "PATCH", "pulls/1", object{"state": "open"}).want(t, 200, "state", "open")
	w.call("bob", "PATCH", "pulls/1", object{"state": "merged"}).want(t, 422, "", nil)
	w.call("bob", "PATCH", "pulls/1", object{"body": strings.Repeat("x", 65537)}).want(t, 422, "errors.0.field", "body")
	w.do(w.repo.DeleteBranch(t.Context(), "a"))
	w.call("bob", "PATCH", "pulls/1", object{"state": "open"}).want(t, 422, "errors.0.field", "state")
	w.do(w.repo.Branch(t.Context(), "a", w.first))
	w.do(w.repo.ReopenPullRequest(t.Context(), 1))
	w.do(w.repo.ClosePullRequest(t.Context(), 1))
	w.do(w.repo.EditPullRequest(t.Context(), 1, "third", "words"))
	w.do(w.repo.SetDraft(t.Context(), 1, true))
	if p := w.pull(1); p.Title != "third" || p.Body != "words" || p.Open || p.Merged || !p.Draft {
		t.Errorf("%+v", p)
	}
}

// TestFastForwardMerges is the heart of it: the base moves to the head, and the
// pull request reads as merged.
func TestFastForwardMerges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	pr := w.open("topic", "staging")
	w.call("bob", "GET", "pulls/1/merge", nil).want(t, 404, "", nil)
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": pr.HeadSHA, "force": false}).want(t, 200, "object.sha", pr.HeadSHA)
	got := w.call("bob", "GET", "pulls/1", nil)
	for path, want := range map[string]any{
		"state": "closed", "merged": true, "merged_by.login": "bob", "base.sha": w.first, "commits": 1.0,
		"head.sha": pr.HeadSHA, "mergeable_state": "unknown", "merged_at": "2026-01-05T09:00:00Z",
	} {
		if value := got.get(t, path); value != want {
			t.Errorf("%s is %v, want %v", path, value, want)
		}
	}
	w.call("bob", "GET", "pulls/1/merge", nil).want(t, 204, "", nil)
	w.call("bob", "PATCH", "pulls/1", object{"state": "open"}).want(t, 422, "", nil)
	if w.repo.Head("topic") == "" {
		t.Error("the head branch was deleted")
	}
}

func TestEveryPullRequestThatIsReachedMerges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("one", "staging")
	w.do(w.repo.Branch(t.Context(), "two", w.repo.Head("one")))
	w.commit("two", "more", map[string]string{"more": "1"})
	w.openFrom("two", "staging")
	w.openFrom("two", "production")
	w.do(w.repo.SetDraft(t.Context(), 1, true)) // a draft is merged, too
	w.do(w.repo.Push(t.Context(), "staging", w.repo.Head("two")))
	for number, merged := range map[int]bool{1: true, 2: true, 3: false} {
		if got := w.pull(number).Merged; got != merged {
			t.Errorf("#%d merged: %t", number, got)
		}
	}
}

func TestMergeIsNoticedLater(t *testing.T) {
	t.Parallel()
	t.Run("reads", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, githubtest.Options{MergeReads: 3})
		pr := w.open("topic", "staging")
		w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
		for _, want := range []string{"open dirty false", "open dirty false", "open unknown <nil>", "closed unknown <nil>"} {
			got := w.call("bob", "GET", "pulls/1", nil)
			if have := fmt.Sprint(got.get(t, "state"), " ", got.get(t, "mergeable_state"), " ", got.get(t, "mergeable")); have != want {
				t.Errorf("have %q, want %q", have, want)
			}
		}
	})
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, githubtest.Options{MergeDelay: 10 * time.Second})
		pr := w.open("topic", "staging")
		w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
		for _, want := range []string{"open dirty", "open unknown", "closed unknown"} {
			got := w.call("bob", "GET", "pulls/1", nil)
			if have := fmt.Sprint(got.get(t, "state"), " ", got.get(t, "mergeable_state")); have != want {
				t.Errorf("have %q, want %q", have, want)
			}
			w.server.Advance(5 * time.Second)
		}
	})
	t.Run("both", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, githubtest.Options{MergeDelay: 10 * time.Second, MergeReads: 1})
		pr := w.open("topic", "staging")
		w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
		w.server.Advance(10 * time.Second)
		w.call("bob", "GET", "pulls/1", nil).want(t, 200, "merged", false)
		w.call("bob", "GET", "pulls/1", nil).want(t, 200, "merged", true)
	})
}

// TestHeadDeletedTooEarly: who deletes the head branch before GitHub noticed the
// merge gets a pull request that is closed and not merged.
func TestHeadDeletedTooEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{MergeReads: 2})
	pr := w.open("topic", "staging")
	w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
	w.call("bob", "DELETE", "git/refs/heads/topic", nil).want(t, 204, "", nil)
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "state", "closed")
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "merged", false)
}

// TestHeadMovesOnTooEarly: what is pushed to the head branch before the merge is
// noticed keeps the pull request open.
func TestHeadMovesOnTooEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{MergeReads: 2})
	pr := w.open("topic", "staging")
	w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "state", "open")
	w.commit("topic", "more", map[string]string{"more": "1"})
	for range 4 {
		w.call("bob", "GET", "pulls/1", nil).want(t, 200, "state", "open")
	}
}

func TestHeadFollowsItsBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("topic", "staging")
	sha := w.commit("topic", "more", map[string]string{"more": "1"})
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "head.sha", sha)
	w.do(w.repo.ForcePush(t.Context(), "topic", w.commit("other", "other", map[string]string{"o": "1"})))
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "head.sha", w.repo.Head("other"))
	w.do(w.repo.DeleteBranch(t.Context(), "topic"))
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "state", "closed")
}

func TestHeadIsNoticedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{HeadReads: 1})
	pr := w.open("topic", "staging")
	sha := w.commit("topic", "more", map[string]string{"more": "1"})
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "head.sha", pr.HeadSHA)
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "head.sha", sha)

	// A base that moves to where the head branch was just rewritten to has not the
	// old head, by which the pull request is still judged. When the new one shows,
	// nothing is left to merge.
	w.do(w.repo.Branch(t.Context(), "other", w.first))
	w.commit("other", "other", map[string]string{"o": "1"})
	w.do(w.repo.ForcePush(t.Context(), "topic", w.repo.Head("other")))
	w.do(w.repo.Push(t.Context(), "staging", w.repo.Head("other")))
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "head.sha", sha)
	last := w.call("bob", "GET", "pulls/1", nil)
	last.want(t, 200, "state", "closed")
	last.want(t, 200, "merged", false)
}

// TestStackedPullRequests: who is based on a merged head goes on to its base.
func TestStackedPullRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	settings := githubtest.DefaultSettings()
	settings.DeleteBranchOnMerge = true
	w.repo.SetSettings(settings)
	first := w.open("one", "staging")
	w.open("two", "one")
	w.do(w.repo.Push(t.Context(), "staging", first.HeadSHA))
	if p := w.pull(2); !p.Open || p.Base != "staging" || w.repo.Head("one") != "" {
		t.Errorf("%+v", p)
	}
}

func TestBaseDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("topic", "staging")
	w.do(w.repo.DeleteBranch(t.Context(), "staging"))
	w.call("bob", "GET", "pulls/1", nil).want(t, 200, "state", "closed")
	w.call("bob", "GET", "pulls", nil).want(t, 200, "0", nil)
}

func TestDeleteBranchOnMerge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	settings := githubtest.DefaultSettings()
	settings.DeleteBranchOnMerge = true
	w.repo.SetSettings(settings)
	pr := w.open("topic", "staging")
	w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
	if p := w.pull(1); !p.Merged || w.repo.Head("topic") != "" {
		t.Errorf("merged %t, head at %q", p.Merged, w.repo.Head("topic"))
	}
	// An environment branch that is the head of a pull request would be deleted as
	// well; a rule against deletion saves it.
	w.openFrom("staging", "production")
	w.repo.Protect("staging", githubtest.Rules{BlockDeletion: true})
	w.do(w.repo.Push(t.Context(), "production", w.repo.Head("staging")))
	if p := w.pull(2); !p.Merged || w.repo.Head("staging") == "" {
		t.Errorf("merged %t, staging at %q", p.Merged, w.repo.Head("staging"))
	}
}

func TestMergeButton(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method  string
		parents int
		message string
		author  string
	}{
		{"merge", 2, "Merge pull request #1 from acme/topic\n\ntopic", "bob"},
		{"squash", 1, "topic (#1)", "bob"},
		{"rebase", 1, "change topic", "octocat"},
	} {
		t.Run(test.method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{})
			pr := w.open("topic", "staging")
			w.call("bob", "PUT", "pulls/1/merge", object{"merge_method": test.method, "sha": w.first}).want(t, 409, "message", "Head branch was modified. Review and try the merge again.")
			got := w.call("bob", "PUT", "pulls/1/merge", object{"merge_method": test.method, "sha": pr.HeadSHA})
			got.want(t, 200, "merged", true)
			sha := got.get(t, "sha").(string)
			if sha != w.repo.Head("staging") || sha == pr.HeadSHA {
				t.Errorf("merged as %s, staging is at %s", sha, w.repo.Head("staging"))
			}
			commit := w.call("bob", "GET", "commits/"+sha, nil)
			commit.want(t, 200, "commit.message", test.message)
			if n := len(commit.get(t, "parents").([]any)); n != test.parents {
				t.Errorf("%d parents", n)
			}
			if author := commit.get(t, "author.login"); author != test.author {
				t.Errorf("author is %v", author)
			}
			pull := w.call("bob", "GET", "pulls/1", nil)
			pull.want(t, 200, "merged", true)
			if pull.get(t, "merge_commit_sha") != sha || pull.get(t, "merged_by.login") != "bob" || pull.get(t, "base.sha") != w.first {
				t.Errorf("%s", pull.body)
			}
			log := w.server.Log()
			if last := log[len(log)-1]; last.Via != githubtest.ViaMerge || last.PullRequest != 1 || !last.FastForward {
				t.Errorf("the log says %+v", last)
			}
			w.call("bob", "PUT", "pulls/1/merge", object{}).want(t, 405, "message", "Pull Request is not mergeable")
			if content, _ := w.repo.File(t.Context(), "staging", "topic.yaml"); content != "a: 1\n" {
				t.Errorf("the file is %q", content)
			}
		})
	}
}

func TestMergeButtonOfDiverged(t *testing.T) {
	t.Parallel()
	lines := func(a, b string) map[string]string {
		return map[string]string{"f": a + "\n1\n2\n3\n4\n5\n" + b + "\n"}
	}
	for name, conflict := range map[string]bool{"clean": false, "conflict": true} {
		for _, method := range []string{"merge", "squash", "rebase"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, githubtest.Options{})
				base := w.commit("staging", "base", lines("a", "b"))
				w.do(w.repo.Branch(t.Context(), "topic", base))
				w.commit("topic", "theirs", lines("A", "b"))
				if conflict {
					w.commit("staging", "ours", lines("X", "b"))
				} else {
					w.commit("staging", "ours", lines("a", "B"))
				}
				w.openFrom("topic", "staging")
				state := map[bool]string{true: "dirty", false: "clean"}[conflict]
				w.call("bob", "GET", "pulls/1", nil).want(t, 200, "mergeable_state", "unknown")
				w.call("bob", "GET", "pulls/1", nil).want(t, 200, "mergeable_state", state)
				_, err := w.repo.PressMerge(t.Context(), 1, method)
				if conflict {
					if err == nil || !strings.Contains(err.Error(), "405 Pull Request is not mergeable") {
						t.Errorf("the error is %v", err)
					}
					return
				}
				w.do(err)
				if got, _ := w.repo.File(t.Context(), "staging", "f"); got != lines("A", "B")["f"] {
					t.Errorf("merged to %q", got)
				}
			})
		}
	}
}

func TestMergeButtonRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("topic", "staging")
	w.call("rita", "PUT", "pulls/1/merge", object{}).want(t, 404, "", nil)
	w.call("bob", "PUT", "pulls/1/merge", object{"merge_method": "fast-forward"}).want(t, 422, "", nil)
	w.do(w.repo.SetDraft(t.Context(), 1, true))
	w.call("bob", "PUT", "pulls/1/merge", object{}).want(t, 405, "message", "Pull Request is still a draft")
	w.do(w.repo.SetDraft(t.Context(), 1, false))
	w.repo.SetSettings(githubtest.Settings{})
	w.call("bob", "PUT", "pulls/1/merge", object{}).want(t, 405, "message", "Merge commits are not allowed on this repository.")
	w.call("bob", "PUT", "pulls/1/merge", object{"merge_method": "squash"}).want(t, 405, "message", "Squash merges are not allowed on this repository.")
	w.call("bob", "PUT", "pulls/1/merge", object{"merge_method": "rebase"}).want(t, 405, "message", "Rebase merges are not allowed on this repository.")
	w.repo.SetSettings(githubtest.DefaultSettings())
	w.repo.Protect("staging", githubtest.Rules{RestrictUpdates: true})
	w.call("bob", "PUT", "pulls/1/merge", object{}).want(t, 405, "message", "Repository rule violations found\n\nCannot update this protected ref.\n\n")
}

func TestFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	fork, err := w.repo.Fork(t.Context(), "eve")
	w.do(err)
	w.repo.SetPermission("eve", githubtest.Read)
	sha, err := fork.Commit(t.Context(), "pawl/staging/x", "from afar", map[string]string{"x": "1"})
	w.do(err)
	w.call("eve", "GET", "/repos/eve/config", nil).want(t, 200, "fork", true)
	created := w.call("eve", "POST", "pulls", object{"title": "mine", "head": "eve:pawl/staging/x", "base": "staging"})
	created.want(t, 201, "head.repo.full_name", "eve/config")
	w.do(w.repo.Branch(t.Context(), "pawl/staging/x", w.first))
	w.commit("pawl/staging/x", "ours", map[string]string{"y": "1"})
	w.openFrom("pawl/staging/x", "staging")
	w.call("bob", "GET", "pulls?head=acme:pawl/staging/x", nil).want(t, 200, "0.number", 2.0)
	w.call("bob", "GET", "pulls?head=eve:pawl/staging/x", nil).want(t, 200, "0.number", 1.0)
	w.call("bob", "GET", "compare/staging...eve:pawl/staging/x", nil).want(t, 200, "status", "ahead")
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": sha}).want(t, 200, "", nil)
	if !w.pull(1).Merged || w.pull(2).Merged {
		t.Errorf("merged: %t and %t", w.pull(1).Merged, w.pull(2).Merged)
	}
	mustGit(t, t.TempDir(), "clone", "-q", strings.Replace(fork.CloneURL(), "http://", "http://x:"+w.tokens["eve"]+"@", 1), "x")
}

// A button that is pressed before GitHub notices that the branch has the commit makes
// nothing of what came to the branch since undone.
func TestMergeButtonBeforeItIsNoticed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash"} {
		w := newWorld(t, githubtest.Options{MergeReads: 10})
		pr := w.open("topic", "staging")
		w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
		_, err := w.repo.Commit(t.Context(), "staging", "Go on", map[string]string{"later.yaml": "a: 1\n"})
		w.do(err)
		_, err = w.repo.PressMerge(t.Context(), pr.Number, method)
		w.do(err)
		if _, there := w.repo.File(t.Context(), "staging", "later.yaml"); !there {
			t.Errorf("%s: what came after the commit is gone", method)
		}
	}
}

// A rebase of what the branch has already moves nothing, and no move is on record.
func TestRebaseButtonOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{MergeReads: 10})
	pr := w.open("topic", "staging")
	w.do(w.repo.Push(t.Context(), "staging", pr.HeadSHA))
	moves := len(w.server.Log())
	_, err := w.repo.PressMerge(t.Context(), pr.Number, "rebase")
	w.do(err)
	if got := len(w.server.Log()); got != moves {
		t.Errorf("%d moves, want %d", got, moves)
	}
}
