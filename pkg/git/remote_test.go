package git

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNewRemoteURL(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://github.com/acme/config.git":         true,
		"https://git.example.com:8443/acme/config":   true,
		"http://127.0.0.1:8080/acme/config.git":      true,
		"http://[::1]:8080/acme/config.git":          true,
		"http://localhost/acme/config.git":           true,
		"http://github.com/acme/config.git":          false,
		"http://127.0.0.1.example.com/acme/config":   false,
		"ssh://git@github.com/acme/config.git":       true,
		"git@github.com:acme/config.git":             true,
		"file:///srv/config.git":                     false,
		"/srv/config.git":                            false,
		"https://github.com":                         false,
		"https:///acme/config":                       false,
		"https://github.com/acme/config?x=1":         false,
		"https://github.com/acme/config#x":           false,
		"https://x:" + canary + "@github.com/a/b":    false,
		"https://" + canary + "@github.com/a/b":      false,
		"https://x:" + canary + "@github.com/a/b\n":  false,
		"https://x:" + canary + "%zz@github.com/a/b": false,
		"":                           false,
		"--upload-pack=touch /tmp/x": false,
		"ext::sh -c touch /tmp/x":    false,
		"https://github.com/acme/config.git\r\nX-Evil:1": false,
	} {
		_, err := NewRemote(Options{URL: url})
		if (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
		if err != nil {
			noCanary(t, err.Error())
		}
	}
}

func TestAuthNeverPrints(t *testing.T) {
	t.Parallel()
	auth := Auth{Username: "x-access-token", Password: canary, Header: "Bearer " + canary}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		noCanary(t, fmt.Sprintf(format, auth))
		noCanary(t, fmt.Sprintf(format, Options{Auth: auth}))
	}
	for _, bad := range []Auth{{Header: "Bearer " + canary + "\n"}, {Username: "a:b", Password: canary}, {Header: "Bearer " + canary + "\r\nHost: evil"}} {
		_, err := NewRemote(Options{URL: "https://github.com/a/b", Auth: bad})
		if err == nil {
			t.Error("a credential that splits a header was taken")
			continue
		}
		noCanary(t, err.Error())
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	remote := repo.remote()
	refs, err := remote.Refs(t.Context())
	if err != nil || len(refs) != 0 {
		t.Fatalf("an empty repository: %v, %v", refs, err)
	}
	main := repo.commit("main", map[string]string{"a": "1"})
	dev := repo.commit("dev", map[string]string{"a": "2"})
	if refs, err = remote.Refs(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"HEAD": main, "refs/heads/main": main, "refs/heads/dev": dev}
	if diff := cmp.Diff(want, refs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"dev", "main"}, Branches(refs)); diff != "" {
		t.Error(diff)
	}
	if requests := server.take(); len(requests) != 2 {
		t.Errorf("%d requests for two calls", len(requests))
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	repo.commit("main", map[string]string{"a": "1"})
	for name, test := range map[string]struct {
		auth Auth
		want error
	}{
		"token":        {Auth{Username: "x-access-token", Password: canary}, nil},
		"ready header": {Auth{Header: "Bearer " + canary}, nil},
		"header wins":  {Auth{Username: "x", Password: "wrong", Header: "Bearer " + canary}, nil},
		"anonymous":    {Auth{}, ErrAccess},
		"wrong":        {Auth{Username: "x-access-token", Password: canary + "x"}, ErrAccess},
	} {
		_, err := repo.remote(func(o *Options) { o.Auth = test.auth }).Refs(t.Context())
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			noCanary(t, err.Error())
		}
	}
	for _, request := range server.take() {
		if len(request.authorization) > 1 {
			t.Errorf("%d Authorization headers", len(request.authorization))
		}
	}
}

func TestMissingRepository(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	remote, err := NewRemote(Options{URL: server.URL + "/acme/nothing.git", Auth: Auth{Header: "Bearer " + canary}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = remote.Refs(t.Context()); !errors.Is(err, ErrAccess) || !strings.Contains(err.Error(), "may not see it") {
		t.Errorf("got %v", err)
	}
}

// Every status, with a body that echoes the credential in its spellings.
func TestStatuses(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	for status, want := range map[int]error{
		401: ErrAccess, 403: ErrAccess, 404: ErrAccess,
		408: ErrTransient, 429: ErrTransient, 500: ErrTransient, 502: ErrTransient, 503: ErrTransient, 504: ErrTransient,
		400: nil, 405: nil, 410: nil, 201: nil, 204: nil,
	} {
		server.setFault(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(status)
			_, password, _ := r.BasicAuth()
			fmt.Fprintf(w, "\x1b[31mno\x1b[0m %s for %s or %s…\r\nsecond\n", r.Header.Get("Authorization"), password, password[:12])
		})
		_, err := repo.remote().Refs(t.Context())
		if err == nil {
			t.Errorf("HTTP %d passed", status)
			continue
		}
		if want != nil && !errors.Is(err, want) || want == nil && (errors.Is(err, ErrAccess) || errors.Is(err, ErrTransient)) {
			t.Errorf("HTTP %d: %v", status, err)
		}
		if strings.ContainsAny(err.Error(), "\x1b\r\n") {
			t.Errorf("HTTP %d: %q can drive a terminal", status, err)
		}
		noCanary(t, err.Error())
	}
}

func TestNotAGitServer(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	for name, answer := range map[string]struct{ kind, body string }{
		"login page":   {"text/html", "<html>log in</html>"},
		"dumb server":  {"text/plain", strings.Repeat("a", 40) + "\trefs/heads/main\n"},
		"empty":        {"application/x-git-upload-pack-advertisement", ""},
		"garbage":      {"application/x-git-upload-pack-advertisement", "zzzz"},
		"cut short":    {"application/x-git-upload-pack-advertisement", "001e# service=git-upload-pack\n0000015"},
		"error packet": {"application/x-git-upload-pack-advertisement", "0013ERR \x1b[1mgo away\n"},
	} {
		server.setFault(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", answer.kind)
			fmt.Fprint(w, answer.body)
		})
		refs, err := repo.remote().Refs(t.Context())
		if err == nil {
			t.Errorf("%s: %v", name, refs)
		} else if strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %q can drive a terminal", name, err)
		}
	}
}

func TestRefusesOtherObjectFormats(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	runGit(t, server.root, "", "init", "-q", "--bare", "--object-format=sha256", repo.dir+"256.git")
	runGit(t, repo.dir+"256.git", "commit refs/heads/main\ncommitter T <t@example.com> 1 +0000\ndata 1\nx\nM 100644 inline a\ndata 1\na\n", "fast-import", "--quiet")
	for _, suffix := range []string{"256.git"} {
		remote, err := NewRemote(Options{URL: repo.url + suffix, Auth: Auth{Header: "Bearer " + canary}})
		if err != nil {
			t.Fatal(err)
		}
		if refs, err := remote.Refs(t.Context()); err == nil || errors.Is(err, ErrAccess) {
			t.Errorf("%v, %v", refs, err)
		}
	}
}

// redirects sends the first request on, in every way that HTTP has.
func TestRedirects(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var leaked []string
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		leaked = append(leaked, r.URL.String()+" "+strings.Join(r.Header.Values("Authorization"), ","))
	}))
	defer evil.Close()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	other := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, code := range []int{301, 302, 303, 307, 308} {
		for name, target := range map[string]struct {
			location string
			ok       bool
		}{
			"another server":     {evil.URL + "/acme/config.git/info/refs?service=git-upload-pack", false},
			"another name":       {other + "/acme/config.git/info/refs?service=git-upload-pack", false},
			"another scheme":     {strings.Replace(server.URL, "http:", "https:", 1) + "/acme/config.git/info/refs", false},
			"with a user":        {strings.Replace(server.URL, "//", "//u:p@", 1) + "/acme/config.git/info/refs", false},
			"a login page":       {"/login", false},
			"the renamed one":    {"/acme/config.git/info/refs?service=git-upload-pack", true},
			"the renamed, whole": {repo.url + "/info/refs?service=git-upload-pack", true},
			"nowhere":            {"", false},
			"in a circle":        {"/acme/old.git/info/refs", false},
			"unreadable":         {"http://[::1", false},
		} {
			server.setFault(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
				if strings.HasPrefix(r.URL.Path, "/acme/old.git/") {
					w.Header().Set("Location", target.location)
					w.WriteHeader(code)
					return
				}
				forward(w, r)
			})
			remote := repo.remote(func(o *Options) { o.URL = server.URL + "/acme/old.git" })
			objects, err := remote.Fetch(t.Context(), tip)
			if (err == nil) != target.ok {
				t.Errorf("%d to %s: %v", code, name, err)
			}
			if err == nil {
				if _, err := readAll(t.Context(), objects, tip); err != nil {
					t.Errorf("%d to %s: %v", code, name, err)
				}
			}
		}
	}
	if len(leaked) > 0 {
		t.Errorf("requests to another server: %q", leaked)
	}
}

func TestNoRequestLeavesTheOrigin(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	remote := server.repository(t).remote()
	for _, target := range []string{
		strings.Replace(server.URL, "127.0.0.1", "localhost", 1), strings.Replace(server.URL, "http:", "https:", 1), "http://127.0.0.1:1",
	} {
		parsed, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := remote.send(t.Context(), http.MethodGet, parsed, uploadPack, nil); err == nil || errors.Is(err, ErrTransient) {
			t.Errorf("%s: %v", target, err)
		}
	}
	if requests := server.take(); len(requests) > 0 {
		t.Errorf("%d requests", len(requests))
	}
}

// A redirect of a request that carries a body is never followed.
func TestRedirectedPush(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	remote := repo.remote()
	objects := fetch(t, remote, tip)
	sha := change(t, objects, tip, "README.md", "new\n")
	server.onPush(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Location", repo.url+"/git-receive-pack")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	server.take()
	if err := remote.Push(t.Context(), objects, "main", tip, sha); err == nil {
		t.Error("a redirected push was reported as done")
	}
	if got := repo.tip("main"); got != tip {
		t.Error("a redirected push was sent on")
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	plain := newServer(t)
	repo := plain.repository(t)
	tip := repo.commit("main", sampleFiles)
	secure := httptest.NewUnstartedServer(plain)
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	defer secure.Close()
	url := secure.URL + "/acme/config.git"

	_, err := repo.remote(func(o *Options) { o.URL = url }).Refs(t.Context())
	if err == nil || errors.Is(err, ErrTransient) {
		t.Errorf("a certificate that nobody signed: %v", err)
	}
	if requests := plain.take(); len(requests) > 0 {
		t.Error("the token went to a server that nobody vouches for")
	}
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	remote := repo.remote(func(o *Options) { o.URL, o.RootCAs = url, roots })
	objects := fetch(t, remote, tip)
	mustPush(t, remote, objects, "main", tip, change(t, objects, tip, "README.md", "over TLS\n"))

	_, err = repo.remote(func(o *Options) { o.URL = strings.Replace(plain.URL, "http:", "https:", 1) + "/acme/config.git" }).Refs(t.Context())
	if err == nil {
		t.Error("https to a server without TLS passed")
	}
}

func TestStalledServer(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	for name, early := range map[string]bool{"before the header": false, "within the body": true} {
		server.setFault(func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			if early {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
				fmt.Fprint(w, "001e# service=git-upload-pack\n")
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		})
		_, err := repo.remote(func(o *Options) { o.Stall = 50 * time.Millisecond }).Refs(t.Context())
		if !errors.Is(err, ErrTransient) || !strings.Contains(err.Error(), errStalled.Error()) {
			t.Errorf("%s: %v", name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = repo.remote().Refs(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnreachableServer(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	remote := repo.remote()
	server.Close()
	if _, err := remote.Refs(t.Context()); !errors.Is(err, ErrTransient) {
		t.Errorf("got %v", err)
	}
}

func TestReadsAreTriedAgain(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	count := 0
	server.setFault(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		if count++; count%3 != 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward(w, r)
	})
	var waits []time.Duration
	remote := repo.remote(func(o *Options) {
		o.Sleep = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	})
	if _, err := readAll(t.Context(), fetch(t, remote, tip), tip); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]time.Duration{250e6, 1e9, 250e6, 1e9, 250e6, 1e9}, waits); diff != "" {
		t.Error(diff)
	}
	server.setFault(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { w.WriteHeader(http.StatusForbidden) })
	server.take()
	if _, err := remote.Refs(t.Context()); !errors.Is(err, ErrAccess) || len(server.take()) != 1 {
		t.Errorf("a refusal was tried again, or passed: %v", err)
	}
}

func TestTraceHoldsNoSecret(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	repo.hook("pre-receive", "echo token is "+canary+" >&2")
	var said strings.Builder
	remote := repo.remote(func(o *Options) {
		o.Trace = func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }
	})
	objects := fetch(t, remote, tip)
	mustPush(t, remote, objects, "main", tip, change(t, objects, tip, "README.md", "new\n"))
	noCanary(t, said.String())
	if !strings.Contains(said.String(), "git-receive-pack: HTTP 200") {
		t.Errorf("the trace says %q", said.String())
	}
}
