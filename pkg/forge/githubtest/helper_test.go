package githubtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

// world is a server with one repository, three branches, and a few people.
type world struct {
	t      *testing.T
	server *githubtest.Server
	repo   *githubtest.Repository
	first  string // the commit that dev, staging and production start at
	tokens map[string]string
}

func newWorld(t *testing.T, opts githubtest.Options) *world {
	t.Helper()
	opts.Observe = observer(opts.Observe)
	server, err := githubtest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := &world{t: t, server: server, tokens: map[string]string{}}
	repo, err := server.CreateRepository(t.Context(), "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	w.repo = repo
	for _, person := range []struct {
		login string
		role  githubtest.Permission
	}{
		{"alice", githubtest.Write}, {"bob", githubtest.Write}, {"rita", githubtest.Read},
		{"mia", githubtest.Maintain}, {"ada", githubtest.Admin},
	} {
		w.tokens[person.login] = server.CreateUser(person.login)
		repo.SetPermission(person.login, person.role)
	}
	w.tokens["eve"] = server.CreateUser("eve")
	w.first = w.commit("dev", "first", map[string]string{"base/app.yaml": "image: app:1\n"})
	for _, branch := range []string{"staging", "production"} {
		if err := repo.Branch(t.Context(), branch, w.first); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// observer records every exchange for the contract, and shows it to next.
func observer(next func(githubtest.Exchange)) func(githubtest.Exchange) {
	record := contract.Record()
	switch {
	case record == nil:
		return next
	case next == nil:
		return record
	}
	return func(e githubtest.Exchange) {
		record(e)
		next(e)
	}
}

func (w *world) commit(branch, message string, files map[string]string) string {
	w.t.Helper()
	sha, err := w.repo.Commit(w.t.Context(), branch, message, files)
	if err != nil {
		w.t.Fatal(err)
	}
	return sha
}

// dir is the bare repository.
func (w *world) dir() string {
	w.t.Helper()
	dir, err := w.repo.Dir(w.t.Context())
	w.do(err)
	return dir
}

// answer is what came back from an API request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request as a user; a path without a slash in front is below the
// repository.
func (w *world) call(login, method, path string, body any) answer {
	w.t.Helper()
	response, err := w.try(login, method, path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response
}

func (w *world) url(path string) string {
	if strings.HasPrefix(path, "http") {
		return path
	}
	if strings.HasPrefix(path, "/") {
		return w.server.APIURL() + path
	}
	return strings.TrimSuffix(w.server.APIURL()+"/repos/acme/config/"+path, "/")
}

func (w *world) try(login, method, path string, body any, headers ...string) (answer, error) {
	w.t.Helper()
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.url(path), payload)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token := w.tokens[login]; token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, data}, err
}

// get reads a path out of an answer: "head.sha", "errors.0.code".
func (a answer) get(t *testing.T, path string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	for key := range strings.SplitSeq(path, ".") {
		switch inner := value.(type) {
		case map[string]any:
			value = inner[key]
		case []any:
			index := strings.Index("0123456789", key)
			if index < 0 || index >= len(inner) {
				return nil
			}
			value = inner[index]
		default:
			return nil
		}
	}
	return value
}

// list decodes an answer that is a list.
func (a answer) list(t *testing.T) []map[string]any {
	t.Helper()
	var items []map[string]any
	if err := json.Unmarshal(a.body, &items); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return items
}

func (a answer) want(t *testing.T, status int, path string, value any) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if path == "" {
		return
	}
	if got := a.get(t, path); got != value {
		t.Errorf("%s is %v, want %v", path, got, value)
	}
}

// git runs the real client with no configuration but a name.
func git(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = dir
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@example.com",
		"GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@example.com",
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

func mustGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := git(t, dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(out)
}

// remote is the clone URL with a user's token in it.
func (w *world) remote(login string) string {
	return strings.Replace(w.repo.CloneURL(), "http://", "http://x:"+w.tokens[login]+"@", 1)
}

// clone checks a branch out.
func (w *world) clone(login, branch string) string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "checkout")
	mustGit(w.t, "", "clone", "-q", "-b", branch, w.remote(login), dir)
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// object is a JSON body.
type object = map[string]any

// open opens a pull request from a new branch that is one commit ahead of base.
func (w *world) open(branch, base string) githubtest.PullRequest {
	w.t.Helper()
	if err := w.repo.Branch(w.t.Context(), branch, w.repo.Head(base)); err != nil {
		w.t.Fatal(err)
	}
	w.commit(branch, "change "+branch, map[string]string{branch + ".yaml": "a: 1\n"})
	return w.openFrom(branch, base)
}

func (w *world) openFrom(branch, base string) githubtest.PullRequest {
	w.t.Helper()
	p, err := w.repo.As("alice").OpenPullRequest(w.t.Context(), githubtest.NewPullRequest{Title: branch, Head: branch, Base: base})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) pull(number int) githubtest.PullRequest {
	w.t.Helper()
	p, err := w.repo.PullRequest(w.t.Context(), number)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
