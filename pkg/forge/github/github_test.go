package github

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

const (
	canary = "ghp_canaryTOKEN0123456789"
	shaA   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB   = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	shaC   = "cccccccccccccccccccccccccccccccccccccccc"
	date   = "Wed, 02 Dec 2026 10:00:00 GMT"
)

// journal records what a client did: requests, waits and traces.
type journal struct {
	mu       sync.Mutex
	requests []string
	slept    []time.Duration
	traces   []string
}

func (j *journal) request(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.requests = append(j.requests, text)
	return len(j.requests)
}

func (j *journal) sleep(ctx context.Context, d time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.slept = append(j.slept, d)
	return ctx.Err()
}

func (j *journal) trace(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.traces = append(j.traces, fmt.Sprintf(format, args...))
}

// waited is the sum of all waits.
func (j *journal) waited() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	var sum time.Duration
	for _, d := range j.slept {
		sum += d
	}
	return sum
}

func (j *journal) wantRequests(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if diff := cmp.Diff(want, j.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// serve starts a server whose handler gets requests without /api/v3 and without
// /repos/acme/config in front, and returns a client for it.
func serve(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, n int), change ...func(*Options)) (*Client, *journal) {
	t.Helper()
	j := &journal{}
	record := contract.Record()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recordRequest(t, record, r)
		path := strings.TrimPrefix(r.URL.RequestURI(), "/api/v3")
		path = strings.TrimPrefix(path, "/repos/acme/config")
		n := j.request(r.Method + " " + path)
		w.Header().Set("Date", date)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		handle(w, r, n)
	}))
	t.Cleanup(server.Close)
	return client(t, j, append([]func(*Options){func(o *Options) { o.APIURL = server.URL + "/api/v3" }}, change...)...), j
}

// recordRequest shows the contract what the client sent, and not what the test is
// about to answer.
func recordRequest(t *testing.T, record func(githubtest.Exchange), r *http.Request) {
	t.Helper()
	if record == nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	header := r.Header.Clone()
	header.Del("Authorization")
	record(githubtest.Exchange{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, RequestHeader: header, RequestBody: body,
		GraphQL: r.URL.Path == "/api/graphql",
	})
}

func client(t *testing.T, j *journal, change ...func(*Options)) *Client {
	t.Helper()
	opts := Options{Owner: "acme", Name: "config", Token: canary, Sleep: j.sleep, Random: func() float64 { return 0.5 }, Trace: j.trace}
	for _, f := range change {
		f(&opts)
	}
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// roundTripper answers requests without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answer(req *http.Request, status int, body string, headers ...string) *http.Response {
	resp := &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Date": {date}, "Content-Type": {"application/json; charset=utf-8"}},
		Body:   io.NopCloser(strings.NewReader(body)), Request: req,
	}
	for i := 0; i+1 < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// write sends JSON, or a string as it is.
func write(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	if text, ok := body.(string); ok {
		_, _ = io.WriteString(w, text)
		return
	}
	_ = json.NewEncoder(w).Encode(body)
}

type object = map[string]any

func refJSON(branch, sha string) object {
	return object{"ref": "refs/heads/" + branch, "object": object{"type": "commit", "sha": sha}}
}

func repositoryJSON() object {
	return object{"node_id": "R_1", "full_name": "acme/config", "default_branch": "dev", "html_url": "http://x/acme/config"}
}

func repositoryFor(r *http.Request) object {
	repository := repositoryJSON()
	repository["clone_url"] = "http://" + r.Host + "/acme/config.git"
	return repository
}

func pullJSON(number int, head, base string) object {
	return object{
		"number": number, "title": "a title", "body": "a body", "state": "open", "draft": false,
		"user": object{"login": "alice"}, "created_at": "2026-12-01T10:00:00Z", "html_url": "http://x/pull",
		"head": object{"ref": head, "sha": shaB, "repo": object{"node_id": "R_1", "full_name": "acme/config"}},
		"base": object{"ref": base, "sha": shaA, "repo": object{"node_id": "R_1", "full_name": "acme/config"}},
	}
}

func commitJSON(sha string, parents ...string) object {
	list := []object{}
	for _, p := range parents {
		list = append(list, object{"sha": p})
	}
	person := object{"name": "Alice", "date": "2026-12-01T10:00:00Z"}
	return object{"sha": sha, "parents": list, "author": object{"login": "alice"},
		"commit": object{"message": "subject\n\nbody", "author": person, "committer": person}}
}

func compareJSON(status, base, ancestor string, ahead, behind int, commits ...object) object {
	if commits == nil {
		commits = []object{}
	}
	return object{"status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
		"base_commit": object{"sha": base}, "merge_base_commit": object{"sha": ancestor}, "commits": commits}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ owner, name, api, want string }{
		{"acme", "config", "", ""},
		{"acme", ".github", "", ""},
		{"acme", "a.b-c_d", "", ""},
		{"", "config", "", "OWNER/NAME"},
		{"acme", "..", "", "OWNER/NAME"},
		{"acme", ".", "", "OWNER/NAME"},
		{"acme", "a/b", "", "OWNER/NAME"},
		{"acme", "a?b", "", "OWNER/NAME"},
		{"acme", "config", "http://github.example", "not https"},
	} {
		_, err := New(Options{Owner: tt.owner, Name: tt.name, APIURL: tt.api})
		wantText(t, err, tt.want)
	}
	for _, token := range []string{canary + "\n", " " + canary, canary + "\x00", canary + "ü"} {
		_, err := New(Options{Owner: "acme", Name: "config", Token: token})
		wantText(t, err, "the token holds")
		if strings.Contains(err.Error(), canary) {
			t.Errorf("the token is in %v", err)
		}
	}
}

// wantText fails unless err holds text; an empty text wants no error.
func wantText(t *testing.T, err error, text string) {
	t.Helper()
	switch {
	case text == "" && err != nil:
		t.Errorf("got error %v, want none", err)
	case text != "" && (err == nil || !strings.Contains(err.Error(), text)):
		t.Errorf("got error %v, want one with %q", err, text)
	}
}

func TestRepositoryCloneURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, want string }{
		{"http://HOST/acme/config.git", ""},
		{"http://user:pw@HOST/acme/config.git", "must not go there"},
		{"http://evil.example/acme/config.git", "must not go there"},
		{"https://HOST/acme/config.git", "must not go there"},
		{"", "clone_url"},
	} {
		c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			repository := repositoryJSON()
			repository["clone_url"] = strings.Replace(tt.url, "HOST", r.Host, 1)
			write(w, 200, repository)
		})
		_, err := c.Repository(t.Context())
		wantText(t, err, tt.want)
	}
}

func TestNowIsTheNewestDate(t *testing.T) {
	t.Parallel()
	dates := []string{date, "Wed, 02 Dec 2026 09:00:00 GMT", "garbage", "Wed, 02 Dec 2026 10:00:01 GMT"}
	wants := []string{"10:00:00", "10:00:00", "10:00:00", "10:00:01"}
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		w.Header().Set("Date", dates[n-1])
		write(w, 200, refJSON("dev", shaA))
	})
	if !c.Now().IsZero() {
		t.Errorf("before any answer: got %s", c.Now())
	}
	for _, want := range wants {
		if _, err := c.Branch(t.Context(), "dev"); err != nil {
			t.Fatal(err)
		}
		if got := c.Now().UTC().Format(time.TimeOnly); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
