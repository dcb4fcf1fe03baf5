package promotion

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/output"
)

// The lengths of lists and texts of a body. What is beyond them is counted, or has
// a command that shows it.
const (
	bodyCommits  = 100 // the newest are kept
	bodyFiles    = 50
	bodyObjects  = 20
	bodyEvidence = 10  // of a gate
	bodyUndo     = 20  // commands
	bodyText     = 200 // characters of a subject, a name, a path
	bodyReason   = 500 // characters of a gate's reason
	diffLines    = 60  // of a file; a longer difference is not shown
	diffTotal    = 300
	// maxTitle is GitHub's limit for a title, in characters.
	maxTitle = 256
)

// title names what the promotion brings.
func title(p *Promotion) string {
	prefix := fmt.Sprintf("Promote to %s: ", p.To)
	if len(p.Images) == 0 {
		return prefix + output.Plural(p.page.total, "commit")
	}
	var parts []string
	for i, change := range p.Images {
		if i == 3 && len(p.Images) > 4 {
			parts = append(parts, fmt.Sprintf("and %d more", len(p.Images)-i))
			break
		}
		parts = append(parts, strings.TrimSpace(change.Image+" "+abbreviate(change.To)))
	}
	text := strings.Join(parts, ", ")
	if utf8.RuneCountInString(prefix+text) > maxTitle || !titleRegexp.MatchString(text+",") {
		return prefix + output.Plural(len(p.Images), "image")
	}
	return prefix + text
}

// titleRegexp matches image names and versions. A title that would hold anything
// else has the number of images only, because nothing can be escaped in a title.
var titleRegexp = regexp.MustCompile(`^(([A-Za-z0-9_][A-Za-z0-9._/-]*(:[0-9]+/[A-Za-z0-9._/-]+)?(@sha256:[0-9a-f]{12})?|sha256:[0-9a-f]{12})(,|,? ))*$`)

// sections are the parts of a body, the most important first.
func sections(p *Promotion, rules policy) []section {
	return []section{
		{text: summarySection(p)},
		{text: imageSection(p), drop: 6,
			less: fmt.Sprintf("### Images\n\n%s, too many to list here: `pawl promote %s --dry-run` does.\n\n", output.Plural(len(p.Images), "change"), p.To)},
		{text: changeSection(p), drop: 5,
			less: fmt.Sprintf("### What changes in %s\n\nToo much to list here: `git diff --stat %s %s` does.\n\n", p.To, gate.Short(p.Before), gate.Short(p.Commit))},
		{text: diffSection(p), drop: 1,
			less: fmt.Sprintf("The difference is too long for this page: `git diff %s %s` shows it.\n\n", gate.Short(p.Before), gate.Short(p.Commit))},
		{text: otherSection(p), drop: 2,
			less: fmt.Sprintf("Other files change as well: `git diff --stat %s %s` lists them.\n\n", gate.Short(p.Before), gate.Short(p.Commit))},
		{text: gateSection(p, rules, bodyEvidence), less: gateSection(p, rules, 0), drop: 3},
		{text: commitSection(p), drop: 4,
			less: fmt.Sprintf("### Commits\n\nToo many to list here: `git log %s..%s` does.\n\n", gate.Short(p.Before), gate.Short(p.Commit))},
		{text: mergeSection(p)},
		{text: undoSection(p, rules), drop: 7,
			less: "### How to undo\n\nForward only: set the earlier versions again, and take them the same way.\n\n"},
		{text: "<sub>Opened by [pawl](https://github.com/getpawl/pawl). It rewrites this part; text above and below it stays as it is.</sub>\n"},
	}
}

func summarySection(p *Promotion) string {
	what := output.Plural(len(p.Images), "image") + " in " + output.Plural(p.page.total, "commit")
	if len(p.Images) == 0 {
		what = output.Plural(p.page.total, "commit")
	}
	text := verdictLine(p) + fmt.Sprintf("Brings %s from %s to %s: %s moves forward from `%s` to `%s`, without a merge commit.",
		what, output.Escape(p.From), output.Escape(p.To), output.Code(p.Base), gate.Short(p.Before), gate.Short(p.Commit))
	if address := p.page.web.comparison(p.Before, p.Commit); address != "" {
		text += fmt.Sprintf(" [All changes](%s)", address)
	}
	text += "\n\n"
	for _, note := range p.Notes {
		text += "> [!WARNING]\n> " + escape(note, bodyReason) + "\n\n"
	}
	return text
}

// verdictLine is what a reader needs first.
func verdictLine(p *Promotion) string {
	var names []string
	for _, verdict := range gate.Blocking(p.Gates) {
		names = append(names, verdict.Gate)
	}
	count := fmt.Sprintf(" %d of %s.\n\n", len(p.Gates)-len(names), output.Plural(len(p.Gates), "gate")+" passed")
	switch gate.Overall(p.Gates) {
	case gate.Pass:
		return "**Ready to merge.**" + count
	case gate.Pending:
		return fmt.Sprintf("**Waiting for %s.**", strings.Join(names, ", ")) + count
	}
	return fmt.Sprintf("**Blocked by %s.**", strings.Join(names, ", ")) + count
}

func imageSection(p *Promotion) string {
	return write(func(w *output.Printer) {
		w.Line("### Images\n")
		if len(p.Images) == 0 {
			w.Line("No image version changes.\n")
		} else {
			markdownImages(w, p)
			w.Line("")
		}
		if len(p.page.unreadable) > 0 {
			w.Line("Not read, because they are not plain YAML: %s.\n", codes(p.page.unreadable, 10))
		}
	})
}

// markdownImages writes the table of image changes.
func markdownImages(w *output.Printer, p *Promotion) {
	table := output.Table{Head: []string{"image", p.To + " now", "proposed", "change"}}
	for _, change := range p.Images {
		table.Add(code(change.Image), code(abbreviate(change.From)), code(abbreviate(change.To)), changeCell(change))
	}
	w.MarkdownTable(table)
}

func changeCell(change ImageChange) string {
	text := change.Kind
	switch {
	case change.Kind == "downgrade":
		text = strings.TrimSpace("⚠️ **downgrade** " + change.Step)
	case change.Step != "":
		text = change.Step
	case change.Kind == "changed":
		text = "tag"
	}
	var links []string
	if change.Source != "" {
		links = append(links, fmt.Sprintf("[source](%s)", change.Source))
	}
	if change.built != "" && change.built != change.Source {
		links = append(links, fmt.Sprintf("[commit](%s)", change.built))
	}
	if len(links) > 0 {
		text += " (" + strings.Join(links, ", ") + ")"
	}
	return text
}

// changeSection lists what the environment will see.
func changeSection(p *Promotion) string {
	reaching, _ := split(p.page.files)
	return write(func(w *output.Printer) {
		w.Line("### What changes in %s\n", p.To)
		switch {
		case len(reaching) == 0:
			w.Line("No file of %s.\n", p.To)
		case len(p.page.objects) == 0:
			w.Line("%s.\n", output.Plural(len(reaching), "file"))
		default:
			w.Line("%s and %s: %s.\n", output.Plural(len(reaching), "file"), output.Plural(len(p.page.objects), "object"), codes(p.page.objects, bodyObjects))
		}
		if !p.page.followed && len(p.page.files) > 0 {
			w.Line("%s has no kustomization of its own, so these are the files in which pawl looks for images.\n", p.To)
		}
		if slices.ContainsFunc(p.page.files, func(f fileChange) bool { return f.path == config.FileName }) {
			w.Line("`%s` changes too: it rules the promotions after this one.\n", config.FileName)
		}
		if len(reaching) > 0 {
			fileTable(w, reaching)
		}
	})
}

func fileTable(w *output.Printer, files []fileChange) {
	table := output.Table{Head: []string{"file", "", "lines"}}
	for i, file := range files {
		if i == bodyFiles {
			table.Add(fmt.Sprintf("and %d more", len(files)-i), "", "")
			break
		}
		lines := ""
		if file.counted {
			lines = fmt.Sprintf("+%d −%d", file.added, file.removed)
		}
		table.Add(code(file.path), file.kind, lines)
	}
	w.MarkdownTable(table)
	w.Line("")
}

// split parts the files that reach the environment from the others.
func split(files []fileChange) (reaching, others []fileChange) {
	for _, file := range files {
		if file.reaches {
			reaching = append(reaching, file)
		} else {
			others = append(others, file)
		}
	}
	return reaching, others
}

// diffSection shows the lines that change, of the files where they are few.
func diffSection(p *Promotion) string {
	var b strings.Builder
	left, long, secret := diffTotal, 0, 0
	reaching, _ := split(p.page.files)
	for _, file := range reaching {
		switch {
		case file.secret:
			secret++
		case len(file.diff) == 0:
		case len(file.diff) > min(diffLines, left):
			long++
		default:
			left -= len(file.diff)
			lines := make([]string, len(file.diff))
			for i, line := range file.diff {
				lines[i] = output.Limit(line, bodyText)
			}
			b.WriteString(code(file.path) + "\n\n" + output.Block("diff", lines) + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	if long > 0 {
		fmt.Fprintf(&b, "Not shown, because they are long: %s. `git diff %s %s` has them.\n\n", output.Plural(long, "file"), gate.Short(p.Before), gate.Short(p.Commit))
	}
	if secret > 0 {
		fmt.Fprintf(&b, "Not shown, because they may hold secrets: %s.\n\n", output.Plural(secret, "file"))
	}
	return "<details><summary>Difference</summary>\n\n" + b.String() + "</details>\n\n"
}

// otherSection lists the files that change and that the environment does not use.
func otherSection(p *Promotion) string {
	_, others := split(p.page.files)
	if len(others) == 0 {
		return ""
	}
	why := "outside of the paths of " + p.To
	if p.page.followed {
		why = "to which no kustomization of " + p.To + " refers"
	}
	return write(func(w *output.Printer) {
		w.Line("<details><summary>%s more, %s</summary>\n", output.Plural(len(others), "more file"), why)
		fileTable(w, others)
		w.Line("</details>\n")
	})
}

// code is a code span for a table.
func code(text string) string {
	if text == "" {
		return "–"
	}
	return output.Code(output.Limit(text, bodyText))
}

func codes(texts []string, limit int) string {
	var parts []string
	for i, text := range texts {
		if i == limit {
			parts = append(parts, fmt.Sprintf("and %d more", len(texts)-i))
			break
		}
		parts = append(parts, code(text))
	}
	return strings.Join(parts, ", ")
}

func escape(text string, limit int) string { return output.Escape(output.Limit(text, limit)) }

func write(text func(w *output.Printer)) string {
	var b strings.Builder
	text(output.NewPrinter(&b, output.Style{}))
	return b.String()
}

func commitSection(p *Promotion) string {
	return write(func(w *output.Printer) {
		w.Line("### Commits\n")
		if older := p.page.total - len(p.Commits); older > 0 {
			w.Line("The newest %d of %d:\n", len(p.Commits), p.page.total)
		}
		for i := len(p.Commits) - 1; i >= 0; i-- {
			commit := p.Commits[i]
			w.Line("- %s %s (%s)", gate.Short(commit.SHA), escape(commit.Subject, bodyText), escape(commit.Author, bodyText))
		}
		w.Line("")
	})
}

// gateSection is the list of gates, each with so many lines of evidence.
func gateSection(p *Promotion, rules policy, evidence int) string {
	return write(func(w *output.Printer) {
		w.Line("### Gates\n")
		for _, verdict := range p.Gates {
			reason := escape(verdict.Reason, bodyReason)
			if verdict.State == gate.Pass {
				w.Line("- [x] **%s**: %s", verdict.Gate, reason)
			} else {
				w.Line("- [ ] **%s** (%s): %s", verdict.Gate, verdict.State, reason)
			}
			evidenceList(w, verdict, evidence)
		}
		w.Line("\nSo they stood when this text was written; `pawl merge %s --dry-run` tells how they stand now. The rules are from %s.\n",
			p.To, escape(rules.Origin, bodyText))
	})
}

// evidenceList writes what a verdict rests on. The evidence of the edge is the pull
// request that the reader has before them, and that is not there yet when its text
// is written first.
func evidenceList(w *output.Printer, verdict gate.Verdict, limit int) {
	if verdict.Gate == "edge" {
		return
	}
	for i, line := range verdict.Evidence {
		if i == limit {
			w.Line("  - %d more: `pawl verify -o json` lists them", len(verdict.Evidence)-limit)
			return
		}
		w.Line("  - %s", escape(line, bodyText))
	}
}

func mergeSection(p *Promotion) string {
	return fmt.Sprintf("### How to merge\n\nRun `pawl merge %s` (or let CI run it). It fast-forwards %s to exactly `%s` when every gate passes. "+
		"Do not use the merge button: it would make a new commit, which nobody reviewed and which parts the branches.\n\n",
		p.To, output.Code(p.Base), gate.Short(p.Commit))
}

func undoSection(p *Promotion, rules policy) string {
	first := rules.Way[0].Name
	commands := undoCommands(p, first)
	if len(commands) == 0 {
		commands = []string{"git revert COMMIT && git push   # on " + first}
	}
	if more := len(commands) - bodyUndo; more > 0 {
		commands = append(commands[:bodyUndo], fmt.Sprintf("# and %d more", more))
	}
	return "### How to undo\n\nForward only: set the earlier version again and take it the same way.\n\n" +
		output.Block("", append(commands, rules.promotions()...)) + "\n"
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
