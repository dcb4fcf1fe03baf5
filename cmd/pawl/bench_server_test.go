package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// gitServer is a Git server over smart HTTP: git http-backend, the same for all
// contestants. It knows no users.
type gitServer struct {
	*httptest.Server
	root, git string

	serving sync.RWMutex // read-locked while a request is being served
	mu      sync.Mutex
	delay   time.Duration // added to each request
	seen    traffic
}

// traffic is what a server had to do.
type traffic struct {
	requests int
	down, up int64 // bytes of the bodies, as the client sees it
}

func newGitServer(tb testing.TB, root string) *gitServer {
	tb.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		tb.Fatal(err)
	}
	s := &gitServer{root: root, git: git}
	s.Server = httptest.NewServer(s)
	tb.Cleanup(s.Close)
	return s
}

// ServeHTTP hands a request to git http-backend.
func (s *gitServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serving.RLock()
	defer s.serving.RUnlock()
	s.mu.Lock()
	delay := s.delay
	s.mu.Unlock()
	time.Sleep(delay)
	counted := &countingWriter{ResponseWriter: w}
	body := &countingReader{ReadCloser: r.Body}
	r.Body = body
	handler := &cgi.Handler{
		Path: s.git, Args: []string{"http-backend"}, Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
		Env: []string{"GIT_PROJECT_ROOT=" + s.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null"},
	}
	handler.ServeHTTP(counted, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.requests++
	s.seen.down += counted.n
	s.seen.up += body.n
}

// setDelay adds a time to each request.
func (s *gitServer) setDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// take returns what the server did so far, and starts to count anew. It waits for
// what is being served: a client can be done before the server is.
func (s *gitServer) take() traffic {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = traffic{}
	return seen
}

type countingWriter struct {
	http.ResponseWriter

	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

type countingReader struct {
	io.ReadCloser

	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}

// benchRepository is a made-up config repository on a server.
type benchRepository struct {
	dir, url string
	apps     int
	start    string // the commit that every run begins with
}

// The files below base/, in folders of five.
const (
	baseServices = 40
	benchBranch  = "dev"
)

// generate makes a repository: apps/app-NNNNN with five files each; from 1,000 files
// on, 200 of them in base/svc-NN instead; and a history of bumps. It is the same every time.
func (s *gitServer) generate(tb testing.TB, files, commits int) *benchRepository {
	tb.Helper()
	r := &benchRepository{
		dir: filepath.Join(s.root, "acme", fmt.Sprintf("config-%d.git", files)), url: fmt.Sprintf("%s/acme/config-%d.git", s.URL, files),
		apps: files / 5,
	}
	services := 0
	if files >= 1000 {
		services, r.apps = baseServices, r.apps-baseServices
	}
	runGit(tb, s.root, "init", "-q", "--bare", r.dir)
	for _, setting := range []string{"http.receivepack=true", "uploadpack.allowFilter=true", "gc.auto=0", "receive.autogc=false", "receive.fsckObjects=true"} {
		key, value, _ := strings.Cut(setting, "=")
		runGit(tb, r.dir, "config", key, value)
	}
	cmd := exec.CommandContext(tb.Context(), s.git, "fast-import", "--quiet")
	cmd.Dir, cmd.Stderr = r.dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		tb.Fatal(err)
	}
	out := bufio.NewWriter(in)
	r.write(out, services, commits)
	if err := out.Flush(); err != nil {
		tb.Fatal(err)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		tb.Fatal(err)
	}
	r.start = runGit(tb, r.dir, "rev-parse", benchBranch)
	return r
}

// write is the repository for git fast-import.
func (r *benchRepository) write(out io.Writer, services, commits int) {
	blob := func(name, content string) {
		fmt.Fprintf(out, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
	}
	commit := func(i int, text string) {
		fmt.Fprintf(out, "commit refs/heads/%s\ncommitter Test <test@example.com> %d +0000\ndata %d\n%s\n", benchBranch, 1_700_000_000+60*i, len(text), text)
	}
	commit(0, "Start")
	blob(".pawl.yaml", "version: 1\nenvironments:\n  - {name: dev, branch: dev, paths: [base/**]}\n")
	maker := newMonorepoMaker(2)
	folder := func(path, name string) {
		maker.files = nil
		words := maker.words(name, "shop")
		maker.objects(path, words)
		maker.add(path+"/values.yaml", valuesText, words)
		for _, file := range maker.files {
			blob(file.path, file.content)
		}
		blob(path+"/kustomization.yaml", benchKustomization(name, "v1.0.0"))
	}
	for i := range r.apps {
		folder(appFolder(i), appName(i))
	}
	for i := range services {
		folder(fmt.Sprintf("base/svc-%02d", i), fmt.Sprintf("svc-%02d", i))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := 1; i < commits; i++ {
		app, version := random.IntN(r.apps), fmt.Sprintf("v1.0.%d", i)
		commit(i, fmt.Sprintf("Set %s to %s\n\nPawl-Image: %s:%s\nPawl-Key: %064d\n", appName(app), version, benchImage(appName(app)), version, i))
		blob(appFolder(app)+"/kustomization.yaml", benchKustomization(appName(app), version))
	}
}

func appName(i int) string   { return fmt.Sprintf("app-%05d", i) }
func appFolder(i int) string { return "apps/" + appName(i) }

func benchImage(name string) string { return "registry.example.com/team/" + name }

func benchKustomization(name, version string) string {
	return "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - deployment.yaml\n  - service.yaml\n  - configmap.yaml\n" +
		"images:\n  - name: " + benchImage(name) + "\n    newTag: " + version + "\n"
}

// reset brings the branch back to where every run begins.
func (r *benchRepository) reset(tb testing.TB) {
	tb.Helper()
	runGit(tb, r.dir, "update-ref", "refs/heads/"+benchBranch, r.start)
}

// runGit runs git for the benchmarks themselves.
func runGit(tb testing.TB, dir string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "git", args...)
	cmd.Dir, cmd.Env = dir, benchEnvironment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// benchEnvironment is that of a job in which nothing is configured but who commits.
func benchEnvironment(more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com",
	}, more...)
}
