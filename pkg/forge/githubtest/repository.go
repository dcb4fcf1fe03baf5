package githubtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// RepositoryOptions say how a repository starts.
type RepositoryOptions struct {
	// DefaultBranch is main when empty. It is there after the first commit on it.
	DefaultBranch string
	// Creator is the login of the user who made the repository, has the role Admin
	// in it, and does what the Go methods do unless As says otherwise. It is
	// octocat when empty, and made when missing.
	Creator string
	// Public lets everybody read, without a token too.
	Public bool
	// NoRules makes it one whose plan has neither rulesets nor branch protections: a
	// private repository on the free plan.
	NoRules bool
	// Settings are the repository's merge settings; DefaultSettings when nil.
	Settings *Settings
}

// Settings are a repository's settings, as under General in the web interface.
type Settings struct {
	AllowMergeCommit    bool
	AllowSquashMerge    bool
	AllowRebaseMerge    bool
	DeleteBranchOnMerge bool
	// ActionsMayCreatePullRequests is "Allow GitHub Actions to create and approve
	// pull requests", off by default.
	ActionsMayCreatePullRequests bool
	// ActionsMayWrite is "Read and write permissions" for the token of workflows, off
	// by default.
	ActionsMayWrite bool
}

// DefaultSettings are those of a new repository on github.com: all three merge
// buttons, and head branches stay.
func DefaultSettings() Settings {
	return Settings{AllowMergeCommit: true, AllowSquashMerge: true, AllowRebaseMerge: true}
}

// network is what a repository shares with its forks: one object database, as
// on GitHub, and here one lock, too.
type network struct {
	mu    sync.Mutex
	store *store
}

// repository is the state of a repository. The network's lock guards it.
type repository struct {
	server  *Server
	network *network
	id      int64
	dir     string // the bare repository
	onDisk  bool   // the bare repository was made
	watched bool   // someone looks at dir: changes go there at once
	creator *account
	created time.Time

	owner         *account
	name          string
	defaultBranch string
	public        bool
	noRules       bool
	parent        *repository
	forks         []*repository
	settings      Settings
	roles         map[string]Permission // by lower-case login
	pushed        time.Time

	pulls    []*pull // by number, ascending
	lastPull int
	heads    map[string]string // all refs by full name
	stale    map[string]bool   // refs that are not on disk as they are in heads
	labels   []*label
	statuses map[string][]*status // by SHA, oldest first
	checks   []*checkRun
	activity []*activity // oldest first
	rulesets []*ruleset
	diffs    map[[2]string][]fileChange // by base and head tree
}

// Repository is a handle on a repository for tests and demos: its methods do what
// people and other programs do, as one user. The user is the repository's
// creator, or whom As named.
type Repository struct {
	repo  *repository
	actor *account
}

func (r *repository) fullName() string { return r.owner.login + "/" + r.name }

func (r *repository) store() *store { return r.network.store }

// visible is sees for a caller who does not hold the lock.
func (r *repository) visible(c caller) bool {
	r.network.mu.Lock()
	defer r.network.mu.Unlock()
	return r.sees(c)
}

// createRepository makes a repository. Its bare repository is written when git is
// to see it.
func (s *Server) createRepository(ctx context.Context, owner, name string, opts RepositoryOptions, parent *repository) (*Repository, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("creating repository %s/%s: %w", owner, name, err)
	}
	r := s.newRepository(owner, name, opts)
	if parent == nil {
		r.network = &network{store: newStore(s.git, filepath.Join(r.dir, "objects"))}
	} else {
		r.network, r.parent, r.public = parent.network, parent, parent.public
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(r.fullName())
	if s.repos[key] != nil {
		return nil, fmt.Errorf("creating repository %s/%s: %w", owner, name, errors.New("it exists already"))
	}
	s.repos[key] = r
	s.byID[r.id] = r
	return &Repository{repo: r, actor: r.creator}, nil
}

func (s *Server) newRepository(owner, name string, opts RepositoryOptions) *repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	creator := opts.Creator
	if creator == "" {
		creator = "octocat"
	}
	settings := DefaultSettings()
	if opts.Settings != nil {
		settings = *opts.Settings
	}
	r := &repository{
		server: s, id: s.idLocked(), created: s.clock.now(), name: name,
		owner: s.accountLocked(owner, "Organization"), creator: s.accountLocked(creator, "User"),
		defaultBranch: opts.DefaultBranch, public: opts.Public, noRules: opts.NoRules, settings: settings,
		heads: map[string]string{}, stale: map[string]bool{},
		statuses: map[string][]*status{}, diffs: map[[2]string][]fileChange{},
	}
	r.roles = map[string]Permission{strings.ToLower(creator): Admin}
	r.pushed = r.created
	if r.defaultBranch == "" {
		r.defaultBranch = "main"
	}
	r.dir = filepath.Join(s.dir, strconv.FormatInt(r.id, 10)+".git")
	return r
}

// bareConfig is what GitHub's servers can be seen to allow: any SHA that is in
// the repository may be asked for, partial clones by blob:none, blob:limit and
// tree:0, objects are checked, refs/pull belongs to the server. The rest keeps
// git fast and quiet here: pushes stay loose objects, nothing is synced or
// packed behind our back, no hooks.
const bareConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	fsync = none
	hooksPath = /dev/null
	logAllRefUpdates = false
[http]
	receivepack = true
	uploadpack = true
[gc]
	auto = 0
[receive]
	fsckObjects = true
	unpackLimit = 1000000
	autogc = false
	updateServerInfo = false
	hideRefs = refs/pull
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[uploadpackfilter]
	allow = false
[uploadpackfilter "blob:none"]
	allow = true
[uploadpackfilter "blob:limit"]
	allow = true
[uploadpackfilter "tree"]
	allow = true
	maxDepth = 0
[transfer]
	advertiseSID = false
`

// initBare lays out a bare repository [gitrepository-layout(5)], in a tenth of the
// time that git init takes. A fork's object database is its parent's.
func initBare(dir, branch string, parent *repository) error {
	if err := os.MkdirAll(filepath.Join(dir, "refs"), 0o755); err != nil {
		return err
	}
	objects := filepath.Join(dir, "objects")
	if parent != nil {
		if err := os.Symlink(parent.store().dir, objects); err != nil {
			return err
		}
	} else if err := os.Mkdir(objects, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(bareConfig), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/"+branch+"\n"), 0o644)
}

// flush brings the bare repository up to date. It comes before everything that
// lets git look at it: most requests of a test never do, and cost no file.
func (r *repository) flush(ctx context.Context) error {
	if r.parent != nil {
		if err := r.parent.flush(ctx); err != nil {
			return err
		}
	}
	if !r.onDisk {
		if err := initBare(r.dir, r.defaultBranch, r.parent); err != nil {
			return fmt.Errorf("making the bare repository of %s: %w", r.fullName(), err)
		}
		r.onDisk = true
	}
	if r.parent == nil {
		if err := r.store().flush(); err != nil {
			return err
		}
	}
	return r.flushRefs(ctx)
}

func repositoryRoutes() []route {
	return []route{
		{"GET", "", reads("metadata"), getRepository},
		{"GET", "/branches", reads("contents"), listBranches},
		{"GET", "/branches/{branch...}/protection", access{"administration", "read", Admin}, ofPlan(getProtection)},
		{"GET", "/branches/{branch...}", reads("contents"), getBranch},
		{"GET", "/collaborators/{username}/permission", reads("metadata"), getCollaboratorPermission},
	}
}

// getRepository is GET /repos/{owner}/{repo} [schema full-repository].
func getRepository(_ context.Context, q *request) (*response, error) {
	return ok(q.repo.full(q.caller)), nil
}

// full is the schema full-repository. The merge settings show to those who can
// push only [docs: rest/repos/repos, get a repository].
func (r *repository) full(c caller) object {
	body := r.json(c)
	body["has_discussions"] = false
	body["network_count"], body["subscribers_count"] = len(r.forks), 1
	if r.owner.kind == "Organization" {
		body["organization"] = r.server.simpleUser(r.owner)
	}
	if r.parent != nil {
		body["parent"], body["source"] = r.parent.json(c), r.parent.json(c)
	}
	if r.canPush(c) {
		body["allow_merge_commit"] = r.settings.AllowMergeCommit
		body["allow_squash_merge"] = r.settings.AllowSquashMerge
		body["allow_rebase_merge"] = r.settings.AllowRebaseMerge
		body["delete_branch_on_merge"] = r.settings.DeleteBranchOnMerge
		body["allow_auto_merge"], body["allow_update_branch"] = false, false
	}
	return body
}

// json is the schema repository.
func (r *repository) json(c caller) object {
	api, html := r.api(""), r.html("")
	body := object{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(),
		"owner": r.server.simpleUser(r.owner), "private": !r.public, "visibility": r.visibility(),
		"html_url": html, "url": api, "description": nil, "fork": r.parent != nil,
		"clone_url": r.cloneURL(), "svn_url": html, "mirror_url": nil, "homepage": nil,
		"git_url": "git://" + r.host() + "/" + r.fullName() + ".git",
		"ssh_url": "git@" + r.host() + ":" + r.fullName() + ".git",
		"license": nil, "language": nil, "default_branch": r.defaultBranch, "size": 1,
		"topics": []string{}, "is_template": false, "allow_forking": true,
		"web_commit_signoff_required": false, "archived": false, "disabled": false,
		"has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_downloads": true,
		"forks": len(r.forks), "forks_count": len(r.forks), "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
		"open_issues": r.openPulls(), "open_issues_count": r.openPulls(),
		"pushed_at": stamp(r.pushed), "created_at": stamp(r.created), "updated_at": stamp(r.pushed),
		"permissions": r.permissions(c),
	}
	r.addresses(body)
	return body
}

// addresses adds the URLs that are built from the repository's own.
func (r *repository) addresses(body object) {
	for name, suffix := range map[string]string{
		"archive": "/{archive_format}{/ref}", "assignees": "/assignees{/user}", "blobs": "/git/blobs{/sha}",
		"branches": "/branches{/branch}", "collaborators": "/collaborators{/collaborator}",
		"comments": "/comments{/number}", "commits": "/commits{/sha}", "compare": "/compare/{base}...{head}",
		"contents": "/contents/{+path}", "contributors": "/contributors", "deployments": "/deployments",
		"downloads": "/downloads", "events": "/events", "forks": "/forks", "git_commits": "/git/commits{/sha}",
		"git_refs": "/git/refs{/sha}", "git_tags": "/git/tags{/sha}", "hooks": "/hooks",
		"issue_comment": "/issues/comments{/number}", "issue_events": "/issues/events{/number}",
		"issues": "/issues{/number}", "keys": "/keys{/key_id}", "labels": "/labels{/name}",
		"languages": "/languages", "merges": "/merges", "milestones": "/milestones{/number}",
		"notifications": "/notifications{?since,all,participating}", "pulls": "/pulls{/number}",
		"releases": "/releases{/id}", "stargazers": "/stargazers", "statuses": "/statuses/{sha}",
		"subscribers": "/subscribers", "subscription": "/subscription", "tags": "/tags", "teams": "/teams",
		"trees": "/git/trees{/sha}",
	} {
		body[name+"_url"] = r.api(suffix)
	}
}

func (r *repository) visibility() string {
	if r.public {
		return "public"
	}
	return "private"
}

// permissions are the caller's, in the five old words.
func (r *repository) permissions(c caller) object {
	role := r.role(c.account)
	if c.isBot() && r.server.permissionsOf(c.account.app).allows("contents", "write") {
		role = Write
	}
	return rolePermissions(role)
}

func rolePermissions(role Permission) object {
	return object{
		"admin": role.atLeast(Admin), "maintain": role.atLeast(Maintain), "push": role.atLeast(Write),
		"triage": role.atLeast(Triage), "pull": role.atLeast(Read),
	}
}

// api, html and cloneURL are addresses below the repository.
func (r *repository) api(path string) string {
	return r.server.api("/repos/" + r.fullName() + path)
}

func (r *repository) html(path string) string { return r.server.url + "/" + r.fullName() + path }

func (r *repository) cloneURL() string { return r.html(".git") }

func (r *repository) host() string { return strings.TrimPrefix(r.server.url, "http://") }

func (r *repository) openPulls() int {
	open := 0
	for _, p := range r.pulls {
		if p.open() {
			open++
		}
	}
	return open
}

// getCollaboratorPermission is GET /repos/{owner}/{repo}/collaborators/{username}/permission.
// "permission" knows admin, write, read and none; "role_name" is the role itself
// [docs: rest/collaborators/collaborators, get repository permissions for a user].
func getCollaboratorPermission(_ context.Context, q *request) (*response, error) {
	r := q.repo
	if !q.caller.isBot() && !r.role(q.caller.account).atLeast(Write) {
		return nil, &Error{Status: 403, Message: "Must have push access to view collaborator permission."}
	}
	user := q.server.account(q.path["username"])
	if user == nil || user.kind == "Organization" {
		return nil, &Error{Status: 404, Message: q.path["username"] + " is not a user"}
	}
	role := r.role(user)
	body, _ := q.server.simpleUser(user).(object)
	body["role_name"], body["permissions"] = string(role), rolePermissions(role)
	return ok(object{"permission": legacy(role), "role_name": string(role), "user": body}), nil
}

// legacy maps a role to the older words: maintain is write, triage is read.
func legacy(role Permission) string {
	switch role {
	case Maintain:
		return string(Write)
	case Triage:
		return string(Read)
	}
	return string(role)
}

// rename gives the repository another name; the old one redirects from then on.
func (s *Server) rename(r *repository, name string) error {
	owner, short, ok := strings.Cut(name, "/")
	if !ok {
		return fmt.Errorf("renaming %s to %q: the name must be OWNER/NAME", r.fullName(), name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(name)
	if s.repos[key] != nil {
		return fmt.Errorf("renaming %s to %q: %w", r.fullName(), name, errors.New("it exists already"))
	}
	old := strings.ToLower(r.fullName())
	delete(s.repos, old)
	delete(s.moved, key)
	s.moved[old], s.repos[key] = r, r
	r.owner, r.name = s.accountLocked(owner, "Organization"), short
	return nil
}

// fork returns the fork of the repository that an account owns.
func (r *repository) forkOf(owner string) *repository {
	i := slices.IndexFunc(r.forks, func(f *repository) bool { return strings.EqualFold(f.owner.login, owner) })
	if i < 0 {
		return nil
	}
	return r.forks[i]
}
