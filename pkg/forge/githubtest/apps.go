package githubtest

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func appRoutes() []route {
	return []route{
		{"POST", "/app/installations/{installation_id}/access_tokens", byApp(), createInstallationToken},
		{"GET", repoPath + "/installation", byApp(), getRepositoryInstallation},
	}
}

// byApp is the access of endpoints for an App itself, which shows who it is by a
// JSON Web Token.
func byApp() access { return access{scope: "app"} }

// CreateAppKey makes an App like [Server.CreateApp], and gives it a key: what is
// signed with its private half is from the App. It returns the App's ID.
func (s *Server) CreateAppKey(slug string, permissions Permissions, key *rsa.PublicKey) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.appLocked(slug, permissions)
	owner.app.permissions = permissions
	owner.app.keys = append(owner.app.keys, key)
	return owner.app.id
}

// SuspendApp suspends the installations of an App, or ends that.
func (s *Server) SuspendApp(slug string, suspended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.appLocked(slug, nil)
	owner.app.suspended = time.Time{}
	if suspended {
		owner.app.suspended = s.clock.now()
	}
}

// UninstallApp takes an App away from the repository. Its tokens for it end, too.
func (r *Repository) UninstallApp(slug string) {
	s := r.repo.server
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := s.appLocked(slug, nil)
	if owner.app.absent == nil {
		owner.app.absent = map[int64]bool{}
	}
	owner.app.absent[r.repo.id] = true
	for value, t := range s.tokens {
		if t.owner == owner {
			delete(s.tokens, value)
		}
	}
}

// assertion is what an App's JSON Web Token says [docs: generating a JSON web
// token (JWT) for a GitHub App].
type assertion struct {
	Issuer  json.RawMessage `json:"iss"` // the App's ID as a number or a string
	Issued  *int64          `json:"iat"`
	Expires *int64          `json:"exp"`
}

// errNoAssertion is the answer to no such token, and to one of an App whose key
// has not signed it [octokit/auth-app.js#375].
func errNoAssertion() *Error {
	return &Error{Status: 401, Message: "A JSON web token could not be decoded"}
}

// appOf finds the App that signed a JSON Web Token.
func (s *Server) appOf(token string) (*app, error) {
	said, claims, err := readAssertion(token)
	if err != nil {
		return nil, err
	}
	issuer := strings.Trim(string(claims.Issuer), `"`)
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *app
	for _, a := range s.accounts {
		if a.app != nil && strconv.FormatInt(a.app.id, 10) == issuer {
			found = a.app
		}
	}
	if found == nil || !slices.ContainsFunc(found.keys, said.signedBy) {
		return nil, errNoAssertion()
	}
	return found, claims.timely(s.clock.now())
}

// signedText is the signed part of a JSON Web Token, and its signature.
type signedText struct {
	sum       [sha256.Size]byte
	signature []byte
}

func (t signedText) signedBy(key *rsa.PublicKey) bool {
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, t.sum[:], t.signature) == nil
}

// readAssertion takes a token apart: header, claims and signature [RFC 7519; RFC
// 7515, RS256 is the only algorithm that GitHub takes].
func readAssertion(token string) (signedText, assertion, error) {
	parts := strings.Split(token, ".")
	var header struct{ Alg string }
	var claims assertion
	if len(parts) != 3 || decodePart(parts[0], &header) != nil || header.Alg != "RS256" || decodePart(parts[1], &claims) != nil {
		return signedText{}, claims, errNoAssertion()
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return signedText{}, claims, errNoAssertion()
	}
	return signedText{sha256.Sum256([]byte(parts[0] + "." + parts[1])), signature}, claims, nil
}

func decodePart(part string, into any) error {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// timely checks the times: issued in the past, and valid for at most 10 minutes
// more [docs: generating a JSON web token (JWT) for a GitHub App]. The texts are
// those of probot/probot#967 and sigmavirus24/github3.py#1050; the last is unverified.
func (a assertion) timely(now time.Time) error {
	switch {
	case a.Issued == nil || time.Unix(*a.Issued, 0).After(now):
		return &Error{Status: 401, Message: "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"}
	case a.Expires == nil || !time.Unix(*a.Expires, 0).After(now):
		return &Error{Status: 401, Message: "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"}
	case time.Unix(*a.Expires, 0).After(now.Add(10 * time.Minute)):
		return &Error{Status: 401, Message: "'Expiration time' claim ('exp') is too far in the future"}
	}
	return nil
}

// installedOn says whether an App is installed on a repository.
func (s *Server) installedOn(a *app, r *repository) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !a.absent[r.id]
}

// installationLocked gives the installation of an App on an owner's account a
// number.
func (s *Server) installationLocked(a *app, owner *account) int64 {
	if a.installations == nil {
		a.installations = map[int64]*account{}
	}
	for id, on := range a.installations {
		if on == owner {
			return id
		}
	}
	id := s.idLocked()
	a.installations[id] = owner
	return id
}

// getRepositoryInstallation is GET /repos/{owner}/{repo}/installation [schema
// installation].
func getRepositoryInstallation(_ context.Context, q *request) (*response, error) {
	s, a, owner := q.server, q.caller.app, q.repo.owner
	if !s.installedOn(a, q.repo) {
		return nil, errNotFound()
	}
	s.mu.Lock()
	id, suspended, permissions := s.installationLocked(a, owner), a.suspended, a.permissions
	s.mu.Unlock()
	self := s.api("/app/installations/" + strconv.FormatInt(id, 10))
	body := object{
		"id": id, "account": s.simpleUser(owner), "app_id": a.id, "app_slug": a.slug,
		"target_id": owner.id, "target_type": owner.kind, "permissions": permissions,
		"access_tokens_url": self + "/access_tokens", "repositories_url": s.api("/installation/repositories"),
		"html_url": s.url + "/organizations/" + owner.login + "/settings/installations/" + strconv.FormatInt(id, 10),
		"events":   []string{}, "repository_selection": "selected", "single_file_name": nil,
		"created_at": stamp(a.created), "updated_at": stamp(a.created), "suspended_at": nil, "suspended_by": nil,
	}
	if !suspended.IsZero() {
		body["suspended_at"], body["suspended_by"] = stamp(suspended), s.simpleUser(q.repo.creator)
	}
	return ok(body), nil
}

// createInstallationToken is POST /app/installations/{installation_id}/access_tokens:
// a token for one hour, narrowed to repositories and permissions [docs:
// rest/apps/apps, create an installation access token for an app]. The list of
// repositories in the answer is left out; it is optional.
func createInstallationToken(_ context.Context, q *request) (*response, error) {
	var in struct {
		Repositories []string
		Permissions  Permissions
	}
	if err := q.decode(&in); err != nil {
		return nil, err
	}
	s, a := q.server, q.caller.app
	s.mu.Lock()
	owner, bot := a.installations[int64(q.number("installation_id"))], s.accountLocked(a.slug+"[bot]", "Bot")
	suspended, granted := !a.suspended.IsZero(), a.permissions
	s.mu.Unlock()
	switch {
	case owner == nil:
		return nil, errNotFound()
	case suspended:
		return nil, errSuspended()
	}
	for name, level := range in.Permissions {
		if !granted.allows(name, level) {
			return nil, unprocessable("The permissions requested are not granted to this installation.") // the words are unverified
		}
	}
	only, err := s.installedAmong(a, owner, in.Repositories)
	if err != nil {
		return nil, err
	}
	if in.Permissions == nil {
		in.Permissions = granted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.issueLocked(&token{
		kind: installationToken, owner: bot, permissions: in.Permissions, repositories: only,
		workflows: in.Permissions.allows("workflows", "write"), expires: s.clock.now().Add(time.Hour),
	}, "ghs_")
	return created(object{
		"token": t.value, "expires_at": stamp(t.expires), "permissions": in.Permissions, "repository_selection": "selected",
	}), nil
}

// errSuspended is in words that are unverified; that there is such an error is
// documented [docs: suspending a GitHub App installation].
func errSuspended() *Error {
	return &Error{Status: 403, Message: "This installation has been suspended"}
}

// installedAmong finds an owner's repositories by their short names.
func (s *Server) installedAmong(a *app, owner *account, names []string) (map[int64]bool, error) {
	if names == nil {
		return nil, nil
	}
	only := map[int64]bool{}
	for _, name := range names {
		r, moved := s.find(fmt.Sprintf("%s/%s", owner.login, name))
		if r == nil || moved || !s.installedOn(a, r) {
			return nil, unprocessable("There is at least one repository that does not exist or is not accessible to the parent installation.") // the words are unverified
		}
		only[r.id] = true
	}
	return only, nil
}
