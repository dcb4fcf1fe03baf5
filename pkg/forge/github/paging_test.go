package github

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/getpawl/pawl/pkg/forge"
)

// TestPaging: every list is read to its end, with and without a Link header, and
// one that never ends is an error.
func TestPaging(t *testing.T) {
	t.Parallel()
	lists := map[string]func(c *Client) (int, error){
		"reviews": func(c *Client) (int, error) { l, err := c.Reviews(t.Context(), 1); return len(l), err },
		"pulls": func(c *Client) (int, error) {
			l, err := c.PullRequests(t.Context(), forge.PullRequestFilter{})
			return len(l), err
		},
		"statuses": func(c *Client) (int, error) { l, err := c.Statuses(t.Context(), shaA); return len(l), err },
		"runs":     func(c *Client) (int, error) { l, err := c.CheckRuns(t.Context(), shaA); return len(l), err },
	}
	element := map[string]func(i int) object{
		"reviews":  func(i int) object { return reviewJSON(i, "bob", "COMMENTED") },
		"pulls":    func(i int) object { return pullJSON(i, "x", "dev") },
		"statuses": func(i int) object { return statusJSON(i, fmt.Sprint(i), "success", "2026-12-01T10:00:00Z") },
		"runs":     func(i int) object { return runJSON(i, fmt.Sprint(i), "ci", "queued", "") },
	}
	for name, list := range lists {
		for _, tt := range []struct {
			total    int
			link     bool
			requests int
		}{{0, true, 1}, {99, true, 1}, {100, true, 2}, {100, false, 2}, {250, true, 3}, {250, false, 3}} {
			c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				servePage(w, r, name, element[name], tt.total, tt.link)
			})
			got, err := list(c)
			if got != tt.total || err != nil || len(j.requests) != tt.requests {
				t.Errorf("%s %+v: got %d, %v after %d requests", name, tt, got, err, len(j.requests))
			}
		}
		c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) { servePage(w, r, name, element[name], 1<<40, true) })
		_, err := list(c)
		wantText(t, err, "more than 100 pages")
		if len(j.requests) != maxPages {
			t.Errorf("%s: got %d requests", name, len(j.requests))
		}
		c, _ = serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			w.Header().Set("Link", `<http://x/?page=1>; rel="next"`)
			write(w, 200, map[string]any{"runs": object{"total_count": 0, "check_runs": []object{}}}[name])
		})
		if _, err := list(c); err == nil {
			t.Errorf("%s: no error for a list that goes round", name)
		}
	}
}

func servePage(w http.ResponseWriter, r *http.Request, name string, element func(int) object, total int, link bool) {
	var page int
	_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
	items := []object{}
	for i := (page-1)*100 + 1; i <= min(page*100, total); i++ {
		items = append(items, element(i))
	}
	if link && page*100 < total {
		w.Header().Set("Link", fmt.Sprintf(`<http://x/?page=%d>; rel="next", <http://x/?page=9>; rel="last"`, page+1))
	}
	if name == "runs" {
		write(w, 200, object{"total_count": total, "check_runs": items})
		return
	}
	write(w, 200, items)
}

func TestLimitStopsPaging(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		servePage(w, r, "pulls", func(i int) object { return pullJSON(i, "x", "dev") }, 500, true)
	})
	pulls, err := c.PullRequests(t.Context(), forge.PullRequestFilter{Limit: 120})
	if len(pulls) != 120 || err != nil || len(j.requests) != 2 {
		t.Errorf("got %d, %v after %d requests", len(pulls), err, len(j.requests))
	}
}

// TestFailedPageIsNoShortList: an error on a later page is an error of the list.
func TestFailedPageIsNoShortList(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.Query().Get("page") == "2" {
			write(w, 403, `{"message":"no"}`)
			return
		}
		servePage(w, r, "pulls", func(i int) object { return pullJSON(i, "x", "dev") }, 500, true)
	})
	pulls, err := c.PullRequests(t.Context(), forge.PullRequestFilter{})
	if pulls != nil || !errors.Is(err, forge.ErrAccess) {
		t.Errorf("got %d, %v", len(pulls), err)
	}
}
