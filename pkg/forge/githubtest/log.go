package githubtest

import (
	"net/http"
	"slices"
	"time"
)

// Via is the way in which a ref was changed.
type Via string

// The ways.
const (
	ViaAPI     Via = "api"     // REST
	ViaGraphQL Via = "graphql" // updateRefs
	ViaGit     Via = "git"     // a push; the Go methods that commit or push count as one
	ViaMerge   Via = "merge"   // the merge button, and the deletion of a merged head branch
)

// RefUpdate is one change of one ref that took place. Refused ones are not here.
type RefUpdate struct {
	Repository  string // owner/name at that time
	Ref         string // full name: refs/heads/main
	Before      string // SHA, all zeros when the ref was created
	After       string // SHA, all zeros when the ref was deleted
	Actor       string // login
	Via         Via
	FastForward bool // After descends from Before; also true for a creation
	Forced      bool // an update that was not a fast-forward
	PullRequest int  // the number of the pull request that the merge button was pressed on, else 0
	Time        time.Time
}

// Created and Deleted say what kind of change it is.
func (u RefUpdate) Created() bool { return u.Before == zeroSHA }

// Deleted says whether the ref was deleted.
func (u RefUpdate) Deleted() bool { return u.After == zeroSHA }

// Log returns every change of every ref since the server started, oldest first.
func (s *Server) Log() []RefUpdate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Request is one request that arrived, for counting.
type Request struct {
	Method string
	Path   string // escaped, as it was sent
	Query  string
	Status int       // what was answered, or would have been; 0 when a fault came before that
	Login  string    // of the caller, "" for nobody
	Fault  FaultKind // "" for none
}

// Requests returns every request since the server started, in the order in
// which they were answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Exchange is one API request and its answer, for checking against GitHub's
// OpenAPI description. It is what the server meant to answer: a fault that
// spoiled the answer on its way does not show.
type Exchange struct {
	Method         string
	Path           string // escaped, with the /api/v3 in front
	Query          string
	RequestHeader  http.Header // without Authorization
	RequestBody    []byte
	Status         int
	ResponseHeader http.Header
	ResponseBody   []byte
	GraphQL        bool // a GraphQL request, which the description does not cover
}
