package promotion_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/audit"
	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/promotion"
)

// robot is whom pawl promotes as, and pipeline whom it bumps as.
const (
	robot    = "release-bot"
	pipeline = "ci-bot"
)

const threeStages = `version: 1
environments:
  - {name: dev, branch: dev}
  - {name: staging, branch: staging, gates: {checks: [ci/test]}}
  - {name: production, branch: production, gates: {approvals: 1}}
`

// Whatever people do, in whatever order, and however the service fails: only what
// was earned, checked and approved enters an environment, forward only; and once
// people and service behave again, a few runs bring everything into line and the
// last of them changes nothing.
func TestSafeAndConvergent(t *testing.T) {
	t.Parallel()
	runs, broken := 0, false
	rapid.Check(t, func(t *rapid.T) {
		if runs++; runs > 6 && !broken && os.Getenv("PAWL_FULL") == "" {
			return // a sample will do
		}
		defer func() { broken = broken || t.Failed() }()
		m := newMachine(t)
		defer m.server.Close()
		t.Repeat(map[string]func(*rapid.T){
			"bump":    m.bump,
			"promote": m.promote,
			"merge":   m.merge,
			"deliver": m.deliver,
			"check":   m.check,
			"review":  m.review,
			"meddle":  m.meddle,
			"forge":   m.forge,
			"button":  m.button,
			"undo":    m.rollback,
			"return":  m.heal,
			"tick":    func(t *rapid.T) { m.server.Advance(draw(t, "wait", time.Second, time.Minute, time.Hour)) },
			"fault":   m.misfunction,
			"":        m.safe,
		})
		m.converge(t)
	})
}

// machine is a repository, its people, and what is known to be true of it.
type machine struct {
	server   *githubtest.Server
	repo     *githubtest.Repository
	source   promotion.Source
	pipeline *git.Remote
	patch    int // the version that was released last
	seen     int // moves of refs that were judged already
	said     []error

	heads map[string]map[string]bool // by branch: every commit that was its head
	green map[string]bool            // commits on which ci/test reads success
	taken map[int]bool               // versions that were rolled back
}

func newMachine(t *rapid.T) *machine {
	ctx := context.Background()
	server, err := githubtest.New(githubtest.Options{
		Observe:    contract.Record(),
		MergeReads: rapid.IntRange(0, 3).Draw(t, "reads until merged"),
		HeadReads:  rapid.IntRange(0, 2).Draw(t, "reads until the head shows"),
		ListDelay:  draw(t, "lists lag", 0, 30*time.Second),
	})
	ok(t, err)
	m := &machine{server: server, heads: map[string]map[string]bool{}, green: map[string]bool{}, taken: map[int]bool{}}
	token := server.CreateUser(robot)
	m.repo, err = server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	ok(t, err)
	m.repo.SetPermission(robot, githubtest.Write)
	m.repo.SetPermission("hubot", githubtest.Write)
	m.repo.SetPermission("reader", githubtest.Read)
	m.bumpByHand(t)
	start := m.repo.Head("dev")
	ok(t, m.repo.Branch(ctx, "staging", start))
	ok(t, m.repo.Branch(ctx, "production", start))
	m.repo.SetPermission(pipeline, githubtest.Write)
	m.connect(t, token, server.CreateUser(pipeline))
	return m
}

// connect makes a client for which waiting is the server's time going by.
func (m *machine) connect(t *rapid.T, token, pipelines string) {
	wait := func(ctx context.Context, d time.Duration) error {
		m.server.Advance(d)
		return ctx.Err()
	}
	client, err := github.New(github.Options{APIURL: m.server.APIURL(), Owner: "acme", Name: "config", Token: token, Sleep: wait})
	ok(t, err)
	remote, err := git.NewRemote(git.Options{URL: m.repo.CloneURL(), Auth: git.Auth{Username: "x", Password: token}, Sleep: wait})
	ok(t, err)
	m.pipeline, err = git.NewRemote(git.Options{URL: m.repo.CloneURL(), Auth: git.Auth{Username: "x", Password: pipelines}, Sleep: wait})
	ok(t, err)
	m.source = promotion.Source{Name: "acme/config", Forge: client, Git: remote, Sleep: wait}
}

func ok(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func draw[T any](t *rapid.T, label string, of ...T) T { return rapid.SampledFrom(of).Draw(t, label) }

// bump releases a version into dev: with pawl, or as somebody else's pipeline does.
func (m *machine) bump(t *rapid.T) {
	if draw(t, "bump", "by pawl", "by hand") == "by pawl" {
		m.bumpByPawl(t)
		return
	}
	m.bumpByHand(t)
}

// bumpByPawl has a pipeline, or a person, set the next version, or one from before,
// which changes nothing.
func (m *machine) bumpByPawl(t *rapid.T) {
	before := m.version(t, "dev")
	version := m.patch + 1
	if m.patch > 1 && rapid.IntRange(0, 3).Draw(t, "late") == 0 {
		version = rapid.IntRange(1, m.patch).Draw(t, "version")
	}
	m.patch = max(m.patch, version)
	job := bump.Job{}
	if rapid.Bool().Draw(t, "in a pipeline") {
		job = bump.Job{Key: fmt.Sprintf("release-%d", version), Sequence: bump.Sequence{Source: "acme/api", Number: uint64(version)}}
	}
	outcome, err := m.set(version, job)
	m.told(t, err)
	now := m.version(t, "dev")
	switch {
	case now < before:
		t.Fatalf("P5: a bump to %d brought dev from %d to %d", version, before, now)
	case err == nil && version > before && now != version:
		t.Fatalf("P4: a bump to %d of dev, at %d before, was reported as %s, and dev is at %d", version, before, outcome.Action, now)
	}
}

// set sets the version of dev with pawl bump --push.
func (m *machine) set(version int, job bump.Job) (*bump.Outcome, error) {
	ctx := context.Background()
	setting, err := image.ParseSetting(fmt.Sprintf("ghcr.io/acme/api:1.0.%d", version))
	if err != nil {
		return nil, err
	}
	plan, err := bump.PlanPush(ctx, bump.Target{Remote: m.pipeline, Branch: "dev", Choose: func(cfg *config.Config) (config.Environment, bump.Request, error) {
		return cfg.Environments[0], bump.Request{Settings: []image.Setting{setting}, Job: job}, nil
	}})
	if err != nil {
		return nil, err
	}
	who := git.Signature{Name: pipeline, Email: "ci@example.com"}
	stamp := bump.Stamp{Author: who, Committer: who, Now: func() time.Time { return time.Unix(1767600000, 0) }}
	return plan.Apply(ctx, stamp, bump.Pause{Sleep: m.source.Sleep, Random: func() float64 { return 0.5 }})
}

// bumpByHand releases versions in one push, of which only the last commit becomes
// dev's head.
func (m *machine) bumpByHand(t *rapid.T) {
	ctx := context.Background()
	const workbench = "wip"
	if dev := m.repo.Head("dev"); dev != "" {
		ok(t, m.repo.Branch(ctx, workbench, dev))
	}
	sha := ""
	for range rapid.IntRange(1, 3).Draw(t, "commits") {
		m.patch++
		var err error
		sha, err = m.repo.Commit(ctx, workbench, fmt.Sprintf("Bump api to 1.0.%d", m.patch), map[string]string{
			".pawl.yaml":              threeStages,
			"base/kustomization.yaml": fmt.Sprintf("images:\n  - name: ghcr.io/acme/api\n    newTag: 1.0.%d\n", m.patch),
		})
		ok(t, err)
	}
	if m.repo.Head("dev") == "" {
		ok(t, m.repo.Branch(ctx, "dev", sha))
	} else {
		ok(t, m.repo.Push(ctx, "dev", sha))
	}
	ok(t, m.repo.DeleteBranch(ctx, workbench))
}

// rollback takes the version of staging back, as a person does on the branch itself:
// to the newest one before it that nobody took back.
func (m *machine) rollback(t *rapid.T) {
	now := m.version(t, "staging")
	good := now - 1
	for m.taken[good] {
		good--
	}
	if good < 1 {
		return
	}
	_, err := m.repo.Commit(context.Background(), "staging", fmt.Sprintf("Roll back\n\nRollback-Of: ghcr.io/acme/api:1.0.%d\n", now), map[string]string{
		"base/kustomization.yaml": fmt.Sprintf("images:\n  - name: ghcr.io/acme/api\n    newTag: 1.0.%d\n", good),
	})
	ok(t, err)
	m.taken[now] = true
}

// version is the last number of the version at a branch or commit.
func (m *machine) version(t *rapid.T, at string) (patch int) {
	content, _ := m.repo.File(context.Background(), at, "base/kustomization.yaml")
	_, tag, _ := strings.Cut(content, "newTag: 1.0.")
	_, err := fmt.Sscan(tag, &patch)
	ok(t, err)
	return patch
}

func (m *machine) promote(t *rapid.T) {
	m.promoteInto(t, draw(t, "into", "", "staging", "production"))
}

// promoteInto runs the command as a user would, who looks at its error only.
func (m *machine) promoteInto(t *rapid.T, env string) {
	plan, err := promotion.PlanPromote(context.Background(), m.source, promotion.PromoteOptions{Environment: env})
	if err == nil || env == "" { // the edges that could be planned go ahead
		err = errors.Join(err, plan.Apply(context.Background()))
	}
	m.told(t, err)
}

func (m *machine) merge(t *rapid.T) { m.mergeInto(t, draw(t, "into", "staging", "production")) }

func (m *machine) mergeInto(t *rapid.T, env string) {
	plan, err := promotion.PlanMerge(context.Background(), m.source, promotion.MergeOptions{Environment: env})
	if err == nil {
		err = plan.Apply(context.Background())
	}
	if err == nil && plan.Action == promotion.ActionMerged && !m.contains(t, env, plan.Commit) {
		t.Fatalf("the merge of %s into %s was reported as done, and it is not there", plan.Commit, env)
	}
	m.told(t, err)
}

// told checks that an error is one that a user can act on.
func (m *machine) told(t *rapid.T, err error) {
	m.said = append(m.said, err)
	var blocked *promotion.Blocked
	var usage *promotion.UsageError
	var refusal *bump.Refusal
	if err == nil || errors.As(err, &refusal) || errors.As(err, &blocked) || errors.As(err, &usage) ||
		errors.Is(err, forge.ErrTransient) || errors.Is(err, git.ErrTransient) ||
		errors.Is(err, forge.ErrAccess) || errors.Is(err, git.ErrAccess) || errors.Is(err, forge.ErrNotFound) {
		return
	}
	t.Fatalf("an error that nobody can act on: %v", err)
}

// deliver is a promotion into one environment as it is meant to be, but for one
// thing at most.
func (m *machine) deliver(t *rapid.T) {
	env := draw(t, "into", "staging", "production")
	m.promoteInto(t, env)
	for _, pr := range m.repo.PullRequests(context.Background()) {
		if !pr.Open || pr.Base != env {
			continue
		}
		m.report(t, pr.HeadSHA, draw(t, "state", "success", "success", "success", "pending", "failure"))
		_ = m.repo.Approve(context.Background(), pr.Number, draw(t, "reviewer", "octocat", "hubot", "reader"))
	}
	m.mergeInto(t, env)
}

// check reports a result of the test on some environment's head.
func (m *machine) check(t *rapid.T) {
	sha := m.repo.Head(draw(t, "head of", "dev", "staging", "production"))
	m.report(t, sha, draw(t, "state", "success", "success", "pending", "failure"))
}

// forge opens what looks like a promotion: of any commit that the environment
// before has in its history, whether that was its head or not.
func (m *machine) forge(t *rapid.T) {
	ctx := context.Background()
	env := draw(t, "into", "staging", "production")
	before := map[string]string{"staging": "dev", "production": "staging"}[env]
	comparison, err := m.source.Forge.Compare(ctx, env, before, 10)
	if err != nil || len(comparison.Commits) == 0 {
		return
	}
	sha := draw(t, "commit", comparison.Commits...).SHA
	head := fmt.Sprintf("pawl/%s/%s", env, sha[:12])
	if m.repo.Branch(ctx, head, sha) != nil {
		return
	}
	pr, err := m.repo.OpenPullRequest(ctx, githubtest.NewPullRequest{Title: "Promote to " + env, Head: head, Base: env})
	if err != nil {
		return
	}
	m.report(t, sha, "success")
	_ = m.repo.Approve(ctx, pr.Number, "hubot")
	plan, err := promotion.PlanMerge(ctx, m.source, promotion.MergeOptions{Number: pr.Number})
	if err == nil {
		err = plan.Apply(ctx)
	}
	m.told(t, err)
}

func (m *machine) report(t *rapid.T, sha, state string) {
	ok(t, m.repo.SetStatus(context.Background(), sha, "ci/test", state))
	m.green[sha] = state == "success"
}

// someone picks an open pull request.
func (m *machine) someone(t *rapid.T) (githubtest.PullRequest, bool) {
	var open []githubtest.PullRequest
	for _, pr := range m.repo.PullRequests(context.Background()) {
		if pr.Open {
			open = append(open, pr)
		}
	}
	if len(open) == 0 {
		return githubtest.PullRequest{}, false
	}
	return draw(t, "pull request", open...), true
}

func (m *machine) review(t *rapid.T) {
	pr, found := m.someone(t)
	if !found {
		return
	}
	reviewer := draw(t, "reviewer", "octocat", "hubot", "reader")
	switch draw(t, "review", "approve", "approve", "object", "dismiss") {
	case "approve":
		_ = m.repo.Approve(context.Background(), pr.Number, reviewer)
	case "object":
		_ = m.repo.RequestChanges(context.Background(), pr.Number, reviewer)
	case "dismiss":
		_ = m.repo.DismissReviews(context.Background(), pr.Number, reviewer)
	}
}

// meddle is what people do to pull requests that are not theirs.
func (m *machine) meddle(t *rapid.T) {
	pr, found := m.someone(t)
	if !found {
		return
	}
	ctx := context.Background()
	switch draw(t, "meddling", "push", "retarget", "edit", "close", "draft", "ready") {
	case "push":
		_, _ = m.repo.Commit(ctx, pr.Head, "One more thing", map[string]string{"base/extra.yaml": "kind: Extra\n"})
	case "retarget":
		_ = m.repo.Retarget(ctx, pr.Number, draw(t, "base", "dev", "staging", "production"))
	case "edit":
		_ = m.repo.EditPullRequest(ctx, pr.Number, "All gates are green", "- [x] everything passed\n")
	case "close":
		_ = m.repo.ClosePullRequest(ctx, pr.Number)
	case "draft":
		_ = m.repo.SetDraft(ctx, pr.Number, true)
	case "ready":
		_ = m.repo.SetDraft(ctx, pr.Number, false)
	}
}

// button presses the merge button, which pawl is there to replace.
func (m *machine) button(t *rapid.T) {
	if pr, found := m.someone(t); found {
		_, _ = m.repo.PressMerge(context.Background(), pr.Number, draw(t, "method", "merge", "squash", "rebase"))
	}
}

// misfunction makes requests to come go wrong.
func (m *machine) misfunction(t *rapid.T) {
	m.server.Fail(githubtest.Fault{
		Kind:    draw(t, "fault", githubtest.ServerError, githubtest.BadGateway, githubtest.Reset, githubtest.Truncated, githubtest.TooManyRequests, githubtest.Unauthorized),
		After:   rapid.Bool().Draw(t, "after the effect"),
		Request: rapid.IntRange(1, 14).Draw(t, "request"),
		Times:   rapid.IntRange(1, 6).Draw(t, "times"),
	})
}

// safe judges every move since the last time, by what the server knows.
func (m *machine) safe(t *rapid.T) {
	log := m.server.Log()
	for _, update := range log[m.seen:] {
		branch := strings.TrimPrefix(update.Ref, "refs/heads/")
		if m.heads[branch] == nil {
			m.heads[branch] = map[string]bool{}
		}
		m.heads[branch][update.After] = true
		if update.Actor != robot {
			continue
		}
		switch {
		case update.Forced:
			t.Fatalf("P1: %s was moved by force", branch)
		case strings.HasPrefix(branch, "pawl/"):
			continue
		case branch == "dev" || update.Created() || update.Deleted():
			t.Fatalf("pawl moved %s from %s to %s", branch, update.Before, update.After)
		}
		m.landed(t, branch, update.After)
	}
	m.seen = len(log)
	m.single(t)
}

// landed judges a commit that pawl moved an environment to.
func (m *machine) landed(t *rapid.T, branch, sha string) {
	before := map[string]string{"staging": "dev", "production": "staging"}[branch]
	if !m.heads[before][sha] {
		t.Fatalf("P3: %s entered %s and was never head of %s", sha, branch, before)
	}
	if branch == "staging" && !m.green[sha] {
		t.Fatalf("P2: %s entered staging without its check", sha)
	}
	if version := m.version(t, sha); m.taken[version] {
		t.Fatalf("P5: version %d entered %s after it was rolled back", version, branch)
	}
	if branch == "production" && !m.approved(sha) {
		t.Fatalf("P2: %s entered production without an approval", sha)
	}
}

// approved says whether somebody who may write approved the commit for production,
// and nobody who may objects.
func (m *machine) approved(sha string) bool {
	for _, pr := range m.repo.PullRequests(context.Background()) {
		if pr.HeadSHA != sha || !strings.HasPrefix(pr.Head, "pawl/production/") {
			continue
		}
		last := map[string]githubtest.Review{}
		for _, review := range pr.Reviews {
			if review.State != "COMMENTED" {
				last[review.Author] = review
			}
		}
		writers := slices.DeleteFunc(slices.Collect(maps.Values(last)), func(r githubtest.Review) bool { return r.Author == "reader" })
		approves := func(r githubtest.Review) bool { return r.State == "APPROVED" && r.SHA == sha }
		objects := func(r githubtest.Review) bool { return r.State == "CHANGES_REQUESTED" }
		if slices.ContainsFunc(writers, approves) && !slices.ContainsFunc(writers, objects) {
			return true
		}
	}
	return false
}

// single checks that no commit has two open promotions into one environment.
func (m *machine) single(t *rapid.T) {
	seen := map[string]int{}
	for _, pr := range m.repo.PullRequests(context.Background()) {
		if !pr.Open || pr.Author != robot {
			continue
		}
		key := pr.Head + " into " + pr.Base
		if other, double := seen[key]; double {
			t.Fatalf("#%d and #%d are both %s", other, pr.Number, key)
		}
		seen[key] = pr.Number
	}
}

// contains says whether the environment's branch has the commit.
func (m *machine) contains(t *rapid.T, branch, sha string) bool {
	comparison, err := m.source.Forge.Compare(context.Background(), branch, sha, 0)
	if err != nil {
		return true // not known; the server's log is judged anyway
	}
	return comparison.Relation == forge.Identical || comparison.Relation == forge.Behind
}

// converge lets people and service behave, and runs the commands until nothing is
// left to do.
func (m *machine) converge(t *rapid.T) {
	m.server.Heal()
	m.server.Advance(time.Hour)
	m.clean(t)
	m.heal(t)
	latest := m.patch
	for range 3 { // what people objected to is replaced; a late job does not do that
		if m.bump(t); m.patch > latest {
			break
		}
	}
	if m.patch == latest {
		m.bumpByHand(t)
	}
	for range 6 {
		m.round(t)
	}
	m.safe(t)
	dev, staging, production := m.repo.Head("dev"), m.repo.Head("staging"), m.repo.Head("production")
	if dev != staging || staging != production {
		t.Fatalf("P13: dev is at %s, staging at %s, production at %s; the last commands said %v", dev, staging, production, m.said[len(m.said)-6:])
	}
	before := m.mutations()
	m.round(t)
	if now := m.mutations(); now != before {
		t.Fatalf("P8: a round with nothing to do made %d changes", now-before)
	}
	m.audit(t)
}

// audit has the independent audit judge the whole run: it finds every commit
// that a button made on an environment, and nothing that pawl did.
func (m *machine) audit(t *rapid.T) {
	pressed, missed := map[string]bool{}, map[string]bool{} // by branch and commit
	for _, update := range m.server.Log() {
		branch := strings.TrimPrefix(update.Ref, "refs/heads/")
		if update.PullRequest == 0 || (branch != "staging" && branch != "production") {
			continue
		}
		at := branch + " " + update.After
		pressed[at] = true
		if m.heads["pawl/"+branch+"/"+update.After[:12]] == nil { // unless a rebase made the very same commit
			missed[at] = true
		}
	}
	report, err := audit.Run(context.Background(), audit.Source{Name: m.source.Name, Forge: m.source.Forge, Git: m.source.Git}, audit.Options{})
	ok(t, err)
	for _, f := range report.Findings {
		switch {
		case f.State == audit.Unknown && f.Kind == audit.PullRequests: // landed, and closed before the service noticed
		case f.Actor == robot:
			t.Fatalf("the audit found what pawl did: %+v", f)
		case f.State == audit.Violation && (f.Kind == audit.MergeButton || f.Kind == audit.SquashButton):
			at := f.Environment + " " + f.Commit
			if !pressed[at] {
				t.Fatalf("the audit found a button where none was pressed: %+v", f)
			}
			delete(missed, at)
		case f.State == audit.Violation && (f.Kind == audit.Unearned || f.Kind == audit.Downgrade || f.Kind == audit.Redelivered): // what people brought
		case f.State == audit.Recorded && f.Kind == audit.Rollback: // what somebody took back
		default:
			t.Fatalf("the audit found %+v", f)
		}
	}
	if len(missed) > 0 {
		t.Fatalf("the audit did not find what buttons made: %v", missed)
	}
}

// clean closes what people left behind: pull requests that they bent out of shape.
func (m *machine) clean(t *rapid.T) {
	for _, pr := range m.repo.PullRequests(context.Background()) {
		if pr.Open {
			ok(t, m.repo.ClosePullRequest(context.Background(), pr.Number))
		}
	}
	for branch := range m.heads {
		if strings.HasPrefix(branch, "pawl/") && m.repo.Head(branch) != "" {
			ok(t, m.repo.DeleteBranch(context.Background(), branch))
		}
	}
}

// heal brings what was merged by the button back to dev, as the documentation says.
func (m *machine) heal(t *rapid.T) {
	for _, branch := range []string{"staging", "production"} {
		dev, head := m.repo.Head("dev"), m.repo.Head(branch)
		if m.contains(t, "dev", head) {
			continue
		}
		_, err := m.repo.MergeCommit(context.Background(), "dev", "Merge "+branch, []string{dev, head})
		ok(t, err)
	}
}

// round is what a day brings: promotions, their checks and approvals, merges.
func (m *machine) round(t *rapid.T) {
	m.promoteInto(t, "")
	for _, pr := range m.repo.PullRequests(context.Background()) {
		if !pr.Open || pr.Merged {
			continue
		}
		if !m.green[pr.HeadSHA] {
			m.report(t, pr.HeadSHA, "success")
		}
		if len(pr.Reviews) == 0 {
			ok(t, m.repo.Approve(context.Background(), pr.Number, "octocat"))
		}
	}
	m.mergeInto(t, "production")
	m.mergeInto(t, "staging")
	m.server.Advance(time.Minute)
}

// mutations counts the requests that could change something.
func (m *machine) mutations() int {
	count := 0
	for _, request := range m.server.Requests() {
		reads := request.Method == http.MethodGet || request.Method == http.MethodHead || strings.HasSuffix(request.Path, "/git-upload-pack")
		if request.Login == robot && !reads {
			count++
		}
	}
	return count
}
