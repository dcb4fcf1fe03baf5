package github

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	gh "github.com/google/go-github/v60/github"
)

var commentKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@=-]*$`)

// Comment posts a comment. Its first line is <!-- pawl:KEY -->, which GitHub does
// not show; a comment that begins with that line is left as it is. When the
// outcome is unknown the comment is not posted a second time: the next run does
// that when it is needed.
func (c *Client) Comment(ctx context.Context, number int, key, body string) error {
	op := operation{doing: fmt.Sprintf("commenting on pull request #%d", number), needs: pullsWrite}
	ctx = c.begin(ctx)
	return c.explain(ctx, op, c.comment(ctx, number, key, body))
}

func (c *Client) comment(ctx context.Context, number int, key, body string) error {
	if !commentKey.MatchString(key) || strings.Contains(key, "--") {
		return fmt.Errorf("the key of a comment cannot be %q", key)
	}
	marker := "<!-- pawl:" + key + " -->"
	there, err := c.hasComment(ctx, number, marker)
	if err != nil || there {
		return err
	}
	return c.mutate(ctx, mutation{
		once: true,
		send: func(ctx context.Context) error {
			answer, _, err := c.api.Issues.CreateComment(ctx, c.owner, c.name, number, &gh.IssueComment{Body: gh.String(marker + "\n" + body)})
			if err != nil {
				return err
			}
			return require("new comment", field{"id", answer.GetID() > 0})
		},
		there: func(ctx context.Context) (bool, error) { return c.hasComment(ctx, number, marker) },
	})
}

func (c *Client) hasComment(ctx context.Context, number int, marker string) (bool, error) {
	found, err := list(1, func(page gh.ListOptions) ([]*gh.IssueComment, *gh.Response, error) {
		return c.api.Issues.ListComments(ctx, c.owner, c.name, number, &gh.IssueListCommentsOptions{ListOptions: page})
	}, func(answer *gh.IssueComment) (int64, bool, error) {
		first, _, _ := strings.Cut(answer.GetBody(), "\n")
		return answer.GetID(), strings.TrimRight(first, "\r") == marker, require("comment", field{"id", answer.GetID() > 0})
	})
	return len(found) > 0, err
}

// AddLabels adds labels; those that the pull request has are kept.
func (c *Client) AddLabels(ctx context.Context, number int, labels []string) error {
	if len(labels) == 0 {
		return nil
	}
	op := operation{doing: fmt.Sprintf("adding labels to pull request #%d", number), needs: pullsWrite}
	ctx = c.begin(ctx)
	err := c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			answer, _, err := c.api.Issues.AddLabelsToIssue(ctx, c.owner, c.name, number, labels)
			if err != nil {
				return err
			}
			return require("list of labels", field{"name", hasAll(labelNames(answer), labels)})
		},
		there: func(ctx context.Context) (bool, error) {
			now, err := list(0, func(page gh.ListOptions) ([]*gh.Label, *gh.Response, error) {
				return c.api.Issues.ListLabelsByIssue(ctx, c.owner, c.name, number, &page)
			}, func(label *gh.Label) (string, bool, error) { return label.GetName(), true, nil })
			return err == nil && hasAll(now, labels), err
		},
	})
	return c.explain(ctx, op, err)
}

func labelNames(labels []*gh.Label) []string {
	var names []string
	for _, label := range labels {
		names = append(names, label.GetName())
	}
	return names
}

// hasAll compares without case, as GitHub does for labels, logins and teams.
func hasAll(have, want []string) bool {
	for _, name := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, name) }) {
			return false
		}
	}
	return true
}

// RequestReviews asks users, and teams written as org/team, for a review. A team
// must belong to the owner of the repository.
func (c *Client) RequestReviews(ctx context.Context, number int, reviewers []string) error {
	if len(reviewers) == 0 {
		return nil
	}
	op := operation{doing: fmt.Sprintf("requesting reviews of pull request #%d from %s", number, strings.Join(reviewers, ", ")), needs: pullsWrite}
	ctx = c.begin(ctx)
	request, err := c.splitReviewers(reviewers)
	if err != nil {
		return c.explain(ctx, op, err)
	}
	err = c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			answer, _, err := c.api.PullRequests.RequestReviewers(ctx, c.owner, c.name, number, request)
			if err != nil {
				return err
			}
			return require("pull request", field{"number", answer.GetNumber() == number})
		},
		there: func(ctx context.Context) (bool, error) { return c.requested(ctx, number, request) },
	})
	return c.explain(ctx, op, err)
}

func (c *Client) splitReviewers(reviewers []string) (gh.ReviewersRequest, error) {
	var request gh.ReviewersRequest
	var problems []error
	for _, reviewer := range reviewers {
		org, team, isTeam := strings.Cut(reviewer, "/")
		switch {
		case !isTeam:
			request.Reviewers = append(request.Reviewers, reviewer)
		case strings.EqualFold(org, c.known.owner(c.owner)):
			request.TeamReviewers = append(request.TeamReviewers, team)
		default:
			problems = append(problems, fmt.Errorf("the team %q is not one of %s", reviewer, c.known.owner(c.owner)))
		}
	}
	return request, errors.Join(problems...)
}

// requested says whether all reviews are asked for.
func (c *Client) requested(ctx context.Context, number int, request gh.ReviewersRequest) (bool, error) {
	answer, _, err := c.api.PullRequests.ListReviewers(ctx, c.owner, c.name, number, nil) // has no pages
	if err != nil {
		return false, err
	}
	var users, teams []string
	for _, user := range answer.Users {
		users = append(users, user.GetLogin())
	}
	for _, team := range answer.Teams {
		teams = append(teams, team.GetSlug())
	}
	return hasAll(users, request.Reviewers) && hasAll(teams, request.TeamReviewers), nil
}
