package audit_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/audit"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/git"
)

const layout = `version: 1
environments:
  - {name: dev, branch: dev}
  - {name: staging, branch: staging}
  - {name: production, branch: production}
images:
  - {name: api, repository: ghcr.io/acme/api}
`

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world is a repository in which people and programs do what the tests tell.
type world struct {
	t      failer
	server *githubtest.Server
	repo   *githubtest.Repository
	source audit.Source
	serial int
}

// newWorld has one commit, with api and web at 1.0.0, in every environment.
func newWorld(t failer) *world {
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	w := &world{t: t, server: server}
	w.ok(err)
	server.CreateUser("auditor")
	w.repo, err = server.CreateRepository(context.Background(), "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	w.ok(err)
	w.repo.SetPermission("auditor", githubtest.Read)
	w.reconnect()
	files := kustomization("1.0.0", "1.0.0")
	files[".pawl.yaml"] = layout
	start, err := w.repo.Commit(context.Background(), "dev", "Start", files)
	w.ok(err)
	for _, branch := range []string{"staging", "production"} {
		w.ok(w.repo.Branch(context.Background(), branch, start))
	}
	return w
}

// reconnect makes a client that knows nothing yet.
func (w *world) reconnect() {
	token := w.server.CreateUser("auditor")
	wait := func(ctx context.Context, d time.Duration) error {
		w.server.Advance(d)
		return ctx.Err()
	}
	client, err := github.New(github.Options{APIURL: w.server.APIURL(), Owner: "acme", Name: "config", Token: token, Sleep: wait})
	w.ok(err)
	remote, err := git.NewRemote(git.Options{URL: w.repo.CloneURL(), Auth: git.TokenAuth(token), Sleep: wait})
	w.ok(err)
	w.source = audit.Source{Name: "acme/config", Forge: client, Git: remote}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

// later lets a minute pass: nothing happens at the same time.
func (w *world) later() { w.server.Advance(time.Minute) }

func kustomization(api, web string) map[string]string {
	return map[string]string{
		"base/kustomization.yaml": fmt.Sprintf("images:\n  - name: ghcr.io/acme/api\n    newTag: %s\n", api),
		"base/web.yaml":           fmt.Sprintf("kind: Pod\nspec:\n  containers:\n    - image: ghcr.io/acme/web:%s\n", web),
	}
}

// set commits a version of api on a branch, with trailers.
func (w *world) set(branch, api string, trailers ...string) string {
	w.t.Helper()
	return w.commit(branch, kustomization(api, "1.0.0"), trailers...)
}

func (w *world) commit(branch string, files map[string]string, trailers ...string) string {
	w.t.Helper()
	w.later()
	w.serial++
	files["serial"] = fmt.Sprint(w.serial)
	message := fmt.Sprintf("Change %d\n\n%s\n", w.serial, strings.Join(trailers, "\n"))
	sha, err := w.repo.Commit(context.Background(), branch, message, files)
	w.ok(err)
	return sha
}

func (w *world) head(branch string) string { return w.repo.Head(branch) }

// branch makes a branch at a commit.
func (w *world) branch(name, sha string) {
	w.t.Helper()
	w.ok(w.repo.Branch(context.Background(), name, sha))
}

// push moves a branch forward.
func (w *world) push(branch, sha string) {
	w.t.Helper()
	w.later()
	w.ok(w.repo.Push(context.Background(), branch, sha))
}

// force moves a branch anywhere.
func (w *world) force(branch, sha string) {
	w.t.Helper()
	w.later()
	w.ok(w.repo.ForcePush(context.Background(), branch, sha))
}

func (w *world) drop(branch string) {
	w.t.Helper()
	w.later()
	w.ok(w.repo.DeleteBranch(context.Background(), branch))
}

// propose opens a pull request from a branch.
func (w *world) propose(head, base string) int {
	w.t.Helper()
	pr, err := w.repo.OpenPullRequest(context.Background(), githubtest.NewPullRequest{Title: "Promote to " + base, Head: head, Base: base})
	w.ok(err)
	return pr.Number
}

// open opens a promotion as pawl does, with the name that belongs to a commit.
func (w *world) open(env, sha string) int {
	w.t.Helper()
	name := "pawl/" + env + "/" + sha[:12]
	w.branch(name, sha)
	return w.propose(name, env)
}

// promote is a promotion as pawl makes it.
func (w *world) promote(env, sha string) {
	w.t.Helper()
	w.open(env, sha)
	w.push(env, sha)
	w.drop("pawl/" + env + "/" + sha[:12])
}

// release takes a version of api all the way.
func (w *world) release(api string, trailers ...string) string {
	w.t.Helper()
	sha := w.set("dev", api, trailers...)
	w.promote("staging", sha)
	w.promote("production", sha)
	return sha
}

// land brings a branch to an environment by a pull request and a fast-forward.
func (w *world) land(head, env string) {
	w.t.Helper()
	w.propose(head, env)
	w.push(env, w.head(head))
}

// merge merges commits into a branch, with the files of the branch.
func (w *world) merge(branch, message, other string, changes ...githubtest.Change) string {
	w.t.Helper()
	w.later()
	sha, err := w.repo.MergeCommit(context.Background(), branch, message, []string{w.head(branch), other}, changes...)
	w.ok(err)
	return sha
}

func (w *world) press(number int, method string) {
	w.t.Helper()
	w.later()
	_, err := w.repo.PressMerge(context.Background(), number, method)
	w.ok(err)
}

func (w *world) audit(options audit.Options) *audit.Report {
	w.t.Helper()
	report, err := audit.Run(context.Background(), w.source, options)
	w.ok(err)
	return report
}

// found lists findings as "staging violation direct-push", sorted; those that are
// recorded exceptions without their state.
func found(report *audit.Report) []string {
	list := map[string]int{}
	for _, f := range report.Findings {
		text := f.Environment + " " + string(f.Kind)
		if f.State == audit.Unknown {
			text = "? " + text
		}
		if f.State == audit.Recorded {
			text = "(" + text + ")"
		}
		if f.Image != "" {
			text += fmt.Sprintf(" %s %s>%s", f.Image[strings.LastIndex(f.Image, "/")+1:], f.From, f.To)
		}
		list[text]++
	}
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(list)) {
		if list[text] > 1 {
			text += fmt.Sprintf(" ×%d", list[text])
		}
		lines = append(lines, text)
	}
	return lines
}

func details(report *audit.Report) string {
	var lines []string
	for _, f := range report.Findings {
		lines = append(lines, fmt.Sprintf("%+v", f))
	}
	return strings.Join(lines, "\n")
}

var _ failer = (*testing.T)(nil)
