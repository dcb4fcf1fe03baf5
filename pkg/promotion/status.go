package promotion

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
	"github.com/getpawl/pawl/pkg/output"
)

// StatusReport is what stands where, at one moment: the branches are where the
// repository advertised them all at once, and what moved since does not show.
type StatusReport struct {
	Repository   string              `json:"repository"`
	Now          time.Time           `json:"now,omitzero"` // the service's clock
	Environments []EnvironmentStatus `json:"environments"`
	Images       []ImageStatus       `json:"images"`
	Hidden       int                 `json:"hidden,omitempty"` // images that the options left out
	Notes        []string            `json:"notes,omitempty"`

	width int // of the text, in characters
}

// EnvironmentStatus is one environment and its way to the one before.
type EnvironmentStatus struct {
	Name       string          `json:"name"`
	Branch     string          `json:"branch"`
	Commit     string          `json:"commit,omitempty"`     // empty when the branch does not exist
	Since      time.Time       `json:"since,omitzero"`       // when the branch came to the commit; zero when that is not known
	By         string          `json:"by,omitempty"`         // login of who moved it there
	From       string          `json:"from,omitempty"`       // the environment before; empty for the first one
	State      EdgeState       `json:"state"`                // how things stand between the two
	Relation   forge.Relation  `json:"relation,omitempty"`   // of the environment before to this one: ahead means that there is something to promote
	Behind     int             `json:"behind"`               // commits that the environment before has and this one lacks
	Ahead      int             `json:"ahead"`                // commits that this one has and the environment before lacks
	Foreign    []ForeignCommit `json:"foreign,omitempty"`    // the newest of those, oldest first
	MergedBack string          `json:"mergedBack,omitempty"` // the first environment, once it has those commits: promoting from there heals
	Open       *OpenPromotion  `json:"promotion,omitempty"`  // the open promotion into it
	Next       string          `json:"next,omitempty"`       // the command that moves things on
	Unknown    []Unread        `json:"unknown,omitempty"`    // what could not be read
	unreadErr  []error
}

// EdgeState is how things stand between an environment and the one before.
type EdgeState string

// The states of an edge.
const (
	EdgeUpToDate EdgeState = "up-to-date" // both at one commit; also the first environment's
	EdgeBehind   EdgeState = "behind"     // there is something to promote, and no open promotion
	EdgeWaiting  EdgeState = "waiting"    // the open promotion's gates are pending
	EdgeReady    EdgeState = "ready"      // the open promotion's gates pass
	EdgeBlocked  EdgeState = "blocked"    // a gate of the open promotion failed
	EdgeDiverged EdgeState = "diverged"   // it has commits that the environment before lacks
	EdgeMissing  EdgeState = "missing"    // one of the two has no branch
	EdgeUnknown  EdgeState = "unknown"    // what this depends on could not be read
)

// Unread is a fact that could not be read.
type Unread struct {
	Fact   string `json:"fact"` // since, relation, foreign or promotion
	Reason string `json:"reason"`
}

// ForeignCommit is a commit that an environment has and the one before lacks.
type ForeignCommit struct {
	SHA     string `json:"sha"`
	Author  string `json:"author"`  // login, or the name in the commit
	Subject string `json:"subject"` // first line of the message
	Looks   string `json:"looks"`   // what it looks like, in words
	Number  int    `json:"number,omitempty"`
}

// OpenPromotion is an open promotion pull request and what it waits for.
type OpenPromotion struct {
	Number int            `json:"number"`
	URL    string         `json:"url"`
	Commit string         `json:"commit"`
	State  gate.State     `json:"state"`
	Waits  string         `json:"waits,omitempty"` // the one thing that it waits for most, in words; empty when it is ready
	Gates  []gate.Verdict `json:"gates"`
}

// ImageStatus is one image in every environment.
type ImageStatus struct {
	Image    string            `json:"image"`
	Versions map[string]string `json:"versions"` // by environment; several versions are joined by ", "
}

// StatusOptions say how much of it to show.
type StatusOptions struct {
	Images       []string // globs: only images of which one matches the name, or its last part; empty: all
	Environments []string // only these; empty: all
	Behind       bool     // only images whose version differs from the one in the environment before
	Width        int      // of the text, in characters; 0: 80
}

// Status reads every environment in one snapshot of the branches. What could not be
// read is named where it is missing; only without the branches, or their files, is
// there no report.
func Status(ctx context.Context, s Source, options StatusOptions) (*StatusReport, error) {
	report := &StatusReport{Repository: s.Name, Environments: []EnvironmentStatus{}, Images: []ImageStatus{}, width: options.Width}
	// The pull requests come first: one that lands after this was read is seen to have
	// landed in the snapshot, while one that was opened after it is not missed.
	open := gate.Lookup(s.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Open}))
	snap, err := s.snapshot(ctx)
	if err != nil {
		if open.Err != nil {
			err = open.Err // who cannot read either is told in the words of the API
		}
		return report, err
	}
	shown, err := selectEnvironments(snap.cfg, options.Environments)
	if err != nil {
		return report, err
	}
	if err := s.statusImages(ctx, report, &snap); err != nil {
		return report, err
	}
	if err := report.choose(options, snap, shown); err != nil {
		return report, err
	}
	snap.open = open
	s.Forge = pinned{s.Forge, snap.refs}
	for _, env := range shown {
		report.Environments = append(report.Environments, s.statusEnvironment(ctx, snap, env))
	}
	s.statusSince(ctx, report)
	if err := ctx.Err(); err != nil {
		return report, fmt.Errorf("reading the status: %w", err)
	}
	report.Now = s.Forge.Now()
	return report, nil
}

// snapshot is the repository at one moment.
type snapshot struct {
	refs  map[string]string
	cfg   *config.Config
	trees contents
	open  gate.Fact[[]forge.PullRequest]
}

func (s snapshot) head(env config.Environment) string { return s.refs["refs/heads/"+env.Branch] }

// snapshot reads where all branches are, in one answer, and the configuration at
// the head of the default branch there.
func (s Source) snapshot(ctx context.Context) (snapshot, error) {
	snap := snapshot{cfg: s.Config}
	var err error
	if snap.refs, err = s.Git.Refs(ctx); err != nil || snap.cfg != nil {
		return snap, err
	}
	usual, layout := config.Default(git.Branches(snap.refs))
	head := snap.refs["HEAD"]
	if head == "" {
		snap.cfg = usual
		return snap, layout
	}
	commits := []string{head}
	if layout == nil {
		for _, env := range usual.Environments {
			commits = append(commits, snap.head(env))
		}
	}
	data, err := s.configAt(ctx, commits)
	switch {
	case err != nil:
		return snap, err
	case data == nil:
		snap.cfg = usual
		return snap, layout
	}
	snap.cfg, err = config.Parse(config.FileName+" at the default branch", data)
	return snap, err
}

// small is up to how many files a repository comes whole.
const small = 200

// configAt reads the configuration at the first of some commits; nil when there is
// none. The other commits are those that will be looked at most likely. With few
// files in them, all come at once: that saves asking again when it is known which.
func (s Source) configAt(ctx context.Context, commits []string) ([]byte, error) {
	trees, err := s.fetch(ctx, commits...)
	if err != nil {
		return nil, err
	}
	rules, err := trees.objects.Files(commits[0], func(path string) bool { return path == config.FileName })
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	likely := rules
	for _, commit := range commits {
		files, err := trees.objects.Files(commit, func(path string) bool { return manifest.IsYAML(path) && !manifest.Incidental(path) })
		if err != nil {
			return nil, err
		}
		if len(files) <= small {
			likely = append(likely, files...)
		}
	}
	if err := trees.objects.Load(ctx, likely); err != nil {
		return nil, err
	}
	return trees.objects.Content(rules[0])
}

// selectEnvironments picks environments by name, in the order of promotion.
func selectEnvironments(cfg *config.Config, names []string) ([]config.Environment, error) {
	if len(names) == 0 {
		return cfg.Environments, nil
	}
	wanted := map[string]bool{}
	for _, name := range names {
		if _, err := environment(cfg, name); err != nil {
			return nil, err
		}
		wanted[name] = true
	}
	var shown []config.Environment
	for _, env := range cfg.Environments {
		if wanted[env.Name] {
			shown = append(shown, env)
		}
	}
	return shown, nil
}

// statusImages reads the images of every environment that has a branch.
func (s Source) statusImages(ctx context.Context, report *StatusReport, snap *snapshot) error {
	var places []place
	var commits []string
	for _, env := range snap.cfg.Environments {
		if sha := snap.head(env); sha != "" {
			places = append(places, place{env, sha})
			commits = append(commits, sha)
		}
	}
	var err error
	if snap.trees, err = s.fetch(ctx, commits...); err != nil {
		return err
	}
	found, unreadable, err := snap.trees.images(ctx, snap.cfg.Images, places...)
	if err != nil {
		return err
	}
	if len(unreadable) > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%s not read, because they are not plain YAML", output.Plural(len(unreadable), "file")))
	}
	if len(places) > 0 && len(names(found...)) == 0 {
		report.Notes = append(report.Notes, noImages(snap.cfg.Environments))
	}
	for _, name := range names(found...) {
		row := ImageStatus{Image: name, Versions: map[string]string{}}
		for i, at := range places {
			if version := found[i].of(name); version != "" {
				row.Versions[at.env.Name] = version
			}
		}
		report.Images = append(report.Images, row)
	}
	return nil
}

// noImages says where pawl looked for images and found none.
func noImages(environments []config.Environment) string {
	var paths []string
	for _, env := range environments {
		for _, each := range env.Paths {
			if !slices.Contains(paths, each) {
				paths = append(paths, each)
			}
		}
	}
	return fmt.Sprintf("no image was found in %s: the paths in %s say where pawl looks", most(paths), config.FileName)
}

// statusEnvironment relates an environment to the one before it.
func (s Source) statusEnvironment(ctx context.Context, snap snapshot, env config.Environment) EnvironmentStatus {
	status := EnvironmentStatus{Name: env.Name, Branch: env.Branch, Commit: snap.head(env), State: EdgeUpToDate}
	before, ok := snap.cfg.Before(env.Name)
	if ok {
		status.From = before.Name
	}
	switch {
	case status.Commit == "":
		status.State = EdgeMissing
		status.Next = createCommand(env)
	case ok && snap.head(before) == "":
		status.State = EdgeMissing
	case ok:
		s.statusEdge(ctx, snap, &status, env, before)
	}
	return status
}

// unread notes that a fact could not be read.
func (e *EnvironmentStatus) unread(fact string, err error) {
	e.Unknown = append(e.Unknown, Unread{Fact: fact, Reason: err.Error()})
	e.unreadErr = append(e.unreadErr, err)
}

// Err says, as an error, what keeps the environments from being at one commit: nil
// when nothing does. An environment that is behind waits, one that is blocked,
// diverged or without a branch needs a person, and an unknown one is as transient,
// or as forbidden, as the error behind it.
func (r *StatusReport) Err() error { return joined(r.Environments) }
