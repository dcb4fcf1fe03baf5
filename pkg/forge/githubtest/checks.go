package githubtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// checkRun is a check run: the result of one job of one GitHub App on a commit.
type checkRun struct {
	id          int64
	app         *account
	name        string
	sha         string
	status      string
	conclusion  string
	details     string
	external    string
	title       string
	summary     string
	text        string
	startedAt   time.Time
	completedAt time.Time
}

func checkRoutes() []route {
	return []route{
		{"POST", "/check-runs", access{"checks", "write", Write}, postCheckRun},
		{"PATCH", "/check-runs/{check_run_id}", access{"checks", "write", Write}, patchCheckRun},
		{"GET", "/check-runs/{check_run_id}", reads("checks"), getCheckRun},
		{"GET", "/commits/{ref...}/check-runs", reads("checks"), listCheckRuns},
	}
}

// runsOf are the check runs of a commit, oldest first.
func (r *repository) runsOf(sha string) []*checkRun {
	var list []*checkRun
	for _, run := range r.checks {
		if run.sha == sha {
			list = append(list, run)
		}
	}
	return list
}

// latestRuns are the newest of each name and app, newest first: filter=latest
// [docs: rest/checks/runs, list check runs for a Git reference].
func latestRuns(runs []*checkRun) []*checkRun {
	type key struct {
		app  *account
		name string
	}
	seen := map[key]bool{}
	var list []*checkRun
	for _, run := range slices.Backward(runs) {
		k := key{run.app, run.name}
		if !seen[k] {
			seen[k] = true
			list = append(list, run)
		}
	}
	return list
}

// checkInput is the body of POST and PATCH.
type checkInput struct {
	Name        *string
	SHA         *string `json:"head_sha"`
	Details     *string `json:"details_url"`
	External    *string `json:"external_id"`
	Status      *string
	Conclusion  *string
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct{ Title, Summary, Text string }
}

// apply changes a run as asked. "Providing conclusion will automatically set the
// status parameter to completed" [schema].
func (run *checkRun) apply(in checkInput, now time.Time) error {
	for _, set := range []struct {
		from *string
		to   *string
	}{
		{in.Name, &run.name}, {in.Details, &run.details}, {in.External, &run.external},
		{in.Status, &run.status}, {in.Conclusion, &run.conclusion},
	} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	if in.StartedAt != nil {
		run.startedAt = *in.StartedAt
	}
	if in.Output != nil {
		run.title, run.summary, run.text = in.Output.Title, in.Output.Summary, in.Output.Text
	}
	switch {
	case in.Conclusion != nil || in.CompletedAt != nil:
		run.status, run.completedAt = "completed", now
		if in.CompletedAt != nil {
			run.completedAt = *in.CompletedAt
		}
	case in.Status != nil && *in.Status != "completed":
		run.conclusion, run.completedAt = "", time.Time{}
	}
	if run.status == "completed" && run.conclusion == "" {
		return invalid(FieldError{Resource: "CheckRun", Field: "conclusion", Code: "missing_field"})
	}
	conclusions := []string{"", "action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"}
	if !slices.Contains([]string{"queued", "in_progress", "completed"}, run.status) || !slices.Contains(conclusions, run.conclusion) {
		return invalid(FieldError{Resource: "CheckRun", Field: "status", Code: "invalid"})
	}
	return nil
}

// createCheckRun adds a check run. Only GitHub Apps may [docs: rest/checks/runs].
func (r *repository) createCheckRun(ctx context.Context, c caller, in checkInput) (*checkRun, error) {
	switch {
	case !c.isBot():
		return nil, &Error{Status: 403, Message: "You must authenticate via a GitHub App."}
	case in.Name == nil:
		return nil, missingField("name")
	case in.SHA == nil:
		return nil, missingField("head_sha")
	case r.store().kind(ctx, *in.SHA) != "commit":
		return nil, unprocessable("No commit found for SHA: " + *in.SHA)
	}
	run := &checkRun{id: r.server.id(), app: c.account, sha: *in.SHA, status: "queued", startedAt: r.server.Now()}
	if err := run.apply(in, r.server.Now()); err != nil {
		return nil, err
	}
	r.checks = append(r.checks, run)
	return run, nil
}

func postCheckRun(ctx context.Context, q *request) (*response, error) {
	var in checkInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	run, err := q.repo.createCheckRun(ctx, q.caller, in)
	if err != nil {
		return nil, err
	}
	return created(q.repo.checkJSON(run)), nil
}

func (q *request) needCheckRun() (*checkRun, error) {
	id := int64(q.number("check_run_id"))
	i := slices.IndexFunc(q.repo.checks, func(run *checkRun) bool { return run.id == id })
	if i < 0 {
		return nil, errNotFound()
	}
	return q.repo.checks[i], nil
}

func getCheckRun(_ context.Context, q *request) (*response, error) {
	run, err := q.needCheckRun()
	if err != nil {
		return nil, err
	}
	return ok(q.repo.checkJSON(run)), nil
}

// patchCheckRun is PATCH …/check-runs/{check_run_id}, for the App that made it.
func patchCheckRun(_ context.Context, q *request) (*response, error) {
	run, err := q.needCheckRun()
	if err != nil {
		return nil, err
	}
	if run.app != q.caller.account {
		return nil, &Error{Status: 403, Message: "Invalid app_id `" + fmt.Sprint(q.caller.account.id) + "` - check run can only be modified by the GitHub App that created it."}
	}
	var in checkInput
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	changed := *run
	if err := changed.apply(in, q.server.Now()); err != nil {
		return nil, err
	}
	*run = changed
	return ok(q.repo.checkJSON(run)), nil
}

// listCheckRuns is GET …/commits/{ref}/check-runs.
func listCheckRuns(ctx context.Context, q *request) (*response, error) {
	r := q.repo
	sha := r.resolve(ctx, q.path["ref"])
	if sha == "" {
		return nil, unprocessable("No commit found for SHA: " + q.path["ref"])
	}
	list := r.runsOf(sha)
	if q.query.Get("filter") == "all" {
		list = slices.Clone(list)
		slices.Reverse(list)
	} else {
		list = latestRuns(list)
	}
	list = slices.DeleteFunc(list, func(run *checkRun) bool {
		name, status, id := q.query.Get("check_name"), q.query.Get("status"), q.query.Get("app_id")
		return name != "" && run.name != name || status != "" && run.status != status ||
			id != "" && fmt.Sprint(run.app.app.id) != id
	})
	page := paged(q, list, func(run *checkRun) any { return r.checkJSON(run) })
	page.body = object{"total_count": len(list), "check_runs": page.body}
	return page, nil
}

// checkJSON is the schema check-run.
func (r *repository) checkJSON(run *checkRun) object {
	self := r.api(fmt.Sprintf("/check-runs/%d", run.id))
	html := r.html(fmt.Sprintf("/runs/%d", run.id))
	var pulls []object
	for _, p := range r.pulls {
		if p.open() && p.head == run.sha {
			pulls = append(pulls, p.minimal())
		}
	}
	if pulls == nil {
		pulls = []object{}
	}
	return object{
		"id": run.id, "head_sha": run.sha, "node_id": nodeID("CR", run.id), "external_id": run.external,
		"url": self, "html_url": html, "details_url": or(run.details, html), "name": run.name,
		"status": run.status, "conclusion": textOrNull(run.conclusion),
		"started_at": stampOrNull(run.startedAt), "completed_at": stampOrNull(run.completedAt),
		"check_suite": object{"id": run.app.id}, "app": r.server.appJSON(run.app), "pull_requests": pulls,
		"output": object{
			"title": textOrNull(run.title), "summary": textOrNull(run.summary), "text": textOrNull(run.text),
			"annotations_count": 0, "annotations_url": self + "/annotations",
		},
	}
}

// minimal is the schema pull-request-minimal.
func (p *pull) minimal() object {
	end := func(r *repository, branch, sha string) object {
		return object{"ref": branch, "sha": sha, "repo": object{"id": r.id, "url": r.api(""), "name": r.name}}
	}
	return object{
		"id": p.id, "number": p.number, "url": p.repo.api(fmt.Sprintf("/pulls/%d", p.number)),
		"head": end(p.headRepo, p.headBranch, p.head), "base": end(p.repo, p.base, p.baseNow()),
	}
}

// appJSON is the schema integration.
func (s *Server) appJSON(a *account) object {
	permissions := s.permissionsOf(a.app)
	if permissions == nil {
		permissions = Permissions{}
	}
	return object{
		"id": a.app.id, "slug": a.app.slug, "node_id": nodeID("A", a.app.id), "name": a.app.name,
		"owner": s.simpleUser(a), "description": "", "external_url": s.url + "/apps/" + a.app.slug,
		"html_url":   s.url + "/apps/" + strings.ToLower(a.app.slug),
		"created_at": stamp(a.app.created), "updated_at": stamp(a.app.created),
		"permissions": permissions, "events": []string{},
	}
}
