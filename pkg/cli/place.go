package cli

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// place is a set of files of the local disk.
type place struct {
	root     string // the checkout's root, or the working directory
	below    string // of commits: the folder that the files are named from; empty: the root
	match    func(path string) bool
	patterns []string // globs and names of what match accepts
	words    string   // the files in words
	checkout *git.Checkout
	config   *config.Config
	env      config.Environment // zero when the files are not an environment's
	only     bool               // the files were named one by one: no others are meant
}

// place says which files a command works on: those that are named, else those of
// an environment, else (for a bump) those of the first environment, else every
// YAML file below the working directory.
func (a *app) place(ctx context.Context, env string, paths []string, first bool) (place, error) {
	checkout, err := a.checkout(ctx)
	if err != nil {
		return place{}, err
	}
	cfg, err := a.localConfig(checkout)
	if err != nil {
		return place{}, err
	}
	p := place{root: a.workdir(), match: deployable, patterns: []string{"**"}, words: "the YAML files here", checkout: checkout, config: cfg}
	if len(paths) > 0 {
		return p.named(paths)
	}
	if env == "" && (!first || cfg == nil) {
		return p, nil
	}
	return p.environment(env)
}

// environment narrows the place to the files of an environment; an empty name is
// the first one.
func (p place) environment(name string) (place, error) {
	cfg := p.config
	if cfg == nil {
		var err error
		if cfg, err = config.Default([]string{"dev", "staging", "production"}); err != nil {
			return p, err
		}
	}
	env := cfg.Environments[0]
	if name != "" {
		found, ok := cfg.Environment(name)
		if !ok {
			return p, unknownEnvironment(cfg, name)
		}
		env = found
	}
	if p.checkout != nil {
		p.root = p.checkout.Root()
	}
	p.config, p.env = cfg, env
	p.match = func(path string) bool { return env.Match(path) && deployable(path) }
	p.patterns = env.Paths
	p.words = strings.Join(env.Paths, ", ") + " (" + env.Name + ")"
	return p, nil
}

// open opens a place on the local disk. Files that Git ignores are left out: what is in
// them is built or somebody's own. Those that were named are not.
func (a *app) open(ctx context.Context, p place) (*bump.Directory, error) {
	directory, err := bump.OpenDirectory(p.root)
	if err != nil {
		return nil, &usageError{err, ""}
	}
	if p.checkout == nil || p.only {
		return directory, nil
	}
	below, err := belowTop(p.checkout, p.root)
	if err != nil {
		return nil, errors.Join(err, directory.Close())
	}
	directory.Ignore(p.checkout.Ignores(below), func(paths []string) ([]string, error) {
		fromTop := make([]string, len(paths))
		for i, name := range paths {
			fromTop[i] = path.Join(below, name)
		}
		ignored, err := p.checkout.Ignored(ctx, fromTop)
		if err != nil { // then all of them count
			a.trace("whether Git ignores some of the files is not known: %v", err)
		}
		for i, name := range ignored {
			ignored[i] = strings.TrimPrefix(name, below+"/")
		}
		return ignored, ctx.Err()
	})
	return directory, nil
}

// fromTop is the place for a commit, which names its files from the top of the
// checkout: those of an environment are named so already, all others from the
// working directory.
func (p place) fromTop(workdir string) (place, error) {
	if p.env.Name != "" {
		return p, nil
	}
	below, err := belowTop(p.checkout, workdir)
	if err != nil || below == "." {
		return p, err
	}
	match := p.match
	p.below = below
	p.match = func(file string) bool {
		rest, ok := strings.CutPrefix(file, below+"/")
		return ok && match(rest)
	}
	p.patterns = slices.Clone(p.patterns)
	for i, pattern := range p.patterns {
		p.patterns[i] = path.Join(below, pattern)
	}
	return p, nil
}

// belowTop returns the path of the working directory in a checkout, "." at its top.
func belowTop(checkout *git.Checkout, workdir string) (string, error) {
	dir, err := filepath.Abs(workdir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir) // git names the top without links
	}
	if err == nil {
		dir, err = filepath.Rel(checkout.Root(), dir)
	}
	if err != nil {
		return "", fmt.Errorf("finding the working directory in the checkout: %w", err)
	}
	return filepath.ToSlash(dir), nil
}

// leadsTo says whether files that a pattern means can be in a folder, or below it.
// A pattern without ** that is as deep as the folder may be a folder's own name.
func leadsTo(folder, pattern string) bool {
	rest, more := pattern, true
	for name := range strings.SplitSeq(folder, "/") {
		if !more {
			return true
		}
		var part string
		part, rest, more = strings.Cut(rest, "/")
		if part == "**" || part == "." {
			return true
		}
		if part == name { // whatever it would mean as a glob
			continue
		}
		matched, err := doublestar.Match(part, name)
		if err != nil || strings.ContainsAny(part, "{}") { // an alternative can span folders
			return true
		}
		if !matched {
			return false
		}
	}
	return true
}

// deployable says whether a file is YAML that a GitOps engine could deploy. Images
// in workflows and Compose files are left alone unless the file is named.
func deployable(path string) bool { return manifest.IsYAML(path) && !manifest.Incidental(path) }

func unknownEnvironment(cfg *config.Config, name string) error {
	names := make([]string, len(cfg.Environments))
	for i, env := range cfg.Environments {
		names[i] = env.Name
	}
	return usagef("the environments are "+strings.Join(names, ", "), "there is no environment %q", name)
}

// named narrows the place to files, folders and globs. A file that is named is
// taken whatever its ending.
func (p place) named(paths []string) (place, error) {
	patterns := make([]string, len(paths))
	for i, name := range paths {
		clean := path.Clean(filepath.ToSlash(name))
		if strings.HasPrefix(clean, "../") || clean == ".." || path.IsAbs(clean) {
			return p, usagef("use -C to work in another directory", "%q is outside the working directory", name)
		}
		if !doublestar.ValidatePattern(clean) {
			return p, usagef("", "%q is not a valid pattern", name)
		}
		patterns[i] = clean
	}
	p.patterns, p.only = patterns, true
	p.words = strings.Join(paths, ", ")
	p.match = func(file string) bool {
		for _, pattern := range patterns {
			if file == pattern || doublestar.MatchUnvalidated(pattern, file) {
				return true
			}
			if pattern == "." || strings.HasPrefix(file, pattern+"/") {
				return deployable(file)
			}
		}
		return false
	}
	return p, nil
}
