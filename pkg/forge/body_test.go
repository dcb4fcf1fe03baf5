package forge

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMergeBodyKeepsWhatPeopleWrote(t *testing.T) {
	t.Parallel()
	part := BeginMark + "\nnew\n" + EndMark
	for name, test := range map[string]struct{ old, want string }{
		"empty":           {"", part},
		"blank":           {" \n", part},
		"between":         {"above\n" + BeginMark + "\nold\n" + EndMark + "\nbelow", "above\n" + part + "\nbelow"},
		"without markers": {"by hand\n", "by hand\n\n" + part},
		"begin only":      {"x " + BeginMark, "x " + BeginMark + "\n\n" + part},
		"wrong order":     {EndMark + BeginMark, EndMark + BeginMark + "\n\n" + part},
		"edited inside":   {BeginMark + "\nby hand\n\n- [x] all gates\n" + EndMark, part},
		"edited around":   {"a\n\n" + part + "\n\nb", "a\n\n" + part + "\n\nb"},
		"end taken away":  {"a\n" + BeginMark + "\nold\nby hand\n", "a\n" + BeginMark + "\nold\nby hand\n\n" + part},
		"and written again": {BeginMark + "\nold\nby hand\n\n" + BeginMark + "\nold\n" + EndMark + "\n",
			BeginMark + "\nold\nby hand\n\n" + part + "\n"},
		"begin taken away": {"old\n" + EndMark, "old\n" + EndMark + "\n\n" + part},
		"pasted twice": {"a\n\n" + BeginMark + "\n1\n" + EndMark + "\n\nb\n\n" + BeginMark + "\n2\n" + EndMark + "\n\nc",
			"a\n\n" + part + "\n\nb\n\n" + BeginMark + "\n" + EndMark + "\n\nc"},
		"from the web editor":     {"a\r\n\r\n" + strings.ReplaceAll(part, "\n", "\r\n") + "\r\n", "a\r\n\r\n" + strings.ReplaceAll(part, "\n", "\r\n") + "\r\n"},
		"old, by the web editor":  {"a\r\n" + BeginMark + "\r\nold\r\n" + EndMark + "\r\nb\r\n", "a\r\n" + part + "\r\nb\r\n"},
		"by hand, in the editor":  {"a\r\nb\r\n", "a\r\nb\n\n" + part},
		"marks in a quote":        {"> " + BeginMark + "\n> x\n> " + EndMark + "\n", "> " + BeginMark + "\n> x\n> " + EndMark + "\n\n" + part},
		"marks in a code block":   {"```\n" + BeginMark + "\n" + EndMark + "\n```\n" + BeginMark + "\nold\n" + EndMark, "```\n" + BeginMark + "\n" + EndMark + "\n```\n" + part},
		"marks in another block":  {"~~~~ md\n~~~\n" + BeginMark + "\n" + EndMark + "\n~~~~\n" + BeginMark + "\nold\n" + EndMark, "~~~~ md\n~~~\n" + BeginMark + "\n" + EndMark + "\n~~~~\n" + part},
		"a block left open":       {"```\ntext\n" + BeginMark + "\n```diff\n+x\n```\n" + EndMark + "\nb", "```\ntext\n" + part + "\nb"},
		"backticks, but no block": {"``` not a `block`\n" + BeginMark + "\nold\n" + EndMark, "``` not a `block`\n" + part},
		"marks in a line":         {"see " + BeginMark + " x " + EndMark, "see " + BeginMark + " x " + EndMark + "\n\n" + part},
	} {
		if got := MergeBody(test.old, part); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		once := MergeBody(test.old, part)
		if MergeBody(once, part) != once {
			t.Errorf("%s: a second time changes it again", name)
		}
	}
}

// pieces are what bodies are made of, for the tests of their marks.
func pieces() []string {
	return []string{BeginMark, EndMark, "> " + BeginMark, " " + EndMark, "```", "~~~", "```diff", "text", "", "- [x] a", "x " + BeginMark}
}

func TestMergeBodyOnAnyBody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom(pieces()), 0, 12).Draw(t, "lines")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		old := strings.Join(lines, end)
		part := BeginMark + "\n```diff\n+" + BeginMark + "\n```\n" + EndMark
		once := MergeBody(old, part)
		if twice := MergeBody(once, part); twice != once {
			t.Fatalf("%q becomes %q, and then %q", old, once, twice)
		}
		if web := strings.ReplaceAll(strings.ReplaceAll(once, "\r\n", "\n"), "\n", "\r\n"); MergeBody(web, part) != web {
			t.Fatalf("%q is changed again after the web editor: %q", web, MergeBody(web, part))
		}
		other := strings.Replace(part, "diff", "text", 1)
		if next := MergeBody(once, other); strings.Count(next, other) != 1 || strings.Contains(next, part) {
			t.Fatalf("the part in %q is not replaced: %q", once, next)
		}
		if len(findParts(old)) == 0 && !strings.HasPrefix(once, strings.TrimRight(old, "\r\n")) && strings.TrimSpace(old) != "" {
			t.Fatalf("%q is lost in %q", old, once)
		}
	})
}
