package githubtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Refs are kept in memory and written to the bare repository, as the files that
// git makes of them (gitrepository-layout(5)), before git looks at it. After a push
// they are read back.

// ref returns what a ref points at, "" when it is not there.
func (r *repository) ref(name string) string { return r.heads[name] }

// refs lists the refs whose full names start with prefix, sorted by name.
func (r *repository) refs(prefix string) []namedRef {
	var list []namedRef
	for name, sha := range r.heads {
		if strings.HasPrefix(name, prefix) {
			list = append(list, namedRef{name, sha})
		}
	}
	slices.SortFunc(list, func(a, b namedRef) int { return strings.Compare(a.name, b.name) })
	return list
}

type namedRef struct{ name, sha string }

// branch returns the head of a branch, "" when there is none.
func (r *repository) branch(name string) string { return r.ref("refs/heads/" + name) }

// setRef sets or, with the zero SHA, deletes a ref, and does nothing else. A
// branch a keeps out a branch a/b, and the other way round, as in Git's files.
func (r *repository) setRef(ctx context.Context, name, sha string) error {
	if sha == zeroSHA {
		delete(r.heads, name)
	} else if r.heads[name] == "" && r.blocked(name) {
		return fmt.Errorf("creating ref %s: the name of another ref is in the way", name)
	} else {
		r.heads[name] = sha
	}
	r.stale[name] = true
	if r.watched {
		return r.flush(ctx)
	}
	return nil
}

func (r *repository) blocked(name string) bool {
	for other := range r.heads {
		if strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/") {
			return true
		}
	}
	return false
}

// flushRefs writes the refs that changed: deletions first, which can make room.
func (r *repository) flushRefs(ctx context.Context) error {
	for name := range r.stale {
		if r.heads[name] != "" {
			continue
		}
		if err := r.removeRef(ctx, name); err != nil {
			return fmt.Errorf("deleting ref %s: %w", name, err)
		}
	}
	for name := range r.stale {
		if r.heads[name] == "" {
			continue
		}
		// A directory of this name can only have been left empty by git.
		if info, err := os.Stat(r.refFile(name)); err == nil && info.IsDir() {
			if err := os.RemoveAll(r.refFile(name)); err != nil {
				return fmt.Errorf("writing ref %s: %w", name, err)
			}
		}
		if err := writeWhole(r.refFile(name), []byte(r.heads[name]+"\n"), 0o644); err != nil {
			return fmt.Errorf("writing ref %s: %w", name, err)
		}
	}
	clear(r.stale)
	return nil
}

func (r *repository) refFile(name string) string {
	return filepath.Join(r.dir, filepath.FromSlash(name))
}

// removeRef deletes a ref from the disk, also from packed-refs, which only someone
// who runs git in there makes.
func (r *repository) removeRef(ctx context.Context, name string) error {
	if r.packedRefs()[name] != "" {
		_, err := runGit(ctx, r.server.git, r.dir, nil, "update-ref", "-d", name)
		return err
	}
	info, err := os.Stat(r.refFile(name))
	if err != nil || info.IsDir() {
		return ignoreAbsent(err) // it was made and deleted in between, and git never saw it
	}
	if err := os.Remove(r.refFile(name)); err != nil {
		return err
	}
	// Directories that are empty now would stand in the way of a ref of their name.
	for dir := path.Dir(name); strings.Count(dir, "/") > 1; dir = path.Dir(dir) {
		if os.Remove(r.refFile(dir)) != nil {
			break
		}
	}
	return nil
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

func (r *repository) packedRefs() map[string]string {
	data, err := os.ReadFile(filepath.Join(r.dir, "packed-refs"))
	if err != nil {
		return nil
	}
	refs := map[string]string{}
	for line := range strings.SplitSeq(string(data), "\n") {
		if sha, name, ok := strings.Cut(line, " "); ok && validSHA(sha) {
			refs[name] = sha
		}
	}
	return refs
}

// reload reads a ref back after git may have changed it, "" when it is not there.
func (r *repository) reload(name string) string {
	sha := r.packedRefs()[name]
	if data, err := os.ReadFile(r.refFile(name)); err == nil {
		sha = strings.TrimSpace(string(data))
	}
	if sha == "" {
		delete(r.heads, name)
	} else {
		r.heads[name] = sha
	}
	return sha
}

// validRef follows git-check-ref-format(1) for full names.
func validRef(name string) bool {
	if !strings.HasPrefix(name, "refs/") || strings.Count(name, "/") < 2 {
		return false
	}
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, ".") {
		return false
	}
	if strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// move is a wanted change of a ref.
type move struct {
	ref    string // full name
	after  string // zeros to delete
	force  bool
	button *pull // the pull request whose merge button was pressed
}

// update is the one place where the server changes a ref: it checks that the
// caller may, that the branch rules allow it and that it is a fast-forward, moves
// the ref, and lets the pull requests know. A push goes through the same checks
// and the same notice, with git moving the ref in between.
func (r *repository) update(ctx context.Context, c caller, m move) error {
	before := r.ref(m.ref)
	if before == "" {
		before = zeroSHA
	}
	if err := r.judge(ctx, c, m, before); err != nil {
		return err
	}
	if before == m.after {
		return nil
	}
	if err := r.setRef(ctx, m.ref, m.after); err != nil {
		return unprocessable("Reference update failed") // [dependabot-core#3998]
	}
	return r.noticed(ctx, c, m, before)
}

// judge says whether a change may happen: nil, or the API's answer.
func (r *repository) judge(ctx context.Context, c caller, m move, before string) error {
	if strings.HasPrefix(m.ref, "refs/pull/") {
		return unprocessable("Reference update failed")
	}
	if m.after != zeroSHA && m.after != before {
		if err := r.judgeTarget(ctx, c, m, before); err != nil {
			return err
		}
	}
	if m.after == zeroSHA && m.ref == "refs/heads/"+r.defaultBranch {
		// The text of the API is unverified; git push says "refusing to delete the
		// current branch".
		return unprocessable("Cannot delete the default branch")
	}
	verdict, err := r.violations(ctx, r.store(), c, m, before)
	if err != nil {
		return err
	}
	return verdict.apiError(422)
}

// judgeTarget looks at the commit that a ref is to point at.
func (r *repository) judgeTarget(ctx context.Context, c caller, m move, before string) error {
	kind := r.store().kind(ctx, m.after)
	if kind == "" || strings.HasPrefix(m.ref, "refs/heads/") && kind != "commit" {
		return unprocessable("Object does not exist") // [rest-api-description#714]
	}
	if kind != "commit" {
		return nil
	}
	if before != zeroSHA && !m.force {
		forward, err := r.store().isAncestor(ctx, before, m.after)
		if err != nil {
			return err
		}
		if !forward {
			return unprocessable("Update is not a fast forward") // [philschatz/octokit.js#21, grafana/github-api-commit-action#56]
		}
	}
	if m.button != nil {
		return nil
	}
	return r.judgeWorkflows(ctx, r.store(), c, m.ref, before, m.after)
}

// judgeWorkflows refuses changes of workflow files to tokens without that
// permission [repo-sync/github-sync#23; docs: scopes for OAuth apps, workflow].
// As on GitHub the comparison is with what the repository has already: a file
// that is on another branch with the same content is no change; linkcode#248 saw
// it refused to an App when its branch was only fast-forwarded, so the ref's own
// old value is what counts here.
func (r *repository) judgeWorkflows(ctx context.Context, view *store, c caller, ref, before, after string) error {
	if c.token == nil || c.token.workflows || !strings.HasPrefix(ref, "refs/heads/") {
		return nil
	}
	changed, err := r.changedWorkflow(ctx, view, before, after)
	if err != nil || changed == "" {
		return err
	}
	// That the API says so with 403 is unverified; the text is that of a push.
	return &Error{Status: 403, Message: workflowRefusal(c, changed)}
}

func workflowRefusal(c caller, file string) string {
	if c.token.kind == classicToken || c.token.kind == fineGrainedToken {
		return fmt.Sprintf("refusing to allow a Personal Access Token to create or update workflow `%s` without `workflow` scope", file)
	}
	return fmt.Sprintf("refusing to allow a GitHub App to create or update workflow `%s` without `workflows` permission", file)
}

const workflowDir = ".github/workflows"

// changedWorkflow names a workflow file that differs between two commits, "" when
// none does. A new branch is compared with the default branch.
func (r *repository) changedWorkflow(ctx context.Context, view *store, before, after string) (string, error) {
	if before == zeroSHA {
		before = r.branch(r.defaultBranch)
	}
	old, err := workflows(ctx, view, before)
	if err != nil {
		return "", err
	}
	fresh, err := workflows(ctx, view, after)
	if err != nil {
		return "", err
	}
	var names []string
	for name, sha := range fresh {
		if old[name] != sha {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "", nil
	}
	return workflowDir + "/" + names[0], nil
}

func workflows(ctx context.Context, view *store, sha string) (map[string]string, error) {
	if sha == "" || sha == zeroSHA {
		return nil, nil
	}
	c, err := view.commit(ctx, sha)
	if err != nil {
		return nil, err
	}
	dir, err := view.lookup(ctx, c.tree, workflowDir)
	if errors.Is(err, errNoObject) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	err = view.walk(ctx, dir.sha, "", func(name string, e entry) {
		if !e.isTree() {
			files[name] = e.sha
		}
	})
	return files, err
}

// noticed records a change that took place and lets the pull requests follow it.
func (r *repository) noticed(ctx context.Context, c caller, m move, before string) error {
	forward := before == zeroSHA
	if before != zeroSHA && m.after != zeroSHA && r.store().kind(ctx, m.after) == "commit" {
		var err error
		if forward, err = r.store().isAncestor(ctx, before, m.after); err != nil {
			return err
		}
	}
	now := r.server.Now()
	u := RefUpdate{
		Repository: r.fullName(), Ref: m.ref, Before: before, After: m.after, Actor: c.login(), Via: c.via,
		FastForward: forward, Forced: !forward && m.after != zeroSHA, Time: now,
	}
	if m.button != nil {
		u.Via, u.PullRequest = ViaMerge, m.button.number
	}
	r.pushed = now
	r.server.mu.Lock()
	r.server.log = append(r.server.log, u)
	r.server.mu.Unlock()
	r.addActivity(c, u)
	branch, isBranch := strings.CutPrefix(m.ref, "refs/heads/")
	if !isBranch {
		return nil
	}
	return r.followBranch(ctx, c, branch, before, m)
}

func refRoutes() []route {
	return []route{
		{"GET", "/git/ref/{ref...}", reads("contents"), getRef},
		{"GET", "/git/matching-refs/{ref...}", reads("contents"), matchingRefs},
		{"POST", "/git/refs", writes("contents"), createRef},
		{"PATCH", "/git/refs/{ref...}", writes("contents"), patchRef},
		{"DELETE", "/git/refs/{ref...}", writes("contents"), deleteRef},
	}
}

// refJSON is the schema git-ref.
func (r *repository) refJSON(ctx context.Context, ref namedRef) object {
	kind := r.store().kind(ctx, ref.sha)
	collection := map[string]string{"tag": "tags", "tree": "trees", "blob": "blobs"}[kind]
	if collection == "" {
		collection = "commits"
	}
	return object{
		"ref": ref.name, "node_id": nodeID("REF", r.id) + hexOf(ref.name),
		"url": r.api("/git/" + ref.name),
		"object": object{
			"type": kind, "sha": ref.sha, "url": r.api("/git/" + collection + "/" + ref.sha),
		},
	}
}

func hexOf(s string) string { return fmt.Sprintf("%x", s) }

// getRef is GET /repos/{owner}/{repo}/git/ref/{ref} [docs: rest/git/refs]: one ref
// by its exact name, without the leading refs/.
func getRef(ctx context.Context, q *request) (*response, error) {
	name := "refs/" + q.path["ref"]
	sha := q.repo.ref(name)
	if sha == "" {
		return nil, errNotFound()
	}
	return ok(q.repo.refJSON(ctx, namedRef{name, sha})), nil
}

// matchingRefs is GET /repos/{owner}/{repo}/git/matching-refs/{ref}: all refs whose
// names start with it, an empty list when none does.
func matchingRefs(ctx context.Context, q *request) (*response, error) {
	list := q.repo.refs("refs/" + q.path["ref"])
	body := make([]any, 0, len(list))
	for _, ref := range list {
		body = append(body, q.repo.refJSON(ctx, ref))
	}
	return ok(body), nil
}

// createRef is POST /repos/{owner}/{repo}/git/refs. "If it doesn't start with
// 'refs' and have at least two slashes, it will be rejected" [docs: rest/git/refs].
func createRef(ctx context.Context, q *request) (*response, error) {
	var in struct{ Ref, SHA *string }
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Ref == nil:
		return nil, missingField("ref")
	case in.SHA == nil:
		return nil, missingField("sha")
	case !validRef(*in.Ref):
		return nil, unprocessable("Reference name must start with 'refs/' and have at least two slashes") // the exact words are unverified
	case !validSHA(*in.SHA):
		return nil, unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	case q.repo.ref(*in.Ref) != "":
		return nil, unprocessable("Reference already exists") // [telefonistka, and many others]
	}
	if err := q.repo.update(ctx, q.caller, move{ref: *in.Ref, after: *in.SHA}); err != nil {
		return nil, err
	}
	return created(q.repo.refJSON(ctx, namedRef{*in.Ref, *in.SHA})), nil
}

// patchRef is PATCH /repos/{owner}/{repo}/git/refs/{ref}: a fast-forward unless
// forced; there is no expected old value [docs: rest/git/refs, update a reference].
func patchRef(ctx context.Context, q *request) (*response, error) {
	var in struct {
		SHA   *string
		Force bool
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	name := "refs/" + q.path["ref"]
	switch {
	case in.SHA == nil:
		return nil, missingField("sha")
	case !validSHA(*in.SHA):
		return nil, unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	case q.repo.ref(name) == "":
		return nil, unprocessable("Reference does not exist")
	}
	if err := q.repo.update(ctx, q.caller, move{ref: name, after: *in.SHA, force: in.Force}); err != nil {
		return nil, err
	}
	return ok(q.repo.refJSON(ctx, namedRef{name, *in.SHA})), nil
}

// deleteRef is DELETE /repos/{owner}/{repo}/git/refs/{ref}.
func deleteRef(ctx context.Context, q *request) (*response, error) {
	name := "refs/" + q.path["ref"]
	if q.repo.ref(name) == "" {
		return nil, unprocessable("Reference does not exist")
	}
	if err := q.repo.update(ctx, q.caller, move{ref: name, after: zeroSHA}); err != nil {
		return nil, err
	}
	return noContent(), nil
}
