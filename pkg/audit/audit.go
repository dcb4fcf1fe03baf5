// Package audit proves after the fact that the environments' branches moved as they
// should: it reads each branch's history, the hosting service's own record of its
// moves and the pull requests into it, and judges every move.
//
// It writes nothing, and it is independent: of the code that moves branches it shares
// nothing but what reads (the service, Git, the configuration, YAML), and none of the
// decisions. A mistake in package gate or promotion does not repeat itself here. That
// is why it is a package of its own, which may not import those two or package bump.
//
// It guarantees that
//
//   - a move counts as proved only by evidence of the service: its record of moves and
//     its pull requests. What a commit says of itself (dates, trailers) excuses a
//     move, visibly, and proves none;
//   - evidence that is missing or cannot be read is a finding of its own, and never
//     passes for "nothing was wrong";
//   - the number of moves, commits and requests is bounded.
//
// It does not judge how a branch began, whether the gates of a promotion passed at its
// time, and what happened before the part of the record that it was asked to look at.
package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
)

// Source is the repository that is audited.
type Source struct {
	Name   string         // owner/name
	Forge  forge.Forge    // read only
	Git    *git.Remote    // read only
	Config *config.Config // nil: that of the default branch
}

// Options say how much is looked at.
type Options struct {
	Environments []string  // names; none: all
	Since        time.Time // moves before this are not judged
	SinceCommit  string    // nor are those before this commit became the head of an environment: a SHA, or 7 digits of it at least
	Limit        int       // the newest so many moves of each branch, and commits of the first one; 0: DefaultLimit
}

// DefaultLimit is how many moves of each branch are judged unless the caller says
// otherwise.
const DefaultLimit = 1000

// Kind is what a finding is about.
type Kind string

// Moves and commits that break a promise.
const (
	NotFastForward Kind = "not-fast-forward" // the branch left commits behind
	Deleted        Kind = "deleted"          // the branch is gone
	Recreated      Kind = "recreated"        // it was gone, and is back
	DirectPush     Kind = "direct-push"      // no pull request brought the commit
	MergeButton    Kind = "merge-button"     // a merge commit landed instead of the promotion
	SquashButton   Kind = "squash-button"    // a copy landed instead of the promotion
	HeadChanged    Kind = "head-changed"     // another commit landed than was proposed
	Unearned       Kind = "unearned"         // the commit was never head of the environment before
	Downgrade      Kind = "downgrade"        // a version went down and no commit says that it should
	Redelivered    Kind = "redelivered"      // a version came back that was rolled back
	RepeatedKey    Kind = "repeated-key"     // one job's bump landed twice
)

// Moves that are exceptions by what their commits say.
const (
	Rollback  Kind = "rollback"
	Hotfix    Kind = "hotfix"
	BackMerge Kind = "back-merge"
)

// Evidence that is missing.
const (
	Record       Kind = "record"        // the service's record of moves
	PullRequests Kind = "pull-requests" // the pull requests into a branch
	Commits      Kind = "commits"       // the history of a branch
	Files        Kind = "files"         // the files that versions are in
	Order        Kind = "order"         // which of two versions is the newer one
)

// State is what a finding means.
type State string

// The states of a finding.
const (
	Violation State = "violation"
	Unknown   State = "unknown"  // could not be proved
	Recorded  State = "recorded" // an exception that its commit records
)

// Finding is one thing that was found.
type Finding struct {
	Kind        Kind       `json:"kind"`
	State       State      `json:"state"`
	Environment string     `json:"environment"`
	Commit      string     `json:"commit,omitempty"` // what landed
	Before      string     `json:"before,omitempty"` // where the branch was
	Actor       string     `json:"actor,omitempty"`
	Time        *time.Time `json:"time,omitempty"` // of the move
	Number      int        `json:"number,omitempty"`
	Image       string     `json:"image,omitempty"`
	From        string     `json:"from,omitempty"` // version
	To          string     `json:"to,omitempty"`   // version
	Reason      string     `json:"reason"`

	cause error
}

// Environment is what was looked at of one environment.
type Environment struct {
	Name    string     `json:"name"`
	Branch  string     `json:"branch"`
	Commit  string     `json:"commit,omitempty"` // its head; empty when there is no branch
	Moves   int        `json:"moves"`            // that were judged
	Commits int        `json:"commits"`          // of the first-parent history whose versions or keys were judged
	Since   *time.Time `json:"since,omitempty"`  // of the oldest of these moves
	Whole   bool       `json:"whole"`            // these are all moves since the branch was created
}

// Report is the result of an audit.
type Report struct {
	Repository   string        `json:"repository"`
	Clean        bool          `json:"clean"` // no violation, and nothing unknown
	Environments []Environment `json:"environments"`
	Findings     []Finding     `json:"findings"` // by environment, the newest first
}

// UsageError is an argument that names nothing in this repository.
type UsageError struct {
	Problem string
	Fix     string // what to give instead
}

// Error says what is wrong with the argument.
func (u *UsageError) Error() string { return u.Problem }

// Run reads the evidence and judges it. The error is what kept it from reading the
// configuration or the branches at all, a *[UsageError], or the context's; everything
// else that could not be read is a finding.
func Run(ctx context.Context, s Source, options Options) (*Report, error) {
	if options.Limit <= 0 {
		options.Limit = DefaultLimit
	}
	cfg, refs, err := s.environments(ctx)
	if err != nil {
		return nil, err
	}
	if err := known(cfg, options.Environments); err != nil {
		return nil, err
	}
	a := &auditor{source: s, config: cfg, options: options, descends: maxDescends, asides: maxAsides}
	for i, env := range cfg.Environments {
		a.branches = append(a.branches, a.read(ctx, env, i, refs["refs/heads/"+env.Branch]))
	}
	if err := a.window(); err != nil {
		return nil, err
	}
	for _, b := range a.branches {
		a.readPulls(ctx, b)
	}
	a.readVersions(ctx)
	for _, b := range a.branches {
		if b.audited {
			a.judge(ctx, b)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("auditing %s: %w", s.Name, err)
	}
	return a.report(), nil
}

// environments reads the configuration and where all branches are, at one moment.
func (s Source) environments(ctx context.Context) (*config.Config, map[string]string, error) {
	refs, err := s.Git.Refs(ctx)
	if err != nil || s.Config != nil {
		return s.Config, refs, err
	}
	data, err := s.Forge.File(ctx, config.FileName, "")
	var cfg *config.Config
	switch {
	case err == nil:
		cfg, err = config.Parse(config.FileName+" at the default branch", data)
	case errors.Is(err, forge.ErrNotFound):
		cfg, err = config.Default(git.Branches(refs))
	}
	return cfg, refs, err
}

func known(cfg *config.Config, names []string) error {
	var all []string
	for _, env := range cfg.Environments {
		all = append(all, env.Name)
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return &UsageError{fmt.Sprintf("there is no environment %q", name), "the environments are " + strings.Join(all, ", ")}
		}
	}
	return nil
}

// auditor gathers evidence and findings.
type auditor struct {
	source   Source
	config   *config.Config
	options  Options
	branches []*branch
	contents *contents
	descends int // questions about ancestry that may still be asked
	asides   int // and about commits aside
	findings []Finding
}

// add notes a finding about a move.
func (a *auditor) add(b *branch, state State, kind Kind, move *forge.Move, finding Finding) {
	finding.State, finding.Kind, finding.Environment = state, kind, b.env.Name
	if move != nil {
		at := move.Time.UTC()
		finding.Actor, finding.Time = move.Actor, &at
		if finding.Commit == "" && move.After != zeros {
			finding.Commit = move.After
		}
		if finding.Before == "" && move.Before != zeros {
			finding.Before = move.Before
		}
	}
	a.findings = append(a.findings, finding)
}

// missing notes evidence that could not be had.
func (a *auditor) missing(b *branch, kind Kind, move *forge.Move, cause error, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if cause != nil {
		reason += ": " + cause.Error()
	}
	a.add(b, Unknown, kind, move, Finding{Reason: reason, cause: cause})
}

// judge judges one environment.
func (a *auditor) judge(ctx context.Context, b *branch) {
	a.judgeRecord(b)
	for i := range b.judged {
		a.judgeMove(ctx, b, i)
	}
	for _, step := range b.steps {
		a.judgeStep(ctx, b, step)
	}
	a.judgeKeys(b)
}

func (a *auditor) report() *Report {
	r := &Report{Repository: a.source.Name, Clean: true, Environments: []Environment{}, Findings: a.findings}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	for _, f := range a.findings {
		r.Clean = r.Clean && f.State == Recorded
	}
	for _, b := range a.branches {
		if !b.audited {
			continue
		}
		env := Environment{Name: b.env.Name, Branch: b.env.Branch, Commit: b.head, Moves: b.judged, Commits: b.recent, Whole: b.whole && b.judged == len(b.moves) && !b.short}
		if b.judged > 0 {
			oldest := b.moves[b.judged-1].Time.UTC()
			env.Since = &oldest
		}
		r.Environments = append(r.Environments, env)
	}
	return r
}

// Count says how many findings there are of a state.
func (r *Report) Count(state State) int {
	count := 0
	for _, f := range r.Findings {
		if f.State == state {
			count++
		}
	}
	return count
}

// Cause joins the errors behind what could not be read; nil when there are none.
func (r *Report) Cause() error {
	var causes []error
	for _, f := range r.Findings {
		if f.cause != nil {
			causes = append(causes, f.cause)
		}
	}
	return errors.Join(causes...)
}
