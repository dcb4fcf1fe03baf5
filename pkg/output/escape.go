package output

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes untrusted text safe for a terminal and for a log: what could move
// the cursor, change colors, reorder the line or hide in it (control characters,
// bidirectional overrides, zero-width and other invisible characters, invalid
// UTF-8) is shown as an escape instead. The result is one line.
func Clean(text string) string {
	if !strings.ContainsFunc(text, hidden) && utf8.ValidString(text) && !strings.Contains(text, runnerCommand) {
		return text
	}
	var b strings.Builder
	var last rune
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == emojiStyle && unicode.Is(unicode.So, last):
			b.WriteRune(r) // ⚠️ is a sign and this
		case hidden(r) && r < 0x80, r == '#' && strings.HasPrefix(text[i:], runnerCommand):
			fmt.Fprintf(&b, `\x%02x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

const (
	// runnerCommand begins a command of the older kind, which the runner of GitHub
	// Actions looks for anywhere in a line of the log.
	// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
	runnerCommand = "##["
	// emojiStyle asks for the colored form of the sign before it.
	emojiStyle = '\uFE0F'
)

// hidden says whether a character does something other than show itself. Cf holds
// the bidirectional controls and most zero-width characters; the blank pattern of
// Braille is the one invisible character that no property of Unicode names.
func hidden(r rune) bool {
	if r < 0x7F { // most text is nothing else
		return r < ' '
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == '\u2800'
}

// Limit cuts text that is longer than so many characters, and shows that it did.
func Limit(text string, characters int) string {
	count := 0
	for i := range text {
		if count == characters {
			return text[:i] + "…"
		}
		count++
	}
	return text
}

// Escape makes untrusted text show as itself in Markdown, wherever it stands: no
// link, image or HTML comes out of it, no mention of a person, an issue or a
// commit, no list or heading. Words of which Markdown or GitHub could make
// something become code spans, because GitHub looks for mentions in the rendered
// text, where no backslash is left to see, and leaves code alone.
// https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
func Escape(text string) string {
	words := strings.Split(strings.Trim(Clean(text), " "), " ")
	for i, word := range words {
		if active(word) || i == 0 && opening.MatchString(word) {
			words[i] = wordAsCode(word)
		}
	}
	return strings.Join(words, " ")
}

// wordAsCode leaves quotes, brackets and the end of a sentence outside of the span.
func wordAsCode(word string) string {
	core := strings.TrimRight(strings.TrimLeft(word, `"'(`), `"'),.;:!?`)
	if core == "" {
		return Code(word)
	}
	before, after, _ := strings.Cut(word, core)
	return before + Code(core) + after
}

// active says whether Markdown, or GitHub in what it renders, could make more of a
// word than text.
func active(word string) bool {
	return strings.ContainsFunc(word, special) || reference.MatchString(word)
}

// special characters are those of Markdown, of mentions and of formulas, their
// doubles that look the same, and every space that is not a plain one.
func special(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return strings.ContainsRune("\\`*_[]<>|~&$@#^", r)
	case r >= '\uFE50' && r <= '\uFE6F', r >= '\uFF01' && r <= '\uFF5E': // small and full-width forms of ASCII
		return true
	}
	return unicode.IsSpace(r)
}

// reference matches what becomes a link or a picture without any special
// character: addresses, issues of this and of other trackers (GH-1, ABC-1),
// advisories, commits, emoji.
// https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/managing-repository-settings/configuring-autolinks-to-reference-external-resources
var reference = regexp.MustCompile(`(?i)://|www\.|mailto:|[a-z0-9]-[0-9]|ghsa-|\b[0-9a-f]{7,40}\b|:[a-z0-9_+-]+:`)

// opening matches a word that, at the start of a line, begins something else than
// a paragraph: a list, a rule, the underline of a heading, the rule of a table.
var opening = regexp.MustCompile(`^([-+=:]+|[0-9]+[.)])$`)

// Code returns untrusted text as a Markdown code span, whatever backticks are in
// it. In a table it needs [Printer.MarkdownTable], which takes care of pipes.
func Code(text string) string {
	text = Clean(text)
	if text == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// Block returns lines of untrusted text as a Markdown code block. The language is
// for the highlighting.
func Block(language string, lines []string) string {
	fence := "```"
	var b strings.Builder
	for _, line := range lines {
		line = Clean(strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    "))
		if run := longestRun(line, '`'); run >= len(fence) {
			fence = strings.Repeat("`", run+1)
		}
		b.WriteString(line + "\n")
	}
	return fence + language + "\n" + b.String() + fence + "\n"
}

// longestRun is the length of the longest run of a character.
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
