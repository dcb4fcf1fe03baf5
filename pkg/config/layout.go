package config

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultPaths is where bump looks for images unless the configuration says otherwise.
func DefaultPaths() []string { return []string{"base/**"} }

// Conventional returns the configuration of a repository of which one branch is
// known and nothing else: the environment of its name, with images below base/.
func Conventional(branch string) *Config {
	return &Config{Version: Version, Environments: []Environment{{Name: branch, Branch: branch, Paths: DefaultPaths()}}}
}

// LayoutError says that a repository without a configuration file does not have
// the conventional layout either.
type LayoutError struct {
	Reason string
	Empty  bool // the repository has no branch at all
}

// Error says what about the branches is not conventional.
func (e *LayoutError) Error() string { return e.Reason }

// Hint says what to do about it.
func (e *LayoutError) Hint() string {
	if e.Empty {
		return fmt.Sprintf("push a first commit, with a %s that lists the environments and their branches", FileName)
	}
	return fmt.Sprintf("write a %s that lists the environments and their branches", FileName)
}

// Default returns the configuration of a repository that has no file: the
// environments dev, staging and production, each on the branch of its name, as
// far as those branches are there, without gates, and with images below base/.
// A repository that calls its last branch prod has the environment prod.
// The error is a [*LayoutError].
func Default(branches []string) (*Config, error) {
	conventional := []string{"dev", "staging", "production", "prod"}
	c := &Config{Version: Version}
	for _, name := range conventional {
		if slices.Contains(branches, name) {
			c.Environments = append(c.Environments, Environment{Name: name, Branch: name, Paths: DefaultPaths()})
		}
	}
	if len(c.Environments) == 0 {
		missing := fmt.Sprintf("there is no %s, and none of the branches %s", FileName, strings.Join(conventional, ", "))
		if len(branches) == 0 {
			return nil, &LayoutError{"nothing was pushed to the repository yet: " + missing, true}
		}
		return nil, &LayoutError{missing, false}
	}
	_, production := c.Environment("production")
	if _, prod := c.Environment("prod"); prod && production {
		return nil, &LayoutError{fmt.Sprintf("there is no %s, and both a branch production and a branch prod: "+
			"pawl cannot tell which one is deployed", FileName), false}
	}
	return c, nil
}
