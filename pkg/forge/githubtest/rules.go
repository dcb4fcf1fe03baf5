package githubtest

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Rules are a ruleset (or, with Classic, a branch protection) for the branches
// that a pattern matches. They hold for REST, updateRefs, pushes and the merge
// button alike.
type Rules struct {
	RequirePullRequest bool
	// RequireApprovals is the number of approving reviews by people who can write;
	// any number above zero requires a pull request, too.
	RequireApprovals int
	// DismissStaleReviews makes approvals of an older head void.
	DismissStaleReviews bool
	// RequireChecks are names of commit statuses or check runs that must have
	// succeeded on the commit.
	RequireChecks        []string
	RequireLinearHistory bool
	BlockForcePush       bool
	BlockDeletion        bool
	RestrictCreation     bool
	// RestrictUpdates lets only Bypass move the branch.
	RestrictUpdates bool
	// Bypass are the logins for whom these rules do not hold, in the mode "always".
	Bypass []string
	// BypassInPullRequests are those for whom they do not hold when they press the
	// merge button, and do otherwise: the mode "pull_request" does not cover a branch
	// that is moved directly [docs.mergify.com/merge-queue/github-rulesets].
	BypassInPullRequests []string
	// BypassRoles are roles in the repository whose holders bypass, in the mode "always".
	// Of a branch protection, that is Admin or nobody.
	BypassRoles []Permission
	// CheckApps are the Apps, by their slug, that required checks must come from, by
	// the check's name. What others report under that name does not count.
	CheckApps map[string]string
	// Name is the ruleset's; the pattern when empty.
	Name string
	// Unenforced is "evaluate" or "disabled" for a ruleset that does not hold.
	Unenforced string
	// Classic words refusals as a branch protection does (GH006) and not as a
	// ruleset (GH013).
	Classic bool
	// Listed are other rules by their type, with their parameters: "merge_queue",
	// "required_signatures", … They are only shown, not enforced. Of a branch
	// protection, "required_deployments" and "merge_queue" show in GraphQL alone.
	Listed map[string]map[string]any
}

type ruleset struct {
	id       int64
	patterns []string
	rules    Rules
	created  time.Time
	updated  time.Time
}

// matches follows the fnmatch of rulesets with FNM_PATHNAME: * stays inside one
// segment [docs: creating rulesets, using fnmatch syntax].
func (s *ruleset) matches(branch string) bool {
	return slices.ContainsFunc(s.patterns, func(pattern string) bool { return patternMatches(pattern, branch) })
}

func patternMatches(pattern, branch string) bool {
	if pattern == "~ALL" {
		return true
	}
	if strings.HasSuffix(pattern, "/**/*") && strings.HasPrefix(branch, strings.TrimSuffix(pattern, "**/*")) {
		return true
	}
	matched, err := path.Match(pattern, branch)
	return err == nil && matched
}

// holdsFor says whether the rules are about a branch and in force.
func (s *ruleset) holdsFor(branch string) bool {
	return s.rules.Unenforced == "" && s.matches(branch)
}

// bypassMode is how a caller may bypass a set of rules: always, pull_requests_only
// or never, in the words of current_user_can_bypass.
func (r *repository) bypassMode(s *ruleset, c caller) string {
	is := func(name string) bool { return strings.EqualFold(name, c.login()) }
	holds := func(role Permission) bool { return !c.isBot() && r.role(c.account) == role }
	switch {
	case c.account == nil:
		return "never"
	case slices.ContainsFunc(s.rules.Bypass, is), slices.ContainsFunc(s.rules.BypassRoles, holds):
		return "always"
	case slices.ContainsFunc(s.rules.BypassInPullRequests, is):
		return "pull_requests_only"
	}
	return "never"
}

// bypasses says whether the rules do not hold for a change by the caller.
func (r *repository) bypasses(s *ruleset, c caller, m move) bool {
	mode := r.bypassMode(s, c)
	return mode == "always" || mode == "pull_requests_only" && m.button != nil
}

// wantsPull says whether changes need a pull request.
func (x Rules) wantsPull() bool { return x.RequirePullRequest || x.RequireApprovals > 0 }

// lists says whether a rule is among those that are only shown.
func (x Rules) lists(kind string) bool {
	_, listed := x.Listed[kind]
	return listed
}

// verdict is what the rules say about a change.
type verdict struct {
	ref     string
	reasons []string
	classic bool
}

// apiError is the refusal in REST's words. A ruleset lists its reasons in
// paragraphs [issue gitea-mq#91; "Repository rule violations found\n\nCannot update
// this protected ref.\n\n" in several public captures]; a branch protection
// joins them [googleapis/repo-automation-bots#5551].
func (v verdict) apiError(status int) error {
	if len(v.reasons) == 0 {
		return nil
	}
	if v.classic {
		return &Error{Status: status, Message: strings.Join(v.reasons, " ")}
	}
	text := "Repository rule violations found\n\n"
	for _, reason := range v.reasons {
		text += reason + "\n\n"
	}
	return &Error{Status: status, Message: text}
}

// violations judges a change of a ref against every rule that the caller cannot
// bypass. A change to where the branch is already is judged as well: PATCH was seen
// to answer it with 422 on a protected branch. The objects of the new commit are
// looked up in view.
func (r *repository) violations(ctx context.Context, view *store, c caller, m move, before string) (verdict, error) {
	v := verdict{ref: m.ref}
	branch, isBranch := strings.CutPrefix(m.ref, "refs/heads/")
	if !isBranch {
		return v, nil
	}
	for _, set := range r.rulesets {
		if !set.holdsFor(branch) || r.bypasses(set, c, m) {
			continue
		}
		reasons, err := r.broken(ctx, view, set.rules, branch, m, before)
		if err != nil {
			return v, err
		}
		for _, reason := range reasons {
			if !slices.Contains(v.reasons, reason) {
				v.reasons = append(v.reasons, reason)
			}
		}
		v.classic = v.classic || len(reasons) > 0 && set.rules.Classic
	}
	return v, nil
}

// broken lists the reasons why one set of rules forbids a change.
func (r *repository) broken(ctx context.Context, view *store, rules Rules, branch string, m move, before string) ([]string, error) {
	switch {
	case before == zeroSHA && rules.RestrictCreation:
		return []string{"Cannot create ref due to creations being restricted."}, nil
	case before == zeroSHA:
		// The other rules are about changing a branch that is there; required checks
		// have a switch of their own for creation (do_not_enforce_on_create).
		return nil, nil
	case m.after == zeroSHA && rules.BlockDeletion:
		return []string{"Cannot delete this branch"}, nil
	case m.after == zeroSHA:
		return nil, nil
	}
	var reasons []string
	if rules.RestrictUpdates && rules.Classic { // [dependabot-core#3998]
		reasons = append(reasons, "You're not authorized to push to this branch.")
	} else if rules.RestrictUpdates {
		reasons = append(reasons, "Cannot update this protected ref.")
	}
	forward, err := view.isAncestor(ctx, before, m.after)
	if err != nil {
		return nil, err
	}
	if rules.BlockForcePush && !forward {
		reasons = append(reasons, "Cannot force-push to this branch")
	}
	if rules.RequireLinearHistory {
		merges, err := mergeCommits(ctx, view, before, m.after)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, merges...)
	}
	if rules.wantsPull() {
		reasons = append(reasons, r.pullReasons(rules, branch, m)...)
	}
	return append(reasons, r.checkReasons(rules, m)...), nil
}

// mergeCommits words the linear-history rule; the list of commits below the
// sentence is how a push was seen to be refused.
func mergeCommits(ctx context.Context, view *store, before, after string) ([]string, error) {
	fresh, err := view.missing(ctx, before, after)
	if err != nil {
		return nil, err
	}
	for _, c := range fresh {
		if len(c.parents) > 1 {
			return []string{"This branch must not contain merge commits."}, nil
		}
	}
	return nil, nil
}

// pullReasons asks for an open pull request into the branch whose head is the new
// commit, with the approvals that the rule wants. With that, moving the branch
// directly is allowed [docs: about protected branches; issues ava-labs/libevm#52,
// yshavit/mdq#255]; any other commit "must be made through a pull request".
func (r *repository) pullReasons(rules Rules, branch string, m move) []string {
	candidates := []*pull{m.button}
	if m.button == nil {
		candidates = nil
		for _, p := range r.pulls {
			if p.open() && !p.draft && p.base == branch && p.head == m.after {
				candidates = append(candidates, p)
			}
		}
	}
	if len(candidates) == 0 {
		return []string{"Changes must be made through a pull request."}
	}
	var reasons []string
	for _, p := range candidates {
		reasons = r.reviewReasons(rules, p)
		if len(reasons) == 0 {
			return nil
		}
	}
	return reasons
}

// reviewReasons says what reviews a pull request lacks.
func (r *repository) reviewReasons(rules Rules, p *pull) []string {
	approvals, objections := 0, 0
	for _, review := range p.latestReviews() {
		if !r.role(review.user).atLeast(Write) {
			continue
		}
		switch {
		case review.state == "CHANGES_REQUESTED":
			objections++
		case review.state == "APPROVED" && (!rules.DismissStaleReviews || review.sha == p.head):
			approvals++
		}
	}
	var reasons []string
	if approvals < rules.RequireApprovals {
		noun := "approving reviews are"
		if rules.RequireApprovals == 1 {
			noun = "approving review is"
		}
		reasons = append(reasons, fmt.Sprintf("At least %d %s required by reviewers with write access.", rules.RequireApprovals, noun))
	}
	if objections > 0 && rules.RequireApprovals > 0 {
		reasons = append(reasons, "Changes have been requested.") // the words are unverified
	}
	return reasons
}

// checkReasons says which required checks have not succeeded on the commit, or on
// the pull request's head for the merge button. One is named [docs: troubleshooting
// required status checks; issue ava-labs/libevm#52], several are counted
// [kubeflow/pipelines#4384].
func (r *repository) checkReasons(rules Rules, m move) []string {
	sha := m.after
	if m.button != nil {
		sha = m.button.head
	}
	counts := map[string]int{}
	var only string
	for _, name := range rules.RequireChecks {
		if state := r.checkState(sha, name, rules.CheckApps[name]); state != "" {
			counts[state]++
			only = fmt.Sprintf("Required status check %q is %s.", name, state)
		}
	}
	open := counts["expected"] + counts["in progress"] + counts["failing"]
	switch {
	case open == 0:
		return nil
	case open == 1:
		return []string{only}
	case counts["expected"] == open:
		return []string{fmt.Sprintf("%d of %d required status checks are expected.", open, len(rules.RequireChecks))}
	}
	var parts []string
	for _, state := range []string{"failing", "in progress", "expected"} {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	return []string{fmt.Sprintf("%d of %d required status checks have not succeeded: %s.", open, len(rules.RequireChecks), strings.Join(parts, ", "))}
}

// checkState is "" when the named check succeeded on the commit, else what it is:
// expected, in progress or failing. "If a check and a commit status have the same
// name, both must pass" [docs: troubleshooting required status checks].
func (r *repository) checkState(sha, name, app string) string {
	found, pending := false, false
	for _, status := range r.latestStatuses(sha) {
		if status.context != name || app != "" && !fromApp(status.creator, app) {
			continue
		}
		found = true
		switch status.state {
		case "failure", "error":
			return "failing"
		case "pending":
			pending = true
		}
	}
	for _, run := range latestRuns(r.runsOf(sha)) {
		if run.name != name || app != "" && !fromApp(run.app, app) {
			continue
		}
		found = true
		switch {
		case run.status != "completed":
			pending = true
		case run.conclusion != "success" && run.conclusion != "neutral" && run.conclusion != "skipped":
			return "failing"
		}
	}
	switch {
	case !found:
		return "expected"
	case pending:
		return "in progress"
	}
	return ""
}

// protected says whether any rule is about a branch.
func (r *repository) protected(branch string) bool {
	return slices.ContainsFunc(r.rulesets, func(s *ruleset) bool { return s.holdsFor(branch) })
}

func ruleRoutes() []route {
	return []route{
		{"GET", "/rules/branches/{branch...}", reads("metadata"), ofPlan(branchRules)},
		{"GET", "/rulesets", reads("metadata"), ofPlan(listRulesets)},
		{"POST", "/rulesets", administers(), ofPlan(createRuleset)},
		{"GET", "/rulesets/{ruleset_id}", reads("metadata"), ofPlan(getRuleset)},
		{"PUT", "/rulesets/{ruleset_id}", administers(), ofPlan(updateRuleset)},
		{"GET", "/actions/permissions/workflow", access{"administration", "read", Admin}, getWorkflowPermissions},
	}
}

// ofPlan answers for a plan that has no rules for private repositories, in words that
// the same answer was seen in for rulesets and branch protections
// [F-U-S-E-E/FuseDevelopmentGroup#58; that the rules of a branch are answered so is
// unverified].
func ofPlan(serve func(context.Context, *request) (*response, error)) func(context.Context, *request) (*response, error) {
	return func(ctx context.Context, q *request) (*response, error) {
		if q.repo.noRules {
			return nil, &Error{Status: 403, Message: "Upgrade to GitHub Pro or make this repository public to enable this feature."}
		}
		return serve(ctx, q)
	}
}

// branchRules is GET /repos/{owner}/{repo}/rules/branches/{branch}: every rule of
// every ruleset that applies, whoever asks [docs: rest/repos/rules]. Branch
// protections do not show here.
func branchRules(_ context.Context, q *request) (*response, error) {
	var all []object
	for _, set := range q.repo.rulesets {
		if set.rules.Classic || !set.holdsFor(q.path["branch"]) {
			continue
		}
		for _, rule := range q.repo.rulesJSON(set.rules) {
			rule["ruleset_source_type"], rule["ruleset_source"] = "Repository", q.repo.fullName()
			rule["ruleset_id"] = set.id
			all = append(all, rule)
		}
	}
	return paged(q, all, func(rule object) any { return rule }), nil
}

// rulesJSON is the rules as the schemas repository-rule-….
func (r *repository) rulesJSON(x Rules) []object {
	var list []object
	add := func(on bool, kind string, parameters object) {
		rule := object{"type": kind}
		if parameters != nil {
			rule["parameters"] = parameters
		}
		if on {
			list = append(list, rule)
		}
	}
	add(x.RestrictCreation, "creation", nil)
	add(x.RestrictUpdates, "update", nil)
	add(x.BlockDeletion, "deletion", nil)
	add(x.RequireLinearHistory, "required_linear_history", nil)
	add(x.wantsPull(), "pull_request", object{
		"required_approving_review_count": x.RequireApprovals,
		"dismiss_stale_reviews_on_push":   x.DismissStaleReviews,
		"require_code_owner_review":       false, "require_last_push_approval": false,
		"required_review_thread_resolution": false,
		"allowed_merge_methods":             []string{"merge", "squash", "rebase"},
	})
	var checks []object
	for _, name := range x.RequireChecks {
		check := object{"context": name}
		if a := r.server.account(x.CheckApps[name] + "[bot]"); a != nil {
			check["integration_id"] = a.app.id
		}
		checks = append(checks, check)
	}
	add(checks != nil, "required_status_checks", object{
		"strict_required_status_checks_policy": false, "do_not_enforce_on_create": true,
		"required_status_checks": checks,
	})
	add(x.BlockForcePush, "non_fast_forward", nil)
	for _, kind := range slices.Sorted(maps.Keys(x.Listed)) {
		add(true, kind, x.Listed[kind])
	}
	return list
}

// getProtection is GET …/branches/{branch}/protection: the branch protection of
// old, which rulesets do not show in. 404 says that there is none.
func getProtection(_ context.Context, q *request) (*response, error) {
	branch := q.path["branch"]
	if q.repo.branch(branch) == "" {
		return nil, &Error{Status: 404, Message: "Branch not found"}
	}
	on := func(b bool) object { return object{"enabled": b} }
	for _, set := range q.repo.rulesets {
		if !set.rules.Classic || !set.matches(branch) {
			continue
		}
		x, self := set.rules, q.repo.api("/branches/"+branch+"/protection")
		body := object{
			"url": self, "enforce_admins": object{"url": self + "/enforce_admins", "enabled": !slices.Contains(x.BypassRoles, Admin)},
			"required_linear_history": on(x.RequireLinearHistory), "allow_force_pushes": on(!x.BlockForcePush),
			"allow_deletions": on(!x.BlockDeletion), "block_creations": on(x.RestrictCreation),
			"lock_branch":         on(x.lists("lock_branch")),
			"required_signatures": object{"url": self + "/required_signatures", "enabled": x.lists("required_signatures")},
		}
		if x.RestrictUpdates {
			body["restrictions"] = q.repo.restrictions(x, self)
		}
		if x.wantsPull() {
			body["required_pull_request_reviews"] = object{
				"url": self + "/required_pull_request_reviews", "dismiss_stale_reviews": x.DismissStaleReviews,
				"require_code_owner_reviews": false, "required_approving_review_count": x.RequireApprovals,
				"bypass_pull_request_allowances": q.repo.actors(x.BypassInPullRequests),
			}
		}
		if x.RequireChecks != nil {
			checks := []object{}
			for _, name := range x.RequireChecks {
				check := object{"context": name, "app_id": nil}
				if a := q.repo.server.account(x.CheckApps[name] + "[bot]"); a != nil {
					check["app_id"] = a.app.id
				}
				checks = append(checks, check)
			}
			body["required_status_checks"] = object{
				"url": self + "/required_status_checks", "contexts_url": self + "/required_status_checks/contexts",
				"strict": false, "contexts": x.RequireChecks, "checks": checks,
			}
		}
		return ok(body), nil
	}
	return nil, &Error{Status: 404, Message: "Branch not protected"}
}

func listRulesets(_ context.Context, q *request) (*response, error) {
	var sets []*ruleset
	for _, set := range q.repo.rulesets {
		if !set.rules.Classic {
			sets = append(sets, set)
		}
	}
	return paged(q, sets, func(set *ruleset) any { return q.repo.rulesetJSON(set) }), nil
}
