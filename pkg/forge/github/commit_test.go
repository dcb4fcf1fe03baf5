package github_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

const commitText = "Bump api to 2\n\n- api 1 -> 2 (dir/x.yaml:1)\n\nPawl-Image: api:2\nPawl-Key: 7/api\n"

func changed(path, content string) []forge.FileChange {
	return []forge.FileChange{{Path: path, Content: []byte(content), Mode: 0o100644}}
}

func TestCommitFiles(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	c, ctx := p.client(t), t.Context()
	files := append(changed("dir/x.yaml", "image: api:2\n"), forge.FileChange{Path: "new é.bin", Content: []byte{0, 0xff, '\r', '\n'}})
	sha, err := c.CommitFiles(ctx, "dev", p.head, files, commitText)
	must(t, err)
	if head := p.repository.Head("dev"); head != sha {
		t.Errorf("the branch is at %s, not at %s", head, sha)
	}
	for _, file := range files {
		if got, _ := p.repository.File(ctx, "dev", file.Path); got != string(file.Content) {
			t.Errorf("%s: %q", file.Path, got)
		}
	}
	since, err := c.Compare(ctx, p.head, sha, 5)
	must(t, err)
	if commit := since.Commits[0]; len(since.Commits) != 1 || commit.Message != strings.TrimSpace(commitText) || commit.Author != "pawl" || commit.Parents[0] != p.head {
		t.Errorf("%+v", since.Commits)
	}
	for commit, want := range map[string]string{sha: "true valid", p.head: "false unsigned"} {
		verified, reason, err := c.Verification(ctx, commit)
		if got := fmt.Sprint(verified, " ", reason); err != nil || got != want {
			t.Errorf("%s: %s, %v", commit, got, err)
		}
	}
	dir, err := p.repository.Dir(ctx)
	must(t, err)
	if out, err := exec.CommandContext(ctx, "git", "-C", dir, "fsck", "--strict").CombinedOutput(); err != nil {
		t.Errorf("git fsck: %v\n%s", err, out)
	}
}

func TestCommitFilesRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(t *testing.T, p *place)
		change  func(*github.Options)
		branch  string
		files   []forge.FileChange
		want    error
		text    string
	}{
		"moved":       {prepare: func(t *testing.T, p *place) { t.Helper(); p.commit(t, "dev", "three") }, want: forge.ErrMoved},
		"gone":        {branch: "nowhere", want: forge.ErrMoved},
		"executable":  {files: []forge.FileChange{{Path: "x", Mode: 0o100755}}, want: forge.ErrUnsupported, text: "mode 100755"},
		"symlink":     {files: []forge.FileChange{{Path: "x", Mode: 0o120000}}, want: forge.ErrUnsupported},
		"a bad path":  {files: changed("../x", "y"), text: "is not a path"},
		"no files":    {files: []forge.FileChange{}, text: "needs a message and a file"},
		"reads only":  {prepare: func(_ *testing.T, p *place) { p.repository.SetPermission("pawl", githubtest.Read) }, want: forge.ErrAccess},
		"not a token": {change: func(o *github.Options) { o.Token = "ghp_unknown" }, want: forge.ErrAccess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, githubtest.Options{})
			c := p.client(t, func(o *github.Options) {
				if test.change != nil {
					test.change(o)
				}
			})
			if test.prepare != nil {
				test.prepare(t, p)
			}
			branch, files, moves := test.branch, test.files, len(p.server.Log())
			if branch == "" {
				branch = "dev"
			}
			if files == nil {
				files = changed("x", "y")
			}
			sha, err := c.CommitFiles(t.Context(), branch, p.head, files, commitText)
			if err == nil || sha != "" || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %q, %v", sha, err)
			}
			if len(p.server.Log()) != moves {
				t.Error("something moved")
			}
		})
	}
}

func TestCommitFilesIsRefusedByRules(t *testing.T) {
	t.Parallel()
	for _, classic := range []bool{false, true} {
		p := newPlace(t, githubtest.Options{})
		p.repository.Protect("dev", githubtest.Rules{RequirePullRequest: true, Classic: classic})
		_, err := p.client(t).CommitFiles(t.Context(), "dev", p.head, changed("x", "y"), commitText)
		var refused *forge.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "pull request") {
			t.Errorf("got %v", err)
		}
	}
}

func TestCommitFilesWithoutTheMutation(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{NoCreateCommit: true})
	if _, err := p.client(t).CommitFiles(t.Context(), "dev", p.head, changed("x", "y"), commitText); !errors.Is(err, forge.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// TestCommitFilesOnce: whatever goes wrong with one or two requests, the commit is
// there at most once, and its id comes back only if it is.
func TestCommitFilesOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []githubtest.FaultKind{githubtest.Reset, githubtest.ServerError, githubtest.BadGateway, githubtest.Truncated, githubtest.HTML, githubtest.Unavailable} {
		for _, after := range []bool{false, true} {
			for times := 1; times <= 2; times++ {
				for _, meanwhile := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s after %v times %d, others %v", kind, after, times, meanwhile), func(t *testing.T) {
						t.Parallel()
						p := newPlace(t, githubtest.Options{})
						var others sync.Once
						c := p.client(t)
						p.server.Fail(githubtest.Fault{Kind: kind, After: after, Path: "graphql", Times: times})
						if meanwhile { // others push as soon as the first answer is lost
							c = p.client(t, func(o *github.Options) {
								o.Trace = func(format string, args ...any) {
									if strings.Contains(fmt.Sprintf(format, args...), "graphql") {
										others.Do(func() {
											_, _ = p.repository.Commit(context.WithoutCancel(t.Context()), "dev", "others", map[string]string{"o": "o"})
										})
									}
								}
							})
						}
						sha, err := c.CommitFiles(t.Context(), "dev", p.head, changed("x", "y"), commitText)
						p.checkOnce(t, sha, err)
					})
				}
			}
		}
	}
}

// checkOnce looks for the commit in the branch's history.
func (p *place) checkOnce(t *testing.T, sha string, err error) {
	t.Helper()
	since, compareErr := p.client(t).Compare(t.Context(), p.head, "dev", 10)
	must(t, compareErr)
	var made []string
	for _, commit := range since.Commits {
		if commit.Message == strings.TrimSpace(commitText) {
			made = append(made, commit.SHA)
		}
	}
	switch {
	case err == nil && (len(made) != 1 || made[0] != sha):
		t.Errorf("got %s, and the branch has %v", sha, made)
	case err != nil && sha != "", len(made) > 1:
		t.Errorf("got %q and %v, and the branch has %v", sha, err, made)
	case errors.Is(err, forge.ErrMoved) && len(made) > 0:
		t.Errorf("got %v, and the branch has %v", err, made)
	case err != nil && !errors.Is(err, forge.ErrMoved) && !errors.Is(err, forge.ErrTransient):
		t.Errorf("got %v", err)
	}
}

// TestCommitFilesIsFoundLate: the answer is lost, and reading the branch back fails
// at first.
func TestCommitFilesIsFoundLate(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	p.server.Fail(
		githubtest.Fault{Kind: githubtest.Truncated, Path: "graphql", Times: 1},
		githubtest.Fault{Kind: githubtest.Unavailable, Method: "GET", Path: "/git/ref", Times: 5},
	)
	sha, err := p.client(t).CommitFiles(t.Context(), "dev", p.head, changed("x", "y"), commitText)
	if err != nil || sha != p.repository.Head("dev") || sha == p.head {
		t.Errorf("got %s, %v", sha, err)
	}
}
