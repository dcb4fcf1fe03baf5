package manifest_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/getpawl/pawl/pkg/manifest"
)

// TestCorpus makes the edit of every archive below testdata/manifest. An archive has
//
//	args       settings, and the options --add, --create, --digest-policy=POLICY and
//	           --field=PATH, which names a field for the image of the first setting,
//	           or --field=PATH=VALUE
//	file       the name of the file, in.yaml if it is not there
//	in.yaml    the file before
//	want.yaml  the file after, byte for byte; or
//	refuse     a part of the reason why the edit is refused
//
// The archives say nothing about pawl, so that other programs can be held to them.
func TestCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/manifest/*.txtar")
	if err != nil || len(files) < 250 {
		t.Fatalf("%d archives, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := readArchive(t, file)
			check(t, s)
			for name, variant := range variants() {
				if v := s; fits(name, v) {
					v.src, v.want = variant(v.src), variant(v.want)
					if s.want == "" {
						v.want = ""
					}
					if !t.Run(name, func(t *testing.T) { check(t, v) }) {
						t.Logf("%q", v.src)
					}
				}
			}
		})
	}
}

func readArchive(t *testing.T, file string) sample {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, part := range archive.Files {
		parts[part.Name] = string(part.Data)
	}
	_, edited := parts["want.yaml"]
	_, refused := parts["refuse"]
	if edited == refused || parts["in.yaml"] == "" || parts["args"] == "" {
		t.Fatal("the archive needs args, in.yaml, and want.yaml or refuse")
	}
	s := sample{name: file, file: "in.yaml", src: parts["in.yaml"], want: parts["want.yaml"], refused: strings.TrimSpace(parts["refuse"])}
	if name := strings.TrimSpace(parts["file"]); name != "" {
		s.file = name
	}
	if s.want == s.src {
		s.want = ""
	}
	s.options(t, strings.Fields(parts["args"]))
	return s
}

// options reads settings and options. Of an edit that adds or removes something, the
// way back is another one.
func (s *sample) options(t *testing.T, args []string) {
	t.Helper()
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch name {
		case "--add":
			s.opt.Add = true
		case "--create":
			s.opt.Create = true
		case "--digest-policy":
			policy, err := manifest.ParseDigestPolicy(value)
			if err != nil {
				t.Fatal(err)
			}
			s.opt.Digest = policy
		case "--field":
			path, text, fixed := strings.Cut(value, "=")
			field := manifest.Field{Path: path, Value: text}
			if !fixed {
				field.Name = parseSettings(t, s.set)[0].Match
			}
			s.opt.Fields = append(s.opt.Fields, field)
			s.once = s.once || fixed
		default:
			s.set += " " + arg
			s.once = s.once || strings.Contains(arg, "=")
		}
	}
	sameLength := strings.Count(s.src, "\n") == strings.Count(s.want, "\n") && strings.Count(s.src, `"`) == strings.Count(s.want, `"`)
	s.once = s.once || s.opt.Digest != manifest.Refuse || !sameLength
}
