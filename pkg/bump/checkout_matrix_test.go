package bump

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// TestMain keeps the configuration of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent",
		"GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "test@example.com", "GIT_COMMITTER_NAME": "Test", "GIT_COMMITTER_EMAIL": "test@example.com",
		"GIT_CONFIG_COUNT": "3", "GIT_CONFIG_KEY_0": "init.defaultBranch", "GIT_CONFIG_VALUE_0": "dev",
		"GIT_CONFIG_KEY_1": "protocol.file.allow", "GIT_CONFIG_VALUE_1": "always", "GIT_CONFIG_KEY_2": "advice.detachedHead", "GIT_CONFIG_VALUE_2": "false",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// The files that the bump of the matrix changes, and what they hold.
const (
	matrixKustomization = "images:\n  - name: ghcr.io/acme/api # the API\n    newTag: 1.0.0\n"
	matrixScript        = "# a manifest that somebody can execute\nimage: ghcr.io/acme/api:1.0.0\n"
)

// checkout is a working tree that a test works in.
type checkout struct {
	t   *testing.T
	dir string
}

// newCheckout has two files to bump, one of them executable, and some others.
func newCheckout(t *testing.T, init ...string) *checkout {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &checkout{t, filepath.Join(dir, "work tree")}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.git(append([]string{"init", "-q"}, init...)...)
	plant(t, c.dir, map[string]string{
		"base/kustomization.yaml": matrixKustomization, "base/run.yaml": matrixScript, "base/other.yaml": "x: 1\n",
		"top.yaml": "x: 1\n", "far/away.yaml": "x: 1\n", "third.yaml": "x: 1\n",
	})
	if err := os.Chmod(c.path("base/run.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.commit()
	c.write("top.yaml", "x: 2\n")
	c.commit()
	return c
}

func (c *checkout) commit() { c.git("add", "-A"); c.git("commit", "-q", "-m", "work") }

func (c *checkout) path(name string) string { return filepath.Join(c.dir, filepath.FromSlash(name)) }

func (c *checkout) write(name, content string) {
	c.t.Helper()
	plant(c.t, c.dir, map[string]string{name: content})
}

func (c *checkout) remove(name string) {
	c.t.Helper()
	if err := os.Remove(c.path(name)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *checkout) git(args ...string) string { return c.gitWith("", args...) }

func (c *checkout) gitWith(stdin string, args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "git", append([]string{"--no-optional-locks"}, args...)...)
	cmd.Dir, cmd.Stdin = c.dir, strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// clone clones the repository with options, and works there.
func (c *checkout) clone(options ...string) *checkout {
	c.t.Helper()
	dir := filepath.Join(filepath.Dir(c.dir), "clone")
	from := "file://" + c.dir
	if slices.Contains(options, "--shared") {
		from = c.dir
	}
	c.git(append(append([]string{"clone", "-q"}, options...), from, dir)...)
	return &checkout{c.t, dir}
}

func (c *checkout) linked(args ...string) *checkout {
	c.t.Helper()
	dir := filepath.Join(filepath.Dir(c.dir), "linked")
	c.git(append([]string{"worktree", "add", "-q", dir}, args...)...)
	return &checkout{c.t, dir}
}

// unmerged gives a path the three stages of a conflict.
func (c *checkout) unmerged(name string) {
	blob := c.git("rev-parse", "HEAD:"+name)
	lines := "0 " + strings.Repeat("0", 40) + "\t" + name + "\n"
	for _, stage := range []string{"1", "2", "3"} {
		lines += "100644 " + blob + " " + stage + "\t" + name + "\n"
	}
	c.gitWith(lines, "update-index", "--index-info")
}

// again checks the files out anew, after a change of how they come to the disk.
func (c *checkout) again(names ...string) {
	for _, name := range names {
		c.remove(name)
	}
	c.git(append([]string{"checkout", "-q", "--"}, names...)...)
}

// view is what a user can see of a checkout.
type view struct {
	Head, Branch, Status, Index, Sparse, Staged, Diff, Stash string
	IndexVersion                                             uint32
	Files                                                    map[string]string // mode and content
}

func (c *checkout) view() view {
	c.t.Helper()
	v := view{
		Head: c.git("rev-parse", "HEAD"), Branch: c.git("rev-parse", "--abbrev-ref", "HEAD"),
		Status: c.git("status", "--porcelain=v2", "--untracked-files=all", "--ignored"),
		Index:  c.git("ls-files", "-s", "-v", "-t"), Sparse: c.git("ls-files", "--sparse", "-t"),
		Staged: c.git("diff", "--cached"), Diff: c.git("diff"), Stash: c.git("stash", "list"), Files: map[string]string{},
	}
	index, err := os.ReadFile(filepath.Join(c.git("rev-parse", "--absolute-git-dir"), "index"))
	if err != nil {
		c.t.Fatal(err)
	}
	v.IndexVersion = binary.BigEndian.Uint32(index[4:])
	err = filepath.WalkDir(c.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" && entry.IsDir() {
			return fs.SkipDir
		}
		relative, _ := filepath.Rel(c.dir, name)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		v.Files[filepath.ToSlash(relative)] = info.Mode().String()
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(name)
			v.Files[filepath.ToSlash(relative)] += "\n" + string(content)
			return err
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

// bump sets the image in the files below base, in a commit.
func (c *checkout) bump(request Request) (*Outcome, error) {
	c.t.Helper()
	opened, err := git.OpenCheckout(c.t.Context(), c.dir)
	if err != nil {
		return nil, err
	}
	plan, err := PlanCommit(c.t.Context(), opened, request)
	if err != nil {
		return nil, err
	}
	who := git.Signature{Name: "Release Bot", Email: "release-bot@example.com"}
	return plan.Apply(c.t.Context(), Stamp{Author: who, Committer: who, Now: time.Now})
}

func matrixRequest(t *testing.T) Request {
	return Request{
		Settings: []image.Setting{setting(t, "ghcr.io/acme/api:1.1.0")},
		Match:    func(path string) bool { return strings.HasPrefix(path, "base/") },
		Where:    "base/**",
	}
}

// The states that a checkout can be in when --commit comes. In each, the commit has
// exactly the bump, and everything else stays as it was.
func TestCommitInEveryStateOfACheckout(t *testing.T) {
	t.Parallel()
	both := []string{"base/kustomization.yaml", "base/run.yaml"}
	for name, arrange := range map[string]func(c *checkout) *checkout{
		"clean":        func(c *checkout) *checkout { return c },
		"other staged": func(c *checkout) *checkout { c.write("third.yaml", "x: 2\n"); c.git("add", "."); return c },
		"other dirty":  func(c *checkout) *checkout { c.write("third.yaml", "x: 2\n"); return c },
		"staged and dirty": func(c *checkout) *checkout {
			c.write("third.yaml", "2")
			c.git("add", ".")
			c.write("third.yaml", "3")
			return c
		},
		"neighbor staged": func(c *checkout) *checkout { c.write("base/other.yaml", "x: 2\n"); c.git("add", "."); return c },
		"intent to add": func(c *checkout) *checkout {
			c.write("base/soon.yaml", "x")
			c.git("add", "-N", "base/soon.yaml")
			return c
		},
		"assume unchanged": func(c *checkout) *checkout {
			c.git("update-index", "--assume-unchanged", "third.yaml")
			c.write("third.yaml", "y")
			return c
		},
		"skip worktree": func(c *checkout) *checkout {
			c.git("update-index", "--skip-worktree", "third.yaml")
			c.write("third.yaml", "y")
			return c
		},
		"untracked": func(c *checkout) *checkout { c.write("base/untracked.yaml", matrixScript); return c },
		"ignored": func(c *checkout) *checkout {
			c.write(".git/info/exclude", "*.log\n")
			c.write("base/x.log", "y")
			return c
		},
		"other unmerged": func(c *checkout) *checkout { c.unmerged("third.yaml"); return c },
		"other removed":  func(c *checkout) *checkout { c.git("rm", "-q", "third.yaml"); return c },
		"other deleted":  func(c *checkout) *checkout { c.remove("third.yaml"); return c },
		"other renamed":  func(c *checkout) *checkout { c.git("mv", "third.yaml", "fourth.yaml"); return c },
		"stash": func(c *checkout) *checkout {
			c.write("third.yaml", "y")
			c.git("stash", "-q")
			c.write("third.yaml", "z")
			return c
		},
		"detached":           func(c *checkout) *checkout { c.git("checkout", "-q", "--detach"); return c },
		"detached, older":    func(c *checkout) *checkout { c.git("checkout", "-q", "HEAD~1"); return c },
		"shallow":            func(c *checkout) *checkout { return c.clone("--depth=1") },
		"linked worktree":    func(c *checkout) *checkout { return c.linked("-b", "topic") },
		"linked, detached":   func(c *checkout) *checkout { return c.linked("--detach") },
		"linked, other busy": func(c *checkout) *checkout { l := c.linked("-b", "topic"); c.write(".git/index.lock", ""); return l },
		"index version 2": func(c *checkout) *checkout {
			c.git("update-index", "--index-version", "2")
			c.write("third.yaml", "y")
			return c
		},
		"index version 3": func(c *checkout) *checkout {
			c.git("update-index", "--skip-worktree", "third.yaml")
			c.git("update-index", "--index-version", "3")
			return c
		},
		"index version 4": func(c *checkout) *checkout {
			c.git("update-index", "--index-version", "4")
			c.write("third.yaml", "y")
			return c
		},
		"split index": func(c *checkout) *checkout {
			c.git("update-index", "--split-index")
			c.write("third.yaml", "y")
			c.git("add", ".")
			return c
		},
		"split index, always": func(c *checkout) *checkout {
			c.git("config", "core.splitIndex", "true")
			c.write("third.yaml", "y")
			c.git("add", ".")
			return c
		},
		"untracked cache": func(c *checkout) *checkout {
			c.git("update-index", "--untracked-cache")
			c.write("x", "y")
			c.git("status")
			return c
		},
		"sparse, cone": func(c *checkout) *checkout { c.git("sparse-checkout", "set", "--cone", "base"); return c },
		"sparse index": func(c *checkout) *checkout {
			c.git("sparse-checkout", "set", "--cone", "--sparse-index", "base")
			return c
		},
		"sparse, no cone":  func(c *checkout) *checkout { c.git("sparse-checkout", "set", "--no-cone", "/base/"); return c },
		"outside the cone": func(c *checkout) *checkout { c.git("sparse-checkout", "set", "--cone", "far"); return c },
		"outside, sparse index": func(c *checkout) *checkout {
			c.git("sparse-checkout", "set", "--cone", "--sparse-index", "far")
			return c
		},
		"outside, no cone": func(c *checkout) *checkout { c.git("sparse-checkout", "set", "--no-cone", "/far/"); return c },
		"half outside":     func(c *checkout) *checkout { c.git("sparse-checkout", "set", "--no-cone", "/base/run.yaml"); return c },
		"sparse linked worktree": func(c *checkout) *checkout {
			l := c.linked("--detach")
			l.git("sparse-checkout", "set", "--cone", "base")
			return l
		},
		"alternates": func(c *checkout) *checkout { return c.clone("--shared") },
		"partial clone": func(c *checkout) *checkout {
			c.git("config", "uploadpack.allowFilter", "true")
			return c.clone("--filter=blob:none")
		},
		"file mode off": func(c *checkout) *checkout {
			c.git("config", "core.fileMode", "false")
			if err := os.Chmod(c.path("base/run.yaml"), 0o644); err != nil {
				c.t.Fatal(err)
			}
			return c
		},
		"autocrlf":     func(c *checkout) *checkout { c.git("config", "core.autocrlf", "true"); c.again(both...); return c },
		"autocrlf, LF": func(c *checkout) *checkout { c.git("config", "core.autocrlf", "true"); return c },
		"eol attribute": func(c *checkout) *checkout {
			c.write(".git/info/attributes", "base/*.yaml text eol=crlf\n")
			c.again(both...)
			return c
		},
		"CRLF in Git": func(c *checkout) *checkout { c.write("base/run.yaml", windows(matrixScript)); c.commit(); return c },
		"autocrlf, one file": func(c *checkout) *checkout {
			c.git("config", "core.autocrlf", "true")
			c.write("base/run.yaml", windows(matrixScript))
			return c
		},
		"submodule beside": func(c *checkout) *checkout {
			c.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("12", 20)+",base/module")
			c.git("commit", "-q", "-m", "module")
			return c
		},
		"link beside": func(c *checkout) *checkout { link(c.t, "run.yaml", c.path("base/link.yaml")); c.commit(); return c },
		"rebase under way": func(c *checkout) *checkout {
			if err := os.Mkdir(c.path(".git/rebase-merge"), 0o755); err != nil {
				c.t.Fatal(err)
			}
			return c
		},
		"packed refs":         func(c *checkout) *checkout { c.git("pack-refs", "--all"); c.git("gc", "-q"); return c },
		"written, not staged": func(c *checkout) *checkout { c.write("base/run.yaml", bumped(matrixScript)); return c },
		"half of it staged": func(c *checkout) *checkout {
			c.write("base/run.yaml", bumped(matrixScript))
			c.git("add", ".")
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := arrange(newCheckout(t))
			before := c.view()
			outcome, err := c.bump(matrixRequest(t))
			if err != nil {
				t.Fatal(err)
			}
			c.onlyBumped(before, outcome, both)
		})
	}
}

func windows(content string) string { return strings.ReplaceAll(content, "\n", "\r\n") }

func bumped(content string) string { return strings.ReplaceAll(content, "1.0.0", "1.1.0") }

// onlyBumped checks that the commit has the bump of the paths and nothing else, and
// that nothing else changed.
func (c *checkout) onlyBumped(before view, outcome *Outcome, paths []string) {
	t := c.t
	t.Helper()
	after := c.view()
	if outcome.Commit != after.Head || c.git("rev-parse", "HEAD^") != before.Head {
		t.Errorf("HEAD is %s on %s, the outcome's commit %s on %s", after.Head, before.Head, outcome.Commit, outcome.Parent)
	}
	var changed []string
	for line := range strings.SplitSeq(c.git("diff-tree", "-r", "HEAD^", "HEAD"), "\n") {
		facts, path, _ := strings.Cut(line, "\t")
		fields := strings.Fields(facts)
		changed = append(changed, path)
		if ":"+fields[1] != fields[0] || fields[4] != "M" {
			t.Errorf("the commit does %q to %s", facts, path)
		}
		if want := bumped(c.git("cat-file", "blob", "HEAD^:"+path)); c.git("cat-file", "blob", "HEAD:"+path) != want {
			t.Errorf("%s is %q in the commit, want %q", path, c.git("cat-file", "blob", "HEAD:"+path), want)
		}
	}
	if diff := cmp.Diff(paths, changed); diff != "" {
		t.Errorf("the commit changes other files: %s", diff)
	}
	if got := c.git("fsck", "--strict"); strings.Contains(got, "error") || strings.Contains(got, "missing") {
		t.Errorf("fsck says %s", got)
	}
	if got := c.git("diff", "--cached", "--name-only", "--", "base/kustomization.yaml", "base/run.yaml"); got != "" {
		t.Errorf("the index is not the commit's: %s", got)
	}
	want := before
	want.Head = after.Head
	if strings.Contains(want.Sparse, "S base/\n") { // a folded folder that changes is unfolded
		want.Sparse = after.Sparse
	}
	want.Index, after.Index = withoutBlobs(want.Index, paths), withoutBlobs(after.Index, paths)
	want.Status, after.Status = withoutPaths(want.Status, paths), withoutPaths(after.Status, paths)
	want.Staged, after.Staged, want.Diff, after.Diff = withoutFiles(want.Staged), withoutFiles(after.Staged), withoutFiles(want.Diff), withoutFiles(after.Diff)
	for _, path := range paths {
		if content, ok := want.Files[path]; ok {
			want.Files[path] = bumped(content)
		}
	}
	if diff := cmp.Diff(want, after); diff != "" {
		t.Error(diff)
	}
	if got := withoutPaths(c.git("status", "--porcelain"), nil); strings.Contains(got, paths[0]) || strings.Contains(got, paths[1]) {
		t.Errorf("the bumped files are not clean: %s", got)
	}
	c.noLitter()
}

func (c *checkout) noLitter() {
	c.t.Helper()
	private := c.git("rev-parse", "--absolute-git-dir")
	own, _ := filepath.Glob(filepath.Join(private, "index.pawl*"))
	staging, _ := filepath.Glob(c.path(".pawl"))
	if litter := append(own, staging...); len(litter) > 0 {
		c.t.Errorf("left behind: %v", litter)
	}
}

// withoutBlobs leaves out the ids of the paths' blobs; their tags, modes and stages
// stay.
func withoutBlobs(index string, paths []string) string {
	lines := strings.Split(index, "\n")
	for i, line := range lines {
		facts, path, _ := strings.Cut(line, "\t")
		if fields := strings.Fields(facts); slices.Contains(paths, path) && len(fields) == 4 {
			lines[i] = strings.Join([]string{fields[0], fields[1], fields[3], path}, " ")
		}
	}
	return strings.Join(lines, "\n")
}

func withoutPaths(status string, paths []string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(status, "\n"), func(line string) bool {
		return slices.ContainsFunc(paths, func(path string) bool { return strings.HasSuffix(line, path) })
	}), "\n")
}

// withoutFiles leaves the differences of the bumped files out.
func withoutFiles(diff string) string {
	var kept []string
	for i, part := range strings.Split("\n"+diff, "\ndiff --git ") {
		if i > 0 && !strings.HasPrefix(part, "a/base/kustomization.yaml") && !strings.HasPrefix(part, "a/base/run.yaml") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n")
}

// The states in which --commit refuses, each with its reason. Nothing changes.
func TestCommitIsRefused(t *testing.T) {
	t.Parallel()
	const utf16 = "\xff\xfei\x00"
	for name, row := range map[string]struct {
		arrange func(c *checkout) *checkout
		want    string
	}{
		"target dirty": {func(c *checkout) *checkout { c.write("base/run.yaml", matrixScript+"# mine\n"); return c }, "base/run.yaml has changes that are not committed"},
		"target staged": {func(c *checkout) *checkout {
			c.write("base/run.yaml", "x")
			c.git("add", ".")
			c.write("base/run.yaml", matrixScript)
			return c
		}, "base/run.yaml has staged changes"},
		"target deleted": {func(c *checkout) *checkout { c.remove("base/run.yaml"); return c }, "base/run.yaml was deleted from the disk"},
		"target removed": {func(c *checkout) *checkout { c.git("rm", "-q", "--cached", "base/run.yaml"); return c }, "base/run.yaml was removed from the index"},
		"target unmerged": {func(c *checkout) *checkout { c.unmerged("base/run.yaml"); return c },
			"base/run.yaml has an unresolved conflict"},
		"target intent to add": {func(c *checkout) *checkout {
			c.git("rm", "-q", "--cached", "base/run.yaml")
			c.git("add", "-N", "base/run.yaml")
			return c
		}, "base/run.yaml has staged changes"},
		"target hidden and dirty": {func(c *checkout) *checkout {
			c.git("update-index", "--assume-unchanged", "base/run.yaml")
			c.write("base/run.yaml", "y")
			return c
		}, "base/run.yaml has changes that are not committed"},
		"target linked on disk": {func(c *checkout) *checkout {
			c.remove("base/run.yaml")
			link(c.t, "../../secret", c.path("base/run.yaml"))
			return c
		}, "base/run.yaml is a symbolic link"},
		"folder linked on disk": {func(c *checkout) *checkout {
			if err := os.Rename(c.path("base"), c.path("elsewhere")); err != nil {
				c.t.Fatal(err)
			}
			link(c.t, "elsewhere", c.path("base"))
			return c
		}, "is a symbolic link"},
		"CRLF by hand": {func(c *checkout) *checkout { c.write("base/run.yaml", windows(matrixScript)); return c }, "base/run.yaml has changes that are not committed"},
		"mixed line ends": {func(c *checkout) *checkout {
			c.git("config", "core.autocrlf", "true")
			c.write("base/run.yaml", strings.Replace(matrixScript, "\n", "\r\n", 1))
			return c
		}, "some of its lines end in CR LF"},
		"encoding": {func(c *checkout) *checkout {
			c.write(".git/info/attributes", "base/run.yaml working-tree-encoding=UTF-16LE-BOM\n")
			c.again("base/run.yaml")
			if content, err := os.ReadFile(c.path("base/run.yaml")); err != nil || bytes.HasPrefix(content, []byte(utf16)) {
				c.t.Logf("on disk: %.10q, %v", content, err)
			}
			return c
		}, "its Git attributes give it another form on disk"},
		"identifier": {func(c *checkout) *checkout {
			c.write("base/run.yaml", matrixScript+"# $Id$\n")
			c.commit()
			c.write(".git/info/attributes", "base/run.yaml ident\n")
			c.again("base/run.yaml")
			return c
		}, "its Git attributes give it another form on disk"},
		"LFS": {func(c *checkout) *checkout {
			c.git("rm", "-q", "base/kustomization.yaml")
			c.write("base/run.yaml", lfsPointer+"v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 66\n")
			c.write(".gitattributes", "base/run.yaml filter=lfs diff=lfs merge=lfs -text\n")
			c.commit()
			return c
		}, "base/run.yaml is in Git LFS: a commit does not have its content"},
		"symbolic link": {func(c *checkout) *checkout {
			c.git("rm", "-q", "-r", "base")
			c.write("far/run.yaml", matrixScript)
			if err := os.Mkdir(c.path("base"), 0o755); err != nil {
				c.t.Fatal(err)
			}
			link(c.t, "../far/run.yaml", c.path("base/run.yaml"))
			c.commit()
			return c
		}, "base/run.yaml is a symbolic link: a commit changes no file through it"},
		"submodule": {func(c *checkout) *checkout {
			c.git("rm", "-q", "-r", "base")
			c.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("12", 20)+",base/module")
			c.git("commit", "-q", "-m", "module")
			return c
		}, "base/module is a submodule: a commit changes no file through it"},
		"index locked": {func(c *checkout) *checkout { c.write(".git/index.lock", ""); return c }, "index.lock is there; if no Git process runs, remove that file"},
		"index locked, index in it": {func(c *checkout) *checkout {
			content, err := os.ReadFile(c.path(".git/index"))
			if err != nil {
				c.t.Fatal(err)
			}
			c.write(".git/index.lock", string(content))
			return c
		}, "the checkout is in use by another Git process"},
		"merge under way": {func(c *checkout) *checkout { c.write(".git/MERGE_HEAD", c.git("rev-parse", "HEAD")+"\n"); return c }, "in the middle of something (MERGE_HEAD)"},
		"partial clone, blob missing": {func(c *checkout) *checkout {
			c.git("config", "uploadpack.allowFilter", "true")
			return c.clone("--filter=blob:none", "--no-checkout")
		}, "base/kustomization.yaml is not in this checkout (a partial clone?)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := row.arrange(newCheckout(t))
			noIndex := c.git("ls-files") == ""
			var before view
			if !noIndex {
				before = c.view()
			}
			_, err := c.bump(matrixRequest(t))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want %q", err, row.want)
			}
			var refusal *Refusal
			if !errors.As(err, &refusal) && !errors.Is(err, git.ErrLocked) {
				t.Errorf("%T, which says not what to do", err)
			}
			if !noIndex {
				if diff := cmp.Diff(before, c.view()); diff != "" {
					t.Error(diff)
				}
			}
			c.noLitter()
		})
	}
}

// Where there is nothing to commit on, or with, it says so.
func TestCommitWithoutACheckoutToCommitIn(t *testing.T) {
	t.Parallel()
	unborn := newCheckout(t)
	unborn.git("checkout", "-q", "--orphan", "fresh")
	_, err := unborn.bump(matrixRequest(t))
	var refusal *Refusal
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "has no commit yet") {
		t.Errorf("unborn: %v", err)
	}
	if _, err := newCheckout(t, "--object-format=sha256").bump(matrixRequest(t)); !errors.Is(err, git.ErrUnsupported) || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("sha256: %v", err)
	}
	if _, err := newCheckout(t).clone("--bare").bump(matrixRequest(t)); !errors.Is(err, git.ErrNoCheckout) {
		t.Errorf("bare: %v", err)
	}
}

// What a killed run left half done is completed by the next.
func TestCommitCompletesWhatWasHalfDone(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.write("base/run.yaml", bumped(matrixScript))
	c.git("add", ".")
	if _, err := c.bump(matrixRequest(t)); err != nil {
		t.Fatal(err)
	}
	if got := c.git("status", "--porcelain"); got != "" {
		t.Error(got)
	}
	if outcome, err := c.bump(matrixRequest(t)); err != nil || outcome.Action != ActionNone {
		t.Errorf("again: %v, %v", outcome, err)
	}
	if _, err := (*CommitPlan).Apply(&CommitPlan{Plan: &Plan{}}, context.Background(), Stamp{}); err != nil {
		t.Errorf("an empty plan: %v", err)
	}
}
