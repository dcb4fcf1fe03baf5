package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, test := range []struct {
		name, src string
		want      []string
		problem   string
	}{
		{name: "texts", src: "- ghcr.io/acme/api:1.4.2\n- ghcr.io/acme/web:2.1.0\n", want: []string{"ghcr.io/acme/api:1.4.2", "ghcr.io/acme/web:2.1.0"}},
		{name: "mappings", src: "- {image: acme/api, tag: 1.4.2}\n- image: acme/web\n  digest: " + digest + "\n", want: []string{"acme/api:1.4.2", "acme/web@" + digest}},
		{name: "both", src: "- {image: acme/api, tag: v1, digest: \"" + digest + "\"}\n- acme/web\n", want: []string{"acme/api:v1@" + digest, "acme/web"}},
		{name: "json", src: `["acme/api:1", {"image": "acme/web", "tag": "2.0"}]`, want: []string{"acme/api:1", "acme/web:2.0"}},
		{name: "json with tabs", src: "[\n\t{\n\t\t\"image\": \"acme\\/api\",\t\"tag\": \"1\"\n\t}\n]", want: []string{"acme/api:1"}},
		{name: "json text with a quote", src: `["acme\"/api:1"]`, want: []string{`acme"/api:1`}},
		{name: "number for a tag", src: "- {image: acme/api, tag: 1.10}\n", problem: `list:1:26: [0].tag: this must be text; put "1.10" in quotes`},
		{name: "unknown key", src: "- {image: acme/api, tags: \"1\"}\n", problem: `list:1:21: [0]: there is no key "tags"; the keys here are image, tag, digest`},
		{name: "no image", src: "- {tag: \"1\"}\n", problem: `list:1:3: [0]: the key "image" is missing`},
		{name: "bad digest", src: "- {image: acme/api, digest: sha256:12}\n", problem: `list:1:29: [0].digest: "sha256:12": this is not a digest`},
		{name: "bad tag", src: "- {image: acme/api, tag: a b}\n", problem: `list:1:26: [0].tag: "a b": `},
		{name: "twice", src: "- acme/api:1\n- acme/api:1\n", problem: "list:2:3: [1]: this image is in the list already, on line 1"},
		{name: "empty", src: "", problem: "list:1:1: the file is empty; it needs a list of images"},
		{name: "empty list", src: "[]", problem: "list:1:1: the list is empty"},
		{name: "no list", src: "image: acme/api\n", problem: "list:1:1: this must be a list (- item), not a mapping"},
		{name: "nested", src: "- [acme/api]\n", problem: "list:1:3: [0]: this must be a mapping"},
		{name: "alias", src: "- &a acme/api:1\n- *a\n", problem: "anchors and aliases are not supported"},
		{name: "two documents", src: "- acme/api:1\n---\n- acme/web:1\n", problem: "list:2:1: a second YAML document begins here"},
		{name: "too many", src: manyImages(maxImages + 1), problem: "pawl reads at most 500"},
		{name: "too large", src: "- " + strings.Repeat("a", maxBytes), problem: "pawl reads at most"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			list, err := ParseList("list", []byte(test.src))
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), test.problem) {
					t.Fatalf("got %v, want %q", err, test.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, each := range list {
				got = append(got, each.Text)
			}
			if strings.Join(got, " ") != strings.Join(test.want, " ") {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func manyImages(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "- acme/api%d:1\n", i)
	}
	return b.String()
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte(`["acme/api:1", {"image": "acme\/web", "tag": "2.0"}]`))
	f.Add([]byte("- acme/api:1\n- {image: acme/web, digest: x}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		list, err := ParseList("list", src)
		if err == nil && len(list) == 0 {
			t.Error("an empty list was accepted")
		}
	})
}
