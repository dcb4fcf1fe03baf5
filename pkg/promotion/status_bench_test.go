package promotion_test

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// BenchmarkStatus reads the status of 300 images in three environments, of which the
// first is 10,000 commits ahead, without anything kept from before.
func BenchmarkStatus(b *testing.B) {
	const images, commits = 300, 10_000
	server, repo, token := largeRepository(b, images, commits)
	before := len(server.Requests())
	for b.Loop() {
		client, err := github.New(github.Options{APIURL: server.APIURL(), Owner: "acme", Name: "config", Token: token})
		if err != nil {
			b.Fatal(err)
		}
		remote, err := git.NewRemote(git.Options{URL: repo.CloneURL(), Auth: git.Auth{Username: "x", Password: token}})
		if err != nil {
			b.Fatal(err)
		}
		report, err := promotion.Status(b.Context(), promotion.Source{Name: "acme/config", Forge: client, Git: remote}, promotion.StatusOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if len(report.Images) != images || report.Environments[1].Behind != commits {
			b.Fatalf("%d images, %d commits behind", len(report.Images), report.Environments[1].Behind)
		}
		if err := output.Write(io.Discard, output.Text, report, output.Style{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(server.Requests())-before)/float64(b.N), "requests/op")
}

// largeRepository has a kustomization for each image, and a long history on dev.
func largeRepository(b *testing.B, images, commits int) (*githubtest.Server, *githubtest.Repository, string) {
	b.Helper()
	server, err := githubtest.New(githubtest.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	token := server.CreateUser("release-bot")
	repo, err := server.CreateRepository(b.Context(), "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		b.Fatal(err)
	}
	repo.SetPermission("release-bot", githubtest.Write)
	files := map[string]string{}
	for i := range images {
		files[fmt.Sprintf("base/service-%03d/kustomization.yaml", i)] = fmt.Sprintf("images:\n  - name: ghcr.io/acme/service-%03d\n    newTag: 1.0.0\n", i)
	}
	start, err := repo.Commit(b.Context(), "dev", "Start", files)
	if err != nil {
		b.Fatal(err)
	}
	for _, branch := range []string{"staging", "production"} {
		if err := repo.Branch(b.Context(), branch, start); err != nil {
			b.Fatal(err)
		}
	}
	dir, err := repo.Dir(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var in bytes.Buffer
	for i := range commits {
		service, content := i%images, fmt.Sprintf("images:\n  - name: ghcr.io/acme/service-%03d\n    newTag: 1.0.%d\n", i%images, i+1)
		fmt.Fprintf(&in, "commit refs/import\nmark :%d\ncommitter T <t@example.com> 1767600000 +0000\ndata 1\nx\n", i+1)
		if i == 0 {
			fmt.Fprintf(&in, "from %s\n", start)
		}
		fmt.Fprintf(&in, "M 100644 inline base/service-%03d/kustomization.yaml\ndata %d\n%s\n", service, len(content), content)
	}
	cmd := exec.CommandContext(b.Context(), "git", "-C", dir, "fast-import", "--quiet")
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	tip, err := exec.CommandContext(b.Context(), "git", "-C", dir, "rev-parse", "refs/import").Output()
	if err != nil {
		b.Fatal(err)
	}
	if err := repo.Push(b.Context(), "dev", strings.TrimSpace(string(tip))); err != nil {
		b.Fatal(err)
	}
	return server, repo, token
}
