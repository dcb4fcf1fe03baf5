package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// pushed is a repository with a commit that is ready to be pushed.
type pushed struct {
	server  *server
	repo    *repository
	remote  *Remote
	objects *Objects
	old     string
	sha     string
}

func readyToPush(t *testing.T) *pushed {
	t.Helper()
	p := &pushed{server: newServer(t)}
	p.repo = p.server.repository(t)
	p.old = p.repo.commit("main", sampleFiles)
	p.remote = p.repo.remote()
	p.objects = fetch(t, p.remote, p.old)
	p.sha = change(t, p.objects, p.old, "base/app.yaml", "image: app:2\n")
	return p
}

func (p *pushed) push(t *testing.T) error {
	t.Helper()
	err := p.remote.Push(t.Context(), p.objects, "main", p.old, p.sha)
	if err != nil {
		noCanary(t, err.Error())
	}
	return err
}

func TestPush(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	if err := p.push(t); err != nil {
		t.Fatal(err)
	}
	if got := p.repo.tip("main"); got != p.sha {
		t.Errorf("the branch is at %s", got)
	}
	if got := p.repo.git("diff", "--stat=80", p.old, p.sha); !strings.Contains(got, "base/app.yaml | 2 +-") || !strings.Contains(got, "1 file changed") {
		t.Error(got)
	}
	p.repo.git("fsck", "--full", "--strict")
	// Again is safe, and sends nothing.
	p.server.take()
	if err := p.push(t); err != nil {
		t.Error(err)
	}
	if requests := p.server.take(); len(requests) != 1 || requests[0].method != http.MethodGet {
		t.Errorf("%d requests", len(requests))
	}
	// Two commits at once.
	second := change(t, p.objects, p.sha, "base/app.yaml", "image: app:3\n")
	third := change(t, p.objects, second, "base/new.yaml", "image: new:1\n")
	mustPush(t, p.remote, p.objects, "main", p.sha, third)
	if got := p.repo.git("rev-list", "--count", p.old+"..main"); got != "3" {
		t.Errorf("%s commits", got)
	}
	p.repo.git("fsck", "--full", "--strict")
}

func TestPushCreatesABranchOnce(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	if err := p.remote.Push(t.Context(), p.objects, "pawl/topic", "", p.sha); err != nil {
		t.Fatal(err)
	}
	if got := p.repo.tip("pawl/topic"); got != p.sha {
		t.Errorf("the branch is at %s", got)
	}
	if err := p.remote.Push(t.Context(), p.objects, "pawl/topic", "", p.sha); err != nil {
		t.Errorf("again: %v", err)
	}
	if err := p.remote.Push(t.Context(), p.objects, "pawl/topic", "", p.old); !errors.Is(err, ErrMoved) {
		t.Errorf("at another commit: %v", err)
	}
	if err := p.remote.Push(t.Context(), p.objects, "copy", "", p.old); err != nil {
		t.Errorf("at a commit that the server has: %v", err)
	}
	if err := p.remote.Push(t.Context(), p.objects, "pawl/topic/below", "", p.sha); err == nil || errors.Is(err, ErrMoved) {
		t.Errorf("below a branch of that name: %v", err)
	}
}

func TestPushRefusesWhatIsNotBuiltOnOld(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	other := p.repo.commit("other", map[string]string{"x": "y"})
	p.objects = fetch(t, p.remote, p.old, other)
	onOther := change(t, p.objects, other, "x", "z")
	p.server.take()
	for name, push := range map[string]struct{ branch, old, sha string }{
		"another line":    {"main", p.old, onOther},
		"a plain rewind":  {"main", p.old, other},
		"no commit":       {"main", p.old, strings.Repeat("ab", 20)},
		"zero":            {"main", p.old, strings.Repeat("0", 40)},
		"delete":          {"main", p.old, ""},
		"short old":       {"main", p.old[:12], onOther},
		"a forced branch": {"+main", p.old, onOther},
		"an option":       {"--force", p.old, onOther},
		"above the heads": {"../../config", p.old, onOther},
		"empty":           {"", p.old, onOther},
		"HEAD":            {"HEAD", p.old, onOther},
	} {
		if err := p.remote.Push(t.Context(), p.objects, push.branch, push.old, push.sha); err == nil {
			t.Errorf("%s: passed", name)
		}
	}
	if requests := p.server.take(); len(requests) != 0 && requests[0].method != http.MethodGet {
		t.Errorf("%d requests", len(requests))
	}
	if got := p.repo.tip("main"); got != p.old {
		t.Errorf("main is at %s", got)
	}
}

func TestPushToABranchThatMoved(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(p *pushed){
		"ahead": func(p *pushed) { p.repo.commit("main", map[string]string{"other": "1"}) },
		"rewound": func(p *pushed) {
			p.repo.git("update-ref", "refs/heads/main", p.repo.commit("x", map[string]string{"a": "b"}))
		},
		"deleted": func(p *pushed) { p.repo.git("update-ref", "-d", "refs/heads/main") },
		"recreated": func(p *pushed) {
			p.repo.git("update-ref", "refs/heads/main", p.repo.commit("y", map[string]string{"a": "c"}))
		},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after the push began: %v", name, late), func(t *testing.T) {
				t.Parallel()
				p := readyToPush(t)
				if late {
					p.server.onPush(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
						move(p)
						forward(w, r)
					})
				} else {
					move(p)
				}
				before, _ := tryGit(t, p.repo.dir, "", "rev-parse", "refs/heads/main")
				if err := p.push(t); !errors.Is(err, ErrMoved) {
					t.Errorf("got %v", err)
				}
				after, _ := tryGit(t, p.repo.dir, "", "rev-parse", "refs/heads/main")
				if !late && before != after || strings.TrimSpace(after) == p.sha {
					t.Errorf("the branch went from %s to %s", before, after)
				}
			})
		}
	}
}

func TestPushAgainstAHook(t *testing.T) {
	t.Parallel()
	for _, hook := range []string{"pre-receive", "update"} {
		p := readyToPush(t)
		p.repo.hook(hook, `
printf '\033[31merror: GH013: Repository rule violations\033[0m\n' >&2
printf 'Review required\rby 2\n\n' >&2
echo token `+canary+` >&2
exit 1
`)
		err := p.push(t)
		var refused *RefusedError
		if !errors.As(err, &refused) || errors.Is(err, ErrMoved) || errors.Is(err, ErrTransient) {
			t.Fatalf("%s: got %v", hook, err)
		}
		want := []string{`\x1b[31merror: GH013: Repository rule violations\x1b[0m`, "by 2", "token [redacted]"}
		got := refused.Text
		if len(got) > len(want) { // git adds a line about an update hook
			got = got[:len(want)]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", hook, diff)
		}
		if !strings.Contains(refused.Reason, "hook declined") || refused.Ref != "refs/heads/main" {
			t.Errorf("%s: %+v", hook, refused)
		}
		if got := p.repo.tip("main"); got != p.old {
			t.Errorf("%s: the branch is at %s", hook, got)
		}
	}
}

// What a server does besides answering, and what a push makes of it.
func TestPushWithALostAnswer(t *testing.T) {
	t.Parallel()
	gitType := "application/x-git-receive-pack-result"
	answers := map[string]func(w http.ResponseWriter){
		"empty 200":  func(w http.ResponseWriter) { w.Header().Set("Content-Type", gitType) },
		"no type":    func(http.ResponseWriter) {},
		"proxy page": func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") },
		"502":        func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"504":        func(w http.ResponseWriter) { w.WriteHeader(http.StatusGatewayTimeout) },
		"closed":     func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"cut short": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", gitType)
			fmt.Fprint(w, "0030\x01000eunpack ok\n")
		},
		"another branch": func(w http.ResponseWriter) { fakeReport(w, "unpack ok\n", "ok refs/heads/other\n") },
		"no branch":      func(w http.ResponseWriter) { fakeReport(w, "unpack ok\n") },
		"another type": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			fakeReport(w, "unpack ok\n", "ok refs/heads/main\n")
		},
		"garbage":         func(w http.ResponseWriter) { w.Header().Set("Content-Type", gitType); fmt.Fprint(w, "what?") },
		"fatal side band": func(w http.ResponseWriter) { w.Header().Set("Content-Type", gitType); fmt.Fprint(w, "000a\x03died\n") },
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			landed := readyToPush(t)
			landed.server.onPush(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
				forwardAndHide(r, forward)
				answer(w)
			})
			if err := landed.push(t); err != nil || landed.repo.tip("main") != landed.sha {
				t.Errorf("landed: %v", err)
			}
			lost := readyToPush(t)
			lost.server.onPush(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { answer(w) })
			if err := lost.push(t); !errors.Is(err, ErrTransient) || errors.Is(err, ErrMoved) || lost.repo.tip("main") != lost.old {
				t.Errorf("lost: %v", err)
			}
			buried := readyToPush(t)
			buried.server.onPush(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
				forwardAndHide(r, forward)
				buried.repo.commit("main", map[string]string{"on": "top"})
				answer(w)
			})
			if err := buried.push(t); !errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("buried: %v", err)
			}
		})
	}
}

func fakeReport(w http.ResponseWriter, lines ...string) {
	var inner bytes.Buffer
	for _, line := range lines {
		fmt.Fprintf(&inner, "%04x%s", len(line)+4, line)
	}
	inner.WriteString("0000")
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
	}
	fmt.Fprintf(w, "%04x\x01%s0000", inner.Len()+5, inner.String())
}

// A server that says ok without doing it cannot be caught; one that says no after
// doing it can.
func TestPushRefusedAfterItLanded(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	p.server.onPush(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		forwardAndHide(r, forward)
		fakeReport(w, "unpack ok\n", "ng refs/heads/main internal error\n")
	})
	if err := p.push(t); err != nil {
		t.Errorf("got %v", err)
	}
}

// Refusals as servers word them, those of go-git.md and of Git's own source. When
// the branch moved, that is what counts, whatever was said.
func TestPushRefusedInEveryWording(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		reason, text string
		contended    bool // though the branch reads as before
	}{
		{"failed to update ref", "", true},
		{"failed to update ref", "error: cannot lock ref 'refs/heads/main': is at 12 but expected 34", true},
		{"cannot lock ref 'refs/heads/main': is at 12 but expected 34", "", true},
		{"cannot lock ref", "fatal: Unable to create '/srv/refs/heads/main.lock': File exists.", true},
		{"cannot lock ref 'refs/heads/main': unable to resolve reference", "", false},
		{"incorrect old value provided", "", true},
		{"reference already exists", "", true},
		{"fetch first", "", false},
		{"stale info", "", false},
		{"non-fast-forward", "", false},
		{"Referenz konnte nicht aktualisiert werden", "", false},
		{"pre-receive hook declined", "GH013: Repository rule violations found for refs/heads/main.", false},
		{"protected branch hook declined", "error: GH006: Protected branch update failed for refs/heads/main.", false},
		{"hook declined", "", false},
		{"", "", false},
		{"deny updating a hidden ref", "", false},
		{"unpacker error", "error: insufficient permission for adding an object", false},
	} {
		t.Run(test.reason+" "+test.text, func(t *testing.T) {
			t.Parallel()
			p := readyToPush(t)
			moves := false
			p.server.onPush(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
				if moves {
					p.repo.commit("main", map[string]string{"other": "1"})
				}
				w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
				if test.text != "" {
					fmt.Fprint(w, packet("\x02"+test.text+"\n"))
				}
				fakeReport(w, "unpack ok\n", "ng refs/heads/main "+test.reason+"\n")
			})
			var refused *RefusedError
			err := p.push(t)
			if test.contended != errors.Is(err, ErrMoved) || test.contended == errors.As(err, &refused) {
				t.Errorf("the branch is where it was: %v", err)
			}
			moves = true
			if err := p.push(t); !errors.Is(err, ErrMoved) {
				t.Errorf("the branch moved: %v", err)
			}
		})
	}
}

func TestPushWhenTheBranchCannotBeReadBack(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	sent := false
	p.server.setFault(func(w http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		switch {
		case isPush(r):
			sent = true
			forwardAndHide(r, forward)
			panic(http.ErrAbortHandler)
		case sent:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			forward(w, r)
		}
	})
	if err := p.push(t); !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("got %v", err)
	}
}

func TestPushIsFollowedToItsOutcome(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.server.onPush(func(_ http.ResponseWriter, r *http.Request, forward http.HandlerFunc) {
		forwardAndHide(r, forward)
		cancel() // the user gives up while the server works
		<-r.Context().Done()
	})
	if err := p.remote.Push(ctx, p.objects, "main", p.old, p.sha); err != nil {
		t.Errorf("the push landed and was reported as %v", err)
	}
	next := change(t, p.objects, p.sha, "base/app.yaml", "image: app:3\n")
	if err := p.remote.Push(ctx, p.objects, "main", p.sha, next); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPushWithoutPermission(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	p.repo.git("config", "http.receivepack", "false")
	if err := p.push(t); !errors.Is(err, ErrAccess) {
		t.Errorf("got %v", err)
	}
	p.repo.git("config", "http.receivepack", "true")
	for status, want := range map[int]error{401: ErrAccess, 403: ErrAccess, 413: nil} {
		p.server.onPush(func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) { w.WriteHeader(status) })
		err := p.push(t)
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && errors.Is(err, ErrTransient) {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
}

// The lock of a push that died on the server.
func TestPushAgainstALock(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	lock := filepath.Join(p.repo.dir, "refs", "heads", "main.lock")
	if err := os.MkdirAll(filepath.Dir(lock), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.push(t); !errors.Is(err, ErrMoved) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := p.push(t); err != nil {
		t.Error(err)
	}
}

func TestPushToAServerWithoutThinPacks(t *testing.T) {
	t.Parallel()
	p := readyToPush(t)
	server, err := p.remote.discover(t.Context(), receivePack, "refs/heads/main")
	if err != nil {
		t.Fatal(err)
	}
	old, _ := parseHash(p.old)
	sha, _ := parseHash(p.sha)
	fresh, err := p.objects.since(old, sha)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.can.Add("no-thin"); err != nil {
		t.Fatal(err)
	}
	m := move{ref: "refs/heads/main", old: old, new: sha}
	request, err := p.remote.encodePush(server.can, m, p.objects, fresh)
	if err != nil {
		t.Fatal(err)
	}
	_, pack, _ := bytes.Cut(request, []byte("0000PACK"))
	objects, err := readPack(bytes.NewReader(append([]byte("PACK"), pack...)), plainRules())
	if err != nil || len(objects) != len(fresh) {
		t.Errorf("%d objects, %v", len(objects), err)
	}
	if report := p.remote.sendPush(t.Context(), server, m, request); !report.accepted {
		t.Errorf("%+v", report)
	}
}

// Twenty jobs change one line each of the same file at the same time. Each makes
// its edit again when another one was faster. All twenty edits have to be there in
// the end, each once.
func TestTwentyPushers(t *testing.T) {
	t.Parallel()
	const jobs = 20
	server := newServer(t)
	repo := server.repository(t)
	var start strings.Builder
	for i := range jobs {
		fmt.Fprintf(&start, "app-%02d: old\n", i)
	}
	first := repo.commit("main", map[string]string{"apps.yaml": start.String()})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var wait sync.WaitGroup
	for job := range jobs {
		wait.Go(func() {
			remote := repo.remote()
			for try := 0; ; try++ {
				err := bumpLine(ctx, remote, job)
				if err == nil {
					return
				}
				if !errors.Is(err, ErrMoved) {
					t.Errorf("job %d: %v", job, err)
					return
				}
				pause(ctx, rand.N(20*time.Millisecond<<min(try, 5)))
			}
		})
	}
	wait.Wait()
	if got := repo.show("main:apps.yaml"); strings.Contains(got, "old") || strings.Count(got, ": new") != jobs {
		t.Errorf("edits are lost:\n%s", got)
	}
	if got := repo.git("rev-list", "--count", "--first-parent", first+"..main"); got != fmt.Sprint(jobs) {
		t.Errorf("%s commits, want %d", got, jobs)
	}
	repo.git("fsck", "--full", "--strict")
}

func bumpLine(ctx context.Context, remote *Remote, job int) error {
	refs, err := remote.Refs(ctx)
	if err != nil {
		return err
	}
	tip := refs["refs/heads/main"]
	objects, err := remote.Fetch(ctx, tip)
	if err != nil {
		return err
	}
	files, err := readAll(ctx, objects, tip)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("app-%02d: ", job)
	content := strings.Replace(files["apps.yaml"], line+"old", line+"new", 1)
	sha, err := objects.Commit(tip, []Change{{Path: "apps.yaml", Content: []byte(content)}}, message("bump "+line))
	if err != nil {
		return err
	}
	return remote.Push(ctx, objects, "main", tip, sha)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func TestBranchNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"main": true, "env/dev": true, "pawl/staging/0123456789ab": true, "a.b": true, "ümlaut": true, "a@b": true, "x.locked": true,
		"": false, "-x": false, "--upload-pack=x": false, "a..b": false, "/a": false, "a/": false, "a//b": false, ".a": false, "a/.b": false,
		"a.lock": false, "a.lock/b": false, "a.": false, "a b": false, "a~1": false, "a^": false, "a:b": false, "a?": false, "a*": false,
		"a[": false, `a\b`: false, "a@{1}": false, "@": false, "HEAD": false, "a\nb": false, "a\x7f": false, "a\x00b": false,
		"refs/heads/../../config": false, strings.Repeat("a", 2000): false,
	} {
		_, err := branchRef(name)
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if len(name) > 200 || strings.Contains(name, "\x00") {
			continue
		}
		if _, gitErr := tryGit(t, t.TempDir(), "", "check-ref-format", "--branch", name); ok != (gitErr == nil) && name != "@" {
			t.Errorf("%q: git says %v", name, gitErr)
		}
	}
}
