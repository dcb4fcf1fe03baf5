package forge

import "strings"

// The part of a pull request's body between the markers is pawl's; the rest is
// the people's and is never touched.
const (
	BeginMark = "<!-- pawl:begin -->"
	EndMark   = "<!-- pawl:end -->"
)

// MergeBody puts pawl's part, with its markers, into a body: in the place of the
// part that stands there, else after what people wrote.
func MergeBody(old, part string) string {
	begin := strings.Index(old, BeginMark)
	end := strings.LastIndex(old, EndMark) // the last: text of others within the part may hold one
	if begin >= 0 && end > begin {
		return old[:begin] + part + old[end+len(EndMark):]
	}
	if strings.TrimSpace(old) == "" {
		return part
	}
	return strings.TrimRight(old, "\n") + "\n\n" + part
}
