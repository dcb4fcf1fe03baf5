package promotion

import (
	"context"
	"errors"
	"fmt"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// policy is what rules the promotions into one environment.
type policy struct {
	From, To config.Environment
	Way      []config.Environment // from the first environment to To
	All      []config.Environment
	Images   []config.Image
	Origin   string // where the rules were read
	Note     string // said to the user when the rules come from the change itself
}

// readFile returns the configuration file in a commit, or forge.ErrNotFound.
type readFile func(ctx context.Context, sha string) ([]byte, error)

// policyFor reads the rules for promotions into branch. They come from the
// branch's own head, so that no change under review can relax them. Only where
// the head does not rule this branch yet (no file, or a file without it) do they
// come from the commit that is promoted, and the plan says so; where that does
// not rule it either, from the fallback.
func policyFor(ctx context.Context, read readFile, branch, head, candidate string, fallback func() (*config.Config, error)) (policy, error) {
	own, err := readPolicy(ctx, read, branch, head)
	if !errors.Is(err, errUnruled) {
		return own, err
	}
	if candidate != "" {
		theirs, err := readPolicy(ctx, read, branch, candidate)
		if !errors.Is(err, errUnruled) {
			theirs.Note = fmt.Sprintf("%s has no rules for itself yet: these come from the commit that is promoted", branch)
			return theirs, err
		}
	}
	cfg, err := fallback()
	if err != nil {
		return policy{}, err
	}
	return policyIn(cfg, branch, "the built-in defaults")
}

// errUnruled: a commit has no configuration file, or one that does not name the branch.
var errUnruled = errors.New("no rules for this branch")

func readPolicy(ctx context.Context, read readFile, branch, sha string) (policy, error) {
	data, err := read(ctx, sha)
	if errors.Is(err, forge.ErrNotFound) {
		return policy{}, errUnruled
	}
	if err != nil {
		return policy{}, err
	}
	origin := fmt.Sprintf("%s at %s (%s)", config.FileName, branch, gate.Short(sha))
	cfg, err := config.Parse(origin, data)
	if err != nil {
		return policy{}, err
	}
	if _, ok := cfg.ByBranch(branch); !ok {
		return policy{}, errUnruled
	}
	return policyIn(cfg, branch, origin)
}

func policyIn(cfg *config.Config, branch, origin string) (policy, error) {
	to, ok := cfg.ByBranch(branch)
	if !ok {
		return policy{}, &UsageError{
			Problem: fmt.Sprintf("no environment has the branch %q", branch),
			Fix:     "list it in " + config.FileName,
		}
	}
	from, ok := cfg.Before(to.Name)
	if !ok {
		return policy{}, firstEnvironment(to)
	}
	return policy{From: from, To: to, Way: way(cfg, to), All: cfg.Environments, Images: cfg.Images, Origin: origin}, nil
}

// way lists the environments from the first one to the one given.
func way(cfg *config.Config, to config.Environment) []config.Environment {
	for i, env := range cfg.Environments {
		if env.Name == to.Name {
			return cfg.Environments[:i+1]
		}
	}
	return nil
}

// promotions are the commands that take a commit along the way.
func (p policy) promotions() []string {
	var commands []string
	for _, env := range p.Way[1:] {
		commands = append(commands, "pawl promote "+env.Name)
	}
	return commands
}
