// Package promotion moves commits from one environment to the next: promote,
// verify, merge and status, one file each.
//
// Every operation has the same shape. It reads facts, makes a plan or a report
// out of them, and stops there; what writes is behind Apply. It guarantees that
//
//   - an environment's branch moves only forward, only to the commit of an open
//     promotion whose gates all passed at that commit, and only from the value
//     that was evaluated;
//   - the rules are those at the head of the branch that is promoted into;
//   - what could not be read blocks;
//   - running the same operation again is safe, wherever it was interrupted.
//
// It does not edit manifests (package bump does) and knows nothing of GitHub
// (package forge/github does).
package promotion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
)

// Source is the repository that an operation works on.
type Source struct {
	Name   string         // owner/name
	Forge  forge.Forge    // what the hosting service knows
	Git    *git.Remote    // the content, over the Git protocol
	Config *config.Config // the environments, when the caller has them; else they are read from the default branch
	Sleep  func(ctx context.Context, d time.Duration) error
	// Past bounds how many commits of the environments are read to find out which
	// versions were rolled back, and which came first; 0: 100,000. What is older blocks
	// the versions that it could be about.
	Past int
	// Progress tells a person what takes long; nil: nobody is told.
	Progress func(format string, args ...any)
	// Waiting tells a person why a wait goes on and when the next look is; nil:
	// nobody is told.
	Waiting func(why error, next time.Duration)
	// Random returns a number in [0, 1), for jitter; nil: there is none.
	Random func() float64
}

// Blocked is the error of an operation that stopped because of what it found,
// not because something broke.
type Blocked struct {
	What   string     // what was being done: "merging into staging"
	State  gate.State // Pending: the same command can succeed later; Fail: a person must act; Unknown: a fact could not be read
	Reason string
	Fix    string    // what to do next; may be empty
	Until  time.Time // before this, what is pending stays so; zero when that is not known
	Cause  error     // why a fact could not be read; may be nil
}

// Error says what was blocked and why.
func (b *Blocked) Error() string { return b.What + ": " + b.Reason }

// Hint says what to do next.
func (b *Blocked) Hint() string { return b.Fix }

// Unwrap returns the error behind an unknown fact.
func (b *Blocked) Unwrap() error { return b.Cause }

// UsageError is an argument that names nothing in this repository.
type UsageError struct {
	Problem string
	Fix     string
}

// Error says what is wrong with the argument.
func (u *UsageError) Error() string { return u.Problem }

// Hint says what to give instead.
func (u *UsageError) Hint() string { return u.Fix }

// HeadBranch is the write-once branch that holds a promotion's commit. Its name
// says which commit into which environment, so that content and approval cannot
// part and a second run finds the first one's work.
func HeadBranch(to config.Environment, sha string) string {
	return headPrefix + to.Name + "/" + gate.Short(sha)
}

// headPrefix is what the branches of promotions begin with, and no others.
const headPrefix = "pawl/"

// environment finds an environment by name.
func environment(cfg *config.Config, name string) (config.Environment, error) {
	if env, ok := cfg.Environment(name); ok {
		return env, nil
	}
	names := make([]string, len(cfg.Environments))
	for i, env := range cfg.Environments {
		names[i] = env.Name
	}
	return config.Environment{}, &UsageError{
		Problem: fmt.Sprintf("there is no environment %q", name),
		Fix:     "the environments are " + strings.Join(names, ", "),
	}
}

// environments returns the environments that the caller brought, or reads them
// at the head of the repository's default branch.
func (s Source) environments(ctx context.Context) (*config.Config, error) {
	if s.Config != nil {
		return s.Config, nil
	}
	data, err := s.Forge.File(ctx, config.FileName, "")
	if err == nil {
		return config.Parse(config.FileName+" at the default branch", data)
	}
	if !errors.Is(err, forge.ErrNotFound) {
		return nil, err
	}
	refs, err := s.Git.Refs(ctx)
	if err != nil {
		return nil, err
	}
	return config.Default(git.Branches(refs))
}
