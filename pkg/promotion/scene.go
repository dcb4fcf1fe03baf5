package promotion

import (
	"context"
	"errors"
	"fmt"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
)

// scene is what a decision looks at over the Git protocol: where the branches are,
// and the trees of the target branch's head and of the commit.
type scene struct {
	refs  gate.Fact[map[string]string]
	trees gate.Fact[contents]
	names nameBook // of the images in the trees, once they were read
}

func newScene(refs gate.Fact[map[string]string], trees gate.Fact[contents]) scene {
	return scene{refs, trees, nameBook{}}
}

// scene fetches the scene of a comparison: the branches, the trees, and the files
// that the rules and the gates are going to read, each in one request.
func (s Source) scene(ctx context.Context, branch string, comparison forge.Comparison) scene {
	refs := gate.Lookup(s.Git.Refs(ctx))
	trees, err := s.fetch(ctx, comparison.Base, comparison.Head)
	if err == nil {
		err = trees.preload(ctx, s.guess(branch), comparison)
	}
	return newScene(refs, gate.Lookup(trees, err))
}

// guess is what the environment of a branch is before its rules are read. A wrong
// one costs a request.
func (s Source) guess(branch string) config.Environment {
	if s.Config != nil {
		if env, ok := s.Config.ByBranch(branch); ok {
			return env
		}
	}
	return config.Environment{Branch: branch, Paths: config.DefaultPaths()}
}

// maxPreloaded is how many changed files are read before it is known whether a gate
// wants them.
const maxPreloaded = 300

// preload reads the files that are likely to be wanted in one request.
func (c contents) preload(ctx context.Context, env config.Environment, comparison forge.Comparison) error {
	owners, holds := gate.OwnersPaths(), holdsImages(env, nil)
	var all []git.File
	for _, sha := range []string{comparison.Base, comparison.Head} {
		files, err := c.objects.Files(sha, func(path string) bool {
			return path == config.FileName || path == owners[0] || path == owners[1] || path == owners[2] || holds(path)
		})
		if err != nil {
			return err
		}
		all = append(all, files...)
	}
	differences, err := c.objects.Diff(comparison.Base, comparison.Head)
	if err != nil {
		return err
	}
	for _, d := range differences[:min(len(differences), maxPreloaded)] {
		for _, side := range sides(d) {
			if side.Blob != "" {
				all = append(all, side)
			}
		}
	}
	return c.objects.Load(ctx, all)
}

// rules reads the policy at the head of the branch that a comparison is with: from
// the trees, or from the API when they could not be fetched.
func (s Source) rules(ctx context.Context, pr forge.PullRequest, comparison forge.Comparison, at scene) (policy, error) {
	trees, err := at.trees.Get()
	if err != nil {
		return s.policyOverAPI(ctx, pr, comparison)
	}
	conventional := func() (*config.Config, error) {
		refs, err := at.refs.Get()
		if err != nil {
			return nil, err
		}
		return config.Default(git.Branches(refs))
	}
	return policyFor(ctx, trees.file, pr.Base, comparison.Base, comparison.Head, conventional)
}

// head is where a branch is.
func (at scene) head(branch string) gate.Fact[string] {
	refs, err := at.refs.Get()
	if err != nil {
		return gate.Unread[string](err)
	}
	sha, ok := refs["refs/heads/"+branch]
	if !ok {
		return gate.Unread[string](fmt.Errorf("reading branch %s: %w", branch, forge.ErrNotFound))
	}
	return gate.Known(sha)
}

// heads are where the environments that have a branch are, in their order.
func (at scene) heads(environments []config.Environment) (names, shas []string, err error) {
	refs, err := at.refs.Get()
	for _, env := range environments {
		if sha := refs["refs/heads/"+env.Branch]; sha != "" {
			names, shas = append(names, env.Name), append(shas, sha)
		}
	}
	if err == nil && len(shas) == 0 {
		err = errors.New("no environment has a branch")
	}
	return names, shas, err
}
