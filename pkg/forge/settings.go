package forge

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Administration is what a hosting service lets a token know, and an
// administrator change, about how a repository is protected. It is apart from
// [Forge] because nothing that moves a commit depends on it. A Forge may
// implement it.
//
// Each read returns [ErrAccess] when the token may not look: that says nothing
// about what is there. With [ErrUnsupported] besides, nobody may: the plan that the
// repository is on has no such thing.
type Administration interface {
	// Identity says who the token is. With [ErrAccess] comes what the token itself
	// tells: its kind, and the scopes of a classic one.
	Identity(ctx context.Context) (Identity, error)
	// Settings are the repository's own.
	Settings(ctx context.Context) (Settings, error)
	// WorkflowToken says what workflows of the repository may do with the token that
	// each run gets.
	WorkflowToken(ctx context.Context) (WorkflowToken, error)
	// Rules are the rules that hold for a branch, of every ruleset in force,
	// whoever may bypass them.
	Rules(ctx context.Context, branch string) ([]Rule, error)
	// Protection is the branch protection of a branch, which is older than rulesets
	// and does not show among them; [ErrNotFound] when there is none.
	Protection(ctx context.Context, branch string) (Protection, error)
	// Rulesets are those of the repository itself, with the rules of each.
	Rulesets(ctx context.Context) ([]Ruleset, error)
	// Ruleset is one by its number, also one that an organization has put over the
	// repository, whose list of who may bypass it may not be shown.
	Ruleset(ctx context.Context, id int64) (Ruleset, error)
	// AppID is the number of a GitHub App, by the short name in its address.
	AppID(ctx context.Context, slug string) (int64, error)
	// CreateRuleset adds a ruleset to the repository, and UpdateRuleset replaces the
	// one with its ID.
	CreateRuleset(ctx context.Context, ruleset Ruleset) (Ruleset, error)
	UpdateRuleset(ctx context.Context, ruleset Ruleset) error
}

// TokenKind is the kind of a token.
type TokenKind string

// The kinds of token.
const (
	TokenNone         TokenKind = "none"         // there is no token
	TokenClassic      TokenKind = "classic"      // a classic personal access token, or one of an OAuth app
	TokenFineGrained  TokenKind = "fine-grained" // a fine-grained personal access token
	TokenInstallation TokenKind = "installation" // a GitHub App's, in one installation
	TokenActions      TokenKind = "actions"      // the GITHUB_TOKEN of a workflow run
	TokenOther        TokenKind = "other"
)

// Identity is who a token is.
type Identity struct {
	Kind  TokenKind
	Login string // an App's ends with [bot]; empty when the service does not say
	// Expires is when the token ends; zero when it does not, or the service does not say.
	Expires time.Time
	// Scopes are those of a classic token.
	Scopes []string
	// Permissions are those of a GitHub App's installation, as far as they are known:
	// contents, pull_requests, … with read or write. Nil: they are not known.
	Permissions map[string]string
}

// Settings are a repository's settings.
type Settings struct {
	Private bool
	// CanPush says whether the token's owner has a role that may push. For the
	// tokens of Apps, it says nothing.
	CanPush bool
	// Shown says whether the service showed the fields below, which takes a role that may push.
	Shown                                              bool
	MergeCommit, SquashMerge, RebaseMerge, DeletesHead bool
}

// WorkflowToken is what the token of a workflow run may do in a repository.
type WorkflowToken struct {
	Writes   bool // unless the workflow says otherwise, it may write everything
	Approves bool // it may open and approve pull requests
}

// Bypass is how somebody may bypass a ruleset.
type Bypass string

// The ways to bypass a ruleset, in the words of GitHub's API. BypassPullRequest
// covers the merge button, and no branch that is moved directly.
const (
	BypassAlways      Bypass = "always"
	BypassPullRequest Bypass = "pull_request"
	BypassExempt      Bypass = "exempt" // always, and without an entry in the audit log
	BypassNever       Bypass = "never"
)

// Actor is somebody who may bypass a ruleset.
type Actor struct {
	ID   int64  `json:"actor_id"`
	Type string `json:"actor_type"` // Integration (a GitHub App), RepositoryRole, Team, User, DeployKey, OrganizationAdmin
	Mode Bypass `json:"bypass_mode"`
}

// Ruleset is rules for branches.
type Ruleset struct {
	ID          int64
	Name        string
	Enforcement string   // active, evaluate or disabled
	Branches    []string // patterns: refs/heads/production, ~ALL
	Actors      []Actor  // who may bypass it; nil and not Listed when the token may not know
	Listed      bool     // Actors is all of them
	Own         Bypass   // how the token's owner may bypass it
	Rules       []Rule
	Inherited   bool // it is an organization's or an enterprise's
}

// Rule is one rule for a branch. Which fields count depends on the type.
type Rule struct {
	Type    string // update, deletion, non_fast_forward, pull_request, required_status_checks, …; others are passed on as they are
	Ruleset int64  // the number of the ruleset that it is part of; 0 when it is not read from one

	Approvals      int  // pull_request
	DismissesStale bool // pull_request
	Checks         []RequiredCheck
	Environments   []string // required_deployments: where the commit must be deployed
}

// RequiredCheck is a commit status or check run that a rule asks for.
type RequiredCheck struct {
	Name string
	App  int64 // the App that it must come from; 0: anybody
}

// Protection is the branch protection of a branch.
type Protection struct {
	LinearHistory, Signatures, Locked, ForcePushes, Deletions bool
	Restricted                                                bool     // only Pushers may push
	Pushers                                                   []string // logins; an App's ends with [bot], a team is org/team
	PullRequest                                               bool
	Approvals                                                 int
	DismissesStale                                            bool
	Checks                                                    []RequiredCheck
	// AdminsExempt says that nothing of it holds for administrators, and Exempt who
	// needs no pull request, in the words of Pushers.
	AdminsExempt bool
	Exempt       []string
	// MergeQueue and Environments (where a commit must be deployed) are known if
	// Unread is empty, which says why they are not.
	MergeQueue   bool
	Environments []string
	Unread       string
}

// Same says whether two rulesets have the same effect, whatever their numbers.
// Lists are compared without regard to their order.
func (r Ruleset) Same(other Ruleset) bool {
	if r.Name != other.Name || r.Enforcement != other.Enforcement {
		return false
	}
	return sameSet(r.Branches, other.Branches) && sameSet(r.Actors, other.Actors) && sameSet(r.Rules, other.Rules)
}

func sameSet[T any](a, b []T) bool {
	text := func(items []T) []string {
		list := make([]string, len(items))
		for i, item := range items {
			data, err := json.Marshal(item)
			if err != nil {
				return nil // no value of this package has such an error
			}
			list[i] = string(data)
		}
		slices.Sort(list)
		return list
	}
	return slices.Equal(text(a), text(b))
}

// MarshalJSON returns the body of a request that creates the ruleset.
// https://docs.github.com/rest/repos/rules#create-a-repository-ruleset
func (r Ruleset) MarshalJSON() ([]byte, error) {
	type refName struct {
		Include []string `json:"include"`
		Exclude []string `json:"exclude"`
	}
	type conditions struct {
		RefName refName `json:"ref_name"`
	}
	body := struct {
		Name        string     `json:"name"`
		Target      string     `json:"target"`
		Enforcement string     `json:"enforcement"`
		Conditions  conditions `json:"conditions"`
		Actors      []Actor    `json:"bypass_actors"`
		Rules       []Rule     `json:"rules"`
	}{r.Name, "branch", r.Enforcement, conditions{refName{r.Branches, []string{}}}, r.Actors, r.Rules}
	// GitHub takes an empty list for none, and no null.
	body.Conditions.RefName.Include = append([]string{}, r.Branches...)
	body.Rules = append([]Rule{}, r.Rules...)
	if body.Actors == nil {
		body.Actors = []Actor{}
	}
	return json.Marshal(body)
}

// MarshalJSON returns the rule as a ruleset has it.
func (r Rule) MarshalJSON() ([]byte, error) {
	body := map[string]any{"type": r.Type}
	switch r.Type {
	case "pull_request":
		body["parameters"] = map[string]any{
			"required_approving_review_count": r.Approvals, "dismiss_stale_reviews_on_push": r.DismissesStale,
			"require_code_owner_review": false, "require_last_push_approval": false, "required_review_thread_resolution": false,
		}
	case "required_status_checks":
		body["parameters"] = map[string]any{
			"required_status_checks": r.Checks, "strict_required_status_checks_policy": false, "do_not_enforce_on_create": true,
		}
	}
	return json.Marshal(body)
}

// MarshalJSON returns the check as a rule has it.
func (c RequiredCheck) MarshalJSON() ([]byte, error) {
	body := map[string]any{"context": c.Name}
	if c.App != 0 {
		body["integration_id"] = c.App
	}
	return json.Marshal(body)
}
