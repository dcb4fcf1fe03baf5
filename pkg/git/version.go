package git

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

const (
	// OldestProgram is the oldest git program that a checkout can be read with: it takes
	// rev-parse --show-object-format.
	// https://github.com/git/git/commit/2eabd38313
	OldestProgram = "2.25"
	// SafeProgram is the oldest one that heeds safe.bareRepository: a bare repository
	// that a checkout has in one of its folders is not taken for a repository.
	// https://git-scm.com/docs/git-config#Documentation/git-config.txt-safebareRepository
	SafeProgram = "2.38"
)

// Version is the version of a git program; the zero one is none.
type Version struct {
	text         string
	major, minor int
}

// String is the version in the program's words: 2.39.5, 2.47.0.windows.1.
func (v Version) String() string { return v.text }

// AtLeast says whether the version is another one or newer. No version is none.
func (v Version) AtLeast(other string) bool {
	o, err := ParseVersion(other)
	return err == nil && (v.major > o.major || v.major == o.major && v.minor >= o.minor)
}

// ParseVersion reads a version, of which the first two numbers count.
func ParseVersion(text string) (Version, error) {
	v := Version{text: text}
	major, rest, _ := strings.Cut(text, ".")
	minor, _, _ := strings.Cut(rest, ".")
	var err error
	if v.major, err = strconv.Atoi(major); err == nil {
		v.minor, err = strconv.Atoi(minor)
	}
	if err != nil || v.major < 0 || v.minor < 0 {
		return Version{}, fmt.Errorf("%q is not a version of git", text)
	}
	return v, nil
}

// ProgramVersion asks the git program of this machine for its version. It returns
// [ErrNoGit] when there is none in PATH; any other error says that the program
// which is there does not run, or gives no version.
func ProgramVersion(ctx context.Context, dir string) (Version, error) {
	git, err := findProgram(dir)
	if err != nil {
		return Version{}, err
	}
	return git.version(ctx)
}

// version asks for the version: "git version 2.39.5 (Apple Git-154)".
func (p program) version(ctx context.Context) (Version, error) {
	out, err := p.output(ctx, run{args: []string{"version"}})
	if err != nil {
		return Version{}, fmt.Errorf("reading the version of git: %w", err)
	}
	words := strings.Fields(strings.TrimPrefix(string(out), "git version "))
	if len(words) == 0 {
		return Version{}, fmt.Errorf("reading the version of git: %s gave no answer", p.path)
	}
	v, err := ParseVersion(words[0])
	if err != nil {
		return Version{}, fmt.Errorf("reading the version of git: %w", err)
	}
	return v, nil
}

// tooOld is the error of a checkout that git could not tell about, if the reason is
// its age.
func (p program) tooOld(ctx context.Context) error {
	v, err := p.version(ctx)
	if err != nil || v.AtLeast(OldestProgram) {
		return nil
	}
	return fmt.Errorf("opening the checkout: %w: git %s is older than %s", ErrOldGit, v, OldestProgram)
}
