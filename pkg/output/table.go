package output

import (
	"strings"
	"unicode/utf8"
)

// Table is rows under a heading.
type Table struct {
	Head []string
	Rows [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Table writes a table in columns as wide as their widest cell. Escape sequences
// that [Style] made have no width.
func (p *Printer) Table(t Table) {
	rows := t.Rows
	if len(t.Head) > 0 {
		head := make([]string, len(t.Head))
		for i, cell := range t.Head {
			head[i] = p.Bold(cell)
		}
		rows = append([][]string{head}, rows...)
	}
	widths := columnWidths(rows)
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-width(cell)+2))
			}
		}
		p.Line("%s", strings.TrimRight(line.String(), " "))
	}
}

// MarkdownTable writes a table in Markdown. Cells are Markdown already; a pipe in
// one would end it, even within a code span, unless a backslash stands before it.
// Parsers disagree about two backslashes, so one that is there already is shown as
// an escape. https://github.github.com/gfm/#example-200
func (p *Printer) MarkdownTable(t Table) {
	pipes := strings.NewReplacer(`\|`, `\x5c\|`, `|`, `\|`)
	line := func(cells []string) {
		for _, cell := range cells {
			p.Printf("| %s ", pipes.Replace(cell))
		}
		p.Line("|")
	}
	line(t.Head)
	p.Line("|%s", strings.Repeat(" --- |", len(t.Head)))
	for _, row := range t.Rows {
		line(row)
	}
}

func columnWidths(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(cell))
		}
	}
	return widths
}

// width counts the characters of a cell, without color sequences.
func width(cell string) int {
	count := 0
	for len(cell) > 0 {
		if strings.HasPrefix(cell, "\x1b[") {
			if end := strings.IndexByte(cell, 'm'); end > 0 {
				cell = cell[end+1:]
				continue
			}
		}
		_, size := utf8.DecodeRuneInString(cell)
		cell = cell[size:]
		count++
	}
	return count
}
