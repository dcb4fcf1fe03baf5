package audit

import (
	"fmt"
	"strings"

	"github.com/getpawl/pawl/pkg/output"
)

// Text writes the report for a terminal.
func (r *Report) Text(w *output.Printer) {
	table := output.Table{Head: []string{"ENVIRONMENT", "HEAD", "MOVES", "COMMITS", "SINCE", "VIOLATIONS", "NOT PROVED"}}
	for _, env := range r.Environments {
		violations, unknown := r.count(env.Name, Violation), r.count(env.Name, Unknown)
		table.Add(output.Clean(env.Name), env.at(), fmt.Sprint(env.Moves), fmt.Sprint(env.Commits), env.since(),
			paint(violations, w.Red), paint(unknown, w.Yellow))
	}
	w.Table(table)
	for _, group := range groups() {
		r.textGroup(w, group)
	}
	w.Line("\n%s", r.verdict())
}

// group is findings of one state, under a heading.
type group struct {
	state   State
	heading string
}

func groups() []group {
	return []group{{Violation, "Violations"}, {Unknown, "Not proved"}, {Recorded, "Exceptions that their commits record"}}
}

func (r *Report) textGroup(w *output.Printer, g group) {
	if r.Count(g.state) == 0 {
		return
	}
	w.Line("\n%s", w.Bold(g.heading))
	for _, f := range r.Findings {
		if f.State == g.state {
			w.Line("  %s", strings.TrimSpace(output.Clean(f.Environment)+" "+f.kind(w)+" "+f.what(output.Clean)))
			w.Line("    %s", output.Clean(f.Reason))
		}
	}
}

func (f Finding) kind(w *output.Printer) string {
	switch f.State {
	case Violation:
		return w.Red(string(f.Kind))
	case Unknown:
		return w.Yellow(string(f.Kind))
	}
	return string(f.Kind)
}

// what is the move or the commit, and the image. What others can write is made safe to
// show; our own form of a time needs nothing.
func (f Finding) what(show func(string) string) string {
	var parts []string
	if f.Commit != "" {
		parts = append(parts, show(short(f.Commit)))
	}
	if f.Number > 0 {
		parts = append(parts, show(fmt.Sprintf("#%d", f.Number)))
	}
	if f.Time != nil {
		parts = append(parts, "by "+show(f.Actor)+" at "+stamp(*f.Time))
	}
	if f.Image != "" {
		versions := strings.Trim(f.From+" → "+f.To, " →")
		if f.From != "" && f.To != "" {
			versions = f.From + " → " + f.To
		}
		parts = append(parts, show(strings.TrimSpace(f.Image+" "+versions)))
	}
	return strings.Join(parts, " ")
}

func (r *Report) verdict() string {
	moves := 0
	for _, env := range r.Environments {
		moves += env.Moves
	}
	judged := output.Plural(moves, "move") + " of " + output.Plural(len(r.Environments), "environment")
	if r.Clean {
		return "clean: " + judged
	}
	return fmt.Sprintf("%s: %s, %d not proved", judged, output.Plural(r.Count(Violation), "violation"), r.Count(Unknown))
}

// Markdown writes the report for a step summary.
func (r *Report) Markdown(w *output.Printer) {
	w.Line("### Audit of %s\n", output.Escape(r.Repository))
	w.Line("%s\n", r.verdict())
	table := output.Table{Head: []string{"environment", "head", "moves", "commits", "since", "violations", "not proved"}}
	for _, env := range r.Environments {
		table.Add(output.Escape(env.Name), output.Code(env.at()), fmt.Sprint(env.Moves), fmt.Sprint(env.Commits), env.since(),
			fmt.Sprint(r.count(env.Name, Violation)), fmt.Sprint(r.count(env.Name, Unknown)))
	}
	w.MarkdownTable(table)
	for _, g := range groups() {
		if r.Count(g.state) == 0 {
			continue
		}
		w.Line("\n#### %s\n", g.heading)
		table := output.Table{Head: []string{"environment", "kind", "what", "why"}}
		for _, f := range r.Findings {
			if f.State == g.state {
				table.Add(output.Escape(f.Environment), string(f.Kind), f.what(output.Escape), output.Escape(f.Reason))
			}
		}
		w.MarkdownTable(table)
	}
}

func (e Environment) at() string {
	if e.Commit == "" {
		return "no branch"
	}
	return short(e.Commit)
}

func (e Environment) since() string {
	switch {
	case e.Whole:
		return "its beginning"
	case e.Since == nil:
		return "–"
	}
	return stamp(*e.Since)
}

func (r *Report) count(environment string, state State) int {
	count := 0
	for _, f := range r.Findings {
		if f.Environment == environment && f.State == state {
			count++
		}
	}
	return count
}

func paint(count int, color func(string) string) string {
	if count == 0 {
		return "0"
	}
	return color(fmt.Sprint(count))
}
