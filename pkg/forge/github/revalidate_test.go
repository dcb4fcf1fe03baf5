package github_test

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

// answersTo returns the statuses of the answers that a call caused.
func answersTo(t *testing.T, server *githubtest.Server, call func() error) []int {
	t.Helper()
	before := len(server.Requests())
	if err := call(); err != nil {
		t.Fatal(err)
	}
	var codes []int
	for _, request := range server.Requests()[before:] {
		codes = append(codes, request.Status)
	}
	return codes
}

// A poll asks whether its answer still holds, gets a new one when it does not,
// and reads the same from both; a list of several pages as well. Time goes on with
// every answer.
func TestRevalidate(t *testing.T) {
	t.Parallel()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record(), RateLimit: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	repo, err := server.CreateRepository(t.Context(), "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	sha, err := repo.Commit(t.Context(), "dev", "Start", map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	report := func(n int, state string) {
		if err := repo.SetStatus(t.Context(), sha, "ci/"+strconv.Itoa(n), state); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 150 {
		report(n, "success")
	}
	c, err := github.New(github.Options{APIURL: server.APIURL(), Owner: "acme", Name: "config", Token: server.CreateUser("octocat"), Revalidate: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []forge.Status
	read := func() (err error) {
		got, err = c.Statuses(t.Context(), sha)
		return err
	}
	if codes := answersTo(t, server, read); !slices.Equal(codes, []int{200, 200}) || len(got) != 150 {
		t.Fatalf("first: %v, %d statuses", codes, len(got))
	}
	server.Advance(time.Minute)
	for range 30 { // more often than the limit allows: 304 does not count
		if codes := answersTo(t, server, read); !slices.Equal(codes, []int{http.StatusNotModified, http.StatusNotModified}) || len(got) != 150 {
			t.Fatalf("again: %v, %d statuses", codes, len(got))
		}
	}
	if !c.Now().Equal(server.Now()) {
		t.Errorf("the clock shows %s, the server's %s", c.Now(), server.Now())
	}
	report(7, "failure")
	if codes := answersTo(t, server, read); codes[0] != 200 {
		t.Errorf("after a change: %v", codes)
	}
	failed := slices.IndexFunc(got, func(s forge.Status) bool { return s.State == "failure" })
	if len(got) != 150 || failed < 0 || got[failed].Context != "ci/7" {
		t.Errorf("the change was not seen in %d statuses", len(got))
	}
}
