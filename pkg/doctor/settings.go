package doctor

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

func mapKeys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// checkSettings looks at the settings that are not about one branch.
func (a *audit) checkSettings(ctx context.Context) error {
	a.checkButtons()
	workflows, err := a.Admin.WorkflowToken(ctx)
	if err != nil {
		return a.cannot("what the token of workflows may do", err)
	}
	const path = "Settings, Actions, General, Workflow permissions: "
	if workflows.Writes {
		a.find(Warning, "workflow-token", "every workflow gets a token that may write", "a step of any workflow can push, and set every commit status",
			path+`"Read repository contents and packages permissions"`)
	}
	if a.identity.Kind == forge.TokenActions && !workflows.Approves {
		a.find(Error, "actions-pull-requests", "workflows may not open pull requests with their own token", "pawl promote is refused",
			path+`"Allow GitHub Actions to create and approve pull requests", or use the token of a GitHub App`)
	}
	approvals := slices.ContainsFunc(a.cfg.Environments, func(env config.Environment) bool { return env.Gates.Approvals > 0 })
	if a.identity.Kind != forge.TokenActions && workflows.Approves && approvals {
		a.find(Warning, "actions-approve", "workflows may approve pull requests", "GitHub counts such an approval; the gates of pawl do not",
			path+`turn off "Allow GitHub Actions to create and approve pull requests"`)
	}
	return nil
}

// checkButtons looks at the merge buttons and at what they leave behind.
func (a *audit) checkButtons() {
	var open, deletable []string
	for _, b := range a.branches {
		if !b.first && b.lacks("update") {
			open = append(open, b.env.Branch)
		}
		if b.lacks("deletion") {
			deletable = append(deletable, b.env.Branch)
		}
	}
	if !a.settings.Shown {
		a.unchecked("the merge buttons, and whether head branches are deleted", "the settings show to those who may push only")
		return
	}
	var enabled []string
	for name, on := range map[string]bool{"merge commits": a.settings.MergeCommit, "squashing": a.settings.SquashMerge, "rebasing": a.settings.RebaseMerge} {
		if on {
			enabled = append(enabled, name)
		}
	}
	slices.Sort(enabled)
	if len(open) > 0 && len(enabled) > 0 {
		a.find(Warning, "merge-buttons", fmt.Sprintf("the merge buttons work on pull requests into %s (%s)", strings.Join(open, ", "), strings.Join(enabled, ", ")),
			"each makes a commit that the environment before lacks: the branches diverge, and the next promotion is refused",
			`"Restrict updates" disables them there; GitHub wants one of them on in general: `+a.apply())
	}
	if len(deletable) > 0 && a.settings.DeletesHead {
		a.find(Warning, "auto-delete", "head branches are deleted after a merge, and "+strings.Join(deletable, ", ")+" can be deleted",
			"a pull request from an environment's branch takes the environment away",
			`Settings, General, Pull Requests: turn off "Automatically delete head branches", or restrict deletions: `+a.apply())
	}
}

// sightings are the checks that were reported on recent commits.
type sightings struct {
	complete bool
	names    map[string][]string // by name: the Apps that reported it; "" for a user
	opened   map[string]bool     // the environments that a promotion was opened into
	own      map[string]string   // pawl's own statuses, by name: the environment
}

// early says that a check cannot have been reported yet: pawl reports on its own
// promotions only.
func (s sightings) early(name string) bool {
	env, own := s.own[name]
	return own && !s.opened[env]
}

// lately is how many pull requests are looked at.
const lately = 10

// checkSightings reads what was reported on the heads of the branches and of the
// newest promotions.
func (a *audit) checkSightings(ctx context.Context) error {
	a.seen = sightings{complete: true, names: map[string][]string{}, opened: map[string]bool{}, own: map[string]string{}}
	var commits []string
	add := func(sha string) {
		if sha != "" && !slices.Contains(commits, sha) {
			commits = append(commits, sha)
		}
	}
	for _, env := range a.cfg.Environments {
		add(a.head(env))
		a.seen.own[gate.StatusContext(env.Name)] = env.Name
	}
	pulls, err := a.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.All, Limit: lately})
	if err != nil {
		a.seen.complete = false
		if err := a.denied("pull requests", "pull-requests: read", "promote, verify, merge", err); err != nil {
			return err
		}
	}
	for _, pr := range pulls {
		if env, ok := a.cfg.ByBranch(pr.Base); ok {
			a.seen.opened[env.Name] = true
			add(pr.HeadSHA)
		}
	}
	for _, sha := range commits {
		if stop, err := a.sight(ctx, sha); err != nil || stop {
			return err
		}
	}
	return nil
}

// sight reads one commit, and says whether to stop since reading is not allowed.
func (a *audit) sight(ctx context.Context, sha string) (bool, error) {
	statuses, err := a.Forge.Statuses(ctx, sha)
	if err != nil {
		a.seen.complete = false
		return true, a.denied("commit statuses", "commit statuses: read", "verify, merge", err)
	}
	runs, err := a.Forge.CheckRuns(ctx, sha)
	if err != nil {
		a.seen.complete = false
		return true, a.denied("check runs", "checks: read", "verify, merge", err)
	}
	for _, status := range statuses {
		slug, app := strings.CutSuffix(status.Creator, "[bot]")
		if !app {
			slug = ""
		}
		a.seen.add(status.Context, slug)
	}
	for _, run := range runs {
		a.seen.add(run.Name, run.App)
	}
	return false, nil
}

func (s sightings) add(name, app string) {
	if !slices.Contains(s.names[name], app) {
		s.names[name] = append(s.names[name], app)
	}
}

// denied reports a read that the gates need and the token may not do.
func (a *audit) denied(what, permission, commands string, err error) error {
	if err := a.cannot(what, err); err != nil {
		return err
	}
	a.find(Error, "permission-missing", fmt.Sprintf("the token may not read %s", what), "without that these are refused: "+commands,
		fmt.Sprintf("grant it %s: %s", permission, credentials))
	return nil
}
