// Package doctor audits a config repository: the token, the branch rules, the
// merge buttons, the order of the branches and their files, against what the other
// operations rest on.
//
// It guarantees that
//
//   - an audit changes nothing; only [RulesetPlan.Apply] does;
//   - what could not be read is listed as unchecked, and never taken for fine;
//   - each finding says what it is, why it matters and what exactly to do;
//   - a failure that may pass, such as a broken connection, ends the audit with an
//     error: half of an audit is none.
//
// It reads the branches' heads, not their history, and knows nothing of clusters.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// Source is the repository to look at, and who is to merge in it.
type Source struct {
	promotion.Source
	Admin forge.Administration
	// App is the GitHub App that merges, by its number or its short name. Empty: it is
	// the one whose token this is, if it is an App's.
	App string
	Now time.Time // this machine's clock
	// Program is the version of this machine's git, and NoProgram why it is not
	// known: [git.ErrNoGit] when there is none.
	Program   git.Version
	NoProgram error
}

// Severity is how bad a finding is.
type Severity string

// The severities, gravest first.
const (
	Error   Severity = "error"   // pawl cannot do its work, or others can undo it
	Warning Severity = "warning" // something protects less than it seems to
	Note    Severity = "note"    // worth knowing
)

// Finding is one thing that is not as it should be.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"`
	Why      string   `json:"why"`
	Fix      string   `json:"fix"`
}

// Unchecked is something that could not be looked at.
type Unchecked struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// Report is what an audit found.
type Report struct {
	Repository string      `json:"repository"`
	Identity   string      `json:"identity"` // whose token it was
	Findings   []Finding   `json:"findings"`
	Unchecked  []Unchecked `json:"unchecked"`
}

// Err says that a person must act, if there is a finding of the severity [Error].
func (r *Report) Err() error {
	count := 0
	for _, f := range r.Findings {
		if f.Severity == Error {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	return &promotion.Blocked{
		What: "checking " + r.Repository, State: gate.Fail,
		Reason: output.Plural(count, "error") + " in its setup", Fix: "do what each finding says, then run pawl doctor again",
	}
}

// audit is an audit on its way.
type audit struct {
	Source
	report   *Report
	cfg      *config.Config
	refs     map[string]string
	objects  *git.Objects
	main     string // the default branch
	identity forge.Identity
	settings forge.Settings
	app      int64 // that merges; 0: it is not known
	branches []branch
	rulesets map[int64]forge.Ruleset
	seen     sightings
}

// Audit looks at everything.
func Audit(ctx context.Context, s Source) (*Report, error) {
	a, err := begin(ctx, s)
	if errors.Is(err, forge.ErrAccess) {
		if report := invisible(ctx, s, err); report != nil {
			return report, nil
		}
	}
	if err != nil {
		return nil, err
	}
	for _, check := range []func(context.Context) error{
		a.checkProgram, a.checkToken, a.checkBranches, a.checkChain, a.readRules, a.checkSightings, a.checkRules, a.checkSettings, a.checkTree,
	} {
		if err := check(ctx); err != nil {
			return nil, err
		}
	}
	a.sort()
	return a.report, nil
}

// begin reads what every check needs: the branches, the configuration, the identity.
func begin(ctx context.Context, s Source) (*audit, error) {
	a := &audit{Source: s, rulesets: map[int64]forge.Ruleset{}}
	a.report = &Report{Repository: s.Name, Findings: []Finding{}, Unchecked: []Unchecked{}}
	repository, err := s.Forge.Repository(ctx)
	if err != nil {
		return nil, err
	}
	a.main = repository.DefaultBranch
	if a.refs, err = s.Git.Refs(ctx); err != nil {
		return nil, err
	}
	if err := a.readConfig(ctx, repository.DefaultBranch); err != nil {
		return nil, err
	}
	var heads []string
	for _, env := range a.cfg.Environments {
		if sha := a.head(env); sha != "" && !slices.Contains(heads, sha) {
			heads = append(heads, sha)
		}
	}
	if a.objects, err = s.Git.Fetch(ctx, heads...); err != nil {
		return nil, err
	}
	a.identity, err = s.Admin.Identity(ctx)
	if err != nil {
		if err = a.cannot("who this token is", err); err != nil {
			return nil, err
		}
	}
	a.report.Identity = cmp.Or(a.identity.Login, string(a.identity.Kind))
	return a, a.findApp(ctx)
}

// readConfig finds the environments: those that the caller brought, else those of
// the default branch, else the conventional ones.
func (a *audit) readConfig(ctx context.Context, defaultBranch string) error {
	a.cfg = a.Config
	if a.cfg != nil {
		return nil
	}
	data, err := a.Forge.File(ctx, config.FileName, "")
	switch {
	case err == nil:
		a.cfg, err = config.Parse(config.FileName+" at "+defaultBranch, data)
	case errors.Is(err, forge.ErrNotFound):
		a.cfg, err = config.Default(git.Branches(a.refs))
	}
	return err
}

// findApp says which App merges.
func (a *audit) findApp(ctx context.Context) error {
	name := a.App
	if slug, ok := strings.CutSuffix(a.identity.Login, "[bot]"); name == "" && ok && a.identity.Kind == forge.TokenInstallation {
		name = slug
	}
	if name == "" {
		return nil
	}
	if _, err := fmt.Sscanf(name, "%d", &a.app); err == nil && fmt.Sprint(a.app) == name {
		return nil
	}
	a.app = 0
	id, err := a.Admin.AppID(ctx, name)
	if err != nil && a.App != "" {
		return &promotion.UsageError{Problem: fmt.Sprintf("finding the GitHub App %q: %v", name, err), Fix: "give the App's number: --app 12345"}
	}
	if err != nil {
		return a.cannot("the number of the App "+name, err)
	}
	a.app = id
	return nil
}

func (a *audit) head(env config.Environment) string { return a.refs["refs/heads/"+env.Branch] }

// targets are the environments that are promoted into.
func (a *audit) targets() []config.Environment { return a.cfg.Environments[1:] }

func (a *audit) find(severity Severity, id, what, why, fix string) {
	found := Finding{ID: id, Severity: severity, What: what, Why: why, Fix: fix}
	if !slices.Contains(a.report.Findings, found) {
		a.report.Findings = append(a.report.Findings, found)
	}
}

// cannot notes that something may not be looked at. Any other error is returned.
func (a *audit) cannot(what string, err error) error {
	if !errors.Is(err, forge.ErrAccess) && !errors.Is(err, forge.ErrNotFound) && !errors.Is(err, forge.ErrUnsupported) {
		return err
	}
	a.unchecked(what, err.Error())
	return nil
}

func (a *audit) unchecked(what, reason string) {
	a.report.Unchecked = append(a.report.Unchecked, Unchecked{what, reason})
}

// sort puts the gravest first, and what is alike together.
func (a *audit) sort() {
	rank := []Severity{Error, Warning, Note}
	slices.SortFunc(a.report.Findings, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, x.Severity), slices.Index(rank, y.Severity)),
			strings.Compare(x.ID, y.ID), strings.Compare(x.What, y.What))
	})
	slices.SortFunc(a.report.Unchecked, func(x, y Unchecked) int {
		return cmp.Or(strings.Compare(x.What, y.What), strings.Compare(x.Reason, y.Reason))
	})
	a.report.Unchecked = slices.Compact(a.report.Unchecked)
}
