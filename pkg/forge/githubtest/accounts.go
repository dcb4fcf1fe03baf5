package githubtest

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Permission is a user's role in a repository.
type Permission string

// The roles, weakest first [docs: repository roles for an organization].
const (
	None     Permission = "none"
	Read     Permission = "read"
	Triage   Permission = "triage"
	Write    Permission = "write"
	Maintain Permission = "maintain"
	Admin    Permission = "admin"
)

// atLeast says whether a role includes another.
func (p Permission) atLeast(other Permission) bool { return p.rank() >= other.rank() }

func (p Permission) rank() int {
	switch p {
	case Read:
		return 1
	case Triage:
		return 2
	case Write:
		return 3
	case Maintain:
		return 4
	case Admin:
		return 5
	}
	return 0
}

// Permissions are what a GitHub App, the Actions token or a fine-grained token
// may do: names as in GitHub's documentation ("contents", "pull_requests",
// "statuses", "checks", "issues", "workflows", "administration"), each "read"
// or "write". "metadata" may always be read.
type Permissions map[string]string

// allows says whether a permission is there at a level.
func (p Permissions) allows(name, level string) bool {
	if name == "metadata" && level == "read" {
		return true
	}
	have := p[name]
	return have == "write" || have == "admin" || have == level
}

// TokenOptions narrow what a token may do.
type TokenOptions struct {
	// Permissions make it a fine-grained token with these permissions. Nil makes
	// it a classic token with the scopes repo and workflow: all that its owner may do.
	Permissions Permissions
	// NoWorkflow takes the scope workflow from a classic token.
	NoWorkflow bool
	// Scopes are those of a classic token instead of repo and workflow. Nil is those
	// two; empty is none, with which a token reads what is public.
	Scopes []string
	// Repositories are the only ones (owner/name) that the token reaches; nil is all.
	Repositories []string
	// Expires is when the server stops accepting it; zero is never.
	Expires time.Time
}

type account struct {
	id      int64
	login   string
	kind    string // User, Bot or Organization, GitHub's "type"
	app     *app
	created time.Time
}

// app is a GitHub App; its installations act as the account SLUG[bot].
type app struct {
	id          int64
	slug, name  string
	permissions Permissions
	created     time.Time

	keys          []*rsa.PublicKey
	suspended     time.Time          // zero: it is not
	absent        map[int64]bool     // the repositories that it is not installed on
	installations map[int64]*account // by their number: whose repositories they are for
}

// email is the address that GitHub gives to web commits of users who keep theirs
// private [docs: setting your commit email address].
func (a *account) email() string {
	return fmt.Sprintf("%d+%s@users.noreply.github.com", a.id, a.login)
}

// The kinds of token, which differ in what GitHub says when one is too weak.
type tokenKind string

const (
	classicToken      tokenKind = "classic"
	fineGrainedToken  tokenKind = "fine-grained"
	installationToken tokenKind = "installation"
	actionsToken      tokenKind = "actions"
)

type token struct {
	value        string
	kind         tokenKind
	owner        *account
	permissions  Permissions // nil: not narrowed
	workflows    bool        // may push workflow files
	scopes       []string    // of a classic token; nil: repo, and workflow if workflows
	repositories map[int64]bool
	expires      time.Time
	used         int // requests in the current rate-limit window
	window       time.Time
}

// caller is who does something, and how.
type caller struct {
	account *account // nil: nobody
	app     *app     // an App that shows who it is by a JSON Web Token; there is no account then
	token   *token   // nil for the Go methods: only the role counts
	via     Via
}

func (c caller) login() string {
	if c.account == nil {
		return ""
	}
	return c.account.login
}

// CreateUser makes a user and returns a classic token of theirs. A user of that
// name who exists already gets another token.
func (s *Server) CreateUser(login string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.accountLocked(login, "User")
	return s.issueLocked(&token{kind: classicToken, owner: owner, workflows: true}, "ghp_").value
}

// CreateToken makes another token for a user.
func (s *Server) CreateToken(login string, opts TokenOptions) (string, error) {
	only, err := s.repositoryIDs(opts.Repositories)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.accounts[strings.ToLower(login)]
	if owner == nil {
		return "", fmt.Errorf("creating a token: there is no user %q", login)
	}
	t := &token{
		kind: classicToken, owner: owner, expires: opts.Expires,
		repositories: only, workflows: !opts.NoWorkflow,
	}
	if opts.Scopes != nil {
		t.scopes, t.workflows = opts.Scopes, slices.Contains(opts.Scopes, "workflow")
	}
	prefix := "ghp_"
	if opts.Permissions != nil {
		t.kind, t.permissions, prefix = fineGrainedToken, opts.Permissions, "github_pat_"
		t.workflows = opts.Permissions.allows("workflows", "write")
	}
	return s.issueLocked(t, prefix).value, nil
}

// CreateApp makes a GitHub App, installed on every repository of the server, and
// returns an installation token. It acts as SLUG[bot].
func (s *Server) CreateApp(slug string, permissions Permissions) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.appLocked(slug, permissions)
	owner.app.permissions = permissions
	t := &token{
		kind: installationToken, owner: owner, permissions: permissions,
		workflows: permissions.allows("workflows", "write"),
	}
	return s.issueLocked(t, "ghs_").value
}

// Tokens returns every token that the server would accept, whoever's it is: to look
// for them where none should be.
func (s *Server) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.tokens))
}

// RevokeToken makes a token invalid, as deleting it does. Unknown ones are ignored.
func (s *Server) RevokeToken(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, value)
}

// ActionsToken returns a GITHUB_TOKEN as a workflow of this repository gets it:
// it acts as github-actions[bot], reaches this repository only, and can never
// push workflow files [docs: GITHUB_TOKEN; issue repo-sync/github-sync#23].
func (r *Repository) ActionsToken(permissions Permissions) string {
	s := r.repo.server
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &token{
		kind: actionsToken, owner: s.appLocked("github-actions", permissions), permissions: permissions,
		repositories: map[int64]bool{r.repo.id: true},
	}
	return s.issueLocked(t, "ghs_").value
}

// accountLocked finds or makes an account.
func (s *Server) accountLocked(login, kind string) *account {
	key := strings.ToLower(login)
	if known := s.accounts[key]; known != nil {
		return known
	}
	made := &account{id: s.idLocked(), login: login, kind: kind, created: s.clock.now()}
	if slug, ok := strings.CutSuffix(login, "[bot]"); ok {
		made.kind = "Bot"
		made.app = &app{id: s.idLocked(), slug: slug, name: slug, created: made.created}
	}
	s.accounts[key] = made
	return made
}

func (s *Server) appLocked(slug string, permissions Permissions) *account {
	owner := s.accountLocked(slug+"[bot]", "Bot")
	if owner.app.permissions == nil {
		owner.app.permissions = permissions
	}
	return owner
}

// permissionsOf are an App's, nil for one that was never told any.
func (s *Server) permissionsOf(a *app) Permissions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.permissions
}

// account finds an account by login.
func (s *Server) account(login string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[strings.ToLower(login)]
}

// issueLocked gives a token its value: the prefix says the kind, as GitHub's do,
// and the rest looks random and is the same in every run.
func (s *Server) issueLocked(t *token, prefix string) *token {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", t.owner.login, len(s.tokens)+int(s.idLocked())))
	t.value = prefix + hex.EncodeToString(sum[:])[:36]
	s.tokens[t.value] = t
	return t
}

func (s *Server) repositoryIDs(names []string) (map[int64]bool, error) {
	if names == nil {
		return nil, nil
	}
	only := map[int64]bool{}
	for _, name := range names {
		r, ok := s.Repository(name)
		if !ok {
			return nil, fmt.Errorf("creating a token: there is no repository %q", name)
		}
		only[r.repo.id] = true
	}
	return only, nil
}

// simpleUser is the schema simple-user.
func (s *Server) simpleUser(a *account) any {
	if a == nil {
		return nil
	}
	api, html := s.api("/users/"+a.login), s.url+"/"+a.login
	return object{
		"login": a.login, "id": a.id, "node_id": nodeID("U", a.id),
		"avatar_url": s.url + "/avatars/" + fmt.Sprint(a.id), "gravatar_id": "",
		"url": api, "html_url": html, "type": a.kind, "site_admin": false,
		"followers_url":       api + "/followers",
		"following_url":       api + "/following{/other_user}",
		"gists_url":           api + "/gists{/gist_id}",
		"starred_url":         api + "/starred{/owner}{/repo}",
		"subscriptions_url":   api + "/subscriptions",
		"organizations_url":   api + "/orgs",
		"repos_url":           api + "/repos",
		"events_url":          api + "/events{/privacy}",
		"received_events_url": api + "/received_events",
	}
}

// getUser is GET /user [docs: rest/users/users]. A GITHUB_TOKEN or installation
// token has no user behind it and is refused.
func getUser(_ context.Context, q *request) (*response, error) {
	if q.caller.account == nil {
		return nil, &Error{Status: 401, Message: "Requires authentication"}
	}
	if q.caller.token.kind == installationToken || q.caller.token.kind == actionsToken {
		return nil, errNotAccessible(q.caller)
	}
	a := q.caller.account
	user, _ := q.server.simpleUser(a).(object)
	for _, key := range []string{"name", "company", "location", "email", "hireable", "bio"} {
		user[key] = nil
	}
	user["name"], user["blog"] = a.login, ""
	for _, key := range []string{"public_repos", "public_gists", "followers", "following"} {
		user[key] = 0
	}
	user["user_view_type"] = "public"
	user["created_at"], user["updated_at"] = stamp(a.created), stamp(a.created)
	user["user_view_type"] = "public" // says which of the schemas private-user and public-user this is
	return ok(user), nil
}
