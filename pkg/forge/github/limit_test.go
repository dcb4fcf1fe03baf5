package github

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

func TestReadLimit(t *testing.T) {
	t.Parallel()
	const secondary = `{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/x#about-secondary-rate-limits"}`
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		headers []string
		earlier int
		want    time.Duration // 0: no limit
	}{
		{"plain 403", 403, `{"message":"Resource not accessible by integration"}`, nil, 0, 0},
		{"403 with some remaining", 403, `{"message":"no"}`, []string{"X-RateLimit-Remaining", "12", "X-RateLimit-Reset", "1796209200"}, 0, 0},
		{"plain 429", 429, `{"message":"slow down"}`, nil, 0, time.Minute},
		{"second 429", 429, `{}`, nil, 1, 2 * time.Minute},
		{"third 429", 429, ``, nil, 2, 4 * time.Minute},
		{"Retry-After", 403, secondary, []string{"Retry-After", "17"}, 0, 17 * time.Second},
		{"Retry-After first", 429, secondary, []string{"Retry-After", "17", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1796209200"}, 0, 17 * time.Second},
		{"Retry-After 0", 429, secondary, []string{"Retry-After", "0"}, 0, time.Second},
		{"Retry-After as date", 429, secondary, []string{"Retry-After", "Wed, 02 Dec 2026 10:00:30 GMT"}, 0, 30 * time.Second},
		{"Retry-After garbage", 429, secondary, []string{"Retry-After", "soon"}, 0, time.Minute},
		{"Retry-After negative", 429, secondary, []string{"Retry-After", "-5"}, 0, time.Minute},
		{"primary", 403, `{"message":"API rate limit exceeded"}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1796205625"}, 0, 25 * time.Second},
		{"primary 429", 429, `{"message":"API rate limit exceeded"}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1796205625"}, 0, 25 * time.Second},
		{"reset in the past", 403, `{}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1796200000"}, 0, time.Second},
		{"primary without date", 403, `{}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1796205625", "Date", ""}, 0, time.Minute},
		{"secondary by words", 403, `{"message":"You have exceeded a SECONDARY rate limit"}`, []string{"X-RateLimit-Remaining", "4000", "X-RateLimit-Reset", "1796209200"}, 0, time.Minute},
		{"secondary by page", 403, `{"message":"x","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, nil, 0, time.Minute},
		{"abuse by page", 403, `{"message":"x","documentation_url":"https://developer.github.com/v3/#abuse-rate-limits"}`, nil, 0, time.Minute},
		{"success, nothing left", 200, `{}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1796209200"}, 0, 0},
		{"404, nothing left", 404, `{}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1796209200"}, 0, 0},
		{"503", 503, `{}`, []string{"Retry-After", "9"}, 0, 0},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.github.com/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp := answer(req, tt.status, "", tt.headers...)
		resp.Body = &content{bytes.NewReader([]byte(tt.body)), []byte(tt.body)}
		var got time.Duration
		if limit := readLimit(resp, tt.earlier); limit != nil {
			got = limit.wait
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestReadWaitsForLimit(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		switch n {
		case 1:
			w.Header().Set("Retry-After", "20")
			write(w, 403, `{"message":"secondary"}`)
		case 2:
			w.Header().Set("X-Ratelimit-Remaining", "0")
			w.Header().Set("X-Ratelimit-Reset", "1796205630")
			write(w, 429, `{"message":"primary"}`)
		default:
			write(w, 200, refJSON("dev", shaA))
		}
	})
	if _, err := c.Branch(t.Context(), "dev"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{20 * time.Second, 30 * time.Second}, j.slept); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestLimitBeyondMaxWait(t *testing.T) {
	t.Parallel()
	calls := map[string]func(c *Client) error{
		"read": func(c *Client) error {
			_, err := c.Branch(t.Context(), "dev")
			return err
		},
		"mutation": func(c *Client) error { return c.CreateBranch(t.Context(), "x", shaA) },
	}
	for name, call := range calls {
		c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("X-Ratelimit-Remaining", "0")
			w.Header().Set("X-Ratelimit-Reset", "1796207400")
			write(w, 403, `{"message":"API rate limit exceeded for installation"}`)
		})
		err := call(c)
		wantText(t, err, "API rate limit exceeded for installation; try again at 2026-12-02T10:30:00Z, in 30m0s")
		if !errors.Is(err, forge.ErrTransient) || errors.Is(err, forge.ErrAccess) {
			t.Errorf("%s: got %v", name, err)
		}
		if len(j.requests) != 1 || len(j.slept) != 0 {
			t.Errorf("%s: %d requests, waits %v", name, len(j.requests), j.slept)
		}
	}
}

// TestMutationWaitsForLimit: a request that a limit turned away was not carried
// out, so it is sent again without reading anything back.
func TestMutationWaitsForLimit(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n < 3 {
			w.Header().Set("Retry-After", "5")
			write(w, 429, `{}`)
			return
		}
		write(w, 201, refJSON("x", shaA))
	})
	if err := c.CreateBranch(t.Context(), "x", shaA); err != nil {
		t.Fatal(err)
	}
	j.wantRequests(t, "POST /git/refs", "POST /git/refs", "POST /git/refs")
	if j.waited() != 10*time.Second {
		t.Errorf("waited %s", j.waited())
	}
}

func TestGraphQLLimit(t *testing.T) {
	t.Parallel()
	posts := 0
	c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/graphql"):
			posts++
			if posts == 1 {
				w.Header().Set("X-Ratelimit-Remaining", "0")
				w.Header().Set("X-Ratelimit-Reset", "1796205610")
				write(w, 200, `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}`)
				return
			}
			write(w, 200, `{"data":{"updateRefs":{"clientMutationId":null}}}`)
		case strings.HasSuffix(r.URL.Path, "/config"):
			write(w, 200, repositoryFor(r))
		default:
			write(w, 200, refJSON("dev", shaB))
		}
	})
	if err := c.FastForward(t.Context(), "dev", shaA, shaB); err != nil || posts != 2 || j.waited() != 10*time.Second {
		t.Errorf("got %v after %d posts and %s", err, posts, j.waited())
	}
}

// TestGoGitHubDoesNotRefuse: go-github keeps the last headers and refuses requests
// by itself while they say that nothing remains. Ours do not reach it.
func TestGoGitHubDoesNotRefuse(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		w.Header().Set("X-Ratelimit-Limit", "5000")
		w.Header().Set("X-Ratelimit-Remaining", "0")
		w.Header().Set("X-Ratelimit-Reset", "4102444800")
		if n == 2 {
			w.Header().Set("Retry-After", "1")
			write(w, 403, `{"message":"x","documentation_url":"https://docs.github.com/#about-secondary-rate-limits"}`)
			return
		}
		write(w, 200, refJSON("dev", shaA))
	})
	for range 3 {
		if _, err := c.Branch(t.Context(), "dev"); err != nil {
			t.Fatal(err)
		}
	}
	if len(j.requests) != 4 {
		t.Errorf("got %d requests", len(j.requests))
	}
}
