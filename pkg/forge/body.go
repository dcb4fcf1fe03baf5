package forge

import (
	"slices"
	"strings"
)

// The part of a pull request's body between the markers is pawl's; the rest is
// the people's and is never touched. A marker counts at the start of a line only,
// where no text of others can stand.
const (
	BeginMark = "<!-- pawl:begin -->"
	EndMark   = "<!-- pawl:end -->"
)

// MergeBody puts pawl's part into a body: in the place of the part that stands
// there, else after what people wrote. Of further copies, which somebody pasted,
// the marks stay, which nobody sees. A part that differs in its line ends only is
// left alone: GitHub's web editor turns all of them into CRLF.
func MergeBody(old, part string) string {
	parts := findParts(old)
	if len(parts) == 0 {
		if strings.TrimSpace(old) == "" {
			return part
		}
		return strings.TrimRight(old, "\r\n") + "\n\n" + part
	}
	var b strings.Builder
	last := 0
	for _, at := range parts {
		b.WriteString(old[last:at.begin])
		was := old[at.begin:at.end]
		if strings.ReplaceAll(was, "\r\n", "\n") == part {
			part = was
		}
		b.WriteString(part)
		part, last = BeginMark+"\n"+EndMark, at.end
	}
	return b.String() + old[last:]
}

// span is a place in a text.
type span struct{ begin, end int }

// findParts finds what is between a marker that begins and the next one that ends.
// Markers in a code block, where somebody quotes them, do not count, unless there
// are no others.
func findParts(body string) []span {
	var parts []span
	begin, at := -1, 0
	for line := range strings.Lines(body) {
		switch {
		case strings.HasPrefix(line, BeginMark):
			begin = at
		case begin >= 0 && strings.HasPrefix(line, EndMark):
			parts = append(parts, span{begin, at + len(EndMark)})
			begin = -1
		}
		at += len(line)
	}
	blocks := codeBlocks(body, parts)
	open := slices.DeleteFunc(slices.Clone(parts), func(part span) bool {
		return slices.ContainsFunc(blocks, func(block span) bool { return block.begin < part.begin && part.end < block.end })
	})
	if len(open) == 0 {
		return parts
	}
	return open
}

// codeBlocks finds the code blocks that people wrote, from fence to fence. What is
// within a part does not open or close one, so that what pawl writes there cannot
// change which part is found next time; a block that nobody closed is none.
func codeBlocks(body string, parts []span) []span {
	var blocks []span
	begin, at, fence := 0, 0, ""
	for line := range strings.Lines(body) {
		inside := slices.ContainsFunc(parts, func(part span) bool { return part.begin <= at && at < part.end })
		switch {
		case inside:
		case fence == "":
			begin, fence = at, opensFence(line)
		case closesFence(line, fence):
			blocks = append(blocks, span{begin, at})
			fence = ""
		}
		at += len(line)
	}
	return blocks
}

// opensFence returns the fence of a line that opens a code block, else nothing.
// https://github.github.com/gfm/#fenced-code-blocks
func opensFence(line string) string {
	text := strings.TrimLeft(line, " ")
	if len(line)-len(text) > 3 {
		return ""
	}
	for _, char := range []string{"`", "~"} {
		fence := text[:len(text)-len(strings.TrimLeft(text, char))]
		if len(fence) >= 3 && (char == "~" || !strings.Contains(text[len(fence):], "`")) {
			return fence
		}
	}
	return ""
}

func closesFence(line, fence string) bool {
	text := strings.TrimRight(strings.TrimLeft(line, " "), " \t\r\n")
	return len(line)-len(strings.TrimLeft(line, " ")) <= 3 && len(text) >= len(fence) && strings.Trim(text, fence[:1]) == ""
}
