package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

const contentsWrite = "contents: write"

// Branch returns the commit that the branch points at, or [forge.ErrNotFound].
func (c *Client) Branch(ctx context.Context, name string) (string, error) {
	op := operation{doing: fmt.Sprintf("reading the branch %q", name), needs: "contents: read"}
	ctx = c.begin(ctx)
	sha, err := c.head(ctx, name)
	return sha, c.explain(ctx, op, err)
}

// head reads a branch. GitHub answers 404 for one that is not there, and 409 for
// all of them in a repository without commits.
func (c *Client) head(ctx context.Context, branch string) (string, error) {
	if err := checkBranch(branch); err != nil {
		return "", err
	}
	answer, _, err := c.api.Git.GetRef(ctx, c.owner, c.name, "heads/"+branch)
	switch status(err) {
	case http.StatusConflict:
		return "", fmt.Errorf("%w: the repository is empty", forge.ErrNotFound)
	case http.StatusNotFound:
		if err := c.proveVisible(ctx); err != nil {
			return "", err
		}
		return "", fmt.Errorf("%w: the repository has no such branch", forge.ErrNotFound)
	}
	if err != nil {
		return "", err
	}
	if err := checkRef(answer, branch); err != nil {
		return "", err
	}
	c.known.addCommit(answer.Object.GetSHA())
	return answer.Object.GetSHA(), nil
}

func checkRef(answer *gh.Reference, branch string) error {
	return require(fmt.Sprintf("the branch %q", branch),
		field{"ref", answer.GetRef() == "refs/heads/"+branch},
		field{"object.type", answer.GetObject().GetType() == "commit"},
		field{"object.sha", isSHA(answer.GetObject().GetSHA())},
	)
}

// CreateBranch creates a branch at a commit. It succeeds when the branch is there
// at that commit already; at another one it returns [forge.ErrExists].
func (c *Client) CreateBranch(ctx context.Context, name, sha string) error {
	op := operation{doing: fmt.Sprintf("creating the branch %q at %s", name, sha), needs: contentsWrite}
	ctx = c.begin(ctx)
	return c.explain(ctx, op, c.createBranch(ctx, name, sha))
}

func (c *Client) createBranch(ctx context.Context, name, sha string) error {
	if err := errors.Join(checkBranch(name), checkSHA(sha)); err != nil {
		return err
	}
	ref := "refs/heads/" + name
	err := c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			answer, _, err := c.api.Git.CreateRef(ctx, c.owner, c.name, &gh.Reference{Ref: &ref, Object: &gh.GitObject{SHA: &sha}})
			if err != nil {
				return err
			}
			return checkMoved(answer, name, sha)
		},
		there: func(ctx context.Context) (bool, error) { return c.branchIs(ctx, name, sha) },
	})
	if code := status(err); code == http.StatusUnprocessableEntity || code == http.StatusConflict {
		return c.existing(ctx, name, sha, err)
	}
	return err
}

// checkMoved refuses an answer that does not show the ref where it was sent.
func checkMoved(answer *gh.Reference, branch, sha string) error {
	if err := checkRef(answer, branch); err != nil {
		return err
	}
	if got := answer.Object.GetSHA(); got != sha {
		return unreadable("GitHub answers that the branch %q is at %s, not at %s", branch, got, sha)
	}
	return nil
}

// existing says what a refusal to create a branch means, from the branch itself.
func (c *Client) existing(ctx context.Context, name, sha string, refusal error) error {
	settled, cancel := outlive(ctx)
	defer cancel()
	current, err := c.head(settled, name)
	switch {
	case err == nil && current == sha:
		return nil
	case err == nil:
		return fmt.Errorf("%w: it is at %s", forge.ErrExists, current)
	case strings.Contains(strings.ToLower(refusal.Error()), "already exists"):
		return fmt.Errorf("%w: GitHub says that the branch is there, and it could not be read yet", forge.ErrTransient)
	}
	return refusal
}

// DeleteBranch deletes a branch that still points at sha. One that is gone is no
// error; one that moved is left alone: [forge.ErrMoved].
func (c *Client) DeleteBranch(ctx context.Context, name, sha string) error {
	op := operation{doing: fmt.Sprintf("deleting the branch %q", name), needs: contentsWrite}
	ctx = c.begin(ctx)
	return c.explain(ctx, op, c.deleteBranch(ctx, name, sha))
}

// deleteBranch prefers GraphQL, where the server compares the old value in the
// same step. REST deletes whatever is there, right after a look at it.
func (c *Client) deleteBranch(ctx context.Context, name, sha string) error {
	if err := errors.Join(checkBranch(name), checkSHA(sha)); err != nil {
		return err
	}
	id, err := c.repositoryID(ctx)
	if err != nil {
		return err
	}
	update := refUpdate{Name: "refs/heads/" + name, Before: sha, After: strings.Repeat("0", len(sha))}
	gone := func(ctx context.Context) (bool, error) { return c.branchIsGone(ctx, name) }
	err = c.mutate(ctx, mutation{
		send:  func(ctx context.Context) error { return c.updateRefs(ctx, id, update) },
		there: gone,
	})
	if err = c.afterDelete(ctx, name, sha, err); err == nil || !refusedHere(err) {
		return err
	}
	err = c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			_, err := c.api.Git.DeleteRef(ctx, c.owner, c.name, "heads/"+name)
			return err
		},
		there: gone,
	})
	return c.afterDelete(ctx, name, sha, err)
}

// refusedHere says whether GraphQL gave a definite no, so that REST may be asked.
func refusedHere(err error) bool {
	var graph *graphqlError
	return errors.Is(err, errNoGraphQL) || errors.As(err, &graph) && !graph.internal()
}

// afterDelete reads the branch after a refusal, and says what came of it.
func (c *Client) afterDelete(ctx context.Context, name, sha string, err error) error {
	if err == nil || undecided(err) {
		return err
	}
	settled, cancel := outlive(ctx)
	defer cancel()
	current, readErr := c.head(settled, name)
	switch {
	case errors.Is(readErr, forge.ErrNotFound):
		return nil
	case readErr != nil:
		return readErr
	case current != sha:
		return fmt.Errorf("%w: it is at %s, not at %s", forge.ErrMoved, current, sha)
	}
	return err
}

// undecided says whether an error is not the service's answer to the change
// itself: then the branch need not be read to understand it.
func undecided(err error) bool {
	var unknown *unknownError
	var unsent *unsentError
	var limit *limitError
	code := status(err)
	return errors.As(err, &unknown) || errors.As(err, &unsent) || errors.As(err, &limit) || notSent(err) ||
		code == http.StatusUnauthorized || code >= 300 && code < 400
}

func (c *Client) branchIs(ctx context.Context, name, sha string) (bool, error) {
	current, err := c.head(ctx, name)
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil
	}
	return err == nil && current == sha, err
}

func (c *Client) branchIsGone(ctx context.Context, name string) (bool, error) {
	_, err := c.head(ctx, name)
	if errors.Is(err, forge.ErrNotFound) {
		return true, nil
	}
	return false, err
}

func checkSHA(sha string) error {
	if !isSHA(sha) {
		return fmt.Errorf("%q is not a full commit SHA", sha)
	}
	return nil
}

// checkBranch refuses what cannot be a branch, and what would name another
// address when it is put into one. Source: git check-ref-format(1).
func checkBranch(name string) error {
	bad := name == "" || strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.Contains(name, "..") ||
		strings.Contains(name, "@{") || strings.HasSuffix(name, ".") ||
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return fmt.Errorf("%q is not the name of a branch", name)
	}
	return nil
}
