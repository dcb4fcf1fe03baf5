package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// TeamMembers lists the logins of a team's members, with those of its child teams.
// A team that the token may not see looks to it like one that is not there: 404 is
// no proof of absence here, so the error is [forge.ErrAccess] for both.
// https://docs.github.com/rest/teams/members#list-team-members
func (c *Client) TeamMembers(ctx context.Context, team string) ([]string, error) {
	const needs = "members: read of the organization, which the token of a GitHub Actions job cannot have (of a classic token: the scope read:org)"
	op := operation{doing: "listing the members of the team " + team, needs: needs}
	ctx = c.begin(ctx)
	org, slug, ok := strings.Cut(team, "/")
	if !ok || !teamPart(org) || !teamPart(slug) {
		return nil, fmt.Errorf("%q is not a team", team)
	}
	members, err := list(0, func(page gh.ListOptions) ([]*gh.User, *gh.Response, error) {
		return c.api.Teams.ListTeamMembersBySlug(ctx, org, slug, &gh.TeamListTeamMembersOptions{ListOptions: page})
	}, func(user *gh.User) (string, bool, error) {
		return user.GetLogin(), true, require("team member", field{"login", user.GetLogin() != ""})
	})
	if status(err) == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w: the team is not there, or the token needs the permission %s", op.doing, forge.ErrAccess, needs)
	}
	return members, c.explain(ctx, op, err)
}

// teamPart says whether a text can be the name of an organization or a team in a
// path, and nothing else.
func teamPart(text string) bool {
	return text != "" && strings.Trim(text, ".") != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r)
	})
}

// Login is the account that the token acts for. GraphQL says it of an App's
// installation as well, which GET /user does not.
func (c *Client) Login(ctx context.Context) (string, error) {
	op := operation{doing: "asking whose the token is"}
	ctx = c.begin(ctx)
	var data struct {
		Viewer struct {
			Login string `json:"login"`
		} `json:"viewer"`
	}
	err := c.graphql(ctx, `query { viewer { login } }`, map[string]any{}, &data)
	if err == nil {
		err = require("viewer", field{"login", data.Viewer.Login != ""})
	}
	return data.Viewer.Login, c.explain(ctx, op, err)
}
