package promotion

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// shownImages is how many image changes of one move are shown to people.
const shownImages = 20

// Text writes the history for a terminal.
func (r *HistoryReport) Text(w *output.Printer) {
	w.Line("%s %s", w.Bold(r.Environment), r.summary())
	for _, note := range r.Notes {
		w.Line("  note: %s", output.Clean(note))
	}
	for _, move := range r.Moves {
		w.Line("")
		what := move.what(output.Clean)
		if move.irregular() {
			what = w.Yellow(what)
		}
		w.Line("%s  %s", w.Bold(minute(move.Time)), what)
		w.Line("  %s", move.way(output.Clean))
		move.textImages(w)
	}
}

func (r *HistoryReport) summary() string {
	switch {
	case len(r.Moves) == 0 && r.Commit == "" && r.Source == SourcePullRequests:
		return "has no branch, and whether it ever moved is unknown"
	case len(r.Moves) == 0 && r.Source == SourcePullRequests:
		return "has no moves to show that are known"
	case len(r.Moves) == 0 && r.Commit == "":
		return "has no branch and no moves"
	case len(r.Moves) == 0:
		return "has no moves to show"
	case r.More:
		return fmt.Sprintf("has more moves than these %d, newest first (--limit shows more):", len(r.Moves))
	}
	return fmt.Sprintf("has %s to show, newest first:", output.Plural(len(r.Moves), "move"))
}

// minute is a time for people.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// irregular says whether a move is none that pawl makes.
func (m HistoryMove) irregular() bool {
	switch m.Kind {
	case KindPromotion, KindPullRequest, KindCreated:
		return false
	}
	return true
}

// what says in one line what the move was, and whose.
func (m HistoryMove) what(show func(string) string) string {
	by := "unknown"
	if m.By != "" {
		by = show(m.By)
	}
	pr := m.PullRequest
	if pr == nil {
		switch m.Kind {
		case KindPush:
			return "pushed without a pull request by " + by
		case KindForce:
			return "FORCE-PUSHED by " + by
		case KindUnknown:
			return "moved by " + by + ", pull request unknown"
		case KindButton:
			return "merge button, pressed by " + by + ", pull request unknown"
		}
		return m.Kind + " by " + by
	}
	text := fmt.Sprintf("%s #%d, moved by %s", m.Kind, pr.Number, by)
	switch m.Kind {
	case KindButton:
		text = fmt.Sprintf("merge button (%s) on #%d, pressed by %s", pr.Method, pr.Number, by)
	case KindUnknown:
		text = fmt.Sprintf("#%d, merged by %s", pr.Number, by)
	}
	switch {
	case slices.Contains(m.Unknown, "approvedBy"):
		return text + ", approvals unknown"
	case len(pr.ApprovedBy) == 0:
		return text + ", not approved"
	}
	names := make([]string, len(pr.ApprovedBy))
	for i, name := range pr.ApprovedBy {
		names[i] = show(name)
	}
	return text + ", approved by " + strings.Join(names, ", ")
}

// way is from where to where the branch moved.
func (m HistoryMove) way(show func(string) string) string {
	end := func(sha, field, none string) string {
		switch {
		case sha != "":
			return gate.Short(sha)
		case slices.Contains(m.Unknown, field):
			return "unknown"
		}
		return none
	}
	text := end(m.Before, "before", "nothing") + " → " + end(m.After, "after", "nothing")
	if m.Subject != "" {
		text += " " + show(output.Limit(m.Subject, bodyText))
	}
	return text
}

// imageLines are the image changes of a move, each as a row.
func (m HistoryMove) imageLines() string {
	switch {
	case slices.Contains(m.Unknown, "images"):
		return "images unknown"
	case len(m.Images) == 0 && m.Kind != KindCreated && m.Kind != KindDeleted:
		return "no image version changes"
	}
	return ""
}

func (m HistoryMove) textImages(w *output.Printer) {
	if words := m.imageLines(); words != "" {
		w.Line("  %s", words)
	}
	table := output.Table{}
	for i, change := range m.Images {
		if i == shownImages {
			table.Add(fmt.Sprintf("  and %d more", len(m.Images)-i))
			break
		}
		table.Add("  "+output.Clean(change.Image), dash(abbreviate(change.From))+" → "+dash(abbreviate(change.To)), stepWords(w, change))
	}
	w.Table(table)
}

// Markdown writes the history for a comment or a step summary.
func (r *HistoryReport) Markdown(w *output.Printer) {
	w.Line("### History of %s\n", output.Escape(r.Environment))
	w.Line("%s %s\n", output.Escape(r.Environment), strings.TrimSuffix(r.summary(), ":"))
	for _, note := range r.Notes {
		w.Line("> %s\n", escape(note, bodyReason))
	}
	if len(r.Moves) == 0 {
		return
	}
	table := output.Table{Head: []string{"when", "what", "images", "commits"}}
	for _, move := range r.Moves {
		what := escape(move.what(func(s string) string { return s }), bodyReason)
		if move.PullRequest != nil {
			what += fmt.Sprintf(" ([#%d](%s))", move.PullRequest.Number, move.PullRequest.URL)
		}
		if move.irregular() {
			what = "⚠️ " + what
		}
		table.Add(minute(move.Time), what, move.markdownImages(), escape(move.way(func(s string) string { return s }), bodyReason))
	}
	w.MarkdownTable(table)
	w.Line("")
}

func (m HistoryMove) markdownImages() string {
	if words := m.imageLines(); words != "" {
		return words
	}
	var lines []string
	for i, change := range m.Images {
		if i == shownImages {
			lines = append(lines, fmt.Sprintf("and %d more", len(m.Images)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s %s → %s, %s", code(change.Image), code(abbreviate(change.From)), code(abbreviate(change.To)), changeCell(change)))
	}
	return strings.Join(lines, "<br>")
}
