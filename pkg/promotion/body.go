package promotion

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/output"
)

const (
	// bodyCommits is how many commits a body lists; the newest are kept.
	bodyCommits = 100
	// maxBody is GitHub's limit for a body, in characters, less a margin for what
	// people add. https://github.com/renovatebot/renovate/issues/2032
	maxBody = 60_000
	// maxTitle is GitHub's limit for a title, in characters.
	maxTitle = 256
)

// title names what the promotion brings.
func title(p *Promotion) string {
	prefix := fmt.Sprintf("Promote to %s: ", p.To)
	if len(p.Images) == 0 {
		return prefix + plural(p.total, "commit")
	}
	var parts []string
	for i, change := range p.Images {
		if i == 3 && len(p.Images) > 4 {
			parts = append(parts, fmt.Sprintf("and %d more", len(p.Images)-i))
			break
		}
		parts = append(parts, strings.TrimSpace(change.Image+" "+change.To))
	}
	text := prefix + output.Clean(strings.Join(parts, ", "))
	if utf8.RuneCountInString(text) > maxTitle {
		text = prefix + plural(len(p.Images), "image")
	}
	return text
}

// body is the text of the pull request, whole sections only: when it would not
// fit, the longest lists are replaced by a line that says so.
func body(p *Promotion, rules policy) string {
	sections := []string{
		summary(p),
		imageSection(p),
		commitSection(p),
		gateSection(p, rules),
		mergeSection(p),
		undoSection(p, rules),
	}
	for _, cut := range []int{2, 1} {
		if utf8.RuneCountInString(strings.Join(sections, "")) <= maxBody {
			break
		}
		heading, _, _ := strings.Cut(sections[cut], "\n")
		sections[cut] = heading + "\n\nToo long to list here.\n\n"
	}
	return forge.BeginMark + "\n" + strings.Join(sections, "") + forge.EndMark
}

func summary(p *Promotion) string {
	text := verdictLine(p) + fmt.Sprintf("This moves %s forward from `%s` to `%s`, which ran in %s: %s, no merge commit.\n\n",
		output.Code(p.Base), gate.Short(p.Before), gate.Short(p.Commit), output.Escape(p.From), plural(p.total, "commit"))
	for _, note := range p.Notes {
		text += "> [!WARNING]\n> " + output.Escape(note) + "\n\n"
	}
	return text
}

// verdictLine is what a reader needs first.
func verdictLine(p *Promotion) string {
	var names []string
	for _, verdict := range gate.Blocking(p.Gates) {
		names = append(names, verdict.Gate)
	}
	switch gate.Overall(p.Gates) {
	case gate.Pass:
		return "**Ready to merge.**\n\n"
	case gate.Pending:
		return fmt.Sprintf("**Waiting** for %s.\n\n", strings.Join(names, ", "))
	}
	return fmt.Sprintf("**Blocked** by %s.\n\n", strings.Join(names, ", "))
}

func imageSection(p *Promotion) string {
	var b strings.Builder
	printer := output.NewPrinter(&b, output.Style{})
	printer.Line("### Images\n")
	if len(p.Images) == 0 {
		printer.Line("No image version changes.\n")
	} else {
		table := output.Table{Head: []string{"image", p.To + " now", "proposed", ""}}
		for _, change := range p.Images {
			table.Add(output.Code(change.Image), code(change.From), code(change.To), mark(change.Kind))
		}
		printer.MarkdownTable(table)
		printer.Line("")
	}
	if len(p.unreadable) > 0 {
		printer.Line("Not read, because they are not plain YAML: %s.\n", codes(p.unreadable, 10))
	}
	return b.String()
}

func mark(kind string) string {
	if kind == "downgrade" {
		return "⚠️ **downgrade**"
	}
	return kind
}

func code(version string) string {
	if version == "" {
		return "–"
	}
	return output.Code(version)
}

func codes(texts []string, limit int) string {
	var parts []string
	for i, text := range texts {
		if i == limit {
			parts = append(parts, fmt.Sprintf("and %d more", len(texts)-i))
			break
		}
		parts = append(parts, output.Code(text))
	}
	return strings.Join(parts, ", ")
}

func commitSection(p *Promotion) string {
	var b strings.Builder
	printer := output.NewPrinter(&b, output.Style{})
	printer.Line("### Commits\n")
	if older := p.total - len(p.Commits); older > 0 {
		printer.Line("The newest %d of %d:\n", len(p.Commits), p.total)
	}
	for i := len(p.Commits) - 1; i >= 0; i-- {
		commit := p.Commits[i]
		printer.Line("- %s %s (%s)", commit.SHA, output.Escape(commit.Subject), output.Escape(commit.Author))
	}
	printer.Line("")
	return b.String()
}

func gateSection(p *Promotion, rules policy) string {
	var b strings.Builder
	printer := output.NewPrinter(&b, output.Style{})
	printer.Line("### Gates\n")
	for _, verdict := range p.Gates {
		box := " "
		if verdict.State == gate.Pass {
			box = "x"
		}
		printer.Line("- [%s] **%s**: %s", box, verdict.Gate, output.Escape(verdict.Reason))
	}
	printer.Line("\nSo they stood when this text was written; `pawl merge %s --dry-run` tells how they stand now. The rules are from %s.\n",
		p.To, output.Escape(rules.Origin))
	return b.String()
}

func mergeSection(p *Promotion) string {
	return fmt.Sprintf("### How to merge\n\nRun `pawl merge %s` (or let CI run it). It fast-forwards %s to exactly `%s` when every gate passes. "+
		"Do not use the merge button: it would make a new commit, which nobody reviewed and which parts the branches.\n\n",
		p.To, output.Code(p.Base), gate.Short(p.Commit))
}

func undoSection(p *Promotion, rules policy) string {
	text := "### How to undo\n\nForward only: set the earlier version again and take it the same way.\n\n```\n"
	first := rules.Way[0].Name
	commands := undoCommands(p, first)
	if len(commands) == 0 {
		commands = []string{"git revert COMMIT && git push   # on " + first}
	}
	commands = append(commands, rules.promotions()...)
	return text + strings.Join(commands, "\n") + "\n```\n\n<sub>Opened by [pawl](https://github.com/getpawl/pawl).</sub>\n"
}

// undoCommands set the versions back that this promotion changes. A version that
// is not a plain tag is left to people.
func undoCommands(p *Promotion, first string) []string {
	var commands []string
	for _, change := range p.Images {
		back := change.Image + ":" + change.From
		if _, err := image.Parse(back); err != nil || change.From == "" || change.To == "" || strings.Contains(back, "@") {
			continue
		}
		commands = append(commands, fmt.Sprintf("pawl bump %s --env %s --allow-downgrade --push", back, first))
	}
	return commands
}
