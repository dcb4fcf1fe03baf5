package github_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/forge/github"
	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// appKey is a key for all tests: making one takes a while.
var appKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// appPlace is a place with the App "mover", which may do what pawl needs, and more.
type appPlace struct {
	*place
	id     string
	key    []byte
	minted []string
}

func newAppPlace(t *testing.T) *appPlace {
	t.Helper()
	key, err := appKey()
	must(t, err)
	p := &appPlace{place: newPlace(t, githubtest.Options{})}
	p.id = fmt.Sprint(p.server.CreateAppKey("mover", githubtest.Permissions{
		"contents": "write", "pull_requests": "write", "statuses": "write", "checks": "write", "issues": "write", "administration": "write",
	}, &key.PublicKey))
	p.key = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return p
}

func (p *appPlace) options() github.Options {
	return github.Options{
		APIURL: p.server.APIURL(), Owner: "acme", Name: "config", Timeout: 10 * time.Second,
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

func (p *appPlace) app(t *testing.T, change ...func(*github.AppOptions)) *github.App {
	t.Helper()
	opts := github.AppOptions{ID: p.id, Key: p.key, Now: p.server.Now, Minted: func(token string) { p.minted = append(p.minted, token) }}
	for _, f := range change {
		f(&opts)
	}
	app, err := github.NewApp(opts, p.options())
	must(t, err)
	return app
}

func (p *appPlace) appClient(t *testing.T, app *github.App) *github.Client {
	t.Helper()
	return p.client(t, func(o *github.Options) { o.Token, o.App = "", app })
}

// mints counts the tokens that were asked for.
func (p *appPlace) mints() int {
	n := 0
	for _, request := range p.server.Requests() {
		if request.Method == "POST" && strings.HasSuffix(request.Path, "/access_tokens") {
			n++
		}
	}
	return n
}

func TestAppActsThroughItsInstallation(t *testing.T) {
	t.Parallel()
	p := newAppPlace(t)
	p.repository.Protect("staging", githubtest.Rules{RestrictUpdates: true, Bypass: []string{"mover[bot]"}})
	c := p.appClient(t, p.app(t))
	if err := p.client(t).FastForward(t.Context(), "staging", p.base, p.head); err == nil {
		t.Error("a user moved the branch that is the App's")
	}
	must(t, c.FastForward(t.Context(), "staging", p.base, p.head))
	must(t, c.SetStatus(t.Context(), p.head, forge.Status{Context: "x", State: "success"}))
	log := p.server.Log()
	if last := log[len(log)-1]; last.Actor != "mover[bot]" || p.mints() != 1 || len(p.minted) != 1 {
		t.Errorf("%+v, %d tokens, told of %d", last, p.mints(), len(p.minted))
	}
}

// TestAppTokenIsNarrow: it reaches one repository, and may do nothing that pawl
// does not do.
func TestAppTokenIsNarrow(t *testing.T) {
	t.Parallel()
	p := newAppPlace(t)
	other, err := p.server.CreateRepository(t.Context(), "acme/secrets", githubtest.RepositoryOptions{})
	must(t, err)
	_, err = other.Commit(t.Context(), "main", "x", map[string]string{"x": "x"})
	must(t, err)
	token, err := p.app(t).Token(t.Context())
	must(t, err)
	elsewhere := p.client(t, func(o *github.Options) { o.Token, o.Name = token, "secrets" })
	if _, err := elsewhere.Branch(t.Context(), "main"); !errors.Is(err, forge.ErrAccess) {
		t.Errorf("another repository: %v", err)
	}
	here := p.client(t, func(o *github.Options) { o.Token = token })
	_, err = here.Branch(t.Context(), "dev")
	must(t, err)
	// The App may write check runs, and pawl never does.
	body := fmt.Sprintf(`{"name":"x","head_sha":%q}`, p.head)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.server.APIURL()+"/repos/acme/config/check-runs", strings.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a check run was answered with %d", resp.StatusCode)
	}
}

func TestAppTokenIsRenewed(t *testing.T) {
	t.Parallel()
	p := newAppPlace(t)
	app := p.app(t)
	c := p.appClient(t, app)
	first, err := app.Token(t.Context())
	must(t, err)
	p.server.Advance(50 * time.Minute)
	if again, err := app.Token(t.Context()); err != nil || again != first {
		t.Errorf("with ten minutes left: %v, another token: %v", err, again != first)
	}
	p.server.Advance(6 * time.Minute)
	if again, err := app.Token(t.Context()); err != nil || again == first {
		t.Errorf("with four minutes left: %v, the same token: %v", err, again == first)
	}
	// GitHub refuses one before its time: one more is asked for, and the request sent
	// again with it.
	second, err := app.Token(t.Context())
	must(t, err)
	p.server.RevokeToken(second)
	must(t, c.FastForward(t.Context(), "staging", p.base, p.head))
	if p.mints() != 3 {
		t.Errorf("%d tokens were asked for", p.mints())
	}
	// It refuses the new one too: then that is that.
	p.server.Fail(githubtest.Fault{Kind: githubtest.Unauthorized, Method: "GET", Path: "/acme/config/git/", Times: 2})
	if _, err := c.Branch(t.Context(), "dev"); !errors.Is(err, forge.ErrAccess) {
		t.Errorf("refused twice: %v", err)
	}
	if p.mints() != 4 {
		t.Errorf("%d tokens were asked for", p.mints())
	}
}

func TestAppClock(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, 30 * time.Second, -30 * time.Second, time.Hour, -time.Hour, 20 * 365 * 24 * time.Hour} {
		p := newAppPlace(t)
		app := p.app(t, func(o *github.AppOptions) { o.Now = func() time.Time { return p.server.Now().Add(skew) } })
		if _, err := app.Token(t.Context()); err != nil {
			t.Errorf("our clock is %s ahead: %v", skew, err)
		}
		if _, err := app.Token(t.Context()); err != nil || p.mints() != 1 {
			t.Errorf("our clock is %s ahead: %v, %d tokens", skew, err, p.mints())
		}
	}
}

func TestAppMintingSurvivesFaults(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		p := newAppPlace(t)
		p.server.Fail(githubtest.Fault{Kind: githubtest.Reset, Method: "POST", Path: "/api/v3/app/", Times: 1, After: after})
		if _, err := p.app(t).Token(t.Context()); err != nil {
			t.Errorf("dropped once, after %v: %v", after, err)
		}
		p.server.Fail(githubtest.Fault{Kind: githubtest.Reset, Method: "POST", Path: "/api/v3/app/", Times: 2, After: after})
		if _, err := p.app(t).Token(t.Context()); !errors.Is(err, forge.ErrTransient) {
			t.Errorf("dropped twice, after %v: %v", after, err)
		}
	}
}

func TestAppRefusals(t *testing.T) {
	t.Parallel()
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, test := range map[string]struct {
		prepare    func(p *appPlace)
		text, hint string
	}{
		"not installed": {func(p *appPlace) { p.repository.UninstallApp("mover") }, "not installed there", "install the App on acme/config"},
		"suspended":     {func(p *appPlace) { p.server.SuspendApp("mover", true) }, "is suspended", "an owner of acme can unsuspend it"},
		"another key": {func(p *appPlace) {
			p.key = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(stranger)})
		}, "could not be decoded", "check that the App's ID is "},
		"another ID": {func(p *appPlace) { p.id = "12345678" }, "does not accept the key", "check that the App's ID is 12345678"},
	} {
		p := newAppPlace(t)
		test.prepare(p)
		_, err := p.appClient(t, p.app(t)).Branch(t.Context(), "dev")
		var advice interface{ Hint() string }
		if !errors.Is(err, forge.ErrAccess) || !errors.As(err, &advice) || !strings.Contains(err.Error(), test.text) || !strings.Contains(advice.Hint(), test.hint) {
			t.Errorf("%s: %v, hint %v", name, err, advice)
		}
		if p.mints() != 0 {
			t.Errorf("%s: a token was asked for", name)
		}
	}
}

func TestAppKeys(t *testing.T) {
	t.Parallel()
	p := newAppPlace(t)
	key, err := appKey()
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	elliptical, err := x509.MarshalPKCS8PrivateKey(curve)
	must(t, err)
	block := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	encrypted := strings.Replace(string(p.key), "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1)
	for name, test := range map[string]struct{ key, want string }{
		"PKCS #1":       {string(p.key), ""},
		"PKCS #8":       {block("PRIVATE KEY", pkcs8), ""},
		"on one line":   {strings.ReplaceAll(strings.TrimSpace(string(p.key)), "\n", `\n`), ""},
		"CRLF":          {strings.ReplaceAll(string(p.key), "\n", "\r\n"), ""},
		"nothing":       {"", "is not PEM"},
		"a token":       {"ghp_secret0000", "is not PEM"},
		"a path":        {"/home/me/key.pem", "is not PEM"},
		"public":        {block("PUBLIC KEY", pkcs8), `is a "PUBLIC KEY"`},
		"OpenSSH":       {block("OPENSSH PRIVATE KEY", pkcs8), `is a "OPENSSH PRIVATE KEY"`},
		"encrypted":     {block("ENCRYPTED PRIVATE KEY", pkcs8), "without a passphrase"},
		"encrypted RSA": {encrypted, "without a passphrase"},
		"damaged":       {block("RSA PRIVATE KEY", pkcs8[:100]), "damaged"},
		"damaged too":   {block("PRIVATE KEY", pkcs8[:100]), "damaged"},
		"a curve":       {block("PRIVATE KEY", elliptical), "no RSA key"},
	} {
		app, err := github.NewApp(github.AppOptions{ID: p.id, Key: []byte(test.key), Now: p.server.Now}, p.options())
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		must(t, err)
		if _, err := app.Token(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "my app", "1/../2", "12\n"} {
		if _, err := github.NewApp(github.AppOptions{ID: id, Key: p.key}, p.options()); err == nil {
			t.Errorf("the ID %q was taken", id)
		}
	}
}
