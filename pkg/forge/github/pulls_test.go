package github

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
)

func TestPullRequest(t *testing.T) {
	t.Parallel()
	full := pullJSON(7, "pawl/staging/1", "staging")
	full["draft"], full["auto_merge"], full["labels"] = true, object{"merge_method": "squash"}, []object{{"name": "a"}, {"name": "b"}}
	merged := pullJSON(7, "x", "staging")
	merged["state"], merged["merged"], merged["merged_at"] = "closed", true, "2026-12-02T08:00:00Z"
	orphan := pullJSON(7, "x", "staging")
	orphan["user"], orphan["body"], orphan["head"].(object)["repo"] = nil, nil, nil
	for _, tt := range []struct {
		name   string
		answer object
		want   func(*forge.PullRequest)
	}{
		{"full", full, func(p *forge.PullRequest) {
			p.Head, p.Draft, p.AutoMerge, p.Labels = "pawl/staging/1", true, true, []string{"a", "b"}
		}},
		{"merged", merged, func(p *forge.PullRequest) { p.State, p.Merged = forge.Merged, at("2026-12-02T08:00:00Z") }},
		{"fork and author gone", orphan, func(p *forge.PullRequest) { p.Author, p.Body, p.HeadRepo = "ghost", "", "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 200, tt.answer) })
			got, err := c.PullRequest(t.Context(), 7)
			if err != nil {
				t.Fatal(err)
			}
			want := forge.PullRequest{Number: 7, Title: "a title", Body: "a body", Author: "alice", State: forge.Open, Base: "staging", Head: "x",
				HeadSHA: shaB, BaseRepo: "acme/config", HeadRepo: "acme/config", RepositoryID: "R_1", Created: at("2026-12-01T10:00:00Z"), WebURL: "http://x/pull"}
			tt.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			j.wantRequests(t, "GET /pulls/7")
			if id, err := c.repositoryID(t.Context()); id != "R_1" || err != nil || len(j.requests) != 1 {
				t.Errorf("the id was not kept: %q, %v", id, err)
			}
		})
	}
}

func TestPullRequestsFilter(t *testing.T) {
	t.Parallel()
	fork := pullJSON(5, "x", "dev")
	fork["head"].(object)["repo"] = object{"node_id": "R_2", "full_name": "acme/config-fork"}
	gone := pullJSON(4, "x", "dev")
	gone["head"].(object)["repo"] = nil
	closed := pullJSON(3, "x", "dev")
	closed["state"] = "closed"
	merged := pullJSON(2, "x", "dev")
	merged["state"], merged["merged_at"] = "closed", "2026-12-01T10:00:00Z"
	// A server that ignores every filter, as GitHub does with a bad head.
	all := []object{pullJSON(9, "y", "dev"), pullJSON(8, "x", "staging"), pullJSON(7, "x", "dev"), pullJSON(7, "x", "dev"), fork, gone, closed, merged}
	for _, tt := range []struct {
		filter forge.PullRequestFilter
		query  string
		want   []int
	}{
		{forge.PullRequestFilter{}, "state=open", []int{9, 8, 7, 5, 4}},
		{forge.PullRequestFilter{State: forge.Open, Head: "x"}, "state=open&head=acme:x", []int{8, 7}},
		{forge.PullRequestFilter{State: forge.Open, Head: "x", Base: "dev"}, "state=open&head=acme:x&base=dev", []int{7}},
		{forge.PullRequestFilter{State: forge.Closed}, "state=closed", []int{3}},
		{forge.PullRequestFilter{State: forge.Merged}, "state=closed", []int{2}},
		{forge.PullRequestFilter{State: forge.All, Base: "dev"}, "state=all&base=dev", []int{9, 7, 5, 4, 3, 2}},
		{forge.PullRequestFilter{State: forge.All, Limit: 2}, "state=all", []int{9, 8}},
	} {
		c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			want, err := url.ParseQuery(tt.query + "&sort=created&direction=desc&page=1&per_page=100")
			if diff := cmp.Diff(want, r.URL.Query()); diff != "" || err != nil {
				t.Errorf("query (-want +got):\n%s", diff)
			}
			write(w, 200, all)
		})
		pulls, err := c.PullRequests(t.Context(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, pull := range pulls {
			got = append(got, pull.Number)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.filter, diff)
		}
		if len(j.requests) != 1 {
			t.Errorf("got %d requests", len(j.requests))
		}
	}
}

func TestCreatePullRequestOutcomes(t *testing.T) {
	t.Parallel()
	draft := forge.NewPullRequest{Title: "a title", Body: "a body", Head: "x", Base: "dev", Draft: true}
	mine, other := pullJSON(7, "x", "dev"), pullJSON(7, "x", "dev")
	other["title"] = "somebody else's"
	const exists = `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:x."}]}`
	for _, tt := range []struct {
		name   string
		posts  []any   // the answers to POST: an object is 201, a string 422, nil 500
		lists  [][]any // the answers to the lists
		number int
		kind   error
		want   string
	}{
		{name: "new", posts: []any{mine}, number: 7},
		{name: "exists", posts: []any{exists}, lists: [][]any{{mine}}, number: 7, kind: forge.ErrExists, want: "pull request #7 already exists"},
		{name: "exists, not listed at first", posts: []any{exists}, lists: [][]any{{}, {}, {mine}}, number: 7, kind: forge.ErrExists, want: "#7"},
		{name: "exists, never listed", posts: []any{exists}, lists: [][]any{{}}, kind: forge.ErrTransient, want: "not listed yet"},
		{name: "exists, in other words", posts: []any{`{"message":"?"}`}, lists: [][]any{{mine}}, number: 7, kind: forge.ErrExists, want: "#7"},
		{name: "refused", posts: []any{`{"message":"No commits between dev and x"}`}, lists: [][]any{{}}, want: "was refused: No commits"},
		{name: "lost, and made", posts: []any{nil}, lists: [][]any{{mine}}, number: 7},
		{name: "lost, and another one there", posts: []any{nil}, lists: [][]any{{other}}, number: 7, kind: forge.ErrExists, want: "#7"},
		{name: "lost, and not made", posts: []any{nil, mine}, lists: [][]any{{}}, number: 7},
		{name: "lost, made, listed late", posts: []any{nil, exists}, lists: [][]any{{}, {}, {mine}}, number: 7, kind: forge.ErrExists, want: "#7"},
		{name: "lost twice", posts: []any{nil, nil}, lists: [][]any{{}}, kind: forge.ErrTransient, want: "not known"},
		{name: "another branch", posts: []any{pullJSON(7, "z", "dev")}, lists: [][]any{{mine}}, number: 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			posts, lists := 0, 0
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Method == http.MethodGet {
					write(w, 200, tt.lists[min(lists, len(tt.lists)-1)])
					lists++
					return
				}
				body := tt.posts[posts]
				posts++
				switch body.(type) {
				case nil:
					write(w, 500, "")
				case string:
					write(w, 422, body)
				default:
					write(w, 201, body)
				}
			})
			pull, err := c.CreatePullRequest(t.Context(), draft)
			wantText(t, err, tt.want)
			if tt.want != "" {
				wantKind(t, err, tt.kind)
			}
			if pull.Number != tt.number || posts != len(tt.posts) {
				t.Errorf("got #%d after %d posts", pull.Number, posts)
			}
		})
	}
}

func TestEditsAreReadBack(t *testing.T) {
	t.Parallel()
	edited, closed := pullJSON(1, "x", "dev"), pullJSON(1, "x", "dev")
	edited["title"], edited["body"] = "t", "b\r\nc"
	closed["state"] = "closed"
	calls := map[string]func(c *Client) error{
		"edit":  func(c *Client) error { return c.EditPullRequest(t.Context(), 1, "t", "b\nc") },
		"close": func(c *Client) error { return c.ClosePullRequest(t.Context(), 1) },
	}
	after := map[string]object{"edit": edited, "close": closed}
	for name, call := range calls {
		for _, made := range []bool{true, false} {
			patches := 0
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Method == http.MethodPatch {
					patches++
				}
				switch {
				case r.Method == http.MethodPatch && patches == 1:
					write(w, 502, "")
				case r.Method == http.MethodPatch, made:
					write(w, 200, after[name])
				default:
					write(w, 200, pullJSON(1, "x", "dev"))
				}
			})
			if err := call(c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if want := map[bool]int{true: 1, false: 2}[made]; patches != want {
				t.Errorf("%s, made %v: %d PATCH, want %d", name, made, patches, want)
			}
		}
	}
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 200, pullJSON(1, "x", "dev")) })
	wantText(t, c.ClosePullRequest(t.Context(), 1), "not known")
}
