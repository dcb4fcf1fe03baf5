package githubtest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// A pull request from a branch to another is merged by moving the base to the
// head: what pawl calls a promotion.
func Example() {
	ctx := context.Background()
	server, err := githubtest.New(githubtest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	token := server.CreateUser("alice")
	repository, err := server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		log.Fatal(err)
	}
	repository.SetPermission("alice", githubtest.Write)
	first, err := repository.Commit(ctx, "dev", "first", map[string]string{"base/app.yaml": "image: app:1\n"})
	if err != nil {
		log.Fatal(err)
	}
	if err := repository.Branch(ctx, "staging", first); err != nil {
		log.Fatal(err)
	}
	second, err := repository.Commit(ctx, "dev", "second", map[string]string{"base/app.yaml": "image: app:2\n"})
	if err != nil {
		log.Fatal(err)
	}
	pull, err := repository.OpenPullRequest(ctx, githubtest.NewPullRequest{Title: "promote", Head: "dev", Base: "staging"})
	if err != nil {
		log.Fatal(err)
	}

	// What is under test speaks HTTP.
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch,
		server.APIURL()+"/repos/acme/config/git/refs/heads/staging", strings.NewReader(`{"sha":"`+second+`"}`))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	_ = response.Body.Close()
	fmt.Println(response.Status)

	pull, err = repository.PullRequest(ctx, pull.Number)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("merged:", pull.Merged, "by", pull.MergedBy)
	moves := server.Log()
	last := moves[len(moves)-1]
	fmt.Println(last.Actor, "moved", last.Ref, "via", last.Via, "as a fast-forward:", last.FastForward)
	// Output:
	// 200 OK
	// merged: true by alice
	// alice moved refs/heads/staging via api as a fast-forward: true
}

// A fault plan spoils answers: here the second request has its effect, and its
// answer is lost.
func ExampleServer_Fail() {
	server, err := githubtest.New(githubtest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.Fail(githubtest.Fault{Kind: githubtest.Reset, After: true, Request: 2})
	for range 2 {
		response, err := http.Post(server.GraphQLURL(), "application/json", nil)
		if err != nil {
			fmt.Println("no answer")
			continue
		}
		_ = response.Body.Close()
		fmt.Println(response.StatusCode)
	}
	for _, request := range server.Requests() {
		fmt.Printf("%s %d %q\n", request.Method, request.Status, request.Fault)
	}
	// Output:
	// 401
	// no answer
	// POST 401 ""
	// POST 401 "reset"
}
