package githubtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

const found = "Repository rule violations found\n\n"

// TestRules asks every way of moving a branch about the same change.
func TestRules(t *testing.T) {
	t.Parallel()
	mustBePulled := "Changes must be made through a pull request."
	for _, test := range []struct {
		name   string
		rules  githubtest.Rules
		setup  func(w *world, number int, sha string)
		reason string // "" when allowed
	}{
		{"nothing", githubtest.Rules{}, nil, ""},
		{"update", githubtest.Rules{RestrictUpdates: true}, nil, "Cannot update this protected ref."},
		{"bypass", githubtest.Rules{RestrictUpdates: true, Bypass: []string{"Bob"}}, nil, ""},
		{"another's bypass", githubtest.Rules{RestrictUpdates: true, Bypass: []string{"alice"}}, nil, "Cannot update this protected ref."},
		{"pull request is there", githubtest.Rules{RequirePullRequest: true}, nil, ""},
		{"pull request is closed", githubtest.Rules{RequirePullRequest: true}, func(w *world, number int, _ string) {
			w.do(w.repo.ClosePullRequest(w.t.Context(), number))
		}, mustBePulled},
		{"pull request is a draft", githubtest.Rules{RequirePullRequest: true}, func(w *world, number int, _ string) {
			w.do(w.repo.SetDraft(w.t.Context(), number, true))
		}, mustBePulled},
		{"pull request is for another base", githubtest.Rules{RequirePullRequest: true}, func(w *world, number int, _ string) {
			w.do(w.repo.Retarget(w.t.Context(), number, "production"))
		}, mustBePulled},
		{"approval missing", githubtest.Rules{RequireApprovals: 1}, nil, "At least 1 approving review is required by reviewers with write access."},
		{"approved", githubtest.Rules{RequireApprovals: 1}, func(w *world, number int, _ string) {
			w.do(w.repo.Approve(w.t.Context(), number, "mia"))
		}, ""},
		{"approved, then commented", githubtest.Rules{RequireApprovals: 1}, func(w *world, number int, _ string) {
			w.do(w.repo.Approve(w.t.Context(), number, "mia"))
			path := fmt.Sprintf("pulls/%d/reviews", number)
			w.call("mia", "POST", path, object{"event": "COMMENT", "body": "nice"}).want(w.t, 200, "", nil)
		}, ""},
		{"pull request has moved on", githubtest.Rules{RequirePullRequest: true}, func(w *world, _ int, _ string) {
			w.commit("topic", "more", map[string]string{"more": "1"})
		}, mustBePulled},
		{"approved by a reader", githubtest.Rules{RequireApprovals: 1}, func(w *world, number int, _ string) {
			w.do(w.repo.Approve(w.t.Context(), number, "rita"))
		}, "At least 1 approving review is required by reviewers with write access."},
		{"one of two", githubtest.Rules{RequireApprovals: 2}, func(w *world, number int, _ string) {
			w.do(w.repo.Approve(w.t.Context(), number, "mia"))
			w.do(w.repo.Approve(w.t.Context(), number, "mia"))
		}, "At least 2 approving reviews are required by reviewers with write access."},
		{"dismissed", githubtest.Rules{RequireApprovals: 1}, func(w *world, number int, _ string) {
			w.do(w.repo.Approve(w.t.Context(), number, "mia"))
			w.do(w.repo.DismissReviews(w.t.Context(), number, "mia"))
		}, "At least 1 approving review is required by reviewers with write access."},
		{"objection", githubtest.Rules{RequireApprovals: 1}, func(w *world, number int, _ string) {
			w.do(w.repo.Approve(w.t.Context(), number, "mia"))
			w.do(w.repo.RequestChanges(w.t.Context(), number, "ada"))
		}, "Changes have been requested."},
		{"check missing", githubtest.Rules{RequireChecks: []string{"ci"}}, nil, `Required status check "ci" is expected.`},
		{"checks missing", githubtest.Rules{RequireChecks: []string{"ci", "lint"}}, nil, "2 of 2 required status checks are expected."},
		{"check pending", githubtest.Rules{RequireChecks: []string{"ci"}}, func(w *world, _ int, sha string) {
			w.do(w.repo.SetStatus(w.t.Context(), sha, "ci", "pending"))
		}, `Required status check "ci" is in progress.`},
		{"check failed", githubtest.Rules{RequireChecks: []string{"ci"}}, func(w *world, _ int, sha string) {
			w.do(w.repo.AddCheckRun(w.t.Context(), sha, githubtest.CheckRun{Name: "ci", Conclusion: "failure"}))
		}, `Required status check "ci" is failing.`},
		{"some missing, some failed", githubtest.Rules{RequireChecks: []string{"a", "b", "c"}}, func(w *world, _ int, sha string) {
			w.do(w.repo.SetStatus(w.t.Context(), sha, "a", "success"))
			w.do(w.repo.SetStatus(w.t.Context(), sha, "b", "error"))
		}, "2 of 3 required status checks have not succeeded: 1 failing, 1 expected."},
		{"status and run of one name", githubtest.Rules{RequireChecks: []string{"ci"}}, func(w *world, _ int, sha string) {
			w.do(w.repo.SetStatus(w.t.Context(), sha, "ci", "success"))
			w.do(w.repo.AddCheckRun(w.t.Context(), sha, githubtest.CheckRun{Name: "ci", Status: "in_progress"}))
		}, `Required status check "ci" is in progress.`},
		{"green", githubtest.Rules{RequireChecks: []string{"ci", "lint"}}, func(w *world, _ int, sha string) {
			w.do(w.repo.SetStatus(w.t.Context(), sha, "ci", "success"))
			w.do(w.repo.AddCheckRun(w.t.Context(), sha, githubtest.CheckRun{Name: "lint", Conclusion: "skipped"}))
		}, ""},
		{"linear", githubtest.Rules{RequireLinearHistory: true}, nil, ""},
	} {
		for _, way := range ways() {
			t.Run(test.name+" "+way.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, githubtest.Options{})
				pr := w.open("topic", "staging")
				w.repo.Protect("stag*", test.rules)
				if test.setup != nil {
					test.setup(w, pr.Number, pr.HeadSHA)
				}
				before := len(w.server.Log())
				reason := way.move(w, "staging", pr.HeadSHA, w.first)
				if test.reason == "" {
					if reason != "" || w.repo.Head("staging") != pr.HeadSHA {
						t.Errorf("refused: %s", reason)
					}
					return
				}
				if !strings.Contains(reason, test.reason) {
					t.Errorf("the reason is %q, want %q", reason, test.reason)
				}
				if w.repo.Head("staging") != w.first || len(w.server.Log()) != before {
					t.Error("the branch moved")
				}
			})
		}
	}
}

// way is a way of moving a branch; move returns what the server says against it.
type way struct {
	name string
	move func(w *world, branch, sha, old string) string
}

func ways() []way {
	return []way{
		{"REST", func(w *world, branch, sha, _ string) string {
			got := w.call("bob", "PATCH", "git/refs/heads/"+branch, object{"sha": sha, "force": true})
			if got.status == 200 {
				return ""
			}
			return fmt.Sprint(got.status, " ", got.get(w.t, "message"))
		}},
		{"updateRefs", func(w *world, branch, sha, old string) string {
			got := w.updateRefs(object{"name": "refs/heads/" + branch, "afterOid": sha, "beforeOid": old, "force": true})
			if message := got.get(w.t, "errors.0.message"); message != nil {
				return fmt.Sprint(message)
			}
			return ""
		}},
		{"push", func(w *world, branch, sha, _ string) string {
			dir := w.t.TempDir()
			mustGit(w.t, dir, "clone", "-q", "--bare", w.remote("bob"), "x.git")
			out, err := git(w.t, dir+"/x.git", "push", "--force", w.remote("bob"), sha+":refs/heads/"+branch)
			if err == nil {
				return ""
			}
			return out
		}},
		{"Go", func(w *world, branch, sha, _ string) string {
			if err := w.repo.As("bob").ForcePush(w.t.Context(), branch, sha); err != nil {
				return err.Error()
			}
			return ""
		}},
	}
}

func (w *world) updateRefs(updates ...object) answer {
	w.t.Helper()
	return w.call("bob", "POST", w.server.GraphQLURL(), object{
		"query":     `mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }`,
		"variables": object{"input": object{"repositoryId": w.repo.NodeID(), "refUpdates": updates}},
	})
}

func TestRulesAgainstRewriting(t *testing.T) {
	t.Parallel()
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{})
			second := w.commit("staging", "second", map[string]string{"x": "1"})
			w.do(w.repo.Branch(t.Context(), "side", w.first))
			side := w.commit("side", "side", map[string]string{"y": "1"})
			merge, err := w.repo.MergeCommit(t.Context(), "merge", "merge", []string{second, side}, githubtest.Change{Path: "y", Content: "1"})
			w.do(err)
			w.repo.Protect("staging", githubtest.Rules{BlockForcePush: true, RequireLinearHistory: true, BlockDeletion: true})
			for sha, reason := range map[string]string{
				w.first: "Cannot force-push to this branch",
				side:    "Cannot force-push to this branch",
				merge:   "This branch must not contain merge commits.",
			} {
				if got := way.move(w, "staging", sha, second); !strings.Contains(got, reason) {
					t.Errorf("the reason is %q, want %q", got, reason)
				}
			}
			if w.repo.Head("staging") != second {
				t.Error("the branch moved")
			}
		})
	}
}

func TestRulesAboutCreationAndDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.repo.Protect("~ALL", githubtest.Rules{RestrictCreation: true, BlockDeletion: true, Bypass: []string{"ada"}})
	w.call("bob", "POST", "git/refs", object{"ref": "refs/heads/x", "sha": w.first}).want(t, 422, "message", found+"Cannot create ref due to creations being restricted.\n\n")
	w.call("bob", "DELETE", "git/refs/heads/staging", nil).want(t, 422, "message", found+"Cannot delete this branch\n\n")
	dir := w.clone("bob", "dev")
	for _, args := range [][]string{{"push", "origin", "dev:refs/heads/y"}, {"push", "origin", ":staging"}} {
		if out, err := git(t, dir, args...); err == nil || !strings.Contains(out, "GH013") {
			t.Errorf("%v: %s", args, out)
		}
	}
	w.call("ada", "POST", "git/refs", object{"ref": "refs/heads/x", "sha": w.first}).want(t, 201, "", nil)
	w.call("ada", "DELETE", "git/refs/heads/x", nil).want(t, 204, "", nil)
}

func TestClassicProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.repo.Protect("staging", githubtest.Rules{RequirePullRequest: true, RequireChecks: []string{"ci"}, Classic: true})
	reasons := `Changes must be made through a pull request. Required status check "ci" is expected.`
	second := w.commit("dev", "second", map[string]string{"x": "1"})
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": second}).want(t, 422, "message", reasons)
	dir := w.clone("bob", "dev")
	out, err := git(t, dir, "push", "origin", "dev:staging")
	if err == nil {
		t.Fatal("pushed")
	}
	for _, want := range []string{
		"remote: error: GH006: Protected branch update failed for refs/heads/staging.",
		"remote: - Changes must be made through a pull request.",
		"(protected branch hook declined)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	w.call("bob", "GET", "rules/branches/staging", nil).want(t, 200, "0", nil)
	w.call("bob", "GET", "branches/staging", nil).want(t, 200, "protected", true)
	w.call("ada", "GET", "branches/staging/protection", nil).want(t, 200, "required_status_checks.contexts.0", "ci")
	w.call("ada", "GET", "branches/dev/protection", nil).want(t, 404, "message", "Branch not protected")
	w.call("ada", "GET", "branches/none/protection", nil).want(t, 404, "message", "Branch not found")
}

func TestTwoRulesets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	app := githubtest.Permissions{"contents": "write", "pull_requests": "write", "metadata": "read"}
	w.tokens["app"] = w.server.CreateApp("pawl", app)
	lock := w.repo.Protect("staging", githubtest.Rules{RestrictUpdates: true, BlockDeletion: true, BlockForcePush: true, Bypass: []string{"pawl[bot]"}})
	w.repo.Protect("staging", githubtest.Rules{RequireApprovals: 1})
	pr := w.open("topic", "staging")
	move := object{"sha": pr.HeadSHA}
	w.call("app", "PATCH", "git/refs/heads/staging", move).want(t, 422, "message", found+"At least 1 approving review is required by reviewers with write access.\n\n")
	w.do(w.repo.Approve(t.Context(), 1, "mia"))
	w.call("bob", "PATCH", "git/refs/heads/staging", move).want(t, 422, "message", found+"Cannot update this protected ref.\n\n")
	w.call("mia", "PUT", "pulls/1/merge", object{}).want(t, 405, "", nil)
	w.call("app", "GET", "pulls/1", nil)
	w.call("app", "GET", "pulls/1", nil).want(t, 200, "mergeable_state", "blocked")
	w.call("app", "PATCH", "git/refs/heads/staging", move).want(t, 200, "", nil)
	var types []string
	for _, item := range w.call("bob", "GET", "rules/branches/staging", nil).list(t) {
		types = append(types, item["type"].(string))
	}
	if diff := cmp.Diff([]string{"update", "deletion", "non_fast_forward", "pull_request"}, types); diff != "" {
		t.Error(diff)
	}
	w.call("bob", "GET", "rulesets", nil).want(t, 200, "1.enforcement", "active")
	path := fmt.Sprintf("rulesets/%d", lock)
	w.call("bob", "GET", path, nil).want(t, 200, "current_user_can_bypass", "never")
	w.call("bob", "GET", path, nil).want(t, 200, "bypass_actors", nil)
	w.call("app", "GET", path, nil).want(t, 200, "current_user_can_bypass", "always")
	w.call("ada", "GET", path, nil).want(t, 200, "bypass_actors.0.actor_type", "Integration")
	w.call("ada", "GET", "rulesets/99999", nil).want(t, 404, "", nil)
	w.repo.Unprotect(lock)
	if list := w.call("bob", "GET", "rulesets", nil).list(t); len(list) != 1 {
		t.Errorf("%d rulesets", len(list))
	}
}

func TestNoChangeIsJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.repo.Protect("staging", githubtest.Rules{RequirePullRequest: true, RestrictUpdates: true, Classic: true})
	want := "You're not authorized to push to this branch. Changes must be made through a pull request."
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": w.first}).want(t, 422, "message", want)
	w.call("bob", "PATCH", "git/refs/heads/production", object{"sha": w.first}).want(t, 200, "", nil)
}

func TestListedRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.repo.Protect("staging", githubtest.Rules{Listed: map[string]map[string]any{
		"required_signatures":  nil,
		"required_deployments": {"required_deployment_environments": []string{"dev"}},
	}})
	got := w.call("bob", "GET", "rules/branches/staging", nil)
	got.want(t, 200, "0.parameters.required_deployment_environments.0", "dev")
	got.want(t, 200, "1.type", "required_signatures")
	second := w.commit("dev", "second", map[string]string{"x": "1"})
	w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": second}).want(t, 200, "", nil)
}

func TestStaleApproval(t *testing.T) {
	t.Parallel()
	for _, stale := range []bool{false, true} {
		t.Run(fmt.Sprint(stale), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{})
			w.repo.Protect("staging", githubtest.Rules{RequireApprovals: 1, DismissStaleReviews: stale})
			w.open("topic", "staging")
			w.do(w.repo.Approve(t.Context(), 1, "mia"))
			sha := w.commit("topic", "more", map[string]string{"x": "1"})
			got := w.call("bob", "PATCH", "git/refs/heads/staging", object{"sha": sha})
			if refused := got.status == 422; refused != stale {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
}

func TestWorkflowFiles(t *testing.T) {
	t.Parallel()
	file := map[string]string{".github/workflows/ci.yml": "on: push\n"}
	for _, test := range []struct {
		name, refusal string
		token         func(w *world) string
	}{
		{"Actions", "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission", func(w *world) string {
			return w.repo.ActionsToken(githubtest.Permissions{"contents": "write", "workflows": "write"})
		}},
		{"App", "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission", func(w *world) string {
			return w.server.CreateApp("pawl", githubtest.Permissions{"contents": "write"})
		}},
		{"App with workflows", "", func(w *world) string {
			return w.server.CreateApp("pawl", githubtest.Permissions{"contents": "write", "workflows": "write"})
		}},
		{"classic token", "", func(w *world) string { return w.tokens["bob"] }},
		{"classic token without workflow", "refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml` without `workflow` scope", func(w *world) string {
			token, err := w.server.CreateToken("bob", githubtest.TokenOptions{NoWorkflow: true})
			w.do(err)
			return token
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{})
			w.tokens["x"] = test.token(w)
			sha := w.commit("topic", "workflow", file)
			other := w.commit("other", "no workflow", map[string]string{"a": "b"})
			w.call("x", "PATCH", "git/refs/heads/production", object{"sha": other}).want(t, 200, "", nil)
			got := w.call("x", "PATCH", "git/refs/heads/staging", object{"sha": sha})
			dir := w.clone("x", "topic")
			out, err := git(t, dir, "push", "origin", "HEAD:staging")
			if test.refusal == "" {
				got.want(t, 200, "", nil)
				w.do(err)
				return
			}
			got.want(t, 403, "message", test.refusal)
			if err == nil || !strings.Contains(out, "("+test.refusal+")") {
				t.Errorf("push: %s", out)
			}
		})
	}
}

// TestGoErrors: the Go methods return the same refusal as a request gets.
func TestGoErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	_, err := w.repo.As("rita").Commit(t.Context(), "dev", "x", map[string]string{"a": "b"})
	var refusal *githubtest.Error
	if !errors.As(err, &refusal) || refusal.Status != 404 {
		t.Errorf("the error is %v", err)
	}
	if _, err := w.repo.PullRequest(t.Context(), 9); err == nil {
		t.Error("a pull request that is not there")
	}
	if _, err := w.repo.OpenPullRequest(t.Context(), githubtest.NewPullRequest{Title: "x", Head: "no", Base: "dev"}); err == nil {
		t.Error("a pull request without a head")
	} else if !errors.As(err, &refusal) || refusal.Errors[0].Field != "head" {
		t.Errorf("the error is %v", err)
	}
}
