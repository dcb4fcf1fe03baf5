package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/cli"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

// The fault sweep: each request of a command goes wrong in each way that the
// embedded GitHub knows, before it had its effect and after. While it does, nothing
// happens that must not; when it is over, at most three more runs bring about what
// one undisturbed run does. PAWL_FULL=1 tries every case; otherwise every
// sampled-th one is tried.
const sampled = 17

const sweepPolicy = `version: 1
environments:
  - {name: dev, branch: dev}
  - {name: staging, branch: staging, gates: {checks: [ci/test], approvals: 1}}
`

// world is a repository with one release on staging's way.
type world struct {
	t      *testing.T
	server *githubtest.Server
	repo   *githubtest.Repository
	env    map[string]string
	before string // where staging is
	old    string // an earlier head of dev
	sha    string // the head of dev
}

// swept is a command that is swept.
type swept struct {
	name    string
	args    []string
	prepare func(*world)
	allowed bool               // whether staging may move
	done    func(*world) error // nil when all that the command is for is there
	refused bool               // it must never exit with 0
}

func sweeps() []swept {
	return []swept{
		{name: "promote", args: []string{"promote", "staging", "--label", "release"}, prepare: func(*world) {}, done: (*world).isPromoted},
		{name: "promote over an older one", args: []string{"promote", "staging"}, prepare: (*world).promoteOld, done: (*world).hasSuperseded},
		{name: "verify", args: []string{"verify", "1", "--status"}, prepare: (*world).ready, done: func(w *world) error { return w.hasStatus("success") }},
		{name: "verify what must not pass", args: []string{"verify", "1", "--status"}, prepare: (*world).unready, refused: true,
			done: func(w *world) error { return w.hasStatus("failure") }},
		{name: "merge", args: []string{"merge", "staging"}, prepare: (*world).ready, allowed: true, done: (*world).isMerged},
		{name: "merge what must not land", args: []string{"merge", "staging"}, prepare: (*world).unready, refused: true, done: func(*world) error { return nil }},
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	w.server, err = githubtest.New(githubtest.Options{Observe: contract.Record()})
	w.check(err)
	t.Cleanup(w.server.Close)
	token := w.server.CreateUser("release-bot")
	w.repo, err = w.server.CreateRepository(t.Context(), slug, githubtest.RepositoryOptions{DefaultBranch: "dev"})
	w.check(err)
	w.repo.SetPermission("release-bot", githubtest.Write)
	w.env = map[string]string{
		"GITHUB_SERVER_URL": w.server.URL(), "GITHUB_API_URL": w.server.APIURL(), "GITHUB_TOKEN": token, "PAWL_REPO": slug,
	}
	w.before = w.commit("1.0.0")
	w.check(w.repo.Branch(t.Context(), "staging", w.before))
	w.old = w.commit("1.0.1")
	w.sha = w.old
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) commit(version string) string {
	w.t.Helper()
	sha, err := w.repo.Commit(w.t.Context(), "dev", "Bump to "+version, map[string]string{
		".pawl.yaml":              sweepPolicy,
		"base/kustomization.yaml": "images:\n  - name: ghcr.io/acme/api\n    newTag: " + version + "\n",
	})
	w.check(err)
	return sha
}

// run runs a command without waiting for anything.
func (w *world) run(args ...string) (int, string) {
	var out, errs bytes.Buffer
	host := cli.Host{
		In: strings.NewReader(""), Out: &out, Err: &errs, Now: time.Now, Dir: w.t.TempDir(),
		Getenv: func(name string) string { return w.env[name] },
		Sleep:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	code := cli.Main(w.t.Context(), args, host)
	return code, out.String() + errs.String()
}

// must runs a command that has to succeed.
func (w *world) must(args ...string) {
	w.t.Helper()
	if code, said := w.run(args...); code != 0 {
		w.t.Fatalf("pawl %s: %d\n%s", strings.Join(args, " "), code, said)
	}
}

func (w *world) promoteOld() {
	w.must("promote", "staging")
	w.sha = w.commit("1.0.2")
}

func (w *world) ready() {
	w.must("promote", "staging")
	w.check(w.repo.SetStatus(w.t.Context(), w.sha, "ci/test", "success"))
	w.check(w.repo.Approve(w.t.Context(), 1, "octocat"))
}

func (w *world) unready() {
	w.ready()
	w.check(w.repo.SetStatus(w.t.Context(), w.sha, "ci/test", "failure"))
}

func head(sha string) string { return "pawl/staging/" + sha[:12] }

// pull is the n-th pull request, of as many as there are to be.
func (w *world) pull(n, of int) (githubtest.PullRequest, error) {
	pulls := w.repo.PullRequests(w.t.Context())
	if len(pulls) != of {
		return githubtest.PullRequest{}, fmt.Errorf("there are %d pull requests, want %d", len(pulls), of)
	}
	return pulls[n-1], nil
}

func (w *world) isPromoted() error {
	pr, err := w.pull(1, 1)
	if err == nil && (!pr.Open || pr.Head != head(w.sha) || pr.HeadSHA != w.sha || !slices.Equal(pr.Labels, []string{"release"}) || len(pr.Comments) > 0) {
		err = fmt.Errorf("the promotion is %+v", pr)
	}
	return err
}

func (w *world) hasSuperseded() error {
	older, err := w.pull(1, 2)
	newer, _ := w.pull(2, 2)
	switch {
	case err != nil:
		return err
	case !newer.Open || newer.Head != head(w.sha) || newer.HeadSHA != w.sha || len(newer.Comments) > 0:
		return fmt.Errorf("the newer promotion is %+v", newer)
	case older.Open || len(older.Comments) != 1 || w.repo.Head(head(w.old)) != "":
		return fmt.Errorf("the older promotion is %+v, its branch at %q", older, w.repo.Head(head(w.old)))
	}
	return nil
}

func (w *world) isMerged() error {
	pr, err := w.pull(1, 1)
	if err == nil && (!pr.Merged || len(pr.Comments) > 0 || w.repo.Head("staging") != w.sha || w.repo.Head(head(w.sha)) != "") {
		err = fmt.Errorf("staging is at %s, the branch at %q, the promotion is %+v", w.repo.Head("staging"), w.repo.Head(head(w.sha)), pr)
	}
	return err
}

// hasStatus asks a command that nothing goes wrong for.
func (w *world) hasStatus(state string) error {
	code, said := w.run("verify", "1", "--status")
	if !strings.Contains(said, "pawl/staging unchanged") {
		return fmt.Errorf("the status was not there: %d\n%s", code, said)
	}
	if (state == "success") != (code == 0) {
		return fmt.Errorf("exit code %d with the status %s", code, state)
	}
	return nil
}

// safe checks, from the server's own log, that no branch went anywhere but
// forward, and staging nowhere that it must not.
func (w *world) safe(s swept) error {
	for _, update := range w.server.Log() {
		switch {
		case !update.FastForward && !update.Deleted():
			return fmt.Errorf("%s was moved by force", update.Ref)
		case update.Deleted() && !strings.HasPrefix(update.Ref, "refs/heads/pawl/"):
			return fmt.Errorf("%s was deleted", update.Ref)
		case update.Ref == "refs/heads/staging" && !update.Created() && (!s.allowed || update.After != w.sha):
			return fmt.Errorf("staging was moved to %s", update.After)
		}
	}
	return nil
}

// sweptFaults are the ways in which a request goes wrong. A request that hangs
// takes as long as the command may take, so it is tried in the whole sweep only.
func sweptFaults() []githubtest.Fault {
	kinds := []githubtest.FaultKind{
		githubtest.ServerError, githubtest.BadGateway, githubtest.Unavailable, githubtest.Reset, githubtest.Truncated,
		githubtest.HTML, githubtest.SecondaryLimit, githubtest.PrimaryLimit, githubtest.TooManyRequests, githubtest.Unauthorized,
	}
	if whole() {
		kinds = append(kinds, githubtest.Hang)
	}
	var faults []githubtest.Fault
	for _, kind := range kinds {
		faults = append(faults, githubtest.Fault{Kind: kind})
		if kind != githubtest.Truncated { // which always comes after
			faults = append(faults, githubtest.Fault{Kind: kind, After: true})
		}
	}
	// Once is mended by another attempt within the command. These are not.
	for _, kind := range []githubtest.FaultKind{githubtest.BadGateway, githubtest.Reset} {
		faults = append(faults, githubtest.Fault{Kind: kind, Times: 6}, githubtest.Fault{Kind: kind, Times: 6, After: true})
	}
	return faults
}

func TestFaultSweep(t *testing.T) {
	t.Parallel()
	for offset, s := range sweeps() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			tried, requests := 0, requestsOf(t, s)
			for kind, fault := range sweptFaults() {
				for n := 1; n <= requests; n++ {
					if whole() || (n*7+kind*5+offset)%sampled == 0 {
						tried++
						sweepOne(t, s, fault, n)
					}
				}
			}
			t.Logf("%d cases of %d requests", tried, requests)
		})
	}
}

// requestsOf counts the requests of a command that nothing goes wrong for.
func requestsOf(t *testing.T, s swept) int {
	t.Helper()
	w := newWorld(t)
	s.prepare(w)
	before := len(w.server.Requests())
	w.run(s.args...)
	count := len(w.server.Requests()) - before
	w.server.Close()
	return count
}

// sweepOne makes the n-th request of a command go wrong, and then runs it again
// until it is done.
func sweepOne(t *testing.T, s swept, fault githubtest.Fault, n int) {
	t.Helper()
	w := newWorld(t)
	defer w.server.Close()
	s.prepare(w)
	name := fmt.Sprintf("%s ×%d, after its effect: %v, from request %d on", fault.Kind, max(fault.Times, 1), fault.After, n)
	if fault.Times > 1 {
		fault.Skip = n - 1
	} else {
		fault.Request = n
	}
	w.server.Fail(fault)
	args := s.args
	if fault.Kind == githubtest.Hang {
		args = append(slices.Clone(args), "--timeout=1s")
	}
	code, said := w.run(args...)
	w.server.Heal()
	for again := 0; ; again++ {
		if err := w.safe(s); err != nil {
			t.Errorf("%s: %v\n%s", name, err, said)
			return
		}
		if s.refused && code == 0 {
			t.Errorf("%s: exit code 0\n%s", name, said)
			return
		}
		err := s.done(w)
		if code == 0 && err != nil && !strings.Contains(said, "note: ") {
			t.Errorf("%s: exit code 0, and %v\n%s", name, err, said)
			return
		}
		if err == nil && (code == 0) != s.refused && again > 0 {
			break
		}
		if again == 3 {
			t.Errorf("%s: after three more runs: %d, %v\n%s", name, code, err, said)
			return
		}
		code, said = w.run(s.args...)
	}
	seen := len(w.server.Requests())
	w.run(s.args...)
	for _, request := range w.server.Requests()[seen:] {
		if request.Method != "GET" && !strings.HasSuffix(request.Path, "/git-upload-pack") {
			t.Errorf("%s: one run more than needed makes %s %s", name, request.Method, request.Path)
		}
	}
}

// Ctrl-C while a merge waits: exit code 130, and nothing was written.
func TestInterruptedWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("promote", "staging")
	mutations := len(w.server.Log())
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	host := cli.Host{
		In: strings.NewReader(""), Out: &out, Err: &errs, Now: time.Now, Dir: t.TempDir(),
		Getenv: func(name string) string { return w.env[name] },
		Sleep: func(ctx context.Context, _ time.Duration) error {
			cancel()
			return ctx.Err()
		},
	}
	code := cli.Main(ctx, []string{"merge", "staging", "--wait"}, host)
	if code != cli.ExitInterrupted || !strings.Contains(errs.String(), "interrupted: waiting") {
		t.Errorf("got %d, %s%s", code, out.String(), errs.String())
	}
	if len(w.server.Log()) != mutations {
		t.Error("something was written")
	}
}
