package githubtest_test

import (
	"fmt"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func ruleset(actor object, rules ...object) object {
	return object{
		"name": "lock", "target": "branch", "enforcement": "active", "bypass_actors": []object{actor},
		"conditions": object{"ref_name": object{"include": []string{"refs/heads/staging"}, "exclude": []string{}}}, "rules": rules,
	}
}

func TestRulesetsOverTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.tokens["app"] = w.server.CreateApp("pawl", githubtest.Permissions{"contents": "write", "pull_requests": "write"})
	w.repo.ActionsToken(nil) // makes the App github-actions
	id := func(slug string) any { return w.call("ada", "GET", "/apps/"+slug, nil).get(t, "id") }
	pr := w.open("topic", "staging")
	move := object{"sha": pr.HeadSHA}
	app := object{"actor_id": id("pawl"), "actor_type": "Integration", "bypass_mode": "pull_request"}
	w.call("bob", "POST", "rulesets", ruleset(app, object{"type": "update"})).want(t, 404, "", nil)
	made := w.call("ada", "POST", "rulesets", ruleset(app, object{"type": "update"}))
	made.want(t, 201, "bypass_actors.0.bypass_mode", "pull_request")
	w.call("ada", "POST", "rulesets", ruleset(app)).want(t, 422, "errors.0.message", "Name must be unique")
	// The mode pull_request covers the merge button alone.
	w.call("app", "PATCH", "git/refs/heads/staging", move).want(t, 422, "message", found+"Cannot update this protected ref.\n\n")
	path := fmt.Sprintf("rulesets/%v", made.get(t, "id"))
	w.call("app", "GET", path, nil).want(t, 200, "current_user_can_bypass", "pull_requests_only")
	app["bypass_mode"] = "always"
	disabled := ruleset(app, object{"type": "update"})
	disabled["enforcement"] = "disabled"
	w.call("ada", "PUT", path, disabled).want(t, 200, "enforcement", "disabled")
	w.call("bob", "GET", "rules/branches/staging", nil).want(t, 200, "0", nil)
	w.call("ada", "PUT", path, ruleset(app, object{"type": "update"})).want(t, 200, "enforcement", "active")
	w.call("bob", "PATCH", "git/refs/heads/staging", move).want(t, 422, "", nil)
	w.call("app", "PATCH", "git/refs/heads/staging", move).want(t, 200, "", nil)
	actions := object{"actor_id": id("github-actions"), "actor_type": "Integration", "bypass_mode": "always"}
	w.call("ada", "PUT", path, ruleset(actions)).want(t, 422, "errors.0.message", "Actor integration must be part of the ruleset source or owner organization")
	w.call("ada", "PUT", "rulesets/999", ruleset(app)).want(t, 404, "", nil)
	w.call("bob", "GET", "actions/permissions/workflow", nil).want(t, 404, "", nil)
	w.call("ada", "GET", "actions/permissions/workflow", nil).want(t, 200, "can_approve_pull_request_reviews", false)
}
