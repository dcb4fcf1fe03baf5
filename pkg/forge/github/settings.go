package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

var _ forge.Administration = (*Client)(nil)

// tokenKind tells a token's kind by how it begins; a GITHUB_TOKEN and the token of
// an App begin alike.
// https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
func tokenKind(token string) forge.TokenKind {
	for prefix, kind := range map[string]forge.TokenKind{
		"ghp_": forge.TokenClassic, "gho_": forge.TokenClassic, "github_pat_": forge.TokenFineGrained, "ghs_": forge.TokenInstallation,
	} {
		if strings.HasPrefix(token, prefix) {
			return kind
		}
	}
	if token == "" {
		return forge.TokenNone
	}
	return forge.TokenOther
}

// Identity says who the token is.
func (c *Client) Identity(ctx context.Context) (forge.Identity, error) {
	op := operation{doing: "reading the token's identity"}
	ctx = c.begin(ctx)
	identity, err := c.identity(ctx)
	return identity, c.explain(ctx, op, err)
}

func (c *Client) identity(ctx context.Context) (forge.Identity, error) {
	identity := forge.Identity{Kind: c.kind}
	if c.kind == forge.TokenNone {
		return identity, nil
	}
	_, resp, err := c.api.Repositories.Get(ctx, c.owner, c.name)
	if err != nil && status(err) != http.StatusNotFound {
		return identity, err
	}
	if scopes, ok := resp.Header["X-Oauth-Scopes"]; ok {
		identity.Kind = forge.TokenClassic
		for scope := range strings.SplitSeq(strings.Join(scopes, ","), ",") {
			identity.Scopes = append(identity.Scopes, strings.TrimSpace(scope))
		}
	}
	if err != nil {
		return identity, c.invisible()
	}
	identity.Expires = expiry(resp.Header.Get("Github-Authentication-Token-Expiration"))
	if c.app != nil {
		identity.Permissions = c.app.permissions()
	}
	// The tokens of Apps and of workflows have no user that REST would name.
	var data struct{ Viewer struct{ Login string } }
	if err := c.graphql(ctx, `query { viewer { login } }`, nil, &data); err != nil {
		return identity, err
	}
	identity.Login = data.Viewer.Login
	if identity.Login == "github-actions[bot]" {
		identity.Kind = forge.TokenActions
	}
	return identity, require("viewer", field{"login", identity.Login != ""})
}

// expiry reads the header, which has been seen with a zone's name and with its
// offset; what cannot be read is as good as not there.
func expiry(header string) time.Time {
	for _, layout := range []string{"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(layout, header); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Settings are the repository's own.
func (c *Client) Settings(ctx context.Context) (forge.Settings, error) {
	op := operation{doing: "reading the settings", needs: "metadata: read"}
	ctx = c.begin(ctx)
	repository, _, err := c.api.Repositories.Get(ctx, c.owner, c.name)
	if status(err) == http.StatusNotFound {
		err = c.invisible()
	}
	if err == nil {
		err = require("repository", field{"full_name", fullName.MatchString(repository.GetFullName())}, field{"private", repository.Private != nil})
	}
	if err != nil {
		return forge.Settings{}, c.explain(ctx, op, err)
	}
	return forge.Settings{
		Private: repository.GetPrivate(), CanPush: repository.GetPermissions()["push"],
		Shown: repository.AllowMergeCommit != nil && repository.DeleteBranchOnMerge != nil, DeletesHead: repository.GetDeleteBranchOnMerge(),
		MergeCommit: repository.GetAllowMergeCommit(), SquashMerge: repository.GetAllowSquashMerge(), RebaseMerge: repository.GetAllowRebaseMerge(),
	}, nil
}

// get reads one thing that takes a permission. GitHub answers 404 also to those who
// may not look at a setting, which is no absence.
func (c *Client) get(ctx context.Context, op operation, path string, into any) error {
	ctx = c.begin(ctx)
	req, err := c.api.NewRequest(http.MethodGet, path, nil)
	if err == nil {
		_, err = c.api.Do(ctx, req, into)
	}
	if status(err) == http.StatusNotFound {
		err = fmt.Errorf("%w: %s: this token may not look, it takes %s", forge.ErrAccess, words(err), op.needs)
	}
	return c.explain(ctx, op, err)
}

// planRefusal is GitHub's answer about rules of a private repository on the free plan.
var planRefusal = regexp.MustCompile(`(?i)upgrade to github|make this repository public`)

const readsAdministration = "administration: read"

// WorkflowToken says what workflows may do with the token that each run gets.
func (c *Client) WorkflowToken(ctx context.Context) (forge.WorkflowToken, error) {
	op := operation{doing: "reading the permissions of workflows", needs: readsAdministration}
	var answer struct {
		Default  string `json:"default_workflow_permissions"`
		Approves *bool  `json:"can_approve_pull_request_reviews"`
	}
	if err := c.get(ctx, op, c.path("actions", "permissions", "workflow"), &answer); err != nil {
		return forge.WorkflowToken{}, err
	}
	if err := require("workflow permissions", field{"can_approve_pull_request_reviews", answer.Approves != nil}); err != nil {
		return forge.WorkflowToken{}, c.explain(ctx, op, err)
	}
	return forge.WorkflowToken{Writes: answer.Default == "write", Approves: *answer.Approves}, nil
}

// rule is a rule of any type. go-github fails on a type that it does not know.
type rule struct {
	Type       string `json:"type"`
	Ruleset    int64  `json:"ruleset_id"`
	Parameters *struct {
		Approvals      int             `json:"required_approving_review_count"`
		DismissesStale bool            `json:"dismiss_stale_reviews_on_push"`
		Checks         []requiredCheck `json:"required_status_checks"`
		Environments   []string        `json:"required_deployment_environments"`
	} `json:"parameters"`
}

type requiredCheck struct {
	Context string `json:"context"`
	App     int64  `json:"integration_id"`
}

// ruleset is the schema repository-ruleset. Source, in GitHub's description:
// rest/repos/rules.
type ruleset struct {
	ID          int64          `json:"id"`
	Name        string         `json:"name"`
	Target      string         `json:"target"`
	Enforcement string         `json:"enforcement"`
	SourceType  string         `json:"source_type"`
	Own         string         `json:"current_user_can_bypass"`
	Actors      *[]forge.Actor `json:"bypass_actors"`
	Conditions  struct {
		RefName struct {
			Include []string `json:"include"`
		} `json:"ref_name"`
	} `json:"conditions"`
	Rules []rule `json:"rules"`
}

// Rules are the rules that hold for a branch.
func (c *Client) Rules(ctx context.Context, branch string) ([]forge.Rule, error) {
	op := operation{doing: fmt.Sprintf("reading the rules of the branch %q", branch), needs: "metadata: read"}
	ctx = c.begin(ctx)
	rules, err := pages(ctx, c, c.path("rules", "branches", branch)+"?", func(r rule) (forge.Rule, bool, error) {
		return r.value(), true, require("rule", field{"type", r.Type != ""}, field{"ruleset_id", r.Ruleset > 0})
	})
	return rules, c.explain(ctx, op, err)
}

// pages reads all pages of a list, whose path ends where its next query parameter
// begins.
func pages[T, U any](ctx context.Context, c *Client, path string, keep func(T) (U, bool, error)) ([]U, error) {
	return list(0, func(page gh.ListOptions) ([]T, *gh.Response, error) {
		req, err := c.api.NewRequest(http.MethodGet, fmt.Sprintf("%sper_page=%d&page=%d", path, page.PerPage, page.Page), nil)
		if err != nil {
			return nil, nil, err
		}
		var items []T
		resp, err := c.api.Do(ctx, req, &items)
		return items, resp, err
	}, keep)
}

func (r rule) value() forge.Rule {
	value := forge.Rule{Type: r.Type, Ruleset: r.Ruleset}
	if p := r.Parameters; p != nil {
		value.Approvals, value.DismissesStale, value.Environments = p.Approvals, p.DismissesStale, p.Environments
		for _, check := range p.Checks {
			value.Checks = append(value.Checks, forge.RequiredCheck{Name: check.Context, App: check.App})
		}
	}
	return value
}

func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// Rulesets are those of the repository itself.
func (c *Client) Rulesets(ctx context.Context) ([]forge.Ruleset, error) {
	op := operation{doing: "listing the rulesets", needs: "metadata: read"}
	ctx = c.begin(ctx)
	ids, err := pages(ctx, c, c.path("rulesets")+"?includes_parents=false&", func(r ruleset) (int64, bool, error) {
		return r.ID, r.Target == "branch", require("ruleset", field{"id", r.ID > 0})
	})
	if err != nil {
		return nil, c.explain(ctx, op, err)
	}
	all := make([]forge.Ruleset, len(ids))
	for i, id := range ids {
		if all[i], err = c.Ruleset(ctx, id); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Ruleset is one by its number.
func (c *Client) Ruleset(ctx context.Context, id int64) (forge.Ruleset, error) {
	op := operation{doing: fmt.Sprintf("reading the ruleset %d", id), needs: "metadata: read"}
	var answer ruleset
	if err := c.get(ctx, op, c.path("rulesets", fmt.Sprint(id)), &answer); err != nil {
		return forge.Ruleset{}, err
	}
	return answer.value(), c.explain(ctx, op, require("ruleset", field{"id", answer.ID == id}, field{"enforcement", answer.Enforcement != ""}))
}

func (r ruleset) value() forge.Ruleset {
	value := forge.Ruleset{
		ID: r.ID, Name: r.Name, Enforcement: r.Enforcement, Branches: r.Conditions.RefName.Include,
		Actors: valueOf(r.Actors), Listed: r.Actors != nil, Own: forge.Bypass(r.Own), Inherited: r.SourceType != "" && r.SourceType != "Repository",
	}
	if value.Own == "pull_requests_only" { // as it is called here, and nowhere else
		value.Own = forge.BypassPullRequest
	}
	for _, each := range r.Rules {
		each.Ruleset = r.ID
		value.Rules = append(value.Rules, each.value())
	}
	return value
}

// AppID is the number of a GitHub App.
func (c *Client) AppID(ctx context.Context, slug string) (int64, error) {
	op := operation{doing: fmt.Sprintf("looking up the GitHub App %q for the rules", slug)}
	ctx = c.begin(ctx)
	app, _, err := c.api.Apps.Get(ctx, slug)
	if status(err) == http.StatusNotFound {
		return 0, c.explain(ctx, op, fmt.Errorf("%w: there is no public App of this name, or this token may not see it: give its number, App ID in its settings", forge.ErrNotFound))
	}
	if err != nil {
		return 0, c.explain(ctx, op, err)
	}
	return app.GetID(), c.explain(ctx, op, require("app", field{"id", app.GetID() > 0}))
}

// Protection is the branch protection of a branch. GitHub says "Branch not
// protected" to those who may look. The others can still be told, by the branch,
// that it has no protection of any kind.
func (c *Client) Protection(ctx context.Context, branch string) (forge.Protection, error) {
	op := operation{doing: fmt.Sprintf("reading the protection of the branch %q", branch), needs: readsAdministration}
	ctx = c.begin(ctx)
	answer, _, err := c.api.Repositories.GetBranchProtection(ctx, c.owner, c.name, branch)
	none := fmt.Errorf("%w: the branch has no protection", forge.ErrNotFound)
	switch code := status(err); {
	case errors.Is(err, gh.ErrBranchNotProtected), code == http.StatusNotFound && strings.Contains(words(err), "Branch not protected"):
		return forge.Protection{}, c.explain(ctx, op, none)
	case code == http.StatusNotFound, code == http.StatusForbidden && !planRefusal.MatchString(words(err)):
		if c.unprotected(ctx, branch) {
			return forge.Protection{}, c.explain(ctx, op, none)
		}
		return forge.Protection{}, c.explain(ctx, op, fmt.Errorf("%w: %s: this token may not look, it takes %s", forge.ErrAccess, words(err), op.needs))
	case err != nil:
		return forge.Protection{}, c.explain(ctx, op, err)
	}
	if err := require("protection", field{"url", answer.GetURL() != ""}); err != nil {
		return forge.Protection{}, c.explain(ctx, op, err)
	}
	p := protection(answer)
	return p, c.explain(ctx, op, c.readUnlisted(ctx, branch, &p))
}

const unlistedQuery = `query($owner: String!, $name: String!, $ref: String!, $branch: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $ref) { branchProtectionRule { requiresDeployments requiredDeploymentEnvironments } }
    mergeQueue(branch: $branch) { id }
  }
}`

// readUnlisted reads what REST leaves out of a branch protection: required
// deployments and a merge queue. Source: GitHub's GraphQL schema,
// BranchProtectionRule and Repository.mergeQueue.
func (c *Client) readUnlisted(ctx context.Context, branch string, p *forge.Protection) error {
	var data struct {
		Repository struct {
			Ref *struct {
				Rule *struct {
					Requires     *bool    `json:"requiresDeployments"`
					Environments []string `json:"requiredDeploymentEnvironments"`
				} `json:"branchProtectionRule"`
			}
			MergeQueue *struct{ ID string }
		}
	}
	err := c.graphql(ctx, unlistedQuery, map[string]any{"owner": c.owner, "name": c.name, "ref": "refs/heads/" + branch, "branch": branch}, &data)
	var refused *graphqlError
	switch {
	case errors.Is(err, errNoGraphQL), errors.As(err, &refused) && !refused.internal():
		p.Unread = err.Error()
		return nil
	case err != nil:
		return err
	case data.Repository.Ref == nil || data.Repository.Ref.Rule == nil || data.Repository.Ref.Rule.Requires == nil:
		p.Unread = "GitHub's GraphQL API does not show the branch protection to this token"
		return nil
	}
	p.MergeQueue = data.Repository.MergeQueue != nil
	if rule := data.Repository.Ref.Rule; *rule.Requires {
		p.Environments = append([]string{}, rule.Environments...)
	}
	return nil
}

// unprotected says whether the branch itself says, for sure, that nothing protects it.
func (c *Client) unprotected(ctx context.Context, branch string) bool {
	var answer struct {
		Protected *bool `json:"protected"`
	}
	op := operation{doing: fmt.Sprintf("reading the branch %q", branch), needs: "contents: read"}
	err := c.get(ctx, op, c.path("branches", branch), &answer)
	return err == nil && answer.Protected != nil && !*answer.Protected
}

func protection(answer *gh.Protection) forge.Protection {
	p := forge.Protection{
		LinearHistory: answer.RequireLinearHistory != nil && answer.RequireLinearHistory.Enabled,
		Signatures:    answer.GetRequiredSignatures().GetEnabled(),
		Locked:        answer.GetLockBranch().GetEnabled(),
		ForcePushes:   answer.AllowForcePushes != nil && answer.AllowForcePushes.Enabled,
		Deletions:     answer.AllowDeletions != nil && answer.AllowDeletions.Enabled,
		AdminsExempt:  answer.EnforceAdmins == nil || !answer.EnforceAdmins.Enabled,
	}
	if reviews := answer.RequiredPullRequestReviews; reviews != nil {
		p.PullRequest, p.Approvals, p.DismissesStale = true, reviews.RequiredApprovingReviewCount, reviews.DismissStaleReviews
		if who := reviews.BypassPullRequestAllowances; who != nil {
			p.Exempt = logins(who.Users, who.Apps, who.Teams)
		}
	}
	if who := answer.Restrictions; who != nil {
		p.Restricted = true
		p.Pushers = logins(who.Users, who.Apps, who.Teams)
	}
	if checks := answer.RequiredStatusChecks; checks != nil {
		for _, check := range valueOf(checks.Checks) {
			p.Checks = append(p.Checks, forge.RequiredCheck{Name: check.Context, App: max(0, valueOf(check.AppID))})
		}
		for _, name := range valueOf(checks.Contexts) {
			if !slices.ContainsFunc(p.Checks, func(check forge.RequiredCheck) bool { return check.Name == name }) {
				p.Checks = append(p.Checks, forge.RequiredCheck{Name: name})
			}
		}
	}
	return p
}

// logins are the names of those whom a branch protection lists.
func logins(users []*gh.User, apps []*gh.App, teams []*gh.Team) []string {
	var all []string
	for _, user := range users {
		all = append(all, user.GetLogin())
	}
	for _, app := range apps {
		all = append(all, app.GetSlug()+"[bot]")
	}
	for _, team := range teams {
		all = append(all, "team "+team.GetSlug())
	}
	return all
}

// CreateRuleset adds a ruleset to the repository.
func (c *Client) CreateRuleset(ctx context.Context, wanted forge.Ruleset) (forge.Ruleset, error) {
	op := operation{doing: fmt.Sprintf("creating the ruleset %q", wanted.Name), needs: "administration: write"}
	ctx = c.begin(ctx)
	var made ruleset
	err := c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			return c.sendRuleset(ctx, http.MethodPost, c.path("rulesets"), wanted, &made)
		},
		there: func(ctx context.Context) (bool, error) {
			all, err := c.Rulesets(ctx)
			i := slices.IndexFunc(all, func(r forge.Ruleset) bool { return r.Name == wanted.Name })
			if i >= 0 {
				made.ID = all[i].ID
			}
			return i >= 0, err
		},
	})
	wanted.ID = cmp.Or(made.ID, wanted.ID)
	return wanted, c.explain(ctx, op, err)
}

// UpdateRuleset replaces the ruleset with its ID.
func (c *Client) UpdateRuleset(ctx context.Context, wanted forge.Ruleset) error {
	op := operation{doing: fmt.Sprintf("updating the ruleset %q", wanted.Name), needs: "administration: write"}
	ctx = c.begin(ctx)
	err := c.mutate(ctx, mutation{
		send: func(ctx context.Context) error {
			return c.sendRuleset(ctx, http.MethodPut, c.path("rulesets", fmt.Sprint(wanted.ID)), wanted, &ruleset{})
		},
		there: func(ctx context.Context) (bool, error) {
			is, err := c.Ruleset(ctx, wanted.ID)
			return err == nil && is.Same(wanted), err
		},
	})
	return c.explain(ctx, op, err)
}

func (c *Client) sendRuleset(ctx context.Context, method, path string, wanted forge.Ruleset, into *ruleset) error {
	req, err := c.api.NewRequest(method, path, wanted)
	if err != nil {
		return err
	}
	if _, err := c.api.Do(ctx, req, into); err != nil {
		return err
	}
	return require("ruleset", field{"id", into.ID > 0 && (wanted.ID == 0 || into.ID == wanted.ID)})
}
