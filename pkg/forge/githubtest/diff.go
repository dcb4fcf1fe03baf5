package githubtest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Files are compared here and not by git diff, which would have to be run for
// almost every answer about a pull request. Status, counts and patches are those
// of git diff -M but for two things that Git decides by taste: where a change is
// placed among repeated lines, and which of several similar files was renamed.

// fileChange is one file that differs between two trees.
type fileChange struct {
	status    string // added, removed, modified, renamed, changed
	path      string
	previous  string // of a renamed file
	mode      string
	sha       string // the blob, the old one for a removed file
	old       string // the blob before, of a modified file
	additions int
	deletions int
	patch     string // "" for a binary file
}

// changes lists the files that differ between two trees, sorted by path. It is
// remembered: trees do not change.
func (r *repository) changes(ctx context.Context, from, to string) ([]fileChange, error) {
	if from == to {
		return nil, nil
	}
	key := [2]string{from, to}
	if known, ok := r.diffs[key]; ok {
		return known, nil
	}
	s := r.store()
	list, err := s.differing(ctx, from, to, "")
	if err != nil {
		return nil, fmt.Errorf("comparing trees %s and %s: %w", from, to, err)
	}
	if list, err = s.renames(ctx, list); err != nil {
		return nil, fmt.Errorf("comparing trees %s and %s: %w", from, to, err)
	}
	for i := range list {
		if err := list[i].compare(ctx, s); err != nil {
			return nil, fmt.Errorf("comparing %s: %w", list[i].path, err)
		}
	}
	slices.SortFunc(list, func(a, b fileChange) int { return strings.Compare(a.path, b.path) })
	r.diffs[key] = list
	return list, nil
}

// differing compares two trees entry by entry; an empty name is an empty tree.
func (s *store) differing(ctx context.Context, from, to, prefix string) ([]fileChange, error) {
	before, err := s.byName(ctx, from)
	if err != nil {
		return nil, err
	}
	after, err := s.byName(ctx, to)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	var list []fileChange
	for name := range names {
		found, err := s.differingEntry(ctx, before[name], after[name], prefix+name)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func (s *store) byName(ctx context.Context, tree string) (map[string]entry, error) {
	entries, err := s.tree(ctx, tree)
	if err != nil {
		return nil, err
	}
	names := make(map[string]entry, len(entries))
	for _, e := range entries {
		names[e.name] = e
	}
	return names, nil
}

// differingEntry compares what is at one path. A file that becomes a directory is
// a removed file and added ones.
func (s *store) differingEntry(ctx context.Context, before, after entry, path string) ([]fileChange, error) {
	if before == after {
		return nil, nil
	}
	var list []fileChange
	if before.isTree() || after.isTree() {
		var from, to string
		if before.isTree() {
			from, before = before.sha, entry{}
		}
		if after.isTree() {
			to, after = after.sha, entry{}
		}
		below, err := s.differing(ctx, from, to, path+"/")
		if err != nil {
			return nil, err
		}
		list = below
	}
	switch {
	case before.sha == "" && after.sha == "":
	case before.sha == "":
		list = append(list, fileChange{status: "added", path: path, mode: after.mode, sha: after.sha})
	case after.sha == "":
		list = append(list, fileChange{status: "removed", path: path, mode: before.mode, sha: before.sha})
	case before.mode[:2] != after.mode[:2]:
		list = append(list, fileChange{status: "changed", path: path, mode: after.mode, sha: after.sha, old: before.sha})
	default:
		list = append(list, fileChange{status: "modified", path: path, mode: after.mode, sha: after.sha, old: before.sha})
	}
	return list, nil
}

// renameLimit bounds how many pairs of files are looked at for renames, as
// diff.renameLimit does.
const renameLimit = 10000

// renames joins removed and added files that are alike by half or more [git-diff(1),
// --find-renames].
func (s *store) renames(ctx context.Context, list []fileChange) ([]fileChange, error) {
	var added, removed []int
	for i, c := range list {
		switch c.status {
		case "added":
			added = append(added, i)
		case "removed":
			removed = append(removed, i)
		}
	}
	if len(added)*len(removed) == 0 || len(added)*len(removed) > renameLimit {
		return list, nil
	}
	type pair struct {
		score, from, to int
	}
	var pairs []pair
	for _, to := range added {
		for _, from := range removed {
			score, err := s.likeness(ctx, list[from], list[to])
			if err != nil {
				return nil, err
			}
			if score >= 50 {
				pairs = append(pairs, pair{score, from, to})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.score != b.score {
			return b.score - a.score
		}
		return strings.Compare(list[a.from].path+list[a.to].path, list[b.from].path+list[b.to].path)
	})
	gone := map[int]bool{}
	for _, p := range pairs {
		if gone[p.from] || list[p.to].status != "added" {
			continue
		}
		gone[p.from] = true
		list[p.to].status, list[p.to].previous, list[p.to].old = "renamed", list[p.from].path, list[p.from].sha
	}
	var kept []fileChange
	for i, c := range list {
		if !gone[i] {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

// likeness is how many percent of two files are the same lines.
func (s *store) likeness(ctx context.Context, a, b fileChange) (int, error) {
	if a.mode[:2] != b.mode[:2] {
		return 0, nil
	}
	if a.sha == b.sha {
		return 100, nil
	}
	_, old, err := s.read(ctx, a.sha)
	if err != nil {
		return 0, err
	}
	_, fresh, err := s.read(ctx, b.sha)
	if err != nil {
		return 0, err
	}
	if longest := max(len(old), len(fresh)); longest > 0 && 2*min(len(old), len(fresh)) >= longest {
		same := 0
		for _, e := range diffLines(splitLines(old), splitLines(fresh)) {
			if e.kind == ' ' {
				same += len(e.line)
			}
		}
		return 100 * same / longest, nil
	}
	return 0, nil
}

// compare fills in the patch and counts its lines.
func (c *fileChange) compare(ctx context.Context, s *store) error {
	var sides [2][]byte
	for i, sha := range []string{c.oldSide(), c.newSide()} {
		if sha == "" || c.mode == modeSubmodule {
			continue
		}
		_, data, err := s.read(ctx, sha)
		if err != nil {
			return err
		}
		if bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
			return nil // binary, as git tells it
		}
		sides[i] = data
	}
	edits := diffLines(splitLines(sides[0]), splitLines(sides[1]))
	for _, e := range edits {
		switch e.kind {
		case '+':
			c.additions++
		case '-':
			c.deletions++
		}
	}
	c.patch = strings.TrimSuffix(hunks(edits), "\n")
	return nil
}

func (c *fileChange) oldSide() string {
	if c.status == "removed" {
		return c.sha
	}
	return c.old
}

func (c *fileChange) newSide() string {
	if c.status == "removed" {
		return ""
	}
	return c.sha
}

// splitLines keeps the line ends, so that a missing one at the end shows.
func splitLines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	lines := strings.SplitAfter(string(data), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// edit is one line of a comparison: ' ' in both, '-' in the old, '+' in the new.
type edit struct {
	kind byte
	line string
}

// maxEdits bounds the search for the shortest difference; what needs more is
// shown as replaced as a whole.
const maxEdits = 1000

// diffLines finds a shortest difference [An O(ND) Difference Algorithm and Its
// Variations, Algorithmica 1, 1986], with removed lines before added ones.
func diffLines(a, b []string) []edit {
	var head, tail []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, edit{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, edit{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)
	return append(append(head, middle(a, b)...), tail...)
}

// middle compares what is left between a common head and a common tail.
func middle(a, b []string) []edit {
	traces, found := shortest(a, b)
	x, y := len(a), len(b)
	var edits []edit // backward
	if !found {
		traces = nil
	}
	for d := len(traces) - 1; d >= 0; d-- {
		trace := traces[d]
		k := x - y
		down := k == -d || k != d && trace[d+k-1] < trace[d+k+1]
		from := k - 1
		if down {
			from = k + 1
		}
		startX := 0
		if d > 0 {
			startX = trace[d+from]
		}
		startY := startX - from
		for x > max(startX, 0) && y > max(startY, 0) {
			edits = append(edits, edit{' ', a[x-1]})
			x, y = x-1, y-1
		}
		if d == 0 {
			break
		}
		if down {
			edits = append(edits, edit{'+', b[y-1]})
			y--
		} else {
			edits = append(edits, edit{'-', a[x-1]})
			x--
		}
	}
	for ; y > 0; y-- {
		edits = append(edits, edit{'+', b[y-1]})
	}
	for ; x > 0; x-- {
		edits = append(edits, edit{'-', a[x-1]})
	}
	slices.Reverse(edits)
	return removedFirst(edits)
}

// shortest runs the greedy search of that paper forward; traces[d] is how far each diagonal -d…d
// had come before step d, at the index d+k.
func shortest(a, b []string) (traces [][]int, found bool) {
	reach := map[int]int{1: 0}
	for d := 0; d <= min(len(a)+len(b), maxEdits); d++ {
		trace := make([]int, 2*d+2)
		for k := -d; k <= d+1; k++ {
			trace[d+k] = reach[k]
		}
		traces = append(traces, trace)
		for k := -d; k <= d; k += 2 {
			x := reach[k-1] + 1
			if k == -d || k != d && reach[k-1] < reach[k+1] {
				x = reach[k+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			reach[k] = x
			if x >= len(a) && x-k >= len(b) {
				return traces, true
			}
		}
	}
	return nil, false
}

// removedFirst sorts each run of changes: removed lines, then added ones.
func removedFirst(edits []edit) []edit {
	var out, added []edit
	for _, e := range edits {
		switch e.kind {
		case '+':
			added = append(added, e)
		case '-':
			out = append(out, e)
		default:
			out = append(append(out, added...), e)
			added = nil
		}
	}
	return append(out, added...)
}

// hunkContext is how many unchanged lines stand around a change.
const hunkContext = 3

// hunks writes a unified diff without its file header.
func hunks(edits []edit) string {
	var out strings.Builder
	oldLine, newLine, heading := 1, 1, ""
	for i := 0; i < len(edits); {
		if edits[i].kind == ' ' && !changesWithin(edits[i:], hunkContext) {
			heading = nextHeading(heading, edits[i].line)
			oldLine, newLine, i = oldLine+1, newLine+1, i+1
			continue
		}
		end := hunkEnd(edits, i)
		olds, news := 0, 0
		var body strings.Builder
		after := heading
		for _, e := range edits[i:end] {
			if e.kind != '+' {
				olds++
				after = nextHeading(after, e.line)
			}
			if e.kind != '-' {
				news++
			}
			body.WriteString(string(e.kind) + e.line)
			if !strings.HasSuffix(e.line, "\n") {
				body.WriteString("\n\\ No newline at end of file\n")
			}
		}
		fmt.Fprintf(&out, "@@ -%s +%s @@", lineRange(oldLine, olds), lineRange(newLine, news))
		if heading != "" {
			out.WriteString(" " + heading)
		}
		out.WriteString("\n" + body.String())
		oldLine, newLine, heading, i = oldLine+olds, newLine+news, after, end
	}
	return out.String()
}

// changesWithin says whether a change is at most so many lines ahead.
func changesWithin(edits []edit, n int) bool {
	for _, e := range edits[:min(len(edits), n+1)] {
		if e.kind != ' ' {
			return true
		}
	}
	return false
}

// hunkEnd finds where a hunk that starts at i ends: with the context after the
// last change that is not too far from the one before.
func hunkEnd(edits []edit, i int) int {
	end, last := i, i
	for ; end < len(edits); end++ {
		if edits[end].kind != ' ' {
			last = end
		} else if end-last > hunkContext && !changesWithin(edits[end:], hunkContext) {
			break
		}
	}
	return min(last+hunkContext+1, len(edits))
}

// lineRange writes "3" or "3,2"; nothing is counted from the line before.
func lineRange(start, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", start-1)
	case 1:
		return fmt.Sprint(start)
	}
	return fmt.Sprintf("%d,%d", start, count)
}

// nextHeading keeps the newest line that git shows beside a hunk: one that starts
// with a letter, _ or $.
func nextHeading(heading, line string) string {
	line = strings.TrimRight(line, " \t\r\n")
	if line == "" || !isLetter(line[0]) && line[0] != '_' && line[0] != '$' {
		return heading
	}
	return line[:min(len(line), 80)]
}

func total(changes []fileChange) (additions, deletions int) {
	for _, c := range changes {
		additions += c.additions
		deletions += c.deletions
	}
	return additions, deletions
}

// filesJSON is a list of the schema diff-entry. Files without a textual diff have
// no patch.
func (r *repository) filesJSON(changes []fileChange, sha string) []any {
	list := []any{}
	for _, c := range changes {
		escaped := (&url.URL{Path: c.path}).EscapedPath()
		file := object{
			"sha": c.sha, "filename": c.path, "status": c.status,
			"additions": c.additions, "deletions": c.deletions, "changes": c.additions + c.deletions,
			"blob_url": r.html("/blob/" + sha + "/" + escaped), "raw_url": r.html("/raw/" + sha + "/" + escaped),
			"contents_url": r.api("/contents/" + escaped + "?ref=" + sha),
		}
		if c.patch != "" {
			file["patch"] = c.patch
		}
		if c.previous != "" {
			file["previous_filename"] = c.previous
		}
		list = append(list, file)
	}
	return list
}
