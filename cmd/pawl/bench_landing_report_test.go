package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// writeReport writes the part of the page about landing.
func (l *landings) writeReport(file string) error {
	rounds := 0
	for _, samples := range l.samples {
		for _, each := range samples {
			rounds = len(each)
		}
	}
	text := strings.NewReplacer(
		"$GOALS", l.goalTable(), "$COSTS", l.costTable(), "$RATIOS", l.ratioTable(), "$ROUNDS", fmt.Sprint(rounds), "$MACHINE", machine(),
	).Replace(landingText)
	return writePart(file, landingPart, text)
}

const landingText = `
A pipeline sets one image in a repository that it has not checked out, or has, and
pushes the commit.

### Goals of landing

$GOALS

### Cost

Of all processes that the pipeline starts: what they take together, the peak of the
largest one. Bytes are those of requests and answers, without their headers.

$COSTS

What the others take, as a multiple of pawl (of its last row):

$RATIOS

### How landing is measured

The repositories are made up, and the same every time: one folder with five files
for each application, all side by side, manifests of about 1 KB; from 5,000 files
on, 200 of the files are below base/ instead; a history of up to 1,000 bumps. The
server is git http-backend on this machine, without TLS, the same for all; where it
says so, it waits 40 ms before it serves a request. A connection costs next to
nothing here, and is not counted.

Every pipeline is a shell script that runs in an empty folder in memory, as the first
attempt of a job of GitHub Actions, or in a checkout of depth 1, as somebody at a
terminal would, and starts from the same commit. They run in turns, and the median of $ROUNDS rounds counts; of memory and of attempts, the highest.
After each run the branch must have exactly the commits and the changes that it
should, and in the end the repositories pass git fsck --strict.

- ` + byClone + `: then sed, git commit -a, git push.
- ` + bySparse + `: with --depth 1 --filter=blob:none, then git sparse-checkout set, sed, git commit -a, git push.
- To find the image, both look for it with grep below base/; pawl takes it from the
  configuration in the repository that dev is below base/.
- ` + byRebase + `: ` + byClone + `, sed, git commit -a, and then git push and
  git pull --rebase in turns, without a wait, until a push succeeds.

Only the ratios mean anything: they are of one machine, at one time, a shared one with
$MACHINE.
`

// medianLanding is the sample in the middle, for each figure; of memory and
// attempts, the highest.
func medianLanding(samples []landing) landing {
	if len(samples) == 0 {
		return landing{}
	}
	costs := make([]cost, len(samples))
	m := landing{}
	for i, sample := range samples {
		costs[i] = sample.cost
		m.attempts = max(m.attempts, sample.attempts)
	}
	m.cost = median(costs)
	middle := func(figure func(landing) int64) int64 {
		figures := make([]int64, len(samples))
		for i, sample := range samples {
			figures[i] = figure(sample)
		}
		slices.Sort(figures)
		return figures[len(figures)/2]
	}
	m.requests = int(middle(func(s landing) int64 { return int64(s.requests) }))
	m.down = middle(func(s landing) int64 { return s.down })
	m.up = middle(func(s landing) int64 { return s.up })
	return m
}

func (l *landings) median(s scenario, way string) landing { return medianLanding(l.samples[s][way]) }

func (l *landings) costTable() string {
	table := [][]string{{"", "", "wall, s", "CPU, s", "peak, MB", "requests", "received, KB", "sent, KB"}}
	for _, s := range scenarios() {
		for i, way := range s.task.ways() {
			m := l.median(s, way.name)
			if m.requests == 0 {
				continue // not measured
			}
			row := []string{"", way.name, seconds(m.Wall), seconds(m.CPU), megabytes(m.Peak), fmt.Sprint(m.requests), kilobytes(m.down), kilobytes(m.up)}
			if i == 0 {
				row[0] = s.String()
			}
			if s.task == together {
				row[1] += fmt.Sprintf(", at most %d attempts", m.attempts)
			}
			table = append(table, row)
		}
	}
	return markdown(table)
}

func kilobytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1000) }

func (l *landings) ratioTable() string {
	table := [][]string{{"", "", "wall", "CPU"}}
	for _, s := range scenarios() {
		ways := s.task.ways()
		ours := l.median(s, ways[len(ways)-1].name)
		for _, way := range ways[:len(ways)-1] {
			if m := l.median(s, way.name); m.requests > 0 {
				table = append(table, []string{s.String(), way.name, times(over(m.Wall, ours.Wall)), times(over(m.CPU, ours.CPU))})
			}
		}
	}
	return markdown(table)
}

// over is a ratio, 0 when it is not known.
func over(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// goalTable says which goals are met.
func (l *landings) goalTable() string {
	var goals goals
	least := func(goal string, ratio, least float64) { goals.add(goal, times(ratio), ratio >= least) }
	wall := func(files int, task task, way string) float64 {
		s := scenario{files: files, task: task}
		return over(l.median(s, way).Wall, l.median(s, byPawl).Wall)
	}
	large := scenario{files: 50_000, task: pathKnown}
	ours := l.median(large, byPawl)
	least("50,000 files, path known: at least 10 × faster than the clone of depth 1", wall(50_000, pathKnown, byClone), 10)
	least("the same: at least 50 × less CPU", over(l.median(large, byClone).CPU, ours.CPU), 50)
	goals.add("the same: peak memory at most 30 MB", megabytes(ours.Peak)+" MB", ours.Peak > 0 && ours.Peak <= 30<<20)
	goals.add("the same: at most 4 requests", fmt.Sprint(ours.requests), ours.requests > 0 && ours.requests <= 4)
	least("5,000 files, path known: at least 4 × faster", wall(5000, pathKnown, byClone), 4)
	least("50 files, path known: at least 1.5 × faster", wall(50, pathKnown, byClone), 1.5)
	least("50,000 files, to be found among 200: at least 5 × faster", wall(50_000, discovery, byClone), 5)
	standing := scenario{files: 50_000, task: checkout}
	byGit := l.median(standing, byAdd).Wall
	least("checkout of 50,000 files: "+byCommit+" not slower than "+byAdd, over(byGit, l.median(standing, byCommit).Wall), 1)
	least("the same: "+byPush, over(byGit, l.median(standing, byPush).Wall), 1)
	jobs := scenario{files: 5000, task: together}
	least("20 jobs on a branch of 5,000 files: all land, at least 4 × faster than "+byRebase, wall(5000, together, byRebase), 4)
	attempts := l.median(jobs, byPawl).attempts
	goals.add("the same: at most 80 attempts", fmt.Sprint(attempts), attempts > 0 && attempts <= 80)
	return goals.table()
}
