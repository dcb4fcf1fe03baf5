package git

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Options say which repository a [Remote] is and how to reach it. URL alone is
// enough for a public repository.
type Options struct {
	// URL is the repository's clone URL: https, or http on the loopback interface;
	// ssh://user@host:port/path or user@host:path. It must not hold credentials.
	URL  string
	Auth Auth // for http and https: over SSH the ssh program knows
	// SSHCommand is run by a shell in place of ssh, with OpenSSH's arguments added,
	// as Git does with GIT_SSH_COMMAND; empty: ssh.
	SSHCommand string
	UserAgent  string
	// Credential is asked before each request, instead of Auth, when it is not nil: it
	// is for a credential that expires.
	Credential func(ctx context.Context) (Auth, error)
	// RootCAs are the certificate authorities to trust; nil: the system's.
	RootCAs *x509.CertPool
	// Stall is how long the server may be silent; 0: 90 seconds. The time for a
	// whole call is the context's.
	Stall time.Duration
	// Limits bound what a server may send; zero fields have defaults.
	Limits Limits
	// Sleep waits between the tries of a read that failed for a moment. When it is
	// nil, a read is tried once. A push is never sent twice.
	Sleep func(ctx context.Context, d time.Duration) error
	// Trace is told of each request: never of headers or bodies.
	Trace func(format string, args ...any)
}

// Limits bound one answer of a server, and one walk over a tree.
type Limits struct {
	Bytes   int64 // received in one answer; default 512 MiB
	Objects int   // in one answer; default 2,000,000
	Content int64 // bytes of all objects in one answer, unpacked; default 1 GiB
	Entries int   // files and folders in one commit; default 2,000,000
}

func (l Limits) withDefaults() Limits {
	if l.Bytes == 0 {
		l.Bytes = 512 << 20
	}
	if l.Objects == 0 {
		l.Objects = 2_000_000
	}
	if l.Content == 0 {
		l.Content = 1 << 30
	}
	if l.Entries == 0 {
		l.Entries = 2_000_000
	}
	return l
}

// Remote is a repository on a server. What it fetched it keeps, so that fetching
// the next commit of a branch costs little. It may be used from several
// goroutines at once.
type Remote struct {
	name       string   // for messages
	base       *url.URL // nil over SSH
	shell      *shell   // nil over HTTP
	credential func(ctx context.Context) (Auth, error)
	agent      string
	client     *http.Client
	stall      time.Duration
	limits     Limits
	sleep      func(ctx context.Context, d time.Duration) error
	trace      func(format string, args ...any)
	objects    *memory

	mu       sync.Mutex
	upload   *advertisement  // the newest, for its capabilities
	push     *advertisement  // of the last Tip, until a push takes it
	tips     []plumbing.Hash // commits that are here with all their trees
	rooted   []plumbing.Hash // commits that are here with all that lead to them
	detailed []plumbing.Hash // those of them of which each is here with all its trees
	heads    []plumbing.Hash // commits that are here with some of their trees
	whole    bool            // the server cannot send parts of a commit
	secrets  []string        // of the credentials that were shown to the server
}

// NewRemote checks the options. It makes no request.
func NewRemote(options Options) (*Remote, error) {
	var base *url.URL
	shell, err := parseShell(options.URL)
	if err == nil && shell == nil {
		base, err = remoteURL(options.URL)
	}
	if err != nil {
		return nil, err
	}
	if _, err := options.Auth.header(); err != nil {
		return nil, err
	}
	r := &Remote{
		base:       base,
		shell:      shell,
		credential: options.Credential,
		agent:      options.UserAgent,
		client:     newClient(options.RootCAs),
		stall:      options.Stall,
		limits:     options.Limits.withDefaults(),
		sleep:      options.Sleep,
		trace:      options.Trace,
		objects:    newMemory(),
	}
	if shell != nil {
		r.name, shell.command = options.URL, options.SSHCommand
	} else {
		r.name = base.String()
	}
	if r.credential == nil {
		r.credential = func(context.Context) (Auth, error) { return options.Auth, nil }
	}
	if r.agent == "" {
		r.agent = "pawl"
	}
	if r.stall == 0 {
		r.stall = 90 * time.Second
	}
	if r.trace == nil {
		r.trace = func(string, ...any) {}
	}
	return r, nil
}

// Refs returns every ref that the server shows, by its full name, and "HEAD",
// with the ids that they point at. A repository without a commit has none.
func (r *Remote) Refs(ctx context.Context) (map[string]string, error) {
	found, err := r.discover(ctx, uploadPack, "")
	if err != nil {
		return nil, fmt.Errorf("reading the branches of %s: %w", r.name, err)
	}
	return found.refs, nil
}

// Tip returns the head of a branch, as the server shows it to somebody who may
// push: "" when there is no such branch. A [Remote.Push] from that very commit
// then needs no request to find out about the server.
func (r *Remote) Tip(ctx context.Context, branch string) (string, error) {
	ref, err := branchRef(branch)
	if err != nil {
		return "", err
	}
	found, err := r.discover(ctx, receivePack, ref)
	if err != nil {
		return "", fmt.Errorf("reading branch %s of %s: %w", branch, r.name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.push = found
	return found.refs[ref], nil
}

// takePush returns what the last Tip saw, once, if the branch was where the push
// starts. The server compares again.
func (r *Remote) takePush(m move) *advertisement {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.push
	r.push = nil
	if found == nil || found.refs[m.ref] != m.oldName() {
		return nil
	}
	return found
}

// remoteURL checks a clone URL. Errors leave the URL out where it could hold a
// credential.
func remoteURL(raw string) (*url.URL, error) {
	parsed, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the repository's URL cannot be read")
	case !strings.Contains(raw, "://"):
		return nil, errors.New("a path on this machine is not supported: only https and ssh URLs are")
	case parsed.User != nil:
		return nil, errors.New("the repository's URL holds a credential: pass the token by itself")
	case parsed.Hostname() == "" || strings.Trim(parsed.Path, "/") == "":
		return nil, fmt.Errorf("%q is not the URL of a repository", raw)
	case parsed.RawQuery != "" || parsed.Fragment != "" || parsed.Opaque != "":
		return nil, fmt.Errorf("the URL of %q must end with the repository's path", parsed.Host)
	case parsed.Scheme == "https", parsed.Scheme == "http" && loopback(parsed.Hostname()):
		return &url.URL{Scheme: parsed.Scheme, Host: parsed.Host, Path: strings.TrimRight(parsed.Path, "/")}, nil
	case parsed.Scheme == "http":
		return nil, fmt.Errorf("%q would send the token in the clear: use https", raw)
	}
	return nil, fmt.Errorf("%q: only https and ssh are supported, no local paths", raw)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newClient follows no redirect by itself: where a request goes, and the
// credential with it, is decided in one place. The settings are those of
// http.DefaultTransport with a bound on everything.
func newClient(roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    10 * time.Second,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
