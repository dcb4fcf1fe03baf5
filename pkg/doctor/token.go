package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
		a.find(Warning, "token-none", "there is no token", "nothing that takes a permission can be looked at or done",
			"set GH_TOKEN, or PAWL_APP_ID and PAWL_APP_PRIVATE_KEY: "+credentials)
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
	if a.person() && a.App == "" && !a.settings.CanPush {
		a.find(Error, "role", fmt.Sprintf("%s may not push to the repository", a.report.Identity), "bump, promote and merge are refused",
			"Settings, Collaborators and teams: give the role Write, or use a GitHub App: "+credentials)
	}
	return nil
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

// checkScopes looks at a classic token.
func (a *audit) checkScopes() {
	has := func(scope string) bool { return slices.Contains(a.identity.Scopes, scope) }
	if !has("repo") && (a.settings.Private || !has("public_repo")) {
		a.find(Error, "token-scope", "the token lacks the scope repo", "bump, promote and merge are refused",
			"Settings, Developer settings, Personal access tokens: add the scope repo")
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
		return slices.Contains(a.identity.Scopes, "workflow")
	}
	return a.identity.Permissions == nil || a.identity.Permissions["workflows"] == "write"
}
