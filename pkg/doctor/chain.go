package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// checkBranches looks whether every environment has its branch.
func (a *audit) checkBranches(context.Context) error {
	for i, env := range a.cfg.Environments {
		if a.head(env) != "" {
			continue
		}
		from := "COMMIT"
		if i > 0 && a.head(a.cfg.Environments[i-1]) != "" {
			from = output.ShellWord("origin/" + a.cfg.Environments[i-1].Branch)
		}
		a.find(Error, "branch-missing", fmt.Sprintf("%s has no branch %s", env.Name, env.Branch), "there is nothing to deploy, and nothing to promote into",
			fmt.Sprintf("git fetch && git push origin %s:%s", from, output.ShellWord("refs/heads/"+env.Branch)))
	}
	return nil
}

// checkChain looks whether each branch has all of the next one.
func (a *audit) checkChain(ctx context.Context) error {
	for i, to := range a.targets() {
		from := a.cfg.Environments[i]
		base, head := a.head(to), a.head(from)
		if base == "" || head == "" || base == head {
			continue
		}
		comparison, err := a.Forge.Compare(ctx, base, head, 0)
		if err != nil {
			return err
		}
		if comparison.Relation == forge.Ahead {
			if err := a.checkNext(from, to); err != nil {
				return err
			}
			continue
		}
		a.broken(i, to, comparison)
		if err := a.strays(from, to); err != nil {
			return err
		}
	}
	return nil
}

// broken reports a branch that has commits which the one before lacks. The way back
// is a merge into the first environment's branch, from where it is promoted.
func (a *audit) broken(i int, to config.Environment, comparison forge.Comparison) {
	var promotions []string
	for _, env := range a.cfg.Environments[1 : i+2] {
		promotions = append(promotions, "pawl promote "+env.Name)
	}
	a.find(Error, "chain-broken",
		fmt.Sprintf("%s has %s that %s lacks", to.Branch, output.Plural(comparison.BehindBy, "commit"), a.cfg.Environments[i].Branch),
		"nothing can be fast-forwarded into it",
		fmt.Sprintf("%s, keeping the newer image versions; then: %s (docs/how-to/heal-divergence.md)",
			promotion.HealCommand(a.cfg.Environments[0], to), strings.Join(promotions, ", ")))
}

// shown is how many files a finding names.
const shown = 5

// strays reports files outside the environment's own folder that differ although
// the environment is not just behind.
func (a *audit) strays(from, to config.Environment) error {
	differences, err := a.objects.Diff(a.head(from), a.head(to))
	if err != nil {
		return err
	}
	var files []string
	for _, d := range differences {
		if !strings.HasPrefix(d.Path, to.Name+"/") && !strings.HasPrefix(d.Path, to.Branch+"/") {
			files = append(files, d.Path)
		}
	}
	if len(files) == 0 {
		return nil
	}
	more := ""
	if len(files) > shown {
		more, files = fmt.Sprintf(" and %d more", len(files)-shown), files[:shown]
	}
	a.find(Warning, "content-differs", fmt.Sprintf("%s and %s differ outside %s/: %s%s", from.Branch, to.Branch, to.Name, strings.Join(files, ", "), more),
		"all branches hold one tree; what is there for one environment belongs into its folder, or the next promotion takes it along or away",
		fmt.Sprintf("look with: git diff %s %s -- . ':!%s'; move what is meant for %s alone into %s/",
			output.ShellWord("origin/"+from.Branch), output.ShellWord("origin/"+to.Branch), to.Name, to.Name, to.Name))
	return nil
}

// checkNext looks whether the token may promote what comes next.
func (a *audit) checkNext(from, to config.Environment) error {
	if a.mayWorkflows() {
		return nil
	}
	differences, err := a.objects.Diff(a.head(to), a.head(from))
	if err != nil {
		return err
	}
	for _, d := range differences {
		if strings.HasPrefix(d.Path, ".github/workflows/") {
			a.find(Error, "permission-workflows", fmt.Sprintf("%s at %s changes %s, and the token may not push workflows", from.Branch, gate.Short(a.head(from)), d.Path),
				"promoting it into "+to.Name+" is refused", "grant the permission workflows: write (the scope workflow, if the token is a classic one)")
			return nil
		}
	}
	return nil
}
