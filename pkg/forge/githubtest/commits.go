package githubtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

func commitRoutes() []route {
	return []route{
		{"GET", "/compare/{basehead...}", reads("contents"), compare},
		{"GET", "/commits", reads("contents"), listCommits},
		{"GET", "/commits/{ref...}/pulls", reads("pull_requests"), pullsOfCommit},
		{"GET", "/git/commits/{sha}", reads("contents"), getGitCommit},
		{"POST", "/git/commits", writes("contents"), createGitCommit},
	}
}

// resolve turns a branch, a tag, a full ref name, HEAD or a SHA into a commit's
// SHA; "" when there is none.
func (r *repository) resolve(ctx context.Context, name string) string {
	if name == "" || name == "HEAD" {
		name = r.defaultBranch
	}
	candidates := []string{"refs/heads/" + name, "refs/tags/" + name, "refs/" + name, name}
	for _, ref := range candidates {
		if sha := r.ref(ref); sha != "" {
			return r.peel(ctx, sha)
		}
	}
	if validSHA(name) {
		return r.peel(ctx, name)
	}
	return ""
}

// peel follows an annotated tag to its commit.
func (r *repository) peel(ctx context.Context, sha string) string {
	for range 10 {
		kind, data, err := r.store().read(ctx, sha)
		switch {
		case err != nil:
			return ""
		case kind == "commit":
			return sha
		case kind != "tag":
			return ""
		}
		line, _, _ := strings.Cut(string(data), "\n")
		sha = strings.TrimPrefix(line, "object ")
	}
	return ""
}

// commitOf resolves a name and reads the commit, with GitHub's answer when there
// is none.
func (r *repository) commitOf(ctx context.Context, name string) (*commit, error) {
	sha := r.resolve(ctx, name)
	if sha == "" {
		return nil, unprocessable("No commit found for SHA: " + name) // [docs: rest/commits/commits, 422]
	}
	return r.store().commit(ctx, sha)
}

// commitJSON is the schema commit.
func (r *repository) commitJSON(ctx context.Context, c *commit) object {
	parents := []object{}
	for _, parent := range c.parents {
		parents = append(parents, object{
			"sha": parent, "url": r.api("/commits/" + parent), "html_url": r.html("/commit/" + parent),
		})
	}
	return object{
		"sha": c.sha, "node_id": nodeID("C", r.id) + c.sha, "url": r.api("/commits/" + c.sha),
		"html_url": r.html("/commit/" + c.sha), "comments_url": r.api("/commits/" + c.sha + "/comments"),
		"commit": object{
			"url": r.api("/git/commits/" + c.sha), "author": c.author.json(), "committer": c.committer.json(),
			"message": apiMessage(c.message), "comment_count": 0, "verification": r.verification(ctx, c),
			"tree": object{"sha": c.tree, "url": r.api("/git/trees/" + c.tree)},
		},
		"author":    r.server.simpleUser(r.server.accountByEmail(c.author.email)),
		"committer": r.server.simpleUser(r.server.accountByEmail(c.committer.email)),
		"parents":   parents,
	}
}

// apiMessage is the message without the line break at its end, as the API shows it.
func apiMessage(message string) string { return strings.TrimRight(message, "\n") }

func (s signature) json() object {
	return object{"name": s.name, "email": s.email, "date": stamp(s.when)}
}

// accountByEmail finds whose commit it is by the address that GitHub gives out:
// ID+LOGIN@users.noreply.github.com, or LOGIN@… from before 2017 [docs: setting
// your commit email address]. Everyone else is unknown, which is null.
func (s *Server) accountByEmail(email string) *account {
	local, isOurs := strings.CutSuffix(email, "@users.noreply.github.com")
	if !isOurs {
		return nil
	}
	if _, login, ok := strings.Cut(local, "+"); ok {
		local = login
	}
	return s.account(local)
}

// listCommits is GET /repos/{owner}/{repo}/commits: newest first; an empty
// repository is a 409 [docs: rest/commits/commits].
func listCommits(ctx context.Context, q *request) (*response, error) {
	r := q.repo
	tip := r.resolve(ctx, q.query.Get("sha"))
	if tip == "" && r.branch(r.defaultBranch) == "" {
		return nil, &Error{Status: 409, Message: "Git Repository is empty."}
	}
	if tip == "" {
		return nil, errNotFound()
	}
	all, err := r.store().missing(ctx, "", tip)
	if err != nil {
		return nil, err
	}
	all, err = r.filterCommits(ctx, q, all)
	if err != nil {
		return nil, err
	}
	return paged(q, all, func(c *commit) any { return r.commitJSON(ctx, c) }), nil
}

// filterCommits applies path, author, since and until.
func (r *repository) filterCommits(ctx context.Context, q *request, all []*commit) ([]*commit, error) {
	since, until := parseTime(q.query.Get("since")), parseTime(q.query.Get("until"))
	path, author := q.query.Get("path"), q.query.Get("author")
	var kept []*commit
	for _, c := range all {
		if !since.IsZero() && c.committer.when.Before(since) || !until.IsZero() && c.committer.when.After(until) {
			continue
		}
		if author != "" && !r.authored(c, author) {
			continue
		}
		touches, err := r.touches(ctx, c, path)
		if err != nil {
			return nil, err
		}
		if touches {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

func (r *repository) authored(c *commit, who string) bool {
	a := r.server.accountByEmail(c.author.email)
	return strings.EqualFold(c.author.email, who) || a != nil && strings.EqualFold(a.login, who)
}

// touches says whether a commit changed what is at a path: it differs from every
// parent there.
func (r *repository) touches(ctx context.Context, c *commit, path string) (bool, error) {
	if path == "" {
		return true, nil
	}
	mine, err := r.shaAt(ctx, c, path)
	if err != nil || len(c.parents) == 0 {
		return mine != "", err
	}
	for _, parent := range c.parents {
		p, err := r.store().commit(ctx, parent)
		if err != nil {
			return false, err
		}
		theirs, err := r.shaAt(ctx, p, path)
		if err != nil || theirs == mine {
			return false, err
		}
	}
	return true, nil
}

func (r *repository) shaAt(ctx context.Context, c *commit, path string) (string, error) {
	e, err := r.store().lookup(ctx, c.tree, path)
	if err != nil {
		return "", ignoreMissing(err)
	}
	return e.sha, nil
}

func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// getCommit is GET /repos/{owner}/{repo}/commits/{ref}: the commit with what it
// changed against its first parent; only the SHA with that media type.
func getCommit(ctx context.Context, q *request) (*response, error) {
	c, err := q.repo.commitOf(ctx, q.path["ref"])
	if err != nil {
		return nil, err
	}
	if strings.Contains(q.http.Header.Get("Accept"), "github.sha") || strings.Contains(q.http.Header.Get("Accept"), "v3.sha") {
		return &response{status: 200, raw: []byte(c.sha), contentType: "application/vnd.github.sha; charset=utf-8"}, nil
	}
	parent := ""
	if len(c.parents) > 0 {
		first, err := q.repo.store().commit(ctx, c.parents[0])
		if err != nil {
			return nil, err
		}
		parent = first.tree
	}
	changes, err := q.repo.changes(ctx, parent, c.tree)
	if err != nil {
		return nil, err
	}
	body := q.repo.commitJSON(ctx, c)
	added, removed := total(changes)
	body["stats"] = object{"additions": added, "deletions": removed, "total": added + removed}
	body["files"] = q.repo.filesJSON(changes[:min(len(changes), maxFiles)], c.sha)
	return ok(body), nil
}

// getGitCommit is GET /repos/{owner}/{repo}/git/commits/{commit_sha} [schema git-commit].
func getGitCommit(ctx context.Context, q *request) (*response, error) {
	c, err := q.repo.store().commit(ctx, q.path["sha"])
	if err != nil {
		return nil, notFoundIfMissing(err)
	}
	return ok(q.repo.gitCommitJSON(ctx, c)), nil
}

func (r *repository) gitCommitJSON(ctx context.Context, c *commit) object {
	full := r.commitJSON(ctx, c)
	return object{
		"sha": c.sha, "node_id": full["node_id"], "url": r.api("/git/commits/" + c.sha),
		"html_url": full["html_url"], "author": c.author.json(), "committer": c.committer.json(),
		"message": apiMessage(c.message), "tree": object{"sha": c.tree, "url": r.api("/git/trees/" + c.tree)},
		"parents": full["parents"], "verification": r.verification(ctx, c),
	}
}

// identity is author or committer in a request.
type identity struct {
	Name, Email string
	Date        *time.Time
}

func (i *identity) or(fallback signature) signature {
	if i == nil {
		return fallback
	}
	s := signature{name: i.Name, email: i.Email, when: fallback.when}
	if i.Date != nil {
		s.when = *i.Date
	}
	return s
}

// createGitCommit is POST /repos/{owner}/{repo}/git/commits. The author is the
// caller when none is given, and the committer is the author.
func createGitCommit(ctx context.Context, q *request) (*response, error) {
	var in struct {
		Message, Tree     *string
		Parents           []string
		Author, Committer *identity
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Message == nil:
		return nil, missingField("message")
	case in.Tree == nil:
		return nil, missingField("tree")
	case q.repo.store().kind(ctx, *in.Tree) != "tree":
		return nil, unprocessable("Tree SHA does not exist")
	}
	for _, parent := range in.Parents {
		if q.repo.store().kind(ctx, parent) != "commit" {
			return nil, unprocessable("Parent SHA does not exist or is not a commit object")
		}
	}
	author := in.Author.or(q.repo.signature(q.caller.account))
	sha, err := q.repo.store().writeCommit(*in.Tree, in.Parents, author, in.Committer.or(author), *in.Message)
	if err != nil {
		return nil, err
	}
	c, err := q.repo.store().commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	return created(q.repo.gitCommitJSON(ctx, c)), nil
}

// signature is an account's, now.
func (r *repository) signature(a *account) signature {
	return signature{name: a.login, email: a.email(), when: r.server.Now()}
}

// pullsOfCommit is GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls: the merged
// pull request that brought the commit into the default branch, else the open
// ones that have it; here all that have it, newest first.
func pullsOfCommit(ctx context.Context, q *request) (*response, error) {
	sha := q.repo.resolve(ctx, q.path["ref"])
	if sha == "" {
		return nil, unprocessable("No commit found for SHA: " + q.path["ref"])
	}
	var found []*pull
	for _, p := range slices.Backward(q.repo.pulls) {
		commits, err := p.commits(ctx)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(commits, func(c *commit) bool { return c.sha == sha }) {
			found = append(found, p)
		}
	}
	return paged(q, found, func(p *pull) any { return p.simple(q.caller) }), nil
}

// listBranches is GET /repos/{owner}/{repo}/branches [schema short-branch].
func listBranches(_ context.Context, q *request) (*response, error) {
	r := q.repo
	refs := r.refs("refs/heads/")
	wanted := q.query.Get("protected")
	refs = slices.DeleteFunc(refs, func(ref namedRef) bool {
		name := strings.TrimPrefix(ref.name, "refs/heads/")
		return wanted != "" && fmt.Sprint(r.protected(name)) != wanted
	})
	return paged(q, refs, func(ref namedRef) any {
		name := strings.TrimPrefix(ref.name, "refs/heads/")
		return object{
			"name": name, "protected": r.protected(name),
			"commit": object{"sha": ref.sha, "url": r.api("/commits/" + ref.sha)},
		}
	}), nil
}

// getBranch is GET /repos/{owner}/{repo}/branches/{branch} [schema branch-with-protection].
func getBranch(ctx context.Context, q *request) (*response, error) {
	r, name := q.repo, q.path["branch"]
	sha := r.branch(name)
	if sha == "" {
		return nil, &Error{Status: 404, Message: "Branch not found"}
	}
	c, err := r.store().commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	self := r.api("/branches/" + name)
	return ok(object{
		"name": name, "commit": r.commitJSON(ctx, c), "protected": r.protected(name),
		"_links":         object{"self": self, "html": r.html("/tree/" + name)},
		"protection":     object{"enabled": r.protected(name)},
		"protection_url": self + "/protection",
	}), nil
}
