package bump

import (
	"errors"
	"strings"

	"github.com/getpawl/pawl/pkg/git"
)

// AccessError is a server that does not let the caller in, with what to do about
// it.
type AccessError struct {
	err error
	fix string
}

// Error says what the server said.
func (e *AccessError) Error() string { return e.err.Error() }

// Hint says what it means, and what to do.
func (e *AccessError) Hint() string { return e.fix }

// Unwrap returns the error of the connection.
func (e *AccessError) Unwrap() error { return e.err }

// Explain adds to a server's refusal what it means and what to do. What became of a
// push is never decided by these words, which differ from server to server: they
// serve to find the advice only.
func Explain(err error) error {
	var refused *git.RefusedError
	switch {
	case errors.As(err, &refused):
		branch := strings.TrimPrefix(refused.Ref, "refs/heads/")
		return &Refusal{Reason: err.Error(), Fix: strings.ReplaceAll(find(refusals(), err), "BRANCH", branch)}
	case errors.Is(err, git.ErrAccess):
		return &AccessError{err, find(denials(), err)}
	}
	return err
}

// advice is what to say when one of the words was said; the first that fits is
// given. The last has no words, and always fits.
type advice struct {
	words []string // in lower case
	text  string
}

func find(list []advice, err error) string {
	said := strings.ToLower(err.Error())
	for _, each := range list {
		if len(each.words) == 0 {
			return each.text
		}
		for _, words := range each.words {
			if strings.Contains(said, words) {
				return each.text
			}
		}
	}
	return ""
}

// refusals are the rules that servers have for pushes, in their words:
// https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/troubleshooting-rules
// https://docs.gitlab.com/user/project/repository/branches/protected/
// https://learn.microsoft.com/azure/devops/repos/git/branch-policies
// https://git-scm.com/docs/git-config#Documentation/git-config.txt-receivedenyCurrentBranch
func refusals() []advice {
	return []advice{
		{[]string{"without `workflows` permission", "without `workflow` scope", "without workflows permission"},
			"the push touches files in .github/workflows, which needs a permission of its own: give the token Workflows: write (the scope workflow); GITHUB_TOKEN can never have it"},
		{[]string{"push cannot contain secrets", "secret scanning", "secret detected"},
			"the server found a secret in the files that are pushed: take it out and revoke it; pawl pushes nothing but the files that it edits"},
		{[]string{"verified signature", "must be signed", "unsigned commit"},
			"BRANCH takes only signed commits: let the commit be signed, or take the rule off BRANCH"},
		{[]string{"large file", "exceeds github's file size limit", "gh001"},
			"the server takes no file of this size; it is one that pawl edits, so it is no manifest: narrow the bump with --file"},
		{[]string{"pull request", "approving review", "merge request", "tf402455", "changes must be made through"},
			"the rules of BRANCH want a review: give --pr to open a pull request instead, or put the token's account on the bypass list of the rule"},
		{[]string{"required status check", "status check", "required workflow"},
			"the rules of BRANCH want checks to have passed on a commit before it is pushed: give --pr, so that they run there, or put the token's account on the bypass list of the rule"},
		{[]string{"is archived", "was archived", "read-only"},
			"the repository is archived: nobody can push to it; unarchive it, or correct --repo"},
		{[]string{"currently checked out"},
			"BRANCH is checked out in the repository that is pushed to: push to a bare one"},
		{[]string{"gh006", "gh013", "protected branch", "protected ref", "not allowed to push", "restricted"},
			"the rules of BRANCH must let this token push to it: put its account on the bypass list of the rule that is named, or give --pr"},
		{[]string{"hook declined", "pre-receive"},
			"a hook on the server forbids it, for the reason above; if it says none, ask whoever runs the server"},
		{nil, "the rules of BRANCH must let this token push to it; ask whoever runs the server if the reason above does not tell which one"},
	}
}

// denials are reasons of servers to let nobody in.
func denials() []advice {
	return []advice{
		{[]string{"archived", "read-only"},
			"the repository is archived: nobody can push to it; unarchive it, or correct --repo"},
		{[]string{"saml", "single sign-on"},
			"the organization wants the token to be authorized for single sign-on: do so in the token's settings"},
		{[]string{"ip allow list", "ip address"},
			"the organization lets in only some addresses, and this machine's is not one of them: run it on a runner that is allowed"},
		{[]string{"resource not accessible by integration", "write access to repository not granted", "denied to"},
			"the token may read the repository, but not push to it: it needs the permission Contents: write on it; GITHUB_TOKEN is for its own repository only"},
		{[]string{"http 401"},
			"the token is wrong or expired, or it is for another server: pawl sends it to the server of GITHUB_SERVER_URL (default: https://github.com) only; set GH_TOKEN or GITHUB_TOKEN to a token of that server"},
		{[]string{"http 403"},
			"the token needs the permission Contents: write on this repository; GITHUB_TOKEN is for its own repository only"},
		{[]string{"http 404"},
			"check the name; if it is right, the token may not see the repository: it needs the permission Contents: write on it, and a GitHub App must be installed there"},
		{nil, "check the name of the repository, and that the token has the permission Contents: write on it"},
	}
}
