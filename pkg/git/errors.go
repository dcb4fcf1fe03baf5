package git

import (
	"errors"
	"strings"
)

// The errors that callers tell apart; they come wrapped in what was being done.
var (
	// ErrAccess: the repository is not there, or the credentials are missing,
	// wrong, expired, or not enough. A server does not say which.
	ErrAccess = errors.New("access denied")
	// ErrTransient: the network or the server failed; the same call can succeed
	// later. After a push it also means that the branch still read as its old value.
	ErrTransient = errors.New("the server could not answer")
	// ErrMoved: the branch is not, or is about to be no longer, where the caller
	// last saw it. Take it again, make the edit again, push again.
	ErrMoved = errors.New("the branch moved")
	// ErrUnknownOutcome: a push was sent and its answer lost, and the branch is now
	// somewhere else. Whether the commit is in its history is for the caller to see.
	ErrUnknownOutcome = errors.New("the outcome of the push is unknown")
	// ErrNotFound: the server has no such commit, or no branch leads to it.
	ErrNotFound = errors.New("the server has no such commit")

	// ErrNoCheckout: the folder is in no working copy.
	ErrNoCheckout = errors.New("not in a Git checkout")
	// ErrNoCommit: nothing was committed in the checkout yet.
	ErrNoCommit = errors.New("the branch has no commit yet")
	// ErrUnsupported: the repository is of a kind that pawl cannot work in.
	ErrUnsupported = errors.New("this kind of repository is not supported")
	// ErrNoGit: the git program is not installed.
	ErrNoGit = errors.New("the git program was not found")
	// ErrOldGit: the git program is older than [OldestProgram].
	ErrOldGit = errors.New("the git program is too old")
	// ErrLocked: another Git process is at work in the checkout.
	ErrLocked = errors.New("the checkout is in use by another Git process")
	// ErrUnfinished: a merge, cherry-pick or revert waits for its end.
	ErrUnfinished = errors.New("the checkout is in the middle of something")
	// ErrNoIdentity: nobody told Git, or the environment, who the user is.
	ErrNoIdentity = errors.New("no name and email address are configured")
	// ErrNoCredential: Git's configuration has no credential for the URL.
	ErrNoCredential = errors.New("no credential is configured")
)

// RefusedError is a rule of the server that forbids a push.
type RefusedError struct {
	Ref    string   // the full name of the ref
	Reason string   // the server's short reason, e.g. "pre-receive hook declined"
	Text   []string // what it said besides, a line each, safe to print
}

// Error returns the ref, the reason and the server's text.
func (e *RefusedError) Error() string {
	text := "pushing to " + e.Ref + " was refused"
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if len(e.Text) > 0 {
		text += ": " + strings.Join(e.Text, "; ")
	}
	return text
}

// DirtyError is a file with changes of its own, in the working tree or in the
// index.
type DirtyError struct {
	Path   string
	Reason string
}

// Error returns the path and what is the matter with it.
func (e *DirtyError) Error() string { return e.Path + " " + e.Reason }

// ConvertedError is a file that has, on disk, another form than in Git, which pawl
// cannot make.
type ConvertedError struct {
	Path   string
	Reason string
}

// Error returns the path and what is the matter with it.
func (e *ConvertedError) Error() string { return e.Path + ": " + e.Reason }

// MissingError is an object that the repository refers to and does not have.
type MissingError struct {
	Object string // its id
	Local  bool   // in the user's checkout, where a partial clone is the likely cause
}

// Error returns the id and the way to get the object.
func (e *MissingError) Error() string {
	if e.Local {
		return "object " + e.Object + " is not in this checkout (a partial clone?): run git fetch --refetch --no-filter"
	}
	return "object " + e.Object + " was not fetched"
}
