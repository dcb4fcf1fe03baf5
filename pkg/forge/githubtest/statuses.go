package githubtest

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// status is one commit status. They are only added to.
type status struct {
	id          int64
	state       string
	context     string
	description string
	target      string
	creator     *account
	at          time.Time
	updated     time.Time
}

// maxStatuses is how many a commit may have of one context [docs:
// rest/commits/statuses, create a commit status].
const maxStatuses = 1000

func statusRoutes() []route {
	return []route{
		{"POST", "/statuses/{sha}", writes("statuses"), postStatus},
		{"GET", "/commits/{ref...}/statuses", reads("statuses"), listStatuses},
		{"GET", "/commits/{ref...}/status", reads("statuses"), combinedStatus},
	}
}

// setStatus adds a status to a commit.
func (r *repository) setStatus(ctx context.Context, c caller, sha string, s status) (*status, error) {
	if r.store().kind(ctx, sha) != "commit" {
		return nil, unprocessable("No commit found for SHA: " + sha)
	}
	s.context = or(s.context, "default") // [schema: the default of context]
	same := 0
	for _, known := range r.statuses[sha] {
		if known.context == s.context {
			same++
		}
	}
	switch {
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, s.state):
		return nil, invalid(FieldError{Resource: "Status", Field: "state", Code: "custom", Message: "state is not included in the list"})
	case utf8.RuneCountInString(s.description) > 140:
		return nil, invalid(FieldError{Resource: "Status", Field: "description", Code: "custom", Message: "description is too long (maximum is 140 characters)"})
	case same >= maxStatuses:
		return nil, invalid(FieldError{
			Resource: "Status", Code: "custom",
			Message: "This SHA and context has reached the maximum number of statuses.",
		})
	}
	s.id, s.creator, s.at = r.server.id(), c.account, r.server.Now()
	s.updated = s.at
	r.statuses[sha] = append(r.statuses[sha], &s)
	return &s, nil
}

// latestStatuses are the newest of each context, newest first.
func (r *repository) latestStatuses(sha string) []*status {
	seen := map[string]bool{}
	var list []*status
	for _, s := range slices.Backward(r.statuses[sha]) {
		if !seen[s.context] {
			seen[s.context] = true
			list = append(list, s)
		}
	}
	return list
}

func (r *repository) statusJSON(sha string, s *status) object {
	body := r.simpleStatus(sha, s)
	body["creator"] = r.server.simpleUser(s.creator)
	return body
}

// simpleStatus is the schema simple-commit-status.
func (r *repository) simpleStatus(sha string, s *status) object {
	return object{
		"url": r.api("/statuses/" + sha), "avatar_url": r.server.url + "/avatars/" + fmt.Sprint(s.creator.id),
		"id": s.id, "node_id": nodeID("SC", s.id), "state": s.state, "context": s.context,
		"description": textOrNull(s.description), "target_url": textOrNull(s.target),
		"created_at": stamp(s.at), "updated_at": stamp(s.updated),
	}
}

func postStatus(ctx context.Context, q *request) (*response, error) {
	var in struct {
		State, Context, Description string
		Target                      string `json:"target_url"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	sha := q.path["sha"]
	s, err := q.repo.setStatus(ctx, q.caller, sha, status{
		state: in.State, context: in.Context, description: in.Description, target: in.Target,
	})
	if err != nil {
		return nil, err
	}
	return created(q.repo.statusJSON(sha, s)), nil
}

// listStatuses is GET …/commits/{ref}/statuses: all, newest first.
func listStatuses(ctx context.Context, q *request) (*response, error) {
	sha := q.repo.resolve(ctx, q.path["ref"])
	if sha == "" {
		return nil, errNotFound()
	}
	list := slices.Clone(q.repo.statuses[sha])
	slices.Reverse(list)
	return paged(q, list, func(s *status) any { return q.repo.statusJSON(sha, s) }), nil
}

// combinedStatus is GET …/commits/{ref}/status: failure if any context reports
// error or failure, pending if there are none or any is pending, else success
// [docs: rest/commits/statuses, get the combined status].
func combinedStatus(ctx context.Context, q *request) (*response, error) {
	r := q.repo
	sha := r.resolve(ctx, q.path["ref"])
	if sha == "" {
		return nil, errNotFound()
	}
	latest := r.latestStatuses(sha)
	state := "success"
	if len(latest) == 0 {
		state = "pending"
	}
	for _, s := range latest {
		switch {
		case s.state == "failure" || s.state == "error":
			state = "failure"
		case s.state == "pending" && state != "failure":
			state = "pending"
		}
	}
	page := paged(q, latest, func(s *status) any { return r.simpleStatus(sha, s) })
	page.body = object{
		"state": state, "statuses": page.body, "sha": sha, "total_count": len(latest),
		"repository": r.json(q.caller), "commit_url": r.api("/commits/" + sha),
		"url": r.api("/commits/" + sha + "/status"),
	}
	return page, nil
}
