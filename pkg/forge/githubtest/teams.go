package githubtest

import (
	"context"
	"strings"
)

// SetTeam makes a team, written as org/team, with these members, in place of the one
// of that name.
func (s *Server) SetTeam(team string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var accounts []*account
	for _, login := range members {
		accounts = append(accounts, s.accountLocked(login, "User"))
	}
	s.teams[strings.ToLower(team)] = accounts
}

// teamMembers is GET /orgs/{org}/teams/{team_slug}/members. "To list members in a
// team, the team must be visible to the authenticated user" [docs: rest/teams/members];
// one that is not is a 404. The permission is one of the organization, which the
// token of a job cannot have [docs: permissions required for GitHub Apps, members].
func teamMembers(_ context.Context, q *request) (*response, error) {
	q.need = access{"members", "read", Read}
	switch c := q.caller; {
	case c.account == nil:
		return nil, &Error{Status: 401, Message: "Requires authentication"}
	case c.token != nil && c.token.permissions != nil && !allowsAny(c.token.permissions, q.need):
		return nil, errNotAccessible(c)
	}
	s := q.server
	s.mu.Lock()
	members, found := s.teams[strings.ToLower(q.path["org"]+"/"+q.path["team_slug"])]
	s.mu.Unlock()
	if !found {
		return nil, errNotFound()
	}
	page, header := onePage(q, members)
	list := []any{}
	for _, member := range page {
		list = append(list, s.simpleUser(member))
	}
	answer := ok(list)
	answer.header = header
	return answer, nil
}
