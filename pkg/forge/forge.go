// Package forge says what pawl needs from the service that hosts a config
// repository, as plain values and one small interface.
//
// Everything here is about one repository. An implementation guarantees:
//
//   - a read either returns the whole answer (every page) or an error; absence
//     is reported as [ErrNotFound] and only when the service said so;
//   - a branch moves through [Forge.FastForward] and in no other way: there is
//     no force, and the value that the caller saw must still be there;
//   - a mutation is sent once. When its outcome is unknown, the implementation
//     reads the effect back before it says anything.
//
// The package holds no decisions: what may move is for the packages gate and
// promotion to say.
package forge

import (
	"context"
	"errors"
	"time"
)

// Forge is one repository on a hosting service.
type Forge interface {
	// Repository describes the repository.
	Repository(ctx context.Context) (Repository, error)
	// File returns the bytes of the file at path in the commit sha; empty: at the
	// head of the default branch.
	// It returns [ErrNotFound] when the commit is there and the file is not.
	File(ctx context.Context, path, sha string) ([]byte, error)
	// Branch returns the commit that the branch points at, or [ErrNotFound].
	Branch(ctx context.Context, name string) (sha string, err error)
	// Compare relates two commits or branches. Base and head may be names or SHAs;
	// the answer carries the SHAs that they stood for. The newest commits come
	// last, at most limit of them; limit 0 asks for no commits.
	Compare(ctx context.Context, base, head string, limit int) (Comparison, error)
	// Activity lists the moves of a branch, or of all branches if none is named,
	// newest first, at most limit moves (limit 0: all that the service keeps).
	Activity(ctx context.Context, branch string, limit int) ([]Move, error)

	// PullRequest returns one pull request, or [ErrNotFound].
	PullRequest(ctx context.Context, number int) (PullRequest, error)
	// PullRequests lists pull requests, newest first.
	PullRequests(ctx context.Context, filter PullRequestFilter) ([]PullRequest, error)
	// CreatePullRequest opens a pull request. When one is open for the same head
	// and base already, it returns that one and [ErrExists].
	CreatePullRequest(ctx context.Context, draft NewPullRequest) (PullRequest, error)
	// EditPullRequest changes title and body.
	EditPullRequest(ctx context.Context, number int, title, body string) error
	// ClosePullRequest closes a pull request without merging it.
	ClosePullRequest(ctx context.Context, number int) error
	// Comment posts a comment on a pull request. The key is kept in the comment,
	// invisible to readers; a comment that carries it already is left as it is.
	Comment(ctx context.Context, number int, key, body string) error
	// AddLabels adds labels to a pull request; those it has are kept.
	AddLabels(ctx context.Context, number int, labels []string) error
	// RequestReviews asks users, and teams written as org/team, for a review.
	RequestReviews(ctx context.Context, number int, reviewers []string) error
	// Reviews lists every review of a pull request, oldest first.
	Reviews(ctx context.Context, number int) ([]Review, error)
	// Permission returns what a user may do in the repository now.
	Permission(ctx context.Context, login string) (Permission, error)
	// TeamMembers lists the logins of a team's members, those of its child teams
	// included. The team is written as org/team.
	TeamMembers(ctx context.Context, team string) ([]string, error)
	// Login is the account that the token acts for.
	Login(ctx context.Context) (string, error)

	// Statuses lists the newest commit status of each context on a commit.
	Statuses(ctx context.Context, sha string) ([]Status, error)
	// CheckRuns lists the newest check run of each name and app on a commit.
	CheckRuns(ctx context.Context, sha string) ([]CheckRun, error)
	// SetStatus publishes a commit status.
	SetStatus(ctx context.Context, sha string, status Status) error

	// CreateBranch creates a branch at a commit. When the branch is there at that
	// commit already, the call succeeds; at another commit it is [ErrExists].
	CreateBranch(ctx context.Context, name, sha string) error
	// DeleteBranch deletes a branch that still points at sha. A branch that is
	// gone already is no error; one that moved is left alone: [ErrMoved].
	DeleteBranch(ctx context.Context, name, sha string) error
	// FastForward moves a branch from old to sha, which must descend from it.
	// It returns [ErrMoved] when the branch is no longer at old, and
	// [ErrNotFastForward] when sha does not descend from it. On success the
	// branch was read back at sha, or past it.
	FastForward(ctx context.Context, branch, old, sha string) error
	// CommitFiles makes a commit on a branch, through the service, which signs it in
	// the name of the token's owner. The branch must be at parent; else it returns
	// [ErrMoved]. It returns [ErrUnsupported], and has sent nothing, when the service
	// could not make this commit so. The commit's id is returned when it is on the
	// branch, for sure.
	CommitFiles(ctx context.Context, branch, parent string, files []FileChange, message string) (sha string, err error)
	// Verification says whether the service vouches for the signature of a commit, and
	// in its own words why, or why not ("valid", "unsigned", "unknown_key", …).
	Verification(ctx context.Context, sha string) (verified bool, reason string, err error)

	// Now is the service's clock: the time in its newest answer. It is the zero
	// time before the first answer.
	Now() time.Time
}

// The errors that callers tell apart. An implementation wraps them with what it
// was doing; test with [errors.Is].
var (
	// ErrNotFound: the service says that the thing is not there, or that this
	// token may not know whether it is.
	ErrNotFound = errors.New("not found")
	// ErrExists: the thing to be created is there already.
	ErrExists = errors.New("already exists")
	// ErrMoved: a branch is not where the caller last saw it.
	ErrMoved = errors.New("the branch moved")
	// ErrNotFastForward: the new commit does not descend from the branch's head.
	ErrNotFastForward = errors.New("not a fast-forward")
	// ErrAccess: the token is missing, wrong, expired, or may not do this.
	ErrAccess = errors.New("access denied")
	// ErrUnsupported: the service does not do this; another way may.
	ErrUnsupported = errors.New("not supported by the service")
	// ErrTransient: the network or the service failed; the same call can succeed later.
	ErrTransient = errors.New("the service could not answer")
)

// RefusedError is a rule of the hosting service that forbids a change, such as a
// branch rule. Reasons are the service's own words.
type RefusedError struct {
	What    string   // what was being done, e.g. "updating refs/heads/staging"
	Reasons []string // one rule a line, verbatim
}

// Error returns what was refused and the service's reasons.
func (e *RefusedError) Error() string {
	text := e.What + " was refused"
	for i, reason := range e.Reasons {
		if i == 0 {
			text += ": " + reason
			continue
		}
		text += "; " + reason
	}
	return text
}

// FileChange is the new content of one file.
type FileChange struct {
	Path    string // from the repository's root, with slashes
	Content []byte
	Mode    uint32 // as it is in the tree, e.g. 0o100644; 0 for a new file
}

// Repository is a repository as the hosting service describes it.
type Repository struct {
	ID            string // the GraphQL node id
	Name          string // owner/name, as spelled now: a renamed repository shows here
	DefaultBranch string
	CloneURL      string // over HTTPS, without credentials
	WebURL        string
}

// Relation is how a head stands to a base.
type Relation string

// The four relations, in the words of GitHub's compare API.
const (
	Identical Relation = "identical"
	Ahead     Relation = "ahead"    // the head descends from the base: a fast-forward is possible
	Behind    Relation = "behind"   // the base descends from the head
	Diverged  Relation = "diverged" // each has commits that the other lacks
)

// Comparison relates a head to a base.
type Comparison struct {
	Relation Relation
	Base     string   // SHA
	Head     string   // SHA
	AheadBy  int      // commits on head that base lacks
	BehindBy int      // commits on base that head lacks
	Commits  []Commit // commits that head has and base lacks, oldest first, the newest kept when cut
	WebURL   string
}

// Commit is a commit as a reader of a pull request needs it.
type Commit struct {
	SHA     string
	Parents []string
	Author  string // login when known, else the name in the commit
	Message string // untrusted
	Time    time.Time

	AuthorLogin, CommitterLogin string // empty when the service knows no account
}

// Subject is the first line of the message.
func (c Commit) Subject() string {
	for i := range len(c.Message) {
		if c.Message[i] == '\n' {
			return c.Message[:i]
		}
	}
	return c.Message
}

// Move is one change of where a branch points, from the service's own log.
type Move struct {
	ID     int64
	Branch string // short name
	Before string // SHA; all zeros when the branch was created
	After  string // SHA; all zeros when the branch was deleted
	Kind   string // push, force_push, pr_merge, merge_queue_merge, branch_creation, branch_deletion
	Actor  string // login
	Time   time.Time
}

// PullRequest is a pull request in this repository.
type PullRequest struct {
	Number       int
	Title        string // untrusted
	Body         string // untrusted
	Author       string // login
	State        State
	Draft        bool
	Base         string // branch name
	Head         string // branch name
	HeadSHA      string
	BaseRepo     string // owner/name, as the service spells it now
	HeadRepo     string // owner/name; differs from BaseRepo for a fork, empty when the fork is gone
	RepositoryID string // GraphQL node id of the base repository
	Labels       []string
	AutoMerge    bool
	Created      time.Time
	Merged       time.Time // zero unless State is Merged
	MergeSHA     string    // of a merged one: the commit that a merge button made; else whatever the service says, or empty
	WebURL       string
}

// State is the state of a pull request.
type State string

// The states of a pull request. All serves as a filter.
const (
	Open   State = "open"
	Closed State = "closed" // without having been merged
	Merged State = "merged"
	All    State = "all"
)

// PullRequestFilter selects pull requests. Empty fields select everything.
type PullRequestFilter struct {
	State State  // Open when empty
	Head  string // branch of this repository
	Base  string
	Limit int // the newest so many; 0: all
}

// NewPullRequest is what a pull request is opened with.
type NewPullRequest struct {
	Title, Body string
	Head, Base  string // branches of this repository
	Draft       bool
}

// Review is one review of a pull request.
type Review struct {
	ID     int64
	Author string // login
	Bot    bool
	State  ReviewState
	SHA    string // the commit that was reviewed
	Time   time.Time
}

// ReviewState is what a review says.
type ReviewState string

// The review states, in the words of GitHub's API. Unknown ones are passed on
// as they are.
const (
	Approved         ReviewState = "APPROVED"
	ChangesRequested ReviewState = "CHANGES_REQUESTED"
	Commented        ReviewState = "COMMENTED"
	Dismissed        ReviewState = "DISMISSED"
)

// Permission is a user's role in the repository.
type Permission string

// The roles, weakest first.
const (
	PermissionNone     Permission = "none"
	PermissionRead     Permission = "read"
	PermissionTriage   Permission = "triage"
	PermissionWrite    Permission = "write"
	PermissionMaintain Permission = "maintain"
	PermissionAdmin    Permission = "admin"
)

// CanWrite says whether the role may push to the repository. A role that is not
// in the list above cannot.
func (p Permission) CanWrite() bool {
	return p == PermissionWrite || p == PermissionMaintain || p == PermissionAdmin
}

// Status is a commit status.
type Status struct {
	ID          int64
	Context     string
	State       string // success, pending, failure, error; others are passed on as they are
	Description string // untrusted
	TargetURL   string
	Creator     string // login
	Time        time.Time
}

// CheckRun is a check run.
type CheckRun struct {
	ID         int64
	Name       string
	App        string // slug of the GitHub App that reported it
	Status     string // queued, in_progress, completed, …
	Conclusion string // success, failure, neutral, …; empty until completed
	WebURL     string
	Started    time.Time
	Completed  time.Time
}
