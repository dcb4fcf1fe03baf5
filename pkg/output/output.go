// Package output renders results: text for people, JSON for programs, Markdown
// for pull requests and step summaries.
//
// It guarantees that text from outside (commit subjects, branch names, tags,
// titles) stays data: [Clean] makes what a terminal would obey visible instead,
// and [Code] and [Escape] do the same for Markdown. It does not decide what is
// shown; results bring their own Text and Markdown methods.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Format is a way to render a result.
type Format string

// The formats.
const (
	Text     Format = "text"
	JSON     Format = "json"
	Markdown Format = "markdown"
)

// Formats lists the formats in the order in which help shows them.
func Formats() []string { return []string{string(Text), string(JSON), string(Markdown)} }

// ParseFormat reads the value of --output.
func ParseFormat(s string) (Format, error) {
	switch Format(s) {
	case Text, JSON, Markdown:
		return Format(s), nil
	}
	return "", fmt.Errorf("unknown output format %q: use text, json or markdown", s)
}

// SchemaVersion is the version of the JSON results. Within a version, fields are
// only added.
const SchemaVersion = 1

// Result is what a command found or did. Its exported fields, as JSON, are a
// contract with the scripts that read them.
type Result interface {
	// Text writes the result for a person at a terminal.
	Text(w *Printer)
	// Markdown writes the result as GitHub-flavored Markdown.
	Markdown(w *Printer)
}

// Write renders a result in one piece: either all of it is written or an error
// is returned, so that a full disk or a closed pipe never passes for success.
func Write(w io.Writer, format Format, result Result, style Style) error {
	var buffer bytes.Buffer
	printer := &Printer{w: &buffer, Style: style}
	switch format {
	case JSON:
		if err := encode(&buffer, result); err != nil {
			return err
		}
	case Markdown:
		printer.Style = Style{}
		result.Markdown(printer)
	case Text:
		result.Text(printer)
	default:
		return fmt.Errorf("rendering a result: unknown output format %q", format)
	}
	if _, err := w.Write(buffer.Bytes()); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// encode writes indented JSON with the schema version as the first field.
func encode(w *bytes.Buffer, result Result) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(result); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	fields := bytes.TrimSpace(body.Bytes())
	version := fmt.Appendf(nil, `{"schemaVersion":%d`, SchemaVersion)
	if !bytes.Equal(fields, []byte("{}")) {
		version = append(version, ',')
	}
	return json.Indent(w, append(append(version, fields[1:]...), '\n'), "", "  ")
}

// Printer writes lines and keeps the style that they are written in.
type Printer struct {
	Style
	w io.Writer
}

// NewPrinter returns a printer that writes to w.
func NewPrinter(w io.Writer, style Style) *Printer { return &Printer{w: w, Style: style} }

// Printf writes formatted text.
func (p *Printer) Printf(format string, args ...any) { _, _ = fmt.Fprintf(p.w, format, args...) }

// Line writes one line.
func (p *Printer) Line(format string, args ...any) { p.Printf(format+"\n", args...) }
