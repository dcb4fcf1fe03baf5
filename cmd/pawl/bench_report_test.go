package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The parts of the page, by their headings: each benchmark writes its own.
const (
	editingPart = "Editing files"
	landingPart = "Landing a bump"
)

const pageHead = `# Benchmarks

What a bump costs, beside the tools that would be used otherwise. ` + "`make bench`" + `
measures it and writes this page; no number here was typed.
`

// writePart puts a part into the page, and leaves the other one as it is.
func writePart(file, heading, text string) error {
	page, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parts := map[string]string{}
	for _, part := range strings.Split(string(page), "\n## ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		parts[name] = strings.TrimSpace(body)
	}
	parts[heading] = strings.TrimSpace(text)
	out := pageHead
	for _, name := range []string{editingPart, landingPart} {
		if parts[name] != "" {
			out += "\n## " + name + "\n\n" + parts[name] + "\n"
		}
	}
	return os.WriteFile(file, []byte(out), 0o644)
}

// machine says where the numbers come from.
func machine() string {
	return fmt.Sprintf("%d processor cores, Go %s, %s/%s", runtime.NumCPU(), strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH)
}

// report is the part of the page about editing.
func (s *bench) report() string {
	rounds := len(s.samples[fewHits.String()][byPawl])
	return strings.NewReplacer(
		"$ROUNDS", fmt.Sprint(rounds), "$MACHINE", machine(),
		"$COSTS", s.costTable(), "$RATIOS", s.ratioTable(), "$TOUCHED", s.touchedTable(), "$START", s.startTable(), "$GOALS", s.goalTable(),
	).Replace(reportText)
}

const reportText = `
### Goals

$GOALS

### CPU time

Seconds of CPU, user and system, of all processes that the command starts; in
brackets the seconds that it takes.

$COSTS

The same as a ratio:

$RATIOS

### What else they change

Files changed with ` + "`" + `10,000 files, 1,000 hits` + "`" + `, and those of them in which more than the
version is different afterwards: comments, blank lines, quotes, indentation.

$TOUCHED

### Start and memory

$START

### How it is measured

The repositories are made up, and the same every time: nested folders of
kustomizations, Deployments, Services, ConfigMaps, Flux HelmReleases, Helm charts
with their values, templates and subcharts, about 1 KB each (kustomizations, as
everywhere, are the shortest), beside .git folders. The image stands in as many
kustomizations as there are hits; some other files have the last part of its name in
a label. The file of 2 MB is what an operator is installed with: schemas of custom
resources, and eight Deployments with the image.

Every command runs on the unchanged repository, in a file system in memory, as a
process of its own, and all of them in turns; the median of $ROUNDS rounds counts, in each
of which grep, sed and pawl run three times. Each has to set every version, and sed and
pawl must change nothing else. sed, yq and
kustomize are given the files that grep finds, yq and kustomize one at a time, since
they take no more. The kyaml round trip reads the repository with kyaml's own
package reader, sets the version and writes it back; it leaves the templates out,
which it cannot read.

Only the ratios mean anything: this was a shared machine with
$MACHINE.
`

// costTable has a row for each workload and a column for each contestant.
func (s *bench) costTable() string {
	columns := s.measured()
	table := [][]string{append([]string{""}, columns...)}
	for _, w := range workloads() {
		row := []string{w.String()}
		for _, name := range columns {
			cell := "-"
			if samples := s.samples[w.String()][name]; len(samples) > 0 {
				m := median(samples)
				cell = fmt.Sprintf("%s (%s)", seconds(m.CPU), seconds(m.Wall))
			}
			row = append(row, cell)
		}
		table = append(table, row)
	}
	return markdown(table)
}

// ratioTable compares pawl's CPU time with that of the others.
func (s *bench) ratioTable() string {
	others := slices.DeleteFunc(s.measured(), func(name string) bool { return name == byPawl })
	table := [][]string{{"", "pawl to grep"}}
	for _, name := range others[1:] {
		table[0] = append(table[0], name+" to pawl")
	}
	for _, w := range workloads() {
		row := []string{w.String(), times(s.ratio(w, byPawl, byGrep))}
		for _, name := range others[1:] {
			row = append(row, times(s.ratio(w, name, byPawl)))
		}
		table = append(table, row)
	}
	return markdown(table)
}

func (s *bench) touchedTable() string {
	table := [][]string{{"", "files changed", "of them, more than the version"}}
	for _, name := range s.measured()[1:] {
		t := s.touched[manyHits.String()][name]
		table = append(table, []string{name, thousands(t.files), thousands(t.more)})
	}
	return markdown(table)
}

func (s *bench) startTable() string {
	table := [][]string{{"", "CPU, ms", "wall, ms", "peak memory, MB"}}
	for _, name := range slices.Sorted(maps.Keys(s.samples[starting])) {
		m := median(s.samples[starting][name])
		table = append(table, []string{"`" + name + "`", milliseconds(m.CPU), milliseconds(m.Wall), megabytes(m.Peak)})
	}
	for _, w := range []workload{fewHits, manyHits, largeFile} {
		m := median(s.samples[w.String()][byPawl])
		table = append(table, []string{"`pawl bump`, " + w.String(), milliseconds(m.CPU), milliseconds(m.Wall), megabytes(m.Peak)})
	}
	return markdown(table)
}

// goalTable says which goals are met.
func (s *bench) goalTable() string {
	var goals goals
	add := goals.add
	atMost := func(goal string, ratio, most float64) { add(goal, times(ratio), ratio > 0 && ratio <= most) }
	atLeast := func(goal string, ratio, least float64) { add(goal, times(ratio), ratio >= least) }
	atMost(fewHits.String()+": CPU at most 2 × `grep -rl`", s.ratio(fewHits, byPawl, byGrep), 2)
	atMost(manyHits.String()+": CPU at most 3.5 × `grep -rl`", s.ratio(manyHits, byPawl, byGrep), 3.5)
	atLeast(manyHits.String()+": at least 10 × below a kyaml round trip", s.ratio(manyHits, byKyaml, byPawl), 10)
	atLeast(manyHits.String()+": at least 20 × below `yq -i`", s.ratio(manyHits, byYq, byPawl), 20)
	large := median(s.samples[largeFile.String()][byPawl]).Wall
	add(largeFile.String()+": at most 0.15 s", seconds(large)+" s", large <= 150*time.Millisecond)
	peak := median(s.samples[manyHits.String()][byPawl]).Peak
	add(manyHits.String()+": peak memory at most 100 MB", megabytes(peak)+" MB", peak <= 100<<20)
	start := median(s.samples[starting]["pawl version"]).Wall
	add("`pawl version`: at most 10 ms", milliseconds(start)+" ms", start <= 10*time.Millisecond)
	return goals.table()
}

// goals are rows of a table.
type goals [][]string

func (g *goals) add(goal, measured string, met bool) {
	verdict := "missed"
	if met {
		verdict = "met"
	}
	*g = append(*g, []string{goal, measured, verdict})
}

func (g *goals) table() string { return markdown(append([][]string{{"goal", "measured", ""}}, *g...)) }

// measured are the contestants that took part.
func (s *bench) measured() []string {
	var names []string
	for _, c := range contestants(s.pawl) {
		if len(s.samples[fewHits.String()][c.name]) > 0 {
			names = append(names, c.name)
		}
	}
	return names
}

// ratio is the CPU time of one contestant by that of another, 0 when one of them
// did not take part.
func (s *bench) ratio(w workload, of, by string) float64 {
	a, b := s.samples[w.String()][of], s.samples[w.String()][by]
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	return float64(median(a).CPU) / float64(median(b).CPU)
}

func times(ratio float64) string {
	switch {
	case ratio == 0:
		return "-"
	case ratio < 10:
		return fmt.Sprintf("%.1f ×", ratio)
	}
	return fmt.Sprintf("%.0f ×", ratio)
}

func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.3f", d.Seconds())
	}
	return fmt.Sprintf("%.1f", d.Seconds())
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f", float64(bytes)/(1<<20)) }

// markdown writes a table; its first row is the head.
func markdown(rows [][]string) string {
	var text strings.Builder
	for i, row := range rows {
		text.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			text.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// Who runs one of the benchmarks keeps what the other one measured.
func TestPartsOfThePage(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	must(t, writePart(page, landingPart, "\n### Goals\n\nlanding\n"))
	must(t, writePart(page, editingPart, "old\n"))
	must(t, writePart(page, editingPart, "new\n"))
	got, err := os.ReadFile(page)
	must(t, err)
	if want := pageHead + "\n## Editing files\n\nnew\n\n## Landing a bump\n\n### Goals\n\nlanding\n"; string(got) != want {
		t.Errorf("the page is\n%s", got)
	}
}
