package bump_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
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

// world is a server with one repository, acme/config, and a branch dev in it.
type world struct {
	server *githubtest.Server
	repo   *githubtest.Repository
	token  string
	start  string // the first commit of dev
	url    string // where the repository is; empty: where it says
	trace  func(format string, args ...any)
}

// newWorld has so many images on dev, ghcr.io/acme/app0 and so on, at 1.0.0.
func newWorld(t *testing.T, images int) *world {
	t.Helper()
	ctx := t.Context()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	repo, err := server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{server: server, repo: repo, token: server.CreateUser("release-bot")}
	repo.SetPermission("release-bot", githubtest.Write)
	var list strings.Builder
	for i := range images {
		fmt.Fprintf(&list, "  - name: ghcr.io/acme/app%d\n    newTag: 1.0.0\n", i)
	}
	w.start = w.commit(t, "base/kustomization.yaml", "images:\n"+list.String())
	t.Cleanup(func() { w.fsck(t) })
	return w
}

// fsck has Git check the server's repository.
func (w *world) fsck(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	dir, err := w.repo.Dir(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	if out, err := exec.CommandContext(ctx, "git", "-C", dir, "fsck", "--strict", "--full", "--no-dangling", "--no-progress").CombinedOutput(); err != nil {
		t.Errorf("git fsck of the server's repository: %v\n%s", err, out)
	}
}

func (w *world) commit(t *testing.T, name, content string) string {
	t.Helper()
	sha, err := w.repo.Commit(t.Context(), "dev", "By somebody", map[string]string{name: content})
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

// plan plans to set an image, for a job if it has a key.
func (w *world) plan(ctx context.Context, ref string, job bump.Job) (*bump.PushPlan, error) {
	remote, err := git.NewRemote(git.Options{URL: cmp.Or(w.url, w.repo.CloneURL()), Auth: git.Auth{Username: "x-access-token", Password: w.token}, Sleep: wait, Trace: w.trace})
	if err != nil {
		return nil, err
	}
	setting, err := image.ParseSetting(ref)
	if err != nil {
		return nil, err
	}
	return bump.PlanPush(ctx, bump.Target{Remote: remote, Branch: "dev", Given: true, Choose: func(cfg *config.Config) (config.Environment, bump.Request, error) {
		return cfg.Environments[0], bump.Request{Settings: []image.Setting{setting}, Job: job}, nil
	}})
}

func apply(ctx context.Context, plan *bump.PushPlan) (*bump.Outcome, error) {
	who := git.Signature{Name: "Release Bot", Email: "release-bot@example.com"}
	stamp := bump.Stamp{Author: who, Committer: who, Now: time.Now}
	return plan.Apply(ctx, stamp, bump.Pause{Sleep: wait, Random: rand.Float64})
}

func (w *world) bump(ctx context.Context, ref string, job bump.Job) (*bump.Outcome, error) {
	plan, err := w.plan(ctx, ref, job)
	if err != nil {
		return nil, err
	}
	return apply(ctx, plan)
}

// moves counts how often dev moved, and checks that it was never by force.
func (w *world) moves(t *testing.T) int {
	t.Helper()
	n := 0
	for _, update := range w.server.Log() {
		if update.Ref == "refs/heads/dev" && update.After != w.start {
			n++
		}
		if !update.FastForward && !update.Created() {
			t.Errorf("%s was moved by force", update.Ref)
		}
	}
	return n
}

// Jobs that push at the same time all land, each once, and none is lost (P4).
func TestNothingIsLostAmongOthers(t *testing.T) {
	t.Parallel()
	const jobs = 12
	w := newWorld(t, jobs)
	group, ctx := errgroup.WithContext(t.Context())
	for job := range jobs {
		group.Go(func() error {
			_, err := w.bump(ctx, fmt.Sprintf("ghcr.io/acme/app%d:1.0.1", job), bump.Job{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	content, _ := w.repo.File(t.Context(), "dev", "base/kustomization.yaml")
	if got := strings.Count(content, "newTag: 1.0.1"); got != jobs {
		t.Errorf("%d of %d versions are set:\n%s", got, jobs, content)
	}
	if moves := w.moves(t); moves != jobs {
		t.Errorf("dev moved %d times for %d jobs", moves, jobs)
	}
}

// The answer to a push is lost. pawl looks, and does the work once.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	push := githubtest.Fault{Method: "POST", Path: "/git-receive-pack"}
	for name, faults := range map[string][]githubtest.Fault{
		"before it had its effect":      {{Kind: githubtest.Reset}},
		"after it had its effect":       {{Kind: githubtest.Reset, After: true}},
		"a server error, before":        {{Kind: githubtest.BadGateway}},
		"a server error, after":         {{Kind: githubtest.BadGateway, After: true}},
		"cut short":                     {{Kind: githubtest.Truncated}},
		"a web page instead, after":     {{Kind: githubtest.HTML, After: true}},
		"twice, before":                 {{Kind: githubtest.Reset, Times: 2}},
		"unavailable, and then a reset": {{Kind: githubtest.Unavailable}, {Kind: githubtest.Reset, Skip: 1}},
		"too many requests, then after": {{Kind: githubtest.TooManyRequests}, {Kind: githubtest.Reset, After: true, Skip: 1}},
	} {
		for _, job := range []bump.Job{{}, {Key: "this job"}} {
			t.Run(fmt.Sprintf("%s, key %q", name, job.Key), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, 1)
				for _, fault := range faults {
					fault.Method, fault.Path = push.Method, push.Path
					w.server.Fail(fault)
				}
				outcome, err := w.bump(t.Context(), "ghcr.io/acme/app0:1.0.1", job)
				if err != nil {
					t.Fatal(err)
				}
				if outcome.Action != bump.ActionPush || outcome.Commit != w.repo.Head("dev") || outcome.Parent != w.start {
					t.Errorf("%s of %s on %s; dev is at %s", outcome.Action, outcome.Commit, outcome.Parent, w.repo.Head("dev"))
				}
				if moves := w.moves(t); moves != 1 {
					t.Errorf("dev moved %d times", moves)
				}
			})
		}
	}
}

// A server that loses every answer is given up on, and the work is still done once.
func TestEveryAnswerIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.server.Fail(githubtest.Fault{Kind: githubtest.Reset, Method: "POST", Path: "/git-receive-pack", Times: -1})
	_, err := w.bump(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{Key: "this job"})
	if !errors.Is(err, git.ErrTransient) {
		t.Fatalf("got %v, want a transient error", err)
	}
	w.server.Heal()
	if outcome, err := w.bump(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{Key: "this job"}); err != nil || outcome.Action != bump.ActionPush {
		t.Fatalf("got %v, %v", outcome, err)
	}
	if moves := w.moves(t); moves != 1 {
		t.Errorf("dev moved %d times", moves)
	}
}

// The answer is lost, the push was not, and somebody else is on top of it by now.
func TestOthersOnTopOfALostPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.trace = func(format string, args ...any) {
		// While pawl wonders about its push, the other one comes in.
		if strings.HasPrefix(fmt.Sprintf(format, args...), "POST /acme/config.git/git-receive-pack: ") && w.moves(t) == 1 {
			w.commit(t, "other.yaml", "by: them\n")
		}
	}
	plan, err := w.plan(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{})
	check(t, err)
	w.server.Fail(githubtest.Fault{Kind: githubtest.Reset, After: true, Method: "POST", Path: "/git-receive-pack"})
	outcome, err := apply(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Action != bump.ActionPush || outcome.Parent != w.start || outcome.Commit == w.repo.Head("dev") {
		t.Errorf("%s of %s on %s, dev at %s", outcome.Action, outcome.Commit, outcome.Parent, w.repo.Head("dev"))
	}
	if moves := w.moves(t); moves != 2 {
		t.Errorf("dev moved %d times", moves)
	}
}

// Others pushed first, and then the server is too busy to say where the branch is:
// that is no rule against the push.
func TestMovedAndUnreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	plan, err := w.plan(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{})
	check(t, err)
	w.commit(t, "other.yaml", "by: them\n")
	w.server.Fail(githubtest.Fault{Kind: githubtest.Unavailable, Method: "GET", Path: "/info/refs", Times: 3}) // all tries of one read
	outcome, err := apply(t.Context(), plan)
	check(t, err)
	if outcome.Action != bump.ActionPush || outcome.Attempts != 2 {
		t.Errorf("%s after %d attempts", outcome.Action, outcome.Attempts)
	}
}

// What was seen on the branch is gone: nothing is put on top, nothing is restored.
func TestRewrittenHistory(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		move func(t *testing.T, w *world, seen string)
		want string
	}{
		"rewound": {func(t *testing.T, w *world, _ string) {
			check(t, w.repo.ForcePush(t.Context(), "dev", w.start))
		}, "history of dev was rewritten meanwhile: it was at "},
		"rewound, and others on top": {func(t *testing.T, w *world, _ string) {
			check(t, w.repo.ForcePush(t.Context(), "dev", w.start))
			w.commit(t, "other.yaml", "by: them\n")
		}, "history of dev was rewritten meanwhile: it was at "},
		"deleted": {func(t *testing.T, w *world, _ string) {

			check(t, w.repo.DeleteBranch(t.Context(), "dev"))
		}, "dev was deleted meanwhile; it was at "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			seen := w.commit(t, "more.yaml", "a: 1\n")
			plan, err := w.plan(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{Key: "this job"})
			check(t, err)
			test.move(t, w, seen)
			head := w.repo.Head("dev")
			_, err = apply(t.Context(), plan)
			var refusal *bump.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), test.want+seen[:12]) || refusal.Fix == "" {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if now := w.repo.Head("dev"); now != head {
				t.Errorf("dev was at %q and is at %q", head, now)
			}
		})
	}
}

// Many commits of others in one go are no rewriting.
func TestFarAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	plan, err := w.plan(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{})
	check(t, err)
	for i := range 120 { // more than are fetched along
		w.commit(t, "other.yaml", fmt.Sprintf("n: %d\n", i))
	}
	outcome, err := apply(t.Context(), plan)
	check(t, err)
	if outcome.Action != bump.ActionPush || outcome.Attempts != 2 {
		t.Errorf("%s after %d attempts", outcome.Action, outcome.Attempts)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wait lets the others go first, without a clock: a job that lost gives way.
func wait(ctx context.Context, _ time.Duration) error {
	runtime.Gosched()
	return ctx.Err()
}

// Whatever goes wrong at whichever request: a bump that says it did its work did
// it, and after running it again until it says so, the branch has one commit of it.
func TestFaultsAtEveryRequest(t *testing.T) {
	t.Parallel()
	kinds := []githubtest.Fault{
		{Kind: githubtest.Reset}, {Kind: githubtest.Reset, After: true}, {Kind: githubtest.ServerError}, {Kind: githubtest.BadGateway, After: true},
		{Kind: githubtest.Truncated}, {Kind: githubtest.HTML}, {Kind: githubtest.HTML, After: true}, {Kind: githubtest.Unauthorized},
		{Kind: githubtest.Unauthorized, After: true}, {Kind: githubtest.SecondaryLimit}, {Kind: githubtest.TooManyRequests, After: true},
	}
	for request := 1; request <= 6; request++ { // more than a bump makes, for those that come with a retry
		for _, fault := range kinds {
			t.Run(fmt.Sprintf("%d %s after=%v", request, fault.Kind, fault.After), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, 1)
				fault.Request = request
				w.server.Fail(fault)
				job := bump.Job{Key: "this job"}
				for try := 1; ; try++ {
					outcome, err := w.bump(t.Context(), "ghcr.io/acme/app0:1.0.1", job)
					if err == nil {
						if content, _ := w.repo.File(t.Context(), "dev", "base/kustomization.yaml"); !strings.Contains(content, "newTag: 1.0.1") {
							t.Fatalf("it said %s, and nothing was done", outcome.Action)
						}
						break
					}
					if try == 3 {
						t.Fatalf("it failed three times: %v", err)
					}
				}
				if moves := w.moves(t); moves != 1 {
					t.Errorf("dev moved %d times", moves)
				}
			})
		}
	}
}

// A repository that has another name by now is found under the old one.
func TestRenamedRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.url = w.repo.CloneURL()
	check(t, w.repo.Rename("acme/deployments"))
	outcome, err := w.bump(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{})
	check(t, err)
	if outcome.Action != bump.ActionPush || w.moves(t) != 1 {
		t.Errorf("%s, and dev moved %d times", outcome.Action, w.moves(t))
	}
}

// A repository without a commit has nothing to bump, and says so.
func TestEmptyRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	empty, err := w.server.CreateRepository(t.Context(), "acme/empty", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	check(t, err)
	empty.SetPermission("release-bot", githubtest.Write)
	w.url = empty.CloneURL()
	var refusal *bump.Refusal
	if _, err := w.bump(t.Context(), "ghcr.io/acme/app0:1.0.1", bump.Job{}); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "the repository is empty") {
		t.Errorf("got %v", err)
	}
}
