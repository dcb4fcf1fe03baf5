package githubtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// pull is a pull request. The lock of its repository guards it.
type pull struct {
	repo   *repository // the base repository
	number int
	id     int64
	user   *account

	title, body string
	draft       bool
	closed      bool
	merged      bool
	created     time.Time
	updated     time.Time
	closedAt    time.Time
	mergedAt    time.Time
	mergedBy    *account

	base       string // branch name
	baseSHA    string // where the base was when it was closed, or before it was merged
	headRepo   *repository
	headBranch string
	head       string // the commit that it shows as its head
	mergeSHA   string

	labels    []*label
	reviewers []*account
	teams     []string
	reviews   []*review
	comments  []*comment

	landing  *lag   // the base reached the head; merged when over
	catching *lag   // the head branch moved; shown when over
	next     string // the head to show then
	computed [2]string
}

// lag is something that GitHub does a little later.
type lag struct {
	due   time.Time // by the server's clock
	reads int       // reads of the pull request that are still answered as before
	since time.Time
	total int
	who   *account
}

func (l *lag) over(now time.Time) bool { return l.reads <= 0 && !now.Before(l.due) }

func (r *repository) newLag(delay time.Duration, reads int, who *account) *lag {
	now := r.server.Now()
	return &lag{due: now.Add(delay), since: now, reads: reads, total: reads, who: who}
}

func (p *pull) open() bool { return !p.closed }

// sameRepo says whether head and base are in one repository.
func (p *pull) sameRepo() bool { return p.headRepo == p.repo }

func (p *pull) state() string {
	if p.closed {
		return "closed"
	}
	return "open"
}

func (p *pull) touch() { p.updated = p.repo.server.Now() }

// pull finds a pull request by number.
func (r *repository) pull(number int) *pull {
	i := slices.IndexFunc(r.pulls, func(p *pull) bool { return p.number == number })
	if i < 0 {
		return nil
	}
	return r.pulls[i]
}

// needPull finds the pull request that a request is about.
func (q *request) needPull(name string) (*pull, error) {
	if p := q.repo.pull(q.number(name)); p != nil {
		return p, nil
	}
	return nil, errNotFound()
}

// followBranch is what a change of a branch means for pull requests.
func (r *repository) followBranch(ctx context.Context, c caller, branch, before string, m move) error {
	for _, target := range append([]*repository{r}, r.parentList()...) {
		for _, p := range slices.Clone(target.pulls) {
			if p.open() && p.headRepo == r && p.headBranch == branch {
				p.headMoved(ctx, c, m.after)
			}
		}
	}
	for _, p := range slices.Clone(r.pulls) {
		if !p.open() || p.base != branch {
			continue
		}
		if m.after == zeroSHA {
			p.baseGone(before)
			continue
		}
		if err := p.baseMoved(ctx, c, before, m); err != nil {
			return err
		}
	}
	return nil
}

// baseGone is what the deletion of its base means for a pull request. If that was
// the head of a merged one, the pull request goes to the base of that [docs: about
// branches, working with branches]; else it is closed [docs: deleting and restoring
// branches in a pull request].
func (p *pull) baseGone(before string) {
	for _, other := range slices.Backward(p.repo.pulls) {
		if other.merged && other.sameRepo() && other.headBranch == p.base {
			p.base = other.base
			p.touch()
			return
		}
	}
	p.baseSHA = before
	p.close()
}

func (r *repository) parentList() []*repository {
	if r.parent == nil {
		return nil
	}
	return []*repository{r.parent}
}

// headMoved follows a push to the head branch, or its deletion, which closes the
// pull request: also when the base has the head already and GitHub has not
// noticed yet [Mergifyio#4718].
func (p *pull) headMoved(ctx context.Context, c caller, sha string) {
	if sha == zeroSHA {
		p.baseSHA = p.baseNow()
		p.close()
		return
	}
	opts := p.repo.server.opts
	p.landing = nil
	p.next = sha
	p.catching = p.repo.newLag(opts.HeadDelay, opts.HeadReads, c.account)
	p.catchUp(ctx)
}

// catchUp shows the new head once the lag is over. With nothing left that the base
// lacks, the pull request is closed, and not merged: that is only noticed when the
// base moves [zulip/zulip-mobile#5645, Mergifyio#4718].
func (p *pull) catchUp(ctx context.Context) {
	if p.catching == nil || !p.catching.over(p.repo.server.Now()) {
		return
	}
	p.catching = nil
	p.head = p.next
	p.touch()
	_ = p.repo.setRef(ctx, p.ref(), p.head)
	if base := p.baseNow(); base != "" {
		if had, err := p.repo.store().isAncestor(ctx, p.head, base); err == nil && had {
			p.baseSHA = base
			p.close()
		}
	}
}

// ref is the pull request's own ref, which GitHub keeps and nobody else writes
// [docs: checking out pull requests locally].
func (p *pull) ref() string { return fmt.Sprintf("refs/pull/%d/head", p.number) }

// baseMoved looks whether the base has the head now. If so the pull request is
// merged, whoever moved the base and however, "even if branch protection rules
// have not been satisfied" [docs: about pull request merges, indirect merges].
// That page speaks of the default branch; other bases behave alike in practice
// [mapeditor/rs-tiled#271].
func (p *pull) baseMoved(ctx context.Context, c caller, before string, m move) error {
	if m.button == p {
		return nil // pressMerge finishes that itself
	}
	reached, err := p.repo.store().isAncestor(ctx, p.head, m.after)
	if err != nil || !reached {
		if !reached {
			p.landing = nil
		}
		return err
	}
	if p.landing == nil {
		// base.sha and what is compared with it stay as they were before.
		p.baseSHA = before
		opts := p.repo.server.opts
		p.landing = p.repo.newLag(opts.MergeDelay, opts.MergeReads, c.account)
	}
	return p.land(ctx)
}

// land marks the pull request merged once the lag is over.
func (p *pull) land(ctx context.Context) error {
	if p.landing == nil || !p.landing.over(p.repo.server.Now()) {
		return nil
	}
	who := p.landing.who
	p.landing = nil
	// merge_commit_sha stays what it was, the test merge, or becomes the head:
	// unverified; clients must not use it. merged_by is who pushed, as the web
	// interface says; the API has been seen to leave it null [PyGithub#3553].
	return p.merge(ctx, who)
}

// merge closes the pull request as merged, and deletes its branch if the
// repository does that. That this also happens after an indirect merge is
// unverified.
func (p *pull) merge(ctx context.Context, who *account) error {
	p.merged, p.mergedBy, p.mergedAt = true, who, p.repo.server.Now()
	p.close()
	if p.mergeSHA == "" {
		p.mergeSHA = p.head
	}
	if !p.repo.settings.DeleteBranchOnMerge || !p.sameRepo() || p.repo.branch(p.headBranch) == "" {
		return nil
	}
	// A rule against deletion stops it [docs: managing the automatic deletion of
	// branches]; that another open pull request with that head does is unverified.
	if p.repo.needed(p.headBranch) || p.headBranch == p.repo.defaultBranch {
		return nil
	}
	bot := caller{account: who, via: ViaMerge}
	m := move{ref: "refs/heads/" + p.headBranch, after: zeroSHA}
	before := p.repo.branch(p.headBranch)
	verdict, err := p.repo.violations(ctx, p.repo.store(), bot, m, before)
	if err != nil || len(verdict.reasons) > 0 {
		return err
	}
	if err := p.repo.setRef(ctx, m.ref, zeroSHA); err != nil {
		return err
	}
	return p.repo.noticed(ctx, bot, m, before)
}

// needed says whether an open pull request has a branch as its head.
func (r *repository) needed(branch string) bool {
	return slices.ContainsFunc(r.pulls, func(p *pull) bool {
		return p.open() && p.sameRepo() && p.headBranch == branch
	})
}

func (p *pull) close() {
	p.closed, p.closedAt = true, p.repo.server.Now()
	p.landing, p.catching = nil, nil
	p.touch()
}

// settle does what is due by the clock. It runs before every request.
func (r *repository) settle(ctx context.Context) {
	for _, p := range slices.Clone(r.pulls) {
		if !p.open() {
			continue
		}
		p.catchUp(ctx)
		_ = p.land(ctx) // an error here is a broken disk, and the next read says so
	}
}

// read counts a read of the pull request for what waits for reads. It comes after
// the answer was made.
func (p *pull) read() {
	if p.landing != nil {
		p.landing.reads--
	}
	if p.catching != nil {
		p.catching.reads--
	}
}

// commits are those that the pull request brings, oldest first.
func (p *pull) commits(ctx context.Context) ([]*commit, error) {
	base := p.baseNow()
	if base == "" {
		return nil, nil
	}
	list, err := p.repo.store().missing(ctx, base, p.head)
	slices.Reverse(list)
	return list, err
}

// baseNow is the base branch's head while the pull request is open, and where it
// was when it was closed or before it was merged afterwards.
func (p *pull) baseNow() string {
	if p.open() && p.landing == nil {
		return p.repo.branch(p.base)
	}
	return p.baseSHA
}

// NewPullRequest is what a pull request is opened with.
type NewPullRequest struct {
	Title, Body string
	Head        string // a branch, or OWNER:BRANCH for a fork's
	Base        string
	Draft       bool
}

// maxBody is in characters [renovate#2032, github-pr-resource#259].
const maxBody = 65536

// createPull opens a pull request, or says as GitHub does why not.
func (r *repository) createPull(ctx context.Context, c caller, in NewPullRequest) (*pull, error) {
	if c.token != nil && c.token.kind == actionsToken && !r.settings.ActionsMayCreatePullRequests {
		// [RustManifest#5]
		return nil, &Error{Status: 403, Message: "GitHub Actions is not permitted to create or approve pull requests."}
	}
	p, err := r.draftPull(ctx, c, in)
	if err != nil {
		return nil, err
	}
	r.lastPull++
	p.number, p.id = r.lastPull, r.server.id()
	p.created = r.server.Now()
	p.updated = p.created
	r.pulls = append(r.pulls, p)
	if err := r.setRef(ctx, p.ref(), p.head); err != nil {
		return nil, err
	}
	return p, nil
}

// draftPull checks what a pull request is to be opened with, in the order in
// which GitHub seems to.
func (r *repository) draftPull(ctx context.Context, c caller, in NewPullRequest) (*pull, error) {
	if in.Title == "" {
		// [docs: rest/pulls/pulls, title is required unless issue is given]
		return nil, invalid(FieldError{Resource: "PullRequest", Field: "title", Code: "missing_field"})
	}
	headRepo, headBranch := r.headOf(in.Head)
	var head string
	if headRepo != nil {
		head = headRepo.branch(headBranch)
	}
	base := r.branch(in.Base)
	var errs []FieldError
	if base == "" { // [hub#1518]
		errs = append(errs, FieldError{Resource: "PullRequest", Field: "base", Code: "invalid"})
	}
	if head == "" {
		errs = append(errs, FieldError{Resource: "PullRequest", Field: "head", Code: "invalid"})
	}
	if utf8.RuneCountInString(in.Body) > maxBody { // [renovate#2032]
		errs = append(errs, FieldError{
			Resource: "Issue", Field: "body", Code: "custom",
			Message: "body is too long (maximum is 65536 characters)",
		})
	}
	if errs != nil {
		return nil, invalid(errs...)
	}
	if p := r.openPull(headRepo, headBranch, in.Base); p != nil { // [pull-request-action#86]
		return nil, invalid(FieldError{
			Resource: "PullRequest", Code: "custom",
			Message: fmt.Sprintf("A pull request already exists for %s:%s.", headRepo.owner.login, headBranch),
		})
	}
	fresh, err := r.store().missing(ctx, base, head)
	if err != nil {
		return nil, err
	}
	if len(fresh) == 0 { // [fork-sync#112]
		return nil, invalid(FieldError{
			Resource: "PullRequest", Code: "custom",
			Message: fmt.Sprintf("No commits between %s and %s", in.Base, in.Head),
		})
	}
	return &pull{
		repo: r, user: c.account, title: in.Title, body: in.Body, draft: in.Draft,
		base: in.Base, headRepo: headRepo, headBranch: headBranch, head: head,
	}, nil
}

// headOf reads BRANCH or OWNER:BRANCH.
func (r *repository) headOf(head string) (*repository, string) {
	owner, branch, across := strings.Cut(head, ":")
	if !across {
		return r, head
	}
	return r.networkOf(owner), branch
}

func (r *repository) openPull(headRepo *repository, head, base string) *pull {
	for _, p := range r.pulls {
		if p.open() && p.headRepo == headRepo && p.headBranch == head && p.base == base {
			return p
		}
	}
	return nil
}

// editPull changes what is given.
type pullEdit struct {
	Title, Body, State, Base *string
}

// edit is PATCH of a pull request.
func (p *pull) edit(ctx context.Context, c caller, in pullEdit) error {
	r := p.repo
	if c.account != p.user && !r.canWrite(c) {
		return &Error{Status: 403, Message: "Must have admin rights to Repository."} // the words are unverified
	}
	if in.Title != nil && *in.Title == "" {
		return invalid(FieldError{Resource: "Issue", Field: "title", Code: "missing_field"})
	}
	if in.Body != nil && utf8.RuneCountInString(*in.Body) > maxBody {
		return invalid(FieldError{
			Resource: "Issue", Field: "body", Code: "custom",
			Message: "body is too long (maximum is 65536 characters)",
		})
	}
	if err := p.editState(in); err != nil {
		return err
	}
	if err := p.editBase(ctx, c, in); err != nil {
		return err
	}
	if in.Title != nil {
		p.title = *in.Title
	}
	if in.Body != nil {
		p.body = *in.Body
	}
	p.touch()
	return nil
}

// canWrite is the role alone; the token was judged by the route.
func (r *repository) canWrite(c caller) bool {
	return c.isBot() || r.role(c.account).atLeast(Write)
}

func (p *pull) editState(in pullEdit) error {
	if in.State == nil {
		return nil
	}
	switch *in.State {
	case "closed":
		if p.open() {
			p.baseSHA = p.baseNow()
			p.close()
		}
		return nil
	case "open":
		return p.reopen()
	}
	return invalid(FieldError{Resource: "PullRequest", Field: "state", Code: "invalid"})
}

// reopen opens a closed pull request again. It needs its branches, and must not
// have been merged [docs: troubleshooting; the exact words are unverified].
func (p *pull) reopen() error {
	refuse := func(why string) error {
		return invalid(FieldError{Resource: "PullRequest", Field: "state", Code: "invalid", Message: why})
	}
	switch {
	case p.open():
		return nil
	case p.merged:
		return refuse("state cannot be changed. The pull request cannot be reopened.")
	case p.headRepo.branch(p.headBranch) == "":
		return refuse(fmt.Sprintf("state cannot be changed. The %s branch has been deleted.", p.headBranch))
	case p.repo.openPull(p.headRepo, p.headBranch, p.base) != nil:
		return refuse(fmt.Sprintf("state cannot be changed. There is already an open pull request from %s to %s.", p.headBranch, p.base))
	}
	p.closed, p.closedAt = false, time.Time{}
	p.head = p.headRepo.branch(p.headBranch)
	return nil
}

func (p *pull) editBase(ctx context.Context, c caller, in pullEdit) error {
	if in.Base == nil || *in.Base == p.base {
		return nil
	}
	tip := p.repo.branch(*in.Base)
	switch {
	case p.closed:
		return invalid(FieldError{Resource: "PullRequest", Field: "base", Code: "invalid", Message: "Cannot change the base branch of a closed pull request."})
	case tip == "":
		return invalid(FieldError{Resource: "PullRequest", Field: "base", Code: "invalid"})
	case p.repo.openPull(p.headRepo, p.headBranch, *in.Base) != nil:
		return invalid(FieldError{
			Resource: "PullRequest", Field: "base", Code: "invalid",
			Message: fmt.Sprintf("A pull request already exists for base branch '%s' and head branch '%s'", *in.Base, p.headBranch),
		})
	}
	p.base, p.landing = *in.Base, nil
	return p.baseMoved(ctx, c, tip, move{after: tip})
}

func pullRoutes() []route {
	const one = "/pulls/{pull_number}"
	pulls := reads("pull_requests")
	change := access{"pull_requests", "write", Read}
	return []route{
		{"GET", "/pulls", pulls, listPulls},
		{"POST", "/pulls", change, postPull},
		{"GET", one, pulls, getPull},
		{"PATCH", one, change, patchPull},
		{"GET", one + "/commits", pulls, pullCommits},
		{"GET", one + "/files", pulls, pullFiles},
		{"GET", one + "/merge", pulls, isMerged},
		{"PUT", one + "/merge", writes("contents"), putMerge},
	}
}

// listPulls is GET /repos/{owner}/{repo}/pulls. The head filter is USER:BRANCH;
// without the colon it is ignored [pinia-orm#2039]. direction is desc for created,
// else asc [schema].
func listPulls(_ context.Context, q *request) (*response, error) {
	state := q.query.Get("state")
	if state == "" {
		state = "open"
	}
	if state != "open" && state != "closed" && state != "all" {
		return nil, invalid(FieldError{Resource: "PullRequest", Field: "state", Code: "invalid"})
	}
	owner, head, filtered := strings.Cut(q.query.Get("head"), ":")
	base := q.query.Get("base")
	var list []*pull
	for _, p := range q.repo.pulls {
		switch {
		case state != "all" && p.state() != state, base != "" && p.base != base:
		case filtered && (p.headBranch != head || !strings.EqualFold(p.headRepo.owner.login, owner)):
		case q.server.Now().Before(p.created.Add(q.server.opts.ListDelay)):
		default:
			list = append(list, p)
		}
	}
	sortPulls(list, q.query.Get("sort"), q.query.Get("direction"))
	return paged(q, list, func(p *pull) any { return p.simple(q.caller) }), nil
}

// sortPulls sorts a list that is in ascending order of creation.
func sortPulls(list []*pull, by, direction string) {
	switch by {
	case "updated":
		slices.SortStableFunc(list, func(a, b *pull) int { return a.updated.Compare(b.updated) })
	case "popularity":
		slices.SortStableFunc(list, func(a, b *pull) int { return len(a.comments) - len(b.comments) })
	default:
		if direction == "" {
			direction = "desc"
		}
	}
	if direction == "desc" {
		slices.Reverse(list)
	}
}

func postPull(ctx context.Context, q *request) (*response, error) {
	var in struct {
		Title, Body, Head, Base *string
		Draft                   bool
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if in.Head == nil || *in.Head == "" {
		return nil, invalid(FieldError{Resource: "PullRequest", Field: "head", Code: "missing_field"})
	}
	if in.Base == nil || *in.Base == "" {
		return nil, invalid(FieldError{Resource: "PullRequest", Field: "base", Code: "missing_field"})
	}
	draft := NewPullRequest{Title: text(in.Title), Body: text(in.Body), Head: *in.Head, Base: *in.Base, Draft: in.Draft}
	p, err := q.repo.createPull(ctx, q.caller, draft)
	if err != nil {
		return nil, err
	}
	body, err := p.full(ctx, q.caller)
	if err != nil {
		return nil, err
	}
	return created(body), nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func getPull(ctx context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	body, err := p.full(ctx, q.caller)
	if err != nil {
		return nil, err
	}
	p.read()
	return ok(body), nil
}

func patchPull(ctx context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	var in pullEdit
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	if err := p.edit(ctx, q.caller, in); err != nil {
		return nil, err
	}
	body, err := p.full(ctx, q.caller)
	if err != nil {
		return nil, err
	}
	return ok(body), nil
}

// pullCommits is GET …/pulls/{n}/commits: at most 250, oldest first [docs:
// rest/pulls/pulls, list commits on a pull request].
func pullCommits(ctx context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	list, err := p.commits(ctx)
	if err != nil {
		return nil, err
	}
	return paged(q, list[:min(len(list), maxCompared)], func(c *commit) any { return q.repo.commitJSON(ctx, c) }), nil
}

// pullFiles is GET …/pulls/{n}/files: against the merge base, at most 3000.
func pullFiles(ctx context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	changes, err := p.changes(ctx)
	if err != nil {
		return nil, err
	}
	all := q.repo.filesJSON(changes[:min(len(changes), 3000)], p.head)
	return paged(q, all, func(file any) any { return file }), nil
}

// changes are the files that the pull request changes.
func (p *pull) changes(ctx context.Context) ([]fileChange, error) {
	s := p.repo.store()
	common, err := s.mergeBase(ctx, p.baseNow(), p.head)
	if err != nil {
		return nil, err
	}
	head, err := s.commit(ctx, p.head)
	if err != nil {
		return nil, err
	}
	from := ""
	if common != "" {
		c, err := s.commit(ctx, common)
		if err != nil {
			return nil, err
		}
		from = c.tree
	}
	return p.repo.changes(ctx, from, head.tree)
}

// isMerged is GET …/pulls/{n}/merge: 204 when merged, else 404.
func isMerged(_ context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	merged := p.merged
	p.read()
	if !merged {
		return nil, errNotFound()
	}
	return noContent(), nil
}

// simple is the schema pull-request-simple, which lists have. It has no merged.
func (p *pull) simple(c caller) object {
	r := p.repo
	self, html := r.api(fmt.Sprintf("/pulls/%d", p.number)), r.html(fmt.Sprintf("/pull/%d", p.number))
	issue := r.api(fmt.Sprintf("/issues/%d", p.number))
	statuses := r.api("/statuses/" + p.head)
	labels := []any{}
	for _, l := range p.labels {
		labels = append(labels, r.labelJSON(l))
	}
	reviewers := []any{}
	for _, a := range p.reviewers {
		reviewers = append(reviewers, r.server.simpleUser(a))
	}
	teams := []any{}
	for _, slug := range p.teams {
		teams = append(teams, r.teamJSON(slug))
	}
	return object{
		"url": self, "id": p.id, "node_id": nodeID("PR", p.id), "html_url": html, "number": p.number,
		"diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"commits_url": self + "/commits", "review_comments_url": self + "/comments",
		"review_comment_url": r.api("/pulls/comments{/number}"), "comments_url": issue + "/comments",
		"statuses_url": statuses, "state": p.state(), "locked": false, "active_lock_reason": nil,
		"title": p.title, "body": textOrNull(p.body), "user": r.server.simpleUser(p.user), "draft": p.draft,
		"labels": labels, "milestone": nil, "assignee": nil, "assignees": []any{},
		"requested_reviewers": reviewers, "requested_teams": teams,
		"created_at": stamp(p.created), "updated_at": stamp(p.updated),
		"closed_at": stampOrNull(p.closedAt), "merged_at": stampOrNull(p.mergedAt),
		"merge_commit_sha": textOrNull(p.mergeSHA), "auto_merge": nil,
		"author_association": r.association(p.user),
		"head":               p.headRepo.end(c, p.headBranch, p.head), "base": r.end(c, p.base, p.baseNow()),
		"_links": links(map[string]string{
			"self": self, "html": html, "issue": issue, "comments": issue + "/comments",
			"review_comments": self + "/comments", "review_comment": r.api("/pulls/comments{/number}"),
			"commits": self + "/commits", "statuses": statuses,
		}),
	}
}

func links(targets map[string]string) object {
	list := object{}
	for name, target := range targets {
		list[name] = object{"href": target}
	}
	return list
}

// end is the head or base of a pull request.
func (r *repository) end(c caller, branch, sha string) object {
	return object{
		"label": r.owner.login + ":" + branch, "ref": branch, "sha": sha,
		"user": r.server.simpleUser(r.owner), "repo": r.json(c),
	}
}

// association is how an author stands to the repository [schema author-association].
func (r *repository) association(a *account) string {
	switch {
	case a == r.owner:
		return "OWNER"
	case a == nil:
		return "NONE"
	case a.kind == "User" && r.role(a).atLeast(Read) && r.roles[strings.ToLower(a.login)] != "":
		return "COLLABORATOR"
	case a.kind == "Bot":
		return "NONE"
	}
	return "CONTRIBUTOR"
}

// full is the schema pull-request.
func (p *pull) full(ctx context.Context, c caller) (object, error) {
	body := p.simple(c)
	mergeable, state, err := p.mergeability(ctx)
	if err != nil {
		return nil, err
	}
	commits, err := p.commits(ctx)
	if err != nil {
		return nil, err
	}
	changes, err := p.changes(ctx)
	if err != nil {
		return nil, err
	}
	added, removed := total(changes)
	body["merged"], body["merged_by"] = p.merged, p.repo.server.simpleUser(p.mergedBy)
	body["mergeable"], body["mergeable_state"], body["rebaseable"] = mergeable, state, mergeable
	body["merge_commit_sha"] = textOrNull(p.mergeSHA)
	body["comments"], body["review_comments"] = len(p.comments), 0
	body["maintainer_can_modify"] = false
	body["commits"], body["changed_files"] = len(commits), len(changes)
	body["additions"], body["deletions"] = added, removed
	return body, nil
}
