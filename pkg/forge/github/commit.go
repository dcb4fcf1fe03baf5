package github

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
)

// regular is the mode of the only kind of file that GraphQL commits: a file that
// was executable would be so no more. [babarot/gh-infra#167]
const regular = 0o100644

// CommitFiles makes a commit on a branch, which GitHub signs, with GraphQL's
// createCommitOnBranch. The branch must be at parent: it returns [forge.ErrMoved]
// when it is not, and [forge.ErrUnsupported] for files that are not regular ones
// and on a server that does not know the mutation.
//
// The comparison with parent is made in the server, so that the mutation can be
// sent a second time when the answer to the first was lost and nothing came of it.
func (c *Client) CommitFiles(ctx context.Context, branch, parent string, files []forge.FileChange, message string) (string, error) {
	op := operation{doing: fmt.Sprintf("committing to the branch %q", branch), needs: contentsWrite}
	ctx = c.begin(ctx)
	sha, err := c.commitFiles(ctx, draft{branch, parent, files, strings.TrimSpace(message)})
	return sha, c.explain(ctx, op, err)
}

// draft is a commit that is to be made.
type draft struct {
	branch, parent string
	files          []forge.FileChange
	message        string
}

func (d draft) check() error {
	if err := errors.Join(checkBranch(d.branch), checkSHA(d.parent)); err != nil {
		return err
	}
	if d.message == "" || len(d.files) == 0 {
		return errors.New("a commit needs a message and a file")
	}
	for _, file := range d.files {
		if _, err := splitPath(file.Path); err != nil {
			return err
		}
		if file.Mode != 0 && file.Mode != regular {
			return fmt.Errorf("%w: %s has mode %o, which a commit through the API would make %o", forge.ErrUnsupported, file.Path, file.Mode, regular)
		}
	}
	return nil
}

func (c *Client) commitFiles(ctx context.Context, d draft) (string, error) {
	if err := d.check(); err != nil {
		return "", err
	}
	var sha string
	err := c.mutate(ctx, mutation{
		send: func(ctx context.Context) (err error) {
			sha, err = c.createCommit(ctx, d)
			return err
		},
		there: func(ctx context.Context) (bool, error) {
			found, err := c.findCommit(ctx, d)
			sha = found
			return found != "", err
		},
	})
	if err != nil {
		return c.uncommitted(ctx, d, err)
	}
	return sha, nil
}

const createCommitMutation = `mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }`

// createCommit sends the mutation. Source of its input: GitHub's GraphQL schema,
// CreateCommitOnBranchInput.
func (c *Client) createCommit(ctx context.Context, d draft) (string, error) {
	headline, body, _ := strings.Cut(d.message, "\n")
	additions := make([]map[string]string, len(d.files))
	for i, file := range d.files {
		additions[i] = map[string]string{"path": file.Path, "contents": base64.StdEncoding.EncodeToString(file.Content)}
	}
	input := map[string]any{
		"branch":          map[string]string{"repositoryNameWithOwner": c.owner + "/" + c.name, "branchName": d.branch},
		"expectedHeadOid": d.parent,
		"message":         map[string]string{"headline": headline, "body": strings.TrimSpace(body)},
		"fileChanges":     map[string]any{"additions": additions},
	}
	var data struct {
		CreateCommitOnBranch struct{ Commit struct{ OID string } }
	}
	if err := c.graphql(ctx, createCommitMutation, map[string]any{"input": input}, &data); err != nil {
		return "", err
	}
	sha := data.CreateCommitOnBranch.Commit.OID
	if !isSHA(sha) || sha == d.parent {
		return "", unreadable("GraphQL answered without errors and without a commit")
	}
	return sha, nil
}

// uncommitted says what the failure to make a commit means, from the branch itself
// where that is what counts. When the answer to a first try was lost, what is in
// the way of a second one can be the first.
func (c *Client) uncommitted(ctx context.Context, d draft, failure error) (string, error) {
	var graph *graphqlError
	var unknown *unknownError
	refused := errors.As(failure, &graph)
	stale := refused && graph.stale()
	if !stale && !errors.As(failure, &unknown) && !errors.Is(failure, errNoGraphQL) {
		return "", failure
	}
	settled, cancel := outlive(ctx)
	defer cancel()
	found, err := c.findCommit(settled, d)
	switch {
	case found != "" || errors.Is(err, forge.ErrMoved):
		return found, err
	case stale && err == nil: // it came back to the parent, or was read too early
		return "", fmt.Errorf("%w: %s", forge.ErrMoved, words(failure))
	case errors.Is(failure, errNoGraphQL) && !errors.Is(err, forge.ErrAccess):
		return "", c.refusedCommit(failure)
	}
	return "", failure
}

// findCommit looks for the commit on the branch: the one that was made on the
// parent, if it has the message and the files. It returns an empty id while the
// branch is at the parent, and [forge.ErrMoved] when it is anywhere else without
// the commit.
func (c *Client) findCommit(ctx context.Context, d draft) (string, error) {
	elsewhere := move{d.branch, d.parent, ""}
	head, err := c.head(ctx, d.branch)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return "", movedTo("", elsewhere)
	case err != nil || head == d.parent:
		return "", err
	}
	since, err := c.compare(ctx, d.parent, head, maxSince)
	if err != nil {
		return "", err
	}
	for _, commit := range since.Commits {
		if len(commit.Parents) != 1 || commit.Parents[0] != d.parent || !strings.HasPrefix(commit.Message, d.message) {
			continue
		}
		same, err := c.holds(ctx, commit.SHA, d.files)
		if err != nil || same {
			return commit.SHA, err
		}
	}
	if since.AheadBy > len(since.Commits) {
		return "", fmt.Errorf("%w: %d commits were made since, too many to look through", forge.ErrTransient, since.AheadBy)
	}
	return "", movedTo(head, elsewhere)
}

// maxSince bounds how many commits are looked through for one.
const maxSince = 100

func (c *Client) holds(ctx context.Context, sha string, files []forge.FileChange) (bool, error) {
	for _, file := range files {
		content, err := c.file(ctx, file.Path, sha)
		if err != nil || !bytes.Equal(content, file.Content) {
			return false, err
		}
	}
	return true, nil
}

// refusedCommit tells a server without the mutation from a token that may not use
// it.
func (c *Client) refusedCommit(err error) error {
	var graph *graphqlError
	if errors.As(err, &graph) && graph.undefined() {
		return fmt.Errorf("%w: this server has no createCommitOnBranch", forge.ErrUnsupported)
	}
	if status(err) == http.StatusNotFound {
		return fmt.Errorf("%w: this server has no GraphQL", forge.ErrUnsupported)
	}
	return fmt.Errorf("%w: %s: the token needs the permission %s", forge.ErrAccess, words(err), contentsWrite)
}

// Verification says whether GitHub vouches for a commit's signature, and why, in
// the words of its API: "valid", "unsigned", "unknown_key", ….
func (c *Client) Verification(ctx context.Context, sha string) (verified bool, reason string, err error) {
	op := operation{doing: "reading the signature of " + sha, needs: "contents: read"}
	ctx = c.begin(ctx)
	verified, reason, err = c.verification(ctx, sha)
	return verified, reason, c.explain(ctx, op, err)
}

func (c *Client) verification(ctx context.Context, sha string) (bool, string, error) {
	if err := checkSHA(sha); err != nil {
		return false, "", err
	}
	answer, _, err := c.api.Git.GetCommit(ctx, c.owner, c.name, sha)
	if err != nil {
		return false, "", err
	}
	verification := answer.GetVerification()
	reason := verification.GetReason()
	if err := require("commit",
		field{"sha", answer.GetSHA() == sha},
		field{"verification.verified", verification != nil && verification.Verified != nil},
		field{"verification.reason", reason != ""},
	); err != nil {
		return false, "", err
	}
	// https://docs.github.com/rest/git/commits#get-a-commit-object
	switch reason {
	case "gpgverify_error", "gpgverify_unavailable":
		return false, "", fmt.Errorf("%w: the signature could not be checked (%s)", forge.ErrTransient, reason)
	}
	return verification.GetVerified(), clip(reason), nil
}
