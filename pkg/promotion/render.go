package promotion

import (
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// Text writes the plan, or what became of it, for a terminal.
func (p *PromotePlan) Text(w *output.Printer) {
	for i, promotion := range p.Promotions {
		if i > 0 {
			w.Line("")
		}
		promotion.text(w, p.DryRun)
	}
}

// Markdown writes the plan for a step summary.
func (p *PromotePlan) Markdown(w *output.Printer) {
	for _, promotion := range p.Promotions {
		promotion.markdown(w, p.DryRun)
	}
}

func (p *Promotion) text(w *output.Printer, dryRun bool) {
	w.Line("%s %s", w.Bold(p.From+" → "+p.To), p.outcome(dryRun))
	for _, note := range p.Notes {
		w.Line("  note: %s", output.Clean(note))
	}
	if p.Action == ActionNone {
		return
	}
	if p.URL != "" {
		w.Line("  %s", output.Clean(p.URL))
	}
	w.Line("")
	textImages(w, p)
	textGates(w, p.Gates)
	for _, old := range p.Supersedes {
		w.Line("\n  supersedes #%d, which is closed", old)
	}
}

// outcome says in a few words what happened or would happen.
func (p *Promotion) outcome(dryRun bool) string {
	what := fmt.Sprintf("%s, %s", gate.Short(p.Commit), output.Plural(p.page.total, "commit"))
	switch {
	case p.Action == ActionNone:
		return "nothing to promote: " + p.Reason
	case p.Action == ActionCreate && dryRun:
		return "would open a pull request: " + what
	case p.Action == ActionCreate:
		return fmt.Sprintf("opened #%d: %s", p.Number, what)
	case p.Action == ActionUpdate && dryRun:
		return fmt.Sprintf("would refresh #%d: %s", p.Number, what)
	case p.Action == ActionUpdate:
		return fmt.Sprintf("refreshed #%d: %s", p.Number, what)
	}
	return fmt.Sprintf("#%d is open and up to date: %s", p.Number, what)
}

func textImages(w *output.Printer, p *Promotion) {
	if len(p.Images) == 0 {
		w.Line("  no image version changes")
		return
	}
	table := output.Table{Head: []string{"  IMAGE", strings.ToUpper(p.To) + " NOW", "PROPOSED", ""}}
	for _, change := range p.Images {
		kind := change.Kind
		if kind == "downgrade" {
			kind = w.Yellow(kind)
		}
		table.Add("  "+output.Clean(change.Image), dash(abbreviate(change.From)), dash(abbreviate(change.To)), kind)
	}
	w.Table(table)
}

// textGates writes one line a gate.
func textGates(w *output.Printer, verdicts []gate.Verdict) {
	if len(verdicts) == 0 {
		return
	}
	w.Line("")
	table := output.Table{Head: []string{"  GATE", "VERDICT", "REASON"}}
	for _, verdict := range verdicts {
		table.Add("  "+verdict.Gate, paint(w, verdict.State), output.Clean(verdict.Reason))
	}
	w.Table(table)
}

func paint(w *output.Printer, state gate.State) string {
	switch state {
	case gate.Pass:
		return w.Green(string(state))
	case gate.Pending:
		return w.Yellow(string(state))
	}
	return w.Red(string(state))
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func (p *Promotion) markdown(w *output.Printer, dryRun bool) {
	w.Line("### %s → %s\n", output.Escape(p.From), output.Escape(p.To))
	outcome := output.Escape(p.outcome(dryRun))
	if p.URL != "" {
		outcome += fmt.Sprintf(" ([#%d](%s))", p.Number, p.URL)
	}
	w.Line("%s\n", outcome)
	for _, note := range p.Notes {
		w.Line("> %s\n", output.Escape(note))
	}
	if p.Action == ActionNone {
		return
	}
	if len(p.Images) > 0 {
		markdownImages(w, p)
		w.Line("")
	}
	markdownGates(w, p.Gates)
}

func markdownGates(w *output.Printer, verdicts []gate.Verdict) {
	if len(verdicts) == 0 {
		return
	}
	table := output.Table{Head: []string{"gate", "verdict", "reason"}}
	for _, verdict := range verdicts {
		table.Add(verdict.Gate, string(verdict.State), output.Escape(verdict.Reason))
	}
	w.MarkdownTable(table)
	w.Line("")
}

// Text writes the verdicts for a terminal.
func (v *Verification) Text(w *output.Printer) {
	w.Line("%s #%d %s → %s %s: %s", v.Repository, v.Number, v.From, v.To, gate.Short(v.Commit), paint(w, v.State))
	for _, note := range v.Notes {
		w.Line("  note: %s", output.Clean(note))
	}
	textGates(w, v.Gates)
	w.Line("\n  rules: %s", output.Clean(v.Policy))
	if v.Published != "" {
		w.Line("  status: %s %s", gate.StatusContext(v.To), v.Published)
	}
}

// Markdown writes the verdicts for a step summary.
func (v *Verification) Markdown(w *output.Printer) {
	w.Line("### [#%d](%s) %s → %s: %s\n", v.Number, v.URL, output.Escape(v.From), output.Escape(v.To), v.State)
	for _, note := range v.Notes {
		w.Line("> %s\n", output.Escape(note))
	}
	markdownGates(w, v.Gates)
}

// Text writes the plan, or what became of it, for a terminal.
func (p *MergePlan) Text(w *output.Printer) {
	w.Line("%s", p.outcome(w.Bold(output.Clean(p.Branch))))
	for _, note := range p.Notes {
		w.Line("  note: %s", output.Clean(note))
	}
	textGates(w, p.Gates)
}

// Markdown writes the plan for a step summary.
func (p *MergePlan) Markdown(w *output.Printer) {
	w.Line("### Merge into %s\n\n%s\n", output.Escape(p.To), output.Escape(p.outcome(p.Branch)))
	for _, note := range p.Notes {
		w.Line("> %s\n", output.Escape(note))
	}
	markdownGates(w, p.Gates)
}

// Text writes what became of each promotion, for a terminal.
func (r *MergeReport) Text(w *output.Printer) {
	for i, plan := range r.Merges {
		if i > 0 {
			w.Line("")
		}
		plan.Text(w)
	}
}

// Markdown writes what became of each promotion for a step summary.
func (r *MergeReport) Markdown(w *output.Printer) {
	for _, plan := range r.Merges {
		plan.Markdown(w)
	}
}

func (p *MergePlan) outcome(branch string) string {
	move := fmt.Sprintf("%s from %s to %s (#%d)", branch, gate.Short(p.Before), gate.Short(p.Commit), p.Number)
	switch {
	case p.Reason != "":
		return "nothing to merge: " + p.Reason
	case p.Action == ActionMerged:
		return "fast-forwarded " + move
	case p.Action == ActionMerge:
		return "would fast-forward " + move
	}
	if p.Number == 0 {
		return fmt.Sprintf("not merged: %s", branch)
	}
	return fmt.Sprintf("not merged: #%d, %s at %s", p.Number, branch, gate.Short(p.Before))
}

// abbreviate makes a version safe for a terminal and shortens the digests and
// commit ids in it, whose first digits tell them apart.
func abbreviate(version string) string {
	parts := strings.FieldsFunc(output.Clean(version), func(r rune) bool { return r == ',' || r == ' ' })
	for i, part := range parts {
		tag, digest, pinned := strings.Cut(part, "@")
		if hash, ok := strings.CutPrefix(tag, "sha256:"); ok {
			tag = "sha256:" + gate.Short(hash)
		} else if len(tag) == 40 && strings.Trim(tag, "0123456789abcdef") == "" {
			tag = gate.Short(tag)
		}
		if pinned {
			tag += "@sha256:" + gate.Short(strings.TrimPrefix(digest, "sha256:"))
		}
		parts[i] = tag
	}
	return strings.Join(parts, ", ")
}
