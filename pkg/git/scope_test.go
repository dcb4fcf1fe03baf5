package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wide is a repository whose folders alone are more than is read in any case.
func wide() map[string]string {
	files := map[string]string{"README.md": "# config\n", "zz/last.yaml": "image: last:1\n"}
	for i := range 2400 {
		files[fmt.Sprintf("apps/app-%05d/values.yaml", i)] = fmt.Sprintf("image: app:%d\n", i)
	}
	for i := range 40 {
		files[fmt.Sprintf("base/svc-%02d/deployment.yaml", i)] = fmt.Sprintf("image: svc:%d\n", i)
		files[fmt.Sprintf("base/svc-%02d/notes.md", i)] = fmt.Sprintf("of %d\n", i)
	}
	for i := range 300 {
		files[fmt.Sprintf("many/file-%03d.yaml", i)] = fmt.Sprintf("image: many:%d\n", i)
	}
	files["base/big.yaml"] = strings.Repeat("0123456789abcdef", 8<<10)
	return files
}

func yamlBelow(folder string) Scope {
	scope := below(folder)
	scope.File = func(path string) bool { return strings.HasPrefix(path, folder+"/") && strings.HasSuffix(path, ".yaml") }
	return scope
}

func inScope(files map[string]string, scope Scope) map[string]string {
	chosen := maps.Clone(files)
	maps.DeleteFunc(chosen, func(path, _ string) bool {
		for i, c := range path {
			if c == '/' && !scope.folder(path[:i]) {
				return true
			}
		}
		return !scope.file(path)
	})
	return chosen
}

func contents(t *testing.T, objects *Objects, files []File) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, file := range files {
		content, err := objects.Content(file)
		if err != nil {
			t.Fatal(err)
		}
		got[file.Path] = string(content)
	}
	return got
}

// fetchFiles fetches, compares with a model, and returns the objects.
func fetchFiles(t *testing.T, remote *Remote, tip string, scope Scope, history int, model map[string]string) *Objects {
	t.Helper()
	objects, files, err := remote.FetchFiles(t.Context(), tip, scope, history)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inScope(model, scope), contents(t, objects, files)); diff != "" {
		t.Error(diff)
	}
	if !slices.IsSortedFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("the files are not sorted")
	}
	commits, whole, err := objects.History(tip)
	if err != nil || !whole && len(commits) < history {
		t.Errorf("%d commits of %d, %v", len(commits), history, err)
	}
	return objects
}

func packet(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

func TestFetchFilesOfEveryServer(t *testing.T) {
	t.Parallel()
	model := wide()
	type kind struct {
		config []string
		fault  func(tip string) func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc)
		most   int // requests for one known path, advertisement and push included
	}
	for name, kind := range map[string]kind{
		"like GitHub":     {most: 6},
		"no filters":      {config: []string{"uploadpack.allowFilter", "false"}, most: 6},
		"filters refused": {config: []string{"uploadpackfilter.allow", "false"}, most: 10},
		"no blob:limit":   {config: []string{"uploadpackfilter.blob:limit.allow", "false"}, most: 10},
		"no tree:0":       {config: []string{"uploadpackfilter.tree.allow", "false"}, most: 12},
		"nothing by its id": {most: 12, fault: func(tip string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
			return func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if strings.HasSuffix(r.URL.Path, uploadPack) && bytes.Count(body, []byte("want ")) != bytes.Count(body, []byte("want "+tip)) {
					w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
					fmt.Fprint(w, packet("ERR upload-pack: not our ref "+strings.Repeat("ab", 20)+"\n"))
					return
				}
				forward(w, r)
			}
		}},
		"one answer is empty": {most: 8, fault: func(string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
			first := true
			return func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
				if r.Method == http.MethodPost && first {
					first = false
					w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
					return
				}
				forward(w, r)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			repo := server.repository(t)
			repo.commit("main", map[string]string{"README.md": "# old\n"})
			tip := repo.commit("main", model)
			if kind.config != nil {
				repo.git("config", kind.config[0], kind.config[1])
			}
			if kind.fault != nil {
				server.setFault(kind.fault(tip))
			}
			for place, scope := range map[string]Scope{
				"apps/app-01234/values.yaml": onePath("apps/app-01234/values.yaml"), "README.md": onePath("README.md"),
				"base/svc-07/deployment.yaml": yamlBelow("base"), "zz/last.yaml": {File: func(path string) bool { return strings.HasSuffix(path, "t.yaml") }},
			} {
				remote := repo.remote()
				server.take()
				if got, err := remote.Tip(t.Context(), "main"); err != nil || got != tip {
					t.Fatalf("%s, %v", got, err)
				}
				objects := fetchFiles(t, remote, tip, scope, 2, model)
				sha := change(t, objects, tip, place, "image: new:1\n")
				mustPush(t, remote, objects, "main", tip, sha)
				if requests := server.take(); len(requests) > kind.most {
					t.Errorf("%s: %d requests", place, len(requests))
				}
				if got := repo.git("diff", "--name-only", tip, "main"); got != place {
					t.Errorf("changed: %s", got)
				}
				repo.git("fsck", "--full", "--strict")
				repo.git("update-ref", "refs/heads/main", tip)
			}
		})
	}
}

func TestFetchFilesCountsItsRequests(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	small := repo.commit("small", sampleFiles)
	line(repo, "large", 30)
	large := repo.commit("large", wide())
	models := map[string]map[string]string{small: sampleFiles, large: wide()}
	models[large]["large/file"] = "29"
	for name, test := range map[string]struct {
		tip     string
		scope   Scope
		history int
		want    int
	}{
		"small, a path":           {small, onePath("base/app.yaml"), 0, 2},
		"small, with history":     {small, onePath("base/app.yaml"), 50, 2},
		"large, a path":           {large, onePath("apps/app-01234/values.yaml"), 0, 2},
		"large, some history":     {large, onePath("apps/app-01234/values.yaml"), 20, 2},
		"large, much history":     {large, onePath("apps/app-01234/values.yaml"), 50, 2},
		"large, a file on top":    {large, onePath("README.md"), 0, 2},
		"large, a folder":         {large, onePath("base/svc-07/notes.md"), 0, 2},
		"large, many files":       {large, yamlBelow("base"), 0, 3}, // one is larger than those that come along
		"large, everything":       {large, Scope{}, 0, 2},
		"large, nothing in scope": {large, onePath("nowhere/at/all.yaml"), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			remote := repo.remote()
			if _, err := remote.Tip(t.Context(), "main"); err != nil {
				t.Fatal(err)
			}
			server.take()
			fetchFiles(t, remote, test.tip, test.scope, test.history, models[test.tip])
			if requests := server.take(); len(requests) != test.want {
				t.Errorf("%d requests, want %d", len(requests), test.want)
			}
			fetchFiles(t, remote, test.tip, test.scope, test.history, models[test.tip])
			if requests := server.take(); len(requests) != 0 {
				t.Errorf("%d requests for what is here", len(requests))
			}
		})
	}
}

// A folder of thousands, of which the server sends the oldest of twenty versions and
// then how each differs from the one before, is read to the version of the tip, and
// the other versions are not kept.
func TestFetchFilesOfAFamily(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	var in strings.Builder
	model := map[string]string{}
	for i := range 5000 {
		model[fmt.Sprintf("apps/app-%05d/values.yaml", i)] = fmt.Sprintf("image: app:0.%d\n", i)
	}
	edits := model
	for i := range 25 {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Test <test@example.com> %d +0000\ndata 4\nstep\n", 1700000000+i)
		for path, content := range edits {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
		}
		edits = map[string]string{fmt.Sprintf("apps/app-%05d/values.yaml", 100*i): fmt.Sprintf("image: app:%d\n", i+1)}
		if i < 24 {
			maps.Copy(model, edits)
		}
	}
	runGit(t, repo.dir, in.String(), "fast-import", "--quiet")
	tip := repo.tip("main")
	const path = "apps/app-04321/values.yaml"
	remote := repo.remote()
	if _, err := remote.Tip(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	server.take()
	objects := fetchFiles(t, remote, tip, onePath(path), 20, model)
	if requests := server.take(); len(requests) != 2 {
		t.Errorf("%d requests", len(requests))
	}
	large := 0
	for _, object := range remote.objects.objects {
		if len(object.data) > largeDelta {
			large++
		}
	}
	if large > 2 { // the oldest version, which was sent whole, and that of the tip
		t.Errorf("%d versions of the folder were kept", large)
	}
	sha := change(t, objects, tip, path, "image: app:new\n")
	mustPush(t, remote, objects, "main", tip, sha)
	repo.git("fsck", "--full", "--strict")
}

// The second fetch of a branch that moved costs what changed.
func TestFetchFilesAfterAMove(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	model := wide()
	repo.commit("main", map[string]string{"apps/app-00002/values.yaml": "image: old:1\n", "gone.yaml": "x"})
	first := repo.commit("main", model)
	model["gone.yaml"] = "x"
	mine := "apps/app-01234/values.yaml"
	remote := repo.remote()
	fetchFiles(t, remote, first, onePath(mine), 50, model)
	server.take()
	for _, step := range []struct {
		path, content string
	}{
		{"apps/app-02345/values.yaml", "image: other:1\n"}, // elsewhere
		{"many/file-123.yaml", "image: other:1\n"},         // in a folder that comes as a delta of one that is not here
		{mine, "image: mine:2\n"},                          // the same file
		{mine, "image: app:1234\n"},                        // as it was in a commit that is here
		{"apps/app-00002/values.yaml", "image: old:1\n"},   // as it was before anything that is here
	} {
		model[step.path] = step.content
		tip := repo.commit("main", map[string]string{step.path: step.content})
		objects := fetchFiles(t, remote, tip, onePath(mine), 50, model)
		requests := server.take()
		down := 0
		for _, request := range requests {
			down += request.received
		}
		if len(requests) > 2 || down > 4000 {
			t.Errorf("%s: %d requests, %d bytes", step.path, len(requests), down)
		}
		sha := change(t, objects, tip, mine, "image: next:"+tip+"\n")
		mustPush(t, remote, objects, "main", tip, sha)
		model[mine] = "image: next:" + tip + "\n"
		server.take()
	}
	// The branch is somewhere else altogether.
	other := repo.commit("other", sampleFiles)
	fetchFiles(t, remote, other, Scope{}, 50, sampleFiles)
	repo.git("fsck", "--full", "--strict")
}

// Any scope of any tree, from any state of the client.
func TestFetchFilesAtRandom(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	random := rand.New(rand.NewPCG(7, 11))
	model := map[string]string{}
	remote := repo.remote()
	for round := range 30 {
		edits := map[string]string{}
		for range 1 + random.IntN(40) {
			path := fmt.Sprintf("d%d/e%d/f%d", random.IntN(4), random.IntN(4), random.IntN(4))
			edits[path] = fmt.Sprintf("%d\n", random.IntN(5))
		}
		maps.Copy(model, edits)
		tip := repo.commit("main", edits)
		if random.IntN(5) == 0 {
			remote = repo.remote()
		}
		prefix := fmt.Sprintf("d%d/e%d", random.IntN(4), random.IntN(4))
		last := string('0' + rune(random.IntN(4)))
		scope := []Scope{
			{}, below(prefix), below(prefix[:2]), onePath(prefix + "/f1"),
			{File: func(path string) bool { return strings.HasSuffix(path, last) }},
			{Folder: func(path string) bool { return strings.HasSuffix(path, last) || len(path) == 2 }},
		}[random.IntN(6)]
		objects := fetchFiles(t, remote, tip, scope, random.IntN(6), model)
		for path := range inScope(model, scope) {
			sha := change(t, objects, tip, path, fmt.Sprintf("round %d\n", round))
			mustPush(t, remote, objects, "main", tip, sha)
			model[path] = fmt.Sprintf("round %d\n", round)
			break
		}
	}
	repo.git("fsck", "--full", "--strict")
}

// What a checkout has is not fetched, and what it lacks is.
func TestBorrow(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	line(repo, "main", 30)
	repo.git("config", "uploadpack.allowFilter", "true")
	model := maps.Clone(sampleFiles)
	tip := repo.commit("main", sampleFiles)
	model["main/file"] = "29"
	scope := onePath("base/app.yaml")
	for name, test := range map[string]struct {
		clone   []string
		history int
		want    int // requests
	}{
		"the tip":             {[]string{"--depth=1"}, 0, 0},
		"no history":          {[]string{"--depth=1"}, 20, 1},
		"no files":            {[]string{"--filter=blob:none", "--no-checkout"}, 0, 2},
		"nothing of the sort": {[]string{"--depth=1", "--branch=other"}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			repo.commit("other", map[string]string{"x": "y"})
			dir := filepath.Join(t.TempDir(), "clone")
			runGit(t, repo.dir, "", slices.Concat([]string{"clone", "-q"}, test.clone, []string{"file://" + repo.dir, dir})...)
			checkout, err := OpenCheckout(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			remote := repo.remote()
			if _, err := remote.Tip(t.Context(), "main"); err != nil {
				t.Fatal(err)
			}
			server.take()
			remote.Borrow(t.Context(), checkout, tip, scope)
			objects := fetchFiles(t, remote, tip, scope, test.history, model)
			if requests := server.take(); len(requests) != test.want {
				t.Errorf("%d requests, want %d", len(requests), test.want)
			}
			sha := change(t, objects, tip, "base/app.yaml", "image: "+name+"\n")
			mustPush(t, remote, objects, "main", tip, sha)
			repo.git("fsck", "--full", "--strict")
			repo.git("update-ref", "refs/heads/main", tip)
		})
	}
}

func TestFetchFilesUnknownCommit(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	repo.commit("main", sampleFiles)
	for _, blind := range []bool{false, true} {
		remote := repo.remote()
		if _, err := remote.Tip(t.Context(), "main"); blind && err != nil {
			t.Fatal(err)
		}
		if _, _, err := remote.FetchFiles(t.Context(), strings.Repeat("ab", 20), Scope{}, 5); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
	if _, _, err := repo.remote().FetchFiles(t.Context(), "main", Scope{}, 0); err == nil {
		t.Error("a branch name passed")
	}
}

func TestFetchFilesWithinLimits(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", wide())
	for name, limits := range map[string]Limits{
		"bytes": {Bytes: 2000}, "objects": {Objects: 20}, "content": {Content: 1 << 10}, "entries": {Entries: 60},
	} {
		_, _, err := repo.remote(func(o *Options) { o.Limits = limits }).FetchFiles(t.Context(), tip, Scope{}, 5)
		if !errors.Is(err, errTooLarge) || errors.Is(err, ErrTransient) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An answer that is not read to its end leaves nothing behind.
func TestFetchFilesLeavesNothingRunning(t *testing.T) { //nolint:paralleltest // it counts goroutines
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", wide())
	run := func() {
		remote := repo.remote()
		fetchFiles(t, remote, tip, onePath("apps/app-01234/values.yaml"), 5, wide())
		remote.client.CloseIdleConnections()
		server.CloseClientConnections()
		server.take() // waits for the requests that are being served
	}
	run()
	before := runtime.NumGoroutine()
	for range 5 {
		run()
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before+2 {
			return
		}
		runtime.Gosched()
		server.take()
	}
	buffer := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buffer[:runtime.Stack(buffer, true)])
}

func TestFetchFilesBrokenAnswers(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	empty, err := writePack(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		fault func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc)
		want  error
	}{
		"cut short, closed": {func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
			forward(&truncated{ResponseWriter: w, left: 200}, r)
			panic(http.ErrAbortHandler)
		}, ErrTransient},
		"cut short, complete for HTTP": {func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
			forward(&truncated{ResponseWriter: w, left: 200}, r)
		}, ErrTransient},
		"an empty pack": {func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			fmt.Fprint(w, packet("shallow "+tip), "0000", packet("NAK\n"), packet("\x01"+string(empty)), "0000")
		}, nil},
		"nothing": {func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		}, nil},
		"a page": {func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { fmt.Fprint(w, "<html>") }, nil},
	} {
		server.setFault(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
			if r.Method == http.MethodPost {
				test.fault(w, r, forward)
				return
			}
			forward(w, r)
		})
		remote := repo.remote()
		for range 2 {
			_, files, err := remote.FetchFiles(t.Context(), tip, Scope{}, 5)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%s: %d files, %v", name, len(files), err)
			}
			if ok, err := remote.Descends(t.Context(), strings.Repeat("ab", 20), tip); err == nil {
				t.Errorf("%s: %v", name, ok)
			}
		}
		server.setFault(nil)
		fetchFiles(t, remote, tip, Scope{}, 5, sampleFiles) // once the server is well again
	}
}

// Twenty thousand refs are read past.
func TestTipAmongManyRefs(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	repo := server.repository(t)
	tip := repo.commit("main", sampleFiles)
	var packed strings.Builder
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range 20_000 {
		fmt.Fprintf(&packed, "%s refs/pull/%05d/head\n", tip, i)
	}
	if err := os.WriteFile(repo.dir+"/packed-refs", []byte(packed.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	remote := repo.remote()
	if got, err := remote.Tip(t.Context(), "main"); err != nil || got != tip {
		t.Errorf("%s, %v", got, err)
	}
	if len(remote.push.refs) != 1 {
		t.Errorf("%d refs are kept", len(remote.push.refs))
	}
	if refs, err := remote.Refs(t.Context()); err != nil || len(refs) != 20_002 {
		t.Errorf("%d refs, %v", len(refs), err)
	}
	if _, err := repo.remote(func(o *Options) { o.Limits.Objects = 1000 }).Tip(t.Context(), "main"); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
}
