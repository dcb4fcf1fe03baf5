package promotion

import (
	"strings"
	"unicode/utf16"

	"github.com/getpawl/pawl/pkg/forge"
)

// maxBody is the length of the longest body that GitHub takes, in characters.
// Measured, these are code points (https://github.com/dead-claudia/github-limits/pull/13).
const maxBody = 65_536

// section is a part of a body that is there as a whole or not at all.
type section struct {
	text string
	less string // what stands in its place when there is no room
	drop int    // the order in which sections make room, from 1; 0 stays
}

// length counts what a text has at most, however GitHub counts: UTF-16 units are
// never fewer than code points, and a form on a web page sends each line feed with
// a carriage return.
func length(text string) int {
	count := strings.Count(text, "\n")
	for _, r := range text {
		count += max(1, utf16.RuneLen(r))
	}
	return count
}

// fit joins the sections between the markers. As long as they are longer than the
// room, the next in the order makes way.
func fit(sections []section, room int) string {
	texts := make([]string, len(sections))
	total := length(forge.BeginMark + "\n" + forge.EndMark)
	last := 0
	for i, s := range sections {
		texts[i] = s.text
		total += length(s.text)
		last = max(last, s.drop)
	}
	for next := 1; next <= last && total > room; next++ {
		for i, s := range sections {
			if s.drop == next && length(s.less) < length(s.text) {
				texts[i] = s.less
				total += length(s.less) - length(s.text)
			}
		}
	}
	return forge.BeginMark + "\n" + strings.Join(texts, "") + forge.EndMark
}

// update puts pawl's part into the body of an open pull request. It reports false,
// and leaves the body as it is, when what people wrote leaves no room even for the
// shortest form.
func update(old string, sections []section) (string, bool) {
	room := maxBody - length(forge.MergeBody(old, ""))
	body := forge.MergeBody(old, fit(sections, room))
	if body != old && length(body) > maxBody {
		return old, false
	}
	return body, true
}
