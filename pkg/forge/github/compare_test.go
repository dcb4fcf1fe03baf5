package github

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

// chain serves a comparison of n commits; the newest is the n-th.
func chain(t *testing.T, n int) (*Client, *journal) {
	return serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		var page, size int
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
		_, _ = fmt.Sscan(r.URL.Query().Get("per_page"), &size)
		var commits []object
		for i := (page-1)*size + 1; i <= min(page*size, n); i++ {
			commits = append(commits, commitJSON(nth(i), nth(i-1)))
		}
		write(w, 200, compareJSON("ahead", nth(0), nth(0), n, 0, commits...))
	})
}

func nth(i int) string { return fmt.Sprintf("%040x", i) }

func TestCompareKeepsTheNewest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ total, limit, first, requests int }{
		{1, 0, 0, 1}, {500, 0, 0, 1}, {500, -1, 0, 1},
		{3, 10, 1, 1}, {3, 2, 2, 1}, {100, 100, 1, 1}, {100, 1, 100, 1},
		{101, 1, 101, 2}, {101, 2, 100, 2}, {250, 250, 1, 3}, {250, 20, 231, 2}, {251, 250, 2, 3},
		{1000, 50, 951, 2}, {1000, 150, 851, 3}, {1000, 5000, 1, 10},
	} {
		c, j := chain(t, tt.total)
		got, err := c.Compare(t.Context(), nth(0), nth(tt.total), tt.limit)
		if err != nil {
			t.Errorf("%+v: %v", tt, err)
			continue
		}
		var shas, want []string
		for _, commit := range got.Commits {
			shas = append(shas, commit.SHA)
		}
		for i := tt.first; i > 0 && i <= tt.total; i++ {
			want = append(want, nth(i))
		}
		if diff := cmp.Diff(want, shas); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt, diff)
		}
		if len(j.requests) != tt.requests || got.AheadBy != tt.total {
			t.Errorf("%+v: %d requests, ahead by %d", tt, len(j.requests), got.AheadBy)
		}
	}
}

func TestCompareRelations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		answer     object
		base, head string
		want       forge.Comparison
	}{
		{compareJSON("identical", shaA, shaA, 0, 0), shaA, shaA, forge.Comparison{Relation: forge.Identical, Base: shaA, Head: shaA}},
		{compareJSON("behind", shaB, shaA, 0, 2), shaB, shaA, forge.Comparison{Relation: forge.Behind, Base: shaB, Head: shaA, BehindBy: 2}},
		{compareJSON("diverged", shaA, shaC, 1, 1, commitJSON(shaB, shaC)), shaA, shaB,
			forge.Comparison{Relation: forge.Diverged, Base: shaA, Head: shaB, AheadBy: 1, BehindBy: 1, Commits: []forge.Commit{
				{SHA: shaB, Parents: []string{shaC}, Author: "alice", AuthorLogin: "alice", Message: "subject\n\nbody", Time: at("2026-12-01T10:00:00Z")}}}},
	} {
		c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 200, tt.answer) })
		got, err := c.Compare(t.Context(), tt.base, tt.head, 10)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		j.wantRequests(t, "GET /compare/"+tt.base+"..."+tt.head+"?page=1&per_page=100")
	}
}

// TestCompareNamesAreResolved: the head becomes a SHA before the comparison, and
// later pages ask for the SHA that the base stood for on the first.
func TestCompareNamesAreResolved(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Path == "/api/v3/repos/acme/config/git/ref/heads/dev" {
			write(w, 200, refJSON("dev", nth(150)))
			return
		}
		var commits []object
		from, to := 1, 100
		if r.URL.Query().Get("page") == "2" {
			from, to = 101, 150
		}
		for i := from; i <= to; i++ {
			commits = append(commits, commitJSON(nth(i)))
		}
		write(w, 200, compareJSON("ahead", nth(0), nth(0), 150, 0, commits...))
	})
	got, err := c.Compare(t.Context(), "staging", "dev", 10)
	if err != nil || got.Base != nth(0) || got.Head != nth(150) || len(got.Commits) != 10 {
		t.Errorf("got %+v, %v", got, err)
	}
	j.wantRequests(t, "GET /git/ref/heads/dev", "GET /compare/staging..."+nth(150)+"?page=1&per_page=100",
		"GET /compare/"+nth(0)+"..."+nth(150)+"?page=2&per_page=100")
}

func TestCommitWithoutLogin(t *testing.T) {
	t.Parallel()
	commit := commitJSON(shaB, shaA)
	commit["author"] = nil
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, 200, compareJSON("ahead", shaA, shaA, 1, 0, commit))
	})
	got, err := c.Compare(t.Context(), shaA, shaB, 1)
	if err != nil || got.Commits[0].Author != "Alice" {
		t.Errorf("got %+v, %v", got.Commits, err)
	}
}
