package promotion_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/promotion"
)

const policy = `version: 1
environments:
  - {name: dev, branch: dev}
  - {name: staging, branch: staging, gates: {checks: [ci/test], approvals: 1,
      freeze: [{from: 2026-02-01T00:00:00Z, to: 2026-03-01T00:00:00Z}]}}
`

// stage is a repository with an open promotion into staging that may land.
type stage struct {
	server *githubtest.Server
	repo   *githubtest.Repository
	source promotion.Source
	number int
	sha    string // what the promotion would land
	before string // where staging is
	token  string // of the release bot

	mu   sync.Mutex
	hook func(*http.Request) // called before each request goes out
}

// overGit is the path of requests of the Git protocol, as the hook sees them.
const overGit = "/git"

func (s *stage) seen(request *http.Request) {
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(request)
	}
}

func (s *stage) RoundTrip(request *http.Request) (*http.Response, error) {
	s.seen(request)
	return http.DefaultTransport.RoundTrip(request)
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageOn(t, githubtest.Options{})
}

func newStageOn(t *testing.T, options githubtest.Options) *stage {
	t.Helper()
	ctx := t.Context()
	options.Observe = contract.Record()
	server, err := githubtest.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &stage{server: server}
	token := server.CreateUser("release-bot")
	if s.repo, err = server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"}); err != nil {
		t.Fatal(err)
	}
	s.repo.SetPermission("release-bot", githubtest.Write)
	s.before = s.commit(t, "dev", "1.0.0")
	must(t, s.repo.Branch(ctx, "staging", s.before))
	s.sha = s.commit(t, "dev", "1.0.1")
	s.token = token
	s.connect(t, token)
	plan, err := promotion.PlanPromote(ctx, s.source, promotion.PromoteOptions{Environment: "staging"})
	must(t, err)
	must(t, plan.Apply(ctx))
	s.number = plan.Promotions[0].Number
	must(t, s.repo.SetStatus(ctx, s.sha, "ci/test", "success"))
	must(t, s.repo.Approve(ctx, s.number, "octocat"))
	return s
}

// connect makes the client whose requests the hook sees.
func (s *stage) connect(t testing.TB, token string) {
	t.Helper()
	noWait := func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	client, err := github.New(github.Options{APIURL: s.server.APIURL(), Owner: "acme", Name: "config", Token: token, Transport: s, Sleep: noWait})
	must(t, err)
	remote, err := git.NewRemote(git.Options{URL: s.repo.CloneURL(), Credential: func(context.Context) (git.Auth, error) {
		s.seen(&http.Request{URL: &url.URL{Path: overGit}})
		return git.Auth{Username: "x", Password: token}, nil
	}})
	must(t, err)
	s.source = promotion.Source{Name: "acme/config", Forge: client, Git: remote, Sleep: noWait}
}

func (s *stage) commit(t *testing.T, branch, version string) string {
	t.Helper()
	sha, err := s.repo.Commit(t.Context(), branch, "Bump to "+version, map[string]string{
		".pawl.yaml":              policy,
		"base/kustomization.yaml": "images:\n  - name: ghcr.io/acme/api\n    newTag: " + version + "\n",
	})
	must(t, err)
	return sha
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// merge plans and applies.
func (s *stage) merge(ctx context.Context) (*promotion.MergePlan, error) {
	plan, err := promotion.PlanMerge(ctx, s.source, promotion.MergeOptions{Environment: "staging"})
	if err != nil {
		return plan, err
	}
	return plan, plan.Apply(ctx)
}

// interference is what somebody else does in the middle of a merge. Reads is a
// part of the path of the requests by which the merge would learn of it; empty:
// the move itself does.
type interference struct {
	name  string
	reads string
	do    func(*stage, *testing.T)
}

// anything is any request: each answer tells the time.
const anything = "*"

func interferences() []interference {
	return []interference{
		{"a commit on staging", "", func(s *stage, t *testing.T) { s.commit(t, "staging", "9.9.9") }},
		{"a commit on dev", "", func(s *stage, t *testing.T) { s.commit(t, "dev", "1.0.2") }},
		{"a status that flips", "/statuses", func(s *stage, t *testing.T) { must(t, s.repo.SetStatus(t.Context(), s.sha, "ci/test", "failure")) }},
		{"a status that is run again", "/statuses", func(s *stage, t *testing.T) { must(t, s.repo.SetStatus(t.Context(), s.sha, "ci/test", "pending")) }},
		{"a check run of the same name", "/check-runs", func(s *stage, t *testing.T) {
			must(t, s.repo.AddCheckRun(t.Context(), s.sha, githubtest.CheckRun{Name: "ci/test", Conclusion: "failure"}))
		}},
		{"a dismissed approval", "/reviews", func(s *stage, t *testing.T) { must(t, s.repo.DismissReviews(t.Context(), s.number, "octocat")) }},
		{"changes requested", "/reviews", func(s *stage, t *testing.T) {
			if s.repo.Head("staging") == s.before { // GitHub takes no review of a merged pull request
				must(t, s.repo.RequestChanges(t.Context(), s.number, "octocat"))
			}
		}},
		{"the promotion closed", "/pulls/1", func(s *stage, t *testing.T) { must(t, s.repo.ClosePullRequest(t.Context(), s.number)) }},
		{"the promotion a draft", "/pulls/1", func(s *stage, t *testing.T) { must(t, s.repo.SetDraft(t.Context(), s.number, true)) }},
		{"the promotion retargeted", "/pulls/1", func(s *stage, t *testing.T) {
			if s.repo.Head("staging") == s.before {
				must(t, s.repo.Branch(t.Context(), "elsewhere", s.before))
				must(t, s.repo.Retarget(t.Context(), s.number, "elsewhere"))
			}
		}},
		{"the head moved", "/pulls/1", func(s *stage, t *testing.T) {
			pr, err := s.repo.PullRequest(t.Context(), s.number)
			must(t, err)
			s.commit(t, pr.Head, "6.6.6")
		}},
		{"the version rolled back on dev", overGit, func(s *stage, t *testing.T) {
			s.say(t, "dev", "Back\n\nRollback-Of: ghcr.io/acme/api:1.0.1\n")
		}},
		{"an approver who may write no more", "/permission", func(s *stage, _ *testing.T) { s.repo.SetPermission("octocat", githubtest.Read) }},
		{"a freeze that starts", anything, func(s *stage, _ *testing.T) { s.server.Advance(30 * 24 * time.Hour) }},
		{"the merge button", "", func(s *stage, t *testing.T) {
			if s.repo.Head("staging") == s.before {
				_, err := s.repo.PressMerge(t.Context(), s.number, githubtest.SquashButton)
				must(t, err)
			}
		}},
	}
}

// Whatever others do between any two requests of a merge: either exactly the
// reviewed commit lands, and everything that speaks for it was so when it was last
// read, or staging stays where the others left it (P1, P2).
func TestNothingElseLands(t *testing.T) {
	t.Parallel()
	for _, each := range interferences() {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			for n := first(each); ; n += stride() {
				if done := interfereAt(t, n, each); done {
					if n < 5 {
						t.Errorf("a merge made %d requests only: the hook does not see them", n)
					}
					return
				}
			}
		})
	}
}

// stride is how many requests are passed over from one interference to the next: none
// with PAWL_FULL=1.
func stride() int {
	if os.Getenv("PAWL_FULL") != "" {
		return 1
	}
	return 5
}

// first is the request to begin with, which differs, so that each has its turn.
func first(each interference) int { return 1 + len(each.name)%stride() }

// interfereAt runs a merge with the interference just before its n-th request. It
// reports true when the merge makes fewer requests than that.
func interfereAt(t *testing.T, n int, each interference) bool {
	t.Helper()
	s := newStage(t)
	count, updated := 0, false
	lastRead, move := 0, 0 // which request read last what was interfered with, and which moved the branch
	s.mu.Lock()
	s.hook = func(request *http.Request) {
		count++
		if count == n {
			each.do(s, t)
			updated = s.repo.Head("staging") != s.before
		}
		switch {
		case move == 0 && strings.HasSuffix(request.URL.Path, "/graphql"):
			move = count
		case move == 0 && each.reads != "" && (each.reads == anything || strings.HasSuffix(request.URL.Path, each.reads)):
			lastRead = count
		}
	}
	s.mu.Unlock()
	plan, err := s.merge(t.Context())
	head := s.repo.Head("staging")
	switch {
	case head == s.sha && each.reads != "" && n <= lastRead:
		t.Errorf("before request %d: it landed, although request %d read that it must not", n, lastRead)
	case head == s.sha: // landed, and nothing but that
	case updated: // the others' commit is there, ours is not
	case head != s.before:
		t.Errorf("before request %d: staging is at %s, which is neither what it was nor what was reviewed", n, head)
	case err == nil && plan.Reason == "":
		t.Errorf("before request %d: nothing landed and nobody was told", n)
	}
	if each.reads != "" && head == s.sha && lastRead == 0 {
		t.Errorf("before request %d: a merge never reads %s", n, each.reads)
	}
	for _, update := range s.server.Log() {
		if !update.FastForward && !update.Deleted() {
			t.Errorf("before request %d: %s was moved by force", n, update.Ref)
		}
	}
	return count < n
}

func TestMovedBaseIsReportedAsSuch(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.hook = func(request *http.Request) {
		if strings.HasSuffix(request.URL.Path, "/graphql") {
			s.hook = nil
			s.commit(t, "staging", "9.9.9")
		}
	}
	_, err := s.merge(t.Context())
	var blocked *promotion.Blocked
	if !errors.As(err, &blocked) || blocked.State != gate.Pending {
		t.Fatalf("got %v, want a merge that can be tried again", err)
	}
}

// A pull request that GitHub does not notice as merged is closed with a comment.
func TestUnnoticedMergeIsClosed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	// A pull request whose base is another branch than the one that moves stays
	// open, like one that GitHub forgot.
	must(t, s.repo.Branch(t.Context(), "elsewhere", s.before))
	s.hook = func(request *http.Request) {
		if strings.HasSuffix(request.URL.Path, "/graphql") {
			s.hook = nil
			must(t, s.repo.Retarget(t.Context(), s.number, "elsewhere"))
		}
	}
	plan, err := s.merge(t.Context())
	must(t, err)
	if head := s.repo.Head("staging"); head != s.sha {
		t.Fatalf("staging is at %s", head)
	}
	pr, err := s.repo.PullRequest(t.Context(), s.number)
	must(t, err)
	if pr.Open || pr.Merged || len(pr.Comments) != 1 || len(plan.Notes) == 0 {
		t.Errorf("open %v, merged %v, comments %v, notes %v", pr.Open, pr.Merged, pr.Comments, plan.Notes)
	}
}

// What changes after the gates were evaluated and before the branch moves still
// counts: volatile facts are read again last.
func TestVolatileFactsAreReadAgain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*stage, *testing.T){
		"check":  func(s *stage, t *testing.T) { must(t, s.repo.SetStatus(t.Context(), s.sha, "ci/test", "failure")) },
		"review": func(s *stage, t *testing.T) { must(t, s.repo.DismissReviews(t.Context(), s.number, "octocat")) },
		"draft":  func(s *stage, t *testing.T) { must(t, s.repo.SetDraft(t.Context(), s.number, true)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			plan, err := promotion.PlanMerge(t.Context(), s.source, promotion.MergeOptions{Environment: "staging"})
			must(t, err)
			change(s, t)
			if err := plan.Apply(t.Context()); err == nil {
				t.Error("the merge succeeded")
			}
			if head := s.repo.Head("staging"); head != s.before {
				t.Errorf("staging moved to %s", head)
			}
		})
	}
}

// A pull request from an environment's own branch that GitHub has not noticed as
// merged yet is no promotion: nothing of it is tidied away.
func TestForeignHeadIsNeverDeleted(t *testing.T) {
	t.Parallel()
	s := newStageOn(t, githubtest.Options{MergeDelay: time.Hour})
	pr, err := s.repo.OpenPullRequest(t.Context(), githubtest.NewPullRequest{Title: "By hand", Head: "dev", Base: "staging"})
	must(t, err)
	must(t, s.repo.Push(t.Context(), "staging", s.sha))
	plan, err := promotion.PlanMerge(t.Context(), s.source, promotion.MergeOptions{Number: pr.Number})
	if err == nil {
		err = plan.Apply(t.Context())
	}
	if err == nil {
		t.Error("a pull request that is no promotion was merged")
	}
	if s.repo.Head("dev") != s.sha {
		t.Error("the branch dev is gone")
	}
}

// An interrupted merge is completed by the next run.
func TestInterruptedMergeIsCompleted(t *testing.T) {
	t.Parallel()
	s := newStageOn(t, githubtest.Options{MergeReads: 3})
	must(t, s.repo.Push(t.Context(), "staging", s.sha)) // the move happened; nothing after it did
	plan, err := promotion.PlanMerge(t.Context(), s.source, promotion.MergeOptions{Number: s.number})
	must(t, err)
	must(t, plan.Apply(t.Context()))
	pr, err := s.repo.PullRequest(t.Context(), s.number)
	must(t, err)
	if !pr.Merged || s.repo.Head(pr.Head) != "" {
		t.Errorf("merged %v, the promotion branch is at %q", pr.Merged, s.repo.Head(pr.Head))
	}
}
