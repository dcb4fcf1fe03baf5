package promotion

import (
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
)

// TraceOptions say what to look for.
type TraceOptions struct {
	// What is an image (NAME, NAME:TAG, NAME@DIGEST), a commit of the config
	// repository, or a commit of an application: owner/name@sha, or its SHA alone.
	What   string
	Number int // a pull request of the config repository, instead of What
}

// TraceReport is which environments have something, and since when.
type TraceReport struct {
	Repository   string      `json:"repository"`
	Kind         string      `json:"kind"`              // image, commit, pull request or source
	What         string      `json:"what"`              // as it was asked
	Image        string      `json:"image,omitempty"`   // of an image: its name
	Version      string      `json:"version,omitempty"` // of an image: the version that is looked for
	Commit       string      `json:"commit,omitempty"`  // of anything else: the commit that is looked for
	Subject      string      `json:"subject,omitempty"` // of that commit, or the title of the pull request
	Environments []TraceStop `json:"environments"`
	Next         *TraceHop   `json:"next,omitempty"`
	Notes        []string    `json:"notes,omitempty"`
}

// TraceStop is one environment.
type TraceStop struct {
	Environment string              `json:"environment"`
	State       string              `json:"state"`             // one of the Stop constants
	Version     string              `json:"version,omitempty"` // of an image: the one that is there now
	Since       time.Time           `json:"since,omitzero"`    // when it came
	Until       time.Time           `json:"until,omitzero"`    // when it left
	By          string              `json:"by,omitempty"`      // who brought it
	Kind        string              `json:"kind,omitempty"`    // of the move that brought it, as in a history
	Head        string              `json:"head,omitempty"`    // the commit that the branch moved to then
	PullRequest *HistoryPullRequest `json:"pullRequest,omitempty"`
	Unknown     []string            `json:"unknown,omitempty"` // the fields that could not be found out
	lacks       bool                // it is not there, and may come with the next promotion
}

// How an environment stands to what is traced.
const (
	StopHere    = "here"
	StopNotYet  = "not yet"
	StopLeft    = "left"    // it was there, and another version is now
	StopSkipped = "skipped" // a newer version is there, and this one was not seen
	StopUnknown = "unknown"
)

// TraceHop is the way into the next environment, and what its gates say.
type TraceHop struct {
	From    string         `json:"from"`
	To      string         `json:"to"`
	Number  int            `json:"number,omitempty"` // the open promotion; 0: none is open
	URL     string         `json:"url,omitempty"`
	Commit  string         `json:"commit"` // that would land
	State   gate.State     `json:"state"`
	Gates   []gate.Verdict `json:"gates"`
	Command string         `json:"command"` // what to run next
}

// Trace says which environments have an image version, a commit or a pull request,
// since when, and what stands before the next one. It writes nothing.
func Trace(ctx context.Context, s Source, options TraceOptions) (*TraceReport, error) {
	cfg, err := s.environments(ctx)
	if err != nil {
		return nil, err
	}
	refs, err := s.Git.Refs(ctx)
	if err != nil {
		return nil, err
	}
	t := &trace{Source: s, cfg: cfg, refs: refs, report: &TraceReport{Repository: s.Name, What: options.What, Environments: []TraceStop{}}}
	if !slices.ContainsFunc(cfg.Environments, func(env config.Environment) bool { return t.head(env) != "" }) {
		return nil, t.nowhere()
	}
	if err := t.begin(ctx, options); err != nil {
		return nil, err
	}
	if err := t.records(ctx); err != nil {
		return nil, err
	}
	if t.report.Kind == "image" {
		err = t.images(ctx)
	} else {
		err = t.commits(ctx)
	}
	if err != nil {
		return nil, err
	}
	t.stray()
	return t.report, t.hop(ctx)
}

// trace is a trace in the making.
type trace struct {
	Source
	cfg    *config.Config
	refs   map[string]string
	report *TraceReport
	pulls  gate.Fact[[]forge.PullRequest]     // merged, into any branch
	moves  map[string]gate.Fact[[]forge.Move] // by environment
	line   map[string]map[string]int          // by environment: the place of each first parent, the head's is 0
	carry  []string                           // the first parents with which it came: a pull request that was squashed has two
}

func (t *trace) head(env config.Environment) string { return t.refs["refs/heads/"+env.Branch] }

// nowhere says that no environment has a branch, so that nothing is anywhere.
func (t *trace) nowhere() error {
	_, err := branchHead(t.refs, t.cfg.Environments[0])
	for _, env := range t.cfg.Environments[1:] {
		_, missing := branchHead(t.refs, env)
		err = errors.Join(err, missing)
	}
	return err
}

func (t *trace) note(format string, args ...any) {
	t.report.Notes = append(t.report.Notes, fmt.Sprintf(format, args...))
}

// traceMoves is how many moves of each branch are looked at, and tracePulls how
// many merged pull requests.
const (
	traceMoves = 100
	tracePulls = 100
)

// begin finds out what is meant.
func (t *trace) begin(ctx context.Context, options TraceOptions) error {
	slug, sha, at := cutLast(options.What, "@")
	switch {
	case options.Number > 0:
		return t.beginPull(ctx, options.Number)
	case at && isAbbreviation(sha) && slugRegexp.MatchString(slug):
		return t.beginSource(ctx, slug, sha)
	case isAbbreviation(options.What):
		return t.beginCommit(ctx, options.What)
	}
	t.report.Kind = "image"
	return nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// lines reads the first parents of every environment, once.
func (t *trace) lines(ctx context.Context) ([]git.Commit, error) {
	t.line = map[string]map[string]int{}
	seen := map[string]bool{}
	var all []git.Commit
	t.tell("reading the commits")
	for _, env := range t.cfg.Environments {
		past, err := t.past(ctx, t.head(env))
		if err != nil {
			return nil, err
		}
		t.line[env.Name] = make(map[string]int, len(past))
		for i, commit := range past {
			t.line[env.Name][commit.SHA] = i
			if !seen[commit.SHA] {
				seen[commit.SHA] = true
				all = append(all, commit)
			}
		}
	}
	return all, nil
}

// onLine says whether a commit is a first parent of any environment.
func (t *trace) onLine(sha string) bool {
	for _, line := range t.line {
		if _, ok := line[sha]; ok {
			return true
		}
	}
	return false
}

func (t *trace) beginPull(ctx context.Context, number int) error {
	t.report.Kind, t.report.What = "pull request", fmt.Sprintf("#%d", number)
	pr, err := t.Forge.PullRequest(ctx, number)
	if err != nil {
		return err
	}
	all, err := t.lines(ctx)
	if err != nil {
		return err
	}
	t.report.Subject, t.report.Commit = pr.Title, pr.HeadSHA
	if pr.State != forge.Merged {
		t.note("#%d is %s, not merged", number, pr.State)
	} else if t.onLine(pr.MergeSHA) {
		t.carry = append(t.carry, pr.MergeSHA)
		if !t.onLine(pr.HeadSHA) {
			t.report.Commit = pr.MergeSHA
			return nil
		}
		if pr.MergeSHA != pr.HeadSHA {
			t.note("a merge button made %s of it, instead of moving %s to %s", gate.Short(pr.MergeSHA), pr.Base, gate.Short(pr.HeadSHA))
		}
	}
	return t.carried(ctx, all)
}

// beginCommit takes a SHA for a commit of the config repository, and where it has
// none of that name, for one of an application.
func (t *trace) beginCommit(ctx context.Context, sha string) error {
	t.report.Kind = "commit"
	all, err := t.lines(ctx)
	if err != nil {
		return err
	}
	var found []git.Commit
	for _, commit := range all {
		if strings.HasPrefix(commit.SHA, sha) {
			found = append(found, commit)
		}
	}
	switch {
	case len(found) > 1:
		return &UsageError{Problem: fmt.Sprintf("%s stands for %d commits", sha, len(found)), Fix: "give more digits"}
	case len(found) == 1:
		t.report.Commit, t.carry = found[0].SHA, []string{found[0].SHA}
		t.report.Subject, _, _ = strings.Cut(found[0].Message, "\n")
		return nil
	case t.sourced(all, "", sha):
		return nil
	case len(sha) == 40:
		t.report.Commit = sha
		return t.elsewhere(ctx, all)
	}
	return notTraced(sha)
}

// elsewhere looks for a commit that is no first parent of an environment.
func (t *trace) elsewhere(ctx context.Context, all []git.Commit) error {
	if len(all) == 0 {
		return notTraced(t.report.Commit)
	}
	_, err := t.Forge.Compare(ctx, t.report.Commit, all[0].SHA, 0)
	if errors.Is(err, forge.ErrNotFound) {
		return notTraced(t.report.Commit)
	}
	if err != nil {
		return err
	}
	return t.carried(ctx, all)
}

func notTraced(what string) error {
	return &UsageError{Problem: fmt.Sprintf("nothing in the newest %d commits of an environment is, or names, %s", pastLimit, what),
		Fix: "give the whole SHA of a commit of the config repository, or of an application whose bumps have the trailer Pawl-Source (pawl bump --source)"}
}

// beginSource looks for a commit of an application.
func (t *trace) beginSource(ctx context.Context, slug, sha string) error {
	all, err := t.lines(ctx)
	if err != nil {
		return err
	}
	if !t.sourced(all, slug, sha) {
		return notTraced(slug + "@" + sha)
	}
	return nil
}

// sourced finds the first commit that says that it was made for a commit of an
// application.
func (t *trace) sourced(all []git.Commit, slug, sha string) bool {
	count := 0
	var first git.Commit
	for _, commit := range all {
		_, sources := pawlTrailers(commit.Message)
		for _, source := range sources {
			name, built, _ := cutLast(source, "@")
			if !strings.HasPrefix(built, sha) || slug != "" && !strings.EqualFold(strings.TrimSuffix(name, ".git"), slug) && !strings.HasSuffix(strings.ToLower(name), "/"+strings.ToLower(slug)) {
				continue
			}
			count++
			if first.SHA == "" || !commit.Committer.When.After(first.Committer.When) {
				first = commit
			}
		}
	}
	if count == 0 {
		return false
	}
	t.report.Kind, t.report.Commit, t.carry = "source", first.SHA, []string{first.SHA}
	t.report.Subject, _, _ = strings.Cut(first.Message, "\n")
	t.note("%s of the config repository says that it was made for it; that a later build contains it as well is not looked at", output.Plural(count, "commit"))
	return true
}

// carried finds the first parent with which a commit came that is none itself: the
// oldest merge that contains it.
func (t *trace) carried(ctx context.Context, all []git.Commit) error {
	if t.onLine(t.report.Commit) {
		t.carry = append(t.carry, t.report.Commit)
		return nil
	}
	var merges []string // newest first
	for _, commit := range all {
		if len(commit.Parents) > 1 {
			merges = append(merges, commit.SHA)
		}
	}
	oldest := ""
	for len(merges) > 0 {
		middle := len(merges) / 2
		comparison, err := t.Forge.Compare(ctx, t.report.Commit, merges[middle], 0)
		if err != nil {
			return err
		}
		if comparison.Relation != forge.Ahead {
			merges = merges[:middle]
			continue
		}
		oldest = merges[middle]
		merges = merges[middle+1:]
	}
	if oldest != "" {
		t.carry = append(t.carry, oldest)
	}
	return nil
}

// records reads the moves of every environment, and the merged pull requests. What
// cannot be read is told, and stays unknown.
func (t *trace) records(ctx context.Context) error {
	t.moves = map[string]gate.Fact[[]forge.Move]{}
	for _, env := range t.cfg.Environments {
		if t.head(env) == "" {
			continue
		}
		t.tell("reading the moves of %s", env.Branch)
		fact := gate.Lookup(t.Forge.Activity(ctx, env.Branch, traceMoves))
		if t.moves[env.Name] = fact; fact.Err != nil {
			t.note("the record of moves of %s could not be read: %v", env.Branch, fact.Err)
		}
	}
	t.pulls = gate.Lookup(t.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Merged, Limit: tracePulls}))
	if t.pulls.Err != nil {
		t.note("the pull requests could not be read: %v", t.pulls.Err)
	}
	return ctx.Err()
}

// commits says which environments contain the commit.
func (t *trace) commits(ctx context.Context) error {
	for _, env := range t.cfg.Environments {
		stop := TraceStop{Environment: env.Name, State: StopNotYet}
		place, here := t.place(env)
		switch {
		case t.head(env) == "":
			t.note("%s has no branch; %s", env.Name, createBranch(env))
		case here:
			stop.State = StopHere
			t.since(&stop, env, func(move forge.Move) (bool, bool) {
				at, known := t.line[env.Name][move.After]
				return at <= place, known
			})
		case len(t.line[env.Name]) == pastLimit && t.head(env) != "":
			comparison, err := t.Forge.Compare(ctx, t.report.Commit, t.head(env), 0)
			if err != nil {
				return err
			}
			if comparison.Relation == forge.Ahead || comparison.Relation == forge.Identical {
				stop.State = StopHere
				stop.unknown(ofMove()...)
			}
		}
		stop.lacks = stop.State == StopNotYet
		t.report.Environments = append(t.report.Environments, stop)
	}
	return nil
}

// place finds what is traced among the first parents of an environment.
func (t *trace) place(env config.Environment) (place int, here bool) {
	for _, sha := range t.carry {
		if at, ok := t.line[env.Name][sha]; ok && (!here || at > place) {
			place, here = at, true
		}
	}
	return place, here
}

// since finds the move with which something came that is there now: the oldest of
// an unbroken row, from the newest move on, of those after which it was there.
func (t *trace) since(stop *TraceStop, env config.Environment, after func(forge.Move) (there, known bool)) {
	moves, err := t.moves[env.Name].Get()
	var came *forge.Move
	known, there := true, true
	for i := range moves {
		if there, known = after(moves[i]); !known || !there {
			break
		}
		if came = &moves[i]; present(came.Before) == "" {
			there = false // the branch was created with it
			break
		}
	}
	if came != nil && known && there { // it was there after each move that is known
		there, known = after(forge.Move{After: came.Before})
	}
	cut := came != nil && known && there
	if !known {
		came = nil
	}
	if err != nil || came == nil || cut {
		stop.unknown(ofMove()...)
		if cut {
			t.note("it is in %s since before %s, where the record of moves that was read begins", env.Name, minute(came.Time))
		}
		return
	}
	t.brought(stop, env, *came)
}

// brought fills in the move with which something came.
func (t *trace) brought(stop *TraceStop, env config.Environment, came forge.Move) {
	h := history{env: env, pulls: t.pulls}
	if err := t.pulls.Err; err == nil {
		h.pulls = gate.Known(mergedInto(t.pulls.Value, env))
		h.cut = len(t.pulls.Value) == tracePulls && len(h.pulls.Value) > 0
	}
	move := h.move(came)
	stop.Since, stop.By, stop.Kind, stop.Head, stop.PullRequest = move.Time, move.By, move.Kind, move.After, move.PullRequest
	for _, field := range move.Unknown {
		stop.unknown(field)
	}
	if stop.PullRequest != nil {
		stop.unknown("approvedBy")
	}
}

func mergedInto(all []forge.PullRequest, env config.Environment) []forge.PullRequest {
	var list []forge.PullRequest
	for _, pr := range all {
		if pr.Base == env.Branch {
			list = append(list, pr)
		}
	}
	return list
}

// ofMove are the fields that the move tells with which something came.
func ofMove() []string { return []string{"since", "by", "kind", "head", "pullRequest"} }

func (s *TraceStop) unknown(fields ...string) {
	for _, field := range fields {
		if !slices.Contains(s.Unknown, field) {
			s.Unknown = append(s.Unknown, field)
		}
	}
}
