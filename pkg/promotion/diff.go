package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/output"
)

// DiffOptions say what to compare.
type DiffOptions struct {
	From, To    string // an environment, a branch or a commit each
	Environment string // whose files are looked at; empty: To's, else From's, else the first one's
	Kustomize   string // the path of the kustomize program, to compare what it builds; empty: nothing is built
}

// DiffReport is what one environment would get from another.
type DiffReport struct {
	Repository  string         `json:"repository"`
	From        DiffSide       `json:"from"`
	To          DiffSide       `json:"to"`
	Environment string         `json:"environment"` // whose files were looked at
	Relation    forge.Relation `json:"relation"`    // of From to To: ahead means that To can be fast-forwarded to it
	Ahead       int            `json:"ahead"`       // commits that From has and To lacks
	Behind      int            `json:"behind"`      // commits that To has and From lacks
	URL         string         `json:"url,omitempty"`
	Images      []ImageChange  `json:"images"`
	Commits     []Commit       `json:"commits"` // the newest that From has and To lacks, oldest first
	Files       []DiffFile     `json:"files"`
	Objects     []string       `json:"objects"` // the Kubernetes objects of the environment that change, as far as the files tell
	Rendered    *Rendered      `json:"rendered,omitempty"`
	Notes       []string       `json:"notes,omitempty"`
	downstream  bool           // To is the environment after From
}

// DiffSide is one of the two that are compared.
type DiffSide struct {
	Name        string `json:"name"` // as it was given
	Environment string `json:"environment,omitempty"`
	Branch      string `json:"branch,omitempty"`
	Commit      string `json:"commit"`
}

// DiffFile is a file that is not the same in both.
type DiffFile struct {
	Path    string `json:"path"`
	Kind    string `json:"kind"`              // added, removed or changed
	Used    bool   `json:"used"`              // the environment uses it
	Added   *int   `json:"added,omitempty"`   // lines; nil when they were not counted
	Removed *int   `json:"removed,omitempty"` // lines
}

// Diff says what To would get from From. It reads one snapshot of the branches, and
// writes nothing outside of a folder for temporary files.
func Diff(ctx context.Context, s Source, options DiffOptions) (*DiffReport, error) {
	cfg, err := s.environments(ctx)
	if err != nil {
		return nil, err
	}
	refs, err := s.Git.Refs(ctx)
	if err != nil {
		return nil, err
	}
	report := &DiffReport{Repository: s.Name}
	if report.From, err = s.side(ctx, cfg, refs, options.From); err != nil {
		return nil, err
	}
	if report.To, err = s.side(ctx, cfg, refs, options.To); err != nil {
		return nil, err
	}
	env, err := report.environment(cfg, options.Environment)
	if err != nil {
		return nil, err
	}
	report.Environment = env.Name
	report.downstream = slices.ContainsFunc(cfg.Environments, func(e config.Environment) bool {
		before, ok := cfg.Before(e.Name)
		return ok && e.Name == report.To.Environment && before.Name == report.From.Environment
	})
	return report, s.diff(ctx, report, cfg, env, options)
}

// side finds what an argument names: an environment, else a branch, else a commit.
func (s Source) side(ctx context.Context, cfg *config.Config, refs map[string]string, name string) (DiffSide, error) {
	side := DiffSide{Name: name}
	if env, ok := cfg.Environment(name); ok {
		head, err := branchHead(refs, env)
		side.Environment, side.Branch, side.Commit = env.Name, env.Branch, head
		return side, err
	}
	if head, ok := refs["refs/heads/"+name]; ok {
		side.Branch, side.Commit = name, head
		if env, ok := cfg.ByBranch(name); ok {
			side.Environment = env.Name
		}
		return side, nil
	}
	var err error
	side.Commit, err = s.commitNamed(ctx, cfg, refs, name)
	return side, err
}

// commitNamed finds a commit by its SHA, or by the first digits of it among the
// heads of all branches and the first parents of the environments.
func (s Source) commitNamed(ctx context.Context, cfg *config.Config, refs map[string]string, name string) (string, error) {
	if !isAbbreviation(name) {
		names := make([]string, len(cfg.Environments))
		for i, env := range cfg.Environments {
			names[i] = env.Name
		}
		return "", &UsageError{Problem: fmt.Sprintf("%q is no environment, no branch and no commit", name),
			Fix: "the environments are " + strings.Join(names, ", ") + "; a commit is given by its SHA, or its first 7 digits or more"}
	}
	if len(name) == 40 {
		return name, nil
	}
	found := map[string]bool{}
	for _, sha := range refs {
		found[sha] = strings.HasPrefix(sha, name)
	}
	for _, env := range cfg.Environments {
		past, err := s.past(ctx, refs["refs/heads/"+env.Branch])
		if err != nil {
			return "", err
		}
		for _, commit := range past {
			found[commit.SHA] = strings.HasPrefix(commit.SHA, name)
		}
	}
	var list []string
	for sha, fits := range found {
		if fits {
			list = append(list, sha)
		}
	}
	switch len(list) {
	case 1:
		return list[0], nil
	case 0:
		return "", &UsageError{Problem: fmt.Sprintf("no branch of an environment has a commit %s among its newest %d", name, pastLimit), Fix: "give the whole SHA"}
	}
	return "", &UsageError{Problem: fmt.Sprintf("%s stands for %d commits", name, len(list)), Fix: "give more digits"}
}

// pastLimit is how many first parents of a branch are looked at.
const pastLimit = 10_000

// past is the first-parent history of a branch, newest first: commits only, in one
// request, which is spared for what an earlier one brought.
func (s Source) past(ctx context.Context, head string) ([]git.Commit, error) {
	if head == "" {
		return nil, nil
	}
	return s.Git.History(ctx, head, pastLimit)
}

// isAbbreviation says whether a text can be a SHA or the beginning of one.
func isAbbreviation(text string) bool {
	return len(text) >= 7 && len(text) <= 40 && strings.Trim(text, "0123456789abcdef") == ""
}

// environment chooses whose files are looked at.
func (r *DiffReport) environment(cfg *config.Config, asked string) (config.Environment, error) {
	for _, name := range []string{asked, r.To.Environment, r.From.Environment} {
		if name != "" {
			return environment(cfg, name)
		}
	}
	return cfg.Environments[0], nil
}

// diff fills in the report, in the way of the page of a promotion.
func (s Source) diff(ctx context.Context, report *DiffReport, cfg *config.Config, env config.Environment, options DiffOptions) error {
	comparison := forge.Comparison{Relation: forge.Identical, Base: report.To.Commit, Head: report.From.Commit}
	if report.From.Commit != report.To.Commit {
		var err error
		s.tell("comparing %s with %s", report.From.Name, report.To.Name)
		if comparison, err = s.Forge.Compare(ctx, report.To.Commit, report.From.Commit, bodyCommits); err != nil {
			return err
		}
	}
	trees, err := s.fetch(ctx, report.To.Commit, report.From.Commit)
	if err != nil {
		return err
	}
	p := &Promotion{To: env.Name, Before: report.To.Commit, Commit: report.From.Commit}
	if err := trees.describe(ctx, p, env, cfg.Images, comparison); err != nil {
		return err
	}
	report.fill(p, comparison)
	if options.Kustomize == "" || len(p.page.files) == 0 {
		return nil
	}
	s.tell("building %s at both commits", env.Name)
	report.Rendered, err = trees.render(ctx, options.Kustomize, env, p)
	return err
}

// fill takes over what the trees and the service told.
func (r *DiffReport) fill(p *Promotion, comparison forge.Comparison) {
	r.Relation, r.Ahead, r.Behind = comparison.Relation, comparison.AheadBy, comparison.BehindBy
	r.URL = p.page.web.comparison(p.Before, p.Commit)
	r.Images = append([]ImageChange{}, p.Images...)
	r.Objects = append([]string{}, p.page.objects...)
	r.Commits, r.Files = []Commit{}, []DiffFile{}
	for _, commit := range comparison.Commits {
		r.Commits = append(r.Commits, Commit{SHA: commit.SHA, Author: commit.Author, Subject: commit.Subject()})
	}
	for _, file := range p.page.files {
		changed := DiffFile{Path: legible(file.path), Kind: file.kind, Used: file.reaches}
		if file.counted {
			changed.Added, changed.Removed = &file.added, &file.removed
		}
		r.Files = append(r.Files, changed)
	}
	// Files that the environment uses come first; within each, the order is by path.
	slices.SortStableFunc(r.Files, func(a, b DiffFile) int {
		switch {
		case a.Used == b.Used:
			return 0
		case a.Used:
			return -1
		}
		return 1
	})
	if len(p.page.unreadable) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s not read, because they are not plain YAML: %s",
			output.Plural(len(p.page.unreadable), "file"), most(p.page.unreadable)))
	}
	if !p.page.followed && len(p.page.files) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s has no kustomization of its own: the files that it uses are those in which pawl looks for images", r.Environment))
	}
	switch r.Relation {
	case forge.Diverged:
		r.Notes = append(r.Notes, r.parted())
	case forge.Behind:
		r.Notes = append(r.Notes, r.past())
	}
}

// parted says what diverged branches mean for the differences.
func (r *DiffReport) parted() string {
	what := "the differences here would take them back"
	if len(r.Files) == 0 {
		what = "yet their content is the same"
	}
	return fmt.Sprintf("they diverged: %s has %s that %s lacks, and %s; to bring both together, see %s", r.To.Name, output.Plural(r.Behind, "commit"), r.From.Name, what, healPage)
}

// past says what it means that there is nothing to get. An environment that is past
// the one before it got something that was never there, such as a hotfix.
func (r *DiffReport) past() string {
	text := fmt.Sprintf("%s is past %s by %s: there is nothing to get, and the differences here lead back", r.To.Name, r.From.Name, output.Plural(r.Behind, "commit"))
	if r.downstream {
		text += fmt.Sprintf("; %s never had them, and pawl status says how to bring them there", r.From.Name)
	}
	return text
}

// tell says what is being done, to who wants to know.
func (s Source) tell(format string, args ...any) {
	if s.Progress != nil {
		s.Progress(format, args...)
	}
}

// most names a few, and counts the others.
func most(list []string) string {
	const few = 5
	if len(list) <= few {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:few], ", "), len(list)-few)
}

// label is how a side is called in a heading.
func (d DiffSide) label() string {
	if d.Environment != "" {
		return d.Environment
	}
	if d.Branch != "" {
		return d.Branch
	}
	return gate.Short(d.Commit)
}
