package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

func TestFind(t *testing.T) {
	t.Parallel()
	src := strings.ReplaceAll(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: é
spec:
  template:
    spec:
      containers:
      - name: api
        image: "localhost:5000/api:v1@<A>"
      - {name: "é", image: nginx}
status: {image: nginx:v1}
---
image: &i app:v1
other: {image: *i}
worker: {<<: {repository: worker}, registry: quay.io, tag: v2, pullPolicy: *i}
pinned:
  repository: pinned
  tag: ''
  digest: <A>
a.b:
- sub: {repository: x/y, tag:    1.10}
---
- {op: replace, path: /spec/image, value: 'web:v3'}
`, "<A>", shaA)
	want := []manifest.Found{
		{Kind: manifest.Container, Path: "spec.template.spec.containers[0].image", Line: 10, Column: 36, Image: image.Reference{Name: "localhost:5000/api", Tag: "v1", Digest: shaA}},
		{Kind: manifest.Container, Path: "spec.template.spec.containers[1].image", Line: 11, Column: 28, Image: image.Reference{Name: "nginx"}},
		{Kind: manifest.Helm, Document: 1, Path: "image", Line: 14, Column: 15, Image: image.Reference{Name: "app", Tag: "v1"}, Alias: 2},
		{Kind: manifest.Helm, Document: 1, Path: "worker", Line: 16, Column: 60, Image: image.Reference{Name: "quay.io/worker", Tag: "v2"}},
		{Kind: manifest.Helm, Document: 1, Path: "pinned", Line: 20, Column: 11, Image: image.Reference{Name: "pinned", Digest: shaA}},
		{Kind: manifest.Helm, Document: 1, Path: `["a.b"][0].sub`, Line: 22, Column: 34, Image: image.Reference{Name: "x/y", Tag: "1.10"}},
		{Kind: manifest.Container, Document: 2, Path: "[0].value", Line: 24, Column: 48, Image: image.Reference{Name: "web", Tag: "v3"}},
	}
	for i := range want {
		want[i].File = "all.yaml"
	}
	got, err := manifest.Find("all.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFindKustomization(t *testing.T) {
	t.Parallel()
	src := strings.ReplaceAll(`images:
- name: a
- newName: b
  name: B_IMAGE
- name: c
  newTag: "1"
- name: d
  digest: <A>
- name: e
  newName: ghcr.io/e
  newTag: v1
  digest: <A>
- name: f
  tagSuffix: -x
- newTag: no name
- text
helmCharts:
- valuesInline: {image: {repository: g, tag: v1}}
`, "<A>", shaA)
	want := []manifest.Found{
		{Kind: manifest.Kustomize, Path: "images[0]", Line: 2, Column: 9, Name: "a", Image: image.Reference{Name: "a"}},
		{Kind: manifest.Kustomize, Path: "images[1]", Line: 3, Column: 12, Name: "B_IMAGE", Image: image.Reference{Name: "b"}},
		{Kind: manifest.Kustomize, Path: "images[2]", Line: 6, Column: 12, Name: "c", Image: image.Reference{Name: "c", Tag: "1"}},
		{Kind: manifest.Kustomize, Path: "images[3]", Line: 8, Column: 11, Name: "d", Image: image.Reference{Name: "d", Digest: shaA}},
		{Kind: manifest.Kustomize, Path: "images[4]", Line: 11, Column: 11, Name: "e", Image: image.Reference{Name: "ghcr.io/e", Tag: "v1", Digest: shaA}},
		{Kind: manifest.Kustomize, Path: "images[5]", Line: 13, Column: 9, Name: "f", Image: image.Reference{Name: "f"}},
		{Kind: manifest.Helm, Path: "helmCharts[0].valuesInline.image", Line: 18, Column: 46, Image: image.Reference{Name: "g", Tag: "v1"}},
	}
	for _, file := range []string{"kustomization.yaml", "a/b/kustomization.yml", "Kustomization", "by-content.yaml"} {
		for i := range want {
			want[i].File = file
		}
		got, err := manifest.Find(file, []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// TestFindOnce finds a reference once, in however many places it is read.
func TestFindOnce(t *testing.T) {
	t.Parallel()
	src := []byte("a: &a {repository: x, tag: v1}\nb: *a\nc: {<<: *a}\nd: {<<: [*a], e: f}\ng: &g {image: &i y:v1}\nh: {image: *i}\nj: {<<: *g}\n")
	got, err := manifest.Find("values.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	want := []manifest.Found{
		{Kind: manifest.Helm, File: "values.yaml", Path: "a", Line: 1, Column: 28, Image: image.Reference{Name: "x", Tag: "v1"}, Alias: 3},
		{Kind: manifest.Helm, File: "values.yaml", Path: "g.image", Line: 5, Column: 20, Image: image.Reference{Name: "y", Tag: "v1"}, Alias: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFindFields(t *testing.T) {
	t.Parallel()
	src := []byte("server: {version: v1}\nimage: {repository: nginx, tag: v1}\n")
	got, err := manifest.Find("values.yaml", src,
		manifest.Field{Path: "server.version", Name: "ghcr.io/acme/api"},
		manifest.Field{Path: "image.tag", Name: "nginx"},
		manifest.Field{Path: "not.there", Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	want := []manifest.Found{
		{Kind: manifest.Explicit, File: "values.yaml", Path: "server.version", Line: 1, Column: 19, Image: image.Reference{Name: "ghcr.io/acme/api", Tag: "v1"}},
		{Kind: manifest.Helm, File: "values.yaml", Path: "image", Line: 2, Column: 33, Image: image.Reference{Name: "nginx", Tag: "v1"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEditSaysWhatItDid(t *testing.T) {
	t.Parallel()
	src := []byte("images:\n- name: a\n  newTag: v1\n- name: b # last\n")
	_, edits, err := manifest.Set("kustomization.yaml", src, parseSettings(t, "a:v2 x=c:v3 b:v4"), manifest.Options{Add: true})
	if err != nil {
		t.Fatal(err)
	}
	entry := func(path string, line, column int, name, tag string) manifest.Found {
		return manifest.Found{Kind: manifest.Kustomize, File: "kustomization.yaml", Path: path, Line: line, Column: column, Name: name, Image: image.Reference{Name: name, Tag: tag}}
	}
	edit := func(found manifest.Found, next image.Reference, spans ...manifest.Span) manifest.Edit {
		return manifest.Edit{Found: found, New: next, Span: spans[0], Spans: spans}
	}
	want := []manifest.Edit{
		edit(entry("images[0]", 3, 11, "a", "v1"), image.Reference{Name: "a", Tag: "v2"}, manifest.Span{Start: 28, End: 30, Text: "v2"}),
		edit(entry("images[1]", 4, 9, "b", ""), image.Reference{Name: "b", Tag: "v4"}, manifest.Span{Start: 47, End: 47, Text: "\n  newTag: v4"}),
		edit(entry("images[2]", 8, 11, "x", ""), image.Reference{Name: "c", Tag: "v3"}, manifest.Span{Start: 47, End: 47, Text: "\n- name: x\n  newName: c\n  newTag: v3"}),
	}
	if diff := cmp.Diff(want, edits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEditSaysEverySpan changes a name, a tag and a digest, each in a place of its own.
func TestEditSaysEverySpan(t *testing.T) {
	t.Parallel()
	src := "\uFEFFdigest: " + shaA + "\ntag: v1\nrepository: a\n"
	_, edits, err := manifest.Set("values.yaml", []byte(src), parseSettings(t, "a=b:v2@"+shaB), manifest.Options{})
	if err != nil || len(edits) != 1 {
		t.Fatalf("%+v, %v", edits, err)
	}
	var got []string
	for _, span := range edits[0].Spans {
		got = append(got, src[span.Start:span.End]+" → "+span.Text)
	}
	if diff := cmp.Diff([]string{shaA + " → " + shaB, "v1 → v2", "a → b"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if edits[0].Span != edits[0].Spans[1] {
		t.Errorf("the version is at %+v", edits[0].Span)
	}
}

// TestSkip sets one of two references, which is chosen among those that were found.
func TestSkip(t *testing.T) {
	t.Parallel()
	src := "images:\n- name: a\n  newTag: v1\nhelmCharts:\n- valuesInline: {image: 'a:v1'}\n"
	found, err := manifest.Find("kustomization.yaml", []byte(src))
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for i, chosen := range found {
		out, edits, err := manifest.Set("kustomization.yaml", []byte(src), parseSettings(t, "a:v2"), manifest.Options{
			Add: true, Skip: func(f manifest.Found) bool { return f != chosen },
		})
		want := []string{strings.Replace(src, "newTag: v1", "newTag: v2", 1), strings.Replace(src, "a:v1", "a:v2", 1)}[i]
		if err != nil || string(out) != want || len(edits) != 1 || edits[0].Found != chosen {
			t.Errorf("only %s: %v, %+v\n%s", chosen.Path, err, edits, out)
		}
	}
}

func TestMentions(t *testing.T) {
	t.Parallel()
	settings := parseSettings(t, "ghcr.io/acme/api:v1 OLD=ghcr.io/acme/web:v1")
	for src, want := range map[string]bool{
		"image: ghcr.io/acme/api:v0": true,
		"repository: acme/api":       true,
		"name: OLD":                  true,
		"image: ghcr.io/acme/web:v0": false,
		"image: nginx":               false,
		"":                           false,
	} {
		if got := manifest.Mentions([]byte(src), settings); got != want {
			t.Errorf("Mentions(%q) = %v", src, got)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	found := manifest.Found{Name: "app", Image: image.Reference{Name: "ghcr.io/acme/app"}}
	for text, want := range map[string]bool{
		"app:v1": true, "docker.io/library/app:v1": true, "ghcr.io/acme/app:v1": true, "acme/app:v1": false, "app=x:v1": true, "x=app:v1": false,
	} {
		if got := found.Matches(parseSettings(t, text)[0]); got != want {
			t.Errorf("Matches(%s) = %v", text, got)
		}
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	key := func(k string) manifest.Step { return manifest.Step{Key: k} }
	item := func(i int) manifest.Step { return manifest.Step{Index: i, Item: true} }
	tests := map[string]manifest.Path{
		"a":                     {key("a")},
		"a.b-c_d/e":             {key("a"), key("b-c_d/e")},
		"images[0].tag":         {key("images"), item(0), key("tag")},
		"[1][2]":                {item(1), item(2)},
		`a["b.c"].d`:            {key("a"), key("b.c"), key("d")},
		`["[0]"]["\"\u00e9\n"]`: {key("[0]"), key("\"é\n")},
		`[""]`:                  {key("")},
	}
	for text, want := range tests {
		got, err := manifest.ParsePath(text)
		if err != nil {
			t.Errorf("ParsePath(%q): %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParsePath(%q) (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"", ".", "a.", ".a", "a..b", "a.[0]", "a[", "a[x]", "a[-1]", "a[0]b", `a["b]`, `a["b"`, "a]b", `a"b`, "a[99999999999]"} {
		if got, err := manifest.ParsePath(text); err == nil {
			t.Errorf("ParsePath(%q) = %v, want an error", text, got)
		}
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	tests := map[string]manifest.Problem{
		"a.yaml: why":     {File: "a.yaml", Reason: "why"},
		"a.yaml:2: why":   {File: "a.yaml", Line: 2, Reason: "why"},
		"a.yaml:2:3: why": {File: "a.yaml", Line: 2, Column: 3, Reason: "why"},
	}
	for want, problem := range tests {
		if got := problem.Error(); got != want {
			t.Errorf("%+v: %s", problem, got)
		}
	}
}

func TestDigestPolicy(t *testing.T) {
	t.Parallel()
	for _, policy := range []manifest.DigestPolicy{manifest.Refuse, manifest.Drop, manifest.Keep} {
		if got, err := manifest.ParseDigestPolicy(policy.String()); err != nil || got != policy {
			t.Errorf("%v reads as %v, %v", policy, got, err)
		}
	}
	if _, err := manifest.ParseDigestPolicy("maybe"); err == nil {
		t.Error("maybe is no policy")
	}
}
