package githubtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func TestStatuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	combined := func() answer { return w.call("alice", "GET", "commits/"+w.first+"/status", nil) }
	combined().want(t, 200, "state", "pending")
	combined().want(t, 200, "total_count", 0.0)
	for _, test := range []struct{ context, state, after string }{
		{"ci/a", "pending", "pending"}, {"ci/a", "success", "success"}, {"ci/b", "pending", "pending"},
		{"ci/b", "error", "failure"}, {"ci/c", "pending", "failure"}, {"ci/b", "success", "pending"},
		{"ci/b", "failure", "failure"}, {"ci/b", "success", "pending"}, {"ci/c", "success", "success"},
	} {
		made := w.call("alice", "POST", "statuses/"+w.first, object{
			"state": test.state, "context": test.context, "description": "words", "target_url": "https://ci.example.com/1",
		})
		made.want(t, 201, "creator.login", "alice")
		combined().want(t, 200, "state", test.after)
	}
	combined().want(t, 200, "total_count", 3.0)
	w.call("alice", "GET", "commits/staging/statuses", nil).want(t, 200, "0.context", "ci/c")
	if n := len(w.call("alice", "GET", "commits/"+w.first+"/statuses", nil).list(t)); n != 9 {
		t.Errorf("%d statuses", n)
	}
	w.call("alice", "POST", "statuses/"+w.first, object{"state": "success"}).want(t, 201, "context", "default")
	w.call("alice", "POST", "statuses/"+w.first, object{"state": "good"}).want(t, 422, "errors.0.field", "state")
	w.call("alice", "POST", "statuses/"+w.first, object{"state": "success", "description": strings.Repeat("x", 141)}).want(t, 422, "", nil)
	w.call("alice", "POST", "statuses/"+unknown, object{"state": "success"}).want(t, 422, "message", "No commit found for SHA: "+unknown)
	w.call("rita", "POST", "statuses/"+w.first, object{"state": "success"}).want(t, 404, "", nil)
	w.call("alice", "GET", "commits/nothing/status", nil).want(t, 404, "", nil)
	for range 1000 {
		w.do(w.repo.SetStatus(t.Context(), w.first, "many", "success"))
	}
	w.call("alice", "POST", "statuses/"+w.first, object{"state": "success", "context": "many"}).want(t, 422, "", nil)
}

func TestCheckRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.tokens["app"] = w.server.CreateApp("builder", githubtest.Permissions{"checks": "write", "contents": "read"})
	w.tokens["other"] = w.server.CreateApp("other", githubtest.Permissions{"checks": "write"})
	w.call("alice", "POST", "check-runs", object{"name": "test", "head_sha": w.first}).want(t, 403, "message", "You must authenticate via a GitHub App.")
	made := w.call("app", "POST", "check-runs", object{"name": "test", "head_sha": w.first, "status": "in_progress"})
	made.want(t, 201, "status", "in_progress")
	made.want(t, 201, "app.slug", "builder")
	path := fmt.Sprintf("check-runs/%.0f", made.get(t, "id"))
	w.call("other", "PATCH", path, object{"conclusion": "success"}).want(t, 403, "", nil)
	w.call("app", "PATCH", path, object{"status": "completed"}).want(t, 422, "", nil)
	w.call("app", "PATCH", path, object{"status": "odd"}).want(t, 422, "", nil)
	done := w.call("app", "PATCH", path, object{"conclusion": "success", "output": object{"title": "ok", "summary": "fine"}})
	done.want(t, 200, "status", "completed")
	done.want(t, 200, "output.title", "ok")
	w.call("app", "PATCH", "check-runs/99999", object{"conclusion": "success"}).want(t, 404, "", nil)
	w.call("app", "GET", path, nil).want(t, 200, "conclusion", "success")
	w.call("app", "POST", "check-runs", object{"name": "x", "head_sha": unknown}).want(t, 422, "", nil)
	w.call("app", "POST", "check-runs", object{"name": "x"}).want(t, 422, "", nil)
	w.do(w.repo.AddCheckRun(t.Context(), w.first, githubtest.CheckRun{App: "builder", Name: "test", Conclusion: "failure"}))
	w.do(w.repo.AddCheckRun(t.Context(), w.first, githubtest.CheckRun{App: "other", Name: "test"}))
	w.do(w.repo.AddCheckRun(t.Context(), w.first, githubtest.CheckRun{Name: "lint", Status: "queued"}))
	for query, want := range map[string][]string{
		"":                                  {"lint queued github-actions", "test success other", "test failure builder"},
		"?filter=all":                       {"lint queued github-actions", "test success other", "test failure builder", "test success builder"},
		"?check_name=test&status=completed": {"test success other", "test failure builder"},
		"?per_page=1":                       {"lint queued github-actions"},
	} {
		list := w.call("alice", "GET", "commits/"+w.first+"/check-runs"+query, nil)
		var got []string
		for i := range list.get(t, "check_runs").([]any) {
			at := func(key string) any { return list.get(t, fmt.Sprintf("check_runs.%d.%s", i, key)) }
			word := at("conclusion")
			if word == nil {
				word = at("status")
			}
			got = append(got, fmt.Sprint(at("name"), " ", word, " ", at("app.slug")))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
	w.call("alice", "GET", "commits/"+w.first+"/check-runs?per_page=1", nil).want(t, 200, "total_count", 3.0)
	w.call("alice", "GET", "commits/nothing/check-runs", nil).want(t, 422, "", nil)
	w.open("topic", "staging")
	w.do(w.repo.AddCheckRun(t.Context(), w.repo.Head("topic"), githubtest.CheckRun{Name: "lint"}))
	w.call("alice", "GET", "commits/topic/check-runs", nil).want(t, 200, "check_runs.0.pull_requests.0.number", 1.0)
}

func TestActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	second := w.commit("dev", "second", map[string]string{"x": "1"})
	w.do(w.repo.As("bob").Push(t.Context(), "staging", second))
	w.do(w.repo.ForcePush(t.Context(), "staging", w.first))
	pr := w.open("topic", "staging")
	_, err := w.repo.PressMerge(t.Context(), pr.Number, githubtest.MergeButton)
	w.do(err)
	w.do(w.repo.DeleteBranch(t.Context(), "topic"))
	w.call("alice", "POST", "git/refs", object{"ref": "refs/tags/v1", "sha": w.first}).want(t, 201, "", nil)
	kinds := func(query string) []string {
		var got []string
		for _, item := range w.call("alice", "GET", "activity"+query, nil).list(t) {
			got = append(got, item["activity_type"].(string))
		}
		return got
	}
	all := []string{
		"branch_deletion", "pr_merge", "push", "branch_creation", "force_push", "push", "push",
		"branch_creation", "branch_creation", "branch_creation",
	}
	for query, want := range map[string][]string{
		"":                                {all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7], all[8], all[9]},
		"?ref=staging":                    {"pr_merge", "force_push", "push", "branch_creation"},
		"?ref=refs/heads/staging":         {"pr_merge", "force_push", "push", "branch_creation"},
		"?actor=bob":                      {"push"},
		"?activity_type=force_push":       {"force_push"},
		"?direction=asc&ref=staging":      {"branch_creation", "push", "force_push", "pr_merge"},
		"?time_period=day&ref=production": {"branch_creation"},
	} {
		if diff := cmp.Diff(want, kinds(query)); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
	first := w.call("alice", "GET", "activity?per_page=1&ref=staging", nil)
	first.want(t, 200, "0.after", w.repo.Head("staging"))
	first.want(t, 200, "0.actor.login", "octocat")
	var walked []string
	for next := "activity?per_page=3"; next != ""; {
		page := w.call("alice", "GET", next, nil)
		for _, item := range page.list(t) {
			walked = append(walked, item["activity_type"].(string))
		}
		link := page.header.Get("Link")
		if strings.Contains(link, "page=2") || strings.Contains(link, "last") {
			t.Errorf("the cursor is a page number: %s", link)
		}
		target, rest, _ := strings.Cut(link, ">; rel=\"next\"")
		next = ""
		if rest != "" || strings.HasSuffix(link, "rel=\"next\"") {
			next = strings.TrimPrefix(target, "<")
		}
	}
	if diff := cmp.Diff(all, walked); diff != "" {
		t.Error(diff)
	}
	w.call("alice", "GET", "activity?time_period=century", nil).want(t, 422, "", nil)
}
