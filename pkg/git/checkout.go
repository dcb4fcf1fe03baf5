package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Checkout is a user's working copy. It is read and changed with the git program,
// so that every kind works: linked worktrees, shallow, partial and sparse clones,
// alternates, any version of the index.
type Checkout struct {
	git     program
	root    string // of the working tree
	private string // the .git folder of this worktree: HEAD and index are here
	objects *database
}

// OpenCheckout finds the working copy around a folder. It returns [ErrNoCheckout]
// outside of one, also in a bare repository, and [ErrNoGit] or [ErrOldGit] when
// there is one and no git program that can read it.
func OpenCheckout(ctx context.Context, dir string) (*Checkout, error) {
	if !insideCheckout(dir) { // git would say the same, and take as long as a small bump
		return nil, ErrNoCheckout
	}
	git, err := findProgram(dir)
	if err != nil {
		return nil, err
	}
	// The root comes last: outside of a working tree git stops there.
	lines, err := git.lines(ctx, "rev-parse", "--show-object-format", "--is-bare-repository",
		"--is-inside-work-tree", "--absolute-git-dir", "--show-toplevel")
	if len(lines) > 0 && lines[0] != "sha1" {
		return nil, cmp.Or(git.tooOld(ctx), objectFormatError(lines[0]))
	}
	switch {
	case mentions(err, "not a git repository (or any", "cannot use bare repository"),
		len(lines) >= 3 && (lines[1] == "true" || lines[2] == "false"):
		return nil, ErrNoCheckout
	case err != nil:
		return nil, fmt.Errorf("opening the checkout: %w", err)
	case len(lines) != 5:
		return nil, errors.New("opening the checkout: its path has a line break")
	}
	git.dir = filepath.FromSlash(lines[4])
	return &Checkout{git: git, root: git.dir, private: filepath.FromSlash(lines[3]), objects: newDatabase(git)}, nil
}

func objectFormatError(format string) error {
	if format == "sha256" {
		return fmt.Errorf("opening the checkout: %w: its object format is sha256, only sha1 is supported", ErrUnsupported)
	}
	return fmt.Errorf("opening the checkout: git says that its object format is %q", format)
}

// insideCheckout looks for a .git entry without the help of git, as git does: from
// where the folder really is, upward.
func insideCheckout(dir string) bool {
	dir, err := filepath.Abs(dir)
	if physical, failed := filepath.EvalSymlinks(dir); failed == nil {
		dir = physical
	}
	for err == nil {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
	return false
}

// Root is the folder at the top of the working tree.
func (c *Checkout) Root() string { return c.root }

// Objects gives access to the commits and files of the local object database.
func (c *Checkout) Objects() *Objects { return newObjects(c.objects, nil) }

// Head returns the branch that is checked out, empty when HEAD is detached, and
// its commit. A branch without a commit is [ErrNoCommit].
func (c *Checkout) Head(ctx context.Context) (branch, sha string, err error) {
	lines, err := c.git.lines(ctx, "rev-parse", "HEAD^{commit}", "--symbolic-full-name", "HEAD")
	if mentions(err, "ambiguous argument", "unknown revision") {
		return "", "", fmt.Errorf("reading HEAD: %w", ErrNoCommit)
	}
	if err != nil {
		return "", "", fmt.Errorf("reading HEAD: %w", err)
	}
	if len(lines) != 2 {
		return "", "", errors.New("reading HEAD: git gave no answer")
	}
	if lines[1] == "HEAD" {
		return "", lines[0], nil
	}
	branch, ok := strings.CutPrefix(lines[1], branchPrefix)
	if !ok {
		return "", "", fmt.Errorf("reading HEAD: %q is not a branch", lines[1])
	}
	return branch, lines[0], nil
}

// Ignores says whether Git has rules about what to ignore from outside of a folder: a
// .gitignore above it, or .git/info/exclude. Those that a user has for all repositories
// (core.excludesFile) do not count.
func (c *Checkout) Ignores(folder string) bool {
	for above := folder; above != "."; {
		above = path.Dir(above)
		if _, err := os.Lstat(filepath.Join(c.root, filepath.FromSlash(above), ".gitignore")); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	rules, err := os.ReadFile(filepath.Join(c.common(), "info", "exclude"))
	for line := range strings.Lines(string(rules)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return true
		}
	}
	return err != nil && !errors.Is(err, fs.ErrNotExist)
}

// common is the .git folder that all worktrees of a repository share.
// https://git-scm.com/docs/gitrepository-layout (commondir)
func (c *Checkout) common() string {
	shared, err := os.ReadFile(filepath.Join(c.private, "commondir"))
	if err != nil {
		return c.private
	}
	folder := filepath.FromSlash(strings.TrimSpace(string(shared)))
	if filepath.IsAbs(folder) {
		return folder
	}
	return filepath.Join(c.private, folder)
}

// Ignored returns those of the paths, from the root, that Git ignores: by a .gitignore,
// .git/info/exclude or core.excludesFile. What is tracked is not ignored, and neither
// is what is in a submodule.
func (c *Checkout) Ignored(ctx context.Context, paths []string) ([]string, error) {
	for len(paths) > 0 {
		out, err := c.git.output(ctx, run{
			args:  []string{"check-ignore", "-z", "--stdin"},
			stdin: strings.NewReader(strings.Join(paths, "\x00") + "\x00"),
		})
		if err == nil || exitCode(err) == 1 { // 1: none of them
			return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
		}
		rest := outside(submoduleIn(err), paths)
		if len(rest) == len(paths) {
			return nil, fmt.Errorf("looking which files are ignored: %w", err)
		}
		paths = rest
	}
	return nil, nil
}

// submoduleIn returns the submodule in which git does not look, as it says.
func submoduleIn(err error) string {
	var failed *programError
	if !errors.As(err, &failed) {
		return ""
	}
	_, rest, _ := strings.Cut(strings.Join(failed.said, "\n"), "is in submodule '")
	name, _, _ := strings.Cut(rest, "'")
	return name
}

// outside returns the paths that are not below a folder.
func outside(folder string, paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return strings.HasPrefix(path, folder+"/") })
}

// RemoteURL returns the URL that a remote is fetched from, with the user's
// url.*.insteadOf rules applied and without the credentials that it may hold.
func (c *Checkout) RemoteURL(ctx context.Context, name string) (string, error) {
	if reason := badBranch(name); reason != "" {
		return "", fmt.Errorf("%q is not the name of a remote: it %s", name, reason)
	}
	lines, err := c.git.lines(ctx, "remote", "get-url", name)
	if err != nil {
		return "", fmt.Errorf("reading the URL of the remote %q: %w", name, err)
	}
	if len(lines) == 0 {
		return "", fmt.Errorf("reading the URL of the remote %q: it has none", name)
	}
	return withoutCredentials(lines[0]), nil
}
