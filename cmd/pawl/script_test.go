package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/getpawl/pawl/pkg/audit"
	client "github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/git"
)

// start is when every script begins, on the server and at home.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// slug is the config repository of every script.
const slug = "acme/config"

// scripts is where the scripts are.
const scripts = "../../testdata/script"

// stage is the GitHub that a script runs against.
type stage struct {
	server *githubtest.Server
	repo   *githubtest.Repository
	seen   int // requests counted already
	forced bool
	rule   int64 // the ruleset in force
	// expected are what an audit must find at the end; others may not be found.
	expected map[*githubtest.Server][]string
}

type stageKey struct{}

// setup gives each script a clean environment: no configuration of the user's,
// no token, a fixed clock.
func setup(env *testscript.Env) error {
	env.Setenv("PAWL_TEST_NOW", start.Format(time.RFC3339))
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(env.WorkDir, ".gitconfig"))
	env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	env.Setenv("GIT_TERMINAL_PROMPT", "0")
	env.Setenv("GIT_AUTHOR_NAME", "Release Bot")
	env.Setenv("GIT_AUTHOR_EMAIL", "release-bot@example.com")
	env.Setenv("GIT_COMMITTER_NAME", "Release Bot")
	env.Setenv("GIT_COMMITTER_EMAIL", "release-bot@example.com")
	env.Setenv("GIT_AUTHOR_DATE", start.Format(time.RFC3339))
	env.Setenv("GIT_COMMITTER_DATE", start.Format(time.RFC3339))
	env.Setenv(raceVariable, raceOptions)
	transcript := env.WorkDir + ".transcript"
	env.Setenv(transcriptVariable, transcript)
	env.Defer(func() { _ = os.Remove(transcript) })
	env.Values[stageKey{}] = &stage{expected: map[*githubtest.Server][]string{}}
	return recordPrograms(env)
}

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"exits":  exits,
		"github": github,
		"cmpout": cmpout,
	}
}

// exits N COMMAND… runs a command that must end with exit code N.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s exited with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// cmpout FILE [stderr] compares what the last command printed with a file, in which
// $VARIABLES stand for their values: the address of the server differs each time. So do
// the ids of requests, for which the file has ID. With -update it rewrites the file in the
// script.
func cmpout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 || len(args) == 2 && args[1] != "stderr" {
		ts.Fatalf("usage: cmpout FILE [stderr]")
	}
	stream := append(args, "stdout")[1]
	expected := ts.ReadFile(args[0])
	want := os.Expand(expected, func(name string) string { return ts.Getenv(name) })
	got := regexp.MustCompile(`request [0-9A-F]{4}:[0-9A-F]{6}`).ReplaceAllString(ts.ReadFile(stream), "request ID")
	switch {
	case got == want:
	case *update:
		ts.Check(rewrite(ts, args[0], expected, got))
	default:
		ts.Fatalf("%s differs from %s:\ngot:\n%s\nwant:\n%s", stream, args[0], got, want)
	}
}

// rewrite puts an output into a file of a script. The address of the server and the
// variables that the file had stay variables.
func rewrite(ts *testscript.TestScript, file, before, got string) error {
	names := []string{"SERVER"}
	os.Expand(before, func(name string) string {
		names = append(names, name)
		return ""
	})
	// The longest first: a short SHA is the beginning of the whole one.
	slices.SortStableFunc(names, func(a, b string) int { return len(ts.Getenv(b)) - len(ts.Getenv(a)) })
	for _, name := range names {
		if value := ts.Getenv(name); value != "" {
			got = strings.ReplaceAll(got, value, "$"+name)
		}
	}
	name := filepath.Join(scripts, ts.Name()+".txtar")
	archive, err := txtar.ParseFile(name)
	if err != nil {
		return err
	}
	for i := range archive.Files {
		if archive.Files[i].Name == file {
			archive.Files[i].Data = []byte(got)
		}
	}
	return os.WriteFile(name, txtar.Format(archive), 0o600)
}

// github VERB … plays GitHub and the people on it.
func github(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || neg && args[0] != "same" {
		ts.Fatalf("usage: github VERB [ARG…]")
	}
	s, ok := ts.Value(stageKey{}).(*stage)
	if !ok {
		ts.Fatalf("no stage")
	}
	verbs := map[string]func(*testscript.TestScript, []string){
		"start": s.start, "commit": s.commit, "branch": s.branch, "head": s.head, "same": s.same, "differ": s.differ,
		"status": s.status, "check-run": s.checkRun, "approve": s.approve, "object": s.object, "permission": s.permission, "token": s.newToken,
		"press-merge": s.pressMerge, "force": s.force, "force-file": s.forceFile, "fault": s.fault, "protect": s.protect, "close": s.close,
		"requests": s.requests, "mutations": s.mutations, "body": s.body, "edit": s.edit, "web-edit": s.webEdit, "pulls": s.pulls, "advance": s.advance,
		"delete-branch": s.deleteBranch, "open": s.open, "app": s.app, "signing-key": s.signingKey, "executable": s.executable, "get": s.get,
		"audit-expects": s.auditExpects, "empty": s.empty,
	}
	if neg {
		args[0] = "differ"
	}
	verb, known := verbs[args[0]]
	if !known {
		ts.Fatalf("unknown verb %q", args[0])
	}
	verb(ts, args[1:])
}

// start DIR [BRANCH…] starts a server whose repository has the files of DIR on
// the branches, dev, staging and production if none are named. The first one is the
// default branch.
func (s *stage) start(ts *testscript.TestScript, args []string) {
	ctx := context.Background()
	server, err := githubtest.New(githubtest.Options{Start: start, Observe: contract.Record()})
	ts.Check(err)
	s.server, s.seen, s.rule = server, 0, 0
	token := server.CreateUser("release-bot")
	branches := args[1:]
	if len(branches) == 0 {
		branches = []string{"dev", "staging", "production"}
	}
	s.repo, err = server.CreateRepository(ctx, slug, githubtest.RepositoryOptions{DefaultBranch: branches[0]})
	ts.Check(err)
	repo := s.repo
	ts.Defer(func() { s.finish(ts, server, repo) })
	s.repo.SetPermission("release-bot", githubtest.Write)
	sha, err := s.repo.Commit(ctx, branches[0], "Start", readDir(ts, args[0]))
	ts.Check(err)
	for _, branch := range branches[1:] {
		ts.Check(s.repo.Branch(ctx, branch, sha))
	}
	ts.Setenv("GITHUB_SERVER_URL", server.URL())
	ts.Setenv("GITHUB_API_URL", server.APIURL())
	ts.Setenv("SERVER", server.URL())
	ts.Setenv("API", server.APIURL())
	ts.Setenv("GITHUB_TOKEN", token)
	ts.Setenv("TOKEN", token)
	ts.Setenv("PAWL_REPO", slug)
	ts.Setenv("CLONE", strings.Replace(server.URL(), "://", "://x-access-token:"+token+"@", 1)+"/"+slug+".git")
}

// finish checks what must hold after every script: no branch that pawl moved went
// anywhere but forward, and what was pushed is sound.
func (s *stage) finish(ts *testscript.TestScript, server *githubtest.Server, repo *githubtest.Repository) {
	ts.Check(fsck(context.Background(), repo))
	for _, update := range server.Log() {
		if !update.FastForward && !update.Created() && !update.Deleted() && !s.forced {
			ts.Logf("%s moved from %s to %s, which is no fast-forward", update.Ref, update.Before, update.After)
			ts.Fatalf("P1: a branch moved other than forward")
		}
	}
	if leaks := leaks(ts, server, repo); len(leaks) > 0 {
		ts.Fatalf("P10: a token is in %s", strings.Join(leaks, ", "))
	}
	s.audit(ts, server, repo)
	server.Close()
}

// audit-expects KIND… says what an audit of all that happened finds at the end of the
// script: what it plants on purpose, for which pawl is not to blame. Kinds are those of
// pkg/audit, "? KIND" for what cannot be proved, or "error" if there is no configuration
// to audit by.
func (s *stage) auditExpects(_ *testscript.TestScript, args []string) { s.expected[s.server] = args }

// audit proves that what pawl did kept its promises, from the outside.
func (s *stage) audit(ts *testscript.TestScript, server *githubtest.Server, repo *githubtest.Repository) {
	server.Heal()
	token := server.CreateUser("auditor")
	repo.SetPermission("auditor", githubtest.Read)
	api, err := client.New(client.Options{APIURL: server.APIURL(), Owner: "acme", Name: "config", Token: token})
	ts.Check(err)
	remote, err := git.NewRemote(git.Options{URL: repo.CloneURL(), Auth: git.TokenAuth(token)})
	ts.Check(err)
	report, err := audit.Run(context.Background(), audit.Source{Name: slug, Forge: api, Git: remote}, audit.Options{})
	found := []string{}
	if err != nil {
		ts.Logf("audit: %v", err)
		found, report = append(found, "error"), &audit.Report{}
	}
	for _, f := range report.Findings {
		kind := string(f.Kind)
		if f.State == audit.Unknown {
			kind = "? " + kind
		}
		if f.State != audit.Recorded && !slices.Contains(found, kind) {
			found = append(found, kind)
		}
	}
	slices.Sort(found)
	want := slices.Sorted(slices.Values(s.expected[server]))
	if !slices.Equal(found, want) {
		for _, f := range report.Findings {
			ts.Logf("audit: %s %s %s %s: %s", f.State, f.Kind, f.Environment, f.Commit, f.Reason)
		}
		ts.Fatalf("the audit found %q, want %q", found, want)
	}
}

// fsck has Git check the server's repository.
func fsck(ctx context.Context, repo *githubtest.Repository) error {
	dir, err := repo.Dir(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "git", "fsck", "--strict", "--full", "--no-dangling", "--no-progress")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		return fmt.Errorf("git fsck of the server's repository: %w\n%s", err, out)
	}
	return nil
}

func readDir(ts *testscript.TestScript, dir string) map[string]string {
	files := map[string]string{}
	root := ts.MkAbs(dir)
	ts.Check(filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, relErr := filepath.Rel(root, name)
		files[filepath.ToSlash(rel)] = string(data)
		return errors.Join(err, relErr)
	}))
	return files
}

// resolve turns a branch name into its SHA; a SHA stays.
func (s *stage) resolve(ts *testscript.TestScript, name string) string {
	if len(name) == 40 {
		return name
	}
	sha := s.repo.Head(name)
	if sha == "" {
		ts.Fatalf("there is no branch %q", name)
	}
	return sha
}

// commit BRANCH DIR MESSAGE commits the files of DIR on top of the branch.
func (s *stage) commit(ts *testscript.TestScript, args []string) {
	_, err := s.repo.Commit(context.Background(), args[0], strings.Join(args[2:], " "), readDir(ts, args[1]))
	ts.Check(err)
}

// branch NAME AT creates a branch.
func (s *stage) branch(ts *testscript.TestScript, args []string) {
	ts.Check(s.repo.Branch(context.Background(), args[0], s.resolve(ts, args[1])))
}

// delete-branch NAME deletes a branch.
func (s *stage) deleteBranch(ts *testscript.TestScript, args []string) {
	ts.Check(s.repo.DeleteBranch(context.Background(), args[0]))
}

// head BRANCH VARIABLE sets a variable to the branch's SHA, and VARIABLE_SHORT to
// its first 12 digits.
func (s *stage) head(ts *testscript.TestScript, args []string) {
	sha := s.resolve(ts, args[0])
	ts.Setenv(args[1], sha)
	ts.Setenv(args[1]+"_SHORT", sha[:12])
}

// same BRANCH… checks that the branches are at one commit.
func (s *stage) same(ts *testscript.TestScript, args []string) {
	for _, branch := range args[1:] {
		if a, b := s.resolve(ts, args[0]), s.resolve(ts, branch); a != b {
			ts.Fatalf("%s is at %s, %s at %s", args[0], a, branch, b)
		}
	}
}

// differ BRANCH BRANCH, written "! github same", checks that they are not.
func (s *stage) differ(ts *testscript.TestScript, args []string) {
	if s.resolve(ts, args[0]) == s.resolve(ts, args[1]) {
		ts.Fatalf("%s and %s are at the same commit", args[0], args[1])
	}
}

// status BRANCH|SHA CONTEXT STATE reports a commit status.
func (s *stage) status(ts *testscript.TestScript, args []string) {
	ts.Check(s.repo.SetStatus(context.Background(), s.resolve(ts, args[0]), args[1], args[2]))
}

// check-run BRANCH|SHA NAME CONCLUSION reports a completed check run.
func (s *stage) checkRun(ts *testscript.TestScript, args []string) {
	run := githubtest.CheckRun{Name: args[1], Conclusion: args[2]}
	ts.Check(s.repo.AddCheckRun(context.Background(), s.resolve(ts, args[0]), run))
}

// approve NUMBER LOGIN approves a pull request.
func (s *stage) approve(ts *testscript.TestScript, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(s.repo.Approve(context.Background(), number, args[1]))
}

// object NUMBER LOGIN asks for changes to a pull request.
func (s *stage) object(ts *testscript.TestScript, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(s.repo.RequestChanges(context.Background(), number, args[1]))
}

// permission LOGIN ROLE sets what somebody may do.
func (s *stage) permission(ts *testscript.TestScript, args []string) {
	s.repo.SetPermission(args[0], githubtest.Permission(args[1]))
}

// token LOGIN VARIABLE [PERMISSION=LEVEL…|scopes=NAME,…] makes a token for a new or
// known user: a fine-grained one, if permissions are named, a classic one with these
// scopes alone, if scopes are.
func (s *stage) newToken(ts *testscript.TestScript, args []string) {
	token := s.server.CreateUser(args[0])
	if len(args) > 2 {
		options := githubtest.TokenOptions{Permissions: githubtest.Permissions{}}
		for _, arg := range args[2:] {
			name, level, _ := strings.Cut(arg, "=")
			if name == "scopes" {
				options.Permissions, options.Scopes = nil, strings.Split(level, ",")
				continue
			}
			options.Permissions[name] = level
		}
		var err error
		token, err = s.server.CreateToken(args[0], options)
		ts.Check(err)
	}
	ts.Setenv(args[1], token)
}

// empty NAME makes another repository, without a commit.
func (s *stage) empty(ts *testscript.TestScript, args []string) {
	repo, err := s.server.CreateRepository(context.Background(), args[0], githubtest.RepositoryOptions{DefaultBranch: "dev"})
	ts.Check(err)
	repo.SetPermission("release-bot", githubtest.Write)
}

// signing-key FILE adds an SSH key to the account of a user, for signatures.
func (s *stage) signingKey(ts *testscript.TestScript, args []string) {
	s.server.AddSigningKey(ts.ReadFile(args[0]))
}

// executable BRANCH PATH FILE commits a file that is executable.
func (s *stage) executable(ts *testscript.TestScript, args []string) {
	change := githubtest.Change{Path: args[1], Content: ts.ReadFile(args[2]), Mode: "100755"}
	_, err := s.repo.CommitChanges(context.Background(), args[0], "An executable", change)
	ts.Check(err)
}

// app SLUG KEYFILE installed|suspended|absent makes a GitHub App, writes its key to a
// file and sets APP_ID to its ID.
func (s *stage) app(ts *testscript.TestScript, args []string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	id := s.server.CreateAppKey(args[0], githubtest.Permissions{
		"contents": "write", "pull_requests": "write", "statuses": "write", "checks": "read",
	}, &key.PublicKey)
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(block), 0o600))
	ts.Setenv("APP_ID", strconv.FormatInt(id, 10))
	s.server.SuspendApp(args[0], args[2] == "suspended")
	if args[2] == "absent" {
		s.repo.UninstallApp(args[0])
	}
}

// press-merge NUMBER METHOD presses the merge button.
func (s *stage) pressMerge(ts *testscript.TestScript, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	_, err = s.repo.PressMerge(context.Background(), number, args[1])
	ts.Check(err)
}

// close NUMBER closes a pull request.
func (s *stage) close(ts *testscript.TestScript, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(s.repo.ClosePullRequest(context.Background(), number))
}

// force BRANCH SHA moves a branch by force, as a person with too many rights would.
func (s *stage) force(ts *testscript.TestScript, args []string) {
	s.forced = true
	ts.Check(s.repo.ForcePush(context.Background(), args[0], s.resolve(ts, args[1])))
}

// force-file BRANCH FILE does so to the SHA in a file.
func (s *stage) forceFile(ts *testscript.TestScript, args []string) {
	s.force(ts, []string{args[0], strings.TrimSpace(ts.ReadFile(args[1]))})
}

// fault KIND METHOD PATH [after] [COUNT] makes requests fail, before they have
// their effect or after. fault none ends that.
func (s *stage) fault(ts *testscript.TestScript, args []string) {
	if slices.Equal(args, []string{"none"}) {
		s.server.Heal()
		return
	}
	fault := githubtest.Fault{Kind: githubtest.FaultKind(args[0]), Method: args[1], Path: args[2], Times: 1}
	for _, arg := range args[3:] {
		if arg == "after" {
			fault.After = true
			continue
		}
		count, err := strconv.Atoi(arg)
		ts.Check(err)
		fault.Times = count
	}
	s.server.Fail(fault)
}

// advance DURATION lets time pass on the server.
func (s *stage) advance(ts *testscript.TestScript, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	s.server.Advance(d)
}

// requests MAX checks how many requests were made since the last count.
func (s *stage) requests(ts *testscript.TestScript, args []string) {
	requests := s.server.Requests()
	since := requests[s.seen:]
	s.seen = len(requests)
	if len(args) == 0 {
		return
	}
	limit, err := strconv.Atoi(args[0])
	ts.Check(err)
	for i, request := range since {
		ts.Logf("%2d %s %s %d", i+1, request.Method, request.Path, request.Status)
	}
	if len(since) > limit {
		ts.Fatalf("%d requests, want at most %d", len(since), limit)
	}
}

// mutations COUNT checks how many of the requests since the last count were to
// change something.
func (s *stage) mutations(ts *testscript.TestScript, args []string) {
	requests := s.server.Requests()
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	for _, request := range requests[s.seen:] {
		if request.Method != "GET" && !strings.HasSuffix(request.Path, "/git-upload-pack") {
			got++
			ts.Logf("%s %s %d", request.Method, request.Path, request.Status)
		}
	}
	s.seen = len(requests)
	if got != want {
		ts.Fatalf("%d mutations, want %d", got, want)
	}
}

// body NUMBER FILE writes a pull request's title, body and state to a file.
func (s *stage) body(ts *testscript.TestScript, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	pr, err := s.repo.PullRequest(context.Background(), number)
	ts.Check(err)
	state := "closed"
	switch {
	case pr.Merged:
		state = "merged"
	case pr.Open:
		state = "open"
	}
	text := fmt.Sprintf("%s\n%s\n%s\n", state, pr.Title, pr.Body)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// edit NUMBER FILE sets a pull request's body, as a person would.
func (s *stage) edit(ts *testscript.TestScript, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	pr, err := s.repo.PullRequest(context.Background(), number)
	ts.Check(err)
	ts.Check(s.repo.EditPullRequest(context.Background(), number, pr.Title, ts.ReadFile(args[1])))
}

// get PATH FILE writes what the API answers for a path of the repository to a file.
func (s *stage) get(ts *testscript.TestScript, args []string) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.server.APIURL()+"/repos/"+slug+"/"+args[0], http.NoBody)
	ts.Check(err)
	request.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	body, err := io.ReadAll(response.Body)
	ts.Check(errors.Join(err, response.Body.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), body, 0o600))
}

// web-edit NUMBER FILE puts a text above a pull request's body in the web editor,
// which ends every line of the whole with CRLF.
func (s *stage) webEdit(ts *testscript.TestScript, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	pr, err := s.repo.PullRequest(context.Background(), number)
	ts.Check(err)
	body := strings.ReplaceAll(ts.ReadFile(args[1])+pr.Body, "\n", "\r\n")
	ts.Check(s.repo.EditPullRequest(context.Background(), number, pr.Title, body))
}

// open HEAD BASE TITLE opens a pull request by hand.
func (s *stage) open(ts *testscript.TestScript, args []string) {
	_, err := s.repo.OpenPullRequest(context.Background(), githubtest.NewPullRequest{Head: args[0], Base: args[1], Title: args[2]})
	ts.Check(err)
}

// pulls COUNT checks how many pull requests are open.
func (s *stage) pulls(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	for _, pr := range s.repo.PullRequests(context.Background()) {
		if pr.Open {
			got++
		}
	}
	if got != want {
		ts.Fatalf("%d pull requests are open, want %d", got, want)
	}
}

// protect BRANCH RULE… sets the rules of a branch: approvals=N, check=CONTEXT, locked.
func (s *stage) protect(ts *testscript.TestScript, args []string) {
	var rules githubtest.Rules
	for _, rule := range args[1:] {
		name, value, _ := strings.Cut(rule, "=")
		switch name {
		case "approvals":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			rules.RequireApprovals = n
		case "check":
			rules.RequireChecks = append(rules.RequireChecks, value)
		case "locked":
			rules.RestrictUpdates = true
		default:
			ts.Fatalf("unknown rule %q", rule)
		}
	}
	if s.rule != 0 {
		s.repo.Unprotect(s.rule)
	}
	s.rule = s.repo.Protect(args[0], rules)
}
