package github

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

func TestBadArgumentsAreNotSent(t *testing.T) {
	t.Parallel()
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 500, "") })
	ctx := t.Context()
	_, fileErr := c.File(ctx, "../x", shaA)
	_, refErr := c.File(ctx, "x", "dev")
	_, branchErr := c.Branch(ctx, "a..b")
	_, compareErr := c.Compare(ctx, "a b", shaA, 0)
	_, loginErr := c.Permission(ctx, "../../x")
	_, stateErr := c.PullRequests(ctx, forge.PullRequestFilter{State: "weird"})
	_, pullErr := c.CreatePullRequest(ctx, forge.NewPullRequest{Head: "evil:x", Base: "dev"})
	for name, err := range map[string]error{
		"path": fileErr, "ref": refErr, "branch": branchErr, "compare": compareErr, "login": loginErr, "state": stateErr, "pull": pullErr,
		"ff branch":  c.FastForward(ctx, "", shaA, shaB),
		"ff old":     c.FastForward(ctx, "dev", "", shaB),
		"ff new":     c.FastForward(ctx, "dev", shaA, "dev"),
		"create":     c.CreateBranch(ctx, "refs//x", shaA),
		"create sha": c.CreateBranch(ctx, "x", shaA[:12]),
		"delete":     c.DeleteBranch(ctx, "x", ""),
		"status":     c.SetStatus(ctx, "dev", forge.Status{}),
		"key":        c.Comment(ctx, 1, "a --> b", ""),
		"empty key":  c.Comment(ctx, 1, "", ""),
		"team":       c.RequestReviews(ctx, 1, []string{"other/team"}),
	} {
		if err == nil || errors.Is(err, forge.ErrTransient) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	j.wantRequests(t)
}

func TestCreateBranch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   any
		head   string // what is read afterwards
		kind   error
		want   string
	}{
		{name: "new", status: 201, body: refJSON("dev", shaA)},
		{name: "there, same", status: 422, body: `{"message":"Reference already exists"}`, head: shaA},
		{name: "there, other", status: 422, body: `{"message":"Reference already exists"}`, head: shaB, kind: forge.ErrExists, want: "it is at " + shaB},
		{name: "there, in other words", status: 422, body: `{"message":"?"}`, head: shaA},
		{name: "not listed yet", status: 422, body: `{"message":"Reference already exists"}`, kind: forge.ErrTransient, want: "could not be read yet"},
		{name: "no object", status: 422, body: `{"message":"Object does not exist"}`, want: "was refused: Object does not exist"},
		{name: "conflict", status: 409, body: `{"message":"Git Repository is empty."}`, want: "was refused"},
		{name: "answer for another commit", status: 201, body: refJSON("dev", shaB), head: shaA},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := &origin{head: tt.head}
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if r.Method == http.MethodPost {
					write(w, tt.status, tt.body)
					return
				}
				o.handle(w, r, n)
			})
			err := c.CreateBranch(t.Context(), "dev", shaA)
			wantText(t, err, tt.want)
			if tt.want != "" {
				wantKind(t, err, tt.kind)
			}
		})
	}
}

func TestDeleteBranch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		head    string
		graphql func(*origin, http.ResponseWriter, refUpdateSeen)
		del     int // status of REST's DELETE
		kind    error
		want    string
		deletes int
	}{
		{name: "swap", head: shaA, graphql: swap},
		{name: "moved", head: shaB, graphql: swap, kind: forge.ErrMoved, want: "it is at " + shaB},
		{name: "gone", head: "", graphql: swap},
		{name: "old server", head: shaA, graphql: says(oldServer), del: 204, deletes: 1},
		{name: "old server, moved", head: shaB, graphql: says(oldServer), kind: forge.ErrMoved, want: shaB},
		{name: "old server, gone", head: "", graphql: says(oldServer)},
		{name: "refused, then REST", head: shaA, graphql: refuses("UNPROCESSABLE", "no"), del: 204, deletes: 1},
		{name: "protected", head: shaA, graphql: refuses("UNPROCESSABLE", "no"), del: 422, deletes: 1, want: "was refused: Cannot delete this branch"},
		{name: "no permission", head: shaA, graphql: refuses("FORBIDDEN", "no"), del: 403, deletes: 1, kind: forge.ErrAccess, want: "contents: write"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			deletes := 0
			o := &origin{head: tt.head, graphql: tt.graphql}
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
				if r.Method == http.MethodDelete {
					deletes++
					if tt.del == 204 {
						o.head = ""
						w.WriteHeader(204)
						return
					}
					write(w, tt.del, `{"message":"Cannot delete this branch"}`)
					return
				}
				o.handle(w, r, n)
			})
			err := c.DeleteBranch(t.Context(), "dev", shaA)
			wantText(t, err, tt.want)
			if tt.want != "" {
				wantKind(t, err, tt.kind)
			}
			if deletes != tt.deletes {
				t.Errorf("sent %d DELETE, want %d", deletes, tt.deletes)
			}
		})
	}
}

func TestCheckBranch(t *testing.T) {
	t.Parallel()
	good := []string{"dev", "feature/x", "pawl/staging/0123", "a#b", "a%2e", "ünïcode", "a.b", "release-1.0", "a@b", "a&b=c", "x+y", "-a"}
	bad := []string{"", "/", "a/", "/a", "a//b", ".", "..", "a..b", ".a", "a/.b", "a.lock", "a/b.lock/c", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`, "a@{b", "a.", "a\nb", "a\x7f"}
	for _, name := range good {
		wantText(t, checkBranch(name), "")
	}
	for _, name := range bad {
		wantText(t, checkBranch(name), "not the name of a branch")
	}
}

// TestBranchNamesAreEscaped: what is special in a URL reaches the server as a name.
func TestBranchNamesAreEscaped(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a#b", "a%2Fb", "ünï", "x/a&b=c;d", "a+b", "a%b"} {
		var got []string
		c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			switch {
			case strings.Contains(r.URL.Path, "/git/ref/heads/"):
				_, branch, _ := strings.Cut(r.URL.Path, "/git/ref/heads/")
				got = append(got, branch)
				write(w, 200, refJSON(branch, shaB))
			case strings.Contains(r.URL.Path, "/compare/"):
				_, pair, _ := strings.Cut(r.URL.Path, "/compare/")
				got = append(got, strings.TrimSuffix(pair, "..."+shaB))
				write(w, 200, compareJSON("ahead", shaA, shaA, 1, 0, commitJSON(shaB, shaA)))
			default:
				got = append(got, strings.TrimPrefix(r.URL.Query().Get("ref"), "refs/heads/"))
				write(w, 200, "[]")
			}
		})
		if _, err := c.Compare(t.Context(), name, name, 0); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := c.Activity(t.Context(), name, 0); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if diff := cmp.Diff([]string{name, name, name}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", name, diff)
		}
	}
}
