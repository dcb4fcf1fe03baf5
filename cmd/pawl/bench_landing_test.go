package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var benchFiles = flag.Int("files", 50_000, "land in repositories of up to this `number` of files")

// task is what is to be done with a repository on a server.
type task string

// The tasks.
const (
	pathKnown = task("path known")
	discovery = task("to be found among 200 files")
	checkout  = task("in a checkout that is there")
	together  = task("20 jobs at once")
)

// jobsAtOnce is how many jobs push to one branch, each its own file.
const jobsAtOnce = 20

// scenario is a task, a repository and a network.
type scenario struct {
	files int
	task  task
	delay time.Duration // added to each request
}

const slow = 40 * time.Millisecond

func scenarios() []scenario {
	return []scenario{
		{50, pathKnown, 0}, {5000, pathKnown, 0}, {50_000, pathKnown, 0}, {50_000, discovery, 0},
		{50, pathKnown, slow}, {5000, pathKnown, slow}, {50_000, pathKnown, slow}, {50_000, discovery, slow},
		{50_000, checkout, 0}, {50_000, checkout, slow}, {5000, together, 0},
	}
}

func (s scenario) String() string {
	text := thousands(s.files) + " files, " + string(s.task)
	if s.delay > 0 {
		text += fmt.Sprintf(", %d ms a request", s.delay.Milliseconds())
	}
	return text
}

// The ways to land a bump, as the report shows them.
const (
	byClone  = "`git clone --depth 1`"
	bySparse = "`git clone --sparse`, no blobs"
	byAdd    = "`git add`, `commit`, `push`"
	byCommit = "**`pawl bump --commit`**, `git push`"
	byPush   = "**`pawl bump --push`**"
	byRebase = "`git pull --rebase` until it is pushed"
)

// way is a script that lands a bump: of $IMAGE, in $FILE, to $VERSION.
type way struct{ name, script string }

const (
	cloneShallow = `git clone -q --depth 1 --branch dev "$URL" work; cd work; `
	cloneSparse  = `git clone -q --filter=blob:none --depth 1 --sparse --branch dev "$URL" work; cd work; `
	editFile     = `sed -i "s/newTag: .*/newTag: $VERSION/" "$FILE"; `
	editFound    = `grep -rlF "name: $IMAGE" base | xargs sed -i "\|name: $IMAGE\$|{n;s/newTag: .*/newTag: $VERSION/}"; `
	commitPush   = `git commit -qam "Set $IMAGE to $VERSION"; git push -q`
)

func (t task) ways() []way {
	switch t {
	case pathKnown:
		return []way{
			{byClone, cloneShallow + editFile + commitPush},
			{bySparse, cloneSparse + `git sparse-checkout set "${FILE%/*}"; ` + editFile + commitPush},
			{byPawl, `"$PAWL" bump "$IMAGE:$VERSION" --remote "$URL" --branch dev --file "$FILE"`},
		}
	case discovery:
		return []way{
			{byClone, cloneShallow + editFound + commitPush},
			{bySparse, cloneSparse + `git sparse-checkout set base; ` + editFound + commitPush},
			{byPawl, `"$PAWL" bump "$IMAGE:$VERSION" --remote "$URL" --branch dev`},
		}
	case checkout:
		return []way{
			{byAdd, editFile + `git add "$FILE"; git commit -qm "Set $IMAGE to $VERSION"; git push -q`},
			{byCommit, `"$PAWL" bump "$IMAGE:$VERSION" --commit --file "$FILE"; git push -q`},
			{byPush, `"$PAWL" bump "$IMAGE:$VERSION" --push --file "$FILE"`},
		}
	}
	return []way{
		{byRebase, atOnce(`mkdir $i; cd $i; ` + cloneShallow + editFile + `git commit -qam "Set $IMAGE to $VERSION"
			until echo >>../../attempts; git push -q; do git pull -q --rebase || :; done`)},
		{byPawl, atOnce(`"$PAWL" bump "$IMAGE:$VERSION" --remote "$URL" --branch dev --file "$FILE" -o json >$i.json
			seq $(sed -n 's/.*"attempts": *\([0-9]*\).*/\1/p' $i.json) >>attempts`)},
	}
}

// atOnce runs a script for each job, all at the same time. Each adds a line to the
// file attempts for each time that it tried to push.
func atOnce(script string) string {
	return fmt.Sprintf(`
		jobs=
		for i in $(seq 1 %d); do
			name=$(printf app-%%05d $i)
			( IMAGE="${IMAGE%%/*}/$name"; FILE=apps/$name/kustomization.yaml
			%s ) >$i.out 2>&1 & jobs="$jobs $!"
		done
		for job in $jobs; do wait $job; done`, jobsAtOnce, script)
}

// landing is what it cost to land a bump.
type landing struct {
	cost
	traffic

	attempts int // to push
}

// landings is what was measured, by scenario and way.
type landings struct {
	pawl, measure string // programs
	server        *gitServer
	repositories  map[int]*benchRepository
	samples       map[scenario]map[string][]landing
}

// BenchmarkLanding measures what a pipeline pays for a bump of a repository on a
// server, beside what it would do with git.
func BenchmarkLanding(b *testing.B) {
	root, err := os.MkdirTemp(*benchFolder, "pawl-bench-") //nolint:usetesting // who runs it chooses the folder
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(root)
	l := &landings{
		pawl: buildBinary(b), measure: buildMeasure(b), server: newGitServer(b, root),
		repositories: map[int]*benchRepository{}, samples: map[scenario]map[string][]landing{},
	}
	for _, s := range scenarios() {
		if s.files > *benchFiles {
			continue
		}
		if l.repositories[s.files] == nil {
			l.repositories[s.files] = l.server.generate(b, s.files, min(2*s.files, 1000))
		}
		b.Run(strings.NewReplacer(" ", "-", ",", "").Replace(s.String()), func(b *testing.B) { l.land(b, s) })
	}
	for _, r := range l.repositories {
		runGit(b, r.dir, "fsck", "--strict", "--no-dangling", "--no-progress")
	}
	if *benchReport == "" {
		return
	}
	if err := l.writeReport(*benchReport); err != nil {
		b.Fatal(err)
	}
}

// land measures a scenario in every way, in turns.
func (l *landings) land(b *testing.B, s scenario) {
	repository := l.repositories[s.files]
	l.server.setDelay(s.delay)
	l.samples[s] = map[string][]landing{}
	dir := filepath.Join(l.server.root, "job")
	round := 0
	for b.Loop() {
		round++
		for _, way := range s.task.ways() {
			repository.reset(b)
			l.prepare(b, s, repository, dir)
			l.run(b, s, repository, way, dir, fmt.Sprintf("v1.1.%d", round))
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
	for name, samples := range l.samples[s] {
		name = strings.NewReplacer(" ", "-", "`", "", "*", "", ",", "").Replace(name)
		m := medianLanding(samples)
		b.ReportMetric(float64(m.Wall.Microseconds())/1000, name+"-wall-ms")
		b.ReportMetric(float64(m.CPU.Microseconds())/1000, name+"-cpu-ms")
		b.ReportMetric(float64(m.requests), name+"-requests")
	}
	b.ReportMetric(0, "ns/op")
}

// prepare makes the folder that a way starts in: empty, or a checkout of the start.
func (l *landings) prepare(b *testing.B, s scenario, repository *benchRepository, dir string) {
	b.Helper()
	_, err := os.Stat(dir)
	if s.task == checkout && err == nil {
		runGit(b, dir, "update-ref", "refs/remotes/origin/"+benchBranch, repository.start)
		runGit(b, dir, "reset", "-q", "--hard", repository.start)
		return
	}
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
	if s.task == checkout {
		runGit(b, l.server.root, "clone", "-q", "--depth", "1", "--branch", benchBranch, repository.url, dir)
		return
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
}

// run measures one way once, and makes sure that it did its work.
func (l *landings) run(b *testing.B, s scenario, repository *benchRepository, way way, dir, version string) {
	b.Helper()
	name, file := appName(repository.apps/2), appFolder(repository.apps/2)+"/kustomization.yaml"
	switch s.task {
	case discovery:
		name, file = "svc-20", "base/svc-20/kustomization.yaml"
	case together:
		name, file = appName(1), appFolder(1)+"/kustomization.yaml"
	}
	cmd := exec.CommandContext(b.Context(), l.measure, dir, "sh", "-e", "-c", way.script)
	cmd.Env = benchEnvironment(
		"URL="+repository.url, "FILE="+file, "IMAGE="+benchImage(name), "VERSION="+version, "PAWL="+l.pawl,
		"GITHUB_SERVER_URL="+l.server.URL, "GITHUB_API_URL="+l.server.URL, "GITHUB_TOKEN=ghs_nobodyAsksForIt",
	)
	if s.task != checkout {
		cmd.Env = append(cmd.Env, "GITHUB_ACTIONS=true", "GITHUB_REPOSITORY=acme/app", "GITHUB_WORKFLOW=release",
			"GITHUB_WORKFLOW_REF=acme/app/.github/workflows/release.yml@refs/heads/main", "GITHUB_JOB=bump",
			"GITHUB_RUN_ID=1", "GITHUB_RUN_NUMBER=1", "GITHUB_RUN_ATTEMPT=1")
	}
	var said strings.Builder
	cmd.Stderr = &said
	l.server.take()
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s, %s: %v\n%s", s, way.name, err, said.String())
	}
	sample := landing{traffic: l.server.take()}
	if err := json.Unmarshal(out, &sample.cost); err != nil {
		b.Fatal(err)
	}
	if tried, err := os.ReadFile(filepath.Join(dir, "attempts")); err == nil {
		sample.attempts = strings.Count(string(tried), "\n")
	}
	l.samples[s][way.name] = append(l.samples[s][way.name], sample)
	if s.task != together {
		repository.check(b, 1, map[string]string{file: benchKustomization(name, version)})
		return
	}
	want := map[string]string{}
	for i := 1; i <= jobsAtOnce; i++ {
		want[appFolder(i)+"/kustomization.yaml"] = benchKustomization(appName(i), version)
	}
	repository.check(b, jobsAtOnce, want)
}

// check makes sure that the branch has the commits that it should, and files with
// the content that they should have.
func (r *benchRepository) check(b *testing.B, commits int, files map[string]string) {
	b.Helper()
	if got := runGit(b, r.dir, "rev-list", "--count", r.start+".."+benchBranch); got != fmt.Sprint(commits) {
		b.Fatalf("%s commits, want %d", got, commits)
	}
	for name, want := range files {
		if got := runGit(b, r.dir, "show", benchBranch+":"+name); got != strings.TrimSpace(want) {
			b.Fatalf("%s is\n%s", name, got)
		}
	}
	changed := strings.Fields(runGit(b, r.dir, "diff", "--name-only", r.start, benchBranch))
	if len(changed) != len(files) {
		b.Fatalf("%d files changed, want %d", len(changed), len(files))
	}
}
