package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/getpawl/pawl/pkg/config"
)

// The modes of files in Git.
// https://git-scm.com/docs/git-fast-import#_filemodify
const (
	modeNone       = ""
	modeFile       = "100644"
	modeExecutable = "100755"
	modeSymlink    = "120000"
	modeSubmodule  = "160000"
)

// changes asks whether the promotion changes only what it may. The policy files and
// the workflows need their own permission, which is enough; a link, a submodule and
// a file that becomes executable need theirs besides that of their path.
func changes(facts Facts) Verdict {
	const name = "changes"
	list, err := facts.Changes.Get()
	if err != nil {
		return unknown(name, err)
	}
	rules := facts.To.Gates.Changes
	var refused, strange []string
	for _, change := range list {
		if !knownMode(change.Old) || !knownMode(change.New) || change.Path == "" {
			strange = append(strange, fmt.Sprintf("%q has the modes %q and %q", change.Path, change.Old, change.New))
			continue
		}
		if reason := forbidden(*rules, change); reason != "" {
			refused = append(refused, fmt.Sprintf("%q %s", change.Path, reason))
		}
	}
	verdict := Verdict{Gate: name, State: Pass, Evidence: refused, Reason: fmt.Sprintf("%d changed files, all allowed", len(list))}
	switch {
	case len(refused) > 0:
		verdict.State, verdict.Reason = Fail, most(refused)
	case len(strange) > 0:
		return unknown(name, fmt.Errorf("what changed: %s", most(strange)))
	case len(list) == 1:
		verdict.Reason = "1 changed file, allowed"
	}
	return verdict
}

func knownMode(mode string) bool {
	return slices.Contains([]string{modeNone, modeFile, modeExecutable, modeSymlink, modeSubmodule}, mode)
}

// forbidden says why a change is not allowed, or nothing when it is.
func forbidden(rules config.ChangeRules, change Change) string {
	is := func(mode string) bool { return change.Old == mode || change.New == mode }
	switch {
	case is(modeSymlink) && !rules.Symlinks:
		return "is a symbolic link"
	case is(modeSubmodule) && !rules.Submodules:
		return "is a submodule"
	case flips(change) && !rules.Modes:
		return "becomes executable, or stops being so"
	case policyFile(change.Path):
		return unless(rules.Policy, "is a part of the policy")
	case workflowFile(change.Path):
		return unless(rules.Workflows, "is a workflow")
	case len(rules.Allow) > 0 && !slices.ContainsFunc(rules.Allow, func(glob string) bool {
		return doublestar.MatchUnvalidated(glob, change.Path)
	}):
		return "is not among the files that may change"
	}
	return ""
}

func unless(allowed bool, reason string) string {
	if allowed {
		return ""
	}
	return reason
}

// flips says whether a file becomes executable or stops being so. One that is new
// and executable does the former.
func flips(change Change) bool {
	return change.New != modeNone && (change.Old == modeExecutable) != (change.New == modeExecutable)
}

// policyFile says whether a file decides about promotions or reviews.
func policyFile(path string) bool {
	return path == config.FileName || slices.Contains(OwnersPaths(), path)
}

func workflowFile(path string) bool {
	return strings.HasPrefix(path, ".github/workflows/") || strings.HasPrefix(path, ".github/actions/")
}
