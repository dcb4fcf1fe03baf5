package githubtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Pull requests are issues, too: labels and comments are in the issues API.

type label struct {
	id   int64
	name string
}

type comment struct {
	id      int64
	user    *account
	body    string
	created time.Time
	updated time.Time
	pull    *pull
}

func issueRoutes() []route {
	const scope = "issues|pull_requests"
	const one = "/issues/{issue_number}"
	return []route{
		{"GET", one + "/labels", reads(scope), listLabels},
		{"POST", one + "/labels", access{scope, "write", Triage}, postLabels},
		{"GET", one + "/comments", reads(scope), listComments},
		{"POST", one + "/comments", access{scope, "write", Read}, postComment},
		{"GET", "/issues/comments/{comment_id}", reads(scope), getComment},
		{"PATCH", "/issues/comments/{comment_id}", access{scope, "write", Read}, patchComment},
	}
}

// label finds a label of the repository or makes it: unknown ones are created on
// the fly. Names compare without case.
func (r *repository) label(name string) *label {
	i := slices.IndexFunc(r.labels, func(l *label) bool { return strings.EqualFold(l.name, name) })
	if i >= 0 {
		return r.labels[i]
	}
	made := &label{id: r.server.id(), name: name}
	r.labels = append(r.labels, made)
	return made
}

func (r *repository) labelJSON(l *label) object {
	return object{
		"id": l.id, "node_id": nodeID("LA", l.id), "url": r.api("/labels/" + l.name), "name": l.name,
		"description": "", "color": "ededed", "default": false,
	}
}

// addLabels adds labels; those that are there stay.
func (p *pull) addLabels(names []string) error {
	for _, name := range names {
		if name == "" || utf8.RuneCountInString(name) > 50 {
			return invalid(FieldError{Resource: "Label", Field: "name", Code: "invalid"})
		}
	}
	for _, name := range names {
		l := p.repo.label(name)
		if !slices.Contains(p.labels, l) {
			p.labels = append(p.labels, l)
		}
	}
	p.touch()
	return nil
}

func listLabels(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("issue_number")
	if err != nil {
		return nil, err
	}
	return paged(q, p.labels, func(l *label) any { return q.repo.labelJSON(l) }), nil
}

// postLabels is POST …/issues/{n}/labels: {"labels": […]} or the bare list, of
// names or of objects with a name [schema].
func postLabels(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("issue_number")
	if err != nil {
		return nil, err
	}
	names, err := labelNames(q.body)
	if err != nil {
		return nil, err
	}
	if err := p.addLabels(names); err != nil {
		return nil, err
	}
	list := []any{}
	for _, l := range p.labels {
		list = append(list, q.repo.labelJSON(l))
	}
	return ok(list), nil
}

func labelNames(body []byte) ([]string, error) {
	var wrapped struct{ Labels []json.RawMessage }
	items := []json.RawMessage{}
	if json.Unmarshal(body, &items) != nil {
		if err := json.Unmarshal(body, &wrapped); err != nil {
			return nil, &Error{Status: 400, Message: "Problems parsing JSON"}
		}
		items = wrapped.Labels
	}
	var names []string
	for _, item := range items {
		var name string
		var named struct{ Name string }
		if json.Unmarshal(item, &name) != nil && json.Unmarshal(item, &named) != nil {
			return nil, invalid(FieldError{Resource: "Label", Field: "name", Code: "invalid"})
		}
		names = append(names, or(name, named.Name))
	}
	return names, nil
}

// comment adds a comment.
func (p *pull) comment(c caller, body string) (*comment, error) {
	if err := checkComment(body); err != nil {
		return nil, err
	}
	now := p.repo.server.Now()
	made := &comment{id: p.repo.server.id(), user: c.account, body: body, created: now, updated: now, pull: p}
	p.comments = append(p.comments, made)
	p.touch()
	return made, nil
}

func checkComment(body string) error {
	if strings.TrimSpace(body) == "" {
		return invalid(FieldError{Resource: "IssueComment", Field: "body", Code: "missing_field"})
	}
	if utf8.RuneCountInString(body) > maxBody { // [github-pr-resource#259]
		return invalid(FieldError{
			Resource: "IssueComment", Field: "data", Code: "unprocessable",
			Message: "Body is too long (maximum is 65536 characters)",
		})
	}
	return nil
}

func (r *repository) commentJSON(c *comment) object {
	html := r.html(fmt.Sprintf("/pull/%d#issuecomment-%d", c.pull.number, c.id))
	return object{
		"id": c.id, "node_id": nodeID("IC", c.id), "url": r.api(fmt.Sprintf("/issues/comments/%d", c.id)),
		"html_url": html, "issue_url": r.api(fmt.Sprintf("/issues/%d", c.pull.number)), "body": c.body,
		"user": r.server.simpleUser(c.user), "created_at": stamp(c.created), "updated_at": stamp(c.updated),
		"author_association": r.association(c.user), "performed_via_github_app": nil,
	}
}

// listComments is GET …/issues/{n}/comments, "ordered by ascending ID".
func listComments(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("issue_number")
	if err != nil {
		return nil, err
	}
	since := parseTime(q.query.Get("since"))
	var list []*comment
	for _, c := range p.comments {
		if !c.updated.Before(since) {
			list = append(list, c)
		}
	}
	return paged(q, list, func(c *comment) any { return q.repo.commentJSON(c) }), nil
}

func postComment(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("issue_number")
	if err != nil {
		return nil, err
	}
	var in struct{ Body string }
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	made, err := p.comment(q.caller, in.Body)
	if err != nil {
		return nil, err
	}
	return created(q.repo.commentJSON(made)), nil
}

func (q *request) needComment() (*comment, error) {
	for _, p := range q.repo.pulls {
		for _, c := range p.comments {
			if c.id == int64(q.number("comment_id")) {
				return c, nil
			}
		}
	}
	return nil, errNotFound()
}

func getComment(_ context.Context, q *request) (*response, error) {
	c, err := q.needComment()
	if err != nil {
		return nil, err
	}
	return ok(q.repo.commentJSON(c)), nil
}

// patchComment is PATCH …/issues/comments/{comment_id}: one's own, or with write
// access anybody's.
func patchComment(_ context.Context, q *request) (*response, error) {
	c, err := q.needComment()
	if err != nil {
		return nil, err
	}
	var in struct{ Body string }
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if c.user != q.caller.account && !q.repo.canWrite(q.caller) {
		return nil, &Error{Status: 403, Message: "Must have admin rights to Repository."}
	}
	if err := checkComment(in.Body); err != nil {
		return nil, err
	}
	c.body, c.updated = in.Body, q.server.Now()
	c.pull.touch()
	return ok(q.repo.commentJSON(c)), nil
}
