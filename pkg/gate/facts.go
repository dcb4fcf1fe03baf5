package gate

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
)

// Fact is something that was looked up: a value, or the reason why there is none.
// The zero Fact was not looked up, and a gate that needs it says unknown. Make
// facts with [Known], [Lookup] and [Unread].
type Fact[T any] struct {
	Value T
	Err   error
	read  bool
}

// Known returns a fact that was read.
func Known[T any](value T) Fact[T] { return Fact[T]{Value: value, read: true} }

// Lookup returns the fact that a call read, or failed to read.
func Lookup[T any](value T, err error) Fact[T] {
	if err != nil {
		return Unread[T](err)
	}
	return Known(value)
}

// Unread returns a fact that could not be read.
func Unread[T any](err error) Fact[T] { return Fact[T]{Err: err} }

// ErrUndecidable is why a fact is missing that no later look will find either, such as
// what is further back than is read.
var ErrUndecidable = errors.New("a person has to decide")

// errNotAsked is why a fact is missing that nobody looked up.
var errNotAsked = errors.New("this was not looked up")

// Get returns the value, or the error for which there is none.
func (f Fact[T]) Get() (T, error) {
	var none T
	switch {
	case f.Err != nil:
		return none, f.Err
	case !f.read:
		return none, errNotAsked
	}
	return f.Value, nil
}

// Asked says whether somebody tried to look it up.
func (f Fact[T]) Asked() bool { return f.read || f.Err != nil }

// Facts are what the gates of one promotion look at. Which of them have to be
// looked up depends on the gates of To; docs/reference/gates.md says which gate
// looks at what.
type Facts struct {
	Now    time.Time          `json:"now"` // the service's clock
	From   config.Environment `json:"from"`
	To     config.Environment `json:"to"`
	Commit string             `json:"commit"` // the SHA that would land
	Head   string             `json:"head"`   // the promotion branch that the SHA calls for: pawl/<to>/<sha12>

	Comparison Fact[forge.Comparison]    `json:"comparison"` // the target branch against Commit
	FromHead   Fact[string]              `json:"fromHead"`   // where From's branch is now
	Moves      Fact[[]forge.Move]        `json:"moves"`      // moves of From's branch, newest first, all that the service keeps
	Landed     Fact[[]forge.PullRequest] `json:"landed"`     // merged pull requests into From's branch, newest first
	Since      Fact[forge.Comparison]    `json:"since"`      // Commit against FromHead, with all commits between

	PullRequest *forge.PullRequest                `json:"pullRequest"` // nil before it is opened
	Statuses    Fact[[]forge.Status]              `json:"statuses"`
	CheckRuns   Fact[[]forge.CheckRun]            `json:"checkRuns"`
	Reviews     Fact[[]forge.Review]              `json:"reviews"`
	Permissions map[string]Fact[forge.Permission] `json:"permissions"` // of everyone whose review could count

	Owners       Fact[OwnersFile]          `json:"owners"`       // CODEOWNERS at Comparison.Base
	Teams        map[string]Fact[[]string] `json:"teams"`        // members of the teams that it names, by org/team in lower case
	Contributors Fact[[]Contributor]       `json:"contributors"` // of each commit that the target branch lacks
	Changes      Fact[[]Change]            `json:"changes"`      // files that differ between Comparison.Base and Commit

	Images     Fact[[]Image]               `json:"images"`     // in the target branch's paths, now and at Commit
	Introduced map[string]Fact[[][]string] `json:"introduced"` // versions of an image in the order in which the first environment got them, oldest first, those of one commit together
	RolledBack Fact[[]RolledBack]          `json:"rolledBack"` // those among Next that were rolled back and not released since
	Lowered    Fact[[]Lowered]             `json:"lowered"`    // versions that somebody lowered on purpose, in the commits that the target branch lacks
	Leaks      Fact[[]Leak]                `json:"leaks"`      // secrets in what Commit adds to Comparison.Base

	Overrides []Override `json:"overrides"` // gates that a person set aside
}

// Explain puts another error in the place of each that keeps a fact from being known,
// always in the same order.
func (f *Facts) Explain(with func(error) error) {
	explain(&f.Comparison, with)
	explain(&f.FromHead, with)
	explain(&f.Moves, with)
	explain(&f.Landed, with)
	explain(&f.Since, with)
	explain(&f.Statuses, with)
	explain(&f.CheckRuns, with)
	explain(&f.Reviews, with)
	explain(&f.Owners, with)
	explain(&f.Contributors, with)
	explain(&f.Changes, with)
	explain(&f.Leaks, with)
	explain(&f.Images, with)
	explain(&f.Lowered, with)
	explain(&f.RolledBack, with)
	explainEach(f.Teams, with)
	explainEach(f.Introduced, with)
	explainEach(f.Permissions, with)
}

func explain[T any](fact *Fact[T], with func(error) error) {
	if fact.Err != nil {
		fact.Err = with(fact.Err)
	}
}

func explainEach[T any](facts map[string]Fact[T], with func(error) error) {
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		if fact := facts[name]; fact.Err != nil {
			explain(&fact, with)
			facts[name] = fact
		}
	}
}

// Contributor is who is behind one commit.
type Contributor struct {
	SHA       string
	Author    string // login; empty when the service knows no account for it
	Committer string // login, likewise
}

// Change is one file that a promotion changes, adds or removes. The modes are
// Git's, in octal: 100644, 100755, 120000 for a symbolic link, 160000 for a
// submodule; empty where there is no file.
type Change struct {
	Path     string // valid UTF-8
	Old, New string
}

// Image is one image in the files of the environment: its versions as they are
// written, a tag, a digest or both, each once.
type Image struct {
	Name      string
	Now, Next []string // on the target branch, and at the commit
}

// RolledBack is a version that was taken back in some environment.
type RolledBack struct {
	Image       string
	Version     string
	Environment string
	Commit      string // the one that took it back
}

// Lowered is a version that was lowered on purpose, as the commit says that did it.
type Lowered struct {
	Image    string
	From, To string
	Commit   string
}

// Leak is a secret in a file. The secret itself is not kept.
type Leak struct {
	Path string // valid UTF-8
	Line int    // from 1
	Rule string
}

// Override is a gate that a person set aside, with the reason.
type Override struct {
	Gate   string
	Reason string
	Who    string // login
}

// Overridable says whether a gate can be set aside. Only a freeze can: every other
// gate says something about the commit, a freeze only something about the calendar.
func Overridable(gate string) bool { return gate == freezeGate }
