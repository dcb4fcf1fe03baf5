package githubtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func TestReviews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	pr := w.open("topic", "staging")
	w.tokens["actions"] = w.repo.ActionsToken(githubtest.Permissions{"pull_requests": "write"})
	review := func(login, event string) answer {
		return w.call(login, "POST", "pulls/1/reviews", object{"event": event, "body": "words"})
	}
	review("alice", "APPROVE").want(t, 422, "errors.0", "Can not approve your own pull request")
	review("alice", "REQUEST_CHANGES").want(t, 422, "errors.0", "Can not request changes on your own pull request")
	review("alice", "COMMENT").want(t, 200, "state", "COMMENTED")
	review("actions", "APPROVE").want(t, 422, "", nil)
	review("bob", "MAYBE").want(t, 422, "", nil)
	review("bob", "REQUEST_CHANGES").want(t, 200, "state", "CHANGES_REQUESTED")
	review("bob", "APPROVE").want(t, 200, "commit_id", pr.HeadSHA)
	review("rita", "APPROVE").want(t, 200, "user.login", "rita")
	review("eve", "APPROVE").want(t, 404, "", nil)
	w.call("bob", "POST", "pulls/1/reviews", object{"event": "COMMENT"}).want(t, 422, "", nil)
	list := w.call("bob", "GET", "pulls/1/reviews?per_page=100", nil).list(t)
	var got []string
	for _, item := range list {
		got = append(got, item["user"].(object)["login"].(string)+" "+item["state"].(string))
	}
	want := []string{"alice COMMENTED", "bob CHANGES_REQUESTED", "bob APPROVED", "rita APPROVED"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	dismissal := fmt.Sprintf("pulls/1/reviews/%.0f/dismissals", list[2]["id"])
	w.call("bob", "PUT", dismissal, object{}).want(t, 422, "", nil)
	w.call("bob", "PUT", dismissal, object{"message": "no"}).want(t, 200, "state", "DISMISSED")
	w.call("bob", "PUT", dismissal, object{"message": "no"}).want(t, 422, "", nil)
	w.call("bob", "PUT", "pulls/1/reviews/999999/dismissals", object{"message": "no"}).want(t, 404, "", nil)
	if p := w.pull(1); len(p.Reviews) != 4 || p.Reviews[2].State != "DISMISSED" {
		t.Errorf("%+v", p.Reviews)
	}
}

func TestRequestedReviewers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("topic", "staging")
	ask := func(body object) answer { return w.call("alice", "POST", "pulls/1/requested_reviewers", body) }
	ask(object{"reviewers": []string{"bob", "alice"}}).want(t, 422, "message", "Review cannot be requested from pull request author.")
	ask(object{"reviewers": []string{"bob", "eve"}}).want(t, 422, "", nil)
	ask(object{"reviewers": []string{"bob", "rita"}, "team_reviewers": []string{"ops"}}).want(t, 201, "requested_reviewers.1.login", "rita")
	w.call("alice", "GET", "pulls/1/requested_reviewers", nil).want(t, 200, "teams.0.slug", "ops")
	w.do(w.repo.Approve(t.Context(), 1, "bob"))
	if diff := cmp.Diff([]string{"rita", "acme/ops"}, w.pull(1).Reviewers); diff != "" {
		t.Error(diff)
	}
}

func TestLabelsAndComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.open("topic", "staging")
	w.call("alice", "POST", "issues/1/labels", []string{"promotion"}).want(t, 200, "0.name", "promotion")
	w.call("alice", "POST", "issues/1/labels", object{"labels": []any{"Promotion", object{"name": "other"}}}).want(t, 200, "1.name", "other")
	w.call("alice", "POST", "issues/1/labels", []string{strings.Repeat("x", 51)}).want(t, 422, "", nil)
	w.call("rita", "POST", "issues/1/labels", []string{"x"}).want(t, 404, "", nil)
	if got := w.call("alice", "GET", "issues/1/labels", nil).list(t); len(got) != 2 {
		t.Errorf("%d labels", len(got))
	}
	w.call("alice", "GET", "pulls/1", nil).want(t, 200, "labels.0.name", "promotion")
	w.call("alice", "GET", "issues/7/labels", nil).want(t, 404, "", nil)

	created := w.call("rita", "POST", "issues/1/comments", object{"body": "hello"})
	created.want(t, 201, "user.login", "rita")
	path := fmt.Sprintf("issues/comments/%.0f", created.get(t, "id"))
	w.call("rita", "PATCH", path, object{"body": "bye"}).want(t, 200, "body", "bye")
	w.call("alice", "PATCH", path, object{"body": "edited"}).want(t, 200, "body", "edited")
	w.do(w.repo.As("alice").Comment(t.Context(), 1, "mine"))
	w.call("rita", "GET", path, nil).want(t, 200, "body", "edited")
	list := w.call("rita", "GET", "issues/1/comments", nil)
	list.want(t, 200, "1.body", "mine")
	w.call("rita", "PATCH", fmt.Sprintf("issues/comments/%.0f", list.get(t, "1.id")), object{"body": "x"}).want(t, 403, "", nil)
	w.call("rita", "PATCH", "issues/comments/99999", object{"body": "x"}).want(t, 404, "", nil)
	w.call("rita", "POST", "issues/1/comments", object{"body": " "}).want(t, 422, "errors.0.code", "missing_field")
	w.call("rita", "POST", "issues/1/comments", object{"body": strings.Repeat("é", 65537)}).want(t, 422, "errors.0.code", "unprocessable")
	w.call("rita", "POST", "issues/1/comments", object{"body": strings.Repeat("é", 65536)}).want(t, 201, "", nil)
	w.do(w.repo.AddLabels(t.Context(), 1, "third"))
	if p := w.pull(1); len(p.Comments) != 3 || len(p.Labels) != 3 {
		t.Errorf("%d comments, labels %v", len(p.Comments), p.Labels)
	}
}

func TestCollaboratorPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.repo.SetPermission("tom", githubtest.Triage)
	w.tokens["app"] = w.server.CreateApp("pawl", githubtest.Permissions{})
	for _, test := range []struct{ login, permission, role string }{
		{"rita", "read", "read"}, {"tom", "read", "triage"}, {"bob", "write", "write"}, {"mia", "write", "maintain"},
		{"ada", "admin", "admin"}, {"eve", "none", "none"},
	} {
		got := w.call("app", "GET", "collaborators/"+test.login+"/permission", nil)
		got.want(t, 200, "permission", test.permission)
		got.want(t, 200, "role_name", test.role)
	}
	w.call("bob", "GET", "collaborators/nobody/permission", nil).want(t, 404, "", nil)
	w.call("rita", "GET", "collaborators/bob/permission", nil).want(t, 403, "message", "Must have push access to view collaborator permission.")
}
