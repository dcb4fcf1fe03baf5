package githubtest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// review is one review of a pull request.
type review struct {
	id    int64
	user  *account
	state string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED
	body  string
	sha   string
	at    time.Time
}

func reviewRoutes() []route {
	const one = "/pulls/{pull_number}"
	comments := access{"pull_requests", "write", Read}
	return []route{
		{"GET", one + "/reviews", reads("pull_requests"), listReviews},
		{"POST", one + "/reviews", comments, postReview},
		{"PUT", one + "/reviews/{review_id}/dismissals", writes("pull_requests"), dismissReview},
		{"GET", one + "/requested_reviewers", reads("pull_requests"), getReviewers},
		{"POST", one + "/requested_reviewers", writes("pull_requests"), postReviewers},
	}
}

// latestReviews keeps what counts of each user's reviews: the newest one that
// approves or asks for changes; a dismissed one does not count [docs: about
// protected branches].
func (p *pull) latestReviews() []*review {
	byUser := map[*account]*review{}
	var order []*account
	for _, v := range p.reviews {
		if v.state == "COMMENTED" {
			continue
		}
		if byUser[v.user] == nil {
			order = append(order, v.user)
		}
		byUser[v.user] = v
	}
	var list []*review
	for _, a := range order {
		if byUser[a].state != "DISMISSED" {
			list = append(list, byUser[a])
		}
	}
	return list
}

// review adds a review.
func (p *pull) review(c caller, event, body, sha string) (*review, error) {
	state := map[string]string{
		"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED",
	}[event]
	simple := func(text string) error {
		return &Error{Status: 422, Message: "Unprocessable Entity", Plain: []string{text}}
	}
	switch {
	case state == "":
		// Without an event GitHub keeps a pending review, which is not modeled.
		return nil, simple("Variable $event of type PullRequestReviewEvent was provided invalid value")
	case c.account == p.user && event == "APPROVE":
		return nil, simple("Can not approve your own pull request")
	case c.account == p.user && event == "REQUEST_CHANGES":
		return nil, simple("Can not request changes on your own pull request")
	case body == "" && event != "APPROVE":
		return nil, simple("Body can't be blank") // the words are unverified
	case c.token != nil && c.token.kind == actionsToken && event == "APPROVE" && !p.repo.settings.ActionsMayCreatePullRequests:
		return nil, simple("GitHub Actions is not permitted to approve pull requests.")
	case p.closed && event != "COMMENT":
		return nil, simple("Can not approve or request changes on a closed pull request") // unverified
	}
	if sha == "" {
		sha = p.head
	}
	v := &review{id: p.repo.server.id(), user: c.account, state: state, body: body, sha: sha, at: p.repo.server.Now()}
	p.reviews = append(p.reviews, v)
	p.reviewers = slices.DeleteFunc(p.reviewers, func(a *account) bool { return a == c.account })
	p.touch()
	return v, nil
}

func (p *pull) reviewJSON(v *review) object {
	html := p.repo.html(fmt.Sprintf("/pull/%d#pullrequestreview-%d", p.number, v.id))
	self := p.repo.api(fmt.Sprintf("/pulls/%d", p.number))
	return object{
		"id": v.id, "node_id": nodeID("PRR", v.id), "user": p.repo.server.simpleUser(v.user), "body": v.body,
		"state": v.state, "html_url": html, "pull_request_url": self, "commit_id": v.sha,
		"submitted_at": stamp(v.at), "author_association": p.repo.association(v.user),
		"_links": links(map[string]string{"html": html, "pull_request": self}),
	}
}

// listReviews is GET …/pulls/{n}/reviews, "in chronological order".
func listReviews(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	return paged(q, p.reviews, func(v *review) any { return p.reviewJSON(v) }), nil
}

func postReview(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	var in struct {
		Event, Body string
		CommitID    string `json:"commit_id"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	v, err := p.review(q.caller, in.Event, in.Body, in.CommitID)
	if err != nil {
		return nil, err
	}
	return ok(p.reviewJSON(v)), nil
}

// dismissReview is PUT …/reviews/{review_id}/dismissals.
func dismissReview(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	var in struct{ Message *string }
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(p.reviews, func(v *review) bool { return v.id == int64(q.number("review_id")) })
	switch {
	case i < 0:
		return nil, errNotFound()
	case in.Message == nil:
		return nil, missingField("message")
	case p.reviews[i].state != "APPROVED" && p.reviews[i].state != "CHANGES_REQUESTED":
		return nil, &Error{Status: 422, Message: "Unprocessable Entity", Plain: []string{"Can not dismiss a " + strings.ToLower(p.reviews[i].state) + " pull request review"}}
	}
	p.reviews[i].state = "DISMISSED"
	p.touch()
	return ok(p.reviewJSON(p.reviews[i])), nil
}

func getReviewers(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	body := p.simple(q.caller)
	return ok(object{"users": body["requested_reviewers"], "teams": body["requested_teams"]}), nil
}

// postReviewers is POST …/requested_reviewers: the author cannot review, and
// others must be collaborators.
func postReviewers(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	var in struct {
		Reviewers []string
		Teams     []string `json:"team_reviewers"`
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := p.request(in.Reviewers, in.Teams); err != nil {
		return nil, err
	}
	return &response{status: http.StatusCreated, body: p.simple(q.caller)}, nil
}

// request asks people and teams for a review. It asks all of them or none.
func (p *pull) request(logins, teams []string) error {
	var asked []*account
	for _, login := range logins {
		a := p.repo.server.account(login)
		switch {
		case a != nil && a == p.user:
			return unprocessable("Review cannot be requested from pull request author.")
		case a == nil || !p.repo.role(a).atLeast(Read):
			return unprocessable("Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the " + p.repo.fullName() + " repository.")
		}
		asked = append(asked, a)
	}
	for _, a := range asked {
		if !slices.Contains(p.reviewers, a) {
			p.reviewers = append(p.reviewers, a)
		}
	}
	for _, slug := range teams {
		if !slices.Contains(p.teams, slug) {
			p.teams = append(p.teams, slug)
		}
	}
	p.touch()
	return nil
}

// teamJSON is the schemas team and team-simple; of a team only the name is known.
func (r *repository) teamJSON(slug string) object {
	api := r.server.api("/organizations/" + fmt.Sprint(r.owner.id) + "/team/" + slug)
	return object{
		"id": 1, "node_id": nodeID("T", 1), "name": slug, "slug": slug, "description": nil,
		"privacy": "closed", "permission": "pull", "url": api, "members_url": api + "/members{/member}",
		"repositories_url": api + "/repos", "html_url": r.server.url + "/orgs/" + r.owner.login + "/teams/" + slug,
		"parent": nil, "type": "organization", "organization_id": r.owner.id,
	}
}
