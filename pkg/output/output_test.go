package output

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain text, größe, 日本": "plain text, größe, 日本",
		"a\x1b[31mred":          `a\x1b[31mred`,
		"two\nlines\r\n":        `two\nlines\x0d\n`,
		"tab\there":             `tab\there`,
		"\u202egnp.exe":         `\u202egnp.exe`,
		"zero\u200bwidth":       `zero\u200bwidth`,
		"bad\xffbyte":           `bad\xffbyte`,
		"del\x7f c1\u0085":      `del\x7f c1\u0085`,
		"\u2028line":            `\u2028line`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":          "",
		"v1":        "`v1`",
		"a`b":       "``a`b``",
		"``":        "``` `` ```",
		"a|b":       "`a|b`",
		"x\ny":      "`x\\ny`",
		"<img src>": "`<img src>`",
	} {
		if got := Code(in); got != want {
			t.Errorf("Code(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                             "",
		"bump api to 1.4.2 (a-b, c+d)": "bump api to 1.4.2 (a-b, c+d)",
		`"ci/test" has not reported`:   `"ci/test" has not reported`,
		`"flux/staging/*" is pending;`: "\"`flux/staging/*`\" is pending;",
		"![x](http://evil/b.png)":      "`![x](http://evil/b.png`)",
		"<script>&amp;":                "`<script>&amp`;",
		"**b** _x_ ~~s~~ `c` | $1$":    "`**b**` `_x_` `~~s~~` `` `c` `` `|` `$1$`",
		"@octocat fixes #12 and GH-12": "`@octocat` fixes `#12` and `GH-12`",
		"www.evil.com a@b.com":         "`www.evil.com` `a@b.com`",
		`back\slash`:                   "`back\\slash`",
		"line\nbreak":                  "`line\\nbreak`",
		"- item":                       "`-` item",
		"1. item, step 2. and - so":    "`1`. item, step 2. and - so",
		"# heading":                    "`#` heading",
		"  spaces  between  ":          "spaces  between",
		"all succeeded, defaced":       "all succeeded, `defaced`",
		"at 35f2e0deebcc, 3 of 4":      "at `35f2e0deebcc`, 3 of 4",
		"größe 日本語 🎉":                  "größe 日本語 🎉",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "abc": "abc", "abcd": "abc…", "日本語": "日本語", "日本語だ": "日本語…", "\xff\xff\xff\xff": "\xff\xff\xff…"} {
		if got := Limit(in, 3); got != want {
			t.Errorf("Limit(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()
	got := Block("diff", []string{"+a\tb\r", "+```", " ````` x", "\x1b"})
	want := "``````diff\n+a    b\n+```\n ````` x\n\\x1b\n``````\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Block("", []string{"```"}), "````\n```\n````\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMarkdownTableKeepsPipesInTheirCells(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	NewPrinter(&b, Style{}).MarkdownTable(Table{Head: []string{"a|b", ""}, Rows: [][]string{{Code("|"), Code(`\|`)}}})
	want := "| a\\|b |  |\n| --- | --- |\n| `\\|` | `\\x5c\\|` |\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// hostile reads the texts that must stay text.
func hostile(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		text, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, text)
	}
	return list
}

// plainText takes the code spans out of Markdown that has nothing else.
// https://spec.commonmark.org/0.31.2/#code-spans
func plainText(t testing.TB, markdown string) string {
	t.Helper()
	var b strings.Builder
	for {
		start := strings.IndexByte(markdown, '`')
		if start < 0 {
			return b.String() + markdown
		}
		b.WriteString(markdown[:start] + "CODE")
		rest := strings.TrimLeft(markdown[start:], "`")
		width := len(markdown) - start - len(rest)
		end := 0
		for {
			open := strings.IndexByte(rest[end:], '`')
			if open < 0 {
				t.Fatalf("a code span is not closed in %q", markdown)
			}
			after := strings.TrimLeft(rest[end+open:], "`")
			run := len(rest[end+open:]) - len(after)
			end = len(rest) - len(after)
			if run == width {
				break
			}
		}
		markdown = rest[end:]
	}
}

func checkEscape(t testing.TB, in string) {
	t.Helper()
	got := Escape(in)
	plain := plainText(t, got)
	if i := strings.IndexAny(plain, "\\*_[]<>|~&$@#^\n\r"); i >= 0 {
		t.Errorf("Escape(%q) = %q: %q is outside of code", in, got, plain[i])
	}
	for _, live := range []string{`://`, `(?i)\bwww\.`, `(?i)gh-[0-9]`, `(?i)\b[0-9a-f]{7,40}\b`, `:[a-z]+:`, `^([-+]|[0-9]+[.)])( |$)`, `^(=+|-+)$`} {
		if regexp.MustCompile(live).MatchString(plain) {
			t.Errorf("Escape(%q) = %q: %s is live", in, got, live)
		}
	}
	if span := Code(in); span != "" && plainText(t, span) != "CODE" {
		t.Errorf("Code(%q) = %q is not one code span", in, span)
	}
}

func checkClean(t testing.TB, in string) {
	t.Helper()
	got := Clean(in)
	last := ' '
	for _, r := range got {
		styled := r == '\uFE0F' && unicode.Is(unicode.So, last)
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || unicode.Is(unicode.Variation_Selector, r) && !styled {
			t.Errorf("Clean(%q) = %q lets %U through", in, got, r)
		}
		last = r
	}
	if strings.Contains(got, "##[") {
		t.Errorf("Clean(%q) = %q is a command for the runner", in, got)
	}
	if Clean(got) != got {
		t.Errorf("Clean(%q) changes when it is cleaned again", in)
	}
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	list := hostile(t)
	if len(list) < 200 {
		t.Fatalf("%d texts only", len(list))
	}
	for _, text := range list {
		checkClean(t, text)
		checkEscape(t, text)
		for _, other := range []string{"a ", "`", "- ", "\\"} {
			checkEscape(t, other+text)
			checkEscape(t, text+other)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, text := range hostile(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, in string) {
		checkClean(t, in)
		checkEscape(t, in)
	})
}

func FuzzCode(f *testing.F) {
	f.Add("a``b`|")
	f.Fuzz(func(t *testing.T, in string) {
		got := Code(in)
		if got == "" {
			return
		}
		fence := got[:len(got)-len(strings.TrimLeft(got, "`"))]
		inner := strings.TrimSuffix(strings.TrimPrefix(got, fence), fence)
		if strings.Contains(inner, fence) {
			t.Fatalf("Code(%q) = %q: the content closes the span", in, got)
		}
		if strings.Contains(got, "\n") {
			t.Fatalf("Code(%q) has a line break", in)
		}
	})
}

type sample struct {
	Name string `json:"name"`
}

func (s sample) Text(p *Printer)     { p.Line("text %s", s.Name) }
func (s sample) Markdown(p *Printer) { p.Line("*%s*", s.Name) }

func TestWrite(t *testing.T) {
	t.Parallel()
	for format, want := range map[Format]string{
		Text:     "text <a>\n",
		Markdown: "*<a>*\n",
		JSON:     "{\n  \"schemaVersion\": 1,\n  \"name\": \"<a>\"\n}\n",
	} {
		var b bytes.Buffer
		if err := Write(&b, format, sample{"<a>"}, Style{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWriteReportsAFullDisk(t *testing.T) {
	t.Parallel()
	if err := Write(full{}, Text, sample{"a"}, Style{}); err == nil {
		t.Error("the result was lost without an error")
	}
}

func TestTableAlignsColorAndWideCharacters(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := NewPrinter(&b, Style{Color: true})
	p.Table(Table{Head: []string{"A", "B"}, Rows: [][]string{{p.Red("größe"), "1"}, {"x", "2"}}})
	plain := strings.NewReplacer("\x1b[1m", "", "\x1b[31m", "", "\x1b[0m", "").Replace(b.String())
	want := "A      B\ngröße  1\nx      2\n"
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Error(diff)
	}
}
