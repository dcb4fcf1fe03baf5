package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestRedirectMatrix follows each redirect of each method to each kind of place,
// and looks at every request that would have gone out.
func TestRedirectMatrix(t *testing.T) {
	t.Parallel()
	places := map[string]string{
		"same host":      "https://api.github.com/repositories/7/moved",
		"other host":     "https://evil.example/repos/acme/config/moved",
		"subdomain":      "https://x.api.github.com/repos/acme/config/moved",
		"other port":     "https://api.github.com:8443/repos/acme/config/moved",
		"http downgrade": "http://api.github.com/repos/acme/config/moved",
		"same, explicit": "https://API.github.com:443/moved",
	}
	calls := map[string]func(context.Context, *Client) error{
		"GET": func(ctx context.Context, c *Client) error {
			_, err := c.Branch(ctx, "dev")
			return err
		},
		"PATCH": func(ctx context.Context, c *Client) error { return c.EditPullRequest(ctx, 1, "t", "b") },
		"POST":  func(ctx context.Context, c *Client) error { return c.CreateBranch(ctx, "dev", shaA) },
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		for place, target := range places {
			for method, call := range calls {
				t.Run(fmt.Sprintf("%d %s %s", status, method, place), func(t *testing.T) {
					t.Parallel()
					network := &redirecting{status: status, target: target}
					j := &journal{}
					c := client(t, j, func(o *Options) { o.Transport = network })
					err := call(t.Context(), c)
					same := strings.HasPrefix(place, "same")
					if method == "GET" && same {
						wantText(t, err, "")
					} else {
						wantText(t, err, "redirect")
					}
					network.check(t, method == "GET" && same)
				})
			}
		}
	}
}

// redirecting redirects what is asked of the repository, and records all.
type redirecting struct {
	mu     sync.Mutex
	status int
	target string
	seen   []*http.Request
}

func (n *redirecting) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = append(n.seen, req)
	switch {
	case strings.HasSuffix(req.URL.Path, "/moved"):
		return answer(req, 200, fmt.Sprintf(`{"ref":"refs/heads/dev","object":{"type":"commit","sha":%q}}`, shaA)), nil
	case req.URL.Path == "/repos/acme/config":
		return answer(req, 200, `{"node_id":"R_1","full_name":"acme/gitops","default_branch":"dev","html_url":"x","clone_url":"https://github.com/acme/gitops.git"}`), nil
	}
	return answer(req, n.status, `{"message":"Moved"}`, "Location", n.target), nil
}

func (n *redirecting) check(t *testing.T, followed bool) {
	t.Helper()
	moved := 0
	for _, req := range n.seen {
		if strings.HasSuffix(req.URL.Path, "/moved") {
			moved++
		}
		if auth := req.Header.Get("Authorization"); auth != "Bearer "+canary {
			t.Errorf("%s %s: Authorization %q", req.Method, req.URL, auth)
		}
		if req.URL.Scheme != "https" || !strings.EqualFold(req.URL.Hostname(), "api.github.com") {
			t.Errorf("a request went to %s", req.URL)
		}
	}
	if want := map[bool]int{true: 1}[followed]; moved != want {
		t.Errorf("followed %d redirects, want %d", moved, want)
	}
}

func TestMutationNamesTheNewRepository(t *testing.T) {
	t.Parallel()
	network := &redirecting{status: 307, target: "https://api.github.com/repositories/7/git/refs"}
	c := client(t, &journal{}, func(o *Options) { o.Transport = network })
	wantText(t, c.CreateBranch(t.Context(), "x", shaA), "the repository is called acme/gitops now, use that name")
}

func TestRedirectLoopEnds(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	})
	_, err := c.Branch(t.Context(), "dev")
	wantText(t, err, "at most 3 times")
	if len(j.requests) != 1+maxRedirects {
		t.Errorf("got %d requests", len(j.requests))
	}
}

func TestRedirectWithoutLocation(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Method == http.MethodGet {
			write(w, 200, repositoryFor(r))
			return
		}
		write(w, 302, `{}`)
	})
	wantText(t, c.CreateBranch(t.Context(), "x", shaA), "a change is never redirected")
}

// TestGuardIsLastLineOfDefense: a request for another origin carries no token even
// if something above let it through.
func TestGuardIsLastLineOfDefense(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"https://api.github.com/x":      "Bearer " + canary,
		"https://API.GITHUB.COM:443/x":  "Bearer " + canary,
		"http://api.github.com/x":       "",
		"https://api.github.com:444/x":  "",
		"https://github.com/x":          "",
		"https://api.github.com.evil/x": "",
	} {
		var got string
		s := &guard{api: mustURL(t, "https://api.github.com/"), next: roundTripper(func(req *http.Request) (*http.Response, error) {
			got = req.Header.Get("Authorization")
			return answer(req, 200, "{}"), nil
		})}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+canary)
		if _, err := s.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %q", target, got)
		}
		if req.Header.Get("Authorization") == "" {
			t.Error("the caller's request was changed")
		}
	}
}
