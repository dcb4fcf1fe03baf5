//go:build unix

package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// standIn is a program that takes ssh's arguments and runs the command here. It
// counts its runs.
type standIn struct {
	t       *testing.T
	command string
	log     string
}

// newStandIn writes the program; the script sees the remote command as $command.
func newStandIn(t *testing.T, script string) *standIn {
	t.Helper()
	dir := t.TempDir()
	s := &standIn{t: t, command: "sh '" + filepath.Join(dir, "ssh.sh") + "'", log: filepath.Join(dir, "log")}
	text := `printf '%s\n' "$*" >>'` + s.log + `'
while [ "$1" != -- ]; do shift; done
command=$3
` + script
	if err := os.WriteFile(filepath.Join(dir, "ssh.sh"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// runs returns the arguments of each run so far, and forgets them.
func (s *standIn) runs() []string {
	s.t.Helper()
	text, err := os.ReadFile(s.log)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.Remove(s.log); err != nil {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func (s *standIn) remote(url string, change ...func(*Options)) *Remote {
	s.t.Helper()
	options := Options{URL: url, SSHCommand: s.command}
	for _, each := range change {
		each(&options)
	}
	remote, err := NewRemote(options)
	if err != nil {
		s.t.Fatal(err)
	}
	return remote
}

func TestSSH(t *testing.T) {
	t.Parallel()
	model := wide()
	for name, test := range map[string]struct {
		config []string
		runs   int // for one known path, from the head to the push
	}{
		"like GitHub":  {nil, 5},
		"by id: never": {[]string{"uploadpack.allowReachableSHA1InWant", "false"}, 4},
		"no filters":   {[]string{"uploadpack.allowFilter", "false"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := newServer(t).repository(t)
			repo.commit("main", map[string]string{"README.md": "# old\n"})
			tip := repo.commit("main", model)
			if test.config != nil {
				repo.git("config", test.config[0], test.config[1])
			}
			ssh := newStandIn(t, `eval "exec $command"`)
			remote := ssh.remote("ssh://git@git.example.com:2222" + repo.dir)
			if got, err := remote.Tip(t.Context(), "main"); err != nil || got != tip {
				t.Fatalf("%s, %v", got, err)
			}
			place := "apps/app-01234/values.yaml"
			objects := fetchFiles(t, remote, tip, onePath(place), 2, model)
			sha := change(t, objects, tip, place, "image: new:1\n")
			mustPush(t, remote, objects, "main", tip, sha)
			runs := ssh.runs()
			if len(runs) > test.runs {
				t.Errorf("%d sessions: %s", len(runs), strings.Join(runs, "\n"))
			}
			want := "-o BatchMode=yes -p 2222 -- git@git.example.com git-receive-pack '" + repo.dir + "'"
			if runs[0] != want {
				t.Errorf("ssh was run with %q, not %q", runs[0], want)
			}
			repo.git("fsck", "--full", "--strict")
			if got := repo.git("diff", "--name-only", tip, "main"); got != place {
				t.Errorf("changed: %s", got)
			}
			// The rest of what a Remote does.
			if err := remote.Push(t.Context(), objects, "main", tip, change(t, objects, tip, place, "image: late:1\n")); !errors.Is(err, ErrMoved) {
				t.Errorf("a push from the old head: %v", err)
			}
			other := ssh.remote("ssh://git.example.com" + repo.dir)
			refs, err := other.Refs(t.Context())
			if err != nil || refs["refs/heads/main"] != sha {
				t.Errorf("%v, %v", refs, err)
			}
			if list, err := other.History(t.Context(), sha, 10); err != nil || len(list) != 3 {
				t.Errorf("%d commits, %v", len(list), err)
			}
			if ok, err := other.Descends(t.Context(), tip, sha); err != nil || !ok {
				t.Errorf("%v, %v", ok, err)
			}
			model := map[string]string{}
			for path, content := range wide() {
				model[path] = content
			}
			model[place] = "image: new:1\n"
			if got, err := readAll(t.Context(), fetch(t, other, sha), sha); err != nil || cmp.Diff(model, got) != "" {
				t.Errorf("%d files, %v", len(got), err)
			}
			if _, _, err := other.FetchFiles(t.Context(), strings.Repeat("ab", 20), Scope{}, 5); !errors.Is(err, ErrNotFound) {
				t.Errorf("an unknown commit: %v", err)
			}
		})
	}
}

func TestSSHArguments(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"ssh://git@github.com/acme/config.git":    "ssh -o BatchMode=yes -- git@github.com git-upload-pack '/acme/config.git'",
		"ssh://git@github.com:22/acme/config":     "ssh -o BatchMode=yes -p 22 -- git@github.com git-upload-pack '/acme/config'",
		"git+ssh://h/a b":                         "ssh -o BatchMode=yes -- h git-upload-pack '/a b'",
		"git@github.com:acme/config.git":          "ssh -o BatchMode=yes -- git@github.com git-upload-pack 'acme/config.git'",
		"github.com:acme/config.git":              "ssh -o BatchMode=yes -- github.com git-upload-pack 'acme/config.git'",
		"host:/srv/it's here!.git":                `ssh -o BatchMode=yes -- host git-upload-pack '/srv/it'\''s here'\!'.git'`,
		"ssh://git@h/~ada/config":                 "ssh -o BatchMode=yes -- git@h git-upload-pack '~ada/config'",
		"ssh://[::1]:22/a/b":                      "ssh -o BatchMode=yes -p 22 -- ::1 git-upload-pack '/a/b'",
		"ssh://-oProxyCommand=touch%20x/a/b":      "",
		"ssh://-l@host/a/b":                       "",
		"-oProxyCommand=x:a/b":                    "",
		"ssh://git@host/":                         "",
		"ssh://host":                              "",
		"host:":                                   "",
		"host:-x":                                 "",
		"host:a\nb":                               "",
		"a b:c":                                   "",
		"ssh://git:" + canary + "@github.com/a/b": "",
		"x:" + canary + "@github.com:a/b":         "",
		"ssh://git@host/a/b?x=1":                  "",
		"ssh://git@host:-1/a":                     "",
		"./a:b":                                   "",
		"ext::sh -c touch x":                      "",
		"file:///srv/config.git":                  "",
		"ssh://git@host/a/b%00c":                  "",
		"ssh://gi%20t@host/a":                     "",
		"git@host:a'; touch /tmp/x; '":            `ssh -o BatchMode=yes -- git@host git-upload-pack 'a'\''; touch /tmp/x; '\'''`,
		"https://github.com/acme/config":          "",
		"ssh+git://git@host/a/b":                  "ssh -o BatchMode=yes -- git@host git-upload-pack '/a/b'",
	} {
		if strings.HasPrefix(url, "https") {
			continue
		}
		remote, err := NewRemote(Options{URL: url})
		if err != nil {
			noCanary(t, err.Error())
		}
		if (err == nil) != (want != "") {
			t.Errorf("%q: %v", url, err)
			continue
		}
		if err == nil {
			if got := strings.Join(remote.shell.arguments(uploadPack), " "); got != want {
				t.Errorf("%q: %s", url, got)
			}
		}
	}
}

func FuzzSSHURL(f *testing.F) {
	f.Add("ssh://git@host:22/a/b")
	f.Add("git@host:a/b")
	f.Add("host:it's")
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := parseShell(raw)
		if err != nil || s == nil {
			return
		}
		args := s.arguments(receivePack)
		if strings.HasPrefix(s.host, "-") || strings.HasPrefix(s.path, "-") || args[len(args)-3] != "--" {
			t.Fatalf("%q", args)
		}
		word, ok := strings.CutPrefix(args[len(args)-1], receivePack+" ")
		out, err := tryShell(t, `printf %s `+word)
		if !ok || err != nil || out != s.path {
			t.Fatalf("%q is %q in the shell, not %q: %v", word, out, s.path, err)
		}
	})
}

func TestSSHFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		want   error
		says   string
	}{
		"no key":          {"echo 'git@h: Permission denied (publickey).' >&2; exit 255", ErrAccess, "Permission denied (publickey)"},
		"unknown host":    {"echo 'Host key verification failed.' >&2; exit 255", ErrAccess, "Host key verification failed"},
		"no such name":    {"echo 'ssh: Could not resolve hostname h' >&2; exit 255", ErrTransient, "Could not resolve"},
		"refused":         {"echo 'connect to host h port 22: Connection refused' >&2; exit 255", ErrTransient, "refused"},
		"no repository":   {"echo 'ERROR: Repository not found.' >&2; exit 1", ErrAccess, "Repository not found"},
		"no such path":    {`eval "exec $command"`, ErrAccess, "does not appear to be a git repository"},
		"cut short":       {"printf 00c0", ErrTransient, "cut short"},
		"silent":          {"exit 0", ErrTransient, ""},
		"a shell's hello": {"echo 'Welcome to h'; exit 0", ErrTransient, ""},
		"error packet":    {`printf '0013ERR \033[1mgo away\n'`, nil, "go away"},
		"killed":          {"kill -9 $$", ErrTransient, ""},
		"control":         {`printf 'no\033[31m\n' >&2; exit 1`, ErrAccess, `no\x1b[31m`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := newStandIn(t, test.script).remote("git@h:/nonexistent/config.git")
			_, err := remote.Tip(t.Context(), "main")
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("got %v", err)
			}
			if _, _, err := remote.FetchFiles(t.Context(), strings.Repeat("ab", 20), Scope{}, 5); err == nil {
				t.Error("a fetch passed")
			}
		})
	}
	if _, err := newStandIn(t, "").remote("git@h:a", func(o *Options) { o.SSHCommand = "/nonexistent/ssh" }).Refs(t.Context()); err == nil {
		t.Error("a program that is not there ran")
	}
}

// When the context ends, or the other side is silent for too long, everything that
// was started ends.
func TestSSHEndsAsAWhole(t *testing.T) {
	t.Parallel()
	for name, stall := range map[string]time.Duration{"context": time.Hour, "silence": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fifo := filepath.Join(t.TempDir(), "alive")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			remote := newStandIn(t, `exec 9>'`+fifo+`'
sleep 1000 &
wait`).remote("git@h:a/b", func(o *Options) { o.Stall = stall })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := remote.Tip(ctx, "main")
				ended <- err
			}()
			alive, err := os.Open(fifo) // waits for the script
			if err != nil {
				t.Fatal(err)
			}
			defer alive.Close()
			want := ErrTransient
			if name == "context" {
				want = context.Canceled
				cancel()
			}
			if err := <-ended; !errors.Is(err, want) {
				t.Errorf("got %v", err)
			}
			if _, err := io.ReadAll(alive); err != nil { // ends with the last process
				t.Error(err)
			}
		})
	}
}

// The report of a push is lost: the branch tells.
func TestSSHLostReport(t *testing.T) {
	t.Parallel()
	repo := newServer(t).repository(t)
	tip := repo.commit("main", sampleFiles)
	shown := len(runGit(t, repo.dir, "0000", "receive-pack", "."))
	ssh := newStandIn(t, fmt.Sprintf(`case $command in
git-receive-pack*) eval "$command" | head -c %d ;;
*) eval "exec $command" ;;
esac`, shown))
	remote := ssh.remote("git@h:" + repo.dir)
	if got, err := remote.Tip(t.Context(), "main"); err != nil || got != tip {
		t.Fatalf("%s, %v", got, err)
	}
	objects := fetchFiles(t, remote, tip, onePath("base/app.yaml"), 5, sampleFiles)
	sha := change(t, objects, tip, "base/app.yaml", "image: app:2\n")
	if err := remote.Push(t.Context(), objects, "main", tip, sha); err != nil {
		t.Error(err)
	}
	if got := repo.tip("main"); got != sha {
		t.Errorf("the branch is at %s", got)
	}
}

func TestSSHHookRefuses(t *testing.T) {
	t.Parallel()
	repo := newServer(t).repository(t)
	tip := repo.commit("main", sampleFiles)
	repo.hook("pre-receive", "echo no thanks >&2; exit 1")
	remote := newStandIn(t, `eval "exec $command"`).remote("git@h:" + repo.dir)
	objects := fetch(t, remote, tip)
	err := remote.Push(t.Context(), objects, "main", tip, change(t, objects, tip, "README.md", "x\n"))
	var refused *RefusedError
	if !errors.As(err, &refused) || len(refused.Text) != 1 || refused.Text[0] != "no thanks" {
		t.Errorf("got %v", err)
	}
}

func tryShell(t *testing.T, script string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	return string(out), err
}
