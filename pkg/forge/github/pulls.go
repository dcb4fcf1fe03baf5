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

const pullsWrite = "pull-requests: write"

// PullRequest returns one pull request, or [forge.ErrNotFound].
func (c *Client) PullRequest(ctx context.Context, number int) (forge.PullRequest, error) {
	op := operation{doing: fmt.Sprintf("reading pull request #%d", number), needs: "pull-requests: read"}
	ctx = c.begin(ctx)
	pull, err := c.pull(ctx, number)
	return pull, c.explain(ctx, op, err)
}

func (c *Client) pull(ctx context.Context, number int) (forge.PullRequest, error) {
	answer, _, err := c.api.PullRequests.Get(ctx, c.owner, c.name, number)
	if err != nil {
		return forge.PullRequest{}, err
	}
	pull, err := c.readPull(answer)
	if err != nil {
		return forge.PullRequest{}, err
	}
	return pull, require("pull request", field{"number", pull.Number == number})
}

func (c *Client) readPull(answer *gh.PullRequest) (forge.PullRequest, error) {
	pull := forge.PullRequest{
		Number:       answer.GetNumber(),
		Title:        answer.GetTitle(),
		Body:         answer.GetBody(),
		Author:       login(answer.GetUser()),
		State:        pullState(answer),
		Draft:        answer.GetDraft(),
		Base:         answer.GetBase().GetRef(),
		Head:         answer.GetHead().GetRef(),
		HeadSHA:      answer.GetHead().GetSHA(),
		BaseRepo:     answer.GetBase().GetRepo().GetFullName(),
		HeadRepo:     answer.GetHead().GetRepo().GetFullName(),
		RepositoryID: answer.GetBase().GetRepo().GetNodeID(),
		AutoMerge:    answer.GetAutoMerge() != nil,
		Created:      answer.GetCreatedAt().Time,
		Merged:       answer.GetMergedAt().Time,
		WebURL:       answer.GetHTMLURL(),
	}
	repository := answer.GetBase().GetRepo().GetFullName()
	if err := require("pull request",
		field{"number", pull.Number > 0},
		field{"title", pull.Title != ""},
		field{"state", pull.State != ""},
		field{"base.ref", pull.Base != ""},
		field{"head.ref", pull.Head != ""},
		field{"head.sha", isSHA(pull.HeadSHA)},
		field{"base.repo.node_id", pull.RepositoryID != ""},
		field{"base.repo.full_name", fullName.MatchString(repository)},
		field{"created_at", !pull.Created.IsZero()},
		field{"merged_at", (pull.State == forge.Merged) == !pull.Merged.IsZero()},
	); err != nil {
		return forge.PullRequest{}, err
	}
	if sha := answer.GetMergeCommitSHA(); pull.State == forge.Merged && isSHA(sha) {
		pull.MergeSHA = sha
	}
	for _, label := range answer.Labels {
		pull.Labels = append(pull.Labels, label.GetName())
	}
	c.known.setRepository(pull.RepositoryID, repository)
	return pull, nil
}

// pullState reads the state. Lists have merged_at and not merged.
func pullState(answer *gh.PullRequest) forge.State {
	merged := answer.GetMerged() || answer != nil && answer.MergedAt != nil
	switch state := forge.State(answer.GetState()); {
	case state == forge.Closed && merged:
		return forge.Merged
	case state == forge.Closed, state == forge.Open && !merged:
		return state
	}
	return ""
}

// PullRequests lists pull requests, newest first.
func (c *Client) PullRequests(ctx context.Context, filter forge.PullRequestFilter) ([]forge.PullRequest, error) {
	op := operation{doing: "listing pull requests", needs: "pull-requests: read"}
	ctx = c.begin(ctx)
	pulls, err := c.pulls(ctx, filter)
	return pulls, c.explain(ctx, op, err)
}

// pulls filters again what the service filtered: GitHub ignores a head that it
// does not understand, and lists every pull request then.
func (c *Client) pulls(ctx context.Context, filter forge.PullRequestFilter) ([]forge.PullRequest, error) {
	opts := gh.PullRequestListOptions{Base: filter.Base, Sort: "created", Direction: "desc"}
	switch filter.State {
	case forge.Open, "":
		opts.State = "open"
	case forge.Closed, forge.Merged:
		opts.State = "closed"
	case forge.All:
		opts.State = "all"
	default:
		return nil, fmt.Errorf("%q is not a state of a pull request", filter.State)
	}
	if filter.Head != "" {
		opts.Head = c.known.owner(c.owner) + ":" + filter.Head
	}
	seen := map[int]bool{}
	return list(filter.Limit, func(page gh.ListOptions) ([]*gh.PullRequest, *gh.Response, error) {
		opts.ListOptions = page
		return c.api.PullRequests.List(ctx, c.owner, c.name, &opts)
	}, func(answer *gh.PullRequest) (forge.PullRequest, bool, error) {
		pull, err := c.readPull(answer)
		if err != nil || seen[pull.Number] || !matches(pull, answer, filter) {
			return forge.PullRequest{}, false, err
		}
		seen[pull.Number] = true
		return pull, true, nil
	})
}

func matches(pull forge.PullRequest, answer *gh.PullRequest, filter forge.PullRequestFilter) bool {
	switch filter.State {
	case "":
		if pull.State != forge.Open {
			return false
		}
	case forge.All:
	default:
		if pull.State != filter.State {
			return false
		}
	}
	if filter.Base != "" && pull.Base != filter.Base {
		return false
	}
	return filter.Head == "" || pull.Head == filter.Head && sameRepository(answer)
}

// sameRepository says whether the head is a branch of the repository itself, not
// one of the same name in a fork.
func sameRepository(answer *gh.PullRequest) bool {
	head, base := answer.GetHead().GetRepo().GetNodeID(), answer.GetBase().GetRepo().GetNodeID()
	return head != "" && head == base
}

// CreatePullRequest opens a pull request. When one is open for the same head and
// base already, it returns that one and [forge.ErrExists].
func (c *Client) CreatePullRequest(ctx context.Context, draft forge.NewPullRequest) (forge.PullRequest, error) {
	op := operation{doing: fmt.Sprintf("opening a pull request from %s into %s", draft.Head, draft.Base), needs: pullsWrite}
	ctx = c.begin(ctx)
	pull, err := c.createPull(ctx, draft)
	return pull, c.explain(ctx, op, err)
}

func (c *Client) createPull(ctx context.Context, draft forge.NewPullRequest) (forge.PullRequest, error) {
	if err := errors.Join(checkBranch(draft.Head), checkBranch(draft.Base)); err != nil {
		return forge.PullRequest{}, err
	}
	var pull forge.PullRequest
	err := c.mutate(ctx, mutation{
		send: func(ctx context.Context) (err error) {
			pull, err = c.postPull(ctx, draft)
			return err
		},
		there: func(ctx context.Context) (found bool, err error) {
			pull, found, err = c.openPull(ctx, draft)
			return found, err
		},
	})
	if status(err) == http.StatusUnprocessableEntity {
		return c.adopt(ctx, draft, err)
	}
	if err == nil && pull.Title != draft.Title {
		return pull, alreadyOpen(pull)
	}
	return pull, err
}

func (c *Client) postPull(ctx context.Context, draft forge.NewPullRequest) (forge.PullRequest, error) {
	answer, _, err := c.api.PullRequests.Create(ctx, c.owner, c.name, &gh.NewPullRequest{
		Title: &draft.Title, Body: &draft.Body, Head: &draft.Head, Base: &draft.Base, Draft: &draft.Draft,
	})
	if err != nil {
		return forge.PullRequest{}, err
	}
	pull, err := c.readPull(answer)
	if err != nil {
		return forge.PullRequest{}, err
	}
	return pull, require("new pull request",
		field{"head.ref", pull.Head == draft.Head}, field{"base.ref", pull.Base == draft.Base}, field{"state", pull.State == forge.Open})
}

// openPull finds the open pull request for a head and a base.
func (c *Client) openPull(ctx context.Context, draft forge.NewPullRequest) (forge.PullRequest, bool, error) {
	found, err := c.pulls(ctx, forge.PullRequestFilter{State: forge.Open, Head: draft.Head, Base: draft.Base, Limit: 1})
	if err != nil || len(found) == 0 {
		return forge.PullRequest{}, false, err
	}
	return found[0], true, nil
}

// adopt finds the pull request that was in the way of a new one. GitHub's list can
// be a moment late, so it is read again when GitHub says that there is one.
func (c *Client) adopt(ctx context.Context, draft forge.NewPullRequest, refusal error) (forge.PullRequest, error) {
	exists := strings.Contains(strings.Join(said(answerOf(refusal).Response), " "), "already exists")
	lag := errors.New("the pull request that is open already is not listed yet")
	for range maxAttempts {
		pull, found, err := c.openPull(ctx, draft)
		switch {
		case err != nil:
			return forge.PullRequest{}, err
		case found:
			return pull, alreadyOpen(pull)
		case !exists:
			return forge.PullRequest{}, refusal
		}
		if !c.pacer.wait(ctx, time.Second, lag) {
			break
		}
	}
	return forge.PullRequest{}, fmt.Errorf("%w: %w", forge.ErrTransient, lag)
}

func alreadyOpen(pull forge.PullRequest) error {
	return fmt.Errorf("pull request #%d %w", pull.Number, forge.ErrExists)
}

// EditPullRequest changes title and body.
func (c *Client) EditPullRequest(ctx context.Context, number int, title, body string) error {
	op := operation{doing: fmt.Sprintf("editing pull request #%d", number), needs: pullsWrite}
	ctx = c.begin(ctx)
	err := c.editPull(ctx, number, &gh.PullRequest{Title: &title, Body: &body}, func(pull forge.PullRequest) bool {
		return pull.Title == title && sameText(pull.Body, body)
	})
	return c.explain(ctx, op, err)
}

// ClosePullRequest closes a pull request without merging it. One that is closed
// already stays as it is.
func (c *Client) ClosePullRequest(ctx context.Context, number int) error {
	op := operation{doing: fmt.Sprintf("closing pull request #%d", number), needs: pullsWrite}
	ctx = c.begin(ctx)
	err := c.editPull(ctx, number, &gh.PullRequest{State: gh.String("closed")}, func(pull forge.PullRequest) bool {
		return pull.State != forge.Open
	})
	return c.explain(ctx, op, err)
}

func (c *Client) editPull(ctx context.Context, number int, change *gh.PullRequest, done func(forge.PullRequest) bool) error {
	return c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			answer, _, err := c.api.PullRequests.Edit(ctx, c.owner, c.name, number, change)
			if err != nil {
				return err
			}
			pull, err := c.readPull(answer)
			if err != nil {
				return err
			}
			return require("edited pull request", field{"number", pull.Number == number},
				field{"state", change.State == nil || done(pull)})
		},
		there: func(ctx context.Context) (bool, error) {
			pull, err := c.pull(ctx, number)
			return err == nil && done(pull), err
		},
	})
}

// sameText ignores the line endings, which GitHub may change.
func sameText(a, b string) bool {
	return strings.ReplaceAll(a, "\r\n", "\n") == strings.ReplaceAll(b, "\r\n", "\n")
}
