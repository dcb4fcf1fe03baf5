package githubtest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// request is an API request on its way through a handler.
type request struct {
	server *Server
	http   *http.Request
	body   []byte
	query  url.Values
	path   map[string]string // what the names in the route stand for
	caller caller
	repo   *repository // held locked while the handler runs
	need   access
}

func (q *request) isGraphQL() bool { return q.http.URL.Path == "/api/graphql" }

// number reads a path parameter that is a number; 0 when it is none, which
// nothing has.
func (q *request) number(name string) int { return atoiOr(q.path[name], 0) }

// route is one endpoint. In its pattern {x} is one segment and {x...} is one or
// more: GitHub takes the slashes in a branch name escaped or as they are.
type route struct {
	method  string
	pattern string
	need    access
	handle  func(context.Context, *request) (*response, error)
}

func (r route) inRepository() bool { return strings.HasPrefix(r.pattern, "/repos/") }

const repoPath = "/repos/{owner}/{repo}"

// routes are tried in order.
func routes() []route {
	list := append([]route{
		{"GET", "/user", access{}, getUser}, {"GET", "/apps/{app_slug}", access{}, getApp},
		{"GET", "/orgs/{org}/teams/{team_slug}/members", access{"members", "read", Read}, teamMembers},
	}, appRoutes()...)
	for _, group := range [][]route{
		repositoryRoutes(), refRoutes(), commitRoutes(), statusRoutes(), checkRoutes(),
		contentRoutes(), pullRoutes(), reviewRoutes(), issueRoutes(), ruleRoutes(), activityRoutes(),
	} {
		for _, r := range group {
			r.pattern = repoPath + r.pattern
			list = append(list, r)
		}
	}
	return list
}

// match finds the route of a request. A path that exists with other methods
// only is a 404 like any other, as on GitHub [issue DarkoKuzmanovic/jelementi#36].
func (s *Server) match(q *request) (route, error) {
	path, under := strings.CutPrefix(q.http.URL.EscapedPath(), "/api/v3/")
	if !under {
		return route{}, errNotFound()
	}
	segments, err := unescapeAll(strings.Split(strings.TrimSuffix(path, "/"), "/"))
	if err != nil {
		return route{}, &Error{Status: 400, Message: "Bad Request"}
	}
	byID := len(segments) > 1 && segments[0] == "repositories"
	if byID { // /repositories/ID is another address of /repos/OWNER/REPO
		segments = append([]string{"repos", "", segments[1]}, segments[2:]...)
	}
	for _, candidate := range s.routes {
		if candidate.method != q.http.Method {
			continue
		}
		values, ok := capture(strings.Split(candidate.pattern[1:], "/"), segments)
		if !ok {
			continue
		}
		if byID {
			values["id"] = values["repo"]
		}
		q.path = values
		return candidate, nil
	}
	return route{}, errNotFound()
}

func unescapeAll(segments []string) ([]string, error) {
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, err
		}
		segments[i] = plain
	}
	return segments, nil
}

// capture fits segments to a pattern.
func capture(pattern, segments []string) (map[string]string, bool) {
	values := map[string]string{}
	for i, part := range pattern {
		name, named := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		if rest, many := strings.CutSuffix(name, "..."); named && many {
			after := pattern[i+1:]
			width := len(segments) - i - len(after)
			if width < 1 {
				return nil, false
			}
			values[rest] = strings.Join(segments[i:i+width], "/")
			inner, ok := capture(after, segments[i+width:])
			for key, value := range inner {
				values[key] = value
			}
			return values, ok
		}
		switch {
		case i >= len(segments):
			return nil, false
		case named:
			values[name] = segments[i]
		case part != segments[i]:
			return nil, false
		}
	}
	return values, len(pattern) == len(segments)
}
