package git

import (
	"bufio"
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/google/go-cmp/cmp"
)

// FuzzSplice makes a commit, then another on top of it, and compares the files
// with a map that had the same done to it.
func FuzzSplice(f *testing.F) {
	f.Add("a\na/b\nc.d\nc/d", "c/d\nc-d\nz")
	f.Add("base/app.yaml\nbase/db.yaml", "base/app.yaml")
	f.Add("x", ".git/config\n../x\nX\nx/y")
	f.Add("a0\na/b\na.b", "a\na!\na-/b")
	f.Fuzz(func(t *testing.T, first, second string) {
		memory := newMemory()
		root := object{plumbing.TreeObject, nil}
		data, err := formatCommit(root.hash(), nil, message("root"))
		if err != nil {
			t.Fatal(err)
		}
		start := object{plumbing.CommitObject, data}
		memory.add(map[plumbing.Hash]object{root.hash(): root, start.hash(): start})
		objects := newObjects(memory, nil)
		model := map[string]string{}
		head := start.hash().String()
		for round, paths := range []string{first, second} {
			next := maps.Clone(model)
			var changes []Change
			for i, path := range strings.Split(paths, "\n") {
				content := strings.Repeat("x", i) + string(rune('0'+round))
				changes = append(changes, Change{Path: path, Content: []byte(content)})
				next[path] = content
			}
			sha, err := objects.Commit(head, changes, message("round"))
			if err != nil {
				continue // and nothing may have changed
			}
			head, model = sha, next
			if again, err := objects.Commit(head, changes, message("again")); err != nil || again != head {
				t.Errorf("the same once more: %s, %v", again, err)
			}
		}
		checkFiles(t, objects, head, model)
	})
}

func checkFiles(t *testing.T, objects *Objects, head string, want map[string]string) {
	t.Helper()
	files, err := objects.Files(head, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range files {
		content, err := objects.Content(file)
		if err != nil {
			t.Fatal(err)
		}
		got[file.Path] = string(content)
		if strings.HasPrefix(file.Path, "/") || slices.ContainsFunc(strings.Split(file.Path, "/"), func(part string) bool {
			return part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git")
		}) {
			t.Errorf("the path %q was written", file.Path)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseTree(f *testing.F) {
	f.Add([]byte("100644 a\x0012345678901234567890"))
	f.Add([]byte("40000 a\x001234567890123456789012"))
	f.Add([]byte("100664 a\x0012345678901234567890120000 b\x0012345678901234567890"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseTree(data)
		if err != nil {
			return
		}
		at := 0
		for _, e := range entries {
			if e.start != at || strings.ContainsAny(e.name, "/\x00") || e.name == "" || e.name == ".." {
				t.Fatalf("%+v", e)
			}
			if !bytes.Equal(data[e.end-20:e.end], e.id[:]) {
				t.Fatalf("the id of %+v is elsewhere", e)
			}
			at = e.end
		}
		if at != len(data) {
			t.Fatalf("%d of %d bytes were read", at, len(data))
		}
	})
}

func FuzzReadPack(f *testing.F) {
	blob := object{plumbing.BlobObject, bytes.Repeat([]byte("0123456789abcdef\n"), 20)}
	changed := packed{object: object{plumbing.BlobObject, append(bytes.Clone(blob.data), "more"...)}}
	thin, err := writePack([]packed{changed.deltify(blob.hash(), blob)})
	if err != nil {
		f.Fatal(err)
	}
	whole, err := writePack([]packed{{object: blob}, {object: object{plumbing.TreeObject, nil}}, changed.deltify(blob.hash(), blob)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(thin)
	f.Add(whole)
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"))
	memory := newMemory()
	memory.add(map[plumbing.Hash]object{blob.hash(): blob})
	limits := Limits{Objects: 100, Content: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, err := readPack(bytes.NewReader(data), packRules{limits: limits, lookup: memory.lookup})
		if err != nil {
			return
		}
		total := 0
		for id, each := range objects {
			total += len(each.data)
			if each.hash() != id {
				t.Errorf("an object is filed under %s", id)
			}
		}
		if total > 1<<20 || len(objects) > 100 {
			t.Errorf("%d objects of %d bytes", len(objects), total)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("0034shallow 1234567890123456789012345678901234567890"+"0000"+"0008NAK\n"+"0009\x01PACK"), true)
	f.Add([]byte("0008NAK\n0009\x03nope"), false)
	f.Add([]byte("000aERR no"), false)
	f.Add([]byte("0000"), true)
	remote, err := NewRemote(Options{URL: "https://example.com/a/b", Limits: Limits{Objects: 10, Content: 1 << 16}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, shallow bool) {
		plan := wish{}
		if shallow {
			plan.depth = 1
		}
		_, err := remote.readAnswer(bytes.NewReader(data), plan)
		var said *saidError
		if errors.As(err, &said) && strings.ContainsFunc(said.text, unicode.IsControl) {
			t.Errorf("%q can drive a terminal", said.text)
		}
	})
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{
		"https://github.com/acme/config.git", "git@github.com:acme/config", "ssh://git@h:22/a/b", "https://x:y@h:443/a/b.git/", "http://[::1]:80/a/b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		host, owner, name, err := ParseURL(raw)
		if err != nil {
			return
		}
		if host == "" || strings.ContainsAny(host, "/@?# \n") || strings.ToLower(host) != host || strings.ContainsAny(owner+name, "/\\@:?#% \n\"'") {
			t.Fatalf("%q, %q, %q", host, owner, name)
		}
		h, o, n, err := ParseURL("https://" + host + "/" + owner + "/" + name + ".git")
		if err != nil || h != host || o != owner || n != name {
			t.Fatalf("%q: %q, %q, %q became %q, %q, %q: %v", raw, host, owner, name, h, o, n, err)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("subject", "body", "Key", "value")
	f.Add("s", "Key: value\n\nOther: x", "Bump-Key", "run 1/x")
	f.Add("s", "a\r\n\n\nb\t", "K", " v ")
	f.Fuzz(func(t *testing.T, subject, body, key, value string) {
		text, err := Message{Subject: subject, Body: body, Trailers: []Trailer{{key, value}, {"Last", "one"}}}.format()
		if err != nil {
			return
		}
		if !utf8.ValidString(text) || !strings.HasSuffix(text, "\nLast: one\n") || strings.ContainsAny(text, "\x00\r\x1b") {
			t.Fatalf("%q", text)
		}
		head, rest, _ := strings.Cut(text, "\n\n")
		if strings.Contains(head, "\n") || head != strings.TrimSpace(subject) {
			t.Fatalf("the subject is %q", head)
		}
		block := rest[strings.LastIndex("\n\n"+rest, "\n\n"):]
		if want := key + ": " + strings.Trim(value, " ") + "\nLast: one\n"; block != want {
			t.Fatalf("the trailers are %q, not %q", block, want)
		}
	})
}

func FuzzParseSignature(f *testing.F) {
	f.Add("Ada <ada@example.com>")
	f.Add("a <> b <c>")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSignature(text)
		if err != nil {
			return
		}
		s.When = someone.When
		line, err := s.line()
		if err != nil || strings.Count(line, "<") != 1 || strings.ContainsAny(line, "\n\r\x00") {
			t.Fatalf("%q: %q, %v", text, line, err)
		}
	})
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m\r\nnext\u202e\xff", "secretsecret")
	f.Add("aaaaaaaaaaaaaaaa", "aaaaaaaa")
	f.Fuzz(func(t *testing.T, text, secret string) {
		for _, line := range printableLines(text) {
			if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }) {
				t.Errorf("%q", line)
			}
		}
		if len(secret) >= 8 && !strings.ContainsAny(secret, "[redact]") && strings.Contains(redactOne(text, secret), secret[:8]) {
			t.Errorf("%q holds the start of %q", redactOne(text, secret), secret)
		}
	})
}

func FuzzBatched(f *testing.F) {
	blob := object{plumbing.BlobObject, []byte("hello")}
	f.Add([]byte(blob.hash().String() + " blob 5\nhello\n"))
	f.Add([]byte(blob.hash().String() + " missing\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		left := int64(1 << 16)
		got, err := readBatched(bufio.NewReader(bytes.NewReader(data)), blob.hash(), &left)
		if err == nil && !bytes.Equal(got.data, blob.data) {
			t.Errorf("got %q", got.data)
		}
	})
}

func FuzzAdvertisement(f *testing.F) {
	id := strings.Repeat("12", 20)
	f.Add([]byte(packet(id+" HEAD\x00side-band-64k agent=git/2\n") + packet(id+" refs/heads/main\n") + "0000"))
	f.Add([]byte(packet(strings.Repeat("0", 40)+" capabilities^{}\x00report-status\n") + "0000"))
	f.Add([]byte(packet("version 1\n") + packet(id+" refs/heads/a\x00object-format=sha256") + "0000"))
	f.Add([]byte(packet("ERR no") + "0000"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := readAdvertisement(pktline.NewScanner(bytes.NewReader(data)), "", 100)
		one, oneErr := readAdvertisement(pktline.NewScanner(bytes.NewReader(data)), "refs/heads/main", 100)
		if (err == nil) != (oneErr == nil) {
			t.Fatalf("%v, but %v", err, oneErr)
		}
		if err != nil {
			return
		}
		for name, id := range all.refs {
			if len(id) != 40 || name == "" || strings.HasSuffix(name, "^{}") {
				t.Fatalf("%q is at %q", name, id)
			}
		}
		if len(one.refs) > 1 || one.refs["refs/heads/main"] != all.refs["refs/heads/main"] {
			t.Fatalf("%v of %v", one.refs, all.refs)
		}
	})
}

func FuzzTrailers(f *testing.F) {
	f.Add("s\n\nA: 1\n more\nB: 2\n")
	f.Add("s\n\na\nSigned-off-by: x\n")
	f.Fuzz(func(t *testing.T, message string) {
		for _, each := range Trailers(message) {
			if !trailerKey(each.Key) || strings.Contains(each.Value, "\n") || each.Value != strings.TrimSpace(each.Value) {
				t.Fatalf("%q", each)
			}
		}
	})
}

func FuzzParseCommit(f *testing.F) {
	id := strings.Repeat("12", 20)
	f.Add([]byte("tree " + id + "\nparent " + id + "\nauthor A <a@b> 1 +0200\ncommitter C <c@d> 2 -0730\ngpgsig x\n y\n\nsubject\n\nKey: v\n"))
	f.Add([]byte("tree " + id + "\nauthor > 99999999999999999999 +9999\n\n\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCommit(data)
		if err != nil {
			return
		}
		got := c.describe(plumbing.NewHash(id))
		if !utf8.ValidString(got.Message+got.Author.Name+got.Author.Email) || len(got.Parents) != len(c.parents) || len(got.Message) > 3*maxMessage {
			t.Fatalf("%q", got)
		}
	})
}
