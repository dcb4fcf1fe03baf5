package promotion_test

import (
	"context"
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

// largeHistory is a repository in which dev has so many commits, each of which sets
// one of so many images; staging follows every tenth, and production every
// hundredth.
func largeHistory(tb testing.TB, commits, images int) (*githubtest.Server, func() promotion.Source) {
	tb.Helper()
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			tb.Helper()
			tb.Fatal(err)
		}
	}
	server, err := githubtest.New(githubtest.Options{})
	check(err)
	tb.Cleanup(server.Close)
	token := server.CreateUser("release-bot")
	repo, err := server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	check(err)
	repo.SetPermission("release-bot", githubtest.Write)
	tags := make([]int, images)
	const inOne = 10 // images in one file
	file := func(n int) (string, string) {
		var b strings.Builder
		b.WriteString("images:\n")
		for i := n * inOne; i < min(images, (n+1)*inOne); i++ {
			fmt.Fprintf(&b, "  - name: ghcr.io/acme/app%03d\n    newTag: 1.0.%d\n", i, tags[i])
		}
		return fmt.Sprintf("base/team%03d/kustomization.yaml", n), b.String()
	}
	first := map[string]string{".pawl.yaml": "version: 1\nenvironments: [{name: dev, branch: dev}, {name: staging, branch: staging}, {name: production, branch: production}]\n"}
	for n := range images / inOne {
		name, content := file(n)
		first[name] = content
	}
	sha, err := repo.Commit(ctx, "dev", "Start", first)
	check(err)
	check(repo.Branch(ctx, "staging", sha))
	check(repo.Branch(ctx, "production", sha))
	for i := 1; i < commits; i++ {
		image := i * 7 % images
		tags[image] = i
		name, content := file(image / inOne)
		sha, err = repo.Commit(ctx, "dev", fmt.Sprintf("Bump app%03d to 1.0.%d", image, i), map[string]string{name: content})
		check(err)
		if i%10 == 0 {
			check(repo.Push(ctx, "staging", sha))
		}
		if i%100 == 0 {
			check(repo.Push(ctx, "production", sha))
		}
	}
	// What follows measures pawl, not a server with thousands of loose objects.
	dir, err := repo.Dir(ctx)
	check(err)
	check(exec.CommandContext(ctx, "git", "-C", dir, "repack", "-a", "-d", "-q").Run())
	return server, func() promotion.Source {
		client, err := github.New(github.Options{APIURL: server.APIURL(), Owner: "acme", Name: "config", Token: token})
		check(err)
		remote, err := git.NewRemote(git.Options{URL: server.URL() + "/acme/config.git", Auth: git.Auth{Username: "x", Password: token}})
		check(err)
		return promotion.Source{Name: "acme/config", Forge: client, Git: remote}
	}
}

// questions are the commands that read a history, with the answer on a terminal.
func questions() map[string]func(context.Context, promotion.Source) error {
	show := func(result output.Result, err error) error {
		if err != nil {
			return err
		}
		return output.Write(io.Discard, output.Text, result, output.Style{})
	}
	return map[string]func(context.Context, promotion.Source) error{
		"diff": func(ctx context.Context, s promotion.Source) error {
			return show(promotion.Diff(ctx, s, promotion.DiffOptions{From: "dev", To: "production"}))
		},
		"history": func(ctx context.Context, s promotion.Source) error {
			return show(promotion.History(ctx, s, promotion.HistoryOptions{Environment: "staging", Limit: 20}))
		},
		"history of an image": func(ctx context.Context, s promotion.Source) error {
			return show(promotion.History(ctx, s, promotion.HistoryOptions{Environment: "staging", Limit: 20, Image: "app007"}))
		},
		"trace an image": func(ctx context.Context, s promotion.Source) error {
			return show(promotion.Trace(ctx, s, promotion.TraceOptions{What: "app007"}))
		},
		"trace a commit": func(ctx context.Context, s promotion.Source) error {
			head, err := s.Forge.Branch(ctx, "staging")
			if err != nil {
				return err
			}
			return show(promotion.Trace(ctx, s, promotion.TraceOptions{What: head[:12]}))
		},
	}
}

// maxRequests is how many requests one question may take, however long the history.
const maxRequests = 30

func TestQuestionsTakeFewRequests(t *testing.T) {
	t.Parallel()
	server, source := largeHistory(t, 250, 30)
	for name, ask := range questions() {
		before := len(server.Requests())
		if err := ask(t.Context(), source()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(server.Requests()) - before; n > maxRequests {
			t.Errorf("%s takes %d requests, more than %d", name, n, maxRequests)
		}
	}
}

// The goal is 2 seconds and 30 requests for 10,000 commits and 300 images.
func BenchmarkLargeHistory(b *testing.B) {
	server, source := largeHistory(b, 10_000, 300)
	for name, ask := range questions() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			requests := 0
			for b.Loop() {
				before := len(server.Requests())
				if err := ask(b.Context(), source()); err != nil {
					b.Fatal(err)
				}
				requests = len(server.Requests()) - before
			}
			b.ReportMetric(float64(requests), "requests/op")
		})
	}
}
