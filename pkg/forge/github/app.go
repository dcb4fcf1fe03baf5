package github

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

// AppOptions say which GitHub App to act as.
type AppOptions struct {
	// ID is the App's ID or its client ID.
	ID string
	// Key is the App's private key in PEM, as GitHub hands it out (PKCS #1) or as
	// PKCS #8. Line breaks may be written as \n, as some stores of secrets do.
	Key []byte
	// Now is the machine's clock; it must not be nil. When GitHub's differs, GitHub's
	// counts.
	Now func() time.Time
	// Minted is told each token before it is used, so that it can be masked. It can
	// be nil.
	Minted func(token string)
}

// App is a GitHub App that acts in one repository, through its installation there.
// Its tokens reach that repository only, and carry no more permissions than pawl
// has a use for. They are kept in memory, replaced before they expire, and once
// when GitHub refuses one. An App is safe for concurrent use.
type App struct {
	id     string
	key    *rsa.PrivateKey
	now    func() time.Time
	minted func(string)
	client *Client // shows the App's own assertion, which is good for nothing but getting tokens

	mu      sync.Mutex
	skew    time.Duration // how far GitHub's clock is ahead of ours
	token   string
	expires time.Time // on GitHub's clock
	granted map[string]string
}

// NewApp prepares an App for the repository in opts, whose Token and App are
// ignored. It makes no request.
func NewApp(app AppOptions, opts Options) (*App, error) {
	key, err := parseKey(app.Key)
	if err != nil {
		return nil, err
	}
	if !appID.MatchString(app.ID) {
		return nil, fmt.Errorf("%q is not the ID of a GitHub App: it is a number, or a client ID", app.ID)
	}
	a := &App{id: app.ID, key: key, now: app.Now, minted: app.Minted}
	if a.now == nil {
		return nil, errors.New("a GitHub App needs a clock")
	}
	if a.minted == nil {
		a.minted = func(string) {}
	}
	a.client, err = newClient(opts, func(_ context.Context, refused string) (string, error) {
		if refused != "" { // another one would say the same
			return refused, nil
		}
		return a.assertion()
	})
	return a, err
}

var appID = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// parseKey reads an RSA key. Its errors say what is there instead, and nothing of
// what it holds.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	if !strings.Contains(strings.TrimSpace(string(text)), "\n") {
		text = []byte(strings.ReplaceAll(string(text), `\n`, "\n"))
	}
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("the private key of the GitHub App is not PEM: it begins with -----BEGIN RSA PRIVATE KEY----- and has several lines")
	case block.Type == "RSA PRIVATE KEY" && block.Headers["Proc-Type"] == "":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the private key of the GitHub App is damaged")
		}
		return key, nil
	case block.Type == "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the private key of the GitHub App is damaged")
		}
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key, nil
		}
		return nil, errors.New("the private key of the GitHub App is no RSA key")
	}
	return nil, fmt.Errorf("the private key of the GitHub App is a %q: it must be an RSA PRIVATE KEY without a passphrase, as GitHub hands it out", clip(block.Type))
}

const (
	// Leeway for a clock that is not quite right, and the longest life that GitHub
	// allows for an assertion, less that.
	// https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
	assertedBefore = time.Minute
	assertedFor    = 9 * time.Minute
	// renewedBefore is how much of its hour a token must have left.
	renewedBefore = 5 * time.Minute
)

// assertion is the JSON Web Token by which the App shows who it is.
func (a *App) assertion() (string, error) {
	now := a.now().Add(a.skew)
	claims, err := json.Marshal(map[string]any{
		"iat": now.Add(-assertedBefore).Unix(), "exp": now.Add(assertedFor).Unix(), "iss": a.id,
	})
	if err != nil {
		return "", fmt.Errorf("making the App's assertion: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("making the App's assertion: %w", err)
	}
	return text + "." + encode(signature), nil
}

// Token returns a token for Git and for the API, which is valid for five more
// minutes at least.
func (a *App) Token(ctx context.Context) (string, error) { return a.tokenOtherThan(ctx, "") }

// tokenOtherThan is Token, for a caller whom GitHub refused one.
func (a *App) tokenOtherThan(ctx context.Context, refused string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && a.token != refused && a.now().Add(a.skew).Before(a.expires.Add(-renewedBefore)) {
		return a.token, nil
	}
	if _, begun := ctx.Value(allowanceKey{}).(*allowance); !begun {
		ctx = a.client.begin(ctx)
	}
	token, err := a.mint(ctx)
	if err != nil {
		op := operation{doing: "getting a token of GitHub App " + a.id + " for the contents"}
		return "", a.client.explain(ctx, op, err)
	}
	a.client.secrets.add(token.GetToken())
	a.token, a.expires = token.GetToken(), token.GetExpiresAt().Time
	a.minted(a.token)
	return a.token, nil
}

func (a *App) mint(ctx context.Context) (*gh.InstallationToken, error) {
	installation, err := a.installation(ctx)
	if err != nil {
		return nil, err
	}
	if err := require("installation", field{"id", installation.GetID() > 0}); err != nil {
		return nil, err
	}
	if installation.SuspendedAt != nil {
		return nil, a.suspended()
	}
	a.granted = grants(installation.GetPermissions())
	var token *gh.InstallationToken
	// A token that was made and never arrived does no harm: its effect is never
	// there, so the request is sent once more.
	err = a.client.mutate(ctx, mutation{
		send: func(ctx context.Context) (err error) {
			token, _, err = a.client.api.Apps.CreateInstallationToken(ctx, installation.GetID(), &gh.InstallationTokenOptions{
				Repositories: []string{a.client.name}, Permissions: permissionsFor(installation.GetPermissions()),
			})
			return err
		},
		there: func(context.Context) (bool, error) { return false, nil },
	})
	if status(err) == http.StatusForbidden && strings.Contains(err.Error(), "suspended") {
		return nil, a.suspended()
	}
	if err != nil {
		return nil, err
	}
	return token, require("token", field{"token", isToken(token.GetToken())}, field{"expires_at", !token.GetExpiresAt().IsZero()})
}

func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// installation finds where the App is installed. An assertion that GitHub refuses
// may be one that our clock dated wrongly: it is made once more by GitHub's.
func (a *App) installation(ctx context.Context) (*gh.Installation, error) {
	installation, err := a.findInstallation(ctx)
	now := a.client.Now()
	if !now.IsZero() {
		a.skew = now.Sub(a.now())
	}
	if status(err) == http.StatusUnauthorized && a.skew.Abs() >= assertedBefore/2 {
		installation, err = a.findInstallation(ctx)
	}
	switch {
	case status(err) == http.StatusUnauthorized && strings.Contains(err.Error(), "claim"):
		return nil, &appError{
			text: "GitHub says that the App's assertion is out of time: " + words(err),
			hint: "set this machine's clock: GitHub's is " + a.skew.Round(time.Second).String() + " ahead of it",
		}
	case status(err) == http.StatusUnauthorized:
		return nil, &appError{
			text: "GitHub does not accept the key of the App: " + words(err),
			hint: "check that the App's ID is " + a.id + ", and that this key of it is still in its settings",
		}
	case status(err) == http.StatusNotFound:
		return nil, &appError{
			text: "the App is not installed there, or there is no such repository",
			hint: "install the App on " + a.client.owner + "/" + a.client.name + ": Settings of the App, Install App",
		}
	}
	return installation, err
}

func (a *App) findInstallation(ctx context.Context) (*gh.Installation, error) {
	installation, _, err := a.client.api.Apps.FindRepositoryInstallation(ctx, a.client.owner, a.client.name)
	return installation, err
}

func (a *App) suspended() error {
	return &appError{
		text: "the installation of the App is suspended",
		hint: "an owner of " + a.client.owner + " can unsuspend it: Settings, GitHub Apps, Configure",
	}
}

// permissions are those that the installation was granted, once there is a token.
func (a *App) permissions() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.granted
}

// grants are the granted permissions that pawl has a use for, by their names.
func grants(p *gh.InstallationPermissions) map[string]string {
	if p == nil {
		return nil
	}
	granted := map[string]string{}
	for name, level := range map[string]string{
		"contents": p.GetContents(), "pull_requests": p.GetPullRequests(), "statuses": p.GetStatuses(),
		"checks": p.GetChecks(), "workflows": p.GetWorkflows(),
	} {
		if level != "" {
			granted[name] = level
		}
	}
	return granted
}

// permissionsFor are those that pawl has a use for, each as far as the installation
// was granted it: to ask for more is an error.
func permissionsFor(granted *gh.InstallationPermissions) *gh.InstallationPermissions {
	if granted == nil {
		return nil
	}
	read := func(has *string) *string {
		if has == nil {
			return nil
		}
		return gh.String("read")
	}
	return &gh.InstallationPermissions{
		Metadata:     read(granted.Metadata),
		Contents:     granted.Contents,     // branches, commits
		PullRequests: granted.PullRequests, // and their comments and labels
		Statuses:     granted.Statuses,
		Checks:       read(granted.Checks),
		Workflows:    granted.Workflows,     // commits that touch .github/workflows
		Members:      read(granted.Members), // teams, to request reviews from
	}
}

// appError is what keeps an App from getting a token, and what a person does
// about it.
type appError struct{ text, hint string }

func (e *appError) Error() string { return e.text }
func (e *appError) Unwrap() error { return forge.ErrAccess }

// Hint says what to do.
func (e *appError) Hint() string { return e.hint }
