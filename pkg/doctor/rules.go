package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/output"
)

// branch is an environment's branch and the rules for it, of rulesets and of a
// branch protection alike.
type branch struct {
	env   config.Environment
	first bool
	rules []forge.Rule
	// protection is the branch protection, if there is one that may be looked at.
	protection forge.Protection
	// whole says whether all rules are known. When they are not, a rule that is not
	// there may be.
	whole bool
}

func (b branch) has(kind string) bool {
	return slices.ContainsFunc(b.rules, func(r forge.Rule) bool { return r.Type == kind })
}

// lacks says whether a rule is not there, for sure.
func (b branch) lacks(kind string) bool { return b.whole && !b.has(kind) }

// apply is the command that makes the rules as they should be.
func (a *audit) apply() string {
	return "pawl doctor --apply --app " + orWord(a.App, "APP") + " (docs/how-to/protect-branches.md)"
}

func orWord(text, word string) string {
	if text == "" {
		return word
	}
	return text
}

// readRules reads the rules of every branch that is there.
func (a *audit) readRules(ctx context.Context) error {
	var hidden []string
	for i, env := range a.cfg.Environments {
		if a.head(env) == "" {
			continue
		}
		b := branch{env: env, first: i == 0, whole: true}
		var err error
		if b.rules, err = a.Admin.Rules(ctx, env.Branch); errors.Is(err, forge.ErrUnsupported) {
			a.noRules()
			return nil
		}
		if err != nil {
			b.whole = false
			if err := a.cannot("the rules of "+env.Branch, err); err != nil {
				return err
			}
		}
		protection, err := a.Admin.Protection(ctx, env.Branch)
		switch {
		case err == nil:
			b.rules, b.protection = append(b.rules, fromProtection(protection)...), protection
			if protection.Unread != "" {
				a.unchecked("whether the branch protection of "+env.Branch+" requires deployments or a merge queue", protection.Unread)
			}
		case errors.Is(err, forge.ErrUnsupported):
			a.noRules()
			return nil
		case errors.Is(err, forge.ErrAccess):
			b.whole = false
			hidden = append(hidden, env.Branch)
		case !errors.Is(err, forge.ErrNotFound):
			return err
		}
		a.branches = append(a.branches, b)
		if err := a.readRulesets(ctx, b.rules); err != nil {
			return err
		}
	}
	if len(hidden) > 0 {
		a.unchecked("the branch protection of "+strings.Join(hidden, ", ")+", and with it whether rules are missing that no ruleset has",
			"it takes a token with administration: read, such as that of an administrator")
	}
	return nil
}

// noRules reports a plan that has no rules for private repositories: nothing else needs
// to be said about them.
// https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/about-rulesets
func (a *audit) noRules() {
	a.branches = nil
	a.find(Error, "rules-plan", "the plan of "+a.Name+" has no rules for private repositories", "everybody who may write can move, force-push and delete every branch, around every gate",
		"upgrade to GitHub Pro, Team or Enterprise, or make the repository public; then: "+a.apply())
}

// fromProtection puts a branch protection into the words of rulesets.
func fromProtection(p forge.Protection) []forge.Rule {
	rules := []forge.Rule{}
	add := func(on bool, rule forge.Rule) {
		if on {
			rules = append(rules, rule)
		}
	}
	add(p.Restricted, forge.Rule{Type: "update"})
	add(!p.ForcePushes, forge.Rule{Type: "non_fast_forward"})
	add(!p.Deletions, forge.Rule{Type: "deletion"})
	add(p.LinearHistory, forge.Rule{Type: "required_linear_history"})
	add(p.Signatures, forge.Rule{Type: "required_signatures"})
	add(p.Locked, forge.Rule{Type: "lock_branch"})
	add(p.MergeQueue, forge.Rule{Type: "merge_queue"})
	add(len(p.Environments) > 0, forge.Rule{Type: "required_deployments", Environments: p.Environments})
	add(p.PullRequest, forge.Rule{Type: "pull_request", Approvals: p.Approvals, DismissesStale: p.DismissesStale})
	add(len(p.Checks) > 0, forge.Rule{Type: "required_status_checks", Checks: p.Checks})
	return rules
}

// readRulesets reads each ruleset once.
func (a *audit) readRulesets(ctx context.Context, rules []forge.Rule) error {
	for _, rule := range rules {
		if _, known := a.rulesets[rule.Ruleset]; known || rule.Ruleset == 0 {
			continue
		}
		set, err := a.Admin.Ruleset(ctx, rule.Ruleset)
		if err != nil {
			if err = a.cannot(fmt.Sprintf("the ruleset %d", rule.Ruleset), err); err != nil {
				return err
			}
		}
		a.rulesets[rule.Ruleset] = set
	}
	return nil
}

// checkRules looks at the rules of every branch.
func (a *audit) checkRules(ctx context.Context) error {
	for _, b := range a.branches {
		a.checkHistory(b)
		a.checkForbidden(b)
		a.checkDeployments(b)
		a.checkUnknown(b)
		if err := a.checkSignatures(ctx, b); err != nil {
			return err
		}
		if b.first {
			a.checkFirst(b)
			continue
		}
		a.checkLock(b)
		a.checkQuality(b)
		a.checkRequired(b)
		a.checkBound(b)
		a.checkProtection(b)
	}
	return a.checkBypass(ctx)
}

// checkHistory looks for what keeps a branch from going back.
func (a *audit) checkHistory(b branch) {
	if b.lacks("non_fast_forward") {
		a.find(Error, "force-push", b.env.Branch+" can be force-pushed", "its history can be rewritten: what was deployed and approved is gone",
			`ruleset for `+b.env.Branch+`: "Block force pushes": `+a.apply())
	}
	if b.lacks("deletion") {
		a.find(Error, "deletion", b.env.Branch+" can be deleted", "the environment goes with it, or is made again elsewhere",
			`ruleset for `+b.env.Branch+`: "Restrict deletions": `+a.apply())
	}
}

// checkForbidden looks for rules under which no branch can be fast-forwarded, or
// healed.
func (a *audit) checkForbidden(b branch) {
	for _, bad := range []struct{ kind, id, name, why string }{
		{"required_linear_history", "linear-history", "Require linear history", "it forbids the merge commit that heals a divergence, for ever"},
		{"merge_queue", "merge-queue", "Require merge queue", "a queue makes commits of its own: what was approved is not what lands"},
		{"lock_branch", "branch-locked", "Lock branch", "nobody can move the branch, pawl no more than others"},
		{"workflows", "required-workflows", "Require workflows to pass before merging", "the rule refuses every branch that is moved directly"},
	} {
		if b.has(bad.kind) {
			a.find(Error, bad.id, fmt.Sprintf("%s has the rule %q", b.env.Branch, bad.name), bad.why,
				fmt.Sprintf("Settings, %s: take %q away from %s", a.where(b, bad.kind), bad.name, b.env.Branch))
		}
	}
}

// where says where a rule of a kind is set.
func (a *audit) where(b branch, kind string) string {
	i := slices.IndexFunc(b.rules, func(rule forge.Rule) bool { return rule.Type == kind })
	return a.place(b.rules[i])
}

// place says where a rule is set.
func (a *audit) place(rule forge.Rule) string {
	if rule.Ruleset == 0 {
		return "Branches, Branch protection rules"
	}
	return fmt.Sprintf("Rules, Rulesets, %q", orWord(a.rulesets[rule.Ruleset].Name, fmt.Sprint(rule.Ruleset)))
}

// checkSignatures compares the rule with what bump makes.
func (a *audit) checkSignatures(ctx context.Context, b branch) error {
	if !b.has("required_signatures") {
		return nil
	}
	first := a.cfg.Environments[0]
	if head := a.head(first); head != "" {
		verified, reason, err := a.Forge.Verification(ctx, head)
		if err != nil {
			return a.cannot("whether GitHub verifies the head of "+first.Branch, err)
		}
		if !verified {
			a.find(Error, "unsigned-head", fmt.Sprintf("%s requires signed commits, and the head of %s is not verified (%s)", b.env.Branch, first.Branch, reason),
				"it can never be promoted into "+b.env.Name,
				fmt.Sprintf("take %q away from %s, or sign what comes next: %s, Verified commits", "Require signed commits", b.env.Branch, credentials))
		}
	}
	if !first.RequireVerified {
		a.find(Warning, "unsigned-bumps", fmt.Sprintf("%s requires signed commits, and bumps of %s need not be", b.env.Branch, first.Name),
			"the first commit that is not verified blocks every promotion after it", fmt.Sprintf("%s: requireVerified: true for %s", config.FileName, first.Name))
	}
	return nil
}

// checkFirst looks at the branch that bumps are pushed to.
func (a *audit) checkFirst(b branch) {
	for _, kind := range []string{"pull_request", "update"} {
		for _, rule := range b.rules {
			if rule.Type == kind && a.passage(rule, b) != allowed {
				a.find(Note, "bump-push", fmt.Sprintf("%s takes no direct push", b.env.Branch), "pawl bump --push is refused there", "use: pawl bump --pr")
				return
			}
		}
	}
}

// The answers of passage.
const (
	allowed = "allowed"
	barred  = "barred"
	buttons = "buttons" // only by merge button
	unclear = ""
)

// passage says whether a rule lets the identity through that is to merge.
func (a *audit) passage(rule forge.Rule, b branch) string {
	if rule.Ruleset == 0 {
		switch login := a.mergerLogin(); {
		case slices.Contains(b.protection.Pushers, login):
			return allowed
		case login == "":
			return unclear
		}
		return barred
	}
	set := a.rulesets[rule.Ruleset]
	mode := set.Own
	if a.App != "" || set.ID == 0 {
		if !set.Listed {
			return unclear
		}
		mode = forge.BypassNever
		for _, actor := range set.Actors {
			if actor.Type == "Integration" && actor.ID == a.app {
				mode = actor.Mode
			}
		}
	}
	switch mode {
	case forge.BypassAlways, forge.BypassExempt:
		return allowed
	case forge.BypassPullRequest:
		return buttons
	case forge.BypassNever:
		return barred
	}
	return unclear
}

// checkLock looks who can move the branch of a later environment.
func (a *audit) checkLock(b branch) {
	if b.lacks("update") {
		a.find(Error, "updates-open", "everybody who may write can move "+b.env.Branch, "by push or by merge button, around every gate; a button also makes a commit that diverges from the environment before",
			`ruleset for `+b.env.Branch+`: "Restrict updates", with the App alone on its bypass list, mode "Always": `+a.apply())
	}
	for _, rule := range b.rules {
		if rule.Type != "update" {
			continue
		}
		name := a.place(rule)
		switch a.passage(rule, b) {
		case barred:
			a.find(Error, "bypass-missing", fmt.Sprintf("%s lets no update of %s by %s through", name, b.env.Branch, a.merger()), "pawl merge is refused",
				`put the App on the bypass list, mode "Always": `+a.apply())
		case buttons:
			a.find(Error, "bypass-mode", fmt.Sprintf("%s lets %s through for pull requests only", name, a.merger()), "that covers the merge button, and not a fast-forward of "+b.env.Branch,
				`set the mode to "Always": `+a.apply())
		case unclear:
			a.unchecked("whether the identity that merges may move "+b.env.Branch, "the list of who may bypass shows to administrators only: run this with an administrator's token and --app APP")
		}
	}
}

// mergerLogin is the login of the one who merges; empty when only a number is known.
func (a *audit) mergerLogin() string {
	switch {
	case a.App == "":
		return a.identity.Login
	case a.App == fmt.Sprint(a.app):
		return ""
	}
	return a.App + "[bot]"
}

// merger is who is to merge.
func (a *audit) merger() string {
	if a.App != "" {
		return "the App " + a.App
	}
	return a.report.Identity
}

// checkQuality compares GitHub's rules for pull requests with the gates.
func (a *audit) checkQuality(b branch) {
	wanted := b.env.Gates.Approvals
	if b.lacks("pull_request") {
		a.find(Warning, "pull-request", b.env.Branch+" requires no pull request", "whoever can move it needs no approval that GitHub would ask for",
			`ruleset for `+b.env.Branch+`: "Require a pull request before merging": `+a.apply())
		return
	}
	approvals, stale := 0, false
	for _, rule := range b.rules {
		if rule.Type == "pull_request" {
			approvals = max(approvals, rule.Approvals)
			stale = stale || rule.DismissesStale
		}
	}
	if b.whole && approvals < wanted {
		a.find(Warning, "approvals", fmt.Sprintf("%s requires %s, and %s asks for %d", b.env.Branch, output.Plural(approvals, "approval"), config.FileName, wanted),
			"GitHub lets in what pawl would not", fmt.Sprintf(`ruleset for %s: "Required approvals": %d: %s`, b.env.Branch, wanted, a.apply()))
	}
	a.checkGates(b)
	if b.whole && approvals > 0 && !stale {
		a.find(Warning, "stale-approvals", b.env.Branch+" keeps approvals of commits that are no longer there", "what was approved need not be what lands",
			`ruleset for `+b.env.Branch+`: "Dismiss stale pull request approvals when new commits are pushed": `+a.apply())
	}
}

// checkRequired compares the required checks with what has been reported.
func (a *audit) checkRequired(b branch) {
	pinned := map[string]bool{}
	for _, rule := range b.rules {
		for _, check := range rule.Checks {
			pinned[check.Name] = pinned[check.Name] || check.App != 0
		}
	}
	for _, rule := range b.rules {
		for _, check := range rule.Checks {
			sources, reported := a.seen.names[check.Name]
			if !reported && a.seen.complete && !a.seen.early(check.Name) {
				a.find(Error, "check-never-reported", fmt.Sprintf("%s requires the check %q, which nothing reported lately", b.env.Branch, check.Name),
					"GitHub waits for it for ever: every promotion is blocked",
					fmt.Sprintf("Settings, %s, Require status checks: take %q away, or let something report it on the commits of %s", a.place(rule), check.Name, a.cfg.Environments[0].Branch))
			}
			if !pinned[check.Name] && b.whole {
				a.find(Warning, "check-unpinned", fmt.Sprintf("%s accepts the check %q from everybody", b.env.Branch, check.Name),
					"everybody who may write can report a success under that name", pin(a.place(rule), check.Name, sources))
			}
		}
	}
}

func pin(where, name string, sources []string) string {
	app := "the App that reports it"
	if len(sources) == 1 && sources[0] != "" {
		app = sources[0]
	}
	return fmt.Sprintf("Settings, %s, Require status checks: choose %s as the source of %q", where, app, name)
}

// checkBypass looks who else may bypass the rulesets of later environments.
func (a *audit) checkBypass(ctx context.Context) error {
	for _, id := range slices.Sorted(mapKeys(a.rulesets)) {
		set := a.rulesets[id]
		if set.ID == 0 || !a.isOfTarget(id) {
			continue
		}
		if !set.Listed {
			a.unchecked(fmt.Sprintf("who may bypass the ruleset %q", set.Name), "the list shows to administrators only")
			continue
		}
		for _, actor := range set.Actors {
			if actor.Type == "Integration" && actor.ID == a.app {
				continue
			}
			workflows, err := a.isActions(ctx, actor)
			if err != nil {
				return err
			}
			name := actorName(actor)
			switch {
			case workflows:
				name = "every workflow, by the App GitHub Actions,"
			case a.app == 0 && actor.Type == "Integration" && len(set.Actors) == 1:
				continue // it may be the one that merges
			}
			a.find(Warning, "bypass-others", fmt.Sprintf("%s may bypass the ruleset %q (%s)", name, set.Name, actor.Mode),
				"the rules do not hold for them", fmt.Sprintf("Settings, Rules, Rulesets, %q, Bypass list: remove them", set.Name))
		}
	}
	return nil
}

// isActions says whether an actor is GitHub's own App for workflows, whose token every
// workflow run gets.
func (a *audit) isActions(ctx context.Context, actor forge.Actor) (bool, error) {
	if actor.Type != "Integration" {
		return false, nil
	}
	id, err := a.Admin.AppID(ctx, "github-actions")
	return err == nil && id == actor.ID, ignoreMissing(err)
}

func (a *audit) isOfTarget(id int64) bool {
	return slices.ContainsFunc(a.branches, func(b branch) bool {
		return !b.first && slices.ContainsFunc(b.rules, func(r forge.Rule) bool { return r.Ruleset == id })
	})
}

// actorName is an actor in the words of GitHub's settings. The numbers of the roles
// are fixed: https://docs.github.com/rest/repos/rules
func actorName(actor forge.Actor) string {
	roles := map[int64]string{1: "organization administrators", 2: "everybody with the role Maintain", 4: "everybody with the role Write", 5: "repository administrators"}
	switch actor.Type {
	case "OrganizationAdmin":
		return roles[1]
	case "RepositoryRole":
		return orWord(roles[actor.ID], fmt.Sprintf("everybody with the role number %d", actor.ID))
	case "Integration":
		return fmt.Sprintf("the App number %d", actor.ID)
	case "DeployKey":
		return "deploy keys"
	}
	return fmt.Sprintf("the %s number %d", strings.ToLower(actor.Type), actor.ID)
}
