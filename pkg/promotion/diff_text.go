package promotion

import (
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// The lengths of lists in a report for people. What is beyond them is counted; the
// JSON has all.
const (
	shownCommits = 20
	shownFiles   = 50
	shownObjects = 20
	shownLines   = 200 // of one object's difference
)

// direction says which way things go, and whether they can.
func (r *DiffReport) direction() string {
	from, to := r.From.label(), r.To.label()
	switch r.Relation {
	case forge.Identical:
		return fmt.Sprintf("nothing: both are at %s", gate.Short(r.To.Commit))
	case forge.Ahead:
		return fmt.Sprintf("what %s would get from %s: %s, %s → %s, a fast-forward", to, from, output.Plural(r.Ahead, "commit"), gate.Short(r.To.Commit), gate.Short(r.From.Commit))
	case forge.Behind:
		return fmt.Sprintf("nothing for %s to get: it has all of %s, and %s more", to, from, output.Plural(r.Behind, "commit"))
	case forge.Diverged:
		return fmt.Sprintf("%s and %s diverged: %s has %s that %s lacks, and lacks %d", from, to, from, output.Plural(r.Ahead, "commit"), to, r.Behind)
	}
	return "how they stand to each other is unknown"
}

// Text writes the report for a terminal.
func (r *DiffReport) Text(w *output.Printer) {
	w.Line("%s: %s", w.Bold(output.Clean(r.From.label()+" → "+r.To.label())), output.Clean(r.direction()))
	for _, note := range r.Notes {
		w.Line("  note: %s", output.Clean(note))
	}
	if r.From.Commit == r.To.Commit {
		return
	}
	w.Line("")
	r.textImages(w)
	r.textCommits(w)
	r.textFiles(w)
	if r.Rendered != nil {
		r.Rendered.text(w)
	}
}

// heading is how a side is called at the top of a column.
func (d DiffSide) heading() string {
	if d.Environment != "" {
		return strings.ToUpper(d.Environment)
	}
	return output.Clean(d.label())
}

func (r *DiffReport) textImages(w *output.Printer) {
	if len(r.Images) == 0 {
		w.Line("no image version changes")
		return
	}
	table := output.Table{Head: []string{"IMAGE", r.To.heading() + " NOW", "FROM " + r.From.heading(), ""}}
	for _, change := range r.Images {
		table.Add(output.Clean(change.Image), dash(abbreviate(change.From)), dash(abbreviate(change.To)), stepWords(w, change))
	}
	w.Table(table)
}

// stepWords says what kind of change it is, and how far.
func stepWords(w *output.Printer, change ImageChange) string {
	words := change.Kind
	if change.Step != "" {
		words += " (" + change.Step + ")"
	}
	if change.Kind == "downgrade" {
		return w.Yellow(words)
	}
	return words
}

func (r *DiffReport) textCommits(w *output.Printer) {
	if len(r.Commits) == 0 {
		return
	}
	w.Line("\n%s", w.Bold(r.commitHeading()))
	for i := len(r.Commits) - 1; i >= max(0, len(r.Commits)-shownCommits); i-- {
		commit := r.Commits[i]
		w.Line("  %s %s (%s)", gate.Short(commit.SHA), output.Clean(output.Limit(commit.Subject, bodyText)), output.Clean(output.Limit(commit.Author, bodyText)))
	}
	if more := r.Ahead - shownCommits; more > 0 {
		w.Line("  and %d older", more)
	}
}

func (r *DiffReport) commitHeading() string {
	return fmt.Sprintf("%s of %s that %s lacks, newest first", output.Plural(r.Ahead, "commit"), output.Clean(r.From.label()), output.Clean(r.To.label()))
}

// used counts the files that the environment uses; they come first.
func (r *DiffReport) used() int {
	count := 0
	for _, file := range r.Files {
		if file.Used {
			count++
		}
	}
	return count
}

func (r *DiffReport) textFiles(w *output.Printer) {
	used := r.used()
	w.Line("\n%s", w.Bold(fmt.Sprintf("what changes in %s: %s", r.Environment, r.scope())))
	if used > 0 {
		table := output.Table{}
		for i, file := range r.Files[:used] {
			if i == shownFiles {
				table.Add(fmt.Sprintf("  and %d more", used-i))
				break
			}
			table.Add("  "+output.Clean(file.Path), file.Kind, file.lines())
		}
		w.Table(table)
	}
	for i, object := range r.Objects {
		if i == shownObjects {
			w.Line("  and %d more", len(r.Objects)-i)
			break
		}
		w.Line("  %s", output.Clean(object))
	}
	if others := len(r.Files) - used; others > 0 {
		w.Line("  %s that %s does not use", strings.Replace(output.Plural(others, "file"), " ", " other ", 1), r.Environment)
	}
}

// scope counts what the environment sees.
func (r *DiffReport) scope() string {
	used := r.used()
	switch {
	case used == 0:
		return "no file"
	case len(r.Objects) == 0: // as far as the files tell; what kustomize makes of them may say otherwise
		return output.Plural(used, "file")
	}
	return output.Plural(used, "file") + ", " + output.Plural(len(r.Objects), "object")
}

func (f DiffFile) lines() string {
	if f.Added == nil || f.Removed == nil {
		return ""
	}
	return fmt.Sprintf("+%d −%d", *f.Added, *f.Removed)
}

func (r *Rendered) text(w *output.Printer) {
	w.Line("\n%s", w.Bold(fmt.Sprintf("built from %s: %s", output.Clean(strings.Join(r.Overlays, ", ")), output.Plural(len(r.Objects), "object")+" changed")))
	for _, object := range r.Objects {
		w.Line("\n  %s %s", w.Bold(output.Clean(object.title())), object.Change)
		for i, line := range object.Diff {
			if i == shownLines {
				w.Line("    and %s more", output.Plural(len(object.Diff)-i, "line"))
				break
			}
			line = output.Clean(output.Limit(line, bodyText))
			switch {
			case strings.HasPrefix(line, "+"):
				line = w.Green(line)
			case strings.HasPrefix(line, "-"):
				line = w.Red(line)
			}
			w.Line("    %s", line)
		}
	}
}

func (o RenderedObject) title() string {
	return o.Kind + " " + strings.TrimPrefix(o.Namespace+"/"+o.Name, "/")
}

// Markdown writes the report for a comment or a step summary.
func (r *DiffReport) Markdown(w *output.Printer) {
	w.Line("### %s → %s\n", output.Escape(r.From.label()), output.Escape(r.To.label()))
	text := capital(escape(r.direction(), bodyReason)) + "."
	if r.URL != "" {
		text += fmt.Sprintf(" [All changes](%s)", r.URL)
	}
	w.Line("%s\n", text)
	for _, note := range r.Notes {
		w.Line("> %s\n", escape(note, bodyReason))
	}
	if r.From.Commit == r.To.Commit {
		return
	}
	r.markdownImages(w)
	r.markdownCommits(w)
	r.markdownFiles(w)
	if r.Rendered != nil {
		r.Rendered.markdown(w)
	}
}

// capital begins a sentence. Code stays as it is.
func capital(text string) string {
	if text == "" || text[0] < 'a' || text[0] > 'z' {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func (r *DiffReport) markdownImages(w *output.Printer) {
	if len(r.Images) == 0 {
		w.Line("No image version changes.\n")
		return
	}
	table := output.Table{Head: []string{"image", escape(r.To.label(), bodyText) + " now", "from " + escape(r.From.label(), bodyText), "change"}}
	for _, change := range r.Images {
		table.Add(code(change.Image), code(abbreviate(change.From)), code(abbreviate(change.To)), changeCell(change))
	}
	w.MarkdownTable(table)
	w.Line("")
}

func (r *DiffReport) markdownCommits(w *output.Printer) {
	if len(r.Commits) == 0 {
		return
	}
	w.Line("#### %s\n", escape(r.commitHeading(), bodyReason))
	for i := len(r.Commits) - 1; i >= 0; i-- {
		commit := r.Commits[i]
		w.Line("- %s %s (%s)", code(gate.Short(commit.SHA)), escape(commit.Subject, bodyText), escape(commit.Author, bodyText))
	}
	if more := r.Ahead - len(r.Commits); more > 0 {
		w.Line("- and %d older", more)
	}
	w.Line("")
}

func (r *DiffReport) markdownFiles(w *output.Printer) {
	w.Line("#### What changes in %s\n", output.Escape(r.Environment))
	if len(r.Objects) > 0 {
		w.Line("%s: %s.\n", output.Plural(len(r.Objects), "object"), codes(r.Objects, shownObjects))
	}
	table := output.Table{Head: []string{"file", "", "lines"}}
	used := r.used()
	for i, file := range r.Files[:used] {
		if i == shownFiles {
			table.Add(fmt.Sprintf("and %d more", used-i), "", "")
			break
		}
		table.Add(code(file.Path), file.Kind, file.lines())
	}
	if used > 0 {
		w.MarkdownTable(table)
		w.Line("")
	} else {
		w.Line("No file.\n")
	}
	if others := len(r.Files) - used; others > 0 {
		w.Line("%s that %s does not use.\n", strings.Replace(output.Plural(others, "file"), " ", " other ", 1), output.Escape(r.Environment))
	}
}

func (r *Rendered) markdown(w *output.Printer) {
	w.Line("#### Built from %s: %s changed\n", codes(r.Overlays, shownObjects), output.Plural(len(r.Objects), "object"))
	for _, object := range r.Objects {
		w.Line("%s %s\n", code(object.title()), object.Change)
		lines := make([]string, 0, len(object.Diff))
		for i, line := range object.Diff {
			if i == shownLines {
				lines = append(lines, fmt.Sprintf("  and %s more", output.Plural(len(object.Diff)-i, "line")))
				break
			}
			lines = append(lines, output.Limit(line, bodyText))
		}
		w.Line("%s", output.Block("diff", lines))
	}
}
