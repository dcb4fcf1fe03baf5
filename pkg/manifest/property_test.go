package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

const hole = "§" // where the version of the image goes in a generated file

// noise draws a few lines that have nothing to do with the image.
func noise(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"\n", "# comment: nginx:v1\n", "  \n", "k%d: v # c\n", "k%d: \"a\\tb\" \n", "k%d: 'it''s'\n", "k%d: |\n  nginx: nginx:v1\n\n  x\n",
		"k%d: >-\n  a\n  b\n", "k%d: [a, {b: c}, \"d\"]\n", "\"ké%d\": 日本 # é\n", "k%d:\n- a\n-   b\n", "k%d: &a%d {x: y}\n", "k%d: multi\n  line\n  plain\n",
		"k%d: {image: other/nginx:v1}\n", "k%d: {repository: ghcr.io/nginx, tag: v1}\n", "k%d: null\n", "k%d:\n", "? k%d\n: v\n", "k%d: !!str x\n",
	}).Draw(t, "noise")
}

// version draws a way to write a version.
func version(t *rapid.T) string {
	return rapid.SampledFrom([]string{hole, `"` + hole + `"`, "'" + hole + "'", "!!str " + hole, hole + " # v1", hole + "\t# nginx:v1", "   " + hole + "  "}).Draw(t, "version")
}

// shaped draws an image in one of the shapes.
func shaped(t *rapid.T) string {
	v := version(t)
	name := rapid.SampledFrom([]string{"nginx", "docker.io/nginx", "docker.io/library/nginx", "library/nginx"}).Draw(t, "name")
	return rapid.SampledFrom([]string{
		"i%d:\n  repository: " + name + "\n  tag: " + v + "\n",
		"i%d:\n    tag: " + v + "\n    # between\n    repository: \"" + name + "\"\n    pullPolicy: Always\n",
		"i%d:\n- {name: é, image: " + name + ":" + hole + "}\n",
		"i%d:\n  image: " + name + ":" + hole + "\n",
		"i%d:\n- - image: '" + name + ":" + hole + "' # c\n    name: x\n",
		"i%d:\n  image: &i%d \"" + name + ":" + hole + "\"\n  other: *i%d\n",
		"i%d:\n  image: >-\n    " + name + ":" + hole + "\n",
		"i%d: {repository: " + name + ", tag: '" + hole + "', digest: \"\"}\n",
		"i%d:\n  registry: docker.io\n  repository: library/nginx\n  tag: " + v + "\n",
	}).Draw(t, "shape")
}

// file draws a whole file with a hole for every version.
func file(t *rapid.T) string {
	var b strings.Builder
	n := 0
	for doc := range rapid.IntRange(1, 3).Draw(t, "documents") {
		if doc > 0 {
			b.WriteString(rapid.SampledFrom([]string{"---\n", "--- # é\n", "...\n---\n"}).Draw(t, "separator"))
		}
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			part := rapid.Custom(func(t *rapid.T) string {
				if rapid.Bool().Draw(t, "image") {
					return shaped(t)
				}
				return noise(t)
			}).Draw(t, "part")
			b.WriteString(strings.ReplaceAll(part, "%d", fmt.Sprint(n)))
			n++
		}
	}
	text := rapid.SampledFrom([]string{"", "# 日本\n", "\n\n"}).Draw(t, "head") + b.String()
	if rapid.Bool().Draw(t, "final break") {
		text = strings.TrimSuffix(text, "\n")
	}
	text = strings.ReplaceAll(text, "\n", rapid.SampledFrom([]string{"\n", "\n", "\r\n", "\r", "\u0085", "\u2028"}).Draw(t, "break"))
	return rapid.SampledFrom([]string{"", "\uFEFF"}).Draw(t, "mark") + text
}

// TestOnlyVersionsChange fills the holes of generated files: an edit must give the
// same bytes as writing the file with the new version, and the edit back the old.
func TestOnlyVersionsChange(t *testing.T) {
	t.Parallel()
	tag := rapid.StringMatching(`v[0-9]{1,3}(\.[0-9]{1,2}){0,2}(-[a-z]{1,5})?`)
	edited, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text, from, to := file(t), tag.Draw(t, "from"), tag.Draw(t, "to")
		before, after := strings.ReplaceAll(text, hole, from), strings.ReplaceAll(text, hole, to)
		out, edits, err := manifest.Set("x.yaml", []byte(before), setting("nginx", to), manifest.Options{})
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), "not valid YAML") {
				t.Fatal(err)
			}
			return
		}
		if diff := cmp.Diff(after, string(out)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		edited += len(edits)
		if len(edits) > 0 {
			checkSpans(t, before, out, edits)
		}
		back, _, err := manifest.Set("x.yaml", out, setting("nginx", from), manifest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, string(back)); diff != "" {
			t.Fatalf("back (-want +got):\n%s", diff)
		}
	})
	t.Logf("%d edits, %d files that are no YAML", edited, refused)
	if edited < 50 || refused > edited {
		t.Errorf("%d edits and %d refused files: the generator is no good", edited, refused)
	}
}

func setting(name, tag string) []image.Setting {
	return []image.Setting{{Match: name, New: image.Reference{Name: name, Tag: tag}}}
}
