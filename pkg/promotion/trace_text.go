package promotion

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// subject says what is traced.
func (r *TraceReport) subject(show func(string) string) string {
	switch {
	case r.Kind == "image":
		return show(strings.TrimSuffix(r.Image+" "+abbreviate(r.Version), " "))
	case r.Subject != "":
		return fmt.Sprintf("%s %s %s", r.Kind, r.label(show), show(output.Limit(r.Subject, bodyText)))
	}
	return r.Kind + " " + r.label(show)
}

func (r *TraceReport) label(show func(string) string) string {
	short := gate.Short(r.Commit)
	if r.Kind == "commit" {
		return short
	}
	return show(r.What) + " (" + short + ")"
}

// Text writes the report for a terminal.
func (r *TraceReport) Text(w *output.Printer) {
	w.Line("%s", w.Bold(r.subject(output.Clean)))
	for _, note := range r.Notes {
		w.Line("  note: %s", output.Clean(note))
	}
	w.Line("")
	table := output.Table{Head: []string{"ENVIRONMENT", "STATE", "SINCE", "BY", "THROUGH"}}
	if r.Kind == "image" {
		table.Head = append(table.Head, "VERSION NOW")
	}
	for _, stop := range r.Environments {
		state := stop.State
		switch stop.State {
		case StopHere:
			state = w.Green(state)
		case StopUnknown:
			state = w.Red(state)
		default:
			state = w.Yellow(state)
		}
		row := []string{stop.Environment, state, stop.when(), dash(stop.who(output.Clean)), dash(stop.how())}
		if r.Kind == "image" {
			row = append(row, dash(abbreviate(stop.Version)))
		}
		table.Add(row...)
	}
	w.Table(table)
	if r.Next == nil {
		return
	}
	w.Line("\n%s %s: %s", w.Bold("next: "+r.Next.From+" → "+r.Next.To), paint(w, r.Next.State), r.Next.words())
	if len(r.Next.Gates) > 0 {
		textGates(w, r.Next.Gates)
	}
	w.Line("")
	for _, part := range wrapCommand(r.Next.Command, boardWidth) {
		w.Line("  %s", w.Cyan(output.Clean(part)))
	}
}

// words says through which pull request the next hop leads.
func (h *TraceHop) words() string {
	switch {
	case len(h.Gates) == 0:
		return "what its gates say could not be found out"
	case h.Number == 0:
		return "no promotion is open; this is what the gates would say of " + gate.Short(h.Commit)
	}
	return fmt.Sprintf("#%d is open with %s", h.Number, gate.Short(h.Commit))
}

func (s TraceStop) when() string {
	text := "–"
	switch {
	case !s.Since.IsZero():
		text = minute(s.Since)
	case slices.Contains(s.Unknown, "since"), slices.Contains(s.Unknown, "state"):
		text = "unknown"
	}
	if !s.Until.IsZero() {
		text += " until " + minute(s.Until)
	}
	return text
}

func (s TraceStop) who(show func(string) string) string {
	if s.By == "" && slices.Contains(s.Unknown, "by") {
		return "unknown"
	}
	return show(s.By)
}

// how is the kind of move that brought it.
func (s TraceStop) how() string {
	switch {
	case s.Kind == KindUnknown, s.Kind == "" && slices.Contains(s.Unknown, "kind"):
		return "unknown"
	case s.PullRequest != nil:
		return fmt.Sprintf("%s #%d", s.Kind, s.PullRequest.Number)
	case slices.Contains(s.Unknown, "pullRequest"):
		return s.Kind + ", pull request unknown"
	}
	return s.Kind
}

// Markdown writes the report for a comment or a step summary.
func (r *TraceReport) Markdown(w *output.Printer) {
	w.Line("### Where is %s\n", r.subject(func(text string) string { return escape(text, bodyText) }))
	for _, note := range r.Notes {
		w.Line("> %s\n", escape(note, bodyReason))
	}
	table := output.Table{Head: []string{"environment", "state", "since", "by", "through"}}
	if r.Kind == "image" {
		table.Head = append(table.Head, "version now")
	}
	for _, stop := range r.Environments {
		through := dash(stop.how())
		if stop.PullRequest != nil {
			through = fmt.Sprintf("%s [#%d](%s)", stop.Kind, stop.PullRequest.Number, stop.PullRequest.URL)
		}
		who := stop.who(func(text string) string { return escape(text, bodyText) })
		row := []string{output.Escape(stop.Environment), stop.State, stop.when(), dash(who), through}
		if r.Kind == "image" {
			row = append(row, code(abbreviate(stop.Version)))
		}
		table.Add(row...)
	}
	w.MarkdownTable(table)
	w.Line("")
	if r.Next == nil {
		return
	}
	w.Line("#### Next: %s → %s\n", output.Escape(r.Next.From), output.Escape(r.Next.To))
	link := ""
	if r.Next.Number > 0 {
		link = fmt.Sprintf(" ([#%d](%s))", r.Next.Number, r.Next.URL)
	}
	w.Line("%s: %s%s. Run %s.\n", capital(string(r.Next.State)), escape(r.Next.words(), bodyReason), link, output.Code(r.Next.Command))
	if len(r.Next.Gates) > 0 {
		markdownGates(w, r.Next.Gates)
	}
}
