package git

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// working is a repository with a working tree.
type working struct {
	t   testing.TB
	dir string
}

func newWorking(t testing.TB, files map[string]string) *working {
	t.Helper()
	// Git answers with the real path; macOS has its temporary folder behind a link.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &working{t, filepath.Join(dir, "work tree")}
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.git("init", "-q")
	fastImport(t, w.dir, "main", files)
	w.git("reset", "-q", "--hard", "main")
	return w
}

func (w *working) git(args ...string) string {
	w.t.Helper()
	return runGit(w.t, w.dir, "", args...)
}

func (w *working) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *working) write(name, content string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *working) read(name string) string {
	w.t.Helper()
	content, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

func (w *working) open() *Checkout {
	w.t.Helper()
	checkout, err := OpenCheckout(w.t.Context(), w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	return checkout
}

// at is another working tree.
func (w *working) at(dir string) *working { return &working{w.t, dir} }

func TestOpenCheckout(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	linked := filepath.Join(t.TempDir(), "linked")
	w.git("worktree", "add", "-q", "--detach", linked)
	bare := filepath.Join(w.dir, "sub", "bare.git")
	w.git("init", "-q", "--bare", bare)
	// What a checkout may bring along: a bare repository that says it is not one.
	evil := w.path("sub/evil")
	w.git("init", "-q", "--bare", evil)
	runGit(t, evil, "", "config", "core.bare", "false")
	runGit(t, evil, "", "config", "core.worktree", w.dir)
	sha256 := t.TempDir()
	runGit(t, sha256, "", "init", "-q", "--object-format=sha256")
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, ".git"), []byte("gitdir: /nonexistent\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		dir, root string
		none      bool
	}{
		"root":              {dir: w.dir, root: w.dir},
		"folder":            {dir: w.path("base"), root: w.dir},
		"linked worktree":   {dir: linked, root: linked},
		"the .git folder":   {dir: w.path(".git"), none: true},
		"embedded bare":     {dir: bare, none: true},
		"evil bare":         {dir: evil, none: true},
		"nothing":           {dir: t.TempDir(), none: true},
		"no such folder":    {dir: w.path("nowhere")},
		"sha256":            {dir: sha256},
		"broken .git entry": {dir: broken},
	} {
		checkout, err := OpenCheckout(t.Context(), test.dir)
		switch {
		case test.root != "":
			if err != nil || checkout.Root() != test.root {
				t.Errorf("%s: %v", name, err)
			}
		case test.none && !errors.Is(err, ErrNoCheckout):
			t.Errorf("%s: %v", name, err)
		case !test.none && (err == nil || errors.Is(err, ErrNoCheckout)):
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := OpenCheckout(t.Context(), sha256)
	if err == nil || !strings.Contains(err.Error(), "only sha1") {
		t.Errorf("sha256: %v", err)
	}
}

func TestOpenCheckoutOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	w := newWorking(t, sampleFiles)
	for _, path := range []string{w.dir, w.path(".git")} {
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	_, err := OpenCheckout(t.Context(), w.dir)
	if err == nil || errors.Is(err, ErrNoCheckout) || !strings.Contains(err.Error(), "safe.directory") {
		t.Errorf("got %v", err)
	}
}

func TestOpenCheckoutWithoutGit(t *testing.T) {
	w := newWorking(t, sampleFiles)
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	if _, err := OpenCheckout(t.Context(), w.path("base")); !errors.Is(err, ErrNoGit) {
		t.Errorf("in a checkout: %v", err)
	}
	if _, err := OpenCheckout(t.Context(), empty); !errors.Is(err, ErrNoCheckout) {
		t.Errorf("outside: %v", err)
	}
	if _, err := Identity(t.Context(), empty, nil, Author, func(string) string { return "" }); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("identity: %v", err)
	}
	// A program of that name in the working directory is not git.
	t.Setenv("PATH", ".")
	t.Chdir(w.dir)
	w.write("git", "#!/bin/sh\ntouch ran\n")
	if err := os.Chmod(w.path("git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckout(t.Context(), w.dir); !errors.Is(err, ErrNoGit) {
		t.Errorf("with a git in the working directory: %v", err)
	}
	if _, err := os.Stat(w.path("ran")); err == nil {
		t.Error("a program in the working directory was run")
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	head := w.git("rev-parse", "HEAD")
	check := func(wantBranch, wantSHA string) {
		t.Helper()
		branch, sha, err := w.open().Head(t.Context())
		if branch != wantBranch || sha != wantSHA || (err == nil) != (wantSHA != "") {
			t.Errorf("%q at %q: %v", branch, sha, err)
		}
	}
	check("main", head)
	w.git("checkout", "-q", "-b", "env/dev")
	check("env/dev", head)
	w.git("tag", "env/dev")
	check("env/dev", head)
	w.git("checkout", "-q", "--detach")
	check("", head)
	w.git("checkout", "-q", "--orphan", "unborn")
	check("", "")
}

// Every kind of repository that holds, or borrows, its objects in another way.
func TestCheckoutObjects(t *testing.T) {
	t.Parallel()
	origin := newWorking(t, sampleFiles)
	head := origin.git("rev-parse", "HEAD")
	at := func() string { return filepath.Join(t.TempDir(), "clone") }
	shared := at()
	runGit(t, origin.dir, "", "clone", "-q", "--shared", origin.dir, shared)
	for name, make := range map[string]func(dir string){
		"loose":           func(dir string) { runGit(t, origin.dir, "", "worktree", "add", "-q", "--detach", dir) },
		"plain":           func(dir string) { runGit(t, origin.dir, "", "clone", "-q", "file://"+origin.dir, dir) },
		"alternates":      func(dir string) { runGit(t, origin.dir, "", "clone", "-q", "--shared", origin.dir, dir) },
		"nested":          func(dir string) { runGit(t, origin.dir, "", "clone", "-q", "--shared", shared, dir) },
		"shallow":         func(dir string) { runGit(t, origin.dir, "", "clone", "-q", "--depth=1", "file://"+origin.dir, dir) },
		"sparse":          func(dir string) { cloneSparse(t, origin.dir, dir) },
		"multi-pack":      func(dir string) { cloneMultiPack(t, origin.dir, dir) },
		"relative":        func(dir string) { cloneRelative(t, origin.dir, dir) },
		"worktree of one": func(dir string) { runGit(t, shared, "", "worktree", "add", "-q", "--detach", dir) },
	} {
		dir := at()
		make(dir)
		objects := origin.at(dir).open().Objects()
		got, err := readAll(t.Context(), objects, head)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(sampleFiles, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func cloneSparse(t *testing.T, origin, dir string) {
	t.Helper()
	runGit(t, origin, "", "clone", "-q", "--no-checkout", "file://"+origin, dir)
	runGit(t, dir, "", "config", "extensions.worktreeConfig", "true")
	runGit(t, dir, "", "sparse-checkout", "set", "--cone", "--sparse-index", "dev")
	runGit(t, dir, "", "checkout", "-q", "main")
}

func cloneMultiPack(t *testing.T, origin, dir string) {
	t.Helper()
	runGit(t, origin, "", "clone", "-q", "file://"+origin, dir)
	runGit(t, dir, "", "repack", "-adq")
	runGit(t, dir, "", "multi-pack-index", "write")
}

func cloneRelative(t *testing.T, origin, dir string) {
	t.Helper()
	runGit(t, origin, "", "clone", "-q", "--shared", origin, dir)
	relative, err := filepath.Rel(filepath.Join(dir, ".git", "objects"), filepath.Join(origin, ".git", "objects"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git", "objects", "info", "alternates"), []byte(relative+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckoutOfAPartialClone(t *testing.T) {
	t.Parallel()
	origin := newWorking(t, sampleFiles)
	origin.git("config", "uploadpack.allowFilter", "true")
	head := origin.git("rev-parse", "HEAD")
	dir := filepath.Join(t.TempDir(), "partial")
	runGit(t, origin.dir, "", "clone", "-q", "--filter=blob:none", "--no-checkout", "file://"+origin.dir, dir)
	objects := origin.at(dir).open().Objects()
	files, err := objects.Files(head, func(string) bool { return true })
	if err != nil || len(files) != len(sampleFiles) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	err = objects.Load(t.Context(), files)
	var missing *MissingError
	if !errors.As(err, &missing) || !missing.Local || !strings.Contains(err.Error(), "git fetch") {
		t.Errorf("got %v", err)
	}
	if out := runGit(t, dir, "", "count-objects", "-v"); !strings.Contains(out, "count: 0\n") {
		t.Errorf("something was fetched: %s", out)
	}
}

func TestCheckoutWithACorruptObject(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	w.write("loose", "some content")
	w.git("add", "loose")
	w.git("commit", "-qm", "loose")
	blob := w.git("rev-parse", "HEAD:loose")
	w.write("other", "some content of the same length or not")
	w.git("add", "other")
	other := w.git("rev-parse", ":other")
	object := func(id string) string { return w.path(".git/objects/" + id[:2] + "/" + id[2:]) }
	wrong, err := os.ReadFile(object(other))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(object(blob)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(object(blob), wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	objects := w.open().Objects()
	if _, err := objects.Content(File{Path: "loose", Blob: blob}); err == nil {
		t.Error("an object was read under the wrong id")
	}
}

func TestReplaceRefsDoNotCount(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	head := w.git("rev-parse", "HEAD")
	w.git("replace", w.git("rev-parse", "HEAD:README.md"), runGit(t, w.dir, "other", "hash-object", "-w", "--stdin"))
	got, err := readAll(t.Context(), w.open().Objects(), head)
	if err != nil || got["README.md"] != "# config\n" {
		t.Errorf("%q, %v", got["README.md"], err)
	}
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	other := newWorking(t, map[string]string{"x.yaml": "x", "y.yaml": "y"})
	w := newWorking(t, map[string]string{".gitignore": "/dist/\n*.local.yaml\n!kept.local.yaml\n", "a.yaml": "a", "b/c.yaml": "c"})
	w.write("tracked.local.yaml", "t")
	w.git("add", "-f", "tracked.local.yaml")
	w.write(".git/info/exclude", "/mine.yaml\n")
	w.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", other.dir, "lib/sub")
	w.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", other.dir, "other")
	checkout := w.open()
	for _, test := range []struct{ paths, want []string }{
		{nil, nil},
		{[]string{"a.yaml", "b/c.yaml", "gone.yaml"}, nil},
		{[]string{"tracked.local.yaml", "kept.local.yaml"}, nil},
		{[]string{"dist/a.yaml", "a.yaml", "b/d.local.yaml", "mine.yaml", "ä ö\n.local.yaml"}, []string{"dist/a.yaml", "b/d.local.yaml", "mine.yaml", "ä ö\n.local.yaml"}},
		{[]string{"dist/a.yaml", "lib/sub/x.yaml", "other/y.yaml", "other/z.local.yaml", "z.local.yaml"}, []string{"dist/a.yaml", "z.local.yaml"}},
		{[]string{"lib/sub/x.yaml"}, nil},
	} {
		got, err := checkout.Ignored(t.Context(), test.paths)
		if err != nil {
			t.Errorf("%q: %v", test.paths, err)
		}
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q: %s", test.paths, diff)
		}
	}
	if got, err := checkout.Ignored(t.Context(), []string{"../outside.yaml"}); err == nil {
		t.Errorf("outside of the checkout: %q", got)
	}
}

func TestIgnores(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files   map[string]string
		exclude string
		folder  string
		want    bool
	}{
		"nothing":                   {nil, "", ".", false},
		"comments":                  {nil, "# git ls-files --others\n\n  # more\n", ".", false},
		"excluded":                  {nil, "# mine\nmine.yaml\n", ".", true},
		"in the folder":             {map[string]string{".gitignore": "x\n", "a/.gitignore": "x\n"}, "", ".", false},
		"above":                     {map[string]string{".gitignore": "x\n", "a/b/c": ""}, "", "a/b", true},
		"right above":               {map[string]string{"a/.gitignore": "x\n", "a/b/c": ""}, "", "a/b", true},
		"in the folder, and below":  {map[string]string{"a/.gitignore": "x\n", "a/b/.gitignore": "x\n"}, "", "a", false},
		"excluded, for all folders": {map[string]string{"a/b": ""}, "mine.yaml", "a", true},
	} {
		files := map[string]string{"a.yaml": "a"}
		maps.Copy(files, test.files)
		w := newWorking(t, files)
		w.write(".git/info/exclude", test.exclude)
		if got := w.open().Ignores(test.folder); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
		other := filepath.Join(t.TempDir(), "worktree")
		w.git("worktree", "add", "-q", "--detach", other)
		if got := w.at(other).open().Ignores(test.folder); got != test.want {
			t.Errorf("%s, in a worktree: %v", name, got)
		}
	}
}

func TestRemoteURL(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	w.git("remote", "add", "origin", "https://x:"+canary+"@github.com/acme/config.git")
	w.git("remote", "add", "short", "gh:acme/config")
	w.git("config", "url.https://git.example.com/.insteadOf", "gh:")
	w.git("remote", "add", "ssh", "git@github.com:acme/config.git")
	checkout := w.open()
	for name, want := range map[string]string{
		"origin": "https://github.com/acme/config.git",
		"short":  "https://git.example.com/acme/config",
		"ssh":    "git@github.com:acme/config.git",
		"none":   "", "": "", "--push": "", "-x": "", "a b": "",
	} {
		got, err := checkout.RemoteURL(t.Context(), name)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}

func TestPersistedCredential(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/config.git"
	for name, test := range map[string]struct {
		settings [][2]string
		want     string
	}{
		"none":                 {nil, ""},
		"as checkout v4":       {[][2]string{{"http.https://github.com/.extraheader", "AUTHORIZATION: basic eDp5"}}, "basic eDp5"},
		"for all":              {[][2]string{{"http.extraheader", "Authorization: Bearer abcd"}}, "Bearer abcd"},
		"the longest wins":     {[][2]string{{"http.https://github.com/acme/config.git.extraheader", "Authorization: Bearer long"}, {"http.https://github.com/.extraheader", "Authorization: Bearer short"}}, "Bearer long"},
		"of another path":      {[][2]string{{"http.https://github.com/acme/config.extraheader", "Authorization: Bearer long"}}, ""},
		"for another host":     {[][2]string{{"http.https://example.com/.extraheader", "Authorization: Bearer abcd"}}, ""},
		"for another port":     {[][2]string{{"http.https://github.com:8443/.extraheader", "Authorization: Bearer abcd"}}, ""},
		"another header":       {[][2]string{{"http.extraheader", "X-Trace: 1"}}, ""},
		"reset":                {[][2]string{{"http.extraheader", ""}}, ""},
		"no value":             {[][2]string{{"http.extraheader", "Authorization:"}}, ""},
		"through an includeIf": {[][2]string{{"includeIf.gitdir:**.path", "EXTRA"}}, "Bearer included"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorking(t, sampleFiles)
			extra := filepath.Join(t.TempDir(), "credentials.config")
			runGit(t, w.dir, "", "config", "--file", extra, "http.https://github.com/.extraheader", "Authorization: Bearer included")
			for _, setting := range test.settings {
				w.git("config", setting[0], strings.ReplaceAll(setting[1], "EXTRA", extra))
			}
			auth, err := PersistedCredential(t.Context(), w.dir, w.open(), url)
			if auth.Header != test.want || (test.want == "") != errors.Is(err, ErrNoCredential) {
				t.Errorf("%q, %v", auth.Header, err)
			}
		})
	}
}

func TestHelperCredential(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	const url = "https://github.com/acme/config.git"
	if _, err := HelperCredential(t.Context(), w.dir, w.open(), url); !errors.Is(err, ErrNoCredential) {
		t.Errorf("without a helper: %v", err)
	}
	w.git("config", "credential.https://github.com.helper", `!f() { echo username=x; echo "password=$GITHUB_TOKEN"; }; f`)
	auth, err := HelperCredential(t.Context(), w.dir, w.open(), url)
	if err != nil || auth.Username != "x" || auth.Password != canary {
		t.Errorf("%v, %v", auth, err)
	}
	if _, err := HelperCredential(t.Context(), w.dir, w.open(), "https://example.com/acme/config"); !errors.Is(err, ErrNoCredential) {
		t.Errorf("for another host: %v", err)
	}
	w.git("config", "credential.https://github.com.helper", `!echo `+canary+` >&2; exit 1`)
	if _, err := HelperCredential(t.Context(), w.dir, w.open(), url); !errors.Is(err, ErrNoCredential) {
		t.Errorf("a failing helper: %v", err)
	} else {
		noCanary(t, err.Error())
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	w := newWorking(t, sampleFiles)
	configured := newWorking(t, sampleFiles)
	configured.git("config", "user.name", "Config Ured")
	configured.git("config", "user.email", "c@example.com")
	configured.git("config", "author.name", "Auth Or")
	for name, test := range map[string]struct {
		in   *working
		role Role
		env  map[string]string
		want string
	}{
		"nothing":              {w, Author, nil, ""},
		"environment":          {w, Author, map[string]string{"GIT_AUTHOR_NAME": "E", "GIT_AUTHOR_EMAIL": "e@x"}, "E <e@x>"},
		"for the other role":   {w, Committer, map[string]string{"GIT_AUTHOR_NAME": "E", "GIT_AUTHOR_EMAIL": "e@x"}, ""},
		"half":                 {w, Author, map[string]string{"GIT_AUTHOR_NAME": "E"}, ""},
		"configured committer": {configured, Committer, nil, "Config Ured <c@example.com>"},
		"configured author":    {configured, Author, nil, "Auth Or <c@example.com>"},
		"half over configured": {configured, Author, map[string]string{"GIT_AUTHOR_EMAIL": "e@x"}, "Auth Or <e@x>"},
		"environment wins":     {configured, Author, map[string]string{"GIT_AUTHOR_NAME": "E", "GIT_AUTHOR_EMAIL": "e@x"}, "E <e@x>"},
	} {
		for _, checkout := range []*Checkout{nil, test.in.open()} {
			got, err := Identity(t.Context(), test.in.dir, checkout, test.role, func(key string) string { return test.env[key] })
			if test.want == "" {
				if !errors.Is(err, ErrNoIdentity) {
					t.Errorf("%s: %+v, %v", name, got, err)
				}
				continue
			}
			if text := fmt.Sprintf("%s <%s>", got.Name, got.Email); err != nil || text != test.want || !got.When.IsZero() {
				t.Errorf("%s: %s, %v", name, text, err)
			}
		}
	}
	_, err := Identity(t.Context(), w.dir, nil, Author, func(string) string { return "a\nb" })
	if err == nil || errors.Is(err, ErrNoIdentity) {
		t.Errorf("a name that breaks a line: %v", err)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	got := scrub([]string{
		"PATH=/bin", "HOME=/root", "GIT_DIR=x", "GIT_INDEX_FILE=x", "GIT_SSH_COMMAND=x", "GIT_TRACE=1", "GIT_CONFIG_PARAMETERS=x",
		"GIT_CONFIG_GLOBAL=g", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=k", "GIT_CONFIG_VALUE_0=v", "GIT_ASKPASS=x", "SSH_ASKPASS=x",
		"GIT_EXEC_PATH=x", "GIT_TEMPLATE_DIR=x", "LC_MESSAGES=de", "LANGUAGE=de", "GITHUB_TOKEN=secret", "HTTPS_PROXY=p", "PAWL_APP_PRIVATE_KEY=secret",
	}, false)
	want := []string{
		"PATH=/bin", "HOME=/root", "GIT_CONFIG_GLOBAL=g", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=k", "GIT_CONFIG_VALUE_0=v", "HTTPS_PROXY=p",
		"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
