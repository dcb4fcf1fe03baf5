package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// checkDeployments looks at required deployments. GitHub wants one that succeeded and
// is active, of exactly the commit that the branch is to be moved to, when it is moved.
// https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets#require-deployments-to-succeed-before-merging
func (a *audit) checkDeployments(b branch) {
	const name = "Require deployments to succeed before merging"
	for _, rule := range b.rules {
		for _, environment := range rule.Environments {
			take := fmt.Sprintf("Settings, %s, %q: take %s away from %s", a.place(rule), name, environment, b.env.Branch)
			if a.isLater(environment, b.env) {
				a.find(Error, "deployment-never", fmt.Sprintf("%s can be moved only to a commit that is deployed to %s already", b.env.Branch, environment),
					"what is deployed there comes from this branch or a later one: no commit gets there before it is here, and every promotion is blocked", take)
				continue
			}
			a.find(Warning, "deployment-required", fmt.Sprintf("%s can be moved only to a commit with an active deployment to %s", b.env.Branch, environment),
				"it takes a deployment on GitHub, which Flux and Argo CD make only if they are told to; the next one there makes it inactive, and an older commit is then refused for good",
				fmt.Sprintf("%s, and have the gates of %s in %s ask for the check that reports what runs there, with its soak time (docs/reference/gates.md)", take, b.env.Name, config.FileName))
		}
	}
}

// isLater says whether a name is that of an environment or one that comes after it.
func (a *audit) isLater(name string, env config.Environment) bool {
	at := slices.IndexFunc(a.cfg.Environments, func(e config.Environment) bool { return e.Name == env.Name })
	return slices.ContainsFunc(a.cfg.Environments[at:], func(e config.Environment) bool {
		return strings.EqualFold(name, e.Name) || strings.EqualFold(name, e.Branch)
	})
}

// checkUnknown lists rules that nothing here judges: GitHub adds new ones.
// https://docs.github.com/rest/repos/rules#get-rules-for-a-branch
func (a *audit) checkUnknown(b branch) {
	known := []string{
		"creation", "update", "deletion", "non_fast_forward", "required_linear_history", "required_signatures", "required_deployments",
		"pull_request", "required_status_checks", "merge_queue", "workflows", "lock_branch",
	}
	for _, rule := range b.rules {
		if !slices.Contains(known, rule.Type) {
			a.unchecked(fmt.Sprintf("whether the rule %s lets promotions into %s through", rule.Type, b.env.Branch),
				fmt.Sprintf("pawl does not know what it does; it is set under Settings, %s", a.place(rule)))
		}
	}
}

// checkBound looks whether GitHub's rules for pull requests bind the one who merges.
// Who may bypass a ruleset bypasses all of it, so that the ruleset which lets the App
// alone move a branch must not be the one that asks for approvals.
func (a *audit) checkBound(b branch) {
	for _, kind := range []struct{ rule, name string }{{"pull_request", "a pull request"}, {"required_status_checks", "status checks"}} {
		var fixes []string
		bound := false
		for _, rule := range b.rules {
			if rule.Type != kind.rule {
				continue
			}
			fix := fmt.Sprintf("Settings, %s: keep \"Restrict updates\" there, and the other rules in a ruleset that nobody may bypass: %s", a.place(rule), a.apply())
			if rule.Ruleset == 0 {
				fix = fmt.Sprintf("Settings, %s, \"Allow specified actors to bypass required pull requests\": remove the App", a.place(rule))
			}
			fixes = append(fixes, fix)
			bound = bound || a.binds(rule, b)
		}
		if len(fixes) > 0 && !bound {
			a.find(Warning, "bypass-quality", fmt.Sprintf("%s requires %s, and not of %s, who merges", b.env.Branch, kind.name, a.merger()),
				"whoever may bypass a ruleset bypasses all of it: GitHub lets the token of the App move the branch without them",
				strings.Join(fixes, "; "))
		}
	}
}

// binds says whether a rule holds for the one who merges, or may do so.
func (a *audit) binds(rule forge.Rule, b branch) bool {
	if rule.Ruleset != 0 {
		return a.passage(rule, b) != allowed
	}
	return rule.Type != "pull_request" || !slices.Contains(b.protection.Exempt, a.mergerLogin())
}

// checkProtection looks for whom the branch protection does not hold, where no ruleset
// has the same rules.
func (a *audit) checkProtection(b branch) {
	alone := func(kinds ...string) bool {
		return slices.ContainsFunc(b.rules, func(rule forge.Rule) bool {
			return (len(kinds) == 0 || slices.Contains(kinds, rule.Type)) &&
				!slices.ContainsFunc(b.rules, func(other forge.Rule) bool { return other.Ruleset != 0 && other.Type == rule.Type })
		})
	}
	const where, why = "Settings, Branches, Branch protection rules", "the rules do not hold for them"
	if alone() && b.protection.AdminsExempt {
		a.find(Warning, "bypass-others", "repository administrators may bypass the branch protection of "+b.env.Branch, why,
			where+`: turn on "Do not allow bypassing the above settings"`)
	}
	login := a.mergerLogin()
	others := func(logins []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(logins), func(other string) bool { return other == login }), ", ")
	}
	if login == "" {
		return
	}
	if names := others(b.protection.Exempt); names != "" && alone("pull_request") {
		a.find(Warning, "bypass-others", fmt.Sprintf("%s may move %s without a pull request", names, b.env.Branch), why,
			where+`, "Allow specified actors to bypass required pull requests": remove them`)
	}
	if names := others(b.protection.Pushers); names != "" && alone("update") {
		a.find(Warning, "bypass-others", fmt.Sprintf("%s may move %s, too", names, b.env.Branch), "they do so around every gate of pawl",
			where+`, "Restrict who can push to matching branches": leave the App alone there`)
	}
}

// checkGates compares the checks of the gates with those that GitHub requires.
// GitHub knows no patterns.
func (a *audit) checkGates(b branch) {
	for _, wanted := range b.env.Gates.Checks {
		required := slices.ContainsFunc(b.rules, func(rule forge.Rule) bool {
			return slices.ContainsFunc(rule.Checks, func(check forge.RequiredCheck) bool { return check.Name == wanted.Name })
		})
		if b.whole && !required && !isPattern(wanted.Name) {
			a.find(Warning, "check-not-required", fmt.Sprintf("%s asks for the check %q, and %s does not require it", config.FileName, wanted.Name, b.env.Branch),
				"GitHub lets in what pawl would not", fmt.Sprintf(`ruleset for %s: "Require status checks to pass": %s: %s`, b.env.Branch, wanted.Name, a.apply()))
		}
	}
}

// isPattern says whether the name of a check stands for several.
func isPattern(name string) bool { return strings.ContainsAny(name, "*?[{\\") }
