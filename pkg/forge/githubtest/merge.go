package githubtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// errConflict says that two sides of a merge changed the same lines.
var errConflict = errors.New("merge conflict")

// mergeability is mergeable and mergeable_state. GitHub computes them in the
// background: the first look after a branch moved finds null and "unknown" [docs:
// rest/pulls/pulls, get a pull request]. Between the base reaching the head and
// the pull request being merged it says "dirty" first and "unknown" then
// [Mergifyio#4535].
func (p *pull) mergeability(ctx context.Context) (mergeable any, state string, err error) {
	if p.closed {
		return nil, "unknown", nil
	}
	if p.landing != nil {
		if p.landing.early(p.repo) {
			return false, "dirty", nil
		}
		return nil, "unknown", nil
	}
	now := [2]string{p.baseNow(), p.head}
	if p.computed != now {
		p.computed = now
		p.mergeSHA, err = p.testMerge(ctx)
		return nil, "unknown", ignoreConflict(err)
	}
	if p.mergeSHA == "" {
		return false, "dirty", nil
	}
	state, err = p.readiness(ctx)
	return true, state, err
}

// early is the first half of a lag.
func (l *lag) early(r *repository) bool {
	if l.total > 0 {
		return l.reads > l.total/2
	}
	return r.server.Now().Sub(l.since) < l.due.Sub(l.since)/2
}

func ignoreConflict(err error) error {
	if errors.Is(err, errConflict) {
		return nil
	}
	return err
}

// readiness is mergeable_state for a pull request without conflicts [schema
// MergeStateStatus of GraphQL]: draft, blocked by rules, unstable by checks, or clean.
func (p *pull) readiness(ctx context.Context) (string, error) {
	if p.draft {
		return "draft", nil
	}
	m := move{ref: "refs/heads/" + p.base, after: p.head, button: p}
	v, err := p.repo.violations(ctx, p.repo.store(), caller{}, m, p.baseNow())
	if err != nil {
		return "", err
	}
	if len(v.reasons) > 0 {
		return "blocked", nil
	}
	for _, s := range p.repo.latestStatuses(p.head) {
		if s.state != "success" {
			return "unstable", nil
		}
	}
	for _, run := range latestRuns(p.repo.runsOf(p.head)) {
		if run.status != "completed" || run.conclusion == "failure" {
			return "unstable", nil
		}
	}
	return "clean", nil
}

// testMerge makes the merge commit that shows whether the branches merge.
func (p *pull) testMerge(ctx context.Context) (string, error) {
	tree, err := p.mergedTree(ctx, p.baseNow())
	if err != nil {
		return "", err
	}
	bot := signature{name: "GitHub", email: "noreply@github.com", when: p.repo.server.Now()}
	message := fmt.Sprintf("Merge %s into %s", p.head, p.baseNow())
	return p.repo.store().writeCommit(tree, []string{p.baseNow(), p.head}, bot, bot, message)
}

// mergedTree is the tree of a base and the head merged.
func (p *pull) mergedTree(ctx context.Context, base string) (string, error) {
	r := p.repo
	common, err := r.store().mergeBase(ctx, base, p.head)
	if err != nil {
		return "", err
	}
	return r.mergeCommits(ctx, common, base, p.head)
}

// mergeCommits merges the trees of two commits over a third.
func (r *repository) mergeCommits(ctx context.Context, base, ours, theirs string) (string, error) {
	var trees [3]string
	for i, sha := range []string{base, ours, theirs} {
		if sha == "" {
			continue
		}
		c, err := r.store().commit(ctx, sha)
		if err != nil {
			return "", err
		}
		trees[i] = c.tree
	}
	return r.mergeTrees(ctx, trees[0], trees[1], trees[2])
}

// mergeTrees is a three-way merge, file by file; where both sides changed one, by
// its lines. It does not follow renames.
func (r *repository) mergeTrees(ctx context.Context, base, ours, theirs string) (string, error) {
	switch {
	case base == theirs || ours == theirs:
		return r.store().rootTree(ours)
	case base == ours:
		return r.store().rootTree(theirs)
	}
	var sides [3]map[string]entry
	for i, tree := range []string{base, ours, theirs} {
		sides[i] = map[string]entry{}
		err := r.store().walk(ctx, tree, "", func(path string, e entry) {
			if !e.isTree() {
				sides[i][path] = entry{mode: e.mode, sha: e.sha}
			}
		})
		if err != nil {
			return "", err
		}
	}
	changes := map[string]entry{}
	for path, their := range sides[2] {
		if their != sides[0][path] {
			changes[path] = their
		}
	}
	for path := range sides[0] {
		if _, kept := sides[2][path]; !kept {
			changes[path] = entry{}
		}
	}
	for path, their := range changes {
		merged, err := r.mergeFile(ctx, sides[0][path], sides[1][path], their)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		changes[path] = merged
	}
	tree, err := r.store().splice(ctx, ours, changes)
	if err != nil {
		return "", err
	}
	return r.store().rootTree(tree)
}

// mergeFile merges one file that their side changed.
func (r *repository) mergeFile(ctx context.Context, base, ours, theirs entry) (entry, error) {
	switch {
	case ours == base || ours == theirs:
		return theirs, nil
	case base.sha == "" || ours.sha == "" || theirs.sha == "" || ours.kind() != "blob" || theirs.kind() != "blob":
		return entry{}, errConflict
	}
	dir, err := os.MkdirTemp(r.server.dir, "merge-")
	if err != nil {
		return entry{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, e := range map[string]entry{"base": base, "ours": ours, "theirs": theirs} {
		_, data, err := r.store().read(ctx, e.sha)
		if err != nil {
			return entry{}, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return entry{}, err
		}
	}
	merged, err := runGit(ctx, r.server.git, dir, nil, "merge-file", "-p", "-q", "ours", "base", "theirs")
	if code := exitCode(err); err != nil && code > 0 && code <= 127 {
		return entry{}, errConflict
	}
	if err != nil {
		return entry{}, err
	}
	sha, err := r.store().write("blob", merged)
	mode := ours.mode
	if ours.mode == base.mode {
		mode = theirs.mode
	}
	return entry{mode: mode, sha: sha}, err
}

// mergeOrder is what the merge button is pressed with.
type mergeOrder struct {
	Title   string `json:"commit_title"`
	Message string `json:"commit_message"`
	SHA     string `json:"sha"`
	Method  string `json:"merge_method"`
}

// putMerge is PUT …/pulls/{n}/merge, the merge button.
func putMerge(ctx context.Context, q *request) (*response, error) {
	p, err := q.needPull("pull_number")
	if err != nil {
		return nil, err
	}
	var in mergeOrder
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	sha, err := p.press(ctx, q.caller, in)
	if err != nil {
		return nil, err
	}
	return ok(object{"sha": sha, "merged": true, "message": "Pull Request successfully merged"}), nil
}

// press merges the pull request with one of the three methods, none of which is
// a fast-forward [schema: merge_method is merge, squash or rebase; docs: about
// merge methods on GitHub].
func (p *pull) press(ctx context.Context, c caller, in mergeOrder) (string, error) {
	if in.Method == "" {
		in.Method = "merge"
	}
	if err := p.pressable(in); err != nil {
		return "", err
	}
	sha, err := p.mergeResult(ctx, c, in)
	if errors.Is(err, errConflict) {
		return "", &Error{Status: http.StatusMethodNotAllowed, Message: "Pull Request is not mergeable"}
	}
	if err != nil {
		return "", err
	}
	r, m := p.repo, move{ref: "refs/heads/" + p.base, after: sha, button: p}
	before := r.branch(p.base)
	v, err := r.violations(ctx, r.store(), c, m, before)
	if err != nil {
		return "", err
	}
	// The merge button answers 405 where PATCH refs answers 422 [gitea-mq#91].
	if err := v.apiError(http.StatusMethodNotAllowed); err != nil {
		return "", err
	}
	if sha == before { // a rebase found nothing that the branch lacks: it did not move
		p.baseSHA, p.mergeSHA = before, p.head
		return p.head, p.merge(ctx, c.account)
	}
	if err := r.setRef(ctx, m.ref, sha); err != nil {
		return "", err
	}
	p.baseSHA, p.mergeSHA = before, sha
	if err := r.noticed(ctx, c, m, before); err != nil {
		return "", err
	}
	return sha, p.merge(ctx, c.account)
}

// pressable says whether the button is there at all.
func (p *pull) pressable(in mergeOrder) error {
	allowed := map[string]bool{
		"merge": p.repo.settings.AllowMergeCommit, "squash": p.repo.settings.AllowSquashMerge,
		"rebase": p.repo.settings.AllowRebaseMerge,
	}
	on, known := allowed[in.Method]
	refuse := func(text string) error { return &Error{Status: http.StatusMethodNotAllowed, Message: text} }
	switch {
	case !known:
		return unprocessable("Invalid request.\n\n" + in.Method + " is not a member of [\"merge\", \"squash\", \"rebase\"].")
	case p.merged, p.closed:
		return refuse("Pull Request is not mergeable")
	case p.draft:
		return refuse("Pull Request is still a draft")
	case in.SHA != "" && in.SHA != p.head:
		// [dlang/dlang-bot#77]
		return &Error{Status: http.StatusConflict, Message: "Head branch was modified. Review and try the merge again."}
	case !on && in.Method == "merge":
		return refuse("Merge commits are not allowed on this repository.")
	case !on && in.Method == "squash":
		return refuse("Squash merges are not allowed on this repository.")
	case !on:
		return refuse("Rebase merges are not allowed on this repository.")
	}
	return nil
}

// mergeResult makes the commits that a method makes and returns the last.
func (p *pull) mergeResult(ctx context.Context, c caller, in mergeOrder) (string, error) {
	if in.Method == "rebase" {
		return p.rebased(ctx, c)
	}
	// The branch itself counts, also where the pull request still shows an older one.
	base := p.repo.branch(p.base)
	tree, err := p.mergedTree(ctx, base)
	if err != nil {
		return "", err
	}
	s, author := p.repo.store(), p.repo.signature(c.account)
	web := signature{name: "GitHub", email: "noreply@github.com", when: author.when}
	if in.Method == "squash" {
		title := or(in.Title, fmt.Sprintf("%s (#%d)", p.title, p.number))
		return s.writeCommit(tree, []string{base}, author, web, joinMessage(title, in.Message))
	}
	title := or(in.Title, fmt.Sprintf("Merge pull request #%d from %s/%s", p.number, p.headRepo.owner.login, p.headBranch))
	return s.writeCommit(tree, []string{base, p.head}, author, web, joinMessage(title, or(in.Message, p.title)))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func joinMessage(title, body string) string {
	return strings.TrimSpace(title + "\n\n" + body)
}

// rebased repeats every commit of the pull request on the base: always as new
// commits, with a new committer, even where nothing needed moving [docs: about
// merge methods on GitHub].
func (p *pull) rebased(ctx context.Context, c caller) (string, error) {
	s, tip := p.repo.store(), p.repo.branch(p.base)
	commits, err := s.missing(ctx, tip, p.head)
	if err != nil {
		return "", err
	}
	committer := p.repo.signature(c.account)
	for _, picked := range slices.Backward(commits) {
		if len(picked.parents) != 1 {
			continue
		}
		tree, err := p.repo.mergeCommits(ctx, picked.parents[0], tip, picked.sha)
		if err != nil {
			return "", err
		}
		if tip, err = s.writeCommit(tree, []string{tip}, picked.author, committer, picked.message); err != nil {
			return "", err
		}
	}
	return tip, nil
}
