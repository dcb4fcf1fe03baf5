package githubtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
)

// gitEnvironment is all that a git process gets to see: no configuration of the
// user or the system, no terminal, one language. The repositories may belong to
// another user than the process, as in containers.
func gitEnvironment(extra ...string) []string {
	return append([]string{
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",
		"LC_ALL=C",
		"HOME=/nonexistent",
		"GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=safe.directory",
		"GIT_CONFIG_VALUE_0=*",
	}, extra...)
}

// runGit runs git in a directory, mostly a bare repository, and returns what it
// printed.
func runGit(ctx context.Context, git, dir string, stdin io.Reader, args ...string) ([]byte, error) {
	return runGitWith(ctx, git, dir, stdin, nil, args...)
}

func runGitWith(ctx context.Context, git, dir string, stdin io.Reader, env []string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, git, args...)
	command.Dir = dir
	command.Env = gitEnvironment(append([]string{"GIT_CEILING_DIRECTORIES=" + filepath.Dir(dir)}, env...)...)
	command.Stdin = stdin
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		return out.Bytes(), &gitError{args: args, text: strings.TrimSpace(problems.String()), cause: err}
	}
	return out.Bytes(), nil
}

// gitError is a git process that did not succeed.
type gitError struct {
	args  []string
	text  string
	cause error
}

func (e *gitError) Error() string {
	return fmt.Sprintf("running git %s: %v: %s", e.args[0], e.cause, e.text)
}

func (e *gitError) Unwrap() error { return e.cause }

// exitCode is the exit status of a git process, -1 when it did not run.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
