package promotion

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

var noon = time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC) // a Thursday

func TestWaits(t *testing.T) {
	t.Parallel()
	berlin := config.Window{From: "Fri 16:00", To: "Mon 08:00", Zone: "Europe/Berlin"}
	tokyo := config.Window{From: "Fri 16:00", To: "Mon 08:00", Zone: "Asia/Tokyo"}
	pending := func(name, reason string, after time.Duration) gate.Verdict {
		v := gate.Verdict{Gate: name, State: gate.Pending, Reason: reason}
		if after > 0 {
			v.Until = noon.Add(after)
		}
		return v
	}
	approvals := pending("approvals", "1 of 2 approvals", 0)
	soak := pending("soak", "24h in staging wanted", 3*time.Hour+12*time.Minute)
	monday := pending("freeze", "frozen", 91*time.Hour)
	failed := gate.Verdict{Gate: "checks", State: gate.Fail, Reason: `"ci" is failure`}
	unread := gate.Verdict{Gate: "checks", State: gate.Unknown, Reason: "could not find out: no"}
	for _, c := range []struct {
		want     string
		windows  []config.Window
		verdicts []gate.Verdict
	}{
		{"", nil, nil},
		{"", nil, []gate.Verdict{{Gate: "edge", State: gate.Pass}}},
		{"waits for 1 of 2 approvals", nil, []gate.Verdict{approvals}},
		{"soak: 3h12m left", nil, []gate.Verdict{soak}},
		{"soak: 1m left", nil, []gate.Verdict{pending("soak", "", time.Second)}},
		{"waits for soak: opens now", nil, []gate.Verdict{{Gate: "soak", State: gate.Pending, Reason: "opens now", Until: noon}}},
		{"frozen until Mon 08:00 CET", []config.Window{berlin}, []gate.Verdict{monday}},
		{"frozen until Mon 07:00 UTC", []config.Window{berlin, tokyo}, []gate.Verdict{monday}},
		{"frozen until 2026-04-04 12:00 UTC", nil, []gate.Verdict{pending("freeze", "frozen", 30*24*time.Hour)}},
		{"waits for freeze: frozen without an end in sight", nil, []gate.Verdict{pending("freeze", "frozen without an end in sight", 0)}},
		{"waits for 1 of 2 approvals (and 2 more)", []config.Window{berlin}, []gate.Verdict{soak, approvals, monday}},
		{"frozen until Mon 08:00 CET (and 1 more)", []config.Window{berlin}, []gate.Verdict{soak, monday}},
		{`blocked by checks: "ci" is failure (and 2 more)`, nil, []gate.Verdict{soak, unread, failed}},
		{"checks unknown: could not find out: no (and 1 more)", nil, []gate.Verdict{approvals, unread}},
	} {
		facts := gate.Facts{Now: noon, To: config.Environment{Gates: config.Gates{Freeze: c.windows}}}
		if got := waits(c.verdicts, facts); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 0: "now", 59 * time.Second: "now", time.Minute: "1m ago", time.Hour: "1h ago", 90 * time.Minute: "1h30m ago",
		24 * time.Hour: "1d ago", 49 * time.Hour: "2d1h ago", 400 * 24 * time.Hour: "400d ago",
	} {
		if got := age(noon.Add(-d), noon); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

// The record of moves counts up to the snapshot only.
func TestMovesUpToTheSnapshot(t *testing.T) {
	t.Parallel()
	moves := []forge.Move{{ID: 4, Before: "c", After: "d"}, {ID: 3, Before: "b", After: "c"}, {ID: 2, Before: "a", After: "b"}}
	for head, want := range map[string]int64{"d": 4, "c": 3, "b": 2, "elsewhere": 4} {
		if got := upTo(moves, head); got[0].ID != want {
			t.Errorf("%s: begins with move %d, want %d", head, got[0].ID, want)
		}
	}
	if got := upTo(moves, "a"); len(got) != 0 {
		t.Errorf("the moves after the snapshot are kept: %v", got)
	}
}

// boardOf is a board of so many images in three environments, of which the last ones
// differ in pairs.
func boardOf(images, differing int) *StatusReport {
	r := &StatusReport{Repository: "acme/config", Now: noon}
	before := ""
	for i, name := range []string{"dev", "staging", "production"} {
		r.Environments = append(r.Environments, EnvironmentStatus{
			Name: name, Branch: name, From: before, Commit: strings.Repeat(string(rune('a'+i)), 40), Since: noon.Add(time.Duration(-i) * time.Hour),
			State: EdgeUpToDate, Relation: forge.Identical,
		})
		before = name
	}
	for i := range images {
		row := ImageStatus{Image: fmt.Sprintf("ghcr.io/acme/service-%03d", i), Versions: map[string]string{"dev": "1.0.0", "staging": "1.0.0", "production": "1.0.0"}}
		if i >= images-differing {
			row.Versions["dev"] = fmt.Sprintf("1.1.%d", i/2)
		}
		r.Images = append(r.Images, row)
	}
	return r
}

func textOf(r *StatusReport, format output.Format) string {
	var b strings.Builder
	if err := output.Write(&b, format, r, output.Style{}); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	return b.String()
}

func TestBoardGroupsManyImages(t *testing.T) {
	t.Parallel()
	text := textOf(boardOf(47, 4), output.Text)
	if strings.Contains(text, "in line everywhere") || strings.Count(text, "ghcr.io/acme/service-") != 47 {
		t.Errorf("47 images are grouped:\n%s", text)
	}
	text = textOf(boardOf(300, 4), output.Text)
	for _, want := range []string{"in line everywhere: 296 images\n", "ghcr.io/acme/service-296 +1  1.1.148", "ghcr.io/acme/service-298 +1  1.1.149"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
	text = textOf(boardOf(300, 300), output.Text)
	if !strings.Contains(text, "and 200 images more: narrow it down") || strings.Count(text, "+1 ") != 50 {
		t.Errorf("300 images that differ:\n%s", text)
	}
}

// What moved last comes first: the newer the environment before the difference.
func TestBoardOrder(t *testing.T) {
	t.Parallel()
	r := boardOf(4, 0)
	r.Images[1].Versions["production"] = "0.9.0" // staging had it an hour ago
	r.Images[3].Versions["dev"] = "1.1.0"        // dev has it now
	rows, _, _ := r.board()
	var got []string
	for _, row := range rows {
		got = append(got, row.image[len(row.image)-1:])
	}
	if diff := cmp.Diff([]string{"3", "1", "0", "2"}, got); diff != "" {
		t.Error(diff)
	}
}

// However long the names, the versions and the reasons are and however many
// environments there are, a line has 80 columns at most, unless one word is longer.
func TestBoardFitsATerminal(t *testing.T) {
	t.Parallel()
	list := hostile(t)
	word := rapid.SampledFrom(list)
	rapid.Check(t, func(t *rapid.T) {
		r := &StatusReport{Repository: "acme/config", Now: noon, Notes: nil}
		row := ImageStatus{Image: word.Draw(t, "image"), Versions: map[string]string{}}
		for i := range rapid.IntRange(1, 20).Draw(t, "environments") {
			name := fmt.Sprintf("environment-%d-%s", i, strings.Repeat("x", i))
			r.Environments = append(r.Environments, EnvironmentStatus{Name: name, Commit: strings.Repeat("a", 40), From: "x", Relation: forge.Ahead})
			row.Versions[name] = word.Draw(t, "version")
		}
		r.Images = []ImageStatus{row}
		for line := range strings.Lines(textOf(r, output.Text)) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > boardWidth {
				t.Fatalf("%d columns: %q", utf8.RuneCountInString(line), line)
			}
			if output.Clean(line) != line {
				t.Fatalf("%q could do something to a terminal", line)
			}
		}
	})
}

var (
	mermaidLine = regexp.MustCompile(`^  e\d+(\["([A-Za-z0-9 ,/;#]|<br/>)*"\]| -(\.-|-)>\|"[A-Za-z0-9 ,/;#]*"\| e\d+)$`)
	mermaidCode = regexp.MustCompile(`#(\d+);`)
)

// Nothing that others can write gets out of a label of the picture, or does anything
// within it, and Mermaid shows it as it is.
func TestMermaidShowsHostileTextAsText(t *testing.T) {
	t.Parallel()
	for _, text := range append(hostile(t), `"] --> x["`, "end", "%%{init: {}}%%", "click e0 href \"javascript:alert(1)\"", "`**md**`", "#quot;", "1. list") {
		r := boardOf(1, 0)
		r.Environments[1].Name, r.Environments[2].From = text, text
		r.Environments[2].State, r.Environments[2].Open = EdgeWaiting, &OpenPromotion{Number: 1, State: gate.Pending, Waits: text}
		lines := strings.Split(strings.TrimSuffix(r.mermaid(), "\n"), "\n")
		if lines[0] != "flowchart LR" || len(lines) != 6 {
			t.Fatalf("%q: %q", text, lines)
		}
		for _, line := range lines[1:] {
			if !mermaidLine.MatchString(line) {
				t.Errorf("%q comes alive in %q", text, line)
			}
		}
		got := html.UnescapeString(mermaidCode.ReplaceAllString(label(text), "&#$1;"))
		if want := output.Limit(output.Clean(text), longestLabel); got != want {
			t.Errorf("%q shows as %q", want, got)
		}
	}
}

// The same for the rest of the summary.
func TestStatusMarkdownShowsHostileTextAsText(t *testing.T) {
	t.Parallel()
	report := func(text string) rendered {
		r := boardOf(1, 0)
		r.Repository, r.Notes = text, []string{text}
		r.Environments[1] = EnvironmentStatus{
			Name: text, Commit: strings.Repeat("b", 40), From: text, State: EdgeDiverged, Relation: forge.Diverged, Ahead: 1, Behind: 1, Next: text,
			Foreign: []ForeignCommit{{SHA: strings.Repeat("c", 40), Author: text, Subject: text, Looks: "made on this branch"}},
			Unknown: []Unread{{"since", text}},
			Open:    &OpenPromotion{Number: 1, URL: "https://github.com/acme/config/pull/1", State: gate.Pending, Waits: text},
		}
		r.Images[0].Image, r.Images[0].Versions["dev"] = text, text
		markdown := textOf(r, output.Markdown)
		_, after, _ := strings.Cut(markdown, "```mermaid\n")
		_, after, _ = strings.Cut(after, "```\n")
		heading, _, _ := strings.Cut(markdown, "```mermaid\n")
		return render(heading + "\n" + after)
	}
	want := report("plain")
	for _, text := range hostile(t) {
		if diff := cmp.Diff(want, report(text)); diff != "" {
			t.Errorf("%q (-plain +this)\n%s", text, diff)
		}
	}
}
