package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// A watch draws the board over and over, asks politely, and ends well when it is
// interrupted. What fails for a moment leaves the board; what is wrong ends it.
func TestWatch(t *testing.T) {
	t.Parallel()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	repo, err := server.CreateRepository(t.Context(), "acme/config", githubtest.RepositoryOptions{DefaultBranch: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	sha, err := repo.Commit(t.Context(), "dev", "Start", map[string]string{"base/kustomization.yaml": "images: [{name: ghcr.io/acme/api, newTag: 1.0.0}]\n"})
	if err != nil {
		t.Fatal(err)
	}
	if err := repo.Branch(t.Context(), "staging", sha); err != nil {
		t.Fatal(err)
	}
	token := server.CreateUser("eve")
	repo.SetPermission("eve", githubtest.Read)
	environment := map[string]string{"GITHUB_SERVER_URL": server.URL(), "GITHUB_API_URL": server.APIURL(), "GITHUB_TOKEN": token, "PAWL_REPO": "acme/config"}
	ctx, interrupt := context.WithCancel(t.Context())
	var screen strings.Builder
	var pauses []time.Duration
	a := &app{color: "never", timeout: time.Minute}
	a.host = Host{Out: &screen, Err: io.Discard, Getenv: func(name string) string { return environment[name] }, Dir: t.TempDir()}
	a.host.Sleep = func(ctx context.Context, d time.Duration) error {
		if d != defaultWatch { // the client waits between its attempts
			return ctx.Err()
		}
		switch pauses = append(pauses, d); len(pauses) {
		case 1:
			if _, err := repo.Commit(ctx, "dev", "Bump", map[string]string{"base/kustomization.yaml": "images: [{name: ghcr.io/acme/api, newTag: 1.0.1}]\n"}); err != nil {
				t.Error(err)
			}
		case 2:
			server.Fail(githubtest.Fault{Kind: githubtest.ServerError, Path: "/info/refs", Times: -1})
		case 3:
			server.Heal()
		case 4:
			interrupt()
		}
		return ctx.Err()
	}
	flags := statusFlags{watch: defaultWatch}
	source, err := a.statusSource(ctx, flags)
	if err != nil {
		t.Fatal(err)
	}
	look := func(ctx context.Context) (*promotion.StatusReport, error) {
		return promotion.Status(ctx, source, flags.options)
	}
	if err := a.watch(ctx, flags.watch, look); err != nil {
		t.Errorf("an interrupted watch ended with %v", err)
	}
	screens := strings.Split(screen.String(), "\x1b[H")[1:]
	if len(screens) != 4 {
		t.Fatalf("%d screens, want 4: %q", len(screens), screens)
	}
	for i, want := range []string{"up to date with dev", "1 commit behind dev", "1 commit behind dev", "1 commit behind dev"} {
		if !strings.Contains(screens[i], want) || strings.Contains(screens[i], "the last look failed") != (i == 2) || !strings.HasSuffix(screens[i], "\x1b[J") {
			t.Errorf("screen %d: %q", i+1, screens[i])
		}
	}
	held := 0
	for _, request := range server.Requests() {
		if request.Status == http.StatusNotModified {
			held++
		}
	}
	if held < 3 {
		t.Errorf("%d answers still held, want 3 at least", held)
	}
	wrong := func(context.Context) (*promotion.StatusReport, error) { return nil, usagef("", "wrong") }
	var usage *usageError
	if err := a.watch(t.Context(), defaultWatch, wrong); !errors.As(err, &usage) {
		t.Errorf("a watch of what is wrong ended with %v", err)
	}
}

func TestWatchIsForTerminals(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, w := range []io.Writer{file, io.Discard} {
		if _, terminal := terminalWidth(w); terminal {
			t.Errorf("%T is a terminal", w)
		}
	}
	a := &app{format: string(output.JSON)}
	if err := a.checkWatch(statusFlags{watch: time.Minute}, true); err == nil {
		t.Error("JSON can be watched")
	}
	a.format = string(output.Text)
	if err := a.checkWatch(statusFlags{watch: time.Minute}, true); err != nil {
		t.Error(err)
	}
}
