package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/promotion"
)

// host is a machine with nothing on it.
func host(out, errs io.Writer, env map[string]string) Host {
	return Host{In: strings.NewReader(""), Out: out, Err: errs, Now: time.Now,
		Getenv: func(name string) string { return env[name] }}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	waiting := &promotion.Blocked{State: gate.Pending}
	refused := &promotion.Blocked{State: gate.Fail}
	unread := &promotion.Blocked{State: gate.Unknown, Cause: forge.ErrTransient}
	forbidden := &promotion.Blocked{State: gate.Unknown, Cause: fmt.Errorf("reading: %w", forge.ErrAccess)}
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, ExitDone},
		{"anything", errors.New("x"), ExitError},
		{"usage", usagef("", "x"), ExitUsage},
		{"not there", fmt.Errorf("x: %w", forge.ErrNotFound), ExitUsage},
		{"unknown image", &bump.NotFoundError{}, ExitUsage},
		{"waiting", waiting, ExitWaiting},
		{"refused", refused, ExitRefused},
		{"a fact that was not read", unread, ExitTransient},
		{"a fact that may not be read", forbidden, ExitAccess},
		{"an edit that is not made", fmt.Errorf("x: %w", &bump.Refusal{}), ExitRefused},
		{"a branch rule", &forge.RefusedError{}, ExitRefused},
		{"a rule on a push", &git.RefusedError{}, ExitRefused},
		{"access", fmt.Errorf("%w: %w", forge.ErrAccess, errors.New("403")), ExitAccess},
		{"access over Git", fmt.Errorf("x: %w", git.ErrAccess), ExitAccess},
		{"network", fmt.Errorf("%w: %w", forge.ErrTransient, errors.New("reset")), ExitTransient},
		{"too late", context.DeadlineExceeded, ExitTransient},
		{"a locked checkout", fmt.Errorf("x: %w", git.ErrLocked), ExitTransient},
		{"two, of which one is refused", errors.Join(waiting, refused), ExitRefused},
		{"two, wrapped", fmt.Errorf("x: %w", errors.Join(waiting, forbidden)), ExitAccess},
		{"a refusal beside a full disk", errors.Join(refused, errors.New("no space")), ExitRefused},
		{"waiting beside a full disk", errors.Join(waiting, errors.New("no space")), ExitError},
	} {
		if got := exitCode(t.Context(), test.err); got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	env := map[string]string{"GITHUB_TOKEN": "t", "PAWL_REPO": "acme/config", "GITHUB_SERVER_URL": "http://127.0.0.1:1", "GITHUB_API_URL": "http://127.0.0.1:1/api/v3"}
	h := host(&out, &errs, env)
	h.Dir = t.TempDir()
	if code := Main(ctx, []string{"status"}, h); code != ExitInterrupted {
		t.Errorf("got %d, want %d: %s", code, ExitInterrupted, errs.String())
	}
}

func TestHintsAreFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("promoting: %w", errors.Join(usagef("first", "a"), fmt.Errorf("x: %w", usagef("second", "b")), usagef("first", "c")))
	if diff := cmp.Diff([]string{"first", "second"}, hints(err)); diff != "" {
		t.Error(diff)
	}
}

// A result that could not be written is not a success.
func TestFullDiskIsAnError(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	for _, args := range [][]string{{"version"}, {"images"}, {"config", "schema"}, {"--help"}, {"help", "bump"}, {"bump", "-h"}, {"completion", "zsh"}, {}} {
		var errs bytes.Buffer
		h := host(full, &errs, nil)
		h.Dir = t.TempDir()
		if code := Main(t.Context(), args, h); code != ExitError {
			t.Errorf("%v: got exit code %d", args, code)
		}
	}
}

// Every command tells its exit codes and has examples, and every flag that takes
// one of a few values completes them.
func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			visit(child)
		}
		if !cmd.HasParent() || cmd.Name() == "help" || strings.Contains(cmd.CommandPath(), "completion") {
			return
		}
		if !strings.Contains(cmd.Long, "Exit codes:") {
			t.Errorf("%s does not tell its exit codes", cmd.CommandPath())
		}
		if strings.Count(cmd.Example, "\n") < 1 {
			t.Errorf("%s has fewer than two examples", cmd.CommandPath())
		}
	}
	tree := Tree()
	visit(tree)
	for _, flag := range []string{"output", "color"} {
		if _, ok := tree.GetFlagCompletionFunc(flag); !ok {
			t.Errorf("--%s has no completion", flag)
		}
	}
}

// demo --keep leaves everything running for the user to go on by hand, and
// removes it when they have had enough.
func TestDemoKeep(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader, writer := io.Pipe()
	done := make(chan int, 1)
	go func() {
		h := host(writer, io.Discard, nil)
		done <- Main(ctx, []string{"demo", "--keep"}, h)
		writer.Close()
	}()
	env, dir := map[string]string{}, ""
	for lines := bufio.NewScanner(reader); lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C"); {
		text := strings.TrimSpace(lines.Text())
		if name, value, ok := strings.Cut(strings.TrimPrefix(text, "export "), "="); ok && strings.HasPrefix(text, "export ") {
			env[name] = value
		}
		if to, ok := strings.CutPrefix(text, "cd "); ok {
			dir = to
		}
	}
	var out, errs bytes.Buffer
	h := host(&out, &errs, env)
	h.Dir = dir
	if code := Main(t.Context(), []string{"status"}, h); code != ExitDone || !strings.Contains(out.String(), "up to date") {
		t.Errorf("going on by hand: exit code %d\n%s%s", code, out.String(), errs.String())
	}
	stop()
	if code := <-done; code != ExitDone {
		t.Errorf("the demo exited with %d", code)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the clone is still there: %v", err)
	}
}

// A token for github.com is not for other hosts.
func TestTokenOfTheHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"github.com", map[string]string{"GITHUB_TOKEN": "t"}, "t"},
		{"gh's own comes first", map[string]string{"GITHUB_TOKEN": "t", "GH_TOKEN": "g"}, "g"},
		{"another host", map[string]string{"GH_HOST": "github.example.com", "GITHUB_TOKEN": "t"}, ""},
		{"another host with its token", map[string]string{"GH_HOST": "github.example.com", "GITHUB_TOKEN": "t", "GH_ENTERPRISE_TOKEN": "e"}, "e"},
		{"a job on another host", map[string]string{"GITHUB_SERVER_URL": "https://github.example.com", "GITHUB_TOKEN": "t"}, "t"},
		{"a tenant of github.com", map[string]string{"GH_HOST": "acme.ghe.com", "GH_TOKEN": "t"}, "t"},
	} {
		a := &app{host: host(io.Discard, io.Discard, test.env)}
		found := ""
		for _, variable := range a.tokenVariables(a.server()) {
			if found == "" {
				found = test.env[variable]
			}
		}
		if found != test.want {
			t.Errorf("%s: got %q, want %q", test.name, found, test.want)
		}
	}
}
