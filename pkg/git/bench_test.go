package git

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"
)

// generate fills a repository: apps/app-NNNNN with five files each, base/svc-NN
// with five files each, and commits that change one file of an app.
func (r *repository) generate(apps, services, commits int) {
	r.t.Helper()
	content := func(path string, version int) string {
		text := fmt.Sprintf("# %s\nimage:\n  repository: registry.example.com/%s\n  tag: v1.%d.0\nreplicas: 2\n", path, path, version)
		return fmt.Sprintf("data %d\n%s\n", len(text), text)
	}
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Test <test@example.com> 1700000000 +0000\ndata 4\nseed\n")
	for i := range 5 * apps {
		name := fmt.Sprintf("apps/app-%05d/f%d.yaml", i/5, i%5)
		fmt.Fprintf(&in, "M 100644 inline %s\n%s", name, content(name, 0))
	}
	for i := range 5 * services {
		name := fmt.Sprintf("base/svc-%02d/f%d.yaml", i/5, i%5)
		fmt.Fprintf(&in, "M 100644 inline %s\n%s", name, content(name, 0))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := 1; i < commits; i++ {
		name := fmt.Sprintf("apps/app-%05d/f%d.yaml", random.IntN(apps), random.IntN(5))
		text := fmt.Sprintf("bump %s to v1.%d.0\n\nPawl-Image: registry.example.com/%s\nPawl-Key: %064d\n", name, i, name, i)
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Test <test@example.com> %d +0000\ndata %d\n%s\n", 1_700_000_000+60*i, len(text), text)
		fmt.Fprintf(&in, "M 100644 inline %s\n%s", name, content(name, i))
	}
	runGit(r.t, r.dir, in.String(), "fast-import", "--quiet")
	r.git("config", "gc.auto", "0")
}

// onePath is the scope of one file that is known.
func onePath(name string) Scope {
	return Scope{
		Folder: func(folder string) bool { return strings.HasPrefix(name, folder+"/") },
		File:   func(file string) bool { return file == name },
	}
}

// below is the scope of the files in a folder.
func below(folder string) Scope {
	return Scope{
		Folder: func(path string) bool { return path == folder || strings.HasPrefix(path, folder+"/") },
		File:   func(path string) bool { return strings.HasPrefix(path, folder+"/") },
	}
}

// bumpOnce is a whole bump: what the program does when it is run once.
func bumpOnce(ctx context.Context, remote *Remote, scope Scope, name string, history int) error {
	tip, err := remote.Tip(ctx, "main")
	if err != nil {
		return err
	}
	objects, files, err := remote.FetchFiles(ctx, tip, scope, history)
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := objects.Content(file)
		if err != nil {
			return err
		}
		if file.Path != name {
			continue
		}
		content = append(content, "# "+time.Now().String()+"\n"...)
		sha, err := objects.Commit(tip, []Change{{Path: name, Content: content}}, message("bump"))
		if err != nil {
			return err
		}
		return remote.Push(ctx, objects, "main", tip, sha)
	}
	return fmt.Errorf("%s is not there", name)
}

// benchmarkChild runs in a process of its own, so that its memory can be measured.
func benchmarkChild(args []string) {
	url, name, history := args[0], args[1], shortHistory
	scope := onePath(name)
	if strings.HasPrefix(name, "base/") {
		scope = below("base")
	}
	remote, err := NewRemote(Options{URL: url, Auth: Auth{Username: "x-access-token", Password: canary}})
	if err == nil {
		err = bumpOnce(context.Background(), remote, scope, name, history)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// The peak since this program began: what the parent is told includes the parent.
	status, _ := os.ReadFile("/proc/self/status")
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(peak, "kB")
	fmt.Print(strings.TrimSpace(peak))
	os.Exit(0)
}

const gitBump = `set -e
git clone -q --depth 1 "$1" "$3"
cd "$3"
sed -i "s/tag: .*/tag: $(date +%s%N)/" "$2"
git commit -qam bump
git push -q
`

// BenchmarkBump compares a bump of one file with what a pipeline does with git.
//
//	go test ./pkg/git -run '^$' -bench Bump -benchtime 5x
func BenchmarkBump(b *testing.B) {
	for _, size := range []struct{ apps, services, commits int }{{10, 0, 100}, {1000, 40, 1000}, {10_000, 40, 1000}} {
		server := newServer(b)
		repo := server.repository(b)
		repo.generate(size.apps, size.services, size.commits)
		path := fmt.Sprintf("apps/app-%05d/f3.yaml", size.apps/2)
		prefix := fmt.Sprintf("files=%d/", 5*size.apps)
		b.Run(prefix+"git", func(b *testing.B) { measure(b, server, repo, "git", path) })
		b.Run(prefix+"path-known", func(b *testing.B) { measure(b, server, repo, "pawl", path) })
		if size.services > 0 {
			b.Run(prefix+"discovery", func(b *testing.B) { measure(b, server, repo, "pawl", "base/svc-20/f3.yaml") })
		}
	}
}

func measure(b *testing.B, server *server, repo *repository, how, name string) {
	server.take()
	var cpu time.Duration
	var rss int
	for i := range b.N {
		cmd := exec.CommandContext(b.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "PAWL_GIT_BENCH="+repo.url+" "+name)
		if how == "git" {
			withToken := strings.Replace(repo.url, "//", "//x-access-token:"+canary+"@", 1)
			cmd = exec.CommandContext(b.Context(), "sh", "-c", gitBump, "sh", withToken, name, path.Join(b.TempDir(), fmt.Sprint(i)))
			cmd.Env = []string{
				"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
				"GIT_AUTHOR_NAME=T", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=T", "GIT_COMMITTER_EMAIL=t@example.com",
			}
		}
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Run(); err != nil {
			b.Fatalf("%v: %s", err, said.String())
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		peak, _ := strconv.Atoi(out.String())
		rss = max(rss, peak)
	}
	down, requests := 0, server.take()
	for _, request := range requests {
		down += request.received
	}
	n := float64(b.N)
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/n, "wall-ms")
	b.ReportMetric(float64(cpu.Microseconds())/1000/n, "cpu-ms")
	if rss > 0 {
		b.ReportMetric(float64(rss)/1024, "rss-MiB")
	}
	b.ReportMetric(float64(len(requests))/n, "requests")
	b.ReportMetric(float64(down)/1000/n, "down-KB")
}
