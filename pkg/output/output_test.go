package output

import (
	"bytes"
	"errors"
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
		"a|b":       "`a\\|b`",
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
		"bump api to 1.4.2 (a-b, c+d)": "bump api to 1.4.2 (a-b, c+d)",
		"![x](http://evil/b.png)":      `!\[x\](http&#58;//evil/b.png)`,
		"<script>&amp;":                `\<script\>\&amp;`,
		"**b** _x_ ~~s~~ `c` | $1$":    "\\*\\*b\\*\\* \\_x\\_ \\~\\~s\\~\\~ \\`c\\` \\| \\$1\\$",
		"@octocat fixes #12 and GH-12": "@\u2060octocat fixes #\u206012 and GH-\u206012",
		"www.evil.com a@b.com":         "www&#46;evil.com a@\u2060b.com",
		`back\slash`:                   `back\\slash`,
		"line\nbreak":                  `line\\nbreak`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;title\x07\u202e\xff\n")
	f.Fuzz(func(t *testing.T, in string) {
		for _, r := range Clean(in) {
			if r == '\n' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("Clean(%q) lets %U through", in, r)
			}
		}
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
