package promotion

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// told are the reports on what runs where, in which everything that others can
// write says the same.
func told(said string) (*DiffReport, *HistoryReport, *TraceReport) {
	p, _ := written(said)
	one, sha, url := 1, strings.Repeat("a", 40), "https://github.com/acme/config/pull/7"
	lines := []string{"@@ -1 +1 @@", "-" + strings.ReplaceAll(said, "\n", "⏎"), " " + strings.ReplaceAll(said, "\n", "⏎")}
	diff := &DiffReport{
		From: DiffSide{Name: said, Branch: said, Commit: sha}, To: DiffSide{Name: "staging", Environment: "staging", Commit: strings.Repeat("b", 40)},
		Environment: "staging", Relation: forge.Ahead, Ahead: 3, Images: p.Images, Commits: p.Commits, Objects: []string{"Deployment " + said, said},
		Files:    []DiffFile{{Path: said, Kind: "changed", Used: true, Added: &one, Removed: &one}, {Path: "dir/" + said, Kind: "added"}},
		Rendered: &Rendered{Overlays: []string{said}, Objects: []RenderedObject{{Overlay: said, Kind: said, Namespace: said, Name: said, Change: "changed", Diff: lines}}},
		Notes:    []string{said, "note: " + said},
	}
	pull := &HistoryPullRequest{Number: 7, URL: url, Title: said, Author: said, Method: "squash", ApprovedBy: []string{said, "octocat"}}
	history := &HistoryReport{Environment: "staging", Branch: said, Notes: []string{said}}
	for _, kind := range []string{KindPromotion, KindPullRequest, KindButton, KindQueue, KindUnknown} {
		history.Moves = append(history.Moves, HistoryMove{Time: time.Unix(0, 0), Kind: kind, By: said, Before: sha, After: sha, Subject: said, PullRequest: pull, Images: p.Images})
	}
	for _, kind := range []string{KindPush, KindForce, KindCreated, KindDeleted, KindButton, KindUnknown} {
		history.Moves = append(history.Moves, HistoryMove{Time: time.Unix(0, 0), Kind: kind, By: said, Before: sha, After: sha, Subject: said, Images: p.Images[:1]})
	}
	trace := &TraceReport{
		Kind: "image", What: said, Image: said, Version: said, Notes: []string{said},
		Environments: []TraceStop{{Environment: "dev", State: StopHere, Version: said, By: said, Kind: KindPromotion, PullRequest: pull}, {Environment: "staging", State: StopNotYet, By: said, Kind: KindPush}},
		Next:         &TraceHop{From: "dev", To: "staging", Number: 7, URL: url, Commit: sha, State: gate.Pending, Gates: p.Gates, Command: "pawl merge staging"},
	}
	return diff, history, trace
}

func TestReportsKeepTextOfOthersText(t *testing.T) {
	t.Parallel()
	markdown := func(said string) map[string]string {
		diff, history, trace := told(said)
		pull := *trace
		pull.Kind, pull.Subject, pull.Commit = "pull request", said, strings.Repeat("a", 40)
		return map[string]string{"diff": write(diff.Markdown), "history": write(history.Markdown), "trace": write(trace.Markdown), "trace of a pull request": write(pull.Markdown)}
	}
	text := func(said string) string {
		diff, history, trace := told(said)
		pull := *trace
		pull.Kind, pull.Subject = "pull request", said
		return write(diff.Text) + write(history.Text) + write(trace.Text) + write(pull.Text)
	}
	want := map[string]rendered{}
	for name, page := range markdown("plain") {
		want[name] = render(page)
	}
	plain := strings.Count(text("plain"), "\n")
	for _, said := range hostile(t) {
		for name, page := range markdown(said) {
			if diff := cmp.Diff(want[name], render(page)); diff != "" {
				t.Errorf("%q in %s (-plain +this):\n%s\n%s", said, name, diff, page)
			}
		}
		got := text(said)
		if n := strings.Count(got, "\n"); n != plain {
			t.Errorf("%q makes %d lines of %d:\n%s", said, n, plain, got)
		}
		if flat := strings.ReplaceAll(got, "\n", ""); output.Clean(flat) != flat {
			t.Errorf("%q reaches the terminal: %q", said, got)
		}
	}
}
