package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sampleFiles = map[string]string{
	"base/app.yaml": "image: app:1\n",
	"base/db.yaml":  "image: db:1\n",
	"dev/app.yaml":  "replicas: 1\n",
	"README.md":     "# config\n",
}

func TestFetchReadsFiles(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	remote := repo.remote()

	objects := fetch(t, remote, tip)
	got, err := readAll(t.Context(), objects, tip)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleFiles, got); diff != "" {
		t.Error(diff)
	}
	requests := server.take()
	if len(requests) != 3 {
		t.Errorf("%d requests, want 3: advertisement, trees, files", len(requests))
	}
	if !strings.Contains(requests[1].body, "filter blob:none") || !strings.Contains(requests[1].body, "deepen 1") {
		t.Errorf("the trees were asked for with %q", requests[1].body)
	}
	for _, request := range requests {
		if len(request.authorization) != 1 {
			t.Errorf("%s %s: %d Authorization headers", request.method, request.path, len(request.authorization))
		}
	}
}

func TestFetchAgainIsFree(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	remote := repo.remote()
	if _, err := readAll(t.Context(), fetch(t, remote, tip), tip); err != nil {
		t.Fatal(err)
	}
	server.take()
	if _, err := readAll(t.Context(), fetch(t, remote, tip, tip), tip); err != nil {
		t.Fatal(err)
	}
	if requests := server.take(); len(requests) != 0 {
		t.Errorf("%d requests for what is here already", len(requests))
	}
}

func TestFetchSeveralTipsInOneRequest(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	first := repo.commit("dev", map[string]string{"a": "1"})
	second := repo.commit("production", map[string]string{"a": "2"})
	remote := repo.remote()
	objects := fetch(t, remote, first, second)
	if requests := server.take(); len(requests) != 2 {
		t.Errorf("%d requests, want 2", len(requests))
	}
	for commit, want := range map[string]string{first: "1", second: "2"} {
		got, err := readAll(t.Context(), objects, commit)
		if err != nil || got["a"] != want {
			t.Errorf("%s: %v, %v", commit, got, err)
		}
	}
}

func TestFetchWithoutFilter(t *testing.T) {
	t.Parallel()
	for name, setting := range map[string][]string{
		"not offered": {"config", "uploadpack.allowFilter", "false"},
		"refused":     {"config", "uploadpackfilter.allow", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			repo := server.repository(t)
			tip := repo.commit("main", sampleFiles)
			repo.git(setting...)
			remote := repo.remote()
			objects := fetch(t, remote, tip)
			server.take()
			got, err := readAll(t.Context(), objects, tip)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(sampleFiles, got); diff != "" {
				t.Error(diff)
			}
			if requests := server.take(); len(requests) != 0 {
				t.Errorf("%d more requests: everything should have come at once", len(requests))
			}
		})
	}
}

// A client that has a commit gets the difference only, and the whole difference:
// also what an ancestor of that commit had, which the client never saw.
func TestFetchOnTopOfWhatIsHere(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	files := map[string]string{}
	for i := range 300 {
		files[fmt.Sprintf("apps/app-%03d/values.yaml", i)] = fmt.Sprintf("image: app:%d\n", i)
	}
	first := repo.commit("main", files)
	second := repo.commit("main", map[string]string{"apps/app-007/values.yaml": "image: app:new\n", "only/here.yaml": "x\n"})
	third := repo.commit("main", map[string]string{"apps/app-007/values.yaml": "image: app:7\n"}) // a revert
	repo.git("repack", "-adq", "--write-bitmap-index")
	remote := repo.remote()

	fetch(t, remote, second)
	whole := server.take()[1].received
	objects := fetch(t, remote, third)
	requests := server.take()
	if len(requests) != 1 || requests[0].received*10 > whole {
		t.Errorf("%d requests, %d bytes; the first fetch had %d", len(requests), requests[0].received, whole)
	}
	if body := requests[0].body; !strings.Contains(body, "have "+second) || !strings.Contains(body, "shallow "+second) {
		t.Errorf("the server was told %q", body)
	}
	want := maps.Clone(files)
	want["only/here.yaml"] = "x\n"
	got, err := readAll(t.Context(), objects, third)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := readAll(t.Context(), fetch(t, remote, first), first); err != nil || len(got) != 300 {
		t.Errorf("an older commit: %d files, %v", len(got), err)
	}
}

func TestFetchLargeFlatTree(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	files := map[string]string{}
	for i := range 3000 {
		files[fmt.Sprintf("apps/app-%05d/values.yaml", i)] = fmt.Sprintf("image: app:%d\n", i)
	}
	tip := repo.commit("main", files)
	remote := repo.remote()
	objects := fetch(t, remote, tip)
	sha := change(t, objects, tip, "apps/app-01234/values.yaml", "image: app:next\n")
	server.take()
	mustPush(t, remote, objects, "main", tip, sha)
	for _, request := range server.take() {
		if len(request.body) > 2000 {
			t.Errorf("%s sent %d bytes: the pack is not thin", request.path, len(request.body))
		}
	}
	if got := repo.show("main:apps/app-01234/values.yaml"); got != "image: app:next" {
		t.Errorf("got %q", got)
	}
	if got := repo.git("ls-tree", "-r", "--name-only", "main"); strings.Count(got, "\n") != 2999 {
		t.Errorf("%d files", strings.Count(got, "\n")+1)
	}
	repo.git("fsck", "--full", "--strict")
}

func TestFetchUnknownCommit(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	repo.commit("main", sampleFiles)
	_, err := repo.remote().Fetch(t.Context(), strings.Repeat("ab", 20))
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "main", "HEAD", "-x", "abcdef", strings.Repeat("0", 40), strings.Repeat("AB", 20), "refs/heads/main"} {
		if _, err := repo.remote().Fetch(t.Context(), bad); err == nil || errors.Is(err, ErrTransient) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestFilesLeavesOutLinksAndSubmodules(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", map[string]string{
		"plain": "p", "run.sh|100755": "r", "link|120000": "../../etc/passwd", "folder-link|120000": "d", "d/inner": "i",
		"vendor/module|160000": strings.Repeat("12", 20),
	})
	files, err := fetch(t, repo.remote(), tip).Files(tip, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, file := range files {
		got = append(got, fmt.Sprintf("%o %s", file.Mode, file.Path))
	}
	if diff := cmp.Diff([]string{"100644 d/inner", "100644 plain", "100755 run.sh"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFetchLimits(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	files := map[string]string{"big": strings.Repeat("0123456789abcdef", 1<<12)}
	for i := range 50 {
		files[fmt.Sprintf("d%d/f", i)] = fmt.Sprint(i)
	}
	tip := repo.commit("main", files)
	for name, limits := range map[string]Limits{
		"bytes":   {Bytes: 600},
		"objects": {Objects: 20},
		"content": {Content: 30 << 10},
		"entries": {Entries: 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := repo.remote(func(o *Options) { o.Limits = limits })
			objects, err := remote.Fetch(t.Context(), tip)
			if err == nil {
				_, err = readAll(t.Context(), objects, tip)
			}
			if !errors.Is(err, errTooLarge) || errors.Is(err, ErrTransient) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A tree of ten folders that are all the same folder, ten levels deep, is a few
// hundred bytes and ten thousand million files.
func TestFilesOfATreeBomb(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	id := runGit(t, repo.dir, "x", "hash-object", "-w", "--stdin")
	mode, kind := "100644", "blob"
	for range 10 {
		var lines strings.Builder
		for i := range 10 {
			fmt.Fprintf(&lines, "%s %s %s\td%d\n", mode, kind, id, i)
		}
		id = runGit(t, repo.dir, lines.String(), "mktree")
		mode, kind = "040000", "tree"
	}
	commit := repo.git("commit-tree", "-m", "bomb", id)
	repo.git("update-ref", "refs/heads/main", commit)
	_, err := repo.remote(func(o *Options) { o.Limits.Entries = 10_000 }).Fetch(t.Context(), commit)
	if !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestFilesOfAMalformedTree(t *testing.T) {
	t.Parallel()
	blob := strings.Repeat("\x12", 20)
	for name, tree := range map[string]string{
		"parent folder": "100644 ..\x00" + blob,
		"this folder":   "40000 .\x00" + blob,
		"slash":         "100644 a/b\x00" + blob,
		"git folder":    "40000 .GIT\x00" + blob,
		"empty name":    "100644 \x00" + blob,
		"short id":      "100644 a\x00" + blob[:19],
		"no mode":       " a\x00" + blob,
		"bad mode":      "10064x a\x00" + blob,
		"no NUL":        "100644 a",
	} {
		if entries, err := parseTree([]byte(tree)); err == nil {
			t.Errorf("%s: got %v", name, entries)
		}
	}
}

func TestLoadAsksOnceForEverything(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("f%d", i)] = fmt.Sprintf("content %d\n", i%150) // some are the same
	}
	tip := repo.commit("main", files)
	objects := fetch(t, repo.remote(), tip)
	server.take()
	got, err := readAll(t.Context(), objects, tip)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files, got); diff != "" {
		t.Error(diff)
	}
	requests := server.take()
	if len(requests) != 1 || strings.Count(requests[0].body, "want ") != 150 {
		t.Errorf("%d requests", len(requests))
	}
	list, err := objects.Files(tip, func(path string) bool { return path == "f1" })
	if err != nil {
		t.Fatal(err)
	}
	list[0].Blob = strings.Repeat("cd", 20)
	if err := objects.Load(t.Context(), list); err == nil {
		t.Error("a blob that does not exist was loaded")
	}
	if _, err := objects.Content(list[0]); err == nil {
		t.Error("a blob that does not exist was read")
	}
}

// A server that leaves out more than it was asked to is asked in other words.
func TestFetchIncompleteAnswer(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	first := repo.commit("main", sampleFiles)
	second := repo.commit("main", map[string]string{"base/app.yaml": "image: app:2\n"})
	remote := repo.remote()
	spoil := func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		body, _ := io.ReadAll(r.Body)
		body = bytes.Replace(body, []byte("0015filter blob:none\n"), []byte("0012filter tree:0\n"), 1)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		forward(w, r)
	}
	server.setFault(spoil)
	for _, tip := range []string{first, second} {
		got, err := readAll(t.Context(), fetch(t, remote, tip), tip)
		if err != nil || len(got) != len(sampleFiles) {
			t.Errorf("%d files, %v", len(got), err)
		}
	}
	if requests := server.take(); len(requests) != 1+2+3 {
		t.Errorf("%d requests", len(requests))
	}
}

func TestFetchShowsTheServersWords(t *testing.T) {
	t.Parallel()
	remote, err := NewRemote(Options{URL: "https://example.com/a/b"})
	if err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]string{
		"0008NAK\n0009\x03nope":                        "the server said: nope",
		"0008NAK\n0012\x02working on it0008\x03no\x1b": `the server said: no\x1b`,
		"000fERR go away":                              "the server said: go away",
		"":                                             "the server said: nothing",
	} {
		if _, err := remote.readAnswer(strings.NewReader(answer), wish{}); err == nil || err.Error() != want {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestFetchTruncatedAnswer(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	server.setFault(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		if r.Method == http.MethodGet {
			forward(w, r)
			return
		}
		forward(&truncated{ResponseWriter: w, left: 200}, r)
		panic(http.ErrAbortHandler)
	})
	_, err := repo.remote().Fetch(t.Context(), tip)
	if !errors.Is(err, ErrTransient) {
		t.Errorf("got %v", err)
	}
}

type truncated struct {
	http.ResponseWriter
	left int
}

func (w *truncated) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	if _, err := w.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	return len(p), nil
}
