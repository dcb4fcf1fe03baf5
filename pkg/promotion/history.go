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

// HistoryOptions say which moves to list.
type HistoryOptions struct {
	Environment string
	Limit       int    // how many moves, from 1 to MaxHistory
	Image       string // only moves that change this image: its name, or the last part of it; empty: all
}

// MaxHistory is how many moves are listed at most, and how many are looked through
// for those of one image.
const MaxHistory = 200

// HistoryReport is who moved an environment's branch, and what with it.
type HistoryReport struct {
	Repository  string        `json:"repository"`
	Environment string        `json:"environment"`
	Branch      string        `json:"branch"`
	Commit      string        `json:"commit,omitempty"` // where the branch is; empty when there is none
	Source      string        `json:"source"`           // what the list rests on: SourceActivity or SourcePullRequests
	Moves       []HistoryMove `json:"moves"`            // newest first
	More        bool          `json:"more"`             // there are older ones
	Notes       []string      `json:"notes,omitempty"`
}

// What a history rests on.
const (
	SourceActivity     = "activity"      // the service's own record of moves
	SourcePullRequests = "pull requests" // merged pull requests only, because there is no record to read
)

// HistoryMove is one move of an environment's branch.
type HistoryMove struct {
	Time        time.Time           `json:"time"`
	Kind        string              `json:"kind"`             // one of the Kind constants
	By          string              `json:"by,omitempty"`     // login
	Before      string              `json:"before,omitempty"` // empty when the branch was created
	After       string              `json:"after,omitempty"`  // empty when it was deleted
	Subject     string              `json:"subject,omitempty"`
	PullRequest *HistoryPullRequest `json:"pullRequest,omitempty"`
	Images      []ImageChange       `json:"images"`
	Unknown     []string            `json:"unknown,omitempty"` // the fields that could not be found out
}

// The kinds of a move.
const (
	KindPromotion   = "promotion"    // fast-forwarded to the head of a promotion
	KindPullRequest = "pull request" // fast-forwarded to the head of another pull request
	KindButton      = "merge button"
	KindQueue       = "merge queue"
	KindPush        = "push" // without a pull request
	KindForce       = "force push"
	KindCreated     = "created"
	KindDeleted     = "deleted"
	KindUnknown     = "unknown"
)

// HistoryPullRequest is the pull request that brought a move.
type HistoryPullRequest struct {
	Number     int      `json:"number"`
	URL        string   `json:"url"`
	Title      string   `json:"title"`
	Author     string   `json:"author"`
	Method     string   `json:"method,omitempty"` // of a merge button: merge commit, squash, squash or rebase
	ApprovedBy []string `json:"approvedBy"`       // whose latest review approves the head that landed
}

// History lists the moves of an environment's branch: the service's record of
// moves, joined with the pull requests that were merged, their reviews and the
// images in the commits. What cannot be read is named in Unknown, or in a note.
func History(ctx context.Context, s Source, options HistoryOptions) (*HistoryReport, error) {
	cfg, err := s.environments(ctx)
	if err != nil {
		return nil, err
	}
	env, err := environment(cfg, options.Environment)
	if err != nil {
		return nil, err
	}
	refs, err := s.Git.Refs(ctx)
	if err != nil {
		return nil, err
	}
	h := &history{
		Source: s, env: env, named: cfg.Images, wanted: options.Limit,
		report: &HistoryReport{Repository: s.Name, Environment: env.Name, Branch: env.Branch, Commit: refs["refs/heads/"+env.Branch]},
	}
	if options.Image != "" {
		h.wanted = MaxHistory
	}
	if err := h.gather(ctx); err != nil {
		return nil, err
	}
	if h.report.Commit == "" {
		h.note("%s", createBranch(env))
	}
	h.narrow(options)
	return h.report, h.approvals(ctx)
}

// history is a history in the making.
type history struct {
	Source
	env    config.Environment
	named  []config.Image
	wanted int // how many moves to look at
	report *HistoryReport
	pulls  gate.Fact[[]forge.PullRequest] // merged into the branch, newest first
	cut    bool                           // there may be older pull requests
}

// gather reads the moves and what belongs to them.
func (h *history) gather(ctx context.Context) error {
	h.tell("reading the moves of %s", h.env.Branch)
	moves, err := h.Forge.Activity(ctx, h.env.Branch, h.wanted+1)
	if err != nil && ctx.Err() != nil {
		return err
	}
	limit := h.wanted + 10 // some moves have several pull requests, on the way of each other
	h.pulls = gate.Lookup(h.Forge.PullRequests(ctx, forge.PullRequestFilter{State: forge.Merged, Base: h.env.Branch, Limit: limit}))
	h.cut = len(h.pulls.Value) == limit
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || len(moves) == 0 && len(h.pulls.Value) > 0:
		return h.fromPulls(ctx, err)
	case h.pulls.Err != nil:
		h.note("the pull requests could not be read: %v", h.pulls.Err)
	}
	h.report.Source = SourceActivity
	h.report.More = len(moves) > h.wanted
	moves = moves[:min(len(moves), h.wanted)]
	h.report.Moves = make([]HistoryMove, len(moves))
	for i, move := range moves {
		h.report.Moves[i] = h.move(move)
	}
	return h.contents(ctx, func(i int) string { return h.report.Moves[i].Before })
}

func (h *history) note(format string, args ...any) {
	h.report.Notes = append(h.report.Notes, fmt.Sprintf(format, args...))
}

// noCommit is what the service writes where there is none.
const noCommit = "0000000000000000000000000000000000000000"

func present(sha string) string {
	if sha == noCommit {
		return ""
	}
	return sha
}

// move joins a move with its pull request.
func (h *history) move(m forge.Move) HistoryMove {
	move := HistoryMove{Time: m.Time, By: m.Actor, Before: present(m.Before), After: present(m.After), Kind: moveKind(m.Kind), Images: []ImageChange{}}
	if move.By == "" {
		move.unknown("by")
	}
	if move.After == "" || move.Kind == KindCreated || move.Kind == KindForce {
		return move
	}
	pr, found := h.pullOf(m)
	switch {
	case found:
		move.through(pr)
	case h.pulls.Err != nil || h.cut && m.Time.Before(h.pulls.Value[len(h.pulls.Value)-1].Created):
		move.unknown("pullRequest")
		if move.Kind == KindPush {
			move.Kind = KindUnknown
		}
	case move.Kind == KindButton:
		move.unknown("pullRequest")
	}
	return move
}

// moveKind translates the service's word.
// https://docs.github.com/rest/repos/repos#list-repository-activities
func moveKind(word string) string {
	switch word {
	case "push":
		return KindPush
	case "force_push":
		return KindForce
	case "pr_merge":
		return KindButton
	case "merge_queue_merge":
		return KindQueue
	case "branch_creation":
		return KindCreated
	case "branch_deletion":
		return KindDeleted
	}
	return KindUnknown
}

// pullOf finds the pull request that a move landed: the one whose head the branch
// moved to, or whose merge button made the commit. One that only lay on the way
// shows as merged as well, and is not it.
func (h *history) pullOf(m forge.Move) (forge.PullRequest, bool) {
	var best forge.PullRequest
	for _, pr := range h.pulls.Value {
		if pr.HeadSHA != m.After && pr.MergeSHA != m.After {
			continue
		}
		if best.Number == 0 || pr.Merged.Sub(m.Time).Abs() < best.Merged.Sub(m.Time).Abs() {
			best = pr
		}
	}
	return best, best.Number > 0
}

// through notes the pull request of a move, and what kind of move it was then.
func (m *HistoryMove) through(pr forge.PullRequest) {
	m.PullRequest = &HistoryPullRequest{Number: pr.Number, URL: pr.WebURL, Title: pr.Title, Author: pr.Author, ApprovedBy: []string{}}
	switch {
	case m.Kind == KindQueue:
	case pr.HeadSHA != m.After:
		m.Kind = KindButton
	case strings.HasPrefix(pr.Head, headPrefix) && pr.HeadRepo == pr.BaseRepo:
		m.Kind = KindPromotion
	default:
		m.Kind = KindPullRequest
	}
}

func (m *HistoryMove) unknown(field string) {
	if !slices.Contains(m.Unknown, field) {
		m.Unknown = append(m.Unknown, field)
	}
}

// fromPulls makes do with the merged pull requests, where there is no record of
// moves. A move without one is missing then.
func (h *history) fromPulls(ctx context.Context, why error) error {
	if h.pulls.Err != nil {
		return errors.Join(why, h.pulls.Err)
	}
	h.report.Source = SourcePullRequests
	if why == nil {
		why = errors.New("the service has none")
	}
	h.note("the record of moves could not be read: %v", why)
	h.note("these are the merged pull requests only: who moved the branch is unknown, and so is every move without a pull request; images are compared with the pull request before")
	first := map[string]bool{}
	past, err := h.past(ctx, h.report.Commit)
	if err != nil {
		h.note("the commits of %s could not be read: %v", h.env.Branch, err)
	}
	for _, commit := range past {
		first[commit.SHA] = true
	}
	pulls := slices.Clone(h.pulls.Value)
	slices.SortStableFunc(pulls, func(a, b forge.PullRequest) int { return b.Merged.Compare(a.Merged) })
	h.report.More = len(pulls) > h.wanted
	for _, pr := range pulls[:min(len(pulls), h.wanted)] {
		move := HistoryMove{Time: pr.Merged, Kind: KindUnknown, Images: []ImageChange{}, Unknown: []string{"by", "before"}}
		for _, sha := range []string{pr.HeadSHA, pr.MergeSHA} {
			if first[sha] {
				move.After = sha
				break
			}
		}
		move.through(pr)
		if move.After == "" {
			move.Kind = KindUnknown
			move.unknown("after")
		}
		h.report.Moves = append(h.report.Moves, move)
	}
	return h.contents(ctx, func(i int) string {
		if i+1 < len(h.report.Moves) {
			return h.report.Moves[i+1].After
		}
		return ""
	})
}

// contents reads what the moves brought: the images before and after each, and what
// the commit says.
func (h *history) contents(ctx context.Context, before func(i int) string) error {
	if h.report.Moves == nil {
		h.report.Moves = []HistoryMove{}
	}
	h.tell("reading the images of %s", output.Plural(len(h.report.Moves), "move"))
	var commits, doubtful []string
	for i, move := range h.report.Moves {
		for _, sha := range []string{move.After, before(i)} {
			if sha != "" && !slices.Contains(commits, sha) {
				commits = append(commits, sha)
			}
		}
		if move.Kind == KindForce || move.Kind == KindDeleted {
			doubtful = append(doubtful, move.Before)
		}
	}
	line, err := h.timeline(ctx, h.env, h.named, commits, doubtful, "")
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		h.note("the content of the commits could not be read: %v", err)
	}
	if len(line.unreadable) > 0 {
		h.note("%s not read, because they are not plain YAML: %s", output.Plural(len(line.unreadable), "file"), most(line.unreadable))
	}
	for i := range h.report.Moves {
		h.report.Moves[i].describe(line, before(i))
	}
	return nil
}

// describe fills in what the commits of a move tell.
func (m *HistoryMove) describe(line timeline, before string) {
	if commit, ok := line.commit(m.After); ok {
		m.Subject, _, _ = strings.Cut(commit.Message, "\n")
		if m.Kind == KindButton && m.PullRequest != nil {
			made := forge.Commit{SHA: commit.SHA, Parents: commit.Parents, Message: commit.Message}
			m.PullRequest.Method = button(forge.Comparison{Commits: []forge.Commit{made}}, forge.PullRequest{Number: m.PullRequest.Number})
		}
	}
	if m.Kind == KindCreated || m.Kind == KindDeleted {
		return
	}
	now, known := line.versions[before]
	next, also := line.versions[m.After]
	if !known || !also {
		m.unknown("images")
		return
	}
	m.Images = append(m.Images, changes(now, next)...)
}

// narrow leaves the moves that were asked for.
func (h *history) narrow(options HistoryOptions) {
	if options.Image == "" {
		return
	}
	unknown, all := 0, len(h.report.Moves)
	h.report.Moves = slices.DeleteFunc(h.report.Moves, func(move HistoryMove) bool {
		if slices.Contains(move.Unknown, "images") {
			unknown++
		}
		return !slices.ContainsFunc(move.Images, func(c ImageChange) bool { return isCalled(c.Image, options.Image, h.named) })
	})
	if unknown > 0 {
		h.note("whether %s changed the image is unknown", output.Plural(unknown, "move"))
	}
	if h.report.More {
		h.note("only the newest %s were looked through", output.Plural(all, "move"))
	}
	if len(h.report.Moves) > options.Limit {
		h.report.Moves, h.report.More = h.report.Moves[:options.Limit], true
	}
}

// isCalled says whether an image is the one that a person means: by its name in the
// configuration, by its repository, or by the last part of that.
func isCalled(name, asked string, named []config.Image) bool {
	repository := entryOf(name, named).Repository
	for _, each := range []string{name, repository} {
		if each == asked || strings.HasSuffix(each, "/"+asked) {
			return true
		}
	}
	return false
}

// maxReviewed is for how many pull requests the reviews are looked up.
const maxReviewed = 20

// approvals looks up who approved. Reviews of another head than the one that landed
// do not count.
func (h *history) approvals(ctx context.Context) error {
	looked, problem := 0, error(nil)
	for i := range h.report.Moves {
		move := &h.report.Moves[i]
		if move.PullRequest == nil {
			continue
		}
		if looked == maxReviewed || problem != nil {
			move.unknown("approvedBy")
			continue
		}
		looked++
		h.tell("reading the reviews of #%d", move.PullRequest.Number)
		reviews, err := h.Forge.Reviews(ctx, move.PullRequest.Number)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			problem = err
			move.unknown("approvedBy")
			h.note("the reviews could not be read: %v", err)
			continue
		}
		head := h.headOf(move.PullRequest.Number)
		for _, review := range gate.Latest(reviews) {
			if review.State == forge.Approved && review.SHA == head {
				move.PullRequest.ApprovedBy = append(move.PullRequest.ApprovedBy, review.Author)
			}
		}
	}
	if looked == maxReviewed && slices.ContainsFunc(h.report.Moves, func(m HistoryMove) bool { return slices.Contains(m.Unknown, "approvedBy") }) && problem == nil {
		h.note("the reviews of the newest %d pull requests only were looked up", maxReviewed)
	}
	return nil
}

func (h *history) headOf(number int) string {
	for _, pr := range h.pulls.Value {
		if pr.Number == number {
			return pr.HeadSHA
		}
	}
	return ""
}

// timeline is what several commits hold of one environment.
type timeline struct {
	trees      contents
	versions   map[string]versions // by commit; a commit that could not be read is not there
	unreadable []string
}

// commit is what a commit says; false when it is not here.
func (t timeline) commit(sha string) (git.Commit, bool) {
	if sha == "" || t.versions[sha] == nil {
		return git.Commit{}, false
	}
	found, err := t.trees.objects.Describe(sha)
	return found, err == nil
}

// timeline reads the images of an environment at many commits, in two requests. A
// file is read once, however many commits have it. Doubtful commits are those that
// the server may have thrown away: without them the others are read. With a word,
// the images are those of the files only that have the word.
func (s Source) timeline(ctx context.Context, env config.Environment, named []config.Image, commits, doubtful []string, only string) (timeline, error) {
	line := timeline{versions: map[string]versions{}}
	if len(commits) == 0 {
		return line, nil
	}
	var err error
	line.trees, err = s.fetch(ctx, commits...)
	if errors.Is(err, git.ErrNotFound) && len(doubtful) > 0 {
		commits = slices.DeleteFunc(slices.Clone(commits), func(sha string) bool { return slices.Contains(doubtful, sha) })
		if len(commits) == 0 {
			return line, err
		}
		line.trees, err = s.fetch(ctx, commits...)
	}
	if err != nil {
		return line, err
	}
	return line, line.read(ctx, env, named, commits, only)
}
