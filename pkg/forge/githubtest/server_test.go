package githubtest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	expired, err := w.server.CreateToken("alice", githubtest.TokenOptions{Expires: w.server.Now().Add(time.Hour)})
	w.do(err)
	elsewhere, err := w.server.CreateToken("alice", githubtest.TokenOptions{Repositories: []string{}})
	w.do(err)
	narrow, err := w.server.CreateToken("alice", githubtest.TokenOptions{Permissions: githubtest.Permissions{"contents": "read"}})
	w.do(err)
	w.server.Advance(2 * time.Hour)
	w.tokens["expired"], w.tokens["elsewhere"], w.tokens["narrow"] = expired, elsewhere, narrow
	w.tokens["actions"] = w.repo.ActionsToken(githubtest.Permissions{"contents": "read"})
	w.tokens["wrong"] = "ghp_000000000000000000000000000000000000"
	status := object{"state": "success"}
	ref := object{"ref": "refs/heads/x", "sha": w.first}
	for _, test := range []struct {
		login, method, path string
		body                any
		status              int
		message             string
	}{
		{"alice", "GET", "", nil, 200, ""},
		{"rita", "GET", "", nil, 200, ""},
		{"eve", "GET", "", nil, 404, "Not Found"},
		{"", "GET", "", nil, 404, "Not Found"},
		{"", "GET", "/user", nil, 401, "Requires authentication"},
		{"wrong", "GET", "", nil, 401, "Bad credentials"},
		{"expired", "GET", "", nil, 401, "Bad credentials"},
		{"elsewhere", "GET", "", nil, 404, "Not Found"},
		{"rita", "POST", "git/refs", ref, 404, "Not Found"},
		{"narrow", "GET", "git/ref/heads/dev", nil, 200, ""},
		{"narrow", "POST", "git/refs", ref, 403, "Resource not accessible by personal access token"},
		{"actions", "GET", "git/ref/heads/dev", nil, 200, ""},
		{"actions", "POST", "git/refs", ref, 403, "Resource not accessible by integration"},
		{"actions", "POST", "statuses/" + w.first, status, 403, "Resource not accessible by integration"},
		{"actions", "GET", "/user", nil, 403, "Resource not accessible by integration"},
		{"alice", "GET", "nothing", nil, 404, "Not Found"},
		{"alice", "PATCH", "git/ref/heads/dev", object{"sha": w.first}, 404, "Not Found"},
		{"alice", "POST", "git/refs", ref, 201, ""},
	} {
		got := w.call(test.login, test.method, test.path, test.body)
		if got.status != test.status {
			t.Errorf("%s %s %s: status %d, want %d: %s", test.login, test.method, test.path, got.status, test.status, got.body)
		}
		if test.message != "" && got.get(t, "message") != test.message {
			t.Errorf("%s %s %s: %s", test.login, test.method, test.path, got.body)
		}
	}
	w.server.RevokeToken(w.tokens["alice"])
	w.call("alice", "GET", "", nil).want(t, 401, "message", "Bad credentials")
}

func TestSchemes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	token := w.tokens["alice"]
	basic := base64.StdEncoding.EncodeToString([]byte("anybody:" + token))
	for header, status := range map[string]int{
		"Bearer " + token: 200, "token " + token: 200, "bearer " + token: 200, "Basic " + basic: 200,
		"Digest " + token: 401, token: 401, "Basic !": 401,
	} {
		got, err := w.try("", "GET", "/user", nil, "Authorization", header)
		w.do(err)
		if got.status != status {
			t.Errorf("%q: status %d, want %d", header, got.status, status)
		}
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.call("alice", "GET", "/user", nil).want(t, 200, "login", "alice")
}

func TestPublicRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	repo, err := w.server.CreateRepository(t.Context(), "octo/open", githubtest.RepositoryOptions{Public: true})
	w.do(err)
	_, err = repo.Commit(t.Context(), "main", "first", map[string]string{"a": "b"})
	w.do(err)
	w.call("", "GET", "/repos/octo/open", nil).want(t, 200, "private", false)
	w.call("eve", "GET", "/repos/octo/open/git/ref/heads/main", nil).want(t, 200, "object.type", "commit")
	w.call("", "POST", "/repos/octo/open/git/refs", object{}).want(t, 401, "message", "Requires authentication")
	mustGit(t, t.TempDir(), "clone", "-q", repo.CloneURL(), "x")
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.server.Advance(time.Hour)
	first := w.call("alice", "GET", "", nil)
	second := w.call("alice", "GET", "", nil)
	if got := first.header.Get("Date"); got != "Mon, 05 Jan 2026 10:00:00 GMT" {
		t.Errorf("Date is %q", got)
	}
	if a, b := first.header.Get("X-GitHub-Request-Id"), second.header.Get("X-GitHub-Request-Id"); a == "" || a == b {
		t.Errorf("request ids %q and %q", a, b)
	}
	if got := second.header.Get("X-RateLimit-Remaining"); got != "4998" {
		t.Errorf("remaining is %q", got)
	}
	reset := strconv.FormatInt(w.server.Now().Add(time.Hour).Unix(), 10)
	if got := second.header.Get("X-RateLimit-Reset"); got != reset {
		t.Errorf("reset is %q, want %q", got, reset)
	}
}

func TestRunningClock(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 999, time.UTC)
	w := newWorld(t, githubtest.Options{Now: func() time.Time { return at }})
	w.server.Advance(time.Minute)
	if got, want := w.server.Now(), time.Date(2030, 1, 1, 0, 1, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("now is %s, want %s", got, want)
	}
}

func TestConditionalRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	first := w.call("alice", "GET", "git/ref/heads/dev", nil)
	tag := first.header.Get("ETag")
	again, err := w.try("alice", "GET", "git/ref/heads/dev", nil, "If-None-Match", tag)
	w.do(err)
	if again.status != http.StatusNotModified || len(again.body) != 0 {
		t.Errorf("status %d, body %q", again.status, again.body)
	}
	if a, b := first.header.Get("X-RateLimit-Remaining"), again.header.Get("X-RateLimit-Remaining"); a != b {
		t.Errorf("a 304 was counted: %s, then %s", a, b)
	}
	w.commit("dev", "second", map[string]string{"x": "y"})
	changed, err := w.try("alice", "GET", "git/ref/heads/dev", nil, "If-None-Match", tag)
	w.do(err)
	changed.want(t, 200, "object.sha", w.repo.Head("dev"))
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{RateLimit: 2})
	for range 2 {
		w.call("alice", "GET", "", nil).want(t, 200, "", nil)
	}
	refused := w.call("alice", "GET", "", nil)
	refused.want(t, 403, "", nil)
	if refused.header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("headers %v", refused.header)
	}
	w.call("bob", "GET", "", nil).want(t, 200, "", nil)
	w.server.Advance(time.Hour)
	w.call("alice", "GET", "", nil).want(t, 200, "", nil)
}

func TestNoRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{RateLimit: -1})
	if got := w.call("alice", "GET", "", nil).header.Get("X-RateLimit-Limit"); got != "" {
		t.Errorf("limit is %q", got)
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	for i := range 102 {
		w.do(w.repo.Branch(t.Context(), fmt.Sprintf("b%03d", i), w.first))
	}
	first := w.call("alice", "GET", "branches", nil)
	if n := len(first.list(t)); n != 30 {
		t.Errorf("%d on the first page", n)
	}
	base := w.server.APIURL() + "/repos/acme/config/branches"
	if got, want := first.header.Get("Link"), "<"+base+`?page=2>; rel="next", <`+base+`?page=4>; rel="last"`; got != want {
		t.Errorf("Link is %s, want %s", got, want)
	}
	all := map[string]bool{}
	for next := "branches?per_page=1000"; next != ""; {
		page := w.call("alice", "GET", next, nil)
		if n := len(page.list(t)); n > 100 {
			t.Errorf("%d on one page", n)
		}
		for _, item := range page.list(t) {
			all[fmt.Sprint(item["name"])] = true
		}
		next = ""
		for part := range strings.SplitSeq(page.header.Get("Link"), ", ") {
			if target, isNext := strings.CutSuffix(part, `>; rel="next"`); isNext {
				next = strings.TrimPrefix(target, "<")
			}
		}
	}
	if len(all) != 105 {
		t.Errorf("%d branches in all pages", len(all))
	}
	beyond := w.call("alice", "GET", "branches?page=99", nil)
	if len(beyond.list(t)) != 0 || !strings.Contains(beyond.header.Get("Link"), `rel="prev"`) {
		t.Errorf("beyond the end: %s %s", beyond.header.Get("Link"), beyond.body)
	}
}

func TestRenamedRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	old := w.remote("alice")
	w.do(w.repo.Rename("acme/deployments"))
	moved := w.call("alice", "GET", "git/ref/heads/dev?x=1", nil)
	moved.want(t, 301, "message", "Moved Permanently")
	target := moved.header.Get("Location")
	if !strings.Contains(target, "/api/v3/repositories/") || !strings.HasSuffix(target, "/git/ref/heads/dev?x=1") {
		t.Fatalf("Location is %q", target)
	}
	w.call("alice", "GET", target, nil).want(t, 200, "object.sha", w.first)
	w.call("alice", "PATCH", "git/refs/heads/dev", object{"sha": w.first}).want(t, 301, "", nil)
	w.call("eve", "GET", "", nil).want(t, 404, "", nil)
	w.call("alice", "GET", "/repos/acme/deployments", nil).want(t, 200, "full_name", "acme/deployments")
	mustGit(t, t.TempDir(), "clone", "-q", old, "x")
	if w.repo.Name() != "acme/deployments" {
		t.Errorf("the name is %s", w.repo.Name())
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault  githubtest.Fault
		status int
		body   string
		header string
	}{
		{githubtest.Fault{Kind: githubtest.ServerError}, 500, "", ""},
		{githubtest.Fault{Kind: githubtest.BadGateway}, 502, "<html>", ""},
		{githubtest.Fault{Kind: githubtest.Unavailable}, 503, "message", ""},
		{githubtest.Fault{Kind: githubtest.HTML}, 200, "<!DOCTYPE html>", ""},
		{githubtest.Fault{Kind: githubtest.Unauthorized}, 401, "Bad credentials", "Www-Authenticate"},
		{githubtest.Fault{Kind: githubtest.SecondaryLimit, RetryAfter: 7 * time.Second}, 403, "secondary rate limit", "Retry-After"},
		{githubtest.Fault{Kind: githubtest.TooManyRequests}, 429, "secondary rate limit", "Retry-After"},
		{githubtest.Fault{Kind: githubtest.PrimaryLimit}, 403, "API rate limit exceeded", "X-Ratelimit-Reset"},
	} {
		t.Run(string(test.fault.Kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{})
			w.server.Fail(test.fault)
			got := w.call("alice", "POST", "git/refs", object{"ref": "refs/heads/x", "sha": w.first})
			if got.status != test.status || !strings.Contains(string(got.body), test.body) {
				t.Errorf("%d %s", got.status, got.body)
			}
			if test.header != "" && got.header.Get(test.header) == "" {
				t.Errorf("no %s in %v", test.header, got.header)
			}
			if w.repo.Head("x") != "" {
				t.Error("the request had its effect")
			}
			w.call("alice", "GET", "", nil).want(t, 200, "", nil)
		})
	}
}

func TestFaultsThatCutTheConnection(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githubtest.Fault{
		"reset before": {Kind: githubtest.Reset},
		"reset after":  {Kind: githubtest.Reset, After: true},
		"502 after":    {Kind: githubtest.BadGateway, After: true},
		"truncated":    {Kind: githubtest.Truncated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{})
			w.server.Fail(fault)
			got, err := w.try("alice", "POST", "git/refs", object{"ref": "refs/heads/x", "sha": w.first})
			if err == nil && got.status != http.StatusBadGateway {
				t.Errorf("the answer arrived: %d %s", got.status, got.body)
			}
			if effect := w.repo.Head("x") != ""; effect != (name != "reset before") {
				t.Errorf("effect: %t", effect)
			}
		})
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	arrived := make(chan struct{}, 1)
	w.server.Fail(githubtest.Fault{Kind: githubtest.Hang, Match: func(*http.Request) bool {
		arrived <- struct{}{}
		return true
	}})
	gone := make(chan error, 1)
	go func() {
		_, err := w.try("alice", "GET", "", nil)
		gone <- err
	}()
	<-arrived
	w.server.Close()
	if err := <-gone; err == nil {
		t.Error("answered")
	}
}

func TestFaultPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	statuses := func(n int) []int {
		var got []int
		for range n {
			got = append(got, w.call("alice", "GET", "", nil).status)
		}
		return got
	}
	check := func(name string, want []int, faults ...githubtest.Fault) {
		t.Helper()
		w.server.Heal()
		w.server.Fail(faults...)
		if diff := cmp.Diff(want, statuses(len(want))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	bad := githubtest.ServerError
	check("the second", []int{200, 500, 200}, githubtest.Fault{Kind: bad, Request: 2})
	check("skip and times", []int{200, 500, 500, 200}, githubtest.Fault{Kind: bad, Skip: 1, Times: 2})
	check("always", []int{500, 500, 500}, githubtest.Fault{Kind: bad, Times: -1})
	check("another path", []int{200}, githubtest.Fault{Kind: bad, Path: "/pulls"})
	check("another method", []int{200}, githubtest.Fault{Kind: bad, Method: "POST"})
	check("a function", []int{500}, githubtest.Fault{Kind: bad, Match: func(r *http.Request) bool { return r.URL.Path != "" }})
	check("two plans", []int{500, 502, 200}, githubtest.Fault{Kind: bad}, githubtest.Fault{Kind: githubtest.BadGateway})
	check("none", []int{200})
}

func TestFaultOnGit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	dir := w.clone("alice", "dev")
	write(t, dir, "new", "x")
	mustGit(t, dir, "add", "-A")
	mustGit(t, dir, "commit", "-qm", "second")
	w.server.Fail(githubtest.Fault{Kind: githubtest.Reset, After: true, Path: "git-receive-pack", Method: "POST"})
	if out, err := git(t, dir, "push", "origin", "dev"); err == nil {
		t.Errorf("the answer arrived: %s", out)
	}
	if got := w.repo.Head("dev"); got != mustGit(t, dir, "rev-parse", "HEAD") {
		t.Error("the push had no effect")
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	w.server.Fail(githubtest.Fault{Kind: githubtest.BadGateway, Request: 2})
	w.call("alice", "GET", "branches?per_page=1", nil)
	w.call("alice", "GET", "branches/a%2Fb", nil)
	w.call("eve", "GET", "", nil)
	want := []githubtest.Request{
		{Method: "GET", Path: "/api/v3/repos/acme/config/branches", Query: "per_page=1", Status: 200, Login: "alice"},
		{Method: "GET", Path: "/api/v3/repos/acme/config/branches/a%2Fb", Fault: githubtest.BadGateway},
		{Method: "GET", Path: "/api/v3/repos/acme/config", Status: 404, Login: "eve"},
	}
	if diff := cmp.Diff(want, w.server.Requests()); diff != "" {
		t.Error(diff)
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	var seen []githubtest.Exchange
	w := newWorld(t, githubtest.Options{Observe: func(e githubtest.Exchange) { seen = append(seen, e) }})
	w.call("alice", "POST", "git/refs", object{"ref": "refs/heads/x", "sha": w.first})
	e := seen[0]
	if e.Method != "POST" || e.Path != "/api/v3/repos/acme/config/git/refs" || e.Status != 201 || e.GraphQL {
		t.Errorf("seen %+v", e)
	}
	if !strings.Contains(string(e.RequestBody), "refs/heads/x") || !strings.Contains(string(e.ResponseBody), w.first) {
		t.Errorf("seen %s and %s", e.RequestBody, e.ResponseBody)
	}
	if e.RequestHeader.Get("Authorization") != "" {
		t.Error("the token was shown")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{})
	for _, name := range []string{"", "acme", "acme/", "/config", "a/b/c", "acme/config", "ACME/Config"} {
		if _, err := w.server.CreateRepository(t.Context(), name, githubtest.RepositoryOptions{}); err == nil {
			t.Errorf("%q was created", name)
		}
	}
	w.call("alice", "GET", "/repos/ACME/CONFIG", nil).want(t, 200, "full_name", "acme/config")
}

func TestCloseRemovesOnlyItsOwnDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kept, err := githubtest.New(githubtest.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := kept.CreateRepository(t.Context(), "a/b", githubtest.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bare, err := repo.Dir(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept.Close()
	kept.Close()
	if _, err := os.Stat(bare); err != nil {
		t.Error(err)
	}
	own, err := githubtest.New(githubtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	repo, err = own.CreateRepository(t.Context(), "a/b", githubtest.RepositoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if bare, err = repo.Dir(t.Context()); err != nil {
		t.Fatal(err)
	}
	own.Close()
	if _, err := os.Stat(bare); err == nil {
		t.Error("the repository is still there")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{Observe: func(githubtest.Exchange) {}})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			branch := fmt.Sprintf("topic%d", i)
			w.call("alice", "POST", "git/refs", object{"ref": "refs/heads/" + branch, "sha": w.first})
			if _, err := w.repo.Commit(t.Context(), branch, "x", map[string]string{branch: "1"}); err != nil {
				t.Error(err)
			}
			w.call("alice", "POST", "pulls", object{"title": branch, "head": branch, "base": "dev"})
			w.call("bob", "GET", "pulls", nil)
			w.call("alice", "PATCH", "git/refs/heads/dev", object{"sha": w.repo.Head(branch)})
			w.server.Log()
			w.server.Requests()
			w.server.Advance(time.Second)
		})
	}
	group.Wait()
	moves := 0
	for _, u := range w.server.Log() {
		if u.Ref == "refs/heads/dev" && u.Before == w.first {
			moves++
		}
	}
	if moves != 1 {
		t.Errorf("dev moved %d times from its first commit", moves)
	}
}
