package promotion

import (
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// Markdown writes the board, with a picture of the pipeline, for a step summary.
func (r *StatusReport) Markdown(w *output.Printer) {
	w.Line("### %s\n", output.Escape(r.Repository))
	if len(r.Environments) > 0 {
		w.Line("```mermaid\n%s```\n", r.mermaid())
	}
	edges := output.Table{Head: []string{"environment", "commit", "moved", "how it stands", "next"}}
	for _, env := range r.Environments {
		edges.Add(output.Escape(env.Name), dash(output.Code(gate.Short(env.Commit))), r.ageOf(env), env.markdown(), output.Code(env.Next))
	}
	w.MarkdownTable(edges)
	w.Line("")
	rows, inLine, cut := r.board()
	if len(rows) > 0 {
		w.MarkdownTable(r.markdownImages(rows))
		w.Line("")
	}
	for _, line := range r.counts(inLine, cut) {
		w.Line("%s", line)
	}
	for _, note := range append(r.unread(), r.Notes...) {
		w.Line("> %s\n", output.Escape(note))
	}
}

// markdown says how an environment stands, in one cell of a table.
func (e EnvironmentStatus) markdown() string {
	var lines []string
	for _, line := range e.lines() {
		lines = append(lines, output.Escape(line))
	}
	if e.State == EdgeDiverged && e.MergedBack == "" {
		lines[len(lines)-1] = "[how to heal it](https://github.com/getpawl/pawl/blob/main/" + healPage + ")"
	}
	if e.Open != nil && strings.HasPrefix(e.Open.URL, "http") && !strings.ContainsAny(e.Open.URL, "()<> ") {
		lines = append(lines, fmt.Sprintf("[pull request %d](%s)", e.Open.Number, e.Open.URL))
	}
	return strings.Join(lines, "<br>")
}

func (r *StatusReport) markdownImages(rows []boardRow) output.Table {
	table := output.Table{Head: []string{"image"}}
	for _, env := range r.Environments {
		table.Head = append(table.Head, output.Escape(env.Name))
	}
	for _, row := range rows {
		name := output.Code(row.image)
		if row.more > 0 {
			name += fmt.Sprintf(" and %d more", row.more)
		}
		cells := []string{name}
		for _, env := range r.Environments {
			cells = append(cells, dash(output.Code(row.versions[env.Name])))
		}
		table.Add(cells...)
	}
	return table
}

// mermaid draws the environments from left to right, and between them how they stand.
// The names of its nodes and all of its marks are ours; what others can write is in
// labels only. https://mermaid.js.org/syntax/flowchart.html
func (r *StatusReport) mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, env := range r.Environments {
		commit := "no branch"
		if env.Commit != "" {
			commit = gate.Short(env.Commit)
		}
		fmt.Fprintf(&b, "  e%d[\"%s<br/>%s\"]\n", i, label(env.Name), label(commit))
	}
	for i, env := range r.Environments {
		if i == 0 || env.From != r.Environments[i-1].Name {
			continue
		}
		arrow := "-.->"
		if env.State == EdgeUpToDate {
			arrow = "-->"
		}
		fmt.Fprintf(&b, "  e%d %s|\"%s\"| e%d\n", i-1, arrow, label(env.words()), i)
	}
	return b.String()
}

// longestLabel bounds a label of the picture, in characters.
const longestLabel = 60

// label writes text so that Mermaid shows it as it is: every character of which
// Mermaid, Markdown or HTML could make something becomes a character code.
// https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters
func label(text string) string {
	var b strings.Builder
	for _, r := range output.Limit(output.Clean(text), longestLabel) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == ' ', r == ',', r == '/':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
