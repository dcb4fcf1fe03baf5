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

	"github.com/getpawl/pawl/pkg/git"
)

// gitAuth finds the one credential that pawl shows to a Git server over HTTPS. The
// service's token goes to the service's own origin only. Elsewhere, and without a
// token, it is what Git itself would use in the checkout, or in the working
// directory when that is nil: the header that actions/checkout left behind, a
// credential helper, ~/.netrc. The zero value is anonymous: a public repository
// can be read so, and a server on SSH knows its users in another way.
func (a *app) gitAuth(ctx context.Context, remoteURL string, checkout *git.Checkout) (git.Auth, error) {
	target, err := url.Parse(remoteURL)
	if err != nil || target.Scheme != "https" && target.Scheme != "http" {
		return git.Auth{}, nil
	}
	if server := a.server(); isAt(target, server) {
		token, err := a.token(ctx, server)
		if err != nil {
			return git.Auth{}, err
		}
		if token != "" {
			a.runner().Mask(token)
			return git.TokenAuth(token), nil
		}
	}
	return a.storedAuth(ctx, remoteURL, checkout)
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
