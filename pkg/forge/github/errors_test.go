package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

// TestTranslation: the answer to opening a pull request, and to reading one.
func TestTranslation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		headers []string
		kind    error // nil: *forge.RefusedError
		want    string
	}{
		{"bad token", 401, `{"message":"Bad credentials"}`, nil, forge.ErrAccess, "Bad credentials (401): the token is missing, wrong, expired or revoked"},
		{"two factors", 401, `{"message":"Must specify OTP"}`, []string{"X-GitHub-OTP", "required; app"}, forge.ErrAccess, "Must specify OTP"},
		{"app", 403, `{"message":"Resource not accessible by integration"}`, nil, forge.ErrAccess,
			"Resource not accessible by integration (403): the token needs the permission pull-requests: write"},
		{"stated", 403, `{"message":"no"}`, []string{"X-Accepted-GitHub-Permissions", "pull_requests=write,contents=read; issues=write"}, forge.ErrAccess,
			"the token needs the permission pull-requests: write, contents: read, or issues: write"},
		{"single sign-on", 403, `{"message":"Resource protected by organization SAML enforcement."}`,
			[]string{"X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso?x=1"}, forge.ErrAccess,
			"authorize the token for single sign-on: https://github.com/orgs/acme/sso?x=1"},
		{"Actions", 403, `{"message":"GitHub Actions is not permitted to create or approve pull requests."}`, nil, forge.ErrAccess,
			`turn on "Allow GitHub Actions to create and approve pull requests"`},
		{"archived", 403, `{"message":"Repository was archived so is read-only."}`, nil, nil, "was refused: Repository was archived so is read-only."},
		{"rules", 403, `{"message":"Repository rule violations found\n\nNo bots.\n\nNo Fridays.\n"}`, nil, nil, "was refused: No bots.; No Fridays."},
		{"hidden", 404, `{"message":"Not Found"}`, nil, forge.ErrAccess, "it is not there, or this token may not change it: the token needs the permission pull-requests: write"},
		{"validation", 422, `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"No commits between dev and x"}]}`, nil, nil,
			"opening a pull request from x into dev of acme/config was refused: No commits between dev and x"},
		{"field", 422, `{"message":"Validation Failed","errors":[{"resource":"PullRequest","field":"base","code":"invalid"}]}`, nil, nil, "PullRequest base invalid"},
		{"strings", 422, `{"message":"Validation Failed","errors":["one","two"]}`, nil, nil, "was refused: one; two"},
		{"bare", 422, `{"message":"Validation Failed"}`, nil, nil, "was refused: Validation Failed"},
		{"errors of another shape", 422, `{"message":"Draft pull requests are not supported in this repository.","errors":"x"}`, nil, nil, "Draft pull requests are not supported"},
		{"workflow files", 422, "{\"message\":\"refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission\"}", nil,
			forge.ErrAccess, "the token needs the permission workflows: write"},
		{"no body", 409, ``, nil, nil, "was refused: Conflict"},
		{"page", 405, `<html>`, nil, nil, "was refused: Method Not Allowed"},
		{"gone", 410, `{"message":"Gone"}`, nil, nil, "was refused: Gone"},
		{"bad request", 400, `{"message":"Problems parsing JSON"}`, nil, errors.ErrUnsupported, "GitHub answered 400: Problems parsing JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Method == http.MethodGet {
					if strings.HasSuffix(r.URL.Path, "/config") {
						write(w, 200, repositoryFor(r))
						return
					}
					write(w, 200, "[]")
					return
				}
				for i := 0; i+1 < len(tt.headers); i += 2 {
					w.Header().Set(tt.headers[i], tt.headers[i+1])
				}
				write(w, tt.status, tt.body)
			})
			_, err := c.CreatePullRequest(t.Context(), forge.NewPullRequest{Title: "t", Head: "x", Base: "dev"})
			wantText(t, err, tt.want)
			wantText(t, err, "opening a pull request from x into dev of acme/config")
			wantKind(t, err, tt.kind)
		})
	}
}

// wantKind fails unless err is of that kind and of no other; nil stands for
// *forge.RefusedError and errors.ErrUnsupported for an error of no kind.
func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	var refused *forge.RefusedError
	if errors.As(err, &refused) != (kind == nil) {
		t.Errorf("refused: %v", err)
	}
	for _, k := range []error{forge.ErrNotFound, forge.ErrExists, forge.ErrMoved, forge.ErrNotFastForward, forge.ErrAccess, forge.ErrTransient} {
		if errors.Is(err, k) != errors.Is(kind, k) {
			t.Errorf("%v: is %q: %v", err, k, errors.Is(err, k))
		}
	}
}

func TestRefusedReasonsAreLines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   []string
		want []string
	}{
		{[]string{"Repository rule violations found\n\nChanges must be made through a pull request.\n\nRequired status check \"ci\" is expected.\n\n"},
			[]string{"Changes must be made through a pull request.", `Required status check "ci" is expected.`}},
		{[]string{"GH013: Repository rule violations found for refs/heads/dev.\n- One.\r\n- Two."}, []string{"One.", "Two."}},
		{[]string{"Repository rule violations found"}, []string{"Repository rule violations found"}},
		{[]string{"Validation Failed", "a", "b"}, []string{"a", "b"}},
		{[]string{"At least 1 approving review is required by reviewers with write access."}, []string{"At least 1 approving review is required by reviewers with write access."}},
	} {
		if diff := cmp.Diff(tt.want, reasons(tt.in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, diff)
		}
	}
}

// TestNotFound: a 404 is an absence only in a repository that the token can see.
func TestNotFound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		repository int
		kind       error
		want       string
	}{
		{"visible", 200, forge.ErrNotFound, `reading the branch "dev" of acme/config: not found`},
		{"hidden", 404, forge.ErrAccess, "has no such repository, or this token may not see it"},
		{"forbidden", 403, forge.ErrAccess, "metadata: read"},
		{"down", 500, forge.ErrTransient, "500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				switch {
				case !strings.HasSuffix(r.URL.Path, "/config"):
					write(w, 404, `{"message":"Not Found"}`)
				case tt.repository == 200:
					write(w, 200, repositoryFor(r))
				default:
					write(w, tt.repository, `{"message":"no"}`)
				}
			})
			_, err := c.Branch(t.Context(), "dev")
			wantKind(t, err, tt.kind)
			if tt.name != "forbidden" {
				wantText(t, err, tt.want)
			}
			_, err = c.PullRequest(t.Context(), 1)
			wantKind(t, err, tt.kind)
			_, err = c.File(t.Context(), "a.yaml", shaA)
			if tt.name == "visible" {
				tt.kind = errors.ErrUnsupported // the commit is not there, which is another matter
			}
			wantKind(t, err, tt.kind)
		})
	}
}

func TestVisibilityIsProvedOnce(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if strings.HasSuffix(r.URL.Path, "/config") {
			write(w, 200, repositoryFor(r))
			return
		}
		write(w, 404, `{"message":"Not Found"}`)
	})
	for range 3 {
		if _, err := c.Branch(t.Context(), "dev"); !errors.Is(err, forge.ErrNotFound) {
			t.Error(err)
		}
	}
	j.wantRequests(t, "GET /git/ref/heads/dev", "GET ", "GET /git/ref/heads/dev", "GET /git/ref/heads/dev")
}

func TestEmptyRepository(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, 409, `{"message":"Git Repository is empty."}`)
	})
	_, err := c.Branch(t.Context(), "dev")
	wantKind(t, err, forge.ErrNotFound)
}

// calls is every method that sends something.
var calls = map[string]func(context.Context, *Client) error{
	"Repository":  func(ctx context.Context, c *Client) error { _, err := c.Repository(ctx); return err },
	"File":        func(ctx context.Context, c *Client) error { _, err := c.File(ctx, "a.yaml", shaA); return err },
	"Branch":      func(ctx context.Context, c *Client) error { _, err := c.Branch(ctx, "dev"); return err },
	"Compare":     func(ctx context.Context, c *Client) error { _, err := c.Compare(ctx, shaA, shaB, 10); return err },
	"Activity":    func(ctx context.Context, c *Client) error { _, err := c.Activity(ctx, "dev", 0); return err },
	"PullRequest": func(ctx context.Context, c *Client) error { _, err := c.PullRequest(ctx, 1); return err },
	"PullRequests": func(ctx context.Context, c *Client) error {
		_, err := c.PullRequests(ctx, forge.PullRequestFilter{})
		return err
	},
	"CreatePullRequest": func(ctx context.Context, c *Client) error {
		_, err := c.CreatePullRequest(ctx, forge.NewPullRequest{Title: "t", Head: "x", Base: "dev"})
		return err
	},
	"EditPullRequest":  func(ctx context.Context, c *Client) error { return c.EditPullRequest(ctx, 1, "t", "b") },
	"ClosePullRequest": func(ctx context.Context, c *Client) error { return c.ClosePullRequest(ctx, 1) },
	"Comment":          func(ctx context.Context, c *Client) error { return c.Comment(ctx, 1, "key", "text") },
	"AddLabels":        func(ctx context.Context, c *Client) error { return c.AddLabels(ctx, 1, []string{"a"}) },
	"RequestReviews":   func(ctx context.Context, c *Client) error { return c.RequestReviews(ctx, 1, []string{"bob"}) },
	"Reviews":          func(ctx context.Context, c *Client) error { _, err := c.Reviews(ctx, 1); return err },
	"Permission":       func(ctx context.Context, c *Client) error { _, err := c.Permission(ctx, "bob"); return err },
	"Statuses":         func(ctx context.Context, c *Client) error { _, err := c.Statuses(ctx, shaA); return err },
	"CheckRuns":        func(ctx context.Context, c *Client) error { _, err := c.CheckRuns(ctx, shaA); return err },
	"SetStatus": func(ctx context.Context, c *Client) error {
		return c.SetStatus(ctx, shaA, forge.Status{Context: "a", State: "success"})
	},
	"CreateBranch": func(ctx context.Context, c *Client) error { return c.CreateBranch(ctx, "x", shaA) },
	"DeleteBranch": func(ctx context.Context, c *Client) error { return c.DeleteBranch(ctx, "x", shaA) },
	"FastForward":  func(ctx context.Context, c *Client) error { return c.FastForward(ctx, "dev", shaA, shaB) },
	"CommitFiles": func(ctx context.Context, c *Client) error {
		_, err := c.CommitFiles(ctx, "dev", shaA, []forge.FileChange{{Path: "a", Content: []byte("b")}}, "m")
		return err
	},
	"Verification":  func(ctx context.Context, c *Client) error { _, _, err := c.Verification(ctx, shaA); return err },
	"Identity":      func(ctx context.Context, c *Client) error { _, err := c.Identity(ctx); return err },
	"Settings":      func(ctx context.Context, c *Client) error { _, err := c.Settings(ctx); return err },
	"WorkflowToken": func(ctx context.Context, c *Client) error { _, err := c.WorkflowToken(ctx); return err },
	"Rules":         func(ctx context.Context, c *Client) error { _, err := c.Rules(ctx, "dev"); return err },
	"Protection":    func(ctx context.Context, c *Client) error { _, err := c.Protection(ctx, "dev"); return err },
	"Rulesets":      func(ctx context.Context, c *Client) error { _, err := c.Rulesets(ctx); return err },
	"Ruleset":       func(ctx context.Context, c *Client) error { _, err := c.Ruleset(ctx, 1); return err },
	"AppID":         func(ctx context.Context, c *Client) error { _, err := c.AppID(ctx, "pawl"); return err },
	"CreateRuleset": func(ctx context.Context, c *Client) error {
		_, err := c.CreateRuleset(ctx, forge.Ruleset{Name: "lock", Enforcement: "active"})
		return err
	},
	"UpdateRuleset": func(ctx context.Context, c *Client) error {
		return c.UpdateRuleset(ctx, forge.Ruleset{ID: 1, Name: "lock", Enforcement: "active"})
	},
}

// echoes are answers that repeat the token, as a debugging proxy or a hostile
// server would, in every place that an error could quote.
var echoes = map[string]func(*http.Request) (*http.Response, error){
	"401":       echo(401, `{"message":"got %s"}`),
	"403":       echo(403, `{"message":"got %s"}`),
	"404":       echo(404, `{"message":"got %s"}`),
	"422":       echo(422, `{"message":"got %[1]s","errors":["and %[1]s",{"message":"%[1]s"}]}`),
	"422 rules": echo(422, `{"message":"Repository rule violations found\n\ngot %s\n"}`),
	"429":       echo(429, `{"message":"got %s"}`),
	"400":       echo(400, `{"message":"got %s"}`),
	"500":       echo(500, `{"message":"got %s"}`),
	"200 text":  echo(200, `got %s`),
	"200 JSON":  echo(200, `{"ref":"%[1]s","sha":"%[1]s","status":"%[1]s","full_name":"%[1]s","clone_url":"https://%[1]s.example/"}`),
	"graphql":   echo(200, `{"data":null,"errors":[{"message":"got %s"}]}`),
	"number":    echo(200, `{"number":"%s"}`),
	"date":      echo(200, `[{"created_at":"%s"}]`),
	"redirect": func(req *http.Request) (*http.Response, error) {
		return answer(req, 307, `{}`, "Location", "https://evil.example/?t="+canary), nil
	},
	"headers": func(req *http.Request) (*http.Response, error) {
		return answer(req, 403, `{}`, "X-GitHub-SSO", "required; url=https://x/?t="+canary), nil
	},
	"permissions": func(req *http.Request) (*http.Response, error) {
		return answer(req, 403, `{}`, "X-Accepted-GitHub-Permissions", canary), nil
	},
	"request id": func(req *http.Request) (*http.Response, error) {
		return answer(req, 502, ``, "X-GitHub-Request-Id", canary), nil
	},
	"network": func(req *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("malformed HTTP response %q", req.Header.Get("Authorization"))
	},
}

func echo(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		return answer(req, status, fmt.Sprintf(body, req.Header.Get("Authorization"))), nil
	}
}

// TestTokenDoesNotLeak is P10 for this package: all methods, all echoes, all that
// an error or a trace says.
func TestTokenDoesNotLeak(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		for fault, respond := range echoes {
			t.Run(name+" "+fault, func(t *testing.T) {
				t.Parallel()
				j := &journal{}
				c := client(t, j, func(o *Options) { o.Transport = roundTripper(respond) })
				err := call(t.Context(), c)
				if err == nil {
					t.Error("no error")
				}
				seen := fmt.Sprintf("%v %+v %#v %v", err, err, err, strings.Join(j.traces, "\n"))
				for e := err; e != nil; e = errors.Unwrap(e) {
					seen += fmt.Sprintf("\n%v %#v", e, e)
				}
				var refused *forge.RefusedError
				if errors.As(err, &refused) {
					seen += fmt.Sprint(refused.Reasons)
				}
				if strings.Contains(seen, canary[4:]) {
					t.Errorf("the token is in:\n%s", seen)
				}
				if len(j.traces) == 0 {
					t.Error("no traces")
				}
			})
		}
	}
	known := &secrets{texts: []string{canary}}
	if text := fmt.Sprintf("%v %+v %#v %s", known, known, known, known); strings.Contains(text, canary) {
		t.Errorf("printed: %s", text)
	}
}

// TestEveryFaultIsAnError: with every kind of failure, no method says that all is
// well, that something is absent, or nothing about what it was doing.
func TestEveryFaultIsAnError(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		for fault, fail := range broken {
			t.Run(name+" "+fault, func(t *testing.T) {
				t.Parallel()
				c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fail(w) })
				err := call(t.Context(), c)
				if err == nil || errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrAccess) || !strings.Contains(err.Error(), "of acme/config") {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
