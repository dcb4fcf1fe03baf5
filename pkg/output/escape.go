package output

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes untrusted text safe for a terminal and for a log: what could move
// the cursor, change colors, reorder the line or hide in it (control characters,
// bidirectional overrides, zero-width characters, invalid UTF-8) is shown as an
// escape instead. The result is one line.
func Clean(text string) string {
	if !strings.ContainsFunc(text, hidden) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case hidden(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden says whether a character does something other than show itself.
// Cf holds the bidirectional controls and most zero-width characters.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// Escape makes untrusted text show as itself within a line of Markdown: no link,
// no image, no HTML, no mention of a person or an issue comes out of it. It is
// for text in the middle of a line: what counts at the start of one only (lists,
// headings) is left alone.
func Escape(text string) string {
	var b strings.Builder
	clean := Clean(text)
	for i, r := range clean {
		rest := clean[i:]
		switch {
		case strings.ContainsRune("\\`*_[]<>|~&$", r):
			b.WriteString(`\` + string(r))
		case r == '@' || r == '#' || r == '-' && endsInGH(clean[:i]):
			// GitHub looks for mentions in the rendered text, where no escape is left
			// to see; a word joiner parts the mark from the name.
			b.WriteString(string(r) + "\u2060")
		case r == ':' && strings.HasPrefix(rest, "://"), r == '.' && endsInWWW(clean[:i]):
			// Bare addresses become links, unless a character of theirs is an entity.
			// https://github.github.com/gfm/#autolinks-extension-
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func endsInGH(text string) bool  { return strings.HasSuffix(strings.ToLower(text), "gh") }
func endsInWWW(text string) bool { return strings.HasSuffix(strings.ToLower(text), "www") }

// Code returns untrusted text as a Markdown code span, whatever backticks are in
// it. A pipe would end the cell of a table even within a code span.
func Code(text string) string {
	text = strings.ReplaceAll(Clean(text), "|", "\\|")
	if text == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

func longestRun(text string, char byte) int {
	longest, run := 0, 0
	for i := range len(text) {
		if text[i] != char {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
