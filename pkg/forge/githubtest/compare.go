package githubtest

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

const (
	// maxCompared is how many commits a comparison shows without paging, and
	// maxFiles how many files it shows in all [docs: rest/commits/commits,
	// compare two commits].
	maxCompared = 250
	maxFiles    = 300
)

// comparison relates a head to a base.
type comparison struct {
	base, head, mergeBase *commit
	ahead                 []*commit // oldest first
	behind                int
}

func (c *comparison) status() string {
	switch {
	case c.base.sha == c.head.sha:
		return "identical"
	case len(c.ahead) == 0:
		return "behind"
	case c.behind == 0:
		return "ahead"
	}
	return "diverged"
}

// compareCommits works a comparison out. Commits without a common ancestor are a
// 404, as documented.
func (r *repository) compareCommits(ctx context.Context, base, head string) (*comparison, error) {
	s := r.store()
	common, err := s.mergeBase(ctx, base, head)
	if err != nil {
		return nil, err
	}
	if common == "" {
		return nil, errNotFound()
	}
	result := &comparison{}
	for _, want := range []struct {
		sha  string
		into **commit
	}{{base, &result.base}, {head, &result.head}, {common, &result.mergeBase}} {
		if *want.into, err = s.commit(ctx, want.sha); err != nil {
			return nil, err
		}
	}
	if result.ahead, err = s.missing(ctx, base, head); err != nil {
		return nil, err
	}
	slices.Reverse(result.ahead)
	behind, err := s.missing(ctx, head, base)
	result.behind = len(behind)
	return result, err
}

// compare is GET /repos/{owner}/{repo}/compare/{basehead}. Without paging it has
// the newest 250 commits; with it, pages in chronological order, and files on the
// first page only [docs: rest/commits/commits, compare two commits].
func compare(ctx context.Context, q *request) (*response, error) {
	r := q.repo
	baseName, headName, ok := strings.Cut(q.path["basehead"], "...")
	if !ok {
		return nil, errNotFound()
	}
	base, head := r.resolveAcross(ctx, baseName), r.resolveAcross(ctx, headName)
	if base == "" || head == "" {
		return nil, errNotFound()
	}
	c, err := r.compareCommits(ctx, base, head)
	if err != nil {
		return nil, err
	}
	commits, header, first := comparedPage(q, c.ahead)
	body := r.comparisonJSON(ctx, c, commits, baseName+"..."+headName)
	if first {
		changes, err := r.changes(ctx, c.mergeBase.tree, c.head.tree)
		if err != nil {
			return nil, err
		}
		body["files"] = r.filesJSON(changes[:min(len(changes), maxFiles)], c.head.sha)
	}
	return &response{status: http.StatusOK, header: header, body: body}, nil
}

// comparedPage cuts out the commits to show, and says whether files belong to them.
func comparedPage(q *request, ahead []*commit) ([]*commit, http.Header, bool) {
	if !q.query.Has("per_page") && !q.query.Has("page") {
		return ahead[max(len(ahead)-maxCompared, 0):], nil, true
	}
	commits, header := onePage(q, ahead)
	_, page := q.paging()
	return commits, header, page == 1
}

// resolveAcross also reads OWNER:BRANCH, a branch of a repository in the network.
func (r *repository) resolveAcross(ctx context.Context, name string) string {
	owner, branch, across := strings.Cut(name, ":")
	switch {
	case !across:
		return r.resolve(ctx, name)
	case strings.EqualFold(owner, r.owner.login):
		return r.resolve(ctx, branch)
	}
	if other := r.networkOf(owner); other != nil {
		return other.resolve(ctx, branch)
	}
	return ""
}

// networkOf finds the parent or the fork that an account owns.
func (r *repository) networkOf(owner string) *repository {
	if strings.EqualFold(r.owner.login, owner) {
		return r
	}
	if r.parent != nil {
		return r.parent.networkOf(owner)
	}
	return r.forkOf(owner)
}

// comparisonJSON is the schema commit-comparison.
func (r *repository) comparisonJSON(ctx context.Context, c *comparison, commits []*commit, basehead string) object {
	list := []any{}
	for _, commit := range commits {
		list = append(list, r.commitJSON(ctx, commit))
	}
	html := r.html("/compare/" + basehead)
	return object{
		"url": r.api("/compare/" + basehead), "html_url": html,
		"permalink_url": r.html("/compare/" + r.owner.login + ":" + c.base.sha[:7] + "..." + r.owner.login + ":" + c.head.sha[:7]),
		"diff_url":      html + ".diff", "patch_url": html + ".patch",
		"base_commit": r.commitJSON(ctx, c.base), "merge_base_commit": r.commitJSON(ctx, c.mergeBase),
		"status": c.status(), "ahead_by": len(c.ahead), "behind_by": c.behind,
		"total_commits": len(c.ahead), "commits": list,
	}
}
