package git

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most of a server's text that is kept.
const (
	maxTextLines = 50
	maxTextLine  = 500 // bytes
	maxText      = 64 << 10
)

// printable makes a server's text safe to show: control characters, those that
// reorder or hide text, and invalid UTF-8 become visible escapes. The result is
// one line.
func printable(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\t':
			b.WriteByte(' ')
		case unicode.IsControl(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// printableLines splits a server's text into lines, drops the empty ones and
// those that a carriage return overwrites, and bounds the rest.
func printableLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		line = line[strings.LastIndexByte(line, '\r')+1:]
		if len(line) > maxTextLine {
			line = line[:maxTextLine] + "…"
		}
		if line = strings.TrimSpace(printable(line)); line == "" {
			continue
		}
		if len(lines) == maxTextLines {
			return append(lines, "…")
		}
		lines = append(lines, line)
	}
	return lines
}

// redact takes secrets out of a text, also where the text holds only the first
// part of one.
func redact(text string, secrets []string) string {
	for _, secret := range secrets {
		text = redactOne(text, secret)
	}
	return text
}

func redactOne(text, secret string) string {
	start := secret[:min(len(secret), 8)]
	var b strings.Builder
	for {
		i := strings.Index(text, start)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		n := 0
		for n < len(secret) && i+n < len(text) && text[i+n] == secret[n] {
			n++
		}
		b.WriteString(text[:i] + "[redacted]")
		text = text[i+n:]
	}
}

// gathered keeps the beginning of what is written to it.
type gathered struct{ text []byte }

func (g *gathered) Write(p []byte) (int, error) {
	g.text = append(g.text, p[:min(len(p), maxText-len(g.text))]...)
	return len(p), nil
}
