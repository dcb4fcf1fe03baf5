package bump_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// Jobs that push at the same time all land, each once, and none is lost (P4).
func TestNothingIsLostAmongOthers(t *testing.T) {
	t.Parallel()
	const jobs = 12
	ctx := t.Context()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	repo, err := server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	token := server.CreateUser("release-bot")
	repo.SetPermission("release-bot", githubtest.Write)
	var images strings.Builder
	for job := range jobs {
		fmt.Fprintf(&images, "  - name: ghcr.io/acme/app%d\n    newTag: 1.0.0\n", job)
	}
	start, err := repo.Commit(ctx, "dev", "Start", map[string]string{"base/kustomization.yaml": "images:\n" + images.String()})
	if err != nil {
		t.Fatal(err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for job := range jobs {
		group.Go(func() error { return push(ctx, repo.CloneURL(), token, fmt.Sprintf("ghcr.io/acme/app%d:1.0.1", job)) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	content, _ := repo.File(t.Context(), "dev", "base/kustomization.yaml")
	if got := strings.Count(content, "newTag: 1.0.1"); got != jobs {
		t.Errorf("%d of %d versions are set:\n%s", got, jobs, content)
	}
	moves := 0
	for _, update := range server.Log() {
		if update.Ref == "refs/heads/dev" && update.After != start {
			moves++
		}
		if !update.FastForward {
			t.Errorf("%s was moved by force", update.Ref)
		}
	}
	if moves != jobs {
		t.Errorf("dev moved %d times for %d jobs", moves, jobs)
	}
}

func push(ctx context.Context, url, token, ref string) error {
	remote, err := git.NewRemote(git.Options{URL: url, Auth: git.Auth{Username: "x-access-token", Password: token}})
	if err != nil {
		return err
	}
	setting, err := image.ParseSetting(ref)
	if err != nil {
		return err
	}
	plan, err := bump.PlanPush(ctx, bump.Target{Remote: remote, Branch: "dev", Given: true, Choose: func(cfg *config.Config) (config.Environment, bump.Request, error) {
		return cfg.Environments[0], bump.Request{Settings: []image.Setting{setting}}, nil
	}})
	if err != nil {
		return err
	}
	who := git.Signature{Name: "Release Bot", Email: "release-bot@example.com"}
	stamp := bump.Stamp{Author: who, Committer: who, Now: time.Now}
	_, err = plan.Apply(ctx, stamp, bump.Pause{Sleep: wait, Random: rand.Float64})
	return err
}

// wait lets the others go first, without a clock: a job that lost gives way.
func wait(ctx context.Context, _ time.Duration) error {
	runtime.Gosched()
	return ctx.Err()
}
