package manifest_test

import (
	"testing"

	"github.com/getpawl/pawl/pkg/manifest"
)

// trapSamples are the inputs on which other editors change more than the version:
// those that lose comments, quotes, lines or anchors, and those whose positions are
// not what they seem.
func trapSamples() []sample {
	return []sample{
		// What one editor of the field was seen to break.
		{name: "comment behind the tag", file: "values.yaml", src: "repository: x\ntag: v1 # pinned by ops\n", set: "x:v2", want: "repository: x\ntag: v2 # pinned by ops\n"},
		{name: "double quotes", file: "values.yaml", src: "repository: x\ntag: \"v1\"\n", set: "x:v2", want: "repository: x\ntag: \"v2\"\n"},
		{name: "CRLF", file: "values.yaml", src: "repository: x\r\n\r\ntag: v1\r\nz: |\r\n  a\r\n", set: "x:v2", want: "repository: x\r\n\r\ntag: v2\r\nz: |\r\n  a\r\n"},
		{name: "no final line break", file: "values.yaml", src: "repository: x\ntag: v1", set: "x:v2", want: "repository: x\ntag: v2"},
		{name: "flow mapping", file: "values.yaml", src: "image: {repository: a, tag: v1, pull: Always}\n", set: "a:v2", want: "image: {repository: a, tag: v2, pull: Always}\n"},
		{name: "anchor and alias", file: "values.yaml", src: "repository: a\ntag: &t v1\nuse: *t\n", set: "a:v2", want: "repository: a\ntag: &t v2\nuse: *t\n"},
		{name: "folded scalar", file: "values.yaml", src: "repository: a\ntag: >-\n  v1\nz: 1\n", set: "a:v2", want: "repository: a\ntag: >-\n  v2\nz: 1\n"},
		{name: "column in characters", file: "values.yaml", src: "\"é\": {repository: a, tag: v1}\n", set: "a:v2", want: "\"é\": {repository: a, tag: v2}\n"},

		// Positions.
		{name: "wide characters before", file: "values.yaml", src: "# 日本語\nü: {ö: \"😀\", repository: a, tag: v1} # ñ\n", set: "a:v2", want: "# 日本語\nü: {ö: \"😀\", repository: a, tag: v2} # ñ\n"},
		{name: "NEL, LS and PS in comments", file: "values.yaml", src: "# a\u0085# b\u2028# c\u2029repository: a\ntag: v1\n", set: "a:v2", want: "# a\u0085# b\u2028# c\u2029repository: a\ntag: v2\n"},
		{name: "lone CR", file: "values.yaml", src: "# a\r# b\rrepository: a\rtag: v1\r\n", set: "a:v2", want: "# a\r# b\rrepository: a\rtag: v2\r\n"},
		{name: "byte order mark", file: "values.yaml", src: "\uFEFFrepository: a\ntag: v1\n", set: "a:v2", want: "\uFEFFrepository: a\ntag: v2\n"},
		{name: "byte order mark before the image", file: "values.yaml", src: "\uFEFFimage: a:v1\n", set: "a:v2", want: "\uFEFFimage: a:v2\n"},
		{name: "byte order mark in the middle", file: "values.yaml", src: "a: b\n---\n\uFEFF---\nimage: a:v1\n", set: "a:v2", refused: "it is not valid YAML"},
		{name: "tagged scalar", file: "values.yaml", src: "image: !!str a:v1 # x\n", set: "a:v2", want: "image: !!str a:v2 # x\n"},
		{name: "tagged number", file: "values.yaml", src: "repository: a\ntag: !!str 1.9\n", set: "a:v1.10", want: "repository: a\ntag: !!str v1.10\n"},
		{name: "tagged as a number", file: "values.yaml", src: "repository: a\ntag: !!float 1.9\n", set: "a:1.10"},
		{name: "tag of an application", file: "values.yaml", src: "image: !vault a:v1\n", set: "a:v2"},
		{name: "anchor and tag", file: "values.yaml", src: "image: &x !!str 'a:v1'\n", set: "a:v2", want: "image: &x !!str 'a:v2'\n"},
		{name: "anchor, comment, next line", file: "values.yaml", src: "image: &x # here\n  # and here\n  a:v1\n", set: "a:v2", want: "image: &x # here\n  # and here\n  a:v2\n"},
		{name: "literal block", file: "values.yaml", src: "image: |-\n    a:v1\nb: c\n", set: "a:v2", want: "image: |-\n    a:v2\nb: c\n"},
		{name: "block with a comment in its header", file: "values.yaml", src: "image: >- # folded\n    a:v1\n\nb: c\n", set: "a:v2", want: "image: >- # folded\n    a:v2\n\nb: c\n"},
		{name: "anchored block", file: "values.yaml", src: "image: &x >-\n    a:v1\nb: *x\n", set: "a:v2", want: "image: &x >-\n    a:v2\nb: *x\n"},
		{name: "block that keeps its line break", file: "values.yaml", src: "image: |\n  a:v1\n", set: "a:v2"},
		{name: "value on the next line", file: "values.yaml", src: "image:\n  a:v1\n", set: "a:v2", want: "image:\n  a:v2\n"},
		{name: "explicit key", file: "values.yaml", src: "? image\n: a:v1\n", set: "a:v2", want: "? image\n: a:v2\n"},
		{name: "tabs before the comment", file: "values.yaml", src: "image: a:v1\t# x\n", set: "a:v2", want: "image: a:v2\t# x\n"},
		{name: "spaces at the end", file: "values.yaml", src: "image: a:v1   \nb: c  \n", set: "a:v2", want: "image: a:v2   \nb: c  \n"},
		{name: "comments only, then documents", file: "values.yaml", src: "# first\n---\n# second\n---\nimage: a:v1\n---\n", set: "a:v2", want: "# first\n---\n# second\n---\nimage: a:v2\n---\n"},
		{name: "text behind ---", file: "values.yaml", src: "--- # one\na: b\n--- {image: a:v1}\n--- !!map\nimage: a:v1\n", set: "a:v2", want: "--- # one\na: b\n--- {image: a:v2}\n--- !!map\nimage: a:v2\n"},
		{name: "end marks", file: "values.yaml", src: "%YAML 1.1\n---\nimage: a:v1\n...\n# x\n---\nimage: a:v1\n...\n", set: "a:v2", want: "%YAML 1.1\n---\nimage: a:v2\n...\n# x\n---\nimage: a:v2\n...\n"},
		{name: "the version elsewhere too", file: "values.yaml", src: "version: v1\nimage: a:v1 # a:v1\n# a:v1\nb: a:v1\n", set: "a:v2", want: "version: v1\nimage: a:v2 # a:v1\n# a:v1\nb: a:v1\n"},

		// Spellings that cannot be proved.
		{name: "escapes", file: "values.yaml", src: "image: \"\\x61:v1\"\n", set: "a:v2", refused: "several lines or with escapes"},
		{name: "escaped line break", file: "values.yaml", src: "image: \"a:\\\n  v1\"\n", set: "a:v2", refused: "several lines or with escapes"},
		{name: "escapes, version is there", file: "values.yaml", src: "image: \"\\x61:v2\"\n", set: "a:v2"},
		{name: "escapes in another image", file: "values.yaml", src: "a: {image: \"\\x61:v1\"}\nb: {image: b:v1}\n", set: "b:v2", want: "a: {image: \"\\x61:v1\"}\nb: {image: b:v2}\n"},

		// Anchors.
		{name: "one anchor, five aliases", file: "ci.yaml", src: "a: {image: &go golang:1.26}\nb: {image: *go}\nc: [*go, *go]\nd: {image: *go}\ne: {image: *go }\n", set: "golang:1.27", want: "a: {image: &go golang:1.27}\nb: {image: *go}\nc: [*go, *go]\nd: {image: *go}\ne: {image: *go }\n"},
		{name: "anchor elsewhere", file: "values.yaml", src: "x-image: &i a:v1\nweb: {image: *i}\n", set: "a:v2", want: "x-image: &i a:v2\nweb: {image: *i}\n"},
		{name: "merge key", file: "values.yaml", src: "base: &b\n  repository: a\n  tag: v1\nweb:\n  <<: *b\n  tag: v1\napi: {<<: [*b], pull: x}\n", set: "a:v2", want: "base: &b\n  repository: a\n  tag: v2\nweb:\n  <<: *b\n  tag: v2\napi: {<<: [*b], pull: x}\n"},
		{name: "a shared version, both named", file: "values.yaml", src: "a: {repository: a, tag: &v v1}\nb: {repository: b, tag: *v}\n", set: "a:v2 b:v2", want: "a: {repository: a, tag: &v v2}\nb: {repository: b, tag: *v}\n"},
		{name: "a shared version, one named", file: "values.yaml", src: "a: {repository: a, tag: &v v1}\nb: {repository: b, tag: *v}\n", set: "a:v2", refused: "through an alias: name it too"},
		{name: "a shared version, the alias named", file: "values.yaml", src: "a: {repository: a, tag: &v v1}\nb: {repository: b, tag: *v}\n", set: "b:v2", refused: "through an alias: name it too"},
		{name: "a shared version, two values", file: "values.yaml", src: "a: {repository: a, tag: &v v1}\nb: {repository: b, tag: *v}\n", set: "a:v2 b:v3", refused: "a different version"},
		{name: "a shared version that is there", file: "values.yaml", src: "a: {repository: a, tag: &v v1}\nb: {repository: b, tag: *v}\n", set: "a:v1"},

		// Bytes.
		{name: "UTF-16, little endian", file: "values.yaml", src: "\xFF\xFEi\x00m\x00", set: "a:v2", refused: "UTF-16"},
		{name: "UTF-16, big endian", file: "values.yaml", src: "\xFE\xFF\x00i\x00m", set: "a:v2", refused: "UTF-16"},
		{name: "UTF-16 without a mark", file: "values.yaml", src: "i\x00m\x00a\x00", set: "a:v2", refused: "UTF-16"},
		{name: "Latin-1", file: "values.yaml", src: "# \xE9\nimage: a:v1\n", set: "a:v2", refused: "not UTF-8"},
		{name: "template", file: "templates/x.yaml", src: "{{ if .Values.x }}\nimage: a:v1\n{{ end }}\n", set: "a:v2", refused: "it is a template"},
		{name: "template that parses", file: "values.yaml", src: "a: {{ x }}\nimage: a:v1\n", set: "a:v2", want: "a: {{ x }}\nimage: a:v2\n"},
		{name: "broken", file: "values.yaml", src: "image: a:v1\n  b: c\n", set: "a:v2", refused: "values.yaml:2: it is not valid YAML"},
		{name: "tab in the indentation", file: "values.yaml", src: "a:\n\tb: c\nimage: a:v1\n", set: "a:v2", refused: "not valid YAML"},
		{name: "empty file", file: "values.yaml", src: "", set: "a:v2"},
		{name: "only comments", file: "values.yaml", src: "# image: a:v1\n", set: "a:v2"},
		{name: "a scalar", file: "values.yaml", src: "a:v1\n", set: "a:v2"},
	}
}

// TestQuotes writes tags that some YAML parser reads as something else into plain
// and into quoted fields.
func TestQuotes(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{
		"1.10", "1", "123", "0123", "0o17", "1e3", "1E3", "1.5e3", "1234567e8", "6063e25", "6801028", "0x1F", "0b11", "1_000",
		"on", "On", "off", "yes", "no", "y", "N", "true", "False", "null", "Null", "2024-01-01", "2024-1-1", "12345678", "1.", "685_230.15",
	} {
		check(t, sample{file: "values.yaml", src: "repository: a\ntag: v1 # c\n", set: "a:" + tag, want: "repository: a\ntag: \"" + tag + "\" # c\n", once: true})
		check(t, sample{file: "values.yaml", src: "repository: a\ntag: 'v1'\n", set: "a:" + tag, want: "repository: a\ntag: '" + tag + "'\n"})
		check(t, sample{file: "values.yaml", src: "repository: a\ntag: >-\n  v1\n", set: "a:" + tag, want: "repository: a\ntag: >-\n  " + tag + "\n"})
		check(t, sample{file: "values.yaml", src: "image: a:v1\n", set: "a:" + tag, want: "image: a:" + tag + "\n"})
	}
	for _, tag := range []string{"v1", "1.2.3", "1.2-alpine", "abc", "a1e3", "2024-01-01-abc", "1.2.3_4", "nope", "latest", "_1", "0xZZ", "6063f25"} {
		check(t, sample{file: "values.yaml", src: "repository: a\ntag: v0\n", set: "a:" + tag, want: "repository: a\ntag: " + tag + "\n"})
	}
}

// TestNumbersAreReadAsWritten finds tags that a parser takes for numbers.
func TestNumbersAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"1.10", "0123", "1e3", "on", "2024-01-01", "0x1F"} {
		found, err := manifest.Find("values.yaml", []byte("repository: a\ntag: "+tag+"\n"))
		if err != nil || len(found) != 1 || found[0].Image.Tag != tag {
			t.Errorf("tag: %s is found as %+v, %v", tag, found, err)
		}
	}
}
