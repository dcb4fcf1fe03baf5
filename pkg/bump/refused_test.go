package bump

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/git"
)

// What servers say, and what pawl says to it.
func TestExplain(t *testing.T) {
	t.Parallel()
	rule := func(reason string, text ...string) error {
		return fmt.Errorf("pushing: %w", &git.RefusedError{Ref: "refs/heads/dev", Reason: reason, Text: text})
	}
	access := func(text string) error { return fmt.Errorf("pushing: %w: %s", git.ErrAccess, text) }
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"GitHub, branch protection", rule("protected branch hook declined", "error: GH006: Protected branch update failed for refs/heads/dev.", "You're not authorized to push to this branch."), "the rules of dev must let this token push"},
		{"GitHub, protection with reviews", rule("protected branch hook declined", "error: GH006: Protected branch update failed for refs/heads/dev.", "At least 1 approving review is required by reviewers with write access."), "the rules of dev want a review: give --pr"},
		{"GitHub, ruleset, pull request", rule("push declined due to repository rule violations", "error: GH013: Repository rule violations found for refs/heads/dev.", "- Changes must be made through a pull request."), "give --pr"},
		{"GitHub, ruleset, locked", rule("push declined due to repository rule violations", "error: GH013: Repository rule violations found for refs/heads/dev.", "- Cannot update this protected ref."), "bypass list of the rule that is named"},
		{"GitHub, ruleset, checks", rule("push declined due to repository rule violations", "error: GH013: Repository rule violations found for refs/heads/dev.", `- Required status check "ci" is expected.`), "want checks to have passed"},
		{"GitHub, ruleset, signatures", rule("push declined due to repository rule violations", "error: GH013: Repository rule violations found for refs/heads/dev.", "- Commits must have verified signatures."), "dev takes only signed commits"},
		{"GitHub, secret", rule("push declined due to repository rule violations", "error: GH013: Repository rule violations found for refs/heads/dev.", "- GITHUB PUSH PROTECTION", "- Push cannot contain secrets"), "found a secret"},
		{"GitHub, workflow, App", rule("refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission"), "Workflows: write"},
		{"GitHub, workflow, token", rule("refusing to allow a Personal Access Token to create or update workflow `.github/workflows/ci.yml` without `workflow` scope"), "Workflows: write"},
		{"GitHub, large file", rule("pre-receive hook declined", "error: GH001: Large files detected."), "no file of this size"},
		{"GitLab, protected", rule("pre-receive hook declined", "GitLab: You are not allowed to push code to protected branches on this project."), "the rules of dev must let this token push"},
		{"Azure DevOps", rule("TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch."), "give --pr"},
		{"Bitbucket", rule("pre-receive hook declined", "Branch refs/heads/dev can only be modified through pull requests."), "give --pr"},
		{"Gitea", rule("pre-receive hook declined", "Gitea: Not allowed to push to protected branch dev"), "the rules of dev must let this token push"},
		{"Git, checked out", rule("branch is currently checked out"), "push to a bare one"},
		{"a hook that says nothing", rule("pre-receive hook declined"), "a hook on the server forbids it"},
		{"other words", rule("verboten"), "the rules of dev must let this token push"},
		{"archived", access("the token may not do this (HTTP 403): This repository was archived so it is read-only."), "the repository is archived"},
		{"no write access", access("the token may not do this (HTTP 403): Permission to acme/config.git denied to release-bot."), "Contents: write"},
		{"no write access, fine-grained", access("the token may not do this (HTTP 403): Write access to repository not granted."), "Contents: write"},
		{"single sign-on", access("the token may not do this (HTTP 403): The 'acme' organization has enabled or enforced SAML SSO."), "single sign-on"},
		{"wrong token", access("the token is missing, wrong or expired (HTTP 401)"), "for another server"},
		{"not found", access("repository not found, or the token may not see it (HTTP 404)"), "check the name"},
		{"unknown", access("no"), "check the name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := Explain(test.err)
			var hinter interface{ Hint() string }
			if !errors.As(got, &hinter) || !strings.Contains(hinter.Hint(), test.want) {
				t.Errorf("got %v, want %q", hinter, test.want)
			}
			if strings.Contains(hinter.Hint(), "BRANCH") {
				t.Errorf("the branch is not named: %s", hinter.Hint())
			}
			if got.Error() != test.err.Error() {
				t.Errorf("the server's words are gone: %v", got)
			}
			if errors.Is(test.err, git.ErrAccess) && !errors.Is(got, git.ErrAccess) {
				t.Error("it is no access error any more")
			}
		})
	}
	if err := Explain(git.ErrMoved); !errors.Is(err, git.ErrMoved) {
		t.Errorf("got %v", err)
	}
}
