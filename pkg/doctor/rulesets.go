package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// The names of the rulesets, by which they are found again.
const (
	lockName      = "pawl: lock"
	qualityPrefix = "pawl: quality of "
)

// RulesetAction is what becomes of a ruleset.
type RulesetAction string

// The actions.
const (
	ActionNone   RulesetAction = "none"
	ActionCreate RulesetAction = "create"
	ActionUpdate RulesetAction = "update"
)

// RulesetPlan is what becomes of the repository's rulesets.
type RulesetPlan struct {
	Repository string          `json:"repository"`
	DryRun     bool            `json:"dryRun"`
	Rulesets   []RulesetChange `json:"rulesets"`
}

// RulesetChange is one ruleset and what becomes of it.
type RulesetChange struct {
	Name    string        `json:"name"`
	Action  RulesetAction `json:"action"`
	ID      int64         `json:"id,omitempty"`
	Ruleset forge.Ruleset `json:"ruleset"` // as GitHub's API takes it
}

// Rulesets are the rules that keep the promises on GitHub's side. They come in two
// kinds, because who may bypass a ruleset bypasses all of it. The lock lets the App
// alone move the branches that are promoted into: in the mode always, since the
// mode pull_request covers the merge button and no fast-forward. The quality of an
// environment holds for everybody, the App included: an open pull request with the
// same head, its approvals, and its checks.
func Rulesets(ctx context.Context, s Source) ([]forge.Ruleset, error) {
	a, err := begin(ctx, s)
	if err != nil {
		return nil, err
	}
	if a.app == 0 {
		return nil, &promotion.UsageError{Problem: "which GitHub App merges?", Fix: "name it with --app: its short name, or its number"}
	}
	if err := a.checkSightings(ctx); err != nil {
		return nil, err
	}
	if len(a.targets()) == 0 {
		return nil, &promotion.UsageError{Problem: "there is one environment only, and nothing to promote into", Fix: "list the environments in .pawl.yaml"}
	}
	lock := forge.Ruleset{
		Name: lockName, Enforcement: "active",
		Actors: []forge.Actor{{ID: a.app, Type: "Integration", Mode: forge.BypassAlways}},
		Rules:  []forge.Rule{{Type: "creation"}, {Type: "update"}, {Type: "deletion"}, {Type: "non_fast_forward"}},
	}
	for _, env := range a.targets() {
		lock.Branches = append(lock.Branches, "refs/heads/"+env.Branch)
	}
	all := []forge.Ruleset{lock}
	for i, env := range a.cfg.Environments {
		quality := forge.Ruleset{Name: qualityPrefix + env.Name, Enforcement: "active", Branches: []string{"refs/heads/" + env.Branch}}
		quality.Rules = []forge.Rule{{Type: "deletion"}, {Type: "non_fast_forward"}}
		if i > 0 {
			quality.Rules = append(quality.Rules, forge.Rule{Type: "pull_request", Approvals: env.Gates.Approvals, DismissesStale: true})
			checks, err := a.requiredChecks(ctx, i)
			if err != nil {
				return nil, err
			}
			if len(checks) > 0 {
				quality.Rules = append(quality.Rules, forge.Rule{Type: "required_status_checks", Checks: checks})
			}
		}
		all = append(all, quality)
	}
	return all, nil
}

// requiredChecks are the checks of an environment's gates that have a name: GitHub
// knows no patterns. One that a single App reports is asked of that App.
func (a *audit) requiredChecks(ctx context.Context, i int) ([]forge.RequiredCheck, error) {
	var checks []forge.RequiredCheck
	for _, wanted := range a.cfg.Environments[i].Gates.Checks {
		if isPattern(wanted.Name) {
			continue
		}
		check, app := forge.RequiredCheck{Name: wanted.Name}, wanted.App
		if sources := a.seen.names[wanted.Name]; app == "" && len(sources) == 1 {
			app = sources[0]
		}
		if app != "" {
			id, err := a.Admin.AppID(ctx, strings.TrimSuffix(app, "[bot]"))
			if err := ignoreMissing(err); err != nil {
				return nil, err
			}
			check.App = id
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// PlanRulesets compares the rulesets with those that the repository has, by their
// names. Others are left alone.
func PlanRulesets(ctx context.Context, s Source) (*RulesetPlan, error) {
	wanted, err := Rulesets(ctx, s)
	if err != nil {
		return nil, err
	}
	there, err := s.Admin.Rulesets(ctx)
	if err != nil {
		return nil, err
	}
	plan := &RulesetPlan{Repository: s.Name, Rulesets: []RulesetChange{}}
	for _, set := range wanted {
		change := RulesetChange{Name: set.Name, Action: ActionCreate}
		i := slices.IndexFunc(there, func(r forge.Ruleset) bool { return r.Name == set.Name })
		if i >= 0 {
			set.ID, change.Action = there[i].ID, ActionUpdate
			if there[i].Listed && there[i].Same(set) {
				change.Action = ActionNone
			}
		}
		change.ID, change.Ruleset = set.ID, set
		plan.Rulesets = append(plan.Rulesets, change)
	}
	return plan, nil
}

// Apply creates and updates the rulesets. The quality comes before the lock, so that
// an error in between leaves nothing open that was not. It stops at the first
// error; to run it again completes the work.
func (p *RulesetPlan) Apply(ctx context.Context, s Source) error {
	for i := len(p.Rulesets) - 1; i >= 0; i-- {
		change := &p.Rulesets[i]
		switch change.Action {
		case ActionCreate:
			made, err := s.Admin.CreateRuleset(ctx, change.Ruleset)
			if err != nil {
				return fmt.Errorf("applying the rulesets: %w", err)
			}
			change.ID = made.ID
		case ActionUpdate:
			if err := s.Admin.UpdateRuleset(ctx, change.Ruleset); err != nil {
				return fmt.Errorf("applying the rulesets: %w", err)
			}
		case ActionNone:
		}
	}
	return nil
}

// lines say what the ruleset is.
func (c RulesetChange) lines() []string {
	branches := make([]string, len(c.Ruleset.Branches))
	for i, branch := range c.Ruleset.Branches {
		branches[i] = strings.TrimPrefix(branch, "refs/heads/")
	}
	var rules []string
	for _, rule := range c.Ruleset.Rules {
		text := strings.ReplaceAll(rule.Type, "_", " ")
		switch {
		case rule.Type == "pull_request":
			text += " with " + output.Plural(rule.Approvals, "approval")
		case len(rule.Checks) > 0:
			var names []string
			for _, check := range rule.Checks {
				names = append(names, check.Name)
			}
			text += ": " + strings.Join(names, ", ")
		}
		rules = append(rules, text)
	}
	bypass := "nobody"
	for _, actor := range c.Ruleset.Actors {
		bypass = fmt.Sprintf("%s (%s)", actorName(actor), actor.Mode)
	}
	return []string{"branches: " + strings.Join(branches, ", "), "rules: " + strings.Join(rules, "; "), "bypass: " + bypass}
}

// ignoreMissing drops the error of an App that is not public: the check is asked of
// everybody then, and the audit says so.
func ignoreMissing(err error) error {
	if errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrAccess) {
		return nil
	}
	return err
}
