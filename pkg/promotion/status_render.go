package promotion

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// The board is made for a terminal of 80 columns. Names and versions that are too
// long for it are cut, down to these widths; more environments than fit beside each
// other come in several tables.
const (
	boardWidth   = 80
	leastImage   = 18
	leastVersion = 6
)

// Text writes the board for a terminal.
func (r *StatusReport) Text(w *output.Printer) {
	width := max(cmp.Or(r.width, boardWidth), boardWidth)
	heading := r.Repository
	if !r.Now.IsZero() {
		heading += "  " + w.Dim(r.Now.UTC().Format("Mon 2006-01-02 15:04 MST"))
	}
	w.Line("%s\n", heading)
	rows, inLine, cut := r.board()
	abreast := max(1, (width-leastImage)/(leastVersion+2))
	for start := 0; start < len(r.Environments); start += abreast {
		r.textBand(w, rows, start, min(start+abreast, len(r.Environments)), width)
	}
	for _, line := range r.counts(inLine, cut) {
		w.Line("%s", line)
	}
	for _, note := range r.Notes {
		for _, part := range wrap("note: "+output.Clean(note), width) {
			w.Line("%s", part)
		}
		w.Line("")
	}
	r.textEdges(w, width)
	for _, line := range r.unread() {
		w.Line("")
		for _, part := range wrap(line, width) {
			w.Line("%s", w.Red(part))
		}
	}
}

// unread says what could not be read, and why, each reason once.
func (r *StatusReport) unread() []string {
	var lines []string
	places := map[Unread][]string{}
	for _, env := range r.Environments {
		for _, each := range env.Unknown {
			places[each] = append(places[each], env.Name)
		}
	}
	for _, env := range r.Environments {
		for _, each := range env.Unknown {
			if where := places[each]; where[0] == env.Name {
				lines = append(lines, fmt.Sprintf("unknown: %s of %s: %s", each.name(), strings.Join(where, ", "), output.Clean(each.Reason)))
			}
		}
	}
	return lines
}

// name is the fact for people.
func (u Unread) name() string {
	switch u.Fact {
	case "since":
		return "time of the last move"
	case "relation":
		return "relation to the environment before"
	case "foreign":
		return "origin of the foreign commits"
	case "promotion":
		return "open promotion"
	}
	return u.Fact
}

// textBand writes the images for some of the environments.
func (r *StatusReport) textBand(w *output.Printer, rows []boardRow, from, to, width int) {
	table := output.Table{Head: []string{"IMAGE"}}
	commits, ages := []string{"commit"}, []string{"moved"}
	for _, env := range r.Environments[from:to] {
		table.Head = append(table.Head, strings.ToUpper(env.Name))
		commits = append(commits, dash(gate.Short(env.Commit)))
		ages = append(ages, r.ageOf(env))
	}
	for _, row := range rows {
		cells := []string{output.Clean(row.image)}
		if row.more > 0 {
			cells[0] += fmt.Sprintf(" +%d", row.more)
		}
		for _, env := range r.Environments[from:to] {
			cells = append(cells, dash(abbreviate(row.versions[env.Name])))
		}
		table.Add(cells...)
	}
	table.Add(make([]string, len(commits))...)
	table.Add(commits...)
	table.Add(ages...)
	narrow(table, width)
	for i, row := range rows {
		for j := from + 1; j < to; j++ {
			if row.versions[r.Environments[j].Name] != row.versions[r.Environments[j-1].Name] {
				table.Rows[i][j-from+1] = w.Yellow(table.Rows[i][j-from+1])
			}
		}
	}
	w.Table(table)
	w.Line("")
}

// ageOf says since when an environment is where it is. What is not known is said so.
func (r *StatusReport) ageOf(env EnvironmentStatus) string {
	switch {
	case env.Commit == "":
		return "–"
	case env.Since.IsZero() || r.Now.IsZero():
		return "unknown"
	}
	return age(env.Since, r.Now)
}

// narrow cuts cells until the table is as wide as the terminal at most: the images at
// the front, where the registry is, the versions in the middle.
func narrow(table output.Table, width int) {
	widths := make([]int, len(table.Head))
	total := 2 * (len(widths) - 1)
	for _, row := range append([][]string{table.Head}, table.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, each := range widths {
		total += each
	}
	for total > width {
		widest := 0
		for i := range widths {
			if widths[i]-least(i) > widths[widest]-least(widest) {
				widest = i
			}
		}
		if widths[widest] <= least(widest) {
			break
		}
		widths[widest]--
		total--
	}
	for _, row := range append([][]string{table.Head}, table.Rows...) {
		row[0] = cutFront(row[0], widths[0])
		for i := 1; i < len(row); i++ {
			row[i] = cutMiddle(row[i], widths[i])
		}
	}
}

func least(column int) int {
	if column == 0 {
		return leastImage
	}
	return leastVersion
}

func cutFront(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return "…" + string(runes[len(runes)-width+1:])
}

func cutMiddle(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	head := width / 2
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-head-1):])
}

// counts says how many images do not show, and why.
func (r *StatusReport) counts(inLine, cut int) []string {
	var lines []string
	if inLine > 0 {
		lines = append(lines, "in line everywhere: "+output.Plural(inLine, "image"))
	}
	if cut > 0 {
		lines = append(lines, fmt.Sprintf("and %s more: narrow it down with --image, or take -o json", output.Plural(cut, "image")))
	}
	if r.Hidden > 0 {
		lines = append(lines, fmt.Sprintf("not shown: %s, because of --image or --behind", output.Plural(r.Hidden, "image")))
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

// healPage tells how branches that diverged come together again.
const healPage = "docs/how-to/heal-divergence.md"

// textEdges says for each environment how it stands to the one before, what it waits
// for, and what to type next.
func (r *StatusReport) textEdges(w *output.Printer, width int) {
	names := 0
	for _, env := range r.Environments {
		names = max(names, utf8.RuneCountInString(env.Name))
	}
	names = min(names, 20)
	indent := strings.Repeat(" ", names+2)
	for _, env := range r.Environments {
		lines := env.lines()
		if len(lines) == 0 {
			continue
		}
		name := cutMiddle(env.Name, names)
		lead := name + indent[utf8.RuneCountInString(name):]
		for i, line := range lines {
			for j, part := range wrap(line, width-len(indent)) {
				if i == 0 {
					part = env.paint(w, part)
				}
				if i > 0 || j > 0 {
					lead = indent
				}
				w.Line("%s%s", lead, part)
			}
		}
		if env.Next != "" {
			for _, part := range wrapCommand("$ "+env.Next, width-len(indent)) {
				w.Line("%s%s", indent, w.Cyan(output.Clean(part)))
			}
		}
	}
}

// lines are what there is to say about an environment, the most important first.
func (e EnvironmentStatus) lines() []string {
	var lines []string
	if text := e.words(); text != "" {
		lines = append(lines, text)
	}
	for _, commit := range e.Foreign {
		lines = append(lines, fmt.Sprintf("%s %s (%s; %s)", gate.Short(commit.SHA), output.Clean(commit.Subject), output.Clean(commit.Author), commit.Looks))
	}
	if more := e.Ahead - len(e.Foreign); more > 0 && len(e.Foreign) > 0 {
		lines = append(lines, fmt.Sprintf("and %d older", more))
	}
	switch {
	case e.State == EdgeDiverged && e.MergedBack != "":
		lines = append(lines, e.MergedBack+" has it: promotions from there bring the branches together")
	case e.State == EdgeDiverged:
		lines = append(lines, "how to heal it: "+healPage)
	}
	return lines
}

// words says how an environment stands to the one before, and what it waits for.
func (e EnvironmentStatus) words() string {
	text := e.distance()
	if e.Open != nil {
		text += fmt.Sprintf(" · #%d · ", e.Open.Number)
		switch {
		case e.Open.State == gate.Pass:
			text += "ready to merge"
		case e.Open.Waits != "":
			text += output.Clean(e.Open.Waits)
		default:
			text += "unknown"
		}
	} else if e.Relation != "" && slices.ContainsFunc(e.Unknown, func(u Unread) bool { return u.Fact == "promotion" }) {
		text += " · open promotion unknown"
	}
	return text
}

// distance says how the environment stands to the one before.
func (e EnvironmentStatus) distance() string {
	switch {
	case e.Commit == "":
		return "no branch " + output.Clean(e.Branch)
	case e.From == "":
		return ""
	case e.State == EdgeMissing:
		return e.From + " has no branch"
	case e.Relation == forge.Identical:
		return "up to date with " + e.From
	case e.Relation == forge.Ahead:
		return output.Plural(e.Behind, "commit") + " behind " + e.From
	case e.Relation == forge.Diverged:
		return fmt.Sprintf("diverged from %s: %s ahead, %d behind", e.From, output.Plural(e.Ahead, "commit"), e.Behind)
	case e.Relation == forge.Behind:
		return fmt.Sprintf("%s ahead of %s", output.Plural(e.Ahead, "commit"), e.From)
	}
	return "unknown"
}

func (e EnvironmentStatus) paint(w *output.Printer, text string) string {
	switch e.State {
	case EdgeUpToDate, EdgeReady:
		return w.Green(text)
	case EdgeBehind, EdgeWaiting:
		return w.Yellow(text)
	}
	return w.Red(text)
}

// wrapCommand breaks commands after && into lines of a width, so that a shell takes
// them as they are. A command that is longer than that stays whole.
func wrapCommand(text string, width int) []string {
	const and = " &&"
	parts := strings.Split(text, and+" ")
	lines := []string{parts[0]}
	for i, part := range parts[1:] {
		room := width
		if i < len(parts)-2 {
			room -= len(and) // that ends this line if the next one does not fit
		}
		last := &lines[len(lines)-1]
		if joined := *last + and + " " + part; utf8.RuneCountInString(joined) <= room {
			*last = joined
			continue
		}
		*last += and
		lines = append(lines, "  "+part)
	}
	return lines
}

// wrap breaks text between words into lines of a width. A word that is longer than
// that stays whole: it may be an address.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
