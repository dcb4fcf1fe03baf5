package doctor

import (
	"fmt"

	"github.com/getpawl/pawl/pkg/output"
)

// Text writes the report for a terminal.
func (r *Report) Text(w *output.Printer) {
	w.Line("%s, as %s: %s", w.Bold(output.Clean(r.Repository)), output.Clean(r.Identity), r.verdict())
	for _, f := range r.Findings {
		w.Line("\n%s %s: %s", paint(w, f.Severity), f.ID, output.Clean(f.What))
		w.Line("  why: %s", output.Clean(f.Why))
		w.Line("  fix: %s", output.Clean(f.Fix))
	}
	if len(r.Unchecked) > 0 {
		w.Line("")
	}
	for _, u := range r.Unchecked {
		w.Line("%s %s: %s", w.Yellow("could not check:"), output.Clean(u.What), output.Clean(u.Reason))
	}
}

// verdict is the report in a few words.
func (r *Report) verdict() string {
	text := "nothing found"
	if len(r.Findings) > 0 {
		text = output.Plural(len(r.Findings), "finding")
	}
	if len(r.Unchecked) > 0 {
		text += fmt.Sprintf(", %s not checked", output.Plural(len(r.Unchecked), "thing"))
	}
	return text
}

func paint(w *output.Printer, severity Severity) string {
	switch severity {
	case Error:
		return w.Red(string(severity))
	case Warning:
		return w.Yellow(string(severity))
	}
	return string(severity)
}

// Markdown writes the report for a step summary.
func (r *Report) Markdown(w *output.Printer) {
	w.Line("### %s: %s\n", output.Escape(r.Repository), r.verdict())
	if len(r.Findings) > 0 {
		table := output.Table{Head: []string{"severity", "what", "why", "fix"}}
		for _, f := range r.Findings {
			table.Add(string(f.Severity)+" `"+f.ID+"`", output.Escape(f.What), output.Escape(f.Why), output.Escape(f.Fix))
		}
		w.MarkdownTable(table)
		w.Line("")
	}
	for _, u := range r.Unchecked {
		w.Line("- could not check: %s: %s", output.Escape(u.What), output.Escape(u.Reason))
	}
}

// Text writes what becomes of the rulesets for a terminal.
func (p *RulesetPlan) Text(w *output.Printer) {
	for _, change := range p.Rulesets {
		w.Line("%s: %s", w.Bold(output.Clean(change.Name)), p.outcome(change))
		for _, line := range change.lines() {
			w.Line("  %s", output.Clean(line))
		}
	}
}

// Markdown writes what becomes of the rulesets for a step summary.
func (p *RulesetPlan) Markdown(w *output.Printer) {
	for _, change := range p.Rulesets {
		w.Line("- **%s**: %s", output.Escape(change.Name), p.outcome(change))
		for _, line := range change.lines() {
			w.Line("  - %s", output.Escape(line))
		}
	}
}

// outcome says what happened to a ruleset, or would.
func (p *RulesetPlan) outcome(change RulesetChange) string {
	would := ""
	if p.DryRun {
		would = "would be "
	}
	switch change.Action {
	case ActionCreate:
		return would + "created"
	case ActionUpdate:
		return would + "updated"
	}
	return "is as it should be"
}
