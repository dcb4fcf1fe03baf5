package git

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
)

// store is a repository whose objects are the source.
type store struct {
	t   testing.TB
	dir string
}

func newStore(t testing.TB) store {
	t.Helper()
	dir := t.TempDir()
	runGit(t, dir, "", "init", "-q")
	return store{t, dir}
}

func (s store) objects() *Objects {
	s.t.Helper()
	git, err := findProgram(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return newObjects(newDatabase(git), nil)
}

// write puts what was made into the repository.
func (s store) write(objects *Objects, old, sha string) {
	s.t.Helper()
	from, _ := parseHash(old)
	to, _ := parseHash(sha)
	fresh, err := objects.since(from, to)
	if err != nil {
		s.t.Fatal(err)
	}
	pack, err := objects.pack(fresh, true)
	if err != nil {
		s.t.Fatal(err)
	}
	runGit(s.t, s.dir, string(pack), "unpack-objects", "-q", "--strict")
}

// A splice gives the very tree that git makes of the same change.
func TestCommitMakesGitsTree(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	base := fastImport(t, s.dir, "main", map[string]string{
		"a.txt": "a", "a/b/c.yaml": "1", "a/b/d.yaml": "2", "a-b": "x", "a0": "y", "run.sh|100755": "#!", "z/z": "z",
		"link|120000": "a.txt", "module|160000": strings.Repeat("12", 20),
	})
	for name, changes := range map[string][]Change{
		"one file":            {{Path: "a/b/c.yaml", Content: []byte("3")}},
		"two in one folder":   {{Path: "a/b/d.yaml", Content: []byte("4")}, {Path: "a/b/c.yaml", Content: []byte("3")}},
		"at the top":          {{Path: "a.txt", Content: []byte("b")}},
		"executable":          {{Path: "run.sh", Content: []byte("#!/bin/sh")}},
		"empty":               {{Path: "a.txt"}},
		"new first":           {{Path: "0", Content: []byte("n")}},
		"new last":            {{Path: "zz", Content: []byte("n")}},
		"new before a folder": {{Path: "a-", Content: []byte("n")}},
		"new after a folder":  {{Path: "a.", Content: []byte("n")}, {Path: "a1", Content: []byte("n")}},
		"new folders":         {{Path: "a!/x", Content: []byte("n")}, {Path: "a1/y/z", Content: []byte("n")}, {Path: "a1/y!", Content: []byte("n")}},
		"new in a folder":     {{Path: "a/b/cc", Content: []byte("n")}, {Path: "a/b.yaml", Content: []byte("n")}},
		"backslashless utf-8": {{Path: "ü/ö.yaml", Content: []byte("n")}},
		"much":                {{Path: "z/z", Content: bytes.Repeat([]byte("0123456789"), 10_000)}},
	} {
		objects := s.objects()
		sha, err := objects.Commit(base, changes, message(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.write(objects, base, sha)
		runGit(t, s.dir, "", "read-tree", base)
		for _, change := range changes {
			blob := runGit(t, s.dir, string(change.Content), "hash-object", "-w", "--stdin")
			mode := "100644"
			if change.Path == "run.sh" {
				mode = "100755"
			}
			runGit(t, s.dir, "", "update-index", "--add", "--cacheinfo", mode+","+blob+","+change.Path)
		}
		if got, want := runGit(t, s.dir, "", "rev-parse", sha+"^{tree}"), runGit(t, s.dir, "", "write-tree"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, runGit(t, s.dir, "", "ls-tree", "-r", got), runGit(t, s.dir, "", "ls-tree", "-r", want))
		}
		if got := runGit(t, s.dir, "", "rev-parse", sha+"^"); got != base {
			t.Errorf("%s: the parent is %s", name, got)
		}
		if out := runGit(t, s.dir, "", "fsck", "--strict", "--no-dangling", sha); strings.Contains(out, "error") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

func TestCommitWithoutAChange(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	base := fastImport(t, s.dir, "main", sampleFiles)
	for name, changes := range map[string][]Change{
		"none": nil,
		"same": {{Path: "README.md", Content: []byte("# config\n")}, {Path: "base/app.yaml", Content: []byte("image: app:1\n")}},
	} {
		sha, err := s.objects().Commit(base, changes, Message{})
		if err != nil || sha != base {
			t.Errorf("%s: %s, %v", name, sha, err)
		}
	}
}

func TestCommitRefusesPaths(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	base := fastImport(t, s.dir, "main", map[string]string{
		"file": "x", "folder/inner": "y", "link|120000": "folder", "module|160000": strings.Repeat("12", 20),
	})
	for _, path := range []string{
		"", ".", "..", "/", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "./a", "folder/..", `..\x`, `a\b`, "a\x00b",
		".git", ".git/config", "a/.git/hooks/post-checkout", ".GIT/config", ".Git", ".git.", ".git ", ".git. .", "git~1/x", "GIT~1",
		".g\u200cit/config", ".git\u200d", "\ufeff.git/x", ".git::$INDEX_ALLOCATION/x", ".git:x",
		"link", "link/x", "module", "module/x", "file/x", "folder", "Folder/x", "FILE", "fOLDER/inner", "Link",
		strings.Repeat("a/", 3000) + "a",
	} {
		sha, err := s.objects().Commit(base, []Change{{Path: path, Content: []byte("z")}}, message("x"))
		if err == nil || !strings.HasPrefix(err.Error(), "committing: ") {
			t.Errorf("%q: made %s, %v", path, sha, err)
		}
	}
	for path, want := range map[string]string{"link": "a symbolic link", "link/x": "a symbolic link", "module/x": "a submodule", "file/x": "a file", "folder": "a folder"} {
		if _, err := s.objects().Commit(base, []Change{{Path: path}}, message("x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for name, changes := range map[string][]Change{
		"twice":           {{Path: "file", Content: []byte("1")}, {Path: "file", Content: []byte("2")}},
		"file and folder": {{Path: "new", Content: []byte("1")}, {Path: "new/x", Content: []byte("2")}},
		"folder and file": {{Path: "new/x", Content: []byte("1")}, {Path: "new", Content: []byte("2")}},
	} {
		if _, err := s.objects().Commit(base, changes, message("x")); err == nil {
			t.Errorf("%s: passed", name)
		}
	}
}

// rawTree writes a tree that git itself would not make any more.
func rawTree(t *testing.T, dir string, entries ...entry) string {
	t.Helper()
	var data []byte
	for _, e := range entries {
		data = e.append(data)
	}
	tree := runGit(t, dir, string(data), "hash-object", "-t", "tree", "-w", "--stdin", "--literally")
	return runGit(t, dir, "", "commit-tree", "-m", "raw", tree)
}

func TestCommitKeepsOddModes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	blob := plumbing.NewHash(runGit(t, s.dir, "old", "hash-object", "-w", "--stdin"))
	base := rawTree(t, s.dir, entry{mode: 0o100664, name: "a", id: blob}, entry{mode: 0o100600, name: "b", id: blob}, entry{mode: 0o100775, name: "c", id: blob})
	objects := s.objects()
	sha, err := objects.Commit(base, []Change{{Path: "a", Content: []byte("new")}, {Path: "c", Content: []byte("new")}}, message("x"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := objects.Files(sha, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, file := range files {
		got = append(got, fmt.Sprintf("%o %s %v", file.Mode, file.Path, file.Blob == blob.String()))
	}
	if diff := cmp.Diff([]string{"100664 a false", "100600 b true", "100775 c false"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCommitOnABrokenTree(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	blob := plumbing.NewHash(runGit(t, s.dir, "old", "hash-object", "-w", "--stdin"))
	file := func(name string) entry { return entry{mode: 0o100644, name: name, id: blob} }
	twice := rawTree(t, s.dir, file("a"), file("a"), file("b"))
	if _, err := s.objects().Commit(twice, []Change{{Path: "a", Content: []byte("new")}}, message("x")); err == nil {
		t.Error("one of two entries of the same name was changed")
	}
	if _, err := s.objects().Commit(twice, []Change{{Path: "b", Content: []byte("new")}}, message("x")); err != nil {
		t.Errorf("another entry: %v", err)
	}
	unsorted := rawTree(t, s.dir, file("b"), file("a"))
	if _, err := s.objects().Commit(unsorted, []Change{{Path: "c", Content: []byte("new")}}, message("x")); err == nil {
		t.Error("an entry was added to an unsorted tree")
	}
	if _, err := s.objects().Commit(unsorted, []Change{{Path: "a", Content: []byte("new")}}, message("x")); err != nil {
		t.Errorf("a change within an unsorted tree: %v", err)
	}
}

func TestCommitText(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	base := fastImport(t, s.dir, "main", sampleFiles)
	objects := s.objects()
	sha, err := objects.Commit(base, []Change{{Path: "README.md", Content: []byte("new\n")}}, Message{
		Subject:  "bump app to 2 ",
		Body:     "\nTwo lines,\r\nof text.  \n\nKey: not a trailer here\n\n",
		Trailers: []Trailer{{"Bump-Key", "run 17/api"}, {"Pawl-Image", "ghcr.io/acme/api:2@sha256:00"}},
		Author:   someone, Committer: Signature{Name: "CI", Email: "", When: time.Unix(1, 0).UTC()},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.write(objects, base, sha)
	tree := runGit(t, s.dir, "", "rev-parse", sha+"^{tree}")
	want := "tree " + tree + "\nparent " + base + `
author Ada <ada@example.com> 1750000000 +0200
committer CI <> 1 +0000

bump app to 2

Two lines,
of text.

Key: not a trailer here

Bump-Key: run 17/api
Pawl-Image: ghcr.io/acme/api:2@sha256:00
`
	got, err := tryGit(t, s.dir, "", "cat-file", "commit", sha)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	trailers := runGit(t, s.dir, "", "log", "-1", "--format=%(trailers)", sha)
	if diff := cmp.Diff("Bump-Key: run 17/api\nPawl-Image: ghcr.io/acme/api:2@sha256:00\n", trailers); diff != "" {
		t.Error(diff)
	}
}

func TestCommitRefusesMessages(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	base := fastImport(t, s.dir, "main", sampleFiles)
	for name, spoil := range map[string]func(*Message){
		"no subject":           func(m *Message) { m.Subject = " " },
		"two subjects":         func(m *Message) { m.Subject = "a\nb" },
		"escape":               func(m *Message) { m.Subject = "a\x1b[31m" },
		"not UTF-8":            func(m *Message) { m.Subject = "a\xff" },
		"escape in the body":   func(m *Message) { m.Body = "a\x1b[31m" },
		"NUL in the body":      func(m *Message) { m.Body = "a\x00" },
		"return in the body":   func(m *Message) { m.Body = "a\rb" },
		"newline in a trailer": func(m *Message) { m.Trailers = []Trailer{{"Key", "a\nOther: b"}} },
		"line separator":       func(m *Message) { m.Trailers = []Trailer{{"Key", "a\u2028b"}} },
		"return in a trailer":  func(m *Message) { m.Trailers = []Trailer{{"Key", "a\rb"}} },
		"tab in a trailer":     func(m *Message) { m.Trailers = []Trailer{{"Key", "a\tb"}} },
		"empty trailer":        func(m *Message) { m.Trailers = []Trailer{{"Key", " "}} },
		"key with a space":     func(m *Message) { m.Trailers = []Trailer{{"A key", "a"}} },
		"key with a colon":     func(m *Message) { m.Trailers = []Trailer{{"Key:", "a"}} },
		"no key":               func(m *Message) { m.Trailers = []Trailer{{"", "a"}} },
		"no author":            func(m *Message) { m.Author.Name = "" },
		"bracket in a name":    func(m *Message) { m.Author.Name = "a <b> 1 +0000" },
		"newline in an email":  func(m *Message) { m.Committer.Email = "a\nparent " + base },
		"no time":              func(m *Message) { m.Author.When = time.Time{} },
		"before 1970":          func(m *Message) { m.Committer.When = time.Unix(-1, 0) },
	} {
		m := message("fine")
		spoil(&m)
		_, err := s.objects().Commit(base, []Change{{Path: "README.md", Content: []byte("new")}}, m)
		if err == nil || !strings.HasPrefix(err.Error(), "committing: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCommitOnSomethingElse(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	base := fastImport(t, s.dir, "main", sampleFiles)
	tree := runGit(t, s.dir, "", "rev-parse", base+"^{tree}")
	for _, parent := range []string{"", "main", tree, strings.Repeat("ab", 20)} {
		if _, err := s.objects().Commit(parent, nil, message("x")); err == nil {
			t.Errorf("%q: passed", parent)
		}
	}
	var missing *MissingError
	_, err := s.objects().Commit(strings.Repeat("ab", 20), nil, message("x"))
	if !errors.As(err, &missing) || !missing.Local {
		t.Errorf("got %v", err)
	}
}

func TestParseSignature(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Signature{
		"Ada <ada@example.com>":             {Name: "Ada", Email: "ada@example.com"},
		"  Ada  Lovelace  <ada@x> ":         {Name: "Ada  Lovelace", Email: "ada@x"},
		"github-actions[bot] <1+x@y.z>":     {Name: "github-actions[bot]", Email: "1+x@y.z"},
		"Ada <>":                            {Name: "Ada"},
		"Ada":                               {},
		"<ada@x>":                           {},
		"Ada <ada@x":                        {},
		"Ada <a> <b>":                       {},
		"Ada\n <ada@x>":                     {},
		"":                                  {},
		"Ada <ada@x> 1750000000 +0000":      {},
		"Ada <ada@x>\nparent 0000000000000": {},
	} {
		got, err := ParseSignature(text)
		if (err == nil) != (want != Signature{}) || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
