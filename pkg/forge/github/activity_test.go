package github

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

func TestActivity(t *testing.T) {
	t.Parallel()
	const zeros = "0000000000000000000000000000000000000000"
	created := moveJSON(1, "refs/heads/dev", zeros, shaA)
	created["activity_type"], created["actor"] = "branch_creation", nil
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, 200, []object{moveJSON(3, "refs/heads/dev", shaA, shaB), moveJSON(2, "refs/heads/other", shaA, shaC), created})
	})
	got, err := c.Activity(t.Context(), "dev", 0)
	when := at("2026-12-01T10:00:00Z")
	want := []forge.Move{
		{ID: 3, Branch: "dev", Before: shaA, After: shaB, Kind: "push", Actor: "alice", Time: when},
		{ID: 1, Branch: "dev", Before: zeros, After: shaA, Kind: "branch_creation", Actor: "ghost", Time: when},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	j.wantRequests(t, "GET /activity?direction=desc&per_page=100&ref=refs%2Fheads%2Fdev")
}

func TestActivityOfAllBranches(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, 200, []object{moveJSON(3, "refs/heads/dev", shaA, shaB), moveJSON(2, "refs/heads/a/b", shaA, shaC)})
	})
	got, err := c.Activity(t.Context(), "", 100)
	if len(got) != 2 || err != nil || got[0].Branch != "dev" || got[1].Branch != "a/b" {
		t.Errorf("got %+v, %v", got, err)
	}
	j.wantRequests(t, "GET /activity?direction=desc&per_page=100")
}

func TestActivityPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ limit, moves, requests int }{{0, 6, 3}, {2, 2, 1}, {3, 3, 2}, {6, 6, 3}, {7, 6, 3}} {
		c, j := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
			if want := map[int]string{1: "", 2: "c==1", 3: "c==2"}[n]; r.URL.Query().Get("after") != want {
				t.Errorf("request %d is after %q", n, r.URL.Query().Get("after"))
			}
			if n < 3 {
				w.Header().Set("Link", fmt.Sprintf(`<http://x/activity?ref=y&after=c%%3D%%3D%d>; rel="next", <http://x/?before=z>; rel="prev"`, n))
			}
			write(w, 200, []object{moveJSON(2*n+1, "refs/heads/dev", shaA, shaB), moveJSON(2*n, "refs/heads/dev", shaA, shaB)})
		})
		got, err := c.Activity(t.Context(), "dev", tt.limit)
		if len(got) != tt.moves || err != nil || len(j.requests) != tt.requests {
			t.Errorf("%+v: got %d, %v after %d requests", tt, len(got), err, len(j.requests))
		}
	}
}

func TestActivityThatNeverEnds(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(n int) int{
		"goes round in a circle": func(n int) int { return n % 2 },
		"more than 100 pages":    func(n int) int { return n },
	} {
		c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("Link", fmt.Sprintf(`<http://x/activity?after=%d>; rel="next"`, next(n)))
			write(w, 200, []object{})
		})
		_, err := c.Activity(t.Context(), "dev", 0)
		wantText(t, err, name)
		if len(j.requests) > maxPages {
			t.Errorf("%s: %d requests", name, len(j.requests))
		}
	}
}
