package github_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

// place is a GitHub with the repository acme/config: branches dev (ahead) and
// staging, and people.
type place struct {
	server     *githubtest.Server
	repository *githubtest.Repository
	token      string // of pawl, who may write
	base, head string // staging and dev
}

func newPlace(t *testing.T, opts githubtest.Options) *place {
	t.Helper()
	opts.Observe = contract.Record()
	server, err := githubtest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	ctx := t.Context()
	repository, err := server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev", Creator: "octocat"})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{server: server, repository: repository, token: server.CreateUser("pawl")}
	repository.SetPermission("pawl", githubtest.Write)
	repository.SetPermission("bob", githubtest.Maintain)
	p.base = p.commit(t, "dev", "one")
	must(t, repository.Branch(ctx, "staging", p.base))
	p.head = p.commit(t, "dev", "two")
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *place) commit(t *testing.T, branch, text string) string {
	t.Helper()
	p.server.Advance(time.Minute)
	sha, err := p.repository.Commit(t.Context(), branch, text, map[string]string{".pawl.yaml": text + "\n", "dir/a..b #%.yaml": text})
	must(t, err)
	return sha
}

// client sleeps by moving the server's clock.
func (p *place) client(t *testing.T, change ...func(*github.Options)) *github.Client {
	t.Helper()
	opts := github.Options{
		APIURL: p.server.APIURL(), Owner: "acme", Name: "config", Token: p.token, Timeout: 10 * time.Second,
		Random: func() float64 { return 0.1 },
		Sleep: func(ctx context.Context, d time.Duration) error {
			p.server.Advance(d.Round(time.Second))
			return ctx.Err()
		},
	}
	for _, f := range change {
		f(&opts)
	}
	c, err := github.New(opts)
	must(t, err)
	return c
}

func TestReads(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	c, ctx := p.client(t), t.Context()

	repository, err := c.Repository(ctx)
	want := forge.Repository{ID: p.repository.NodeID(), Name: "acme/config", DefaultBranch: "dev", CloneURL: p.repository.CloneURL(), WebURL: p.server.URL() + "/acme/config"}
	if diff := cmp.Diff(want, repository); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if sha, err := c.Branch(ctx, "dev"); sha != p.head || err != nil {
		t.Errorf("dev is at %s, %v", sha, err)
	}
	if _, err := c.Branch(ctx, "de"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a part of a name: %v", err)
	}
	if data, err := c.File(ctx, ".pawl.yaml", ""); string(data) != "two\n" || err != nil {
		t.Errorf("at the default branch: %q, %v", data, err)
	}
	if _, err := c.File(ctx, "missing.yaml", ""); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("missing at the default branch: %v", err)
	}
	for path, sha := range map[string]string{".pawl.yaml": p.base, "dir/a..b #%.yaml": p.head} {
		text := map[string]string{p.base: "one\n", p.head: "two"}[sha]
		if data, err := c.File(ctx, path, sha); string(data) != text || err != nil {
			t.Errorf("%s: %q, %v", path, data, err)
		}
	}
	if _, err := c.File(ctx, "missing.yaml", p.base); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := c.File(ctx, "dir", p.base); err == nil || errors.Is(err, forge.ErrNotFound) {
		t.Errorf("directory: %v", err)
	}
	if _, err := c.File(ctx, "x", strings.Repeat("1", 40)); err == nil || errors.Is(err, forge.ErrNotFound) || !strings.Contains(err.Error(), "has no such commit") {
		t.Errorf("missing commit: %v", err)
	}
	if !c.Now().Equal(p.server.Now()) {
		t.Errorf("now is %s, want %s", c.Now(), p.server.Now())
	}
}

func TestComparisons(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	c, ctx := p.client(t), t.Context()
	side := p.commit(t, "staging", "side")
	for _, tt := range []struct {
		base, head string
		relation   forge.Relation
		ahead      int
		behind     int
	}{
		{p.base, p.head, forge.Ahead, 1, 0}, {p.head, p.base, forge.Behind, 0, 1}, {"dev", "dev", forge.Identical, 0, 0},
		{"staging", "dev", forge.Diverged, 1, 1}, {side, "dev", forge.Diverged, 1, 1},
	} {
		got, err := c.Compare(ctx, tt.base, tt.head, 10)
		if err != nil || got.Relation != tt.relation || got.AheadBy != tt.ahead || got.BehindBy != tt.behind || len(got.Commits) != tt.ahead {
			t.Errorf("%+v: got %+v, %v", tt, got, err)
		}
	}
	for range 120 {
		p.commit(t, "dev", "more")
	}
	got, err := c.Compare(ctx, p.base, "dev", 3)
	if err != nil || got.AheadBy != 121 || len(got.Commits) != 3 || got.Commits[2].SHA != p.repository.Head("dev") || got.Commits[0].Parents == nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestPromotionAndMerge is the whole way of a commit, every step twice, within
// the budgets for requests.
func TestPromotionAndMerge(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]githubtest.Options{
		"github.com": {}, "old server": {NoUpdateRefs: true}, "slow": {MergeReads: 2, HeadReads: 1, ListDelay: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, opts)
			number := promote(t, p)
			merge(t, p, number)
		})
	}
}

func promote(t *testing.T, p *place) int {
	t.Helper()
	c, ctx, before := p.client(t), t.Context(), len(p.server.Requests())
	head := "pawl/staging/" + p.head[:12]
	draft := forge.NewPullRequest{Title: "Promote", Body: "body", Head: head, Base: "staging"}
	must(t, c.CreateBranch(ctx, head, p.head))
	pull, err := c.CreatePullRequest(ctx, draft)
	must(t, err)
	must(t, c.AddLabels(ctx, pull.Number, []string{"promotion"}))
	must(t, c.RequestReviews(ctx, pull.Number, []string{"bob"}))
	must(t, c.Comment(ctx, pull.Number, "hello/1", "hello"))
	if n := len(p.server.Requests()) - before; n > 6 {
		t.Errorf("the writes of a promotion took %d requests", n)
	}

	// Again, as another process.
	c = p.client(t)
	must(t, c.CreateBranch(ctx, head, p.head))
	again, err := c.CreatePullRequest(ctx, draft)
	if !errors.Is(err, forge.ErrExists) || again.Number != pull.Number {
		t.Errorf("again: #%d, %v", again.Number, err)
	}
	must(t, c.Comment(ctx, pull.Number, "hello/1", "hello again"))
	must(t, c.EditPullRequest(ctx, pull.Number, "Promote it", "new body"))
	state, err := p.repository.PullRequest(ctx, pull.Number)
	must(t, err)
	if len(p.repository.PullRequests(ctx)) != 1 || len(state.Comments) != 1 || state.Comments[0].Body != "<!-- pawl:hello/1 -->\nhello" {
		t.Errorf("got %+v", state)
	}
	if state.Title != "Promote it" || state.Body != "new body" || fmt.Sprint(state.Labels, state.Reviewers) != "[promotion] [bob]" {
		t.Errorf("got %+v", state)
	}
	if err := c.CreateBranch(ctx, head, p.base); !errors.Is(err, forge.ErrExists) {
		t.Errorf("the same name at another commit: %v", err)
	}
	return pull.Number
}

func merge(t *testing.T, p *place, number int) {
	t.Helper()
	ctx := t.Context()
	must(t, p.repository.SetStatus(ctx, p.head, "flux/dev", "pending"))
	p.server.Advance(time.Minute)
	must(t, p.repository.SetStatus(ctx, p.head, "flux/dev", "success"))
	must(t, p.repository.AddCheckRun(ctx, p.head, githubtest.CheckRun{Name: "build"}))
	must(t, p.repository.Approve(ctx, number, "bob"))
	before := len(p.server.Requests())
	c := p.client(t)
	pull, err := c.PullRequest(ctx, number)
	if err != nil || pull.HeadSHA != p.head || pull.State != forge.Open || pull.Author != "pawl" {
		t.Fatalf("got %+v, %v", pull, err)
	}
	statuses, err := c.Statuses(ctx, p.head)
	if err != nil || len(statuses) != 1 || statuses[0].State != "success" {
		t.Errorf("got %+v, %v", statuses, err)
	}
	runs, err := c.CheckRuns(ctx, p.head)
	if err != nil || len(runs) != 1 || runs[0].Conclusion != "success" {
		t.Errorf("got %+v, %v", runs, err)
	}
	reviews, err := c.Reviews(ctx, number)
	if err != nil || len(reviews) != 1 || reviews[0].Author != "bob" || reviews[0].State != forge.Approved || reviews[0].SHA != p.head {
		t.Errorf("got %+v, %v", reviews, err)
	}
	if permission, err := c.Permission(ctx, "bob"); permission != forge.PermissionMaintain || err != nil {
		t.Errorf("got %s, %v", permission, err)
	}
	must(t, c.SetStatus(ctx, p.head, forge.Status{Context: "pawl/staging", State: "success"}))
	must(t, c.FastForward(ctx, "staging", p.base, p.head))
	for pull.State != forge.Merged {
		pull, err = c.PullRequest(ctx, number)
		must(t, err)
	}
	must(t, c.DeleteBranch(ctx, pull.Head, p.head))
	if n := len(p.server.Requests()) - before; n > 18 {
		t.Errorf("the merge took %d requests", n)
	}

	// Again: nothing moves.
	log := len(p.server.Log())
	must(t, c.FastForward(ctx, "staging", p.base, p.head))
	must(t, c.DeleteBranch(ctx, pull.Head, p.head))
	if len(p.server.Log()) != log {
		t.Errorf("a second run moved something: %+v", p.server.Log()[log:])
	}
	moves, err := c.Activity(ctx, "staging", 1)
	if err != nil || len(moves) != 1 || moves[0].Before != p.base || moves[0].After != p.head || moves[0].Actor != "pawl" {
		t.Errorf("got %+v, %v", moves, err)
	}
	forwardOnly(t, p.server)
}

// forwardOnly is P1, from the server's own log.
func forwardOnly(t *testing.T, server *githubtest.Server) {
	t.Helper()
	for _, u := range server.Log() {
		if u.Forced || !u.FastForward && !u.Deleted() {
			t.Errorf("not a fast-forward: %+v", u)
		}
	}
}

func TestFastForwardRefusals(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprint("old server ", old), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, githubtest.Options{NoUpdateRefs: old})
			c, ctx := p.client(t), t.Context()
			must(t, p.repository.Branch(ctx, "side", p.base))
			side := p.commit(t, "side", "side")
			must(t, p.repository.ForcePush(ctx, "side", p.base))
			if err := c.FastForward(ctx, "side", p.base, side); err != nil {
				t.Errorf("a commit that descends: %v", err)
			}
			log := len(p.server.Log())
			for name, tt := range map[string]struct {
				branch, old, sha string
				want             error
			}{
				"back":           {"dev", p.head, p.base, forge.ErrNotFastForward},
				"aside":          {"dev", p.head, side, forge.ErrNotFastForward},
				"moved":          {"dev", p.base, side, forge.ErrMoved},
				"gone":           {"gone", p.base, p.head, forge.ErrMoved},
				"unknown commit": {"dev", p.head, strings.Repeat("1", 40), forge.ErrNotFound},
			} {
				if err := c.FastForward(ctx, tt.branch, tt.old, tt.sha); !errors.Is(err, tt.want) {
					t.Errorf("%s: got %v", name, err)
				}
			}
			p.repository.Protect("staging", githubtest.Rules{RequireApprovals: 2, RequireChecks: []string{"ci"}})
			var refused *forge.RefusedError
			if err := c.FastForward(ctx, "staging", p.base, p.head); !errors.As(err, &refused) || len(refused.Reasons) < 2 {
				t.Errorf("protected: got %v", err)
			} else if refused.What != "updating refs/heads/staging of acme/config" || strings.Contains(strings.Join(refused.Reasons, ""), "\n") {
				t.Errorf("protected: got %+v", refused)
			}
			if moved := p.server.Log()[log:]; len(moved) != 0 {
				t.Errorf("something moved: %+v", moved)
			}
		})
	}
}

// TestFastForwardRace: of many moves from one commit, one is made.
func TestFastForwardRace(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprint("old server ", old), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, githubtest.Options{NoUpdateRefs: old})
			const runners = 8
			var shas []string
			for i := range runners {
				branch := fmt.Sprint("topic", i)
				must(t, p.repository.Branch(t.Context(), branch, p.head))
				shas = append(shas, p.commit(t, branch, branch))
			}
			c := p.client(t)
			errs := make([]error, runners)
			var group sync.WaitGroup
			for i, sha := range shas {
				group.Go(func() { errs[i] = c.FastForward(t.Context(), "dev", p.head, sha) })
			}
			group.Wait()
			won := 0
			for i, err := range errs {
				switch {
				case err == nil && p.repository.Head("dev") == shas[i]:
					won++
				case !errors.Is(err, forge.ErrMoved):
					t.Errorf("got %v", err)
				}
			}
			if won != 1 {
				t.Errorf("%d moves were made", won)
			}
			forwardOnly(t, p.server)
		})
	}
}

func TestDeleteBranchLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		p := newPlace(t, githubtest.Options{NoUpdateRefs: old})
		c, ctx := p.client(t), t.Context()
		if err := c.DeleteBranch(ctx, "staging", p.head); !errors.Is(err, forge.ErrMoved) || p.repository.Head("staging") != p.base {
			t.Errorf("moved: got %v", err)
		}
		must(t, c.DeleteBranch(ctx, "staging", p.base))
		must(t, c.DeleteBranch(ctx, "staging", p.base))
		if p.repository.Head("staging") != "" {
			t.Error("the branch is still there")
		}
		p.repository.Protect("dev", githubtest.Rules{BlockDeletion: true})
		var refused *forge.RefusedError
		if err := c.DeleteBranch(ctx, "dev", p.head); !errors.As(err, &refused) {
			t.Errorf("protected: got %v", err)
		}
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	ctx := t.Context()
	p.repository.SetPermission("reader", githubtest.Read)
	revoked := p.server.CreateUser("pawl")
	p.server.RevokeToken(revoked)
	narrow, err := p.server.CreateToken("pawl", githubtest.TokenOptions{Permissions: githubtest.Permissions{"contents": "read", "pull_requests": "read"}})
	must(t, err)
	// The last one may move the branch, after which there is nothing left to refuse.
	for _, tt := range []struct{ name, token string }{
		{"none", ""}, {"revoked", revoked}, {"stranger", p.server.CreateUser("stranger")}, {"reader", p.server.CreateUser("reader")}, {"narrow", narrow},
		{"actions", p.repository.ActionsToken(githubtest.Permissions{"contents": "write", "pull_requests": "write"})},
	} {
		name, token := tt.name, tt.token
		c := p.client(t, func(o *github.Options) { o.Token = token })
		reads := name == "reader" || name == "narrow" || name == "actions"
		if _, err := c.Branch(ctx, "dev"); (err == nil) != reads || !reads && !errors.Is(err, forge.ErrAccess) {
			t.Errorf("%s reads a branch: %v", name, err)
		}
		if _, err := c.File(ctx, "missing", p.head); errors.Is(err, forge.ErrNotFound) != reads {
			t.Errorf("%s reads a missing file: %v", name, err)
		}
		if _, err := c.Branch(ctx, "missing"); errors.Is(err, forge.ErrNotFound) != reads {
			t.Errorf("%s reads a missing branch: %v", name, err)
		}
		if err := c.FastForward(ctx, "staging", p.base, p.head); name != "actions" && !errors.Is(err, forge.ErrAccess) {
			t.Errorf("%s moves a branch: %v", name, err)
		}
		if err := c.CreateBranch(ctx, "x", p.head); name != "actions" && !errors.Is(err, forge.ErrAccess) {
			t.Errorf("%s creates a branch: %v", name, err)
		}
		_, err := c.CreatePullRequest(ctx, forge.NewPullRequest{Title: "t", Head: "dev", Base: "staging"})
		if name != "reader" && !errors.Is(err, forge.ErrAccess) {
			t.Errorf("%s opens a pull request: %v", name, err)
		}
		if name == "actions" && !strings.Contains(err.Error(), "Allow GitHub Actions to create and approve pull requests") {
			t.Errorf("%s: no next step in %v", name, err)
		}
	}
}

func TestRenamedRepository(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	must(t, p.repository.Rename("acme/gitops"))
	c, ctx := p.client(t), t.Context()
	if repository, err := c.Repository(ctx); err != nil || repository.Name != "acme/gitops" {
		t.Errorf("got %+v, %v", repository, err)
	}
	if sha, err := c.Branch(ctx, "dev"); sha != p.head || err != nil {
		t.Errorf("got %q, %v", sha, err)
	}
	err := c.CreateBranch(ctx, "x", p.head)
	if err == nil || !strings.Contains(err.Error(), "the repository is called acme/gitops now") || p.repository.Head("x") != "" {
		t.Errorf("got %v", err)
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	c, ctx := p.client(t), t.Context()
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			_, err := c.Branch(ctx, "dev")
			_, err2 := c.Compare(ctx, "staging", "dev", 5)
			err3 := c.SetStatus(ctx, p.head, forge.Status{Context: fmt.Sprint(i), State: "success"})
			if err := errors.Join(err, err2, err3); err != nil || c.Now().IsZero() {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

var faults = []githubtest.FaultKind{
	githubtest.ServerError, githubtest.BadGateway, githubtest.Unavailable, githubtest.Reset, githubtest.Truncated, githubtest.HTML,
	githubtest.SecondaryLimit, githubtest.PrimaryLimit, githubtest.TooManyRequests,
}

// TestOneFaultAnywhere puts each fault at each request of a promotion and a merge,
// before the effect and after it. All must end as if nothing had happened, in one
// run: nothing twice, nothing backwards.
func TestOneFaultAnywhere(t *testing.T) {
	t.Parallel()
	limits := []githubtest.FaultKind{githubtest.SecondaryLimit, githubtest.PrimaryLimit, githubtest.TooManyRequests}
	for _, kind := range faults {
		for _, after := range []bool{false, true} {
			if after && slices.Contains(limits, kind) {
				continue // a request that a limit turns away has no effect
			}
			// What a server without updateRefs adds is sent over REST, where a fault
			// before the effect and a lost answer are the two cases.
			for _, old := range []bool{false, true} {
				if old && kind != githubtest.Reset {
					continue
				}
				t.Run(fmt.Sprintf("%s after %v, old server %v", kind, after, old), func(t *testing.T) {
					t.Parallel()
					sweep(t, githubtest.Options{NoUpdateRefs: old}, githubtest.Fault{Kind: kind, After: after})
				})
			}
		}
	}
}

// sweep moves a fault from the first request to the last.
func sweep(t *testing.T, opts githubtest.Options, fault githubtest.Fault) {
	t.Helper()
	p := newPlace(t, opts)
	for fault.Request = 1; ; fault.Request++ {
		before := len(p.server.Requests())
		p.server.Heal()
		p.server.Fail(fault)
		lifecycle(t, p, fault.Request)
		if len(p.server.Requests())-before < fault.Request {
			break // the fault was past the last request
		}
	}
	forwardOnly(t, p.server)
}

// lifecycle does every write once, to a commit and branches of its own.
func lifecycle(t *testing.T, p *place, n int) {
	t.Helper()
	ctx, c := t.Context(), p.client(t)
	from := p.repository.Head("staging")
	to := p.commit(t, "dev", fmt.Sprint("round ", n))
	head := fmt.Sprintf("pawl/staging/%d", n)
	step := func(what string, err error) {
		if err != nil {
			t.Fatalf("request %d: %s: %v", n, what, err)
		}
	}
	step("create", c.CreateBranch(ctx, head, to))
	pull, err := c.CreatePullRequest(ctx, forge.NewPullRequest{Title: "Promote", Body: "x", Head: head, Base: "staging"})
	step("open", err)
	step("label", c.AddLabels(ctx, pull.Number, []string{"a"}))
	step("review", c.RequestReviews(ctx, pull.Number, []string{"bob"}))
	step("edit", c.EditPullRequest(ctx, pull.Number, "Promoted", "y"))
	step("status", c.SetStatus(ctx, to, forge.Status{Context: "pawl", State: "success"}))
	if err := c.Comment(ctx, pull.Number, "key", "text"); errors.Is(err, forge.ErrTransient) {
		step("comment", c.Comment(ctx, pull.Number, "key", "text"))
	} else {
		step("comment", err)
	}
	step("move", c.FastForward(ctx, "staging", from, to))
	step("delete", c.DeleteBranch(ctx, head, to))

	state, err := p.repository.PullRequest(ctx, pull.Number)
	must(t, err)
	want := githubtest.PullRequest{Title: "Promoted", Body: "y", Merged: true, Labels: []string{"a"}, Reviewers: []string{"bob"}, HeadSHA: to,
		Comments: []githubtest.Comment{{Author: "pawl", Body: "<!-- pawl:key -->\ntext"}}}
	ignore := cmpopts.IgnoreFields(githubtest.PullRequest{}, "Number", "Author", "Base", "Head", "HeadRepo", "MergedBy", "MergeSHA", "Created", "MergedAt", "Reviews")
	if diff := cmp.Diff(want, state, ignore, cmpopts.IgnoreFields(githubtest.Comment{}, "ID")); diff != "" {
		t.Errorf("request %d (-want +got):\n%s", n, diff)
	}
	if p.repository.Head("staging") != to || p.repository.Head(head) != "" || len(p.repository.PullRequests(ctx)) != n {
		t.Errorf("request %d: staging is at %s, %s at %q", n, p.repository.Head("staging"), head, p.repository.Head(head))
	}
}

// TestLostToken: a token that stops working in the middle is a matter of access,
// at every request.
func TestLostToken(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	c, ctx := p.client(t), t.Context()
	p.server.Fail(githubtest.Fault{Kind: githubtest.Unauthorized, Times: -1})
	_, err := c.Branch(ctx, "dev")
	_, err2 := c.CreatePullRequest(ctx, forge.NewPullRequest{Title: "t", Head: "dev", Base: "staging"})
	for _, err := range []error{err, err2, c.FastForward(ctx, "staging", p.base, p.head), c.DeleteBranch(ctx, "x", p.base), c.Comment(ctx, 1, "k", "t")} {
		if !errors.Is(err, forge.ErrAccess) || errors.Is(err, forge.ErrTransient) {
			t.Errorf("got %v", err)
		}
	}
}

func TestHangingServer(t *testing.T) {
	t.Parallel()
	p := newPlace(t, githubtest.Options{})
	c, ctx := p.client(t, func(o *github.Options) { o.Timeout = 200 * time.Millisecond }), t.Context()
	p.server.Fail(githubtest.Fault{Kind: githubtest.Hang, After: true, Path: "/graphql"})
	if err := c.FastForward(ctx, "staging", p.base, p.head); err != nil || p.repository.Head("staging") != p.head {
		t.Errorf("got %v", err)
	}
	p.server.Fail(githubtest.Fault{Kind: githubtest.Hang, Times: -1})
	if _, err := c.Branch(ctx, "dev"); !errors.Is(err, forge.ErrTransient) {
		t.Errorf("got %v", err)
	}
}
