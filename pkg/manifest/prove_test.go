package manifest

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// TestProve gives the proof results that differ from the source in more than the
// version, as an edit at a wrong place would.
func TestProve(t *testing.T) {
	t.Parallel()
	const src = "# head\na: &x [1, 'b'] # line\nimage: nginx:1 # c\ny: &y {}\nuse: *x\n# foot\n---\nz: |-\n  text\n"
	tests := []struct{ name, old, new, reason string }{
		{"the version", "nginx:1", "nginx:2", ""},
		{"another value", "text", "test", `would read as "test"`},
		{"a key", "use:", "uses:", `would read as "uses"`},
		{"quotes", "'b'", "\"b\"", "would read as"},
		{"a type", "[1,", "[\"1\",", "would read as"},
		{"an anchor", "&x", "&z", "would not parse"},
		{"another alias", "*x", "*y", `would read as "y"`},
		{"a comment", "# line", "# lime", "a comment would change"},
		{"a document", "---\n", "", "another number of documents"},
		{"a place", "use: *x", "use:  *x", "would move"},
		{"an item", "'b']", "'b', c]", "would read as"},
		{"a block", "|-", ">-", "would read as"},
		{"a broken file", "[1", "]1", "would not parse"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, err := read("x.yaml", []byte(src))
			if err != nil {
				t.Fatal(err)
			}
			sp := s.replaceForTest(t, "nginx:1", "nginx:2")
			out := s.splice([]splice{sp})
			if test.reason != "" {
				out = []byte(strings.Replace(string(out), test.old, test.new, 1))
			}
			_, err = s.prove([]splice{sp}, out)
			if test.reason == "" && err != nil || test.reason != "" && (err == nil || !strings.Contains(err.Error(), test.reason)) {
				t.Errorf("error %v, want %q", err, test.reason)
			}
		})
	}
}

// TestProveWrongPlace makes the edit at every wrong place that there is: from every
// byte to every other. Only the right one may pass.
func TestProveWrongPlace(t *testing.T) {
	t.Parallel()
	const src = "# é\na: &x [1, 'b'] # c\nimage: nginx:1 # d\nuse: *x\n---\nz: |-\n  é\n"
	proved := 0
	for start := range len(src) + 1 {
		for end := start; end <= len(src); end++ {
			s, err := read("x.yaml", []byte(src))
			if err != nil {
				t.Fatal(err)
			}
			sp := s.replaceForTest(t, "nginx:1", "nginx:2")
			right := sp.start == start && sp.end == end
			sp.start, sp.end = start, end
			if _, err = s.prove([]splice{sp}, s.splice([]splice{sp})); right != (err == nil) {
				t.Errorf("bytes %d to %d, %q: error %v", start, end, src[start:end], err)
			}
			proved++
		}
	}
	t.Logf("%d places", proved)
}

// FuzzAmbiguous asks another parser, one of YAML 1.1, for texts that it does not read
// as strings.
func FuzzAmbiguous(f *testing.F) {
	for _, seed := range []string{"1.10", "1e3", "0x1F", "0b-1", "1_000", "on", "y", "2024-01-01", "2001-01-01T00:00:00Z", "12:30:45", ".5", "._1", "1.4.2", "v1", "0o7", "1:2", "NaN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if plainSafe.MatchString(text) && yaml.IsValueNonString(text) && !ambiguous(text) {
			t.Errorf("%q is no string in YAML 1.1", text)
		}
	})
}

// replaceForTest returns the splice that gives the scalar with a text another one.
func (s *source) replaceForTest(t *testing.T, old, text string) splice {
	t.Helper()
	var found *yaml.Node
	for _, n := range scalarsIn(s.docs) {
		if n.Value == old {
			found = n
		}
	}
	sp, err := s.write(assignment{pair: pair{value: found, raw: found}, text: text})
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func scalarsIn(nodes []*yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	for _, n := range nodes {
		if n.Kind == yaml.ScalarNode {
			all = append(all, n)
		}
		all = append(all, scalarsIn(n.Content)...)
	}
	return all
}

// TestPositions converts offsets of texts with every kind of line break and
// character to positions and back.
func TestPositions(t *testing.T) {
	t.Parallel()
	part := rapid.SampledFrom([]string{"a", "é", "日", "😀", "\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029", "\u00C2", " ", strings.Repeat("x", 300), strings.Repeat("ü", 300)})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 0, 30).Draw(t, "parts"), "")
		l := newLines([]byte(text))
		line, column := 1, 1
		for off, r := range text {
			if gotLine, gotColumn := l.position(off); gotLine != line || gotColumn != column {
				t.Fatalf("%q: byte %d is at %d:%d, want %d:%d", text, off, gotLine, gotColumn, line, column)
			}
			if got, ok := l.offset(line, column); !ok || got != off {
				t.Fatalf("%q: %d:%d is byte %d, %v, want %d", text, line, column, got, ok, off)
			}
			column++
			if strings.ContainsRune("\n\u0085\u2028\u2029", r) || r == '\r' && !strings.HasPrefix(text[off+1:], "\n") {
				line, column = line+1, 1
			}
		}
	})
}

// TestLocate finds every scalar of a file, or says that it cannot.
func TestLocate(t *testing.T) {
	t.Parallel()
	const src = "é: [a, 'b', \"c\", &x d, !!str e, &y !!str 'f']\n" +
		"? g\n: h # i\nj:\n  k\nl: |-\n\n  m\nl2: >- # c\n   n\n'o ö': \"p\"\n" +
		"bad: ['it''s', \"\\x41\", a\n  b, \"a\n  b\"]\n"
	for _, br := range []string{"\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029"} {
		s, err := read("x.yaml", []byte(strings.ReplaceAll(src, "\n", br)))
		if err != nil {
			t.Fatal(err)
		}
		spelled := ""
		for _, n := range scalarsIn(s.docs) {
			at, err := s.locate(n)
			if err != nil {
				spelled += "? "
				continue
			}
			if got := string(s.text[at.start:at.end]); got != n.Value {
				t.Errorf("%q is located at %q", n.Value, got)
			}
			spelled += n.Value + " "
		}
		// A block scalar that begins with a blank line has that line in its value.
		if want := "é a b c d e f g h j k l ? l2 n o ö p bad ? ? ? ? "; spelled != want {
			t.Errorf("with %q: %q, want %q", br, spelled, want)
		}
	}
}
