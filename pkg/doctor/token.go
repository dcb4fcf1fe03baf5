package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

const (
	// soon is how long before its end a token is worth a word.
	soon = 14 * 24 * time.Hour
	// skew is how far a clock may be off: less than what GitHub tolerates in the
	// assertion of an App.
	skew = 30 * time.Second

	credentials = "docs/how-to/credentials.md"
)

// need is a permission, and the commands that stop without it.
// https://docs.github.com/rest/authentication/permissions-required-for-github-apps
type need struct{ name, level, commands string }

func needs() []need {
	return []need{
		{"contents", "write", "bump, promote, merge"},
		{"pull_requests", "write", "bump --pr, promote, merge"},
		{"checks", "read", "verify, merge"},
		{"statuses", "write", "verify --status, merge --status"},
	}
}

// checkToken looks at what the token is and may do.
func (a *audit) checkToken(ctx context.Context) error {
	a.checkClock()
	var err error
	if a.settings, err = a.Admin.Settings(ctx); err != nil {
		return err
	}
	if left := a.identity.Expires.Sub(a.Forge.Now()); !a.identity.Expires.IsZero() && left < soon && a.person() {
		a.find(Warning, "token-expires", fmt.Sprintf("the token ends on %s", a.identity.Expires.Format(time.DateOnly)),
			"jobs that use it fail from then on", "make a new one under Settings, Developer settings, or use a GitHub App: "+credentials)
	}
	switch a.identity.Kind {
	case forge.TokenNone:
		a.noToken(Warning)
	case forge.TokenActions:
		a.find(Warning, "token-actions", "this is the GITHUB_TOKEN of a workflow",
			"what it pushes starts no workflows, it cannot promote changes of .github/workflows, and no repository's ruleset lets it through the lock",
			"use the token of a GitHub App: "+credentials)
	case forge.TokenClassic:
		a.checkScopes()
	case forge.TokenFineGrained:
		a.unchecked("what the token may write", "GitHub does not tell the permissions of a fine-grained token: it takes contents: write, pull-requests: write, commit statuses: write")
	}
	if a.identity.Kind == forge.TokenInstallation {
		a.checkPermissions()
	}
	a.checkAuthor()
	if a.person() && a.App == "" && !a.settings.CanPush {
		a.find(Error, "role", fmt.Sprintf("%s may not push to the repository", a.report.Identity), "bump, promote and merge are refused",
			"Settings, Collaborators and teams: give the role Write, or use a GitHub App: "+credentials)
	}
	return nil
}

// checkAuthor says that a person who opens promotions does not approve them: GitHub
// takes no approval of one's own pull request.
// https://docs.github.com/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/approving-a-pull-request-with-required-reviews
func (a *audit) checkAuthor() {
	wanted := slices.IndexFunc(a.cfg.Environments, func(env config.Environment) bool { return env.Gates.Approvals > 0 })
	if wanted < 0 || !a.person() || a.App != "" || a.identity.Login == "" {
		return
	}
	a.find(Note, "token-author", "promotions are pull requests of "+a.identity.Login, fmt.Sprintf("GitHub takes no approval of one's own: for %s, others have to approve", a.cfg.Environments[wanted].Name),
		"let a GitHub App open them: "+credentials)
}

// person says whether a user stands behind the token.
func (a *audit) person() bool {
	return a.identity.Kind == forge.TokenClassic || a.identity.Kind == forge.TokenFineGrained || a.identity.Kind == forge.TokenOther
}

func (a *audit) checkClock() {
	off := a.Now.Sub(a.Forge.Now())
	if a.Forge.Now().IsZero() || off.Abs() < skew {
		return
	}
	direction := "ahead of"
	if off < 0 {
		direction = "behind"
	}
	a.find(Warning, "clock", fmt.Sprintf("this machine's clock is %s %s GitHub's", off.Abs().Round(time.Second), direction),
		"GitHub refuses the assertions of an App, and the dates of commits are wrong", "set the clock, for example: timedatectl set-ntp true")
}

// invisible is the report on a repository that does not show to a token because of
// what the token is; nil when that is not the reason.
func invisible(ctx context.Context, s Source, seen error) *Report {
	a := &audit{Source: s, report: &Report{Repository: s.Name, Findings: []Finding{}, Unchecked: []Unchecked{}}}
	a.identity, _ = s.Admin.Identity(ctx)
	a.settings.Private = true // or it would show
	a.report.Identity = string(a.identity.Kind)
	switch {
	case a.identity.Kind == forge.TokenNone:
		a.noToken(Error)
	case a.identity.Kind == forge.TokenClassic && !a.hasScope("repo"):
		a.lacksScope()
	default:
		return nil
	}
	a.unchecked("everything else", seen.Error())
	return a.report
}

func (a *audit) noToken(severity Severity) {
	a.find(severity, "token-none", "there is no token", "what is not public cannot be looked at, and bump, promote and merge are refused",
		"set GH_TOKEN, or PAWL_APP_ID and PAWL_APP_PRIVATE_KEY, or run: gh auth login ("+credentials+")")
}

// hasScope says whether a classic token has a scope.
func (a *audit) hasScope(scope string) bool { return slices.Contains(a.identity.Scopes, scope) }

// lacksScope reports a classic token that may not write.
// https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
func (a *audit) lacksScope() {
	has := "none"
	if len(a.identity.Scopes) > 0 && a.identity.Scopes[0] != "" {
		has = strings.Join(a.identity.Scopes, ", ")
	}
	a.find(Error, "token-scope", "the token lacks the scope repo; it has: "+has, "bump, promote and merge are refused, and a private repository does not show",
		"Settings, Developer settings, Personal access tokens, Tokens (classic), this token: tick repo, and workflow if promotions change workflows; or use a GitHub App: "+credentials)
}

// checkScopes looks at a classic token.
func (a *audit) checkScopes() {
	if !a.hasScope("repo") && (a.settings.Private || !a.hasScope("public_repo")) {
		a.lacksScope()
	}
	if a.App != "" { // the token is an administrator's, and another one merges
		return
	}
	a.find(Note, "token-classic", "this is a classic token of "+a.report.Identity, "it reaches every repository that its owner reaches",
		"use a GitHub App, or a fine-grained token for this repository: "+credentials)
}

// checkPermissions looks at what the installation of an App was granted.
func (a *audit) checkPermissions() {
	granted := a.identity.Permissions
	if granted == nil {
		a.unchecked("what the App's installation may do", "GitHub tells that to the App only: set PAWL_APP_ID and PAWL_APP_PRIVATE_KEY")
		return
	}
	for _, n := range needs() {
		if granted[n.name] == "write" || granted[n.name] == n.level {
			continue
		}
		name := strings.ReplaceAll(n.name, "_", "-")
		a.find(Error, "permission-missing", fmt.Sprintf("the App's installation lacks the permission %s: %s", name, n.level),
			"without it these are refused: "+n.commands,
			fmt.Sprintf("the App's settings, Permissions & events: %s: %s; then accept it under the installation", name, n.level))
	}
}

// mayWorkflows says whether the token may move commits that change workflows, as far
// as that is known.
func (a *audit) mayWorkflows() bool {
	switch {
	case a.identity.Kind == forge.TokenActions:
		return false
	case a.identity.Kind == forge.TokenClassic:
		return a.hasScope("workflow")
	}
	return a.identity.Permissions == nil || a.identity.Permissions["workflows"] == "write"
}
