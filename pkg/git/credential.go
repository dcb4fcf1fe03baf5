package git

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// PersistedCredential returns the Authorization header that Git's configuration
// holds for a URL, as actions/checkout leaves it behind (in the repository's
// configuration, or in a file that is included from there). It returns
// [ErrNoCredential] when there is none.
func (c *Checkout) PersistedCredential(ctx context.Context, repository string) (Auth, error) {
	target, err := remoteURL(repository)
	if err != nil {
		return Auth{}, err
	}
	out, err := c.git.output(ctx, run{args: []string{"config", "--get-urlmatch", "http.extraheader", target.String()}})
	if err != nil {
		if exitCode(err) == 1 { // no such key
			return Auth{}, ErrNoCredential
		}
		return Auth{}, fmt.Errorf("reading http.extraheader: %w", err)
	}
	key, value, _ := strings.Cut(strings.TrimSpace(string(out)), ":")
	auth := Auth{Header: strings.TrimSpace(value)}
	if !strings.EqualFold(strings.TrimSpace(key), "Authorization") || auth.Header == "" {
		return Auth{}, ErrNoCredential
	}
	if _, err := auth.header(); err != nil {
		return Auth{}, fmt.Errorf("reading http.extraheader: %w", err)
	}
	return auth, nil
}

// HelperCredential asks the user's Git credential helpers for a URL. They are
// programs, run with the user's environment; none of them gets a terminal to ask
// at. It returns [ErrNoCredential] when none of them knows.
func (c *Checkout) HelperCredential(ctx context.Context, repository string) (Auth, error) {
	target, err := remoteURL(repository)
	if err != nil {
		return Auth{}, err
	}
	out, err := c.git.output(ctx, run{
		args:   []string{"credential", "fill"},
		stdin:  strings.NewReader(credentialRequest(target)),
		tokens: true,
	})
	if ctx.Err() != nil {
		return Auth{}, context.Cause(ctx)
	}
	if err != nil { // what was said stays unsaid: it may hold a secret
		return Auth{}, ErrNoCredential
	}
	var auth Auth
	for line := range strings.SplitSeq(string(out), "\n") {
		switch key, value, _ := strings.Cut(line, "="); key {
		case "username":
			auth.Username = value
		case "password":
			auth.Password = value
		}
	}
	if auth.Password == "" {
		return Auth{}, ErrNoCredential
	}
	return auth, nil
}

// credentialRequest is the input of git credential.
// https://git-scm.com/docs/git-credential#IOFMT
func credentialRequest(target *url.URL) string {
	return fmt.Sprintf("protocol=%s\nhost=%s\npath=%s\n\n", target.Scheme, target.Host, strings.TrimPrefix(target.Path, "/"))
}
