// Package github implements [forge.Forge] over GitHub's REST and GraphQL APIs,
// on github.com and on GitHub Enterprise Server.
//
// What it guarantees:
//
//   - The token is sent to the API's own scheme, host and port and nowhere else,
//     over TLS unless the host is the loopback one. It is in no error and in no
//     trace, even when a server echoes it.
//   - A read is the whole answer: every page, every required field, a body that
//     arrived complete. Anything else is an error, never a zero value.
//   - A read is repeated after a network failure or a server error, within
//     bounds. A mutation is not: when its outcome is unknown, the effect is read
//     back first, and the mutation is sent once more only when it is not there.
//   - A mutation follows no redirect. A read follows redirects on the API's own
//     host only.
//   - Rate limits are waited for up to [Options.MaxWait] a call. Beyond that the
//     call returns [forge.ErrTransient] and says until when the limit holds.
//   - A branch is moved by fast-forward and by compare-and-swap. The type that
//     would say "force" is always sent as false.
//
// What it does not do: it decides nothing about promotions, it takes no
// answer for another moment's without asking the service (but for the repository's
// identity and which commits are known to exist), and
// it does not read the environment, except for proxies when the transport is
// its own.
package github

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/getpawl/pawl/pkg/forge"
)

const (
	defaultAPIURL    = "https://api.github.com/"
	defaultUserAgent = "pawl"
	defaultTimeout   = 30 * time.Second
	defaultMaxWait   = 60 * time.Second
)

// Options say which repository a [Client] talks to, and how.
type Options struct {
	// APIURL is the root of the REST API, as in GITHUB_API_URL:
	// https://api.github.com/ when empty, https://HOST/api/v3 for GitHub
	// Enterprise Server. It must be https unless the host is the loopback one.
	APIURL string
	// Owner and Name are those of the repository.
	Owner, Name string
	// Token authenticates. Without one, only what is public can be read.
	Token string
	// App authenticates instead of a token, when it is not nil.
	App *App
	// UserAgent is sent with each request; "pawl" when empty.
	UserAgent string

	// Transport sends the requests. When nil, the client makes its own, with
	// time limits and the proxy from the environment.
	Transport http.RoundTripper
	// Timeout bounds one attempt, from dialing to the last byte; 30 s when zero.
	Timeout time.Duration
	// MaxWait bounds how long one call of a method waits in all for rate limits
	// and between attempts: 60 s when zero, no waiting when negative.
	MaxWait time.Duration
	// Revalidate keeps the newest answers, and asks with conditional requests
	// whether they still hold. The service says so each time, which does not
	// count against the primary rate limit. It is for callers that poll.
	Revalidate bool
	// Sleep waits for d or until the context ends; a timer when nil.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random returns a number in [0, 1), for jitter; math/rand's when nil.
	Random func() float64
	// Trace is told about each request and each wait. It can be nil, and must be
	// safe for concurrent use when the client is used so.
	Trace func(format string, args ...any)
}

// Client is one repository on GitHub. It is safe for concurrent use.
type Client struct {
	api         *gh.Client
	endpoint    endpoint
	owner, name string
	pacer       *pacer
	clock       *clock
	secrets     *secrets
	known       *known
	kind        forge.TokenKind
	app         *App // whose tokens these are; nil without one
}

var _ forge.Forge = (*Client)(nil)

// New returns a client. It makes no request.
func New(opts Options) (*Client, error) {
	authorize, kind := func(context.Context, string) (string, error) { return opts.Token, nil }, tokenKind(opts.Token)
	if opts.App != nil {
		authorize, kind = opts.App.tokenOtherThan, forge.TokenInstallation
	}
	c, err := newClient(opts, authorize)
	if err == nil {
		c.app, c.kind = opts.App, kind
	}
	return c, err
}

// newClient returns a client that gets its tokens from authorize, which is told
// the token that GitHub refused, if there is one.
func newClient(opts Options, authorize func(ctx context.Context, refused string) (string, error)) (*Client, error) {
	place, err := parseEndpoint(opts.APIURL)
	if err != nil {
		return nil, err
	}
	if err := checkNames(opts.Owner, opts.Name); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(opts.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the token holds a space, a line break or another character that no token has")
	}
	c := &Client{
		endpoint: place,
		owner:    opts.Owner,
		name:     opts.Name,
		clock:    &clock{},
		secrets:  &secrets{},
		known:    &known{commits: map[string]bool{}},
	}
	c.pacer = newPacer(opts, c.secrets)
	c.api = gh.NewClient(&http.Client{
		Transport:     c.newTransport(opts, authorize),
		CheckRedirect: checkRedirect(place.api),
	})
	c.api.BaseURL = place.api
	c.api.UserAgent = opts.UserAgent
	if c.api.UserAgent == "" {
		c.api.UserAgent = defaultUserAgent
	}
	return c, nil
}

// Now is the time in the newest Date header that GitHub sent, or the zero time.
func (c *Client) Now() time.Time { return c.clock.now() }

// Repository describes the repository. A renamed repository answers under its
// old name, and shows its new one here.
func (c *Client) Repository(ctx context.Context) (forge.Repository, error) {
	op := operation{doing: "reading the metadata", needs: "metadata: read"}
	repository, err := c.repository(c.begin(ctx))
	return repository, c.explain(ctx, op, err)
}

func (c *Client) repository(ctx context.Context) (forge.Repository, error) {
	answer, _, err := c.api.Repositories.Get(ctx, c.owner, c.name)
	if status(err) == http.StatusNotFound {
		return forge.Repository{}, c.invisible()
	}
	if err != nil {
		return forge.Repository{}, err
	}
	repository := forge.Repository{
		ID:            answer.GetNodeID(),
		Name:          answer.GetFullName(),
		DefaultBranch: answer.GetDefaultBranch(),
		CloneURL:      answer.GetCloneURL(),
		WebURL:        answer.GetHTMLURL(),
	}
	if err := require("repository",
		field{"node_id", repository.ID != ""},
		field{"full_name", fullName.MatchString(repository.Name)},
		field{"default_branch", repository.DefaultBranch != ""},
		field{"html_url", repository.WebURL != ""},
	); err != nil {
		return forge.Repository{}, err
	}
	if err := c.endpoint.checkCloneURL(repository.CloneURL); err != nil {
		return forge.Repository{}, err
	}
	c.known.setRepository(repository.ID, repository.Name)
	return repository, nil
}

// repositoryID is the repository's GraphQL node id, read once.
func (c *Client) repositoryID(ctx context.Context) (string, error) {
	if id := c.known.repositoryID(); id != "" {
		return id, nil
	}
	repository, err := c.repository(ctx)
	if err != nil {
		return "", err
	}
	return repository.ID, nil
}

// proveVisible returns nil when this token can see the repository, so that a 404
// for something in it is an absence.
func (c *Client) proveVisible(ctx context.Context) error {
	if c.known.isVisible() {
		return nil
	}
	_, err := c.repository(ctx)
	return err
}

// invisible is the error for a repository that answers 404. GitHub hides with
// the same answer that it is private, so it is a matter of access.
func (c *Client) invisible() error {
	return fmt.Errorf("%w: %s has no such repository, or this token may not see it: check the name, and that the token is for it",
		forge.ErrAccess, c.endpoint.api.Host)
}

// path is the URL of something in the repository, relative to the API's root.
func (c *Client) path(segments ...string) string {
	path := "repos/" + c.owner + "/" + c.name
	for _, segment := range segments {
		path += "/" + url.PathEscape(segment)
	}
	return path
}

var (
	nameInURL = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$|^\.[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)
	fullName  = regexp.MustCompile(`^[^/\s]+/[^/\s]+$`)
)

func checkNames(owner, name string) error {
	if !nameInURL.MatchString(owner) || !nameInURL.MatchString(name) {
		return fmt.Errorf("the repository %q is not of the form OWNER/NAME", owner+"/"+name)
	}
	return nil
}

func newPacer(opts Options, known *secrets) *pacer {
	p := &pacer{sleep: opts.Sleep, random: opts.Random, maxWait: opts.MaxWait, trace: known.guard(opts.Trace)}
	if p.sleep == nil {
		p.sleep = sleep
	}
	if p.random == nil {
		p.random = rand.Float64
	}
	if p.maxWait == 0 {
		p.maxWait = defaultMaxWait
	}
	return p
}
