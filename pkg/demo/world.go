// Package demo is pawl's tour: an embedded GitHub with a config repository of
// three environments, and the commands that take a release through it.
//
// The commands are the real ones, run against a real HTTP server and real Git;
// nothing is replayed. The package is also the stage on which the commands in
// the documentation are run. It reaches no network beyond loopback.
package demo

import (
	"context"
	_ "embed" // for the repository
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

//go:embed repository.txtar
var repository []byte

// Name is the demo's config repository.
const Name = "acme/config"

// Main is pawl's command line: arguments in, exit code out.
type Main func(ctx context.Context, args []string, env Env) int

// Env is what a command line runs in.
type Env struct {
	Out, Err io.Writer
	Getenv   func(string) string
	Now      func() time.Time
	Dir      string
}

// World is a running GitHub with the demo's repository, and a clone of it.
type World struct {
	Server *githubtest.Server
	Clone  string // the folder of the clone

	dir   string
	repo  *githubtest.Repository
	token string
	names map[string]string // what the environment says to commands
}

// Open starts the world in a new folder below dir (empty: the system's folder
// for temporary files), with the server's clock at start.
func Open(ctx context.Context, dir string, start time.Time) (w *World, err error) {
	dir, err = os.MkdirTemp(dir, "pawl-demo-")
	if err != nil {
		return nil, fmt.Errorf("starting the demo: %w", err)
	}
	w = &World{dir: dir, Clone: filepath.Join(dir, "config")}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.Server, err = githubtest.New(githubtest.Options{Dir: filepath.Join(dir, "github"), Start: start}); err != nil {
		return w, fmt.Errorf("starting the demo's GitHub: %w", err)
	}
	if err := w.populate(ctx); err != nil {
		return w, fmt.Errorf("filling the demo's GitHub: %w", err)
	}
	if err := w.git(ctx, "", "clone", "--quiet", "--branch", "dev", w.Server.URL()+"/"+Name+".git", w.Clone); err != nil {
		return w, err
	}
	// The token of a server on this machine, for this demo, is no secret: with it in
	// the clone, git fetch works for who goes on by hand.
	if err := w.git(ctx, w.Clone, "config", "http."+w.Server.URL()+"/.extraHeader", w.header()); err != nil {
		return w, err
	}
	w.names = map[string]string{
		"GITHUB_SERVER_URL": w.Server.URL(),
		"GITHUB_API_URL":    w.Server.APIURL(),
		"GITHUB_TOKEN":      w.token,
		"OCTOCAT_TOKEN":     w.Server.CreateUser("octocat"),
	}
	for _, role := range []string{"AUTHOR", "COMMITTER"} {
		w.names["GIT_"+role+"_NAME"] = "release-bot"
		w.names["GIT_"+role+"_EMAIL"] = "release-bot@users.noreply.github.com"
	}
	return w, nil
}

// Close stops the server and removes everything.
func (w *World) Close() error {
	if w.Server != nil {
		w.Server.Close()
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("removing the demo: %w", err)
	}
	return nil
}

// Exports lists the environment variables to go on by hand with.
func (w *World) Exports() []string {
	var list []string
	for _, name := range []string{"GITHUB_SERVER_URL", "GITHUB_API_URL", "GITHUB_TOKEN", "OCTOCAT_TOKEN"} {
		list = append(list, name+"="+w.names[name])
	}
	return list
}

// Run runs a command line, which begins with "pawl", in the clone.
func (w *World) Run(ctx context.Context, main Main, line string, env Env) int {
	env.Dir = w.Clone
	env.Now = w.Server.Now
	env.Getenv = func(name string) string { return w.names[name] }
	return main(ctx, strings.Fields(line)[1:], env)
}

// Act does what others do beside pawl:
//
//	check BRANCH CONTEXT   a check succeeds on the branch's head
//	approve NUMBER LOGIN   somebody approves a pull request
//	commit BRANCH FILE     somebody commits to a branch by hand
//	wait DURATION          time passes
func (w *World) Act(ctx context.Context, line string) error {
	words := strings.Fields(line)
	switch {
	case len(words) == 3 && words[0] == "check":
		return w.repo.SetStatus(ctx, w.repo.Head(words[1]), words[2], "success")
	case len(words) == 3 && words[0] == "approve":
		number, err := strconv.Atoi(words[1])
		if err != nil {
			return fmt.Errorf("reading %q: %w", line, err)
		}
		return w.repo.Approve(ctx, number, words[2])
	case len(words) == 3 && words[0] == "commit":
		_, err := w.repo.Commit(ctx, words[1], "Change "+words[2]+" by hand", map[string]string{words[2]: "changed: by-hand\n"})
		return err
	case len(words) == 2 && words[0] == "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return fmt.Errorf("reading %q: %w", line, err)
		}
		w.Server.Advance(d)
		return nil
	}
	return fmt.Errorf("unknown act %q", line)
}

// Page is the description of a pull request.
func (w *World) Page(ctx context.Context, number int) (string, error) {
	pr, err := w.repo.PullRequest(ctx, number)
	return pr.Body, err
}

// populate creates people and the repository with its three branches.
func (w *World) populate(ctx context.Context) error {
	var err error
	w.token = w.Server.CreateUser("release-bot")
	if w.repo, err = w.Server.CreateRepository(ctx, Name, githubtest.RepositoryOptions{DefaultBranch: "dev"}); err != nil {
		return err
	}
	w.repo.SetPermission("release-bot", githubtest.Write)
	files := map[string]string{}
	for _, file := range txtar.Parse(repository).Files {
		files[file.Name] = string(file.Data)
	}
	sha, err := w.repo.Commit(ctx, "dev", "Start with api 1.4.1, worker 0.9.0 and web 2.0.3", files)
	if err != nil {
		return err
	}
	for _, branch := range []string{"staging", "production"} {
		if err := w.repo.Branch(ctx, branch, sha); err != nil {
			return err
		}
	}
	return nil
}

// header is what the demo's server knows the clone by.
func (w *World) header() string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+w.token))
}

// git runs the git command line with the demo's token, and no configuration of
// the user's but what it needs.
func (w *World) git(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	// The token goes by the environment: a command line can be read by others.
	cmd.Env = append(cmd.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=http."+w.Server.URL()+"/.extraHeader", "GIT_CONFIG_VALUE_0="+w.header())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running git %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}
