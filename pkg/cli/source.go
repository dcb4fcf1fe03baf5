package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// location is where the config repository is.
type location struct {
	server   string // https://github.com
	api      string // https://api.github.com
	owner    string
	name     string
	app      *github.App   // acts, when it is not nil; there is no token then
	token    string        // for the API; empty: only what is public can be read
	auth     git.Auth      // for Git
	checkout *git.Checkout // nil outside a checkout
	config   *config.Config
}

// anonymous says that nobody can write.
func (l location) anonymous() bool { return l.app == nil && l.auth == (git.Auth{}) }

// canCallAPI says that there is an identity for the API, too.
func (l location) canCallAPI() bool { return l.app != nil || l.token != "" }

func (l location) slug() string     { return l.owner + "/" + l.name }
func (l location) cloneURL() string { return fmt.Sprintf("%s/%s/%s.git", l.server, l.owner, l.name) }

// repoFlag adds --repo.
func repoFlag(cmd *cobra.Command, repo *string) {
	cmd.Flags().StringVarP(repo, "repo", "R", "", "the config repository, as `OWNER/NAME` (default: $PAWL_REPO, the checkout's origin, $GITHUB_REPOSITORY)")
}

// locate finds the repository, the service and the token. The service's host is
// taken from the environment only: what a checkout says never decides where the
// token goes.
func (a *app) locate(ctx context.Context, repo string) (location, error) {
	repo = cmp.Or(repo, a.host.Getenv("PAWL_REPO"))
	l := location{server: a.server()}
	l.api = a.api(l.server)
	checkout, err := a.checkoutBeside(ctx, repo)
	if err != nil {
		return l, err
	}
	if l.owner, l.name, err = a.repository(ctx, repo, l.server, checkout); err != nil {
		return l, err
	}
	if err := a.identify(ctx, &l, checkout); err != nil {
		return l, err
	}
	if repo != "" && !a.isCheckoutOf(ctx, checkout, l) {
		return l, nil
	}
	l.checkout = checkout
	l.config, err = a.localConfig(checkout)
	return l, err
}

// isCheckoutOf says whether the checkout at hand is one of the repository: what
// another one says is none of its business.
func (a *app) isCheckoutOf(ctx context.Context, checkout *git.Checkout, l location) bool {
	if checkout == nil {
		return false
	}
	remote, err := checkout.RemoteURL(ctx, "origin")
	if err != nil {
		return false
	}
	owner, name, err := originSlug(remote, l.server)
	return err == nil && strings.EqualFold(owner+"/"+name, l.slug())
}

// checkout opens the working copy around the working directory; nil when there
// is none.
func (a *app) checkout(ctx context.Context) (*git.Checkout, error) {
	checkout, err := git.OpenCheckout(ctx, a.workdir())
	switch {
	case errors.Is(err, git.ErrNoCheckout):
		return nil, nil //nolint:nilnil // being outside a checkout is a fact, not an error
	case errors.Is(err, git.ErrNoGit):
		a.unseen = err
		a.say("this checkout is not looked at: git is not installed")
		return nil, nil //nolint:nilnil // as above
	case errors.Is(err, git.ErrOldGit):
		a.unseen = err
		a.say("this checkout is not looked at: %v", err)
		return nil, nil //nolint:nilnil // as above
	}
	return checkout, err
}

// checkoutBeside is checkout for a command that was told which repository it is about:
// the checkout may be another one's, and then what is wrong with it does not matter.
func (a *app) checkoutBeside(ctx context.Context, repo string) (*git.Checkout, error) {
	checkout, err := a.checkout(ctx)
	if err == nil || repo == "" || ctx.Err() != nil {
		return checkout, err
	}
	a.say("this checkout is not looked at: %s", output.Clean(err.Error()))
	return nil, nil //nolint:nilnil // as if there was none
}

// server is the web address of the service.
// https://docs.github.com/actions/reference/workflows-and-actions/variables
// https://cli.github.com/manual/gh_help_environment
func (a *app) server() string {
	if server := a.host.Getenv("GITHUB_SERVER_URL"); server != "" {
		return strings.TrimRight(server, "/")
	}
	if host := a.host.Getenv("GH_HOST"); host != "" {
		return "https://" + host
	}
	return "https://github.com"
}

// api is the address of the service's API.
// https://docs.github.com/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api
func (a *app) api(server string) string {
	if api := a.host.Getenv("GITHUB_API_URL"); api != "" {
		return strings.TrimRight(api, "/")
	}
	host := strings.TrimPrefix(server, "https://")
	switch {
	case host == "github.com":
		return "https://api.github.com"
	case strings.HasSuffix(host, ".ghe.com"):
		return "https://api." + host
	}
	return server + "/api/v3"
}

// repository says which repository is meant.
func (a *app) repository(ctx context.Context, flag, server string, checkout *git.Checkout) (owner, name string, err error) {
	if flag != "" {
		return splitSlug(flag)
	}
	if checkout != nil {
		remote, err := checkout.RemoteURL(ctx, "origin")
		if err == nil {
			return originSlug(remote, server)
		}
	}
	if slug := a.host.Getenv("GITHUB_REPOSITORY"); slug != "" {
		return splitSlug(slug)
	}
	return "", "", usagef("name it with --repo OWNER/NAME, or run pawl in a checkout of it", "which config repository is meant?")
}

func splitSlug(slug string) (owner, name string, err error) {
	owner, name, ok := strings.Cut(slug, "/")
	if !ok || owner == "" || name == "" || strings.ContainsAny(slug, " \t\\?#%:@") || strings.Contains(name, "/") {
		return "", "", usagef("write it as OWNER/NAME", "%q is not a repository", slug)
	}
	return owner, name, nil
}

// originSlug reads the repository out of a remote's URL, which must be on the
// service that pawl talks to.
func originSlug(remote, server string) (owner, name string, err error) {
	host, owner, name, err := git.ParseURL(remote)
	if err != nil {
		return "", "", usagef("name the repository with --repo OWNER/NAME", "reading the URL of origin: %v", err)
	}
	parsed, err := url.Parse(server)
	if err != nil {
		return "", "", usagef("", "reading GITHUB_SERVER_URL: %v", err)
	}
	if !strings.EqualFold(host, parsed.Host) && !strings.EqualFold(host, parsed.Hostname()) {
		return "", "", usagef("set GITHUB_SERVER_URL to the server of the config repository, or name the repository with --repo",
			"origin is on %q, but pawl talks to %q", host, parsed.Host)
	}
	return owner, name, nil
}

// token finds the credential: a file, the environment, or the gh command line
// tool. It is never taken from a flag, where other users of the machine see it.
func (a *app) token(ctx context.Context, server string) (string, error) {
	if file := a.host.Getenv("PAWL_TOKEN_FILE"); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", usagef("PAWL_TOKEN_FILE names a file that holds the token and nothing else", "reading the token: %v", err)
		}
		token := strings.TrimSpace(string(data))
		if token == "" {
			return "", usagef("PAWL_TOKEN_FILE names a file that holds the token and nothing else", "reading the token: %s is empty", file)
		}
		return token, nil
	}
	for _, variable := range a.tokenVariables(server) {
		if token := a.host.Getenv(variable); token != "" {
			return strings.TrimSpace(token), nil
		}
	}
	return a.ghToken(ctx, server), nil
}

// tokenVariables are the environment variables that may hold a token for the
// service. As for gh, a token for github.com does not go to another host, unless
// the environment is that of a job there, which names the host itself.
// https://cli.github.com/manual/gh_help_environment
func (a *app) tokenVariables(server string) []string {
	common := []string{"GH_TOKEN", "GITHUB_TOKEN"}
	if server == "https://github.com" || strings.HasSuffix(server, ".ghe.com") {
		return common
	}
	enterprise := []string{"GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}
	if a.host.Getenv("GITHUB_SERVER_URL") == "" {
		return enterprise
	}
	return append(enterprise, common...)
}

// ghToken asks the gh command line tool, where it is installed and logged in.
func (a *app) ghToken(ctx context.Context, server string) string {
	gh, err := exec.LookPath("gh")
	if err != nil {
		return ""
	}
	parsed, err := url.Parse(server)
	if err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, gh, "auth", "token", "--hostname", parsed.Host).Output()
	if err != nil {
		a.trace("gh auth token: %v", err)
		return ""
	}
	return strings.TrimSpace(string(out))
}

// errNoToken is what a command that writes says without a credential.
type errNoToken struct{}

func (errNoToken) Error() string { return "no token: nothing was changed" }
func (errNoToken) Unwrap() error { return forge.ErrAccess }
func (errNoToken) Hint() string {
	return "set GH_TOKEN or GITHUB_TOKEN to a token with contents: write and pull-requests: write, or PAWL_APP_ID and PAWL_APP_PRIVATE_KEY to a GitHub App's, or run: gh auth login"
}

// localConfig reads the configuration beside the checkout or the working
// directory; nil when there is none.
func (a *app) localConfig(checkout *git.Checkout) (*config.Config, error) {
	dir := a.workdir()
	if checkout != nil {
		dir = checkout.Root()
	}
	name := filepath.Join(dir, config.FileName)
	info, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // having no configuration is the common case
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	// What is checked out can be a link to anywhere.
	if !info.Mode().IsRegular() {
		return nil, usagef("put the file itself there", "reading the configuration: %s is not a regular file", config.FileName)
	}
	data, err := readSome(name)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return config.Parse(config.FileName, data)
}

// maxInput bounds what is read of a configuration, or of a list: their parsers have
// lower bounds of their own, and say so.
const maxInput = 1 << 20

// readSome reads a file as far as that.
func readSome(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxInput))
	return data, errors.Join(err, file.Close())
}

// source connects to the repository. Commands that write need a token.
func (a *app) source(ctx context.Context, repo string, writes bool) (promotion.Source, error) {
	return a.pollingSource(ctx, repo, writes, false)
}

// pollingSource is source for a command that may ask the same again and again.
func (a *app) pollingSource(ctx context.Context, repo string, writes, polls bool) (promotion.Source, error) {
	l, err := a.locate(ctx, repo)
	if err != nil {
		return promotion.Source{}, err
	}
	if writes && !l.canCallAPI() {
		return promotion.Source{}, errNoToken{}
	}
	source, _, err := a.connect(l, polls)
	return source, err
}

// look runs a command that reads a repository and changes nothing: it connects, has
// read look within the time that there is, and prints what that found.
func look[O any, R output.Result](ctx context.Context, a *app, repo string,
	read func(context.Context, promotion.Source, O) (R, error), options O,
) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, repo, false)
	if err != nil {
		return err
	}
	defer a.showProgress(&source)()
	report, err := read(ctx, source, options)
	if err != nil {
		return err
	}
	return a.print(report)
}

// connect makes the connections to a location.
func (a *app) connect(l location, polls bool) (promotion.Source, *github.Client, error) {
	client, err := a.client(l, polls)
	if err != nil {
		return promotion.Source{}, nil, err
	}
	remote, err := a.remote(l)
	if err != nil {
		return promotion.Source{}, nil, err
	}
	source := promotion.Source{Name: l.slug(), Forge: client, Git: remote, Config: l.config, Sleep: a.host.Sleep, Progress: a.say}
	return source, client, nil
}

// client is the repository over the service's API. One that polls asks whether its
// earlier answers still hold.
func (a *app) client(l location, polls bool) (*github.Client, error) {
	a.trace("repository %s at %s", l.slug(), l.api)
	client, err := github.New(github.Options{
		APIURL: l.api, Owner: l.owner, Name: l.name, Token: l.token, App: l.app,
		UserAgent: userAgent(), Trace: a.trace, Sleep: a.host.Sleep, Revalidate: polls,
	})
	if err != nil {
		return nil, &usageError{err, ""}
	}
	return client, nil
}

// remote is the repository over the Git protocol.
func (a *app) remote(l location) (*git.Remote, error) {
	options := git.Options{URL: l.cloneURL(), Auth: l.auth, UserAgent: userAgent(), Trace: a.trace, Sleep: a.host.Sleep}
	if l.app != nil {
		options.Credential = func(ctx context.Context) (git.Auth, error) { return appAuth(ctx, l.app) }
	}
	remote, err := git.NewRemote(options)
	if err != nil {
		return nil, &usageError{err, ""}
	}
	return remote, nil
}

func userAgent() string { return "pawl/" + thisBuild().Version }

// sleep waits, or less long when the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
