package git

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// PersistedCredential returns the Authorization header that Git's configuration
// holds for a URL, as actions/checkout leaves it behind (in the repository's
// configuration, or in a file that is included from there). The configuration is
// that of the checkout, or of the folder when the checkout is nil. It returns
// [ErrNoCredential] when there is none.
func PersistedCredential(ctx context.Context, dir string, checkout *Checkout, repository string) (Auth, error) {
	git, target, err := credentialProgram(dir, checkout, repository)
	if err != nil {
		return Auth{}, err
	}
	out, err := git.output(ctx, run{args: []string{"config", "--get-urlmatch", "http.extraheader", target.String()}})
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

// HelperCredential asks the user's Git credential helpers for a URL: those that
// are configured in the checkout, or for the folder when the checkout is nil.
// They are programs, run with the user's environment; none of them gets a
// terminal to ask at. It returns [ErrNoCredential] when none of them knows.
func HelperCredential(ctx context.Context, dir string, checkout *Checkout, repository string) (Auth, error) {
	git, target, err := credentialProgram(dir, checkout, repository)
	if err != nil {
		return Auth{}, err
	}
	out, err := git.output(ctx, run{
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

// credentialProgram is the git to ask about a URL. Without one there are no
// credentials of Git's.
func credentialProgram(dir string, checkout *Checkout, repository string) (program, *url.URL, error) {
	target, err := remoteURL(repository)
	if err != nil {
		return program{}, nil, err
	}
	if checkout != nil {
		return checkout.git, target, nil
	}
	git, err := findProgram(dir)
	if errors.Is(err, ErrNoGit) {
		err = ErrNoCredential
	}
	return git, target, err
}

// credentialRequest is the input of git credential.
// https://git-scm.com/docs/git-credential#IOFMT
func credentialRequest(target *url.URL) string {
	return fmt.Sprintf("protocol=%s\nhost=%s\npath=%s\n\n", target.Scheme, target.Host, strings.TrimPrefix(target.Path, "/"))
}
