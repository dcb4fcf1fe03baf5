package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The benchmarks run whole commands, as a user does, beside what would be used
// otherwise, in turns: whatever else the machine does meets all of them. make bench
// brings the tools; one that is not installed is left out.
var (
	benchReport = flag.String("report", "", "write what the benchmarks measured to this `file`")
	benchFolder = flag.String("folder", "", "make the benchmarks' repositories in this `folder`: one in memory, if there is one")
)

// workload is a repository to bump an image in.
type workload struct {
	files, hits int
	large       bool // one file of 2 MB
}

func workloads() []workload {
	return []workload{
		{files: 1, hits: 1}, {files: 100, hits: 10}, {files: 1000, hits: 100},
		fewHits, manyHits, largeFile,
	}
}

// The workloads that there are goals for.
var (
	fewHits   = workload{files: 10_000, hits: 10}
	manyHits  = workload{files: 10_000, hits: 1000}
	largeFile = workload{files: 1, hits: 8, large: true}
)

func (w workload) String() string {
	switch {
	case w.large:
		return "1 file of 2 MB, 8 containers"
	case w.files == 1:
		return "1 file"
	}
	return fmt.Sprintf("%s files, %s hits", thousands(w.files), thousands(w.hits))
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

func (w workload) generate() []monorepoFile {
	if w.large {
		return []monorepoFile{largeManifest(2<<20, w.hits)}
	}
	return monorepo(w.files, w.hits)
}

// contestant is a way to bump the image.
type contestant struct {
	name string
	args []string
	// exact is set for those that change nothing but the version. The others only
	// have to set it.
	exact bool
	quick bool   // it is measured three times a turn: what takes little time varies more
	kind  string // the only workloads that it can do, empty for all
}

// times says how often it is measured in a turn.
func (c contestant) times() int {
	if c.quick {
		return 3
	}
	return 1
}

// The contestants' names, as the report shows them.
const (
	byGrep      = "`grep -rl`"
	bySed       = "grep, `sed -i`"
	byPawl      = "**`pawl bump`**"
	byKyaml     = "kyaml round trip"
	byYq        = "grep, `yq -i`"
	byKustomize = "grep, `kustomize edit`"
)

// contestants are the ways to bump the image. All but kyaml, which reads every file,
// look for the files with grep first, and know that nothing but a kustomization and
// a container can hold the version.
func contestants(pawl string) []contestant {
	grep := []string{"grep", "-rlF", "--include=*.yaml", "--exclude-dir=.git", monorepoImage, "."}
	perHit := func(command string) []string {
		return []string{"sh", "-c", "grep -rlZF --include=*.yaml --exclude-dir=.git " + monorepoImage + " . | xargs -0 " + command}
	}
	words := strings.NewReplacer("$IMAGE", monorepoImage, "$FROM", monorepoFrom, "$TO", monorepoTo)
	sed := words.Replace(`sed -i -e '\|name: $IMAGE$|{n;s/$FROM/$TO/}' -e 's|$IMAGE:$FROM|$IMAGE:$TO|'`)
	yq := words.Replace(`-n1 yq -i '(.images[]? | select(.name == "$IMAGE") | .newTag) = "$TO" | (.spec.template.spec.containers[]? | select(.image == "$IMAGE:*") | .image) = "$IMAGE:$TO"'`)
	kustomize := words.Replace(`-n1 sh -c 'cd "${0%/*}" && kustomize edit set image $IMAGE:$TO'`)
	return []contestant{
		{name: byGrep, args: grep, quick: true},
		{name: bySed, args: perHit(sed), exact: true, quick: true},
		{name: byPawl, args: []string{pawl, "bump", monorepoImage + ":" + monorepoTo}, exact: true, quick: true},
		{name: byKyaml, args: []string{"kyaml", monorepoImage, monorepoTo}},
		{name: byYq, args: perHit(yq)},
		{name: byKustomize, args: perHit(kustomize), kind: "monorepo"},
	}
}

// BenchmarkTools measures every workload with every contestant, and how long the
// programs take to start.
func BenchmarkTools(b *testing.B) {
	bench := &bench{
		pawl: buildBinary(b), measure: buildMeasure(b),
		samples: map[string]map[string][]cost{}, touched: map[string]map[string]touched{},
	}
	for _, w := range workloads() {
		b.Run(strings.NewReplacer(" ", "-", ",", "").Replace(w.String()), func(b *testing.B) { bench.bump(b, w) })
	}
	b.Run(starting, bench.start)
	if *benchReport == "" {
		return
	}
	if err := writePart(*benchReport, editingPart, bench.report()); err != nil {
		b.Fatal(err)
	}
}

// buildMeasure builds the program that runs another one and says what it cost.
func buildMeasure(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "measure")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, "./testdata/measure").CombinedOutput(); err != nil {
		b.Skipf("what a process uses cannot be measured here: %v\n%s", err, out)
	}
	return program
}

// starting is the workload of programs that do nothing.
const starting = "start"

// bench is what was measured, by workload and contestant.
type bench struct {
	pawl, measure string // programs
	samples       map[string]map[string][]cost
	touched       map[string]map[string]touched
}

// cost is what testdata/measure prints.
type cost struct {
	CPU, Wall time.Duration
	Peak      int64 // bytes
}

// touched are the files that a contestant changed, and those of them in which it
// changed more than the version.
type touched struct{ files, more int }

// run measures a command and keeps what it cost.
func (s *bench) run(b *testing.B, workload, contestant, dir string, args ...string) {
	b.Helper()
	runtime.GC() // our own garbage is not collected beside what is measured
	cmd := exec.CommandContext(b.Context(), s.measure, append([]string{dir}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %v\n%s", args, err, stderr.String())
	}
	var c cost
	if err := json.Unmarshal(out, &c); err != nil {
		b.Fatal(err)
	}
	if s.samples[workload] == nil {
		s.samples[workload] = map[string][]cost{}
		s.touched[workload] = map[string]touched{}
	}
	s.samples[workload][contestant] = append(s.samples[workload][contestant], c)
}

func (s *bench) bump(b *testing.B, w workload) {
	files := w.generate()
	dir, err := os.MkdirTemp(*benchFolder, "pawl-bench-") //nolint:usetesting // who runs it chooses the folder
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	writeFiles(b, dir, files)
	for b.Loop() {
		for _, c := range contestants(s.pawl) {
			if !installed(c) || c.kind != "" && w.large {
				continue
			}
			for range c.times() {
				restore(b, dir, files)
				s.run(b, w.String(), c.name, dir, c.args...)
				s.touched[w.String()][c.name] = verify(b, dir, files, c)
			}
		}
	}
	for name, samples := range s.samples[w.String()] {
		b.ReportMetric(float64(median(samples).CPU.Microseconds())/1000, strings.NewReplacer(" ", "-", "`", "", "*", "", ",", "").Replace(name)+"-cpu-ms")
	}
	b.ReportMetric(0, "ns/op")
}

func (s *bench) start(b *testing.B) {
	for b.Loop() {
		for range 4 {
			for _, args := range [][]string{{s.pawl, "version"}, {"kustomize", "version"}, {"yq", "--version"}} {
				if _, err := exec.LookPath(args[0]); err == nil {
					s.run(b, starting, filepath.Base(args[0])+" "+args[1], b.TempDir(), args...)
				}
			}
		}
	}
	b.ReportMetric(0, "ns/op")
}

// installed says whether everything is there that a contestant runs.
func installed(c contestant) bool {
	for _, program := range []string{"grep", "sed", "kyaml", "yq", "kustomize"} {
		if _, err := exec.LookPath(program); err != nil && strings.Contains(strings.Join(c.args, " "), program+" ") {
			return false
		}
	}
	return true
}

// restore brings the files back to what they were, and into the system's cache.
func restore(b *testing.B, dir string, files []monorepoFile) {
	b.Helper()
	for _, file := range files {
		if read(b, dir, file) == file.content {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(file.path)), []byte(file.content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

func read(b *testing.B, dir string, file monorepoFile) string {
	b.Helper()
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file.path)))
	if err != nil {
		b.Fatal(err)
	}
	return string(content)
}

// verify makes sure that a contestant did its work: it is fast to do nothing.
func verify(b *testing.B, dir string, files []monorepoFile, c contestant) touched {
	b.Helper()
	var t touched
	for _, file := range files {
		got, want := read(b, dir, file), file.bumped()
		if got != file.content {
			t.files++
		}
		if got != file.content && got != want {
			t.more++
		}
		if c.name != byGrep && strings.Count(got, monorepoTo) < strings.Count(want, monorepoTo) {
			b.Fatalf("%s did not set the version in %s", c.name, file.path)
		}
	}
	if c.exact && t.more > 0 {
		b.Fatalf("%s changed more than the version in %d files", c.name, t.more)
	}
	return t
}

// median is the sample in the middle, for each figure; the peak is the highest.
func median(samples []cost) cost {
	if len(samples) == 0 {
		return cost{}
	}
	middle := func(figure func(cost) time.Duration) time.Duration {
		figures := make([]time.Duration, len(samples))
		for i, sample := range samples {
			figures[i] = figure(sample)
		}
		slices.Sort(figures)
		return figures[len(figures)/2]
	}
	highest := slices.MaxFunc(samples, func(a, b cost) int { return cmp.Compare(a.Peak, b.Peak) })
	return cost{
		CPU:  middle(func(c cost) time.Duration { return c.CPU }),
		Wall: middle(func(c cost) time.Duration { return c.Wall }),
		Peak: highest.Peak,
	}
}
