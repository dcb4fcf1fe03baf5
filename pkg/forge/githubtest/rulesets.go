package githubtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// administers is the access of endpoints that change the repository's settings.
func administers() access { return access{"administration", "write", Admin} }

// fromApp says whether an account is an App of this slug.
func fromApp(a *account, slug string) bool { return a != nil && a.app != nil && a.app.slug == slug }

// roleIDs are the numbers of the roles as bypass actors: 5 is admin [docs:
// rest/repos/rules; terraform-provider-github, github_repository_ruleset]. Triage
// and read cannot be such actors.
func roleIDs() map[int64]Permission { return map[int64]Permission{2: Maintain, 4: Write, 5: Admin} }

// getRuleset is GET /repos/{owner}/{repo}/rulesets/{ruleset_id}. The bypass list
// shows to those with write access to the ruleset only; everybody learns whether
// they can bypass it themselves [docs: rest/repos/rules, get a repository ruleset].
func getRuleset(_ context.Context, q *request) (*response, error) {
	set := q.ruleset()
	if set == nil {
		return nil, errNotFound()
	}
	return ok(q.repo.fullRuleset(set, q.caller)), nil
}

// ruleset finds the one in the path; nil when there is none.
func (q *request) ruleset() *ruleset {
	id := int64(q.number("ruleset_id"))
	i := slices.IndexFunc(q.repo.rulesets, func(s *ruleset) bool { return s.id == id && !s.rules.Classic })
	if i < 0 {
		return nil
	}
	return q.repo.rulesets[i]
}

func (r *repository) fullRuleset(set *ruleset, c caller) object {
	body := r.rulesetJSON(set)
	body["rules"] = r.rulesJSON(set.rules)
	include := make([]string, len(set.patterns))
	for i, pattern := range set.patterns {
		include[i] = pattern
		if !strings.HasPrefix(pattern, "~") {
			include[i] = "refs/heads/" + pattern
		}
	}
	body["conditions"] = object{"ref_name": object{"include": include, "exclude": []string{}}}
	body["current_user_can_bypass"] = r.bypassMode(set, c)
	if r.may(c, administers()) == nil {
		body["bypass_actors"] = r.bypassActors(set)
	}
	return body
}

func (r *repository) rulesetJSON(set *ruleset) object {
	api := r.api(fmt.Sprintf("/rulesets/%d", set.id))
	return object{
		"id": set.id, "name": set.name(), "target": "branch", "source_type": "Repository",
		"source": r.fullName(), "enforcement": or(set.rules.Unenforced, "active"), "node_id": nodeID("RRS", set.id),
		"created_at": stamp(set.created), "updated_at": stamp(set.updated),
		"_links": object{
			"self": object{"href": api},
			"html": object{"href": r.html(fmt.Sprintf("/rules/%d", set.id))},
		},
	}
}

func (s *ruleset) name() string { return or(s.rules.Name, s.patterns[0]) }

func (r *repository) bypassActors(set *ruleset) []object {
	list := []object{}
	add := func(logins []string, mode string) {
		for _, login := range logins {
			a := r.server.account(login)
			if a == nil {
				continue
			}
			actor := object{"actor_id": a.id, "actor_type": "User", "bypass_mode": mode}
			if a.app != nil {
				actor["actor_id"], actor["actor_type"] = a.app.id, "Integration"
			}
			list = append(list, actor)
		}
	}
	add(set.rules.Bypass, "always")
	add(set.rules.BypassInPullRequests, "pull_request")
	for _, id := range []int64{2, 4, 5} {
		if slices.Contains(set.rules.BypassRoles, roleIDs()[id]) {
			list = append(list, object{"actor_id": id, "actor_type": "RepositoryRole", "bypass_mode": "always"})
		}
	}
	return list
}

// restrictions is the schema branch-restriction-policy: who may push to a branch
// with a classic protection.
func (r *repository) restrictions(x Rules, self string) object {
	at := self + "/restrictions"
	body := r.actors(x.Bypass)
	body["url"], body["users_url"], body["teams_url"], body["apps_url"] = at, at+"/users", at+"/teams", at+"/apps"
	return body
}

// actors are accounts as a branch protection lists them.
func (r *repository) actors(logins []string) object {
	users, apps := []any{}, []any{}
	for _, login := range logins {
		a := r.server.account(login)
		switch {
		case a == nil:
		case a.app != nil:
			shown := r.server.appJSON(a)
			shown["permissions"] = object{} // few of them are described here
			apps = append(apps, shown)
		default:
			users = append(users, r.server.simpleUser(a))
		}
	}
	return object{"users": users, "teams": []any{}, "apps": apps}
}

// rulesetInput is the body of a request that makes or changes a ruleset.
type rulesetInput struct {
	Name        string
	Target      string
	Enforcement string
	Actors      []struct {
		ID   int64  `json:"actor_id"`
		Type string `json:"actor_type"`
		Mode string `json:"bypass_mode"`
	} `json:"bypass_actors"`
	Conditions struct {
		RefName struct{ Include, Exclude []string } `json:"ref_name"`
	}
	Rules []struct {
		Type       string
		Parameters json.RawMessage
	}
}

// createRuleset is POST /repos/{owner}/{repo}/rulesets.
func createRuleset(_ context.Context, q *request) (*response, error) {
	now := q.server.Now()
	set := &ruleset{id: q.server.id(), created: now, updated: now}
	if err := q.readRuleset(set); err != nil {
		return nil, err
	}
	q.repo.rulesets = append(q.repo.rulesets, set)
	return created(q.repo.fullRuleset(set, q.caller)), nil
}

// updateRuleset is PUT /repos/{owner}/{repo}/rulesets/{ruleset_id}. What the body
// leaves out stays on GitHub; here the body must say everything.
func updateRuleset(_ context.Context, q *request) (*response, error) {
	set := q.ruleset()
	if set == nil {
		return nil, errNotFound()
	}
	next := &ruleset{id: set.id, created: set.created, updated: q.server.Now()}
	if err := q.readRuleset(next); err != nil {
		return nil, err
	}
	*set = *next
	return ok(q.repo.fullRuleset(set, q.caller)), nil
}

// readRuleset reads the body of a request into a ruleset.
func (q *request) readRuleset(set *ruleset) error {
	var in rulesetInput
	if err := q.decode(&in); err != nil {
		return err
	}
	switch {
	case in.Name == "":
		return missingField("name")
	case !slices.Contains([]string{"active", "evaluate", "disabled"}, in.Enforcement):
		return missingField("enforcement")
	case in.Target != "" && in.Target != "branch", len(in.Conditions.RefName.Exclude) > 0, len(in.Conditions.RefName.Include) == 0:
		return unprocessable("githubtest models rulesets for branches that are included by name")
	case slices.ContainsFunc(q.repo.rulesets, func(s *ruleset) bool { return s.id != set.id && s.name() == in.Name }):
		return invalid(FieldError{Resource: "RepositoryRuleset", Field: "name", Code: "custom", Message: "Name must be unique"})
	}
	set.rules.Name = in.Name
	if in.Enforcement != "active" {
		set.rules.Unenforced = in.Enforcement
	}
	for _, pattern := range in.Conditions.RefName.Include {
		branch, ok := strings.CutPrefix(pattern, "refs/heads/")
		if !ok && pattern != "~ALL" {
			return unprocessable("Invalid target patterns: '" + pattern + "'") // the words are unverified
		}
		set.patterns = append(set.patterns, branch)
	}
	if err := q.readBypass(&set.rules, in); err != nil {
		return err
	}
	return q.readRules(&set.rules, in)
}

// readBypass reads who may bypass. GitHub's own Actions App is none of them in a
// repository's ruleset, nor is an App that is not installed [nuxt-crouton#1942,
// leynier/alera#489].
func (q *request) readBypass(rules *Rules, in rulesetInput) error {
	for _, actor := range in.Actors {
		var login string
		switch {
		case actor.Type == "RepositoryRole" && roleIDs()[actor.ID] != "":
			rules.BypassRoles = append(rules.BypassRoles, roleIDs()[actor.ID])
			continue
		case actor.Type == "Integration":
			login = q.server.loginOf(func(a *account) bool { return a.app != nil && a.app.id == actor.ID })
			a := q.server.account(login)
			if a == nil || a.app.slug == "github-actions" || !q.server.installedOn(a.app, q.repo) {
				return invalid(FieldError{Resource: "RepositoryRuleset", Field: "bypass_actors", Code: "custom", Message: "Actor integration must be part of the ruleset source or owner organization"})
			}
		case actor.Type == "User":
			login = q.server.loginOf(func(a *account) bool { return a.app == nil && a.id == actor.ID })
		}
		switch {
		case login == "":
			return &Error{Status: 422, Message: "Validation Failed", Plain: []string{"Actor " + actor.Type + " is invalid"}} // the words are unverified
		case actor.Mode == "pull_request":
			rules.BypassInPullRequests = append(rules.BypassInPullRequests, login)
		default:
			rules.Bypass = append(rules.Bypass, login)
		}
	}
	return nil
}

// loginOf finds an account; "" when there is none.
func (s *Server) loginOf(is func(*account) bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if is(a) {
			return a.login
		}
	}
	return ""
}

func (q *request) readRules(rules *Rules, in rulesetInput) error {
	for _, rule := range in.Rules {
		switch rule.Type {
		case "creation":
			rules.RestrictCreation = true
		case "update":
			rules.RestrictUpdates = true
		case "deletion":
			rules.BlockDeletion = true
		case "required_linear_history":
			rules.RequireLinearHistory = true
		case "non_fast_forward":
			rules.BlockForcePush = true
		case "pull_request":
			var p struct {
				Count *int `json:"required_approving_review_count"`
				Stale bool `json:"dismiss_stale_reviews_on_push"`
			}
			if err := json.Unmarshal(rule.Parameters, &p); err != nil || p.Count == nil {
				return missingField("required_approving_review_count")
			}
			rules.RequirePullRequest, rules.RequireApprovals, rules.DismissStaleReviews = true, *p.Count, p.Stale
		case "required_status_checks":
			if err := q.readChecks(rules, rule.Parameters); err != nil {
				return err
			}
		default:
			parameters := map[string]any{}
			if rule.Parameters != nil && json.Unmarshal(rule.Parameters, &parameters) != nil {
				return unprocessable("Invalid rule '" + rule.Type + "'") // the words are unverified
			}
			if rules.Listed == nil {
				rules.Listed = map[string]map[string]any{}
			}
			rules.Listed[rule.Type] = parameters
		}
	}
	return nil
}

func (q *request) readChecks(rules *Rules, parameters json.RawMessage) error {
	var p struct {
		Checks []struct {
			Context string
			App     int64 `json:"integration_id"`
		} `json:"required_status_checks"`
	}
	if err := json.Unmarshal(parameters, &p); err != nil || len(p.Checks) == 0 {
		return missingField("required_status_checks")
	}
	rules.CheckApps = map[string]string{}
	for _, check := range p.Checks {
		rules.RequireChecks = append(rules.RequireChecks, check.Context)
		if check.App == 0 {
			continue
		}
		login := q.server.loginOf(func(a *account) bool { return a.app != nil && a.app.id == check.App })
		if login == "" {
			return unprocessable("Invalid rule 'Required status checks': integration_id is unknown") // the words are unverified
		}
		rules.CheckApps[check.Context] = strings.TrimSuffix(login, "[bot]")
	}
	return nil
}

// getWorkflowPermissions is GET /repos/{owner}/{repo}/actions/permissions/workflow
// [docs: rest/actions/permissions].
func getWorkflowPermissions(_ context.Context, q *request) (*response, error) {
	level := "read"
	if q.repo.settings.ActionsMayWrite {
		level = "write"
	}
	return ok(object{
		"default_workflow_permissions":     level,
		"can_approve_pull_request_reviews": q.repo.settings.ActionsMayCreatePullRequests,
	}), nil
}

// getApp is GET /apps/{app_slug} [schema integration].
func getApp(_ context.Context, q *request) (*response, error) {
	a := q.server.account(q.path["app_slug"] + "[bot]")
	if a == nil {
		return nil, errNotFound()
	}
	return ok(q.server.appJSON(a)), nil
}
