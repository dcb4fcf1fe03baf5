package github

import (
	"net/http"
	"strings"
	"testing"
)

func TestComment(t *testing.T) {
	t.Parallel()
	comments := func(bodies ...string) []object {
		var list []object
		for i, body := range bodies {
			list = append(list, object{"id": i + 1, "body": body})
		}
		return list
	}
	const marked = "<!-- pawl:superseded -->\nold text"
	for _, tt := range []struct {
		name   string
		lists  [][]object
		status int
		posts  int
		want   string
	}{
		{"new", [][]object{comments("hello")}, 201, 1, ""},
		{"there", [][]object{comments("hello", marked)}, 0, 0, ""},
		{"there, other line endings", [][]object{comments("<!-- pawl:superseded -->\r\nx")}, 0, 0, ""},
		{"quoted only", [][]object{comments("see\n<!-- pawl:superseded -->", "> <!-- pawl:superseded -->")}, 201, 1, ""},
		{"lost, and made", [][]object{{}, comments(marked)}, 500, 1, ""},
		{"lost, and not to be seen", [][]object{{}, {}}, 500, 1, "not known"},
		{"refused", [][]object{{}}, 422, 1, "was refused: Body is too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			posts, lists := 0, 0
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Method == http.MethodPost {
					posts++
					write(w, tt.status, `{"id":9,"message":"Body is too long"}`)
					return
				}
				lists++
				write(w, 200, append([]object{}, tt.lists[lists-1]...))
			})
			wantText(t, c.Comment(t.Context(), 1, "superseded", "text"), tt.want)
			if posts != tt.posts {
				t.Errorf("posted %d times", posts)
			}
		})
	}
}

func TestLabelsAndReviewers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		call   func(c *Client) error
		posted string
		back   any // what reading back shows after the first answer was lost
		posts  int
	}{
		{"labels", func(c *Client) error { return c.AddLabels(t.Context(), 1, []string{"a", "B"}) },
			`["a","B"]`, []object{{"name": "A"}, {"name": "b"}}, 1},
		{"labels, not made", func(c *Client) error { return c.AddLabels(t.Context(), 1, []string{"a", "B"}) },
			`["a","B"]`, []object{{"name": "A"}}, 2},
		{"reviewers", func(c *Client) error { return c.RequestReviews(t.Context(), 1, []string{"bob", "Acme/ops"}) },
			`{"reviewers":["bob"],"team_reviewers":["ops"]}`, object{"users": []object{{"login": "bob"}}, "teams": []object{{"slug": "ops"}}}, 1},
		{"reviewers, not made", func(c *Client) error { return c.RequestReviews(t.Context(), 1, []string{"bob", "acme/ops"}) },
			`{"reviewers":["bob"],"team_reviewers":["ops"]}`, object{"users": []object{{"login": "bob"}}, "teams": []object{}}, 2},
		{"no labels", func(c *Client) error { return c.AddLabels(t.Context(), 1, nil) }, "", nil, 0},
		{"no reviewers", func(c *Client) error { return c.RequestReviews(t.Context(), 1, nil) }, "", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			posts := 0
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Method == http.MethodGet {
					write(w, 200, tt.back)
					return
				}
				posts++
				body := make([]byte, 1000)
				n, _ := r.Body.Read(body)
				if got := strings.TrimSpace(string(body[:n])); got != tt.posted {
					t.Errorf("posted %s", got)
				}
				switch {
				case posts == 1:
					write(w, 500, "")
				case strings.HasSuffix(r.URL.Path, "labels"):
					write(w, 200, []object{{"name": "a"}, {"name": "b"}})
				default:
					write(w, 201, pullJSON(1, "x", "dev"))
				}
			})
			if err := tt.call(c); err != nil || posts != tt.posts {
				t.Errorf("got %v after %d posts", err, posts)
			}
		})
	}
}
