package promotion

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
)

// branchRule is a rule of the hosting service that can refuse the move of a
// branch: what its refusal says, what it is called there, and what to do.
type branchRule struct {
	says *regexp.Regexp
	name string
	fix  string
}

// branchRules are in GitHub's words, as rulesets and branch protections give them.
// https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
// https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/troubleshooting-rules
func branchRules() []branchRule {
	const bypass = `add the identity of this token to the bypass list of that ruleset, with the mode "Always": "For pull requests only" does not cover a fast-forward`
	return []branchRule{
		{regexp.MustCompile(`(?i)approving reviews? (is|are) required|review from code owners|last pusher|changes have been requested`), "Require a pull request before merging",
			"get the approval that the rule asks for on #%[1]d, then run the same command again"},
		{regexp.MustCompile(`(?i)required status check`), "Require status checks to pass",
			"let the check report on the head of #%[1]d, then run the same command again"},
		{regexp.MustCompile(`(?i)through a pull request`), "Require a pull request before merging",
			"GitHub does not count #%[1]d as the pull request of this commit: " + bypass},
		{regexp.MustCompile(`(?i)merge commits`), "Require linear history",
			"the promotion contains a merge commit: take the rule away from environment branches; nothing else forbids merging by button once updates are restricted"},
		{regexp.MustCompile(`(?i)verified signatures?`), "Require signed commits", "a commit of the promotion is not signed: sign it in dev, or take the rule away"},
		{regexp.MustCompile(`(?i)merge queue`), "Require merge queue", "a merge queue makes commits of its own: take the rule away from environment branches"},
		{regexp.MustCompile(`(?i)deploy`), "Require deployments to succeed", "let the deployment of this commit succeed, then run the same command again"},
		{regexp.MustCompile(`(?i)cannot update this protected ref|not authorized to push|protected branch|cannot be updated`), "Restrict updates", bypass},
	}
}

// ruleFix names the rules that refused a move, and says what to do about each.
func ruleFix(refused *forge.RefusedError, number int) string {
	var fixes []string
	for _, rule := range branchRules() {
		if !rule.says.MatchString(strings.Join(refused.Reasons, "\n")) {
			continue
		}
		fix := rule.fix
		if strings.Contains(fix, "%[1]d") {
			fix = fmt.Sprintf(fix, number)
		}
		fixes = append(fixes, fmt.Sprintf("rule %q: %s", rule.name, fix))
	}
	if len(fixes) == 0 {
		return "a rule of the branch must let this token update it: look under Settings, Rules, and see docs/how-to/github-actions.md, Lock the branches"
	}
	return strings.Join(fixes, "; ")
}
