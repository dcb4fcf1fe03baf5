package git

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Role is what somebody did to a commit.
type Role string

// The two roles.
const (
	Author    Role = "AUTHOR"
	Committer Role = "COMMITTER"
)

// Identity returns who the user is for Git: by the environment (GIT_AUTHOR_NAME
// and its like), else by Git's configuration for the checkout, or for the folder
// when the checkout is nil. A name made up from login and host does not count: it
// returns [ErrNoIdentity] then. The time is left zero.
func Identity(ctx context.Context, dir string, checkout *Checkout, role Role, getenv func(string) string) (Signature, error) {
	prefix := "GIT_" + string(role)
	name, email := getenv(prefix+"_NAME"), getenv(prefix+"_EMAIL")
	if name != "" && email != "" {
		s := Signature{Name: strings.TrimSpace(name), Email: strings.TrimSpace(email)}
		if err := s.check(); err != nil {
			return Signature{}, fmt.Errorf("reading %s_NAME and %s_EMAIL: %w", prefix, prefix, err)
		}
		return s, nil
	}
	git, err := findProgram(dir)
	if errors.Is(err, ErrNoGit) {
		return Signature{}, ErrNoIdentity
	}
	if checkout != nil {
		git = checkout.git
	}
	var env []string
	for _, variable := range []string{prefix + "_NAME", prefix + "_EMAIL"} {
		if value := getenv(variable); value != "" {
			env = append(env, variable+"="+value)
		}
	}
	out, err := git.output(ctx, run{args: []string{"var", prefix + "_IDENT"}, env: env})
	if mentions(err, "auto-detection is disabled", "empty ident") {
		return Signature{}, ErrNoIdentity
	}
	if err != nil {
		return Signature{}, fmt.Errorf("reading the identity: %w", err)
	}
	// Name <email> seconds zone
	person, _, _ := strings.Cut(string(out), ">")
	return ParseSignature(person + ">")
}

// exitCode is the status that git ended with, -1 when it did not run to its end.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
