package main_test

import (
	"bytes"
	"testing"

	"github.com/getpawl/pawl/pkg/cli"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// A promotion lands although an answer of GitHub is lost, and nothing is forced.
func TestPromotion(t *testing.T) {
	ctx := t.Context()
	server, err := githubtest.New(githubtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)

	// A user, a repository, and a branch for each environment.
	token := server.CreateUser("release-bot")
	config, err := server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	config.SetPermission("release-bot", githubtest.Write)
	first, err := config.Commit(ctx, "dev", "Start", map[string]string{
		".pawl.yaml": "version: 1\nenvironments:\n" +
			"  - {name: dev, branch: dev}\n" +
			"  - {name: production, branch: production}\n",
		"base/kustomization.yaml": "images:\n  - name: ghcr.io/acme/api\n    newTag: 1.4.1\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Branch(ctx, "production", first); err != nil {
		t.Fatal(err)
	}

	// What is under test finds the server and the token in its environment. Here it
	// is pawl itself, in this process; yours may be a script.
	env := map[string]string{
		"GITHUB_SERVER_URL": server.URL(),
		"GITHUB_API_URL":    server.APIURL(),
		"GITHUB_REPOSITORY": config.Name(),
		"GITHUB_TOKEN":      token,
	}
	run := func(args ...string) {
		t.Helper()
		var out bytes.Buffer
		code := cli.Main(ctx, args, cli.Host{
			Out: &out, Err: &out, Dir: t.TempDir(), Now: server.Now,
			Getenv: func(name string) string { return env[name] },
		})
		if code != cli.ExitDone {
			t.Fatalf("pawl %v exited with %d:\n%s", args, code, out.String())
		}
	}
	run("bump", "ghcr.io/acme/api:1.4.2", "--push")
	run("promote", "production")

	// The branch moves, and the answer that says so is lost.
	server.Fail(githubtest.Fault{Kind: githubtest.BadGateway, Method: "POST", Path: "/graphql", After: true})
	run("merge", "production")

	if got, want := config.Head("production"), config.Head("dev"); got != want {
		t.Errorf("production is at %s, want %s", got, want)
	}
	for _, update := range server.Log() {
		if update.Forced {
			t.Errorf("%s was forced from %s to %s by %s", update.Ref, update.Before, update.After, update.Actor)
		}
	}
}
