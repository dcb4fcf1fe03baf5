package github

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// ghost stands for an account that was deleted, as on GitHub's own pages. It has
// no permission anywhere.
const ghost = "ghost"

// Reviews lists every review that was submitted, oldest first. The author of a
// deleted account is "ghost". SHA is empty when GitHub no longer knows which
// commit was reviewed.
func (c *Client) Reviews(ctx context.Context, number int) ([]forge.Review, error) {
	op := operation{doing: fmt.Sprintf("listing the reviews of pull request #%d", number), needs: "pull-requests: read"}
	ctx = c.begin(ctx)
	reviews, err := list(0, func(page gh.ListOptions) ([]*gh.PullRequestReview, *gh.Response, error) {
		return c.api.PullRequests.ListReviews(ctx, c.owner, c.name, number, &page)
	}, readReview)
	slices.SortStableFunc(reviews, func(a, b forge.Review) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
	return reviews, c.explain(ctx, op, err)
}

// readReview leaves out PENDING ones: drafts that only their author sees.
func readReview(answer *gh.PullRequestReview) (forge.Review, bool, error) {
	review := forge.Review{
		ID:     answer.GetID(),
		Author: login(answer.GetUser()),
		Bot:    answer.GetUser().GetType() == "Bot" || strings.HasSuffix(answer.GetUser().GetLogin(), "[bot]"),
		State:  forge.ReviewState(answer.GetState()),
		SHA:    answer.GetCommitID(),
		Time:   answer.GetSubmittedAt().Time,
	}
	if review.State == "PENDING" {
		return forge.Review{}, false, nil
	}
	return review, true, require("review",
		field{"id", review.ID > 0},
		field{"state", review.State != ""},
		field{"commit_id", review.SHA == "" || isSHA(review.SHA)},
		field{"submitted_at", !review.Time.IsZero()},
	)
}

// Permission returns what a user may do in the repository now. A custom role
// counts as the role that it is based on. GitHub answers 404 for a login that is
// no user, which is [forge.ErrNotFound].
func (c *Client) Permission(ctx context.Context, login string) (forge.Permission, error) {
	op := operation{doing: fmt.Sprintf("reading the permission of %s", login), needs: "metadata: read"}
	ctx = c.begin(ctx)
	permission, err := c.permission(ctx, login)
	return permission, c.explain(ctx, op, err)
}

// permission asks itself because go-github v60 knows no role_name, without which
// maintain reads as write and triage as read.
func (c *Client) permission(ctx context.Context, login string) (forge.Permission, error) {
	if login == "" || strings.ContainsAny(login, "/\\") || strings.Trim(login, ".") == "" {
		return "", fmt.Errorf("%q is not a login", login)
	}
	req, err := c.api.NewRequest(http.MethodGet, c.path("collaborators", login, "permission"), nil)
	if err != nil {
		return "", err
	}
	var answer struct {
		Permission string `json:"permission"`
		Role       string `json:"role_name"`
	}
	if _, err := c.api.Do(ctx, req, &answer); err != nil {
		return "", err
	}
	if role := forge.Permission(answer.Role); knownRole(role) {
		return role, nil
	}
	permission := forge.Permission(answer.Permission)
	return permission, require("permission of "+login, field{"permission", knownRole(permission)})
}

func knownRole(role forge.Permission) bool {
	switch role {
	case forge.PermissionNone, forge.PermissionRead, forge.PermissionTriage,
		forge.PermissionWrite, forge.PermissionMaintain, forge.PermissionAdmin:
		return true
	}
	return false
}

func login(user *gh.User) string {
	return cmp.Or(user.GetLogin(), ghost)
}
