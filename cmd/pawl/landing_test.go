package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
	"github.com/getpawl/pawl/pkg/forge/githubtest/contract"
)

// whole asks for the long form of the tests that make test runs a sample of.
func whole() bool { return os.Getenv("PAWL_FULL") != "" }

// field is a server with a config repository, and a program to run against it.
type field struct {
	server *githubtest.Server
	repo   *githubtest.Repository
	token  string
	start  string
	pawl   string
}

func newField(t *testing.T, kustomization string) *field {
	t.Helper()
	ctx := t.Context()
	server, err := githubtest.New(githubtest.Options{Observe: contract.Record()})
	must(t, err)
	t.Cleanup(server.Close)
	f := &field{server: server, token: server.CreateUser("release-bot")}
	f.repo, err = server.CreateRepository(ctx, slug, githubtest.RepositoryOptions{DefaultBranch: "dev"})
	must(t, err)
	f.repo.SetPermission("release-bot", githubtest.Write)
	f.start, err = f.repo.Commit(ctx, "dev", "Start", map[string]string{
		".pawl.yaml":              "version: 1\nenvironments:\n  - {name: dev, branch: dev}\n",
		"base/kustomization.yaml": kustomization,
	})
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	// The test binary is pawl when it is called so: see testscript.Main.
	f.pawl = filepath.Join(t.TempDir(), "pawl")
	must(t, os.Symlink(self, f.pawl))
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// landed is what a bump says in JSON.
type landed struct {
	Action   string `json:"action"`
	Commit   string `json:"commit"`
	Number   int    `json:"number"`
	Attempts int    `json:"attempts"`
}

// bump runs one process in the environment of a job.
func (f *field) bump(ctx context.Context, dir string, job map[string]string, args ...string) (landed, error) {
	cmd := exec.CommandContext(ctx, f.pawl, append([]string{"bump", "--repo", slug, "-o", "json", "--timeout", "20m"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{
		"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "PAWL_TEST_WAIT=1", "GITHUB_TOKEN=" + f.token, raceVariable + "=" + raceOptions,
		"GITHUB_SERVER_URL=" + f.server.URL(), "GITHUB_API_URL=" + f.server.APIURL(),
	}
	for name, value := range job {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return landed{}, fmt.Errorf("pawl bump %s: %w: %s", strings.Join(args, " "), err, said.String())
	}
	text := out.Bytes()
	if from, to := bytes.IndexByte(text, '{'), bytes.LastIndexByte(text, '}'); from >= 0 && to > from {
		text = text[from : to+1]
	}
	var result landed
	if err := json.Unmarshal(text, &result); err != nil {
		return landed{}, errors.Join(err, errors.New(out.String()))
	}
	return result, nil
}

// line returns the commits of a branch after the start, oldest first, each with its
// message, and checks that the repository is sound.
func (f *field) line(t *testing.T, branch string) []string {
	t.Helper()
	dir, err := f.repo.Dir(t.Context())
	must(t, err)
	out, err := exec.CommandContext(t.Context(), "git", "-C", dir, "log", "--first-parent", "--reverse", "--format=%H%n%B%x00", f.start+".."+branch).Output()
	must(t, err)
	if said, err := exec.CommandContext(t.Context(), "git", "-C", dir, "fsck", "--strict", "--no-dangling").CombinedOutput(); err != nil {
		t.Fatalf("git fsck: %v: %s", err, said)
	}
	var commits []string
	for text := range strings.SplitSeq(string(out), "\x00") {
		if text = strings.TrimSpace(text); text != "" {
			commits = append(commits, text)
		}
	}
	return commits
}

// forward checks that every branch moved by fast-forward only.
func (f *field) forward(t *testing.T) {
	t.Helper()
	for _, update := range f.server.Log() {
		if !update.FastForward && !update.Created() && !update.Deleted() {
			t.Errorf("%s moved from %s to %s, which is no fast-forward", update.Ref, update.Before, update.After)
		}
	}
}

// run is the environment of a job in GitHub Actions.
func run(workflow string, number int) map[string]string {
	return map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/app", "GITHUB_WORKFLOW": workflow, "GITHUB_JOB": "deploy",
		"GITHUB_WORKFLOW_REF": "acme/app/.github/workflows/" + workflow + ".yml@refs/heads/main",
		"GITHUB_RUN_ID":       fmt.Sprint(9000 + number), "GITHUB_RUN_NUMBER": fmt.Sprint(number), "GITHUB_SHA": strings.Repeat("a", 40),
	}
}

func kustomization(images int, tag string) string {
	var b strings.Builder
	b.WriteString("images:\n")
	for i := range images {
		fmt.Fprintf(&b, "  - name: ghcr.io/acme/app%d\n    newTag: %s\n", i, tag)
	}
	return b.String()
}

// Processes that bump one file at the same time: each that says it did is on the
// branch, once, and nothing else is.
func TestProcessesLandTogether(t *testing.T) {
	t.Parallel()
	jobs, rounds := 12, 1
	if whole() {
		jobs, rounds = 50, 20
	}
	for round := range rounds {
		f := newField(t, kustomization(jobs, "1.0.0"))
		dir, started := t.TempDir(), time.Now()
		acknowledged, attempts := make([]string, jobs), make([]int, jobs)
		group, ctx := errgroup.WithContext(t.Context())
		for i := range jobs {
			group.Go(func() error {
				result, err := f.bump(ctx, dir, run(fmt.Sprint("w", i), 1), fmt.Sprintf("ghcr.io/acme/app%d:1.0.1", i))
				attempts[i] = result.Attempts
				if acknowledged[i] = result.Commit; err == nil && result.Action != "push" {
					err = fmt.Errorf("the action is %q", result.Action)
				}
				return err
			})
		}
		must(t, group.Wait())
		commits := f.line(t, "dev")
		if len(commits) != jobs {
			t.Errorf("%d commits for %d jobs", len(commits), jobs)
		}
		for i, sha := range acknowledged {
			mine := func(commit string) bool {
				return strings.HasPrefix(commit, sha) && strings.Contains(commit, fmt.Sprintf("Pawl-Image: ghcr.io/acme/app%d:1.0.1\n", i))
			}
			if !slices.ContainsFunc(commits, mine) {
				t.Errorf("job %d was told %s, which is not on the branch", i, sha)
			}
		}
		content, _ := f.repo.File(t.Context(), "dev", "base/kustomization.yaml")
		if content != kustomization(jobs, "1.0.1") {
			t.Errorf("the file is\n%s", content)
		}
		f.forward(t)
		total := 0
		for _, n := range attempts {
			total += n
		}
		t.Logf("round %d: %d jobs, %d commits, %d attempts, at most %d for one job, %.1f s",
			round+1, jobs, len(commits), total, slices.Max(attempts), time.Since(started).Seconds())
	}
}

// Jobs of one application end in any order, several at a time, and some are run
// again: the newest of each image ends up in place, and no commit sets an older one.
func TestOutOfOrder(t *testing.T) {
	t.Parallel()
	images, versions, rounds := 4, 4, 1
	if whole() {
		images, versions, rounds = 8, 6, 20
	}
	for round := range rounds {
		f := newField(t, kustomization(images, "sha-0"))
		dir := t.TempDir()
		tag := func(version int) string { return fmt.Sprintf("sha-%08x", 0xf0000000-version*0x01020304) }
		random := rand.New(rand.NewPCG(uint64(round), 1))
		order := append(random.Perm(images*versions), random.Perm(images)...) // the last ones are run again
		group, ctx := errgroup.WithContext(t.Context())
		group.SetLimit(6)
		for _, i := range order {
			image, version := i%images, i/images+1
			group.Go(func() error {
				_, err := f.bump(ctx, dir, run(fmt.Sprint("w", image), version), fmt.Sprintf("ghcr.io/acme/app%d:%s", image, tag(version)))
				return err
			})
		}
		must(t, group.Wait())
		if content, _ := f.repo.File(t.Context(), "dev", "base/kustomization.yaml"); content != kustomization(images, tag(versions)) {
			t.Errorf("seed %d: want %s everywhere:\n%s", round, tag(versions), content)
		}
		highest := make([]int, images)
		for _, commit := range f.line(t, "dev") {
			for image := range images {
				for version := 1; version <= versions; version++ {
					if !strings.Contains(commit, fmt.Sprintf("Pawl-Image: ghcr.io/acme/app%d:%s\n", image, tag(version))) {
						continue
					}
					if version <= highest[image] {
						t.Errorf("seed %d: version %d of image %d was set after version %d", round, version, image, highest[image])
					}
					highest[image] = version
				}
			}
		}
		f.forward(t)
	}
}

// Pipelines that ask for a review at the same time share one pull request, which
// has, and lists, what each of them brought.
func TestPipelinesShareOneReview(t *testing.T) {
	t.Parallel()
	const jobs = 8
	f := newField(t, kustomization(jobs, "1.0.0"))
	dir := t.TempDir()
	group, ctx := errgroup.WithContext(t.Context())
	for i := range jobs {
		group.Go(func() error {
			result, err := f.bump(ctx, dir, run(fmt.Sprint("w", i), 1), "--pr", fmt.Sprintf("ghcr.io/acme/app%d:1.0.1", i))
			if err == nil && (result.Action != "pull-request" || result.Number != 1) {
				err = fmt.Errorf("%s, #%d", result.Action, result.Number)
			}
			return err
		})
	}
	must(t, group.Wait())
	if all := f.repo.PullRequests(t.Context()); len(all) != 1 || !all[0].Open {
		t.Fatalf("%d pull requests", len(all))
	}
	if commits := f.line(t, "pawl/bump/dev"); len(commits) != jobs {
		t.Errorf("%d commits for %d jobs", len(commits), jobs)
	}
	if content, _ := f.repo.File(t.Context(), "pawl/bump/dev", "base/kustomization.yaml"); content != kustomization(jobs, "1.0.1") {
		t.Errorf("the file is\n%s", content)
	}
	pr, err := f.repo.PullRequest(t.Context(), 1)
	must(t, err)
	for i := range jobs {
		if row := fmt.Sprintf("| `ghcr.io/acme/app%d` | `1.0.1` |", i); strings.Count(pr.Body, row) != 1 {
			t.Errorf("%s is not in the text once:\n%s", row, pr.Body)
		}
	}
	if f.repo.Head("dev") != f.start {
		t.Error("dev moved")
	}
	f.forward(t)
}
