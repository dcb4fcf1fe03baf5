package manifest_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

func seed(f *testing.F) {
	f.Helper()
	for _, s := range allSamples() {
		f.Add(s.fileName(), []byte(s.src))
	}
}

// FuzzFind wants no panic, and that whatever is found is in the file.
func FuzzFind(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, file string, src []byte) {
		kept := bytes.Clone(src)
		found, err := manifest.Find(file, src)
		if !bytes.Equal(kept, src) {
			t.Fatal("Find changed its input")
		}
		if err != nil {
			isProblem(t, err)
			return
		}
		for _, ref := range found {
			if ref.Line < 1 || ref.Column < 1 || ref.Path == "" || ref.Image.Name == "" {
				t.Fatalf("%+v", ref)
			}
		}
	})
}

func isProblem(t *testing.T, err error) {
	t.Helper()
	var problem *manifest.Problem
	if !errors.As(err, &problem) {
		t.Fatalf("%v is no Problem", err)
	}
}

// FuzzSet sets versions in any bytes. If there is a result, another parser must see
// the same file but for the texts that the settings brought.
func FuzzSet(f *testing.F) {
	for _, s := range allSamples() {
		f.Add(s.fileName(), []byte(s.src), uint8(0))
		f.Add(s.fileName(), []byte(s.src), uint8(7))
		f.Add(s.fileName(), []byte(s.src), uint8(24))
	}
	f.Add("app.yaml", []byte("apiVersion: argoproj.io/v1\nkind: A\nspec:\n    helm:\n      values: |1  # é\n        image:\n         a"), uint8(0))
	settings := []image.Setting{
		{Match: "nginx", New: image.Reference{Name: "nginx", Tag: "9.10"}},
		{Match: "a", New: image.Reference{Name: "a", Tag: "9.11", Digest: shaB}},
		{Match: "b", New: image.Reference{Name: "b", Digest: shaB}},
		{Match: "x/y", New: image.Reference{Name: "ghcr.io/x/y", Tag: "v9"}},
		{Match: "web", New: image.Reference{Name: "web", Tag: "9.10"}},
		{Match: "ghcr.io/acme/web", New: image.Reference{Name: "ghcr.io/acme/web", Tag: "9.10"}},
	}
	f.Fuzz(func(t *testing.T, file string, src []byte, flags uint8) {
		opt := manifest.Options{Add: flags&1 != 0, Digest: manifest.DigestPolicy(flags >> 1 & 3 % 3), Create: flags&16 != 0}
		if flags&8 != 0 {
			opt.Fields = []manifest.Field{{Path: "server.version", Name: "a"}, {Path: "images[0].tag", Value: "9.12"}}
		}
		kept := bytes.Clone(src)
		out, edits, err := manifest.Set(file, src, settings, opt)
		if !bytes.Equal(kept, src) {
			t.Fatal("Set changed its input")
		}
		if err != nil {
			isProblem(t, err)
			return
		}
		if bytes.Equal(src, out) != (len(edits) == 0) {
			t.Fatalf("%d edits, but the bytes say otherwise", len(edits))
		}
		compare(t, src, out)
		again, edits, err := manifest.Set(file, out, settings, opt)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("the same edit again: %v, %+v\n%s\n%s", err, edits, out, again)
		}
	})
}

// compare parses both texts with the parser that the rest of pawl uses.
func compare(t *testing.T, src, out []byte) {
	t.Helper()
	was, err := scalarsOf(src)
	if err != nil {
		return // the parsers disagree on broken files
	}
	is, err := scalarsOf(out)
	if err != nil {
		t.Fatalf("the result does not parse: %v\n%s", err, out)
	}
	gone, added := difference(was, is), difference(is, was)
	for text := range added {
		if !wrote(text) {
			t.Fatalf("%q was added\n%s\n%s", text, src, out)
		}
	}
	for text := range gone {
		if strings.ContainsAny(text, "\n") {
			t.Fatalf("%q is gone\n%s\n%s", text, src, out)
		}
	}
}

// wrote reports whether a text is one that an edit may write.
func wrote(text string) bool {
	if _, override, found := strings.Cut(text, "="); found && wrote(override) {
		return true
	}
	switch text {
	case "version", "tag", "server", "web", "ghcr.io/acme/web", "ghcr.io/x", "y",
		"", "9.10", "9.11", "9.12", "v9", "images", "name", "newName", "newTag", "digest", "nginx", "a", "b", "x/y", "ghcr.io/x/y", "ghcr.io", "docker.io", shaB, hexB:
		return true
	}
	for _, suffix := range []string{":9.10", ":9.10@" + shaA, "9.11@" + shaB, "@" + shaB, "ghcr.io/x/y:v9"} {
		if strings.HasSuffix(text, suffix) {
			return true
		}
	}
	ref, err := image.Parse(text) // with a digest that the policy keeps
	return err == nil && (ref.Tag == "9.10" || ref.Tag == "v9") || strings.HasPrefix(text, "9.10@") || strings.HasPrefix(text, "v9@")
}

func scalarsOf(src []byte) (map[string]int, error) {
	texts := map[string]int{}
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if inner := textsOf(n); inner != nil {
			for text, count := range inner {
				texts[text] += count
			}
		} else if n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode {
			texts[n.Value]++
		}
		for _, child := range n.Content {
			visit(child)
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return texts, nil
		}
		if err != nil {
			return nil, err
		}
		visit(&doc)
	}
}

// textsOf returns the scalars of a text that is YAML of its own: a patch, values.
func textsOf(n *yaml.Node) map[string]int {
	if n.Kind != yaml.ScalarNode || !strings.Contains(n.Value, ": ") && !strings.Contains(n.Value, ":\n") || len(n.Value) > 1<<16 {
		return nil
	}
	inner, err := scalarsOf([]byte(n.Value))
	if err != nil || len(inner) < 2 {
		return nil
	}
	return inner
}

func difference(a, b map[string]int) map[string]int {
	more := map[string]int{}
	for text, n := range a {
		if n > b[text] {
			more[text] = n - b[text]
		}
	}
	return more
}

// FuzzParsePath reads any path, and a field at it in any file: what it leads to is
// what changes, and nothing else.
func FuzzParsePath(f *testing.F) {
	for _, path := range []string{"a", "a.b-c_d/e", "images[0].tag", "[1][2]", `a["b.c"].d`, `["[0]"]["\"\u00e9\n"]`, `[""]`, "a..b", "a[-1]", `a["b]`, "a[99999999999]", "server.version"} {
		f.Add(path, "5", []byte("server: {version: 3}\na: [[b, 1.5], {'b.c': {d: true}}]\nimages: [{tag: x}]\n"), true)
		f.Add(path, "on", []byte("server:\n  version: 'é' # c\na:\n- b\n- - c\n  - d\n"), false)
	}
	f.Fuzz(func(t *testing.T, text, value string, src []byte, create bool) {
		path, err := manifest.ParsePath(text)
		if err == nil {
			if again := pathText(path); !samePath(t, again, path) {
				t.Fatalf("%q reads as %v, which reads otherwise when it is written as %q", text, path, again)
			}
		}
		opt := manifest.Options{Fields: []manifest.Field{{Path: text, Value: value}}, Create: create}
		out, edits, setErr := manifest.Set("x.yaml", src, nil, opt)
		if setErr != nil {
			isProblem(t, setErr)
			return
		}
		if err != nil {
			t.Fatalf("the path %q, which is none (%v), was set", text, err)
		}
		checkSpans(t, string(src), out, edits)
		again, edits, setErr := manifest.Set("x.yaml", out, nil, opt)
		if value != "" && (setErr != nil || !bytes.Equal(out, again) || len(edits) > 0) {
			t.Fatalf("the same edit again: %v, %+v\n%q\n%q", setErr, edits, out, again)
		}
	})
}

// pathText writes a path with every key in quotes.
func pathText(path manifest.Path) string {
	var b strings.Builder
	for _, step := range path {
		if step.Item {
			b.WriteString("[" + strconv.Itoa(step.Index) + "]")
		} else {
			b.WriteString("[" + strconv.Quote(step.Key) + "]")
		}
	}
	return b.String()
}

func samePath(t *testing.T, text string, want manifest.Path) bool {
	t.Helper()
	got, err := manifest.ParsePath(text)
	// A key that is not UTF-8 cannot be in a file, and is not written in quotes as it is.
	return slices.ContainsFunc(want, func(s manifest.Step) bool { return !utf8.ValidString(s.Key) }) || err == nil && slices.Equal(got, want)
}
