package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/git"
)

// identify finds the identity that a location is visited with: a GitHub App's, else
// a token, else what Git would use.
func (a *app) identify(ctx context.Context, l *location, checkout *git.Checkout) error {
	var err error
	if l.app, err = a.githubApp(l.owner, l.name); err != nil || l.app != nil {
		return err
	}
	l.auth, err = a.gitAuth(ctx, l.cloneURL(), checkout)
	// What Git would use for this very server serves its API too, where it is a
	// token: actions/checkout leaves the job's one.
	l.token = l.auth.Token()
	return err
}

// githubApp is the GitHub App that the environment names, in a repository on the
// configured server; nil when it names none.
func (a *app) githubApp(owner, name string) (*github.App, error) {
	id, key, file := a.host.Getenv("PAWL_APP_ID"), a.host.Getenv("PAWL_APP_PRIVATE_KEY"), a.host.Getenv("PAWL_APP_PRIVATE_KEY_FILE")
	switch {
	case id == "" && key == "" && file == "":
		return nil, nil //nolint:nilnil // most runs have no App
	case id == "" || (key == "") == (file == ""):
		return nil, usagef("set PAWL_APP_ID, and PAWL_APP_PRIVATE_KEY or PAWL_APP_PRIVATE_KEY_FILE", "half of a GitHub App is configured, or two keys of it")
	case a.host.Getenv("PAWL_TOKEN_FILE") != "":
		return nil, usagef("unset one of them", "PAWL_APP_ID and PAWL_TOKEN_FILE are two identities")
	}
	slug := strings.ToLower(owner + "/" + name)
	if known := a.apps[slug]; known != nil {
		return known, nil
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, usagef("PAWL_APP_PRIVATE_KEY_FILE names the file with the App's private key", "reading the key: %v", err)
		}
		key = string(data)
	}
	made, err := github.NewApp(
		github.AppOptions{ID: strings.TrimSpace(id), Key: []byte(key), Now: a.host.Now, Minted: a.runner().Mask},
		github.Options{APIURL: a.api(a.server()), Owner: owner, Name: name, UserAgent: userAgent(), Trace: a.trace, Sleep: a.host.Sleep},
	)
	if err != nil {
		return nil, &usageError{err, "PAWL_APP_PRIVATE_KEY holds the key itself, PAWL_APP_PRIVATE_KEY_FILE the name of its file"}
	}
	if a.apps == nil {
		a.apps = map[string]*github.App{}
	}
	a.apps[slug] = made
	return made, nil
}

// appAuth is an App's token, for Git.
func appAuth(ctx context.Context, app *github.App) (git.Auth, error) {
	token, err := app.Token(ctx)
	if err != nil {
		return git.Auth{}, err
	}
	return git.TokenAuth(token), nil
}

// gitAuth finds the one credential that pawl shows to a Git server over HTTPS. The
// service's token, or its App's, goes to the service's own origin only. Elsewhere, and without a
// token, it is what Git itself would use in the checkout, or in the working
// directory when that is nil: the header that actions/checkout left behind, a
// credential helper, ~/.netrc. The zero value is anonymous: a public repository
// can be read so, and a server on SSH knows its users in another way.
func (a *app) gitAuth(ctx context.Context, remoteURL string, checkout *git.Checkout) (git.Auth, error) {
	target, err := url.Parse(remoteURL)
	if err != nil || !isHTTP(remoteURL) {
		return git.Auth{}, nil
	}
	if isAt(target, a.server()) {
		auth, err := a.serverAuth(ctx, remoteURL)
		if err != nil || auth != (git.Auth{}) {
			return auth, err
		}
	}
	return a.storedAuth(ctx, remoteURL, checkout)
}

// serverAuth is what pawl was given for the service; zero for nothing.
func (a *app) serverAuth(ctx context.Context, remoteURL string) (git.Auth, error) {
	server := a.server()
	if owner, name, err := originSlug(remoteURL, server); err == nil {
		app, err := a.githubApp(owner, name)
		if err != nil {
			return git.Auth{}, err
		}
		if app != nil {
			return appAuth(ctx, app)
		}
	}
	token, err := a.token(ctx, server)
	if err != nil || token == "" {
		return git.Auth{}, err
	}
	a.runner().Mask(token)
	return git.TokenAuth(token), nil
}

// storedAuth is the credential that Git would use.
func (a *app) storedAuth(ctx context.Context, remoteURL string, checkout *git.Checkout) (git.Auth, error) {
	for _, source := range []struct {
		name string
		find func() (git.Auth, error)
	}{
		{"http.extraheader", func() (git.Auth, error) { return git.PersistedCredential(ctx, a.workdir(), checkout, remoteURL) }},
		{"a credential helper", func() (git.Auth, error) { return git.HelperCredential(ctx, a.workdir(), checkout, remoteURL) }},
		{".netrc", func() (git.Auth, error) { return a.netrc(remoteURL) }},
	} {
		auth, err := source.find()
		if errors.Is(err, git.ErrNoCredential) {
			continue
		}
		if err != nil {
			return git.Auth{}, err
		}
		a.trace("the credential comes from %s", source.name)
		a.runner().Mask(auth.Password)
		a.runner().Mask(auth.Token())
		return auth, nil
	}
	return git.Auth{}, nil
}

// netrc looks into the user's .netrc. As for curl and Git, who else may read the
// file is the user's business.
func (a *app) netrc(remoteURL string) (git.Auth, error) {
	home, name := a.host.Getenv("HOME"), ".netrc"
	if runtime.GOOS == "windows" {
		home, name = a.host.Getenv("USERPROFILE"), "_netrc"
	}
	if home == "" {
		return git.Auth{}, git.ErrNoCredential
	}
	data, err := os.ReadFile(filepath.Join(home, name))
	if errors.Is(err, os.ErrNotExist) {
		return git.Auth{}, git.ErrNoCredential
	}
	if err != nil {
		return git.Auth{}, fmt.Errorf("reading the credential: %w", err)
	}
	return git.NetrcCredential(string(data), remoteURL)
}

// isHTTP says whether a URL is one of a server over HTTP, as opposed to SSH.
func isHTTP(address string) bool {
	target, err := url.Parse(address)
	return err == nil && (target.Scheme == "https" || target.Scheme == "http")
}

// isAt says whether a URL has the scheme, the host and the port of a server.
func isAt(target *url.URL, server string) bool {
	base, err := url.Parse(server)
	return err == nil && target.Scheme == base.Scheme &&
		strings.EqualFold(target.Hostname(), base.Hostname()) && portOf(target) == portOf(base)
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}
