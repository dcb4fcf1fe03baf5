package bump

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// Target is where on a server a bump lands.
type Target struct {
	Remote *git.Remote
	// Checkout is one of the same repository, or nil: what it has is not fetched.
	Checkout *git.Checkout
	// Branch is the branch to look at first: the environment's, as far as the caller
	// can tell; empty when it cannot.
	Branch string
	// Given says that the caller means this very branch, and no other.
	Given bool
	// Config is the configuration that the caller has; nil: it is read from the
	// branch, else from the default branch, else the conventional one applies.
	Config *config.Config
	// Choose picks the environment and narrows the request to its files.
	Choose func(cfg *config.Config) (config.Environment, Request, error)
	// Forge is the service that hosts the repository; nil for a plain Git server.
	Forge forge.Forge
	// ViaAPI has the service make the commit, in the name of the token's owner, and
	// sign it. Where it cannot, the commit is pushed with Git.
	ViaAPI bool
	// ReadOnly asks for nothing that a token without write access may not see.
	ReadOnly bool
}

// site is a target that was found: the branch at one commit, and what is to be
// done there.
type site struct {
	target  Target
	env     config.Environment
	branch  string
	tip     string
	request Request
}

// head returns the head of a branch; empty when there is none.
func (t Target) head(ctx context.Context, branch string) (string, error) {
	if !t.ReadOnly {
		return t.Remote.Tip(ctx, branch)
	}
	refs, err := t.Remote.Refs(ctx)
	return refs["refs/heads/"+branch], err
}

// find finds the environment. The branch that has its name is looked at first: as
// a rule it is the environment's, and holds the configuration.
func (t Target) find(ctx context.Context) (*site, error) {
	if t.Config == nil && t.Branch != "" {
		if at, err := t.guess(ctx); at != nil || err != nil {
			return at, err
		}
	}
	cfg, err := Environments(ctx, t.Remote, t.Config)
	if err != nil {
		return nil, err
	}
	return t.settle(ctx, cfg, "", "")
}

// guess looks at the likely branch and at the configuration there, in the same
// fetch as the files. It returns nil when there is no such branch or no
// configuration on it.
func (t Target) guess(ctx context.Context) (*site, error) {
	tip, err := t.head(ctx, t.Branch)
	switch {
	case err != nil:
		return nil, err
	case tip == "" && t.Given:
		return nil, t.noBranch(ctx, t.Branch)
	case tip == "":
		return nil, nil //nolint:nilnil // the environment's branch may have another name
	}
	_, request, err := t.Choose(config.Conventional(t.Branch))
	if err != nil {
		return nil, err
	}
	scope := request.scope()
	match := scope.File
	scope.File = func(path string) bool { return path == config.FileName || match(path) }
	objects, entries, err := t.fetch(ctx, tip, scope, request.Job.recent())
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if entry.Path != config.FileName {
			continue
		}
		content, err := objects.Content(entry)
		if err != nil {
			return nil, err
		}
		cfg, err := config.Parse(config.FileName+" on "+t.Branch, content)
		if err != nil {
			return nil, err
		}
		return t.settle(ctx, cfg, t.Branch, tip)
	}
	if t.Given {
		return t.settle(ctx, config.Conventional(t.Branch), t.Branch, tip)
	}
	return nil, nil //nolint:nilnil // no configuration here is a fact, not an error
}

// fetch gets what is in scope of a commit, and the newest commits of its history.
func (t Target) fetch(ctx context.Context, commit string, scope git.Scope, history int) (*git.Objects, []git.File, error) {
	if t.Checkout != nil {
		t.Remote.Borrow(ctx, t.Checkout, commit, scope)
	}
	return t.Remote.FetchFiles(ctx, commit, scope, history)
}

// settle picks the environment. The branch that was looked at already, and where it
// was, spares a request.
func (t Target) settle(ctx context.Context, cfg *config.Config, known, tip string) (*site, error) {
	env, request, err := t.Choose(cfg)
	if err != nil {
		return nil, err
	}
	at := &site{target: t, env: env, branch: env.Branch, tip: tip, request: request}
	if t.Given {
		at.branch = t.Branch
	}
	if at.branch != known {
		if at.tip, err = t.head(ctx, at.branch); err != nil {
			return nil, err
		}
	}
	if at.tip == "" {
		return nil, t.noBranch(ctx, at.branch)
	}
	return at, nil
}

// noBranch tells a repository without a single commit from one without the branch.
func (t Target) noBranch(ctx context.Context, branch string) error {
	refs, err := t.Remote.Refs(ctx)
	if err != nil {
		return err
	}
	branches := git.Branches(refs)
	if len(branches) == 0 {
		return errEmpty()
	}
	slices.Sort(branches)
	return &Refusal{
		Reason: fmt.Sprintf("the repository has no branch %q; it has %s", branch, someOf(branches)),
		Fix:    "a bump never creates an environment's branch: push it once, where the environment should start",
	}
}

func errEmpty() error {
	return &Refusal{
		Reason: "the repository is empty: it has no branch, so no version stands in it",
		Fix:    "push the manifests there first",
	}
}

func someOf(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Environments returns the configuration that the caller has, else the one at
// the head of the repository's default branch, else the conventional one.
func Environments(ctx context.Context, remote *git.Remote, known *config.Config) (*config.Config, error) {
	if known != nil {
		return known, nil
	}
	refs, err := remote.Refs(ctx)
	if err != nil {
		return nil, err
	}
	if len(git.Branches(refs)) == 0 {
		return nil, errEmpty()
	}
	head := refs["HEAD"]
	if head == "" {
		return config.Default(git.Branches(refs))
	}
	scope := git.Scope{
		Folder: func(string) bool { return false },
		File:   func(path string) bool { return path == config.FileName },
	}
	objects, entries, err := remote.FetchFiles(ctx, head, scope, 0)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return config.Default(git.Branches(refs))
	}
	content, err := objects.Content(entries[0])
	if err != nil {
		return nil, err
	}
	return config.Parse(config.FileName+" at the default branch", content)
}

// scope is what of a commit the request needs.
func (r Request) scope() git.Scope {
	scope := git.Scope{Folder: r.Folder, File: r.Match}
	if scope.File == nil {
		scope.File = manifest.IsYAML
	}
	return scope
}

// contents reads files that were fetched.
func contents(objects *git.Objects, entries []git.File) ([]File, error) {
	files := make([]File, len(entries))
	for i, entry := range entries {
		content, err := objects.Content(entry)
		if err != nil {
			return nil, err
		}
		files[i] = File{Path: entry.Path, Content: content}
	}
	return files, nil
}

// rewritten says that a branch lost commits that were seen on it.
func rewritten(branch, seen, now string) error {
	return &Refusal{
		Reason: fmt.Sprintf("the history of %s was rewritten meanwhile: it was at %s, and is now at %s, which does not contain that commit; nothing was pushed on top",
			branch, short(seen), short(now)),
		Fix: "find out who moved it and why; then run the same command again, and it starts from the branch as it is",
	}
}

// deleted says that a branch went away.
func deleted(branch, seen string) error {
	return &Refusal{
		Reason: fmt.Sprintf("%s was deleted meanwhile; it was at %s, and a bump never creates a branch", branch, seen),
		Fix:    fmt.Sprintf("if it was a mistake, restore it: git push origin %s:refs/heads/%s", seen, branch),
	}
}

// errGone says that a commit is not on the server any more.
func errGone(err error) bool { return errors.Is(err, git.ErrNotFound) }
