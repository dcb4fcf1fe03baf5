package promotion

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// hostile reads the texts that must stay text, which the tests of package output
// share.
func hostile(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("../output/testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		entry, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, entry)
	}
	if len(list) < 200 {
		t.Fatalf("%d texts only", len(list))
	}
	return list
}

// rendered is what comes out of Markdown besides text and code: its blocks, and
// everything that does something.
type rendered struct {
	Blocks, Active []string
}

// gitHub matches what GitHub makes links, mentions and pictures of in the text
// that it has rendered.
// https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
var gitHub = regexp.MustCompile(`(?i)@[a-z0-9]\S*|\S*#[0-9]+|\bgh-[0-9]+|\b[a-z]+-[0-9]+|\b[0-9a-f]{7,40}\b|\S*://\S*|www\.\S*|:[a-z0-9_+-]+:|[$][^$]`)

// inTitles matches what could be more than text in the title of a pull request.
var inTitles = regexp.MustCompile(`(?i)(^|\W)@[a-z0-9]|@([^s]|s[^h])|#[0-9]|://|:[a-z0-9_+-]+:|[^\x20-\x7e]|[<>&|*\x60\\]`)

// render reads Markdown as GitHub does, as far as a parser of CommonMark with
// GitHub's extensions and footnotes can tell.
func render(markdown string) rendered {
	source := []byte(markdown)
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser()
	var r rendered
	var prose strings.Builder
	visit := func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			prose.Write(n.Value(source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				prose.WriteString(" ")
			}
			return ast.WalkContinue, nil
		case *ast.String:
			prose.Write(n.Value)
			return ast.WalkContinue, nil
		case *ast.CodeSpan:
			prose.WriteString("\x00")
			return ast.WalkSkipChildren, nil
		case *ast.Link:
			r.Active = append(r.Active, "link to "+string(n.Destination))
		case *ast.RawHTML:
			r.Active = append(r.Active, "html "+string(n.Segments.Value(source)))
		case *ast.HTMLBlock:
			r.Active = append(r.Active, "html "+string(n.Lines().Value(source)))
		default:
			if n.Type() == ast.TypeInline {
				r.Active = append(r.Active, n.Kind().String())
			}
		}
		if n.Type() == ast.TypeBlock {
			prose.WriteString("\n")
			r.Blocks = append(r.Blocks, n.Kind().String())
		}
		return ast.WalkContinue, nil
	}
	if err := ast.Walk(parser.Parse(text.NewReader(source)), visit); err != nil {
		panic(err) // the visitor returns none
	}
	r.Active = append(r.Active, gitHub.FindAllString(prose.String(), -1)...)
	return r
}

// written is a promotion in which everything that others can write says the same.
func written(said string) (*Promotion, policy) {
	p := promotion(1, 2, "web")
	p.Base = said
	p.Images = []ImageChange{
		{Image: said, From: said, To: said, Kind: "changed", Source: "https://github.com/acme/web/compare/v1...v2"},
		{Image: "ghcr.io/acme/web", From: "1.0.0", To: said, Kind: "downgrade", Step: "minor"},
	}
	p.Commits = []Commit{{SHA: strings.Repeat("c", 40), Author: said, Subject: said}, {SHA: strings.Repeat("d", 40), Author: "a", Subject: "b " + said}}
	p.Gates = []gate.Verdict{
		{Gate: "checks", State: gate.Pending, Reason: said, Evidence: []string{said, "status " + said + " at noon"}},
		{Gate: "edge", State: gate.Pass, Reason: `"` + said + `" passed`},
	}
	p.Notes = []string{said, "note: " + said}
	p.page.followed = true
	p.page.unreadable, p.page.objects = []string{said}, []string{"Deployment " + said, said}
	lines := []string{"@@ -1 +1 @@", "+" + strings.ReplaceAll(said, "\n", "⏎"), " " + strings.ReplaceAll(said, "\n", "⏎")}
	p.page.files = []fileChange{
		{path: said, kind: "changed", reaches: true, counted: true, added: 1, diff: lines},
		{path: "dir/" + said, kind: "removed"},
	}
	return p, testRules(said)
}

// surfaces are all places where pawl writes Markdown for others to see.
func surfaces(said string) map[string]string {
	p, rules := written(said)
	plan := PromotePlan{Promotions: []*Promotion{p}}
	p.Action, p.Number, p.URL = ActionCreate, 7, "https://github.com/acme/config/pull/7"
	verification := Verification{Number: 7, URL: p.URL, From: "dev", To: "staging", Gates: p.Gates, Notes: p.Notes, Policy: said}
	status := StatusReport{
		Environments: []EnvironmentStatus{{Name: "staging", Branch: said, Open: &OpenPromotion{Number: 7, URL: p.URL, Gates: p.Gates}}},
		Images:       []ImageStatus{{Image: said, Versions: map[string]string{"staging": said}}},
	}
	short := sections(p, rules)
	for i := range short {
		if short[i].drop > 0 {
			short[i].text = short[i].less
		}
	}
	return map[string]string{
		"body":           fit(sections(p, rules), maxBody),
		"short body":     fit(short, maxBody),
		"promote":        write(plan.Markdown),
		"verify":         write(verification.Markdown),
		"merge":          write((&MergePlan{Verification: verification, Branch: said}).Markdown),
		"status":         write(status.Markdown),
		"in a list":      "- " + output.Escape(said) + "\n",
		"at the start":   output.Escape(said) + "\n",
		"in bold":        "a **" + output.Code(said) + "** b\n",
		"under a line":   "text\n" + output.Escape(said) + "\n",
		"in a quote":     "> " + output.Escape(said) + "\n",
		"beside another": output.Escape(said) + " " + output.Code(said) + " " + output.Escape(said) + "\n",
	}
}

// What others wrote changes neither the blocks of what pawl writes, nor adds
// anything to it that is more than text.
func TestTextOfOthersStaysText(t *testing.T) {
	t.Parallel()
	want := map[string]rendered{}
	for name, markdown := range surfaces("plain") {
		want[name] = render(markdown)
	}
	for _, said := range hostile(t) {
		for name, markdown := range surfaces(said) {
			if diff := cmp.Diff(want[name], render(markdown)); diff != "" {
				t.Errorf("%q in %s (-plain +this):\n%s\n%s", said, name, diff, markdown)
			}
		}
		p, rules := written(said)
		body := fit(sections(p, rules), maxBody)
		if got := forge.MergeBody("above\n\n"+body+"\n\nbelow", "x"); got != "above\n\nx\n\nbelow" {
			t.Errorf("%q moves the marks of the body: %q", said, got)
		}
		if name := title(p); inTitles.MatchString(name) || name != output.Clean(name) {
			t.Errorf("%q comes alive in the title %q", said, name)
		}
	}
}

// The oracle of the test above sees what it should.
func TestRenderSeesWhatIsAlive(t *testing.T) {
	t.Parallel()
	for _, live := range []string{
		"[a](http://evil.example)", "![a](b)", "<b>x</b>", "<!-- x -->", "http://evil.example", "www.evil.example", "a@evil.example",
		"@octocat", "see #1", "acme/config#1", "GH-1", "0123456789ab", ":tada:", "**x**", "_x_", "~~x~~", "$x$", "\\@octocat",
		"[^1]\n\n[^1]: note", "&#64;octocat",
	} {
		if r := render(live); len(r.Active) == 0 {
			t.Errorf("%q is taken for text", live)
		}
	}
	for _, block := range []string{"# x", "- x", "1. x", "> x", "```\nx\n```", "x\n===", "---", "    x", "| a |\n| - |"} {
		if r, plain := render(block), render("x"); cmp.Equal(r.Blocks, plain.Blocks) {
			t.Errorf("%q is taken for a paragraph", block)
		}
	}
}

// On a terminal, the same texts neither add lines nor anything that a terminal or
// the runner of a job obeys.
func TestTextOfOthersOnATerminal(t *testing.T) {
	t.Parallel()
	show := func(said string) string {
		p, _ := written(said)
		p.Action, p.URL = ActionCreate, said
		verification := Verification{Number: 7, From: "dev", To: "staging", Gates: p.Gates, Notes: p.Notes, Policy: said}
		return write((&PromotePlan{Promotions: []*Promotion{p}}).Text) + write(verification.Text) +
			write((&MergePlan{Verification: verification, Branch: said}).Text) +
			write((&StatusReport{
				Environments: []EnvironmentStatus{{Name: "staging", Relation: forge.Ahead, Open: &OpenPromotion{Number: 7, Gates: p.Gates}}},
				Images:       []ImageStatus{{Image: said, Versions: map[string]string{"staging": said}}},
				Notes:        []string{said},
			}).Text)
	}
	plain := strings.Count(show("plain"), "\n")
	for _, said := range hostile(t) {
		got := show(said)
		if n := strings.Count(got, "\n"); n != plain {
			t.Errorf("%q makes %d lines of %d:\n%s", said, n, plain, got)
		}
		if flat := strings.ReplaceAll(got, "\n", ""); output.Clean(flat) != flat {
			t.Errorf("%q reaches the terminal: %q", said, got)
		}
	}
}

func TestBodyFitsWhateverPeopleWrote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"a", "日", "🎉", "`", "|\n"}).Draw(t, "unit")
		p := promotion(rapid.SampledFrom([]int{0, 1, 400}).Draw(t, "images"), rapid.IntRange(0, 100).Draw(t, "commits"), strings.Repeat(unit, rapid.IntRange(1, 250).Draw(t, "length")))
		for i := range rapid.SampledFrom([]int{0, 10, 100}).Draw(t, "files") {
			p.page.files = append(p.page.files, fileChange{path: fmt.Sprint(unit, i), kind: "changed", reaches: i%2 == 0, counted: true, diff: strings.Split(strings.Repeat(unit+"x\x00", 20), "\x00")})
		}
		human := strings.Repeat(unit, rapid.IntRange(0, 40_000).Draw(t, "human"))
		rules := testRules("the rules")
		body, ok := update(human, sections(p, rules))
		if !ok {
			if body != human {
				t.Fatal("a body without room is changed")
			}
			return
		}
		if length(body) > maxBody {
			t.Fatalf("the body has %d characters", length(body))
		}
		if !strings.HasPrefix(body, strings.TrimRight(human, "\n")) {
			t.Fatal("what people wrote is cut")
		}
		if again, _ := update(body, sections(p, rules)); again != body {
			t.Fatal("a second time changes the body again")
		}
		if rest := strings.TrimRight(human, "\n"); strings.TrimRight(strings.TrimSuffix(forge.MergeBody(body, "x"), "x"), "\n") != rest {
			t.Fatal("the part is not whole")
		}
	})
}
