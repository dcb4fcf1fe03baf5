package githubtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Name is the repository's name now: owner/name.
func (r *Repository) Name() string { return locked(r, func() string { return r.repo.fullName() }) }

// CloneURL is the address for Git, without credentials.
func (r *Repository) CloneURL() string { return locked(r, func() string { return r.repo.cloneURL() }) }

// NodeID is the repository's id in GraphQL.
func (r *Repository) NodeID() string { return nodeID("R", r.repo.id) }

// Dir is the bare repository on disk, for looking at it with the git binary. From
// this call on every change is there at once. Refs must not be changed there.
func (r *Repository) Dir(ctx context.Context) (string, error) {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	r.repo.watched = true
	return r.repo.dir, r.repo.flush(ctx)
}

func locked[T any](r *Repository, read func() T) T {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	return read()
}

// As returns a handle on the same repository whose methods act as another user, or
// as a GitHub App, whose login is SLUG[bot]. The account is made when missing.
// Permissions and branch rules hold for it as for a request with its token.
func (r *Repository) As(login string) *Repository {
	r.repo.server.mu.Lock()
	defer r.repo.server.mu.Unlock()
	return &Repository{repo: r.repo, actor: r.repo.server.accountLocked(login, "User")}
}

// caller is the actor; what it does to refs counts as a push.
func (r *Repository) caller() caller { return caller{account: r.actor, via: ViaGit} }

// do runs something as the actor who needs a permission, under the lock.
func (r *Repository) do(ctx context.Context, need access, what func(c caller) error) error {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	r.repo.settle(ctx)
	c := r.caller()
	if err := r.repo.may(c, need); err != nil {
		return err
	}
	return what(c)
}

// Change is one file of a commit.
type Change struct {
	Path    string
	Content string
	Mode    string // 100644 when empty; 100755 for an executable, 120000 for a symlink
	Delete  bool
}

// Commit makes a commit on a branch and pushes it: the files are written as given,
// others stay. A branch that is missing is created from the default branch, or
// empty in an empty repository. It returns the commit's SHA.
func (r *Repository) Commit(ctx context.Context, branch, message string, files map[string]string) (string, error) {
	changes := make([]Change, 0, len(files))
	for path, content := range files {
		changes = append(changes, Change{Path: path, Content: content})
	}
	return r.CommitChanges(ctx, branch, message, changes...)
}

// CommitChanges is Commit with file modes and deletions.
func (r *Repository) CommitChanges(ctx context.Context, branch, message string, changes ...Change) (string, error) {
	var sha string
	err := r.do(ctx, writes("contents"), func(c caller) error {
		var err error
		parent := or(r.repo.branch(branch), r.repo.branch(r.repo.defaultBranch))
		if sha, err = r.build(ctx, parent, message, changes); err != nil {
			return err
		}
		return r.repo.update(ctx, c, move{ref: "refs/heads/" + branch, after: sha})
	})
	if err != nil {
		return "", fmt.Errorf("committing to %s: %w", branch, err)
	}
	return sha, nil
}

// MergeCommit makes a commit with several parents, whose files are those of the
// first parent with the changes made, and pushes it to a branch. It is for
// histories that a merge button does not make.
func (r *Repository) MergeCommit(ctx context.Context, branch, message string, parents []string, changes ...Change) (string, error) {
	var sha string
	err := r.do(ctx, writes("contents"), func(c caller) error {
		if len(parents) == 0 {
			return unprocessable("a merge commit needs parents")
		}
		tree, err := r.tree(ctx, parents[0], changes)
		if err != nil {
			return err
		}
		who := r.repo.signature(r.actor)
		if sha, err = r.repo.store().writeCommit(tree, parents, who, who, message); err != nil {
			return err
		}
		return r.repo.update(ctx, c, move{ref: "refs/heads/" + branch, after: sha})
	})
	if err != nil {
		return "", fmt.Errorf("merging into %s: %w", branch, err)
	}
	return sha, nil
}

// build writes a commit and moves nothing.
func (r *Repository) build(ctx context.Context, parent, message string, changes []Change) (string, error) {
	tree, err := r.tree(ctx, parent, changes)
	if err != nil {
		return "", err
	}
	var parents []string
	if parent != "" {
		parents = []string{parent}
	}
	who := r.repo.signature(r.actor)
	return r.repo.store().writeCommit(tree, parents, who, who, message)
}

// tree writes the files of a commit with changes made in them.
func (r *Repository) tree(ctx context.Context, parent string, changes []Change) (string, error) {
	s, root := r.repo.store(), ""
	if parent != "" {
		c, err := s.commit(ctx, parent)
		if err != nil {
			return "", err
		}
		root = c.tree
	}
	entries := map[string]entry{}
	for _, change := range changes {
		if change.Delete {
			entries[change.Path] = entry{}
			continue
		}
		sha, err := s.write("blob", []byte(change.Content))
		if err != nil {
			return "", err
		}
		entries[change.Path] = entry{mode: or(change.Mode, modeRegular), sha: sha}
	}
	tree, err := s.splice(ctx, root, entries)
	if err != nil {
		return "", err
	}
	return s.rootTree(tree)
}

// Head returns the commit that a branch points at, "" when there is no branch.
func (r *Repository) Head(branch string) string {
	return locked(r, func() string { return r.repo.branch(branch) })
}

// Branch creates a branch at a commit.
func (r *Repository) Branch(ctx context.Context, branch, sha string) error {
	return r.do(ctx, writes("contents"), func(c caller) error {
		if r.repo.branch(branch) != "" {
			return unprocessable("Reference already exists")
		}
		return r.repo.update(ctx, c, move{ref: "refs/heads/" + branch, after: sha})
	})
}

// Push moves a branch to a commit, which must be a fast-forward, or creates it.
func (r *Repository) Push(ctx context.Context, branch, sha string) error {
	return r.do(ctx, writes("contents"), func(c caller) error {
		return r.repo.update(ctx, c, move{ref: "refs/heads/" + branch, after: sha})
	})
}

// ForcePush moves a branch to any commit.
func (r *Repository) ForcePush(ctx context.Context, branch, sha string) error {
	return r.do(ctx, writes("contents"), func(c caller) error {
		return r.repo.update(ctx, c, move{ref: "refs/heads/" + branch, after: sha, force: true})
	})
}

// DeleteBranch deletes a branch.
func (r *Repository) DeleteBranch(ctx context.Context, branch string) error {
	return r.do(ctx, writes("contents"), func(c caller) error {
		if r.repo.branch(branch) == "" {
			return unprocessable("Reference does not exist")
		}
		return r.repo.update(ctx, c, move{ref: "refs/heads/" + branch, after: zeroSHA})
	})
}

// File returns a file's content in a branch or commit, and whether it is there.
func (r *Repository) File(ctx context.Context, ref, path string) (string, bool) {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	s := r.repo.store()
	c, err := s.commit(ctx, r.repo.resolve(ctx, ref))
	if err != nil {
		return "", false
	}
	e, err := s.lookup(ctx, c.tree, path)
	if err != nil {
		return "", false
	}
	kind, data, err := s.read(ctx, e.sha)
	return string(data), err == nil && kind == "blob"
}

// Fork makes a fork under another owner, of the same name, with the same branches.
func (r *Repository) Fork(ctx context.Context, owner string) (*Repository, error) {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	s := r.repo.server
	s.mu.Lock()
	s.accountLocked(owner, "User")
	s.mu.Unlock()
	opts := RepositoryOptions{DefaultBranch: r.repo.defaultBranch, Creator: owner}
	forked, err := s.createRepository(ctx, owner, r.repo.name, opts, r.repo)
	if err != nil {
		return nil, err
	}
	for _, ref := range r.repo.refs("refs/heads/") {
		if err := forked.repo.setRef(ctx, ref.name, ref.sha); err != nil {
			return nil, err
		}
	}
	r.repo.forks = append(r.repo.forks, forked.repo)
	return forked, nil
}

// Rename gives the repository another owner/name. The old name redirects.
func (r *Repository) Rename(name string) error {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	return r.repo.server.rename(r.repo, name)
}

// SetPermission gives a user a role, and makes the user when missing.
func (r *Repository) SetPermission(login string, role Permission) {
	r.As(login)
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	r.repo.roles[strings.ToLower(login)] = role
}

// SetSettings changes the repository's settings.
func (r *Repository) SetSettings(settings Settings) {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	r.repo.settings = settings
}

// Protect adds a ruleset for the branches that match a pattern: a name, a glob in
// which * stays within one path segment, or ~ALL. Several apply together; each
// has its own bypass list. It returns the ruleset's id.
func (r *Repository) Protect(pattern string, rules Rules) int64 {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	now := r.repo.server.Now()
	set := &ruleset{id: r.repo.server.id(), patterns: []string{pattern}, rules: rules, created: now, updated: now}
	r.repo.rulesets = append(r.repo.rulesets, set)
	return set.id
}

// Unprotect removes a ruleset. Unknown ones are ignored.
func (r *Repository) Unprotect(id int64) {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	r.repo.rulesets = slices.DeleteFunc(r.repo.rulesets, func(s *ruleset) bool { return s.id == id })
}

// PullRequest is a pull request at one moment.
type PullRequest struct {
	Number      int
	Title, Body string
	Author      string
	Open        bool
	Merged      bool
	Draft       bool
	Base        string // branch
	Head        string // branch
	HeadRepo    string // owner/name
	HeadSHA     string
	MergedBy    string
	MergeSHA    string
	Labels      []string
	Reviewers   []string // asked and not yet answered; teams as org/team
	Comments    []Comment
	Reviews     []Review
	Created     time.Time
	MergedAt    time.Time
}

// Comment is a comment on a pull request.
type Comment struct {
	ID     int64
	Author string
	Body   string
}

// Review is a review of a pull request.
type Review struct {
	ID     int64
	Author string
	State  string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED
	SHA    string
}

func (p *pull) snapshot() PullRequest {
	out := PullRequest{
		Number: p.number, Title: p.title, Body: p.body, Author: p.user.login, Open: p.open(), Merged: p.merged,
		Draft: p.draft, Base: p.base, Head: p.headBranch, HeadRepo: p.headRepo.fullName(), HeadSHA: p.head,
		MergeSHA: p.mergeSHA, Created: p.created, MergedAt: p.mergedAt,
	}
	if p.mergedBy != nil {
		out.MergedBy = p.mergedBy.login
	}
	for _, l := range p.labels {
		out.Labels = append(out.Labels, l.name)
	}
	for _, a := range p.reviewers {
		out.Reviewers = append(out.Reviewers, a.login)
	}
	for _, slug := range p.teams {
		out.Reviewers = append(out.Reviewers, p.repo.owner.login+"/"+slug)
	}
	for _, c := range p.comments {
		out.Comments = append(out.Comments, Comment{ID: c.id, Author: c.user.login, Body: c.body})
	}
	for _, v := range p.reviews {
		out.Reviews = append(out.Reviews, Review{ID: v.id, Author: v.user.login, State: v.state, SHA: v.sha})
	}
	return out
}

// PullRequests returns all pull requests, oldest first. Unlike a request it counts
// as no read.
func (r *Repository) PullRequests(ctx context.Context) []PullRequest {
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	r.repo.settle(ctx)
	list := make([]PullRequest, 0, len(r.repo.pulls))
	for _, p := range r.repo.pulls {
		list = append(list, p.snapshot())
	}
	return list
}

// PullRequest returns one pull request.
func (r *Repository) PullRequest(ctx context.Context, number int) (PullRequest, error) {
	var out PullRequest
	err := r.onPull(ctx, reads("pull_requests"), number, func(_ caller, p *pull) error {
		out = p.snapshot()
		return nil
	})
	return out, err
}

// onPull does something to a pull request as the actor.
func (r *Repository) onPull(ctx context.Context, need access, number int, what func(c caller, p *pull) error) error {
	return r.do(ctx, need, func(c caller) error {
		p := r.repo.pull(number)
		if p == nil {
			return errNotFound()
		}
		return what(c, p)
	})
}

// anyone is what everybody who can read may do to a pull request.
func anyone() access { return access{"pull_requests", "write", Read} }

// OpenPullRequest opens a pull request.
func (r *Repository) OpenPullRequest(ctx context.Context, in NewPullRequest) (PullRequest, error) {
	var out PullRequest
	err := r.do(ctx, anyone(), func(c caller) error {
		p, err := r.repo.createPull(ctx, c, in)
		if err != nil {
			return err
		}
		out = p.snapshot()
		return nil
	})
	return out, err
}

// EditPullRequest changes title and body.
func (r *Repository) EditPullRequest(ctx context.Context, number int, title, body string) error {
	return r.onPull(ctx, anyone(), number, func(c caller, p *pull) error {
		return p.edit(ctx, c, pullEdit{Title: &title, Body: &body})
	})
}

// Retarget changes the base branch.
func (r *Repository) Retarget(ctx context.Context, number int, base string) error {
	return r.onPull(ctx, anyone(), number, func(c caller, p *pull) error {
		return p.edit(ctx, c, pullEdit{Base: &base})
	})
}

// ClosePullRequest closes a pull request without merging it.
func (r *Repository) ClosePullRequest(ctx context.Context, number int) error {
	return r.setState(ctx, number, "closed")
}

// ReopenPullRequest opens a closed pull request again.
func (r *Repository) ReopenPullRequest(ctx context.Context, number int) error {
	return r.setState(ctx, number, "open")
}

func (r *Repository) setState(ctx context.Context, number int, state string) error {
	return r.onPull(ctx, anyone(), number, func(c caller, p *pull) error {
		return p.edit(ctx, c, pullEdit{State: &state})
	})
}

// SetDraft makes a pull request a draft, or ready for review.
func (r *Repository) SetDraft(ctx context.Context, number int, draft bool) error {
	return r.onPull(ctx, anyone(), number, func(_ caller, p *pull) error {
		p.draft = draft
		p.touch()
		return nil
	})
}

// Approve approves a pull request's current head, as a user.
func (r *Repository) Approve(ctx context.Context, number int, login string) error {
	return r.As(login).review(ctx, number, "APPROVE", "")
}

// RequestChanges asks for changes, as a user.
func (r *Repository) RequestChanges(ctx context.Context, number int, login string) error {
	return r.As(login).review(ctx, number, "REQUEST_CHANGES", "Please change this.")
}

func (r *Repository) review(ctx context.Context, number int, event, body string) error {
	return r.onPull(ctx, anyone(), number, func(c caller, p *pull) error {
		_, err := p.review(c, event, body, "")
		return err
	})
}

// DismissReviews dismisses every review of a user that counts.
func (r *Repository) DismissReviews(ctx context.Context, number int, login string) error {
	return r.onPull(ctx, writes("pull_requests"), number, func(_ caller, p *pull) error {
		for _, v := range p.reviews {
			if strings.EqualFold(v.user.login, login) && v.state != "COMMENTED" {
				v.state = "DISMISSED"
			}
		}
		p.touch()
		return nil
	})
}

// Comment comments on a pull request.
func (r *Repository) Comment(ctx context.Context, number int, body string) error {
	return r.onPull(ctx, anyone(), number, func(c caller, p *pull) error {
		_, err := p.comment(c, body)
		return err
	})
}

// AddLabels adds labels to a pull request.
func (r *Repository) AddLabels(ctx context.Context, number int, labels ...string) error {
	need := access{"issues|pull_requests", "write", Triage}
	return r.onPull(ctx, need, number, func(_ caller, p *pull) error { return p.addLabels(labels) })
}

// The methods of the merge button.
const (
	MergeButton  = "merge"
	SquashButton = "squash"
	RebaseButton = "rebase"
)

// PressMerge presses the merge button with one of its methods and returns the
// commit that the base is at then.
func (r *Repository) PressMerge(ctx context.Context, number int, method string) (string, error) {
	var sha string
	err := r.onPull(ctx, writes("contents"), number, func(c caller, p *pull) error {
		var err error
		sha, err = p.press(ctx, c, mergeOrder{Method: method})
		return err
	})
	return sha, err
}

// SetStatus publishes a commit status: error, failure, pending or success.
func (r *Repository) SetStatus(ctx context.Context, sha, context, state string) error {
	return r.do(ctx, writes("statuses"), func(c caller) error {
		_, err := r.repo.setStatus(ctx, c, sha, status{context: context, state: state})
		return err
	})
}

// CheckRun is a check run to be added.
type CheckRun struct {
	App        string // the slug of the App; github-actions when empty
	Name       string
	Status     string // completed when empty
	Conclusion string // success when empty and completed
}

// AddCheckRun adds a check run to a commit, as the App. A second one of the same
// name and App stands for the first from then on.
func (r *Repository) AddCheckRun(ctx context.Context, sha string, run CheckRun) error {
	in := checkInput{Name: &run.Name, SHA: &sha}
	if run.Status == "" || run.Status == "completed" {
		conclusion := or(run.Conclusion, "success")
		in.Conclusion = &conclusion
	} else {
		in.Status = &run.Status
	}
	bot := r.As(or(run.App, "github-actions") + "[bot]")
	r.repo.network.mu.Lock()
	defer r.repo.network.mu.Unlock()
	_, err := r.repo.createCheckRun(ctx, bot.caller(), in)
	return err
}
