package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

// A push is killed, or told to stop, when its n-th request arrives, before the
// request has its effect or after. The same command, run again, ends with exactly one
// commit on the branch.
func TestPushKilledAtEveryRequest(t *testing.T) {
	t.Parallel()
	requests := pushKilled(t, &victim{}, false)
	if requests < 3 {
		t.Fatalf("a push makes %d requests only", requests)
	}
	for n := 1; n <= requests; n++ {
		for _, after := range []bool{false, true} {
			for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT} {
				t.Run(fmt.Sprintf("request %d, after its effect: %v, %v", n, after, signal), func(t *testing.T) {
					t.Parallel()
					pushKilled(t, &victim{at: n, signal: signal}, after)
				})
			}
		}
	}
}

// pushKilled pushes a bump that comes to an untimely end, and pushes it once more. It
// returns how many requests the push made.
func pushKilled(t *testing.T, victim *victim, after bool) int {
	t.Helper()
	ctx := t.Context()
	server, err := githubtest.New(githubtest.Options{Start: start, Observe: contract.Record()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	token := server.CreateUser("release-bot")
	repo, err := server.CreateRepository(ctx, slug, githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	repo.SetPermission("release-bot", githubtest.Write)
	old, err := repo.Commit(ctx, "dev", "Start", map[string]string{"base/kustomization.yaml": "images:\n  - name: ghcr.io/acme/api\n    newTag: 1.0.0\n"})
	if err != nil {
		t.Fatal(err)
	}
	// Who is killed gets no answer; who is told to stop is cut off, and may ask again.
	kind := githubtest.Hang
	if victim.signal != syscall.SIGKILL {
		kind = githubtest.Reset
	}
	server.Fail(githubtest.Fault{Kind: kind, After: after, Match: victim.sees})
	var said bytes.Buffer
	command := func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, "pawl", "bump", "ghcr.io/acme/api:1.1.0", "--push", "--repo", slug)
		cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &said, &said
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"GITHUB_SERVER_URL=" + server.URL(), "GITHUB_API_URL=" + server.APIURL(), "GITHUB_TOKEN=" + token,
			raceVariable + "=" + raceOptions,
		}
		return cmd
	}
	err = victim.run(command())
	var exit *exec.ExitError
	switch {
	case victim.at == 0 && err != nil:
		t.Fatalf("%v\n%s", err, &said)
	case victim.at == 0:
	case err == nil && victim.signal == syscall.SIGKILL:
		t.Errorf("it was not killed\n%s", &said)
	case err == nil && repo.Head("dev") == old:
		t.Errorf("it said that it is done, and is not\n%s", &said)
	case errors.As(err, &exit) && victim.signal != syscall.SIGKILL && exit.ExitCode() != 130 && exit.ExitCode() != 5:
		t.Errorf("exit code %d\n%s", exit.ExitCode(), &said)
	}
	made := len(server.Requests())
	server.Heal()
	if victim.at > 0 {
		if err := command().Run(); err != nil {
			t.Errorf("again: %v\n%s", err, &said)
		}
	}
	var moves []string
	for _, update := range server.Log() {
		if update.Ref == "refs/heads/dev" && update.Before == old {
			moves = append(moves, update.After)
		}
	}
	if len(moves) != 1 || repo.Head("dev") != moves[0] {
		t.Errorf("dev moved to %v and is at %s\n%s", moves, repo.Head("dev"), &said)
	}
	if content, _ := repo.File(ctx, "dev", "base/kustomization.yaml"); !strings.Contains(content, "newTag: 1.1.0") {
		t.Errorf("the file is %q", content)
	}
	if err := fsck(context.WithoutCancel(ctx), repo); err != nil {
		t.Error(err)
	}
	return made
}

// victim is a process that gets a signal when the server gets one of its requests.
type victim struct {
	at     int // which request, from 1; 0: none
	signal syscall.Signal

	mu      sync.Mutex
	seen    int
	process *os.Process
}

func (v *victim) run(cmd *exec.Cmd) error {
	v.mu.Lock() // until the process is known
	err := cmd.Start()
	v.process = cmd.Process
	v.mu.Unlock()
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// sees counts a request and, if it is the one, sends the signal. The request is
// worked on all the same: the server does not know that nobody listens any more.
func (v *victim) sees(*http.Request) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen++
	if v.seen != v.at {
		return false
	}
	_ = v.process.Signal(v.signal)
	return true
}
