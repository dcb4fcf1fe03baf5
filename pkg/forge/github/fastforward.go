package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// maxReads bounds how often a branch is read back after a move, a second apart.
const maxReads = 10

// move is one fast-forward of a branch.
type move struct{ branch, old, sha string }

// FastForward moves a branch from old to sha, which must descend from it. It
// returns [forge.ErrMoved] when the branch is not at old any more and
// [forge.ErrNotFastForward] when sha does not descend from it.
//
// The move is GraphQL's updateRefs with the old value, a compare-and-swap in the
// server. Where that is not available, it is REST's update of a reference, which
// refuses anything but a fast-forward, right after the branch was seen at old.
// In both cases the branch is read back.
func (c *Client) FastForward(ctx context.Context, branch, old, sha string) error {
	op := operation{doing: "updating refs/heads/" + branch, needs: contentsWrite}
	ctx = c.begin(ctx)
	return c.explain(ctx, op, c.fastForward(ctx, move{branch, old, sha}))
}

func (c *Client) fastForward(ctx context.Context, m move) error {
	if err := errors.Join(checkBranch(m.branch), checkSHA(m.old), checkSHA(m.sha)); err != nil {
		return err
	}
	if m.old == m.sha {
		return c.stillAt(ctx, m)
	}
	id, err := c.repositoryID(ctx)
	if err != nil {
		return err
	}
	update := refUpdate{Name: "refs/heads/" + m.branch, Before: m.old, After: m.sha}
	err = c.advance(ctx, m, func(ctx context.Context) error { return c.updateRefs(ctx, id, update) })
	if errors.Is(err, errNoGraphQL) {
		// The branch was read at m.old just now: advance says so by passing this on.
		err = c.advance(ctx, m, func(ctx context.Context) error { return c.patchRef(ctx, m) })
	}
	return err
}

// stillAt is the move from a commit to itself: nothing is sent.
func (c *Client) stillAt(ctx context.Context, m move) error {
	current, err := c.head(ctx, m.branch)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return movedTo("", m)
	case err != nil:
		return err
	case current != m.sha:
		return movedTo(current, m)
	}
	return nil
}

// patchRef moves a branch over REST.
func (c *Client) patchRef(ctx context.Context, m move) error {
	ref := "refs/heads/" + m.branch
	answer, _, err := c.api.Git.UpdateRef(ctx, c.owner, c.name, &gh.Reference{Ref: &ref, Object: &gh.GitObject{SHA: &m.sha}}, false)
	if err != nil {
		return err
	}
	return checkMoved(answer, m.branch, m.sha)
}

// advance sends a move one way, and says from the branch itself what came of it.
// An error that it passes on means that the branch was still at m.old.
func (c *Client) advance(ctx context.Context, m move, send func(context.Context) error) error {
	err := c.mutate(ctx, mutation{
		send:  send,
		there: func(ctx context.Context) (bool, error) { return c.landed(ctx, m) },
	})
	settled, cancel := outlive(ctx)
	defer cancel()
	if err == nil {
		return c.confirm(settled, m)
	}
	var unknown *unknownError
	switch {
	case errors.As(err, &unknown):
		return c.settle(settled, m, err)
	case undecided(err):
		return err
	}
	return c.judge(settled, m, err)
}

// settle looks at the branch once more when a move's outcome is unknown. A branch
// that is at neither place is one that moved: the comparison with the old value
// keeps a late update from landing.
func (c *Client) settle(ctx context.Context, m move, unknown error) error {
	there, err := c.landed(ctx, m)
	switch {
	case there:
		return nil
	case errors.Is(err, forge.ErrMoved):
		return err
	}
	return unknown
}

// landed says whether the branch is at m.sha or past it. It is an error that the
// branch is at another place than m.old: the move must not be sent again then,
// because REST would make it from there.
func (c *Client) landed(ctx context.Context, m move) (bool, error) {
	current, err := c.head(ctx, m.branch)
	if errors.Is(err, forge.ErrNotFound) {
		return false, movedTo("", m)
	}
	if err != nil || current == m.old {
		return false, err
	}
	there, err := c.contains(ctx, current, m.sha)
	if err == nil && !there {
		return false, movedTo(current, m)
	}
	return there, err
}

func (c *Client) contains(ctx context.Context, head, sha string) (bool, error) {
	if head == sha {
		return true, nil
	}
	relation, err := c.compare(ctx, sha, head, 0)
	return err == nil && relation.Relation == forge.Ahead, err
}

// confirm reads a branch that was moved. GitHub's reads can lag behind its writes
// for a moment, so the old value is looked at more than once.
func (c *Client) confirm(ctx context.Context, m move) error {
	lag := fmt.Errorf("the branch still reads as %s", m.old)
	for range maxReads {
		current, err := c.head(ctx, m.branch)
		if err != nil {
			return fmt.Errorf("%w: GitHub accepted the update, and the branch could not be read back: %s", forge.ErrTransient, words(err))
		}
		if current != m.old {
			return c.arrived(ctx, m, current)
		}
		if !c.pacer.wait(ctx, time.Second, lag) {
			break
		}
	}
	return fmt.Errorf("%w: GitHub accepted the update, and the branch still reads as %s: whether it happened is not known", forge.ErrTransient, m.old)
}

func (c *Client) arrived(ctx context.Context, m move, current string) error {
	there, err := c.contains(ctx, current, m.sha)
	if err != nil {
		return fmt.Errorf("%w: GitHub accepted the update, the branch is at %s by now, and whether that holds %s could not be read: %s",
			forge.ErrTransient, current, m.sha, words(err))
	}
	if !there {
		return movedTo(current, m)
	}
	return nil
}

// movedTo says where the branch is; empty stands for nowhere.
func movedTo(current string, m move) error {
	if current == "" {
		return fmt.Errorf("%w: it is gone, and was at %s", forge.ErrMoved, m.old)
	}
	return fmt.Errorf("%w: it is at %s, and was at %s", forge.ErrMoved, current, m.old)
}

// judge says what a refusal means. The words of a refusal differ between servers
// and over time, so the branch and the commits are asked first.
func (c *Client) judge(ctx context.Context, m move, refusal error) error {
	current, err := c.head(ctx, m.branch)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return movedTo("", m)
	case err != nil:
		return fmt.Errorf("%w: the update was refused (%s), and the branch could not be read back: %s",
			forge.ErrTransient, words(refusal), words(err))
	case current == m.sha:
		return nil
	case current != m.old:
		return movedTo(current, m)
	case errors.Is(refusal, errNoGraphQL):
		return refusal
	}
	relation, err := c.compare(ctx, m.old, m.sha, 0)
	switch {
	case err == nil && relation.Relation != forge.Ahead:
		return fmt.Errorf("%w: %s compared with %s is %s", forge.ErrNotFastForward, m.sha, m.old, relation.Relation)
	case status(err) == http.StatusNotFound && strings.Contains(words(err), "common ancestor"):
		return fmt.Errorf("%w: %s has no ancestor in common with %s", forge.ErrNotFastForward, m.sha, m.old)
	case status(err) == http.StatusNotFound:
		return fmt.Errorf("%w: the repository has no commit %s", forge.ErrNotFound, m.sha)
	}
	return refusal
}
