package doctor_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/doctor"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/promotion"
)

const slug = "acme/config"

const configuration = `version: 1
environments:
  - name: dev
    branch: dev
  - name: staging
    branch: staging
    gates:
      checks: [ci/test, flux/dev/*]
      approvals: 1
  - name: production
    branch: production
    gates:
      checks: [ci/test]
      approvals: 2
`

// files are a config repository as it should be.
func files() map[string]string {
	return map[string]string{
		".pawl.yaml":                    configuration,
		"base/api.yaml":                 "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: api, image: ghcr.io/acme/api}]}}}\n",
		"base/kustomization.yaml":       "resources: [api.yaml]\nimages:\n- name: ghcr.io/acme/api\n  newTag: 1.4.2\n",
		"staging/kustomization.yaml":    "resources: [../base]\n",
		"production/kustomization.yaml": "resources: [../base]\n",
	}
}

// world is a repository that is set up as it should be.
type world struct {
	t      *testing.T
	server *githubtest.Server
	repo   *githubtest.Repository
	admin  string // an administrator's token
	app    string // that of the App pawl
	ci     string // that of the App ci
	now    time.Time
}

func appPermissions() githubtest.Permissions {
	return githubtest.Permissions{"contents": "write", "pull_requests": "write", "statuses": "write", "checks": "read"}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, githubtest.RepositoryOptions{DefaultBranch: "dev", Creator: "ada"})
}

func newWorldOf(t *testing.T, opts githubtest.RepositoryOptions) *world {
	t.Helper()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := &world{t: t, server: server, now: server.Now()}
	w.admin = server.CreateUser("ada")
	w.app = server.CreateApp("pawl", appPermissions())
	w.ci = server.CreateApp("ci", githubtest.Permissions{"contents": "read", "checks": "write", "statuses": "write"})
	w.repo, err = server.CreateRepository(t.Context(), slug, opts)
	w.ok(err)
	sha, err := w.repo.Commit(t.Context(), "dev", "Start", files())
	w.ok(err)
	w.ok(w.repo.Branch(t.Context(), "staging", sha))
	w.ok(w.repo.Branch(t.Context(), "production", sha))
	w.ok(w.repo.AddCheckRun(t.Context(), sha, githubtest.CheckRun{App: "ci", Name: "ci/test", Conclusion: "success"}))
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// source is the repository as a token sees it.
func (w *world) source(token, app string) doctor.Source {
	w.t.Helper()
	noWait := func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	owner, name, _ := strings.Cut(slug, "/")
	client, err := github.New(github.Options{APIURL: w.server.APIURL(), Owner: owner, Name: name, Token: token, Sleep: noWait})
	w.ok(err)
	var auth git.Auth
	if token != "" {
		auth = git.TokenAuth(token)
	}
	remote, err := git.NewRemote(git.Options{URL: w.repo.CloneURL(), Auth: auth, UserAgent: "pawl", Sleep: noWait})
	w.ok(err)
	version, err := git.ParseVersion("2.39.5")
	w.ok(err)
	return doctor.Source{Program: version, Source: promotion.Source{Name: slug, Forge: client, Git: remote, Sleep: noWait}, Admin: client, App: app, Now: w.now}
}

func (w *world) audit(token, app string) *doctor.Report {
	w.t.Helper()
	report, err := doctor.Audit(w.t.Context(), w.source(token, app))
	w.ok(err)
	return report
}

func (w *world) apply() []doctor.RulesetAction {
	w.t.Helper()
	source := w.source(w.admin, "pawl")
	plan, err := doctor.PlanRulesets(w.t.Context(), source)
	w.ok(err)
	w.ok(plan.Apply(w.t.Context(), source))
	actions := make([]doctor.RulesetAction, len(plan.Rulesets))
	for i, change := range plan.Rulesets {
		actions[i] = change.Action
	}
	return actions
}

func ids(report *doctor.Report) []string {
	list := []string{}
	for _, f := range report.Findings {
		if !slices.Contains(list, f.ID) {
			list = append(list, f.ID)
		}
	}
	slices.Sort(list)
	return list
}

func TestCorrectSetup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if diff := cmp.Diff([]doctor.RulesetAction{"create", "create", "create", "create"}, w.apply()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]doctor.RulesetAction{"none", "none", "none", "none"}, w.apply()); diff != "" {
		t.Error("the second time:", diff)
	}
	w.correct()
}

// A branch protection does as well as a ruleset.
func TestCorrectProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	classicAlone(func(*githubtest.Rules) {})(w)
	w.correct()
}

// correct wants that nothing is found: an administrator sees everything, the App not.
func (w *world) correct() {
	w.t.Helper()
	report := w.audit(w.admin, "pawl")
	if len(report.Findings) > 0 || len(report.Unchecked) > 0 || report.Err() != nil {
		w.t.Errorf("as an administrator: %+v", report)
	}
	report = w.audit(w.app, "")
	if len(report.Findings) > 0 || len(report.Unchecked) == 0 {
		w.t.Errorf("as the App: %+v", report)
	}
}

// What a branch protection lets through does not matter where rulesets do not.
func TestProtectionBelowRulesets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply()
	rules("staging", func(r *githubtest.Rules) {
		r.Classic, r.Bypass, r.BypassInPullRequests = true, []string{"pawl[bot]", "ada"}, []string{"ada", "pawl[bot]"}
		r.BypassRoles, r.RequireLinearHistory = []githubtest.Permission{githubtest.Admin}, false
	})(w)
	if report := w.audit(w.admin, "pawl"); len(report.Findings) > 0 || len(report.Unchecked) > 0 {
		t.Errorf("%+v", report)
	}
}

// What nobody here has heard of is not taken for fine, nor for a fault.
func TestUnknownRule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply()
	rules("staging", func(r *githubtest.Rules) {
		r.Listed = map[string]map[string]any{"code_scanning": {"code_scanning_tools": []any{}}}
	})(w)
	report := w.audit(w.admin, "pawl")
	want := []doctor.Unchecked{{
		What:   "whether the rule code_scanning lets promotions into staging through",
		Reason: `pawl does not know what it does; it is set under Settings, Rules, Rulesets, "mine"`,
	}}
	if diff := cmp.Diff(want, report.Unchecked); diff != "" || len(report.Findings) > 0 {
		t.Errorf("%s\n%+v", diff, report.Findings)
	}
}

// misconfiguration is one thing done wrong in a repository that is right otherwise.
type misconfiguration struct {
	id   string // of the finding
	does func(w *world)
	fix  string // what the finding says to do
	// who looks: an administrator with --app pawl unless these say otherwise
	token  func(w *world) string
	app    string
	more   []string // other findings that come with it
	public bool     // the repository shows to everybody
	free   bool     // its plan has no rules
}

// rules replaces the rulesets that --apply made for a branch.
func rules(branch string, change func(*githubtest.Rules)) func(*world) {
	return func(w *world) {
		quality := githubtest.Rules{
			RequireApprovals: 2, DismissStaleReviews: true, BlockForcePush: true, BlockDeletion: true, RestrictUpdates: true,
			Bypass: []string{"pawl[bot]"}, RequireChecks: []string{"ci/test"}, CheckApps: map[string]string{"ci/test": "ci"}, Name: "mine",
		}
		change(&quality)
		w.repo.Protect(branch, quality)
	}
}

func withFile(name, content string) func(*world) {
	return func(w *world) {
		sha, err := w.repo.Commit(w.t.Context(), "dev", "Change", map[string]string{name: content})
		w.ok(err)
		w.ok(w.repo.Push(w.t.Context(), "staging", sha))
		w.ok(w.repo.Push(w.t.Context(), "production", sha))
		w.ok(w.repo.AddCheckRun(w.t.Context(), sha, githubtest.CheckRun{App: "ci", Name: "ci/test", Conclusion: "success"}))
	}
}

func settings(change func(*githubtest.Settings)) func(*world) {
	return func(w *world) {
		all := githubtest.DefaultSettings()
		change(&all)
		w.repo.SetSettings(all)
	}
}

const (
	application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: api}\nspec:\n  source:\n    repoURL: https://github.com/acme/config.git\n    path: %s\n    targetRevision: %s\n"
	workflow    = "on: %s\njobs:\n  work:\n    steps:\n    - uses: actions/checkout@v4\n      with: {ref: \"${{ github.event.pull_request.head.sha }}\"}\n    - run: pawl bump ghcr.io/acme/api:1 --push\n"
)

func engine(folder, revision string) string {
	return strings.Replace(strings.Replace(application, "%s", folder, 1), "%s", revision, 1)
}

func appSet(generator, folder, revision string) string {
	return "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: apps}\nspec:\n  generators:\n  - " + generator +
		"\n  template:\n    spec:\n      source:\n        repoURL: git@github.com:acme/config.git\n        path: '" + folder + "'\n        targetRevision: '" + revision + "'\n"
}

// Each of these watches what it should, or does not say here what it watches.
func TestEnginesAsTheyShouldBe(t *testing.T) {
	t.Parallel()
	const here = "https://github.com/acme/config"
	const ref = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: c, namespace: f}\nspec:\n  url: " + here + "\n  ref: {name: refs/heads/staging}\n---\n" +
		"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: f}\nspec:\n  path: ./staging\n  sourceRef: {kind: GitRepository, name: c}\n"
	w := newWorld(t)
	for name, content := range map[string]string{
		"application":    engine("staging", "staging"),
		"full-name":      engine("staging", "refs/heads/staging"),
		"flux-full-name": ref,
		"head":           strings.Replace(engine("dev", "HEAD"), "path: dev", "path: dev/api", 1),
		"no-revision":    strings.Replace(engine("dev/api", ""), "    targetRevision: \n", "", 1),
		"elsewhere":      strings.Replace(engine("staging", "main"), "acme/config", "acme/other", 1),
		"substituted":    engine("staging/${APP}", "staging"),
		"branch":         engine("staging", "${BRANCH}"),
		"set":            appSet("list: {elements: [{env: staging}]}", "staging", "staging"),
		"set-branch":     appSet("list: {elements: [{branch: staging}]}", "staging", "{{branch}}"),
		"set-folder":     appSet("list: {elements: [{env: staging}]}", "apps/{{.env}}", "staging"),
		"set-git":        appSet("git: {repoURL: "+here+", revision: staging, directories: [{path: staging/*}]}", "{{path}}", "staging"),
		"set-git-any":    appSet("git: {repoURL: "+here+", revision: main, files: [{path: 'clusters/*/config.json'}]}", "apps/{{cluster}}", "main"),
		"set-elsewhere":  appSet("git: {repoURL: 'https://github.com/acme/fleet', revision: main, directories: [{path: staging/*}]}", "staging", "staging"),
	} {
		withFile("argo/"+name+".yaml", content)(w)
	}
	withFile("dev/api/kustomization.yaml", "resources: [../../base]\n")(w)
	w.apply()
	if report := w.audit(w.admin, "pawl"); len(report.Findings) > 0 {
		t.Errorf("%+v", report.Findings)
	}
}

func misconfigurations() map[string]misconfiguration {
	classic := func(w *world) string { return w.admin }
	return map[string]misconfiguration{
		// who the token is
		"GITHUB_TOKEN": {id: "token-actions", fix: "use the token of a GitHub App", more: []string{"bypass-missing"}, app: "-",
			token: func(w *world) string { return w.repo.ActionsToken(appPermissions()) }},
		"GITHUB_TOKEN that may not open pull requests": {id: "actions-pull-requests", fix: "Allow GitHub Actions to create and approve pull requests", app: "-", more: []string{"token-actions", "bypass-missing"},
			token: func(w *world) string {
				return w.repo.ActionsToken(githubtest.Permissions{"contents": "write", "pull_requests": "write", "checks": "read", "statuses": "read", "administration": "read"})
			}},
		"a person's token merges": {id: "token-classic", fix: "use a GitHub App", token: classic, app: "-", more: []string{"bypass-missing", "bypass-others", "bump-push", "token-author"}},
		"no token":                {id: "token-none", fix: "set GH_TOKEN, or PAWL_APP_ID and PAWL_APP_PRIVATE_KEY", app: "-", token: func(*world) string { return "" }},
		"no token, and the repository is public": {id: "token-none", fix: "set GH_TOKEN, or PAWL_APP_ID and PAWL_APP_PRIVATE_KEY", app: "-", public: true,
			more: []string{"bypass-missing"}, token: func(*world) string { return "" }},
		"a classic token without scopes":                        {id: "token-scope", fix: "Tokens (classic), this token: tick repo", app: "-", token: scoped()},
		"a classic token with the scope of public repositories": {id: "token-scope", fix: "Tokens (classic), this token: tick repo", app: "-", token: scoped("public_repo", "workflow")},
		"a classic token without scopes, and the repository is public": {id: "token-scope", fix: "Tokens (classic), this token: tick repo", app: "-", public: true,
			more: []string{"token-classic", "token-author", "bypass-missing", "bump-push"}, token: scoped("read:org")},
		"a person opens the promotions": {id: "token-author", fix: "let a GitHub App open them", app: "-", more: []string{"bypass-missing", "bump-push"}, token: func(w *world) string {
			token, err := w.server.CreateToken("ada", githubtest.TokenOptions{Permissions: githubtest.Permissions{"contents": "write", "pull_requests": "write", "statuses": "write", "checks": "read"}})
			w.ok(err)
			return token
		}},
		"a token that ends soon": {id: "token-expires", fix: "make a new one", token: func(w *world) string {
			token, err := w.server.CreateToken("ada", githubtest.TokenOptions{Expires: w.now.Add(48 * time.Hour)})
			w.ok(err)
			return token
		}},
		"a reader's token": {id: "role", fix: "give the role Write", app: "-", more: []string{"token-classic", "token-author", "bypass-missing"}, token: func(w *world) string {
			token := w.server.CreateUser("rea")
			w.repo.SetPermission("rea", githubtest.Read)
			return token
		}},
		"an App that may not read checks": {id: "permission-missing", fix: "checks: read", app: "-", more: []string{"bypass-missing"}, token: func(w *world) string {
			return w.server.CreateApp("weak", githubtest.Permissions{"contents": "write", "pull_requests": "write", "statuses": "write"})
		}},
		"a clock that is wrong": {id: "clock", fix: "set the clock", does: func(w *world) { w.now = w.now.Add(-5 * time.Minute) }},
		"a workflow that the token may not promote": {id: "permission-workflows", fix: "workflows: write", token: func(w *world) string {
			token, err := w.server.CreateToken("ada", githubtest.TokenOptions{NoWorkflow: true})
			w.ok(err)
			return token
		}, does: func(w *world) {
			_, err := w.repo.Commit(w.t.Context(), "dev", "A workflow", map[string]string{".github/workflows/x.yaml": "on: push\n"})
			w.ok(err)
		}},
		// the settings
		"workflows may write":       {id: "workflow-token", fix: "Read repository contents", does: settings(func(s *githubtest.Settings) { s.ActionsMayWrite = true })},
		"workflows may approve":     {id: "actions-approve", fix: "turn off \"Allow GitHub Actions", does: settings(func(s *githubtest.Settings) { s.ActionsMayCreatePullRequests = true })},
		"head branches are deleted": {id: "auto-delete", fix: "Automatically delete head branches", does: both(unprotected, settings(func(s *githubtest.Settings) { s.DeleteBranchOnMerge = true })), more: open()},
		"a plan without rules":      {id: "rules-plan", fix: "upgrade to GitHub Pro, Team or Enterprise, or make the repository public; then: pawl doctor --apply", free: true},
		"no rules":                  {id: "updates-open", fix: "Restrict updates", does: unprotected, more: open()},
		"the merge buttons work":    {id: "merge-buttons", fix: "pawl doctor --apply --app pawl", does: unprotected, more: open()},
		"force pushes":              {id: "force-push", fix: "Block force pushes", does: unprotected, more: open()},
		"deletion":                  {id: "deletion", fix: "Restrict deletions", does: unprotected, more: open()},
		"no pull request":           {id: "pull-request", fix: "Require a pull request before merging", does: unprotected, more: open()},
		"linear history":            {id: "linear-history", fix: `Rulesets, "mine": take "Require linear history" away from staging`, does: rules("staging", func(r *githubtest.Rules) { r.RequireLinearHistory = true })},
		"linear history, classic":   {id: "linear-history", fix: `Branch protection rules: take "Require linear history" away`, does: rules("staging", func(r *githubtest.Rules) { r.RequireLinearHistory, r.Classic = true, true })},
		"locked branch":             {id: "branch-locked", fix: `take "Lock branch" away`, does: rules("production", listed("lock_branch", true))},
		"merge queue":               {id: "merge-queue", fix: `take "Require merge queue" away`, does: rules("staging", listed("merge_queue", false))},
		"required workflows":        {id: "required-workflows", fix: `Rulesets, "mine": take "Require workflows to pass before merging" away from staging`, does: rules("staging", listed("workflows", false))},
		"a deployment that comes too late": {id: "deployment-never", fix: `Rulesets, "mine", "Require deployments to succeed before merging": take Production away from production`,
			does: rules("production", deployed(false, "Production"))},
		"a deployment of an environment that is behind": {id: "deployment-never", fix: "take production away from staging", does: rules("staging", deployed(false, "production"))},
		"a required deployment":                         {id: "deployment-required", fix: "have the gates of production in .pawl.yaml ask for the check", does: rules("production", deployed(false, "staging"))},
		"a required deployment, classic": {id: "deployment-required", fix: `Branch protection rules, "Require deployments to succeed before merging": take qa away from staging`,
			does: rules("staging", deployed(true, "qa"))},
		"merge queue, classic": {id: "merge-queue", fix: `Branch protection rules: take "Require merge queue" away`, does: rules("staging", listed("merge_queue", true))},
		"signatures":           {id: "unsigned-bumps", fix: "requireVerified: true for dev", does: rules("staging", listed("required_signatures", false)), more: []string{"unsigned-head"}},
		"unsigned head":        {id: "unsigned-head", fix: `take "Require signed commits" away from staging`, does: rules("staging", listed("required_signatures", false)), more: []string{"unsigned-bumps"}},
		"fewer approvals":      {id: "approvals", fix: `"Required approvals": 2`, does: alone("production", func(r *githubtest.Rules) { r.RequireApprovals = 1 })},
		"stale approvals":      {id: "stale-approvals", fix: "Dismiss stale pull request approvals", does: alone("production", func(r *githubtest.Rules) { r.DismissStaleReviews = false })},
		"a check that nobody sends": {id: "check-never-reported", fix: `take "ci/gone" away`, does: rules("staging", func(r *githubtest.Rules) {
			r.RequireChecks, r.CheckApps = []string{"ci/gone"}, map[string]string{"ci/gone": "ci"}
		})},
		"a check from everybody":    {id: "check-unpinned", fix: `choose ci as the source of "ci/test"`, does: alone("staging", func(r *githubtest.Rules) { r.CheckApps = nil })},
		"the App cannot bypass":     {id: "bypass-missing", fix: `mode "Always"`, does: rules("staging", func(r *githubtest.Rules) { r.Bypass = nil })},
		"bypass by button only":     {id: "bypass-mode", fix: `set the mode to "Always"`, does: rules("staging", func(r *githubtest.Rules) { r.Bypass, r.BypassInPullRequests = nil, []string{"pawl[bot]"} })},
		"administrators may bypass": {id: "bypass-others", fix: `"mine", Bypass list: remove them`, does: rules("staging", func(r *githubtest.Rules) { r.BypassRoles = []githubtest.Permission{githubtest.Admin} })},
		"workflows may bypass":      {id: "bypass-others", fix: `"mine", Bypass list: remove them`, does: workflowsBypass("pawl[bot]", "github-actions[bot]")},
		"workflows alone may bypass, and no App is named": {id: "bypass-others", fix: `"mine", Bypass list: remove them`, app: "-", does: workflowsBypass("github-actions[bot]"),
			token: classic, more: []string{"token-classic", "token-author", "bypass-missing", "bump-push"}},
		"workflows alone may bypass": {id: "bypass-others", fix: `"mine", Bypass list: remove them`, does: workflowsBypass("github-actions[bot]"),
			more: []string{"bypass-missing"}},
		"administrators may bypass, classic": {id: "bypass-others", fix: `turn on "Do not allow bypassing the above settings"`, does: classicAlone(func(r *githubtest.Rules) { r.BypassRoles = []githubtest.Permission{githubtest.Admin} })},
		"one may move the branch, classic": {id: "bypass-others", fix: `"Restrict who can push to matching branches": leave the App alone there`,
			does: classicAlone(func(r *githubtest.Rules) { r.Bypass = append(r.Bypass, "ada") })},
		"one needs no pull request, classic": {id: "bypass-others", fix: `"Allow specified actors to bypass required pull requests": remove them`,
			does: classicAlone(func(r *githubtest.Rules) { r.BypassInPullRequests = []string{"ada"} })},
		"the App needs no pull request, classic": {id: "bypass-quality", fix: `Branch protection rules, "Allow specified actors to bypass required pull requests": remove the App`,
			does: classicAlone(func(r *githubtest.Rules) { r.BypassInPullRequests = []string{"pawl[bot]"} })},
		"the App bypasses approvals": {id: "bypass-quality", fix: `Rulesets, "mine for staging": keep "Restrict updates" there`,
			does: alone("staging", func(r *githubtest.Rules) { r.RestrictUpdates, r.Bypass = true, []string{"pawl[bot]"} })},
		"a check of the gates that GitHub does not ask for": {id: "check-not-required", fix: `"Require status checks to pass": ci/test`,
			does: alone("production", func(r *githubtest.Rules) { r.RequireChecks, r.CheckApps = nil, nil })},
		"dev wants pull requests": {id: "bump-push", fix: "pawl bump --pr", does: rules("dev", func(r *githubtest.Rules) { r.RestrictUpdates, r.RequireChecks, r.Bypass = false, nil, nil })},
		// the branches
		"a branch is missing": {id: "branch-missing", fix: "git push origin origin/staging:refs/heads/production", does: func(w *world) { w.ok(w.repo.As("ada").DeleteBranch(w.t.Context(), "production")) }},
		"a branch with a name that a shell takes apart is missing": {id: "branch-missing", fix: "git push origin origin/staging:'refs/heads/prod;reboot'", does: func(w *world) {
			content, _ := w.repo.File(w.t.Context(), "dev", ".pawl.yaml")
			sha, err := w.repo.Commit(w.t.Context(), "dev", "Rename", map[string]string{".pawl.yaml": strings.ReplaceAll(content, "branch: production", "branch: 'prod;reboot'")})
			w.ok(err)
			w.ok(w.repo.Push(w.t.Context(), "staging", sha))
			w.ok(w.repo.AddCheckRun(w.t.Context(), sha, githubtest.CheckRun{App: "ci", Name: "ci/test", Conclusion: "success"}))
		}},
		"a branch diverged": {id: "chain-broken", fix: "git merge --no-ff origin/staging && git push", more: []string{"content-differs"}, does: func(w *world) {
			_, err := w.repo.Commit(w.t.Context(), "staging", "A hotfix", map[string]string{"base/fix.yaml": "kind: ConfigMap\n"})
			w.ok(err)
		}},
		"content of one environment in the base": {id: "content-differs", fix: "move what is meant for staging alone into staging/", more: []string{"chain-broken"}, does: func(w *world) {
			_, err := w.repo.Commit(w.t.Context(), "staging", "Tune", map[string]string{"base/replicas.yaml": "replicas: 3\n"})
			w.ok(err)
		}},
		// the files
		"a configuration that cannot be read": {id: "config-invalid", fix: "pawl config validate", does: func(w *world) {
			_, err := w.repo.Commit(w.t.Context(), "staging", "Break", map[string]string{".pawl.yaml": "version: 7\n"})
			w.ok(err)
		}, more: []string{"chain-broken", "content-differs"}},
		"configurations that disagree": {id: "config-differs", fix: "promote the change of .pawl.yaml", does: func(w *world) {
			_, err := w.repo.Commit(w.t.Context(), "dev", "Another", map[string]string{".pawl.yaml": strings.Replace(configuration, "name: production", "name: live", 1)})
			w.ok(err)
		}, more: []string{"check-never-reported"}},
		"an overlay shadows a version": {id: "image-shadowed", fix: "remove the entry of ghcr.io/acme/api from images: in staging/kustomization.yaml",
			does: withFile("staging/kustomization.yaml", "resources: [../base]\nimages:\n- name: ghcr.io/acme/api\n  newTag: 1.0.0\n")},
		"an image without a version": {id: "image-unpinned", fix: "pawl bump ghcr.io/acme/web:VERSION -f base/web.yaml",
			does: withFile("base/web.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: web, image: ghcr.io/acme/web}]}\n")},
		"an image with a moving tag": {id: "image-unpinned", fix: "pawl bump ghcr.io/acme/web:VERSION",
			does: withFile("base/web.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: web, image: 'ghcr.io/acme/web:latest'}]}\n")},
		"a secret":                              {id: "secret", fix: "revoke it", does: withFile("staging/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n")},
		"Argo CD watches another branch":        {id: "engine-branch", fix: "spec.source.targetRevision: staging", does: withFile("argo/staging.yaml", engine("staging", "main"))},
		"Argo CD watches a folder that is gone": {id: "engine-path", fix: "correct the path", does: withFile("argo/staging.yaml", engine("apps/staging", "staging"))},
		"Flux watches another branch": {id: "engine-branch", fix: "spec.ref.branch of its GitRepository: production", does: withFile("flux/production.yaml",
			"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: config, namespace: flux-system}\nspec:\n  url: ssh://git@github.com/acme/config\n  ref: {branch: dev}\n---\n"+
				"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\nspec:\n  path: ./production\n  sourceRef: {kind: GitRepository, name: config}\n")},
		"an ApplicationSet deploys from another branch": {id: "engine-branch", fix: "spec.template.spec.source.targetRevision: staging", does: withFile("argo/set.yaml",
			appSet("list: {elements: [{app: api}]}", "staging/{{.app}}", "main"))},
		"an ApplicationSet deploys a folder that is gone": {id: "engine-path", fix: "correct the path", does: withFile("argo/set.yaml",
			appSet("clusters: {}", "apps/staging", "staging"))},
		"an ApplicationSet looks for folders in another branch": {id: "engine-branch", fix: "spec.generators[].git.revision: production", does: withFile("argo/set.yaml",
			appSet("matrix: {generators: [{clusters: {}}, {git: {repoURL: 'https://github.com/acme/config', revision: main, directories: [{path: 'apps/production/*'}]}}]}", "{{.path.path}}", "production"))},
		"bumps wait for each other":  {id: "workflow-concurrency", fix: "remove concurrency: there", does: withFile(".github/workflows/bump.yaml", strings.Replace(workflow, "%s", "push\nconcurrency: bump", 1))},
		"a job may write everything": {id: "workflow-permissions", fix: "name what the job needs", does: withFile(".github/workflows/all.yaml", "on: push\npermissions: write-all\njobs: {work: {steps: [{run: make}]}}\n")},
		"foreign code runs":          {id: "workflow-foreign-code", fix: "use on: pull_request", does: withFile(".github/workflows/verify.yaml", strings.Replace(workflow, "%s", "[pull_request_target]", 1))},
	}
}

// scoped is a classic token of the administrator's.
func scoped(scopes ...string) func(w *world) string {
	return func(w *world) string {
		token, err := w.server.CreateToken("ada", githubtest.TokenOptions{Scopes: append([]string{}, scopes...)})
		w.ok(err)
		return token
	}
}

func listed(kind string, classic bool) func(*githubtest.Rules) {
	parameters := map[string]map[string]any{"lock_branch": {}, "workflows": {
		"do_not_enforce_on_create": false,
		"workflows":                []any{map[string]any{"path": ".github/workflows/ci.yml", "repository_id": 7, "ref": "refs/heads/main"}},
	}, "merge_queue": {
		"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5,
		"merge_method": "MERGE", "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5,
	}}
	return func(r *githubtest.Rules) {
		r.Listed, r.Classic = map[string]map[string]any{kind: parameters[kind]}, classic
	}
}

// workflowsBypass lets some bypass, on a server that has run a workflow.
func workflowsBypass(logins ...string) func(*world) {
	return func(w *world) {
		w.repo.ActionsToken(appPermissions())
		rules("staging", func(r *githubtest.Rules) { r.Bypass = logins })(w)
	}
}

// deployed requires deployments.
func deployed(classic bool, environments ...string) func(*githubtest.Rules) {
	return func(r *githubtest.Rules) {
		r.Listed, r.Classic = map[string]map[string]any{"required_deployments": {"required_deployment_environments": environments}}, classic
	}
}

// open are the findings of a repository without any rules.
func open() []string {
	return []string{"deletion", "force-push", "merge-buttons", "pull-request", "updates-open"}
}

func both(one, other func(*world)) func(*world) {
	return func(w *world) { one(w); other(w) }
}

// unprotected takes every ruleset away.
func unprotected(w *world) { w.unprotect() }

// alone leaves nothing but one ruleset for the quality of each branch, and one that
// lets the App alone move it. Of the former, the one for a branch is changed.
func alone(branch string, change func(*githubtest.Rules)) func(*world) {
	return func(w *world) {
		w.unprotect()
		for _, other := range []string{"dev", "staging", "production"} {
			rules(other, func(r *githubtest.Rules) {
				if r.Name, r.RestrictUpdates, r.Bypass = "mine for "+other, false, nil; other == branch {
					change(r)
				}
				if other == "dev" {
					*r = githubtest.Rules{BlockForcePush: true, BlockDeletion: true}
				}
			})(w)
			if other != "dev" {
				w.repo.Protect(other, githubtest.Rules{Name: "lock of " + other, RestrictUpdates: true, Bypass: []string{"pawl[bot]"}})
			}
		}
	}
}

// classicAlone is the same with a branch protection for staging.
func classicAlone(change func(*githubtest.Rules)) func(*world) {
	return func(w *world) {
		alone("", nil)(w)
		sets, err := w.source(w.admin, "").Admin.Rulesets(w.t.Context())
		w.ok(err)
		for _, set := range sets {
			if strings.HasSuffix(set.Name, " staging") {
				w.repo.Unprotect(set.ID)
			}
		}
		rules("staging", func(r *githubtest.Rules) { r.Classic = true; change(r) })(w)
	}
}

func (w *world) unprotect() {
	w.t.Helper()
	sets, err := w.source(w.admin, "").Admin.Rulesets(w.t.Context())
	w.ok(err)
	for _, set := range sets {
		w.repo.Unprotect(set.ID)
	}
}

func TestMisconfigurations(t *testing.T) {
	t.Parallel()
	for name, test := range misconfigurations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, githubtest.RepositoryOptions{DefaultBranch: "dev", Creator: "ada", Public: test.public, NoRules: test.free})
			if test.free {
				test.does = nil
			} else if test.does != nil && test.early() {
				test.does(w)
				w.apply()
			} else {
				w.apply()
				if test.does != nil {
					test.does(w)
				}
			}
			token, app := w.admin, "pawl"
			if test.token != nil {
				token = test.token(w)
			}
			if test.app == "-" {
				app = ""
			}
			report := w.audit(token, app)
			for _, id := range ids(report) {
				if id != test.id && !slices.Contains(test.more, id) {
					t.Errorf("also found: %s\n%+v", id, report.Findings)
				}
			}
			if !slices.ContainsFunc(report.Findings, func(f doctor.Finding) bool {
				return f.ID == test.id && strings.Contains(f.Fix, test.fix) && f.Why != ""
			}) {
				t.Errorf("no finding %s with the fix %q\n%+v\n%+v", test.id, test.fix, report.Findings, report.Unchecked)
			}
		})
	}
}

// early says that something is done before the branches are locked: their content.
func (m misconfiguration) early() bool {
	switch m.id {
	case "branch-missing", "chain-broken", "content-differs", "config-invalid", "config-differs", "image-shadowed", "image-unpinned",
		"secret", "engine-branch", "engine-path", "workflow-concurrency", "workflow-permissions", "workflow-foreign-code", "permission-workflows":
		return true
	}
	return false
}
