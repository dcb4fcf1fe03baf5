package git

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// canary is the token of every test server. No error may hold it.
const canary = "ghs_CanaryTokenThatMustNeverBeShown0123"

// TestMain poisons the environment: a git process that lets GIT_DIR and its like
// through works on nothing.
func TestMain(m *testing.M) {
	if args := os.Getenv("PAWL_GIT_BENCH"); args != "" {
		benchmarkChild(strings.Fields(args))
	}
	for name, value := range map[string]string{
		"GIT_DIR": "/nonexistent/dir", "GIT_WORK_TREE": "/nonexistent/tree", "GIT_INDEX_FILE": "/nonexistent/index",
		"GIT_OBJECT_DIRECTORY": "/nonexistent/objects", "GIT_NAMESPACE": "poison", "GIT_ASKPASS": "/nonexistent/askpass",
		"GIT_SSH_COMMAND": "false", "GIT_TRACE": "1", "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent/home",
		"GITHUB_TOKEN": canary, "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// runGit runs git for the tests themselves, with an environment of its own.
func runGit(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	out, err := tryGit(t, dir, stdin, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(out, "\n")
}

func tryGit(t testing.TB, dir, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com",
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
		"GIT_CONFIG_KEY_1=protocol.file.allow", "GIT_CONFIG_VALUE_1=always",
	}
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// seen is a request that reached the server.
type seen struct {
	method, path, body string
	authorization      []string
	received           int // bytes that the answer had
}

// server is a Git server over smart HTTP: git http-backend behind a token.
type server struct {
	*httptest.Server
	root string

	serving  sync.RWMutex // read-locked while a request is being served
	mu       sync.Mutex
	requests []seen
	// fault, when set, gets each request and may call forward to have it served.
	fault func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc)
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{root: t.TempDir()}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serving.RLock()
	defer s.serving.RUnlock()
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	counted := &counter{ResponseWriter: w}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, seen{r.Method, r.URL.Path, string(body), r.Header.Values("Authorization"), counted.n})
	}()
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault != nil {
		fault(counted, r, s.serve)
		return
	}
	s.serve(counted, r)
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	user, password, ok := r.BasicAuth()
	bearer := r.Header.Get("Authorization") == "Bearer "+canary
	if !bearer && (!ok || user != "x-access-token" || password != canary) {
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	git, err := exec.LookPath("git")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	backend := &cgi.Handler{
		Path: git, Args: []string{"http-backend"}, Stderr: io.Discard, Logger: quiet(),
		Env: []string{
			"GIT_PROJECT_ROOT=" + s.root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + user,
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "HOME=/nonexistent", "LC_ALL=C",
		},
	}
	backend.ServeHTTP(w, r)
}

type counter struct {
	http.ResponseWriter
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return c.ResponseWriter.Write(p)
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (s *server) setFault(fault func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// take returns the requests that were served so far and forgets them.
func (s *server) take() []seen {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.requests
	s.requests = nil
	return list
}

// isPush says whether a request is the one that changes something.
func isPush(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack")
}

// onPush is a fault for pushes only.
func (s *server) onPush(fault func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc)) {
	s.setFault(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		if isPush(r) {
			fault(w, r, forward)
			return
		}
		forward(w, r)
	})
}

// forwardAndHide has a request served and throws the answer away.
func forwardAndHide(r *http.Request, forward http.HandlerFunc) {
	forward(httptest.NewRecorder(), r)
}

// repository is a bare repository on a server.
type repository struct {
	t   testing.TB
	dir string
	url string
}

func (s *server) repository(t testing.TB) *repository {
	t.Helper()
	r := &repository{t: t, dir: filepath.Join(s.root, "acme", "config.git"), url: s.URL + "/acme/config.git"}
	runGit(t, s.root, "", "init", "-q", "--bare", r.dir)
	for _, setting := range []string{
		"http.receivepack=true", "uploadpack.allowFilter=true", "gc.auto=0", "receive.autogc=false", "receive.fsckObjects=true",
		// As GitHub has it.
		"uploadpackfilter.tree.maxDepth=0", "uploadpackfilter.combine.allow=false", "uploadpackfilter.sparse:oid.allow=false",
		"uploadpack.allowReachableSHA1InWant=true", "uploadpack.allowTipSHA1InWant=true",
	} {
		key, value, _ := strings.Cut(setting, "=")
		r.git("config", key, value)
	}
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	return runGit(r.t, r.dir, "", args...)
}

// commit adds files to a branch. A path may carry a mode: "run.sh|100755". The
// content of a submodule is its commit.
func (r *repository) commit(branch string, files map[string]string) string {
	r.t.Helper()
	return fastImport(r.t, r.dir, branch, files)
}

func fastImport(t testing.TB, dir, branch string, files map[string]string) string {
	t.Helper()
	var in strings.Builder
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter Test <test@example.com> 1700000000 +0000\ndata 4\nseed\n", branch)
	if out, err := tryGit(t, dir, "", "rev-parse", "-q", "--verify", "refs/heads/"+branch); err == nil {
		fmt.Fprintf(&in, "from %s", out)
	}
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		name, mode, ok := strings.Cut(path, "|")
		switch {
		case mode == "160000":
			fmt.Fprintf(&in, "M 160000 %s %s\n", files[path], name)
			continue
		case !ok:
			mode = "100644"
		}
		fmt.Fprintf(&in, "M %s inline %s\ndata %d\n%s\n", mode, name, len(files[path]), files[path])
	}
	runGit(t, dir, in.String(), "fast-import", "--quiet", "--force")
	return runGit(t, dir, "", "rev-parse", "refs/heads/"+branch)
}

func (r *repository) tip(branch string) string {
	r.t.Helper()
	return r.git("rev-parse", "refs/heads/"+branch)
}

func (r *repository) show(what string) string {
	r.t.Helper()
	return r.git("show", what)
}

func (r *repository) hook(name, script string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "hooks", name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		r.t.Fatal(err)
	}
}

// remote opens the repository as a client would.
func (r *repository) remote(change ...func(*Options)) *Remote {
	r.t.Helper()
	options := Options{URL: r.url, Auth: Auth{Username: "x-access-token", Password: canary}, UserAgent: "pawl/test"}
	for _, each := range change {
		each(&options)
	}
	remote, err := NewRemote(options)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(remote.client.CloseIdleConnections)
	return remote
}

func fetch(t testing.TB, remote *Remote, commits ...string) *Objects {
	t.Helper()
	objects, err := remote.Fetch(t.Context(), commits...)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

var someone = Signature{Name: "Ada", Email: "ada@example.com", When: time.Unix(1_750_000_000, 0).In(time.FixedZone("", 2*3600))}

func message(subject string) Message {
	return Message{Subject: subject, Author: someone, Committer: someone}
}

// edit commits one file on top of a commit.
func change(t testing.TB, objects *Objects, parent, path, content string) string {
	t.Helper()
	sha, err := objects.Commit(parent, []Change{{Path: path, Content: []byte(content)}}, message("change "+path))
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

func mustPush(t testing.TB, remote *Remote, objects *Objects, branch, old, sha string) {
	t.Helper()
	if err := remote.Push(t.Context(), objects, branch, old, sha); err != nil {
		t.Fatal(err)
	}
}

// readAll reads every regular file of a commit.
func readAll(ctx context.Context, objects *Objects, commit string) (map[string]string, error) {
	files, err := objects.Files(commit, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	if err := objects.Load(ctx, files); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, file := range files {
		content, err := objects.Content(file)
		if err != nil {
			return nil, err
		}
		all[file.Path] = string(content)
	}
	return all, nil
}

// noCanary fails when a text gives the token away, whole or in part.
func noCanary(t testing.TB, text string) {
	t.Helper()
	for _, secret := range (Auth{Username: "x-access-token", Password: canary}).secrets() {
		if strings.Contains(text, secret[:8]) {
			t.Errorf("a secret shows in %q", text)
		}
	}
}
