package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// program is the git program, run in one folder.
type program struct {
	path string // absolute
	dir  string
}

// safeConfig holds for every run: nothing that a repository's configuration names
// is executed, and nothing goes over the network.
func safeConfig() []string {
	return []string{
		"core.fsmonitor=false",
		"core.hooksPath=" + os.DevNull,
		"core.askPass=",
		"protocol.allow=never",
		"safe.bareRepository=explicit",
		"credential.interactive=false",
		"user.useConfigOnly=true", // no name made up from login and host
	}
}

// findProgram looks git up in PATH. A git in the working directory does not count.
func findProgram(dir string) (program, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return program{}, fmt.Errorf("%w: install git %s or newer (%w)", ErrNoGit, OldestProgram, err)
	}
	return program{path: path, dir: dir}, nil
}

// run is one run of the program.
type run struct {
	args  []string
	stdin io.Reader
	env   []string // on top of the scrubbed environment
	// tokens lets the program see the tokens in the environment: a credential
	// helper may need them, nothing else does.
	tokens bool
}

// output runs git and returns what it wrote to its standard output.
func (p program) output(ctx context.Context, run run) ([]byte, error) {
	var out bytes.Buffer
	err := p.stream(ctx, run, &out)
	return out.Bytes(), err
}

func (p program) stream(ctx context.Context, run run, out io.Writer) error {
	var args []string
	for _, setting := range safeConfig() {
		args = append(args, "-c", setting)
	}
	cmd := exec.CommandContext(ctx, p.path, append(args, run.args...)...)
	cmd.Dir, cmd.Stdin, cmd.Stdout = p.dir, run.stdin, out
	said := &gathered{}
	cmd.Stderr = said
	cmd.WaitDelay = 5 * time.Second
	if !run.tokens { // a credential helper may need the terminal
		setApart(cmd)
	}
	cmd.Env = append(scrub(cmd.Environ(), run.tokens), run.env...)
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return &programError{command: run.args[0], said: printableLines(string(said.text)), cause: err}
}

// lines runs git and splits its output.
func (p program) lines(ctx context.Context, args ...string) ([]string, error) {
	out, err := p.output(ctx, run{args: args})
	text := strings.TrimSuffix(string(out), "\n")
	if text == "" {
		return nil, err
	}
	return strings.Split(text, "\n"), err
}

// withoutFilters returns a command that runs none of the user's filters (LFS and
// the like). Git would run them to look again at entries as young as the index;
// without them it takes those for changed, and looks at them next time.
func (p program) withoutFilters(ctx context.Context, command string) ([]string, error) {
	out, err := p.output(ctx, run{args: []string{"config", "-z", "--name-only", "--get-regexp", `^filter\.`}})
	if err != nil && exitCode(err) != 1 { // 1: there is none
		return nil, fmt.Errorf("reading the filters: %w", err)
	}
	var drivers, args []string
	for key := range strings.SplitSeq(string(out), "\x00") {
		if i := strings.LastIndexByte(key, '.'); i > 0 && !slices.Contains(drivers, key[:i]) {
			drivers = append(drivers, key[:i])
		}
	}
	for _, driver := range drivers {
		args = append(args, "-c", driver+".clean=", "-c", driver+".process=", "-c", driver+".required=false")
	}
	return append(args, command), nil
}

// programError is a run of git that failed.
type programError struct {
	command string
	said    []string
	cause   error
}

func (e *programError) Error() string {
	if len(e.said) == 0 {
		return fmt.Sprintf("git %s: %v", e.command, e.cause)
	}
	return fmt.Sprintf("git %s: %s", e.command, strings.Join(e.said, "; "))
}

func (e *programError) Unwrap() error { return e.cause }

// mentions says whether git's message has one of the texts. LC_ALL=C keeps it in
// English.
func mentions(err error, texts ...string) bool {
	var failed *programError
	return errors.As(err, &failed) && slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(strings.Join(failed.said, "\n"), text)
	})
}

// keptVariables are the variables of Git that pass: those by which users and CI
// systems point at configuration, or bound the search for a repository. All
// others (GIT_DIR, GIT_INDEX_FILE, GIT_SSH_COMMAND, GIT_TRACE, …) could make git
// work on something else, or run or print something.
func keptVariables() []string {
	return []string{
		"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT",
		"GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
	}
}

func tokenVariables() []string {
	return []string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}
}

// scrub returns an environment in which git does what its arguments say.
func scrub(env []string, tokens bool) []string {
	kept := slices.DeleteFunc(slices.Clone(env), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case slices.Contains(keptVariables(), name),
			strings.HasPrefix(name, "GIT_CONFIG_KEY_"), strings.HasPrefix(name, "GIT_CONFIG_VALUE_"):
			return false
		case slices.Contains(tokenVariables(), name):
			return !tokens
		case name == "PAWL_APP_PRIVATE_KEY":
			return true
		}
		return strings.HasPrefix(name, "GIT_") || name == "SSH_ASKPASS" || name == "LANGUAGE" || strings.HasPrefix(name, "LC_")
	})
	return append(kept, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1")
}
