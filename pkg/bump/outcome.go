package bump

import (
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/output"
)

// The actions of a bump.
const (
	ActionNone       = "none"         // every reference has that version already
	ActionPlan       = "plan"         // a dry run
	ActionWrite      = "write"        // files were written
	ActionCommit     = "commit"       // a commit was made in the checkout
	ActionPush       = "push"         // a commit was pushed
	ActionPull       = "pull-request" // a commit was pushed to the branch of a pull request
	ActionLanded     = "landed"       // this very job had set the versions before
	ActionSuperseded = "superseded"   // newer versions are in place
)

// Outcome is what a bump did.
type Outcome struct {
	Action      string       `json:"action"`
	Environment string       `json:"environment,omitempty"`
	Branch      string       `json:"branch,omitempty"`
	Commit      string       `json:"commit,omitempty"` // the commit that has the versions: a new one, or the one that was there
	Number      int          `json:"number,omitempty"` // the pull request
	URL         string       `json:"url,omitempty"`
	Parent      string       `json:"parent,omitempty"`
	Attempts    int          `json:"attempts,omitempty"` // pushes tried, since others pushed at the same time
	Diff        string       `json:"diff,omitempty"`
	Superseded  []Superseded `json:"superseded,omitempty"`
	Notes       []string     `json:"notes,omitempty"`
	*Plan

	ShowDiff bool `json:"-"`
}

// Text writes what changed for a terminal.
func (o *Outcome) Text(w *output.Printer) {
	w.Line("%s", o.headline(w))
	for _, change := range o.Changes {
		from := change.From
		if from == "" {
			from = "(none)"
		}
		w.Line("  %s %s %s → %s", w.Cyan(fmt.Sprintf("%s:%d", output.Clean(change.File), change.Line)),
			output.Clean(change.label()), output.Clean(from), w.Bold(output.Clean(change.To)))
	}
	for _, skipped := range o.Skipped {
		w.Line("  left out %s: %s", output.Clean(skipped.File), output.Clean(skipped.Reason))
	}
	for _, each := range o.Superseded {
		w.Line("  %s", output.Clean(each.sentence()))
	}
	for _, note := range o.Notes {
		w.Line("  note: %s", output.Clean(note))
	}
	if o.ShowDiff && o.Diff != "" {
		w.Line("")
		textDiff(w, o.Diff)
	}
}

func (o *Outcome) headline(w *output.Printer) string {
	count := "1 reference"
	if len(o.Changes) != 1 {
		count = fmt.Sprintf("%d references", len(o.Changes))
	}
	switch o.Action {
	case ActionPlan:
		return "would set " + count + o.target()
	case ActionWrite:
		return "set " + count
	case ActionPull:
		return fmt.Sprintf("pushed %s to #%d: set %s%s", w.Bold(short(o.Commit)), o.Number, count, o.target())
	case ActionLanded:
		return fmt.Sprintf("landed already as %s%s", w.Bold(short(o.Commit)), o.target())
	case ActionSuperseded:
		return "nothing to change: superseded" + o.target()
	case ActionCommit:
		return fmt.Sprintf("committed %s: set %s%s", w.Bold(short(o.Commit)), count, o.target())
	case ActionPush:
		return fmt.Sprintf("pushed %s: set %s%s", w.Bold(short(o.Commit)), count, o.target())
	}
	return "nothing to change: every reference has this version" + o.target()
}

func (o *Outcome) target() string {
	if o.Branch == "" {
		return ""
	}
	return " on " + output.Clean(o.Branch)
}

// textDiff writes a unified diff line by line, made safe for a terminal. A
// carriage return at the end of a line is the file's line ending and is left out.
func textDiff(w *output.Printer, diff string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(diff, "\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		mark, rest := "", line
		if line != "" {
			mark, rest = line[:1], strings.ReplaceAll(line[1:], "\t", "    ")
		}
		safe := mark + output.Clean(rest)
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			safe = w.Bold(safe)
		case mark == "+":
			safe = w.Green(safe)
		case mark == "-":
			safe = w.Red(safe)
		case mark == "@":
			safe = w.Cyan(safe)
		}
		w.Line("%s", safe)
	}
}

// Markdown writes what changed for a step summary.
func (o *Outcome) Markdown(w *output.Printer) {
	w.Line("### Bump\n\n%s\n", output.Escape(o.headline(&output.Printer{})))
	for _, each := range o.Superseded {
		w.Line("- %s", output.Escape(each.sentence()))
	}
	if len(o.Changes) == 0 {
		return
	}
	table := output.Table{Head: []string{"image", "from", "to", "where"}}
	for _, change := range o.Changes {
		table.Add(output.Code(change.label()), output.Code(change.From), output.Code(change.To),
			output.Code(fmt.Sprintf("%s:%d", change.File, change.Line)))
	}
	w.MarkdownTable(table)
}

// short is the first 12 digits of a SHA.
func short(sha string) string { return sha[:min(len(sha), 12)] }
