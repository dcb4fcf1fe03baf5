package github

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/getpawl/pawl/pkg/forge"
)

const rawType = "application/vnd.github.raw+json; charset=utf-8"

func TestFileNames(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		".pawl.yaml", "a/b/c.yaml", "a..b.yaml", "..a/b..", "a b.yaml", "a#b", "a?b=c&d", "100%.yaml", "a%2Fb", "ü/ñ.yaml", "a+b", "a:b", "a;b=c", `a\b`, "'\"<>", "...",
	} {
		c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			got := strings.TrimPrefix(r.URL.Path, "/api/v3/repos/acme/config/contents/")
			if got != path || r.URL.Query().Get("ref") != shaA || !strings.Contains(r.Header.Get("Accept"), "raw") {
				t.Errorf("%q: asked for %q at %q", path, got, r.URL.Query().Get("ref"))
			}
			w.Header().Set("Content-Type", rawType)
			write(w, 200, "content of "+path)
		})
		got, err := c.File(t.Context(), path, shaA)
		if string(got) != "content of "+path || err != nil {
			t.Errorf("%q: got %q, %v", path, got, err)
		}
	}
	c, j := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 500, "") })
	for _, path := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/../b", "a/./b"} {
		_, err := c.File(t.Context(), path, shaA)
		wantText(t, err, "not a path in a repository")
	}
	j.wantRequests(t)
}

func TestFileBytes(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty": "", "binary": "\x00\xff\xfe\r\n", "JSON": `{"a":1}`, "cut JSON": `{"a":`, "BOM": "\ufeffa: 1", "token": canary,
	} {
		c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Content-Type", rawType)
			write(w, 200, body)
		})
		got, err := c.File(t.Context(), "x", shaA)
		if string(got) != body || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestDirectoryIsNoFile(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, 200, "[]") })
	_, err := c.File(t.Context(), "base", shaA)
	wantText(t, err, "is a directory or a submodule")
}

// TestFileAbsence: a file is absent when its commit is proved to be there.
func TestFileAbsence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		commit int
		known  bool // the commit was read as the head of a branch before
		kind   error
		last   string
	}{
		{"commit is there", 200, false, forge.ErrNotFound, "GET /git/commits/" + shaA},
		{"commit is known", 500, true, forge.ErrNotFound, "GET /contents/x?ref=" + shaA},
		{"commit is not there", 404, false, errors.ErrUnsupported, "GET "},
		{"commit cannot be read", 502, false, forge.ErrTransient, "GET /git/commits/" + shaA},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/config"):
					write(w, 200, repositoryFor(r))
				case strings.Contains(r.URL.Path, "/git/ref/"):
					write(w, 200, refJSON("dev", shaA))
				case strings.Contains(r.URL.Path, "/git/commits/") && tt.commit == 200:
					write(w, 200, object{"sha": shaA})
				case strings.Contains(r.URL.Path, "/git/commits/"):
					write(w, tt.commit, `{"message":"x"}`)
				default:
					write(w, 404, `{"message":"Not Found"}`)
				}
			})
			if tt.known {
				if _, err := c.Branch(t.Context(), "dev"); err != nil {
					t.Fatal(err)
				}
			}
			_, err := c.File(t.Context(), "x", shaA)
			wantKind(t, err, tt.kind)
			if last := j.requests[len(j.requests)-1]; last != tt.last {
				t.Errorf("the last request is %s", last)
			}
		})
	}
}

// TestFileAbsenceOnTheDefaultBranch: without a SHA there is no commit to ask for,
// and the repository is what must be seen.
func TestFileAbsenceOnTheDefaultBranch(t *testing.T) {
	t.Parallel()
	for code, kind := range map[int]error{200: forge.ErrNotFound, 404: forge.ErrAccess, 502: forge.ErrTransient} {
		c, j := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
			switch {
			case strings.Contains(r.URL.Path, "/contents/"):
				write(w, 404, `{"message":"Not Found"}`)
			case code == 200:
				write(w, 200, repositoryFor(r))
			default:
				write(w, code, `{"message":"x"}`)
			}
		})
		_, err := c.File(t.Context(), "x", "")
		wantKind(t, err, kind)
		if last := j.requests[len(j.requests)-1]; last != "GET " {
			t.Errorf("%d: the last request is %s", code, last)
		}
	}
}
