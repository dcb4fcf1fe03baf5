package githubtest

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// activity is one entry of the repository's activity log.
type activity struct {
	id            int64
	ref           string
	before, after string
	kind          string
	actor         *account
	at            time.Time
}

// addActivity enters a change of a branch. Tags do not show [docs: using the
// activity view to see changes to a repository].
func (r *repository) addActivity(c caller, u RefUpdate) {
	if !strings.HasPrefix(u.Ref, "refs/heads/") {
		return
	}
	kind := "push"
	switch {
	case u.Created():
		kind = "branch_creation"
	case u.Deleted():
		kind = "branch_deletion"
	case u.PullRequest != 0:
		kind = "pr_merge"
	case u.Forced:
		kind = "force_push"
	}
	r.activity = append(r.activity, &activity{
		id: r.server.id(), ref: u.Ref, before: u.Before, after: u.After, kind: kind, actor: c.account, at: u.Time,
	})
}

func activityRoutes() []route {
	return []route{{"GET", "/activity", reads("contents"), listActivity}}
}

// listActivity is GET /repos/{owner}/{repo}/activity: newest first, in pages with
// cursors from the Link header instead of numbers [docs: rest/repos/repos, list
// repository activities].
func listActivity(_ context.Context, q *request) (*response, error) {
	r := q.repo
	list, err := r.filterActivity(q)
	if err != nil {
		return nil, err
	}
	if q.query.Get("direction") != "asc" {
		slices.Reverse(list)
	}
	page, header := cursorPage(q, list)
	body := []any{}
	for _, a := range page {
		body = append(body, object{
			"id": a.id, "node_id": nodeID("PSH", a.id), "before": a.before, "after": a.after, "ref": a.ref,
			"timestamp": stamp(a.at), "activity_type": a.kind, "actor": r.server.simpleUser(a.actor),
		})
	}
	return &response{status: http.StatusOK, header: header, body: body}, nil
}

// filterActivity applies ref (short or full), actor, activity_type and time_period.
func (r *repository) filterActivity(q *request) ([]*activity, error) {
	ref := q.query.Get("ref")
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	var since time.Time
	if period := q.query.Get("time_period"); period != "" {
		days, known := map[string]int{"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}[period]
		if !known {
			return nil, unprocessable("Invalid time_period")
		}
		since = r.server.Now().AddDate(0, 0, -days)
	}
	kind, actor := q.query.Get("activity_type"), q.query.Get("actor")
	var list []*activity
	for _, a := range r.activity {
		switch {
		case ref != "" && a.ref != ref, kind != "" && a.kind != kind, a.at.Before(since):
		case actor != "" && (a.actor == nil || !strings.EqualFold(a.actor.login, actor)):
		default:
			list = append(list, a)
		}
	}
	return list, nil
}

// cursorPage cuts a page out by the cursors before and after. A cursor is opaque
// to clients; here it is the id of an entry.
func cursorPage(q *request, list []*activity) ([]*activity, http.Header) {
	perPage, _ := q.paging()
	from, to := 0, len(list)
	if i := indexOfCursor(list, q.query.Get("after")); i >= 0 {
		from = i + 1
	}
	to = min(from+perPage, to)
	if i := indexOfCursor(list, q.query.Get("before")); i >= 0 {
		to = i
		from = max(to-perPage, 0)
	}
	header := http.Header{}
	var parts []string
	link := func(rel, key, cursor string) {
		target := q.pageURL(url.Values{"before": nil, "after": nil, key: {cursor}})
		parts = append(parts, "<"+target+`>; rel="`+rel+`"`)
	}
	if to < len(list) && to > from {
		link("next", "after", cursorOf(list[to-1]))
	}
	if from > 0 && from < len(list) {
		link("prev", "before", cursorOf(list[from]))
	}
	if parts != nil {
		header.Set("Link", strings.Join(parts, ", "))
	}
	return list[from:to], header
}

func cursorOf(a *activity) string {
	return base64.RawURLEncoding.EncodeToString([]byte("A" + strconv.FormatInt(a.id, 10)))
}

func indexOfCursor(list []*activity, cursor string) int {
	if cursor == "" {
		return -1
	}
	return slices.IndexFunc(list, func(a *activity) bool { return cursorOf(a) == cursor })
}
