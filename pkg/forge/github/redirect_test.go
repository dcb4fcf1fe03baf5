package github

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
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

// TestTokenStaysAtItsOrigin redirects a read, a change, a GraphQL mutation and both
// requests for an App's token, in each way, to another host, port and scheme, and to
// another place on the same server: nobody but that server is ever connected to.
func TestTokenStaysAtItsOrigin(t *testing.T) {
	t.Parallel()
	var strangers atomic.Int32
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			strangers.Add(1)
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{
		"another host": "http://localhost:" + port, "another port": "http://127.0.0.1:" + port,
		"another scheme": "https://127.0.0.1:" + port, "the same": "",
	}
	cells := 0
	for _, code := range []int{301, 302, 303, 307, 308} {
		for place, base := range places {
			for step, call := range redirectedCalls(pemOf(key)) {
				cells++
				method, path, _ := strings.Cut(step, " ")
				var credentials, redirects atomic.Int32
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "" {
						credentials.Add(1)
					}
					w.Header().Set("Content-Type", "application/json")
					switch {
					case r.Method == method && strings.HasSuffix(r.URL.Path, path):
						redirects.Add(1)
						w.Header().Set("Location", base+"/elsewhere")
						write(w, code, `{"message":"Moved"}`)
					case strings.HasSuffix(r.URL.Path, "/installation"):
						write(w, 200, `{"id":7,"permissions":{"contents":"write"}}`)
					default:
						write(w, 404, `{"message":"Not Found"}`)
					}
				}))
				err := call(t.Context(), Options{APIURL: server.URL, Owner: "acme", Name: "config", Token: canary, MaxWait: -1})
				server.Close()
				if err == nil || redirects.Load() == 0 || credentials.Load() == 0 {
					t.Errorf("%d of %s to %s: %v, after %d redirects and %d requests with a credential", code, step, place, err, redirects.Load(), credentials.Load())
				}
			}
		}
	}
	if cells != 100 || strangers.Load() != 0 {
		t.Errorf("%d cells, in which strangers were connected to %d times", cells, strangers.Load())
	}
}

// redirectedCalls are calls by the request that is to be redirected.
func redirectedCalls(key []byte) map[string]func(context.Context, Options) error {
	with := func(call func(context.Context, *Client) error) func(context.Context, Options) error {
		return func(ctx context.Context, opts Options) error {
			c, err := New(opts)
			if err != nil {
				return err
			}
			return call(ctx, c)
		}
	}
	mint := func(ctx context.Context, opts Options) error {
		app, err := NewApp(AppOptions{ID: "1", Key: key, Now: time.Now}, opts)
		if err != nil {
			return err
		}
		_, err = app.Token(ctx)
		return err
	}
	return map[string]func(context.Context, Options) error{
		"GET /git/ref/heads/dev": with(func(ctx context.Context, c *Client) error { _, err := c.Branch(ctx, "dev"); return err }),
		"POST /git/refs":         with(func(ctx context.Context, c *Client) error { return c.CreateBranch(ctx, "dev", shaA) }),
		"POST /graphql": with(func(ctx context.Context, c *Client) error {
			_, err := c.CommitFiles(ctx, "dev", shaA, []forge.FileChange{{Path: "a"}}, "m")
			return err
		}),
		"GET /installation":   mint,
		"POST /access_tokens": mint,
	}
}

func pemOf(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}
