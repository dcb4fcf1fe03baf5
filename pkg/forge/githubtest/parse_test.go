package githubtest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParseGraphQL(f *testing.F) {
	for _, seed := range []string{
		"", "{", "{ viewer { login } }", "query Q($a: [Int!]! = [1, -2.5e3]) { x: y(a: $a, b: {c: \"d\\u00e9\", e: E, f: null}) { z } }",
		"mutation { updateRefs(input: {}) { clientMutationId } } # end", "\"\"\"block\"\"\"", "{a(b:[[[[[]]]]])}", "\ufeff{a}", "...x", "{ a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		operations, err := parseGraphQL(text)
		if err == nil && len(operations) == 0 {
			t.Error("nothing was read, and nothing is wrong")
		}
		for _, op := range operations {
			resolveVariables(op.fields, nil)
		}
	})
}

func FuzzParsePush(f *testing.F) {
	f.Add([]byte("0000"))
	f.Add([]byte("00100000"))
	line := zeroSHA + " " + zeroSHA + " refs/heads/x\x00report-status side-band-64k"
	f.Add(fmt.Appendf(nil, "%04x%s0000PACK", len(line)+4, line))
	f.Fuzz(func(t *testing.T, body []byte) {
		push, err := parsePush(body)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(body, push.pack) {
			t.Error("the pack is not the rest of the body")
		}
		rest := push.refusal("no", []string{"error: no"})
		for len(rest) > 0 {
			_, after, _, err := cutPacket(rest)
			if err != nil {
				t.Fatalf("the refusal is malformed: %q", rest)
			}
			rest = after
		}
	})
}

func FuzzParseObjects(f *testing.F) {
	f.Add([]byte("tree " + zeroSHA + "\nparent " + zeroSHA + "\nauthor A <a@b> 1 +0000\ngpgsig -----\n x\n\nmessage\n"))
	f.Add([]byte("100644 a\x0001234567890123456789"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := parseCommit(zeroSHA, string(data))
		if strings.Count(c.author.String(), "\n") > 0 {
			t.Errorf("a signature of two lines: %q", c.author)
		}
		entries, err := parseTree(data)
		for _, e := range entries {
			if err == nil && !validSHA(e.sha) {
				t.Errorf("entry %+v", e)
			}
		}
	})
}

// FuzzDiff: a difference, applied, gives the new text from the old one, and both
// can be read from it.
func FuzzDiff(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nc\n")
	f.Add("", "x")
	f.Add("same", "same\n")
	f.Add("a\nb\na\nb\na\n", "b\na\nb\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 1<<12 || !utf8.ValidString(before+after) {
			return
		}
		var old, fresh strings.Builder
		edits := diffLines(splitLines([]byte(before)), splitLines([]byte(after)))
		for _, e := range edits {
			if e.kind != '+' {
				old.WriteString(e.line)
			}
			if e.kind != '-' {
				fresh.WriteString(e.line)
			}
		}
		if old.String() != before || fresh.String() != after {
			t.Errorf("%q to %q: %v", before, after, edits)
		}
		if text := hunks(edits); (text == "") != (before == after) {
			t.Errorf("%q to %q: %q", before, after, text)
		}
	})
}

func TestValidRef(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"refs/heads/a": true, "refs/heads/a/b": true, "refs/heads/a.b": true, "refs/heads/ä": true,
		"refs/heads": false, "heads/a": false, "refs/heads/": false, "refs/heads//a": false, "refs/heads/.a": false,
		"refs/heads/a..b": false, "refs/heads/a.lock": false, "refs/heads/a b": false, "refs/heads/a~1": false,
		"refs/heads/@{a": false, "refs/heads/a.": false, "refs/heads/a\x7f": false, "refs/heads/a\n": false, "refs/../x/y": false,
	} {
		if validRef(name) != valid {
			t.Errorf("%q: %t", name, !valid)
		}
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, path string
		want          map[string]string
	}{
		{"a/{x}", "a/b", map[string]string{"x": "b"}},
		{"a/{x}", "a", nil},
		{"a/{x}", "a/b/c", nil},
		{"a/{x...}", "a/b/c", map[string]string{"x": "b/c"}},
		{"a/{x...}", "a", nil},
		{"a/{x...}/z", "a/b/c/z", map[string]string{"x": "b/c"}},
		{"a/{x...}/z", "a/z", nil},
		{"a/{x...}/z", "a/b/c/y", nil},
	} {
		got, ok := capture(strings.Split(test.pattern, "/"), strings.Split(test.path, "/"))
		if ok != (test.want != nil) || ok && fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s on %s: %v %t", test.pattern, test.path, got, ok)
		}
	}
}

func TestRulesetPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, branch string
		want            bool
	}{
		{"main", "main", true}, {"main", "main2", false}, {"rel*", "release", true}, {"rel*", "rel/1", false},
		{"rel/*", "rel/1", true}, {"rel/**/*", "rel/a/b", true}, {"~ALL", "any/thing", true}, {"[", "x", false},
	} {
		set := &ruleset{patterns: []string{test.pattern}}
		if got := set.matches(test.branch); got != test.want {
			t.Errorf("%s on %s: %t", test.pattern, test.branch, got)
		}
	}
}
