package githubtest

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// access is what a route asks of its caller: a permission of the token and a
// role of the user.
type access struct {
	scope string // a name in Permissions; "a|b" is either
	level string // read or write
	role  Permission
}

func reads(scope string) access  { return access{scope, "read", Read} }
func writes(scope string) access { return access{scope, "write", Write} }

// authenticate finds who sent an API request. No credentials at all is nobody,
// who may read public repositories.
func (s *Server) authenticate(r *http.Request, via Via) (caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return caller{via: via}, nil
	}
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	switch strings.ToLower(scheme) {
	case "bearer", "token": // both are accepted [docs: authenticating to the REST API]
		if strings.Count(value, ".") == 2 {
			a, err := s.appOf(value)
			return caller{app: a, via: via}, err
		}
	case "basic":
		value = basicPassword(value)
	default:
		value = ""
	}
	return s.callerOf(value, via)
}

// authenticateGit finds who sent a Git request: any user name, the token as the
// password [docs: managing your personal access tokens, using a personal access
// token on the command line].
func (s *Server) authenticateGit(r *http.Request) (caller, error) {
	if r.Header.Get("Authorization") == "" {
		return caller{via: ViaGit}, nil
	}
	_, password, ok := r.BasicAuth()
	if !ok {
		password = ""
	}
	return s.callerOf(password, ViaGit)
}

func basicPassword(encoded string) string {
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	_, password, _ := strings.Cut(string(decoded), ":")
	return password
}

// callerOf looks a token up; an unknown, expired or revoked one is "Bad
// credentials" [docs: troubleshooting the REST API].
func (s *Server) callerOf(value string, via Via) (caller, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[value]
	if t == nil || !t.expires.IsZero() && !s.clock.now().Before(t.expires) {
		return caller{via: via}, &Error{Status: 401, Message: "Bad credentials"}
	}
	if t.kind == installationToken && !t.owner.app.suspended.IsZero() {
		return caller{via: via}, errSuspended()
	}
	return caller{account: t.owner, token: t, via: via}, nil
}

// role is what an account may do in the repository. The caller holds the lock.
func (r *repository) role(a *account) Permission {
	if a == nil {
		return r.floor()
	}
	if a == r.owner {
		return Admin
	}
	if given, ok := r.roles[strings.ToLower(a.login)]; ok {
		return given
	}
	return r.floor()
}

// floor is what everybody may do.
func (r *repository) floor() Permission {
	if r.public {
		return Read
	}
	return None
}

// sees says whether the caller may know that the repository exists.
func (r *repository) sees(c caller) bool {
	if c.token != nil && c.token.repositories != nil && !c.token.repositories[r.id] {
		return r.public
	}
	if c.app != nil {
		return r.public || r.server.installedOn(c.app, r)
	}
	if c.isBot() {
		return true
	}
	if !c.token.has("repo") {
		return r.public
	}
	return r.role(c.account).atLeast(Read)
}

// has says whether a token has a scope, for all that a classic one without it may do
// in a repository is to read it, if it is public [docs: scopes for OAuth apps]. What
// it may not is not found [docs: troubleshooting the REST API]. Other tokens, and the
// Go methods, have no scopes that would narrow them.
func (t *token) has(scope string) bool {
	return t == nil || t.kind != classicToken || t.scopes == nil || slices.Contains(t.scopes, scope)
}

// isBot says whether the caller's rights come from an installation alone.
func (c caller) isBot() bool { return c.account != nil && c.account.kind == "Bot" }

// may says whether the caller may do something in the repository: nil, or the
// answer that GitHub gives.
func (r *repository) may(c caller, need access) error {
	switch {
	case need == byApp() && c.app == nil:
		return errNoAssertion()
	case need == byApp():
		return nil
	case c.app != nil: // an App by itself gets nowhere; its words for that are unverified
		return errNotAccessible(c)
	}
	if !r.sees(c) {
		return errNotFound()
	}
	if c.account == nil && need.level != "read" {
		return &Error{Status: 401, Message: "Requires authentication"}
	}
	if c.token != nil && c.token.permissions != nil && !allowsAny(c.token.permissions, need) {
		return errNotAccessible(c)
	}
	if c.isBot() {
		return r.mayBot(c, need)
	}
	if need.role != Read && !c.token.has("repo") && !c.token.has("public_repo") {
		return errNotFound()
	}
	if !r.role(c.account).atLeast(need.role) {
		// "404 for a token without access" [docs: troubleshooting the REST API,
		// 404 Not Found for an existing resource].
		return errNotFound()
	}
	return nil
}

// mayBot judges an app without a token, which is a Go method acting as it.
func (r *repository) mayBot(c caller, need access) error {
	if granted := r.server.permissionsOf(c.account.app); c.token == nil && granted != nil && !allowsAny(granted, need) {
		return errNotAccessible(c)
	}
	return nil
}

// allowsAny reads "issues|pull_requests" as either: labels and comments of pull
// requests need one of the two [docs: permissions required for GitHub Apps].
func allowsAny(p Permissions, need access) bool {
	for scope := range strings.SplitSeq(need.scope, "|") {
		if p.allows(scope, need.level) {
			return true
		}
	}
	return false
}

// errNotAccessible is GitHub's answer to a token whose permissions are too weak
// [docs: troubleshooting the REST API, "Resource not accessible"].
func errNotAccessible(c caller) *Error {
	if c.token != nil && c.token.kind == fineGrainedToken {
		return &Error{Status: 403, Message: "Resource not accessible by personal access token"}
	}
	return &Error{Status: 403, Message: "Resource not accessible by integration"}
}

// tokenHeaders tell what the token is and, to one that is too weak, what the
// endpoint wants [docs: troubleshooting the REST API, "Resource not accessible";
// scopes for OAuth apps; managing your personal access tokens, expiration].
func (s *Server) tokenHeaders(header http.Header, q *request) {
	t := q.caller.token
	if t == nil {
		return
	}
	if !t.expires.IsZero() {
		header.Set("GitHub-Authentication-Token-Expiration", t.expires.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if t.kind != classicToken {
		accepted := strings.ReplaceAll(q.need.scope, "|", "="+q.need.level+"; ")
		if accepted != "" {
			header.Set("X-Accepted-GitHub-Permissions", accepted+"="+q.need.level)
		}
		return
	}
	scopes := "repo"
	if t.workflows {
		scopes = "repo, workflow"
	}
	if t.scopes != nil {
		scopes = strings.Join(t.scopes, ", ")
	}
	header.Set("X-OAuth-Scopes", scopes)
	header.Set("X-Accepted-OAuth-Scopes", "repo")
}

func errNotFound() *Error { return &Error{Status: 404, Message: "Not Found"} }

// canPush says whether the caller may push to the repository.
func (r *repository) canPush(c caller) bool { return r.may(c, writes("contents")) == nil }
