package githubtest

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1" // what Git names objects with
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Objects are read and written here as loose objects, without running git:
// gitformat-loose(5) is a header and zlib, and a test makes thousands of them.
// New ones stay in memory until git is to see the repository. Pushes are kept
// loose too (receive.unpackLimit in the repository's config); whatever is in a
// pack nevertheless is asked of git cat-file.

const zeroSHA = "0000000000000000000000000000000000000000"

// errNoObject says that an object is nowhere in the store.
var errNoObject = errors.New("no such object")

// The modes of tree entries that this server writes.
const (
	modeTree       = "40000"
	modeRegular    = "100644"
	modeExecutable = "100755"
	modeSymlink    = "120000"
	modeSubmodule  = "160000"
)

// store is the object database of a repository and its forks. Its users hold
// the lock of the network.
type store struct {
	git     string // the git binary
	dir     string // the objects directory that is written
	extra   []string
	fresh   map[string]loose // not on disk yet
	commits map[string]*commit
	trees   map[string][]entry
	vouched map[string]bool // the commits that GitHub signed
}

// loose is an object that is not on disk yet.
type loose struct {
	kind string
	data []byte
}

func newStore(git, dir string) *store {
	return &store{
		git: git, dir: dir,
		fresh: map[string]loose{}, commits: map[string]*commit{}, trees: map[string][]entry{}, vouched: map[string]bool{},
	}
}

// with returns a store that sees the objects in dir as well, for looking at a
// push before it is accepted. It shares nothing that could outlive the push.
func (s *store) with(dir string) *store {
	view := newStore(s.git, s.dir)
	view.extra = []string{dir}
	return view
}

// commit is a parsed commit. It does not change: its name is its content.
type commit struct {
	sha       string
	tree      string
	parents   []string
	author    signature
	committer signature
	message   string
	signed    bool
	order     int64 // committer time, for sorting
}

type signature struct {
	name, email string
	when        time.Time
}

// entry is one line of a tree.
type entry struct {
	mode, name, sha string
}

func (e entry) isTree() bool { return e.mode == modeTree }

func (e entry) kind() string {
	switch e.mode {
	case modeTree:
		return "tree"
	case modeSubmodule:
		return "commit"
	}
	return "blob"
}

// read returns the type and content of an object.
func (s *store) read(ctx context.Context, sha string) (string, []byte, error) {
	if !validSHA(sha) {
		return "", nil, errNoObject
	}
	if o, ok := s.fresh[sha]; ok {
		return o.kind, o.data, nil
	}
	for _, dir := range append([]string{s.dir}, s.extra...) {
		kind, data, err := readLoose(filepath.Join(dir, sha[:2], sha[2:]))
		if !errors.Is(err, os.ErrNotExist) {
			return kind, data, err
		}
	}
	return s.readPacked(ctx, sha)
}

func readLoose(path string) (string, []byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = file.Close() }()
	inflate, err := zlib.NewReader(file)
	if err != nil {
		return "", nil, fmt.Errorf("reading object %s: %w", path, err)
	}
	raw, err := io.ReadAll(inflate)
	if err != nil {
		return "", nil, fmt.Errorf("reading object %s: %w", path, err)
	}
	header, data, ok := bytes.Cut(raw, []byte{0})
	kind, _, spaced := strings.Cut(string(header), " ")
	if !ok || !spaced {
		return "", nil, fmt.Errorf("reading object %s: malformed header", path)
	}
	return kind, data, nil
}

// readPacked asks git, if there is any pack at all.
func (s *store) readPacked(ctx context.Context, sha string) (string, []byte, error) {
	packs, err := filepath.Glob(filepath.Join(s.dir, "pack", "*.pack"))
	if err != nil || len(packs) == 0 {
		return "", nil, errNoObject
	}
	out, err := runGit(ctx, s.git, filepath.Dir(s.dir), strings.NewReader(sha+"\n"), "cat-file", "--batch")
	if err != nil {
		return "", nil, err
	}
	line, rest, _ := bytes.Cut(out, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) != 3 {
		return "", nil, errNoObject
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil || size > len(rest) {
		return "", nil, fmt.Errorf("reading object %s: unexpected answer of git cat-file", sha)
	}
	return fields[1], rest[:size], nil
}

// write stores an object and returns its name.
func (s *store) write(kind string, data []byte) (string, error) {
	sum := sha1.Sum(framed(kind, data))
	sha := hex.EncodeToString(sum[:])
	s.fresh[sha] = loose{kind, data}
	return sha, nil
}

// framed is what Git hashes and stores.
func framed(kind string, data []byte) []byte {
	return append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...)
}

// flush writes to disk what is in memory only.
func (s *store) flush() error {
	for sha, o := range s.fresh {
		path := filepath.Join(s.dir, sha[:2], sha[2:])
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := writeWhole(path, stored(framed(o.kind, o.data)), 0o444); err != nil {
			return fmt.Errorf("writing object %s: %w", sha, err)
		}
	}
	clear(s.fresh)
	return nil
}

// stored is zlib [RFC 1950] around blocks that are not compressed [RFC 1951, 3.2.4].
// A compressor takes half a megabyte of memory each time, which was most of what the
// tests of pawl allocated.
func stored(raw []byte) []byte {
	out := append(make([]byte, 0, len(raw)+16), 0x78, 0x01) // deflate, a window of 32 KiB; fastest
	for rest, last := raw, false; !last; {
		block := rest[:min(len(rest), math.MaxUint16)]
		rest = rest[len(block):]
		if last = len(rest) == 0; last {
			out = append(out, 1)
		} else {
			out = append(out, 0)
		}
		size := uint16(len(block))
		out = binary.LittleEndian.AppendUint16(out, size)
		out = binary.LittleEndian.AppendUint16(out, ^size)
		out = append(out, block...)
	}
	return binary.BigEndian.AppendUint32(out, adler32.Checksum(raw))
}

// writeWhole makes the file appear with all of its content or not at all, since
// git may read the repository at the same time.
func writeWhole(path string, data []byte, mode os.FileMode) error {
	temp := path + ".lock" // which git takes for nothing else
	err := os.WriteFile(temp, data, mode)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		err = os.WriteFile(temp, data, mode)
	}
	if err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// kind returns the type of an object, "" when it is not there.
func (s *store) kind(ctx context.Context, sha string) string {
	if s.commits[sha] != nil {
		return "commit"
	}
	kind, _, err := s.read(ctx, sha)
	if err != nil {
		return ""
	}
	return kind
}

// commit returns the commit with the given name.
func (s *store) commit(ctx context.Context, sha string) (*commit, error) {
	if known := s.commits[sha]; known != nil {
		return known, nil
	}
	kind, data, err := s.read(ctx, sha)
	if err != nil {
		return nil, err
	}
	if kind != "commit" {
		return nil, errNoObject
	}
	parsed := parseCommit(sha, string(data))
	s.commits[sha] = parsed
	return parsed, nil
}

// parseCommit reads the format of git-commit-tree(1). Headers that it does not
// know, and their continuation lines, are skipped.
func parseCommit(sha, text string) *commit {
	c := &commit{sha: sha}
	headers, message, _ := strings.Cut(text, "\n\n")
	c.message = message
	for line := range strings.SplitSeq(headers, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.tree = value
		case "parent":
			c.parents = append(c.parents, value)
		case "author":
			c.author = parseSignature(value)
		case "committer":
			c.committer = parseSignature(value)
		case "gpgsig":
			c.signed = true
		}
	}
	c.order = c.committer.when.Unix()
	return c
}

// parseSignature reads "Name <email> 1700000000 +0000".
func parseSignature(line string) signature {
	name, rest, _ := strings.Cut(line, "<")
	email, rest, _ := strings.Cut(rest, ">")
	s := signature{name: strings.TrimSpace(name), email: email}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return s
	}
	if seconds, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
		s.when = time.Unix(seconds, 0).UTC()
	}
	return s
}

func (s signature) String() string {
	clean := strings.NewReplacer("<", "", ">", "", "\n", " ", "\x00", "")
	return fmt.Sprintf("%s <%s> %d +0000", clean.Replace(s.name), clean.Replace(s.email), s.when.Unix())
}

// writeCommit stores a commit.
func (s *store) writeCommit(tree string, parents []string, author, committer signature, message string) (string, error) {
	return s.write("commit", []byte(formatCommit(tree, parents, author, committer, message)))
}

func formatCommit(tree string, parents []string, author, committer signature, message string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "tree %s\n", tree)
	for _, parent := range parents {
		fmt.Fprintf(&text, "parent %s\n", parent)
	}
	fmt.Fprintf(&text, "author %s\ncommitter %s\n\n%s", author, committer, message)
	return text.String()
}

// tree returns the entries of a tree.
func (s *store) tree(ctx context.Context, sha string) ([]entry, error) {
	if sha == "" {
		return nil, nil
	}
	if known, ok := s.trees[sha]; ok {
		return known, nil
	}
	kind, data, err := s.read(ctx, sha)
	if err != nil {
		return nil, err
	}
	if kind != "tree" {
		return nil, errNoObject
	}
	entries, err := parseTree(data)
	if err != nil {
		return nil, fmt.Errorf("reading tree %s: %w", sha, err)
	}
	s.trees[sha] = entries
	return entries, nil
}

func parseTree(data []byte) ([]entry, error) {
	var entries []entry
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		if !ok || !spaced || len(rest) < sha1.Size {
			return nil, errors.New("malformed tree")
		}
		entries = append(entries, entry{mode: mode, name: name, sha: hex.EncodeToString(rest[:sha1.Size])})
		data = rest[sha1.Size:]
	}
	return entries, nil
}

// writeTree stores a tree; Git orders entries as if a directory's name ended in
// a slash.
func (s *store) writeTree(entries []entry) (string, error) {
	key := func(e entry) string {
		if e.isTree() {
			return e.name + "/"
		}
		return e.name
	}
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b entry) int { return strings.Compare(key(a), key(b)) })
	var data []byte
	for _, e := range sorted {
		sum, err := hex.DecodeString(e.sha)
		if err != nil {
			return "", fmt.Errorf("writing tree entry %q: %w", e.name, err)
		}
		data = append(fmt.Appendf(data, "%s %s\x00", e.mode, e.name), sum...)
	}
	return s.write("tree", data)
}

// splice returns the tree with the changes made in it. Paths are slash
// separated; an entry with an empty sha is removed. An empty tree, which Git
// does not keep inside another one, is "".
func (s *store) splice(ctx context.Context, tree string, changes map[string]entry) (string, error) {
	entries, err := s.tree(ctx, tree)
	if err != nil {
		return "", err
	}
	byName := map[string]entry{}
	for _, e := range entries {
		byName[e.name] = e
	}
	below := map[string]map[string]entry{}
	for path, change := range changes {
		first, rest, nested := strings.Cut(path, "/")
		switch {
		case nested:
			if below[first] == nil {
				below[first] = map[string]entry{}
			}
			below[first][rest] = change
		case change.sha == "":
			delete(byName, first)
		default:
			byName[first] = entry{mode: change.mode, name: first, sha: change.sha}
		}
	}
	for name, inner := range below {
		if err := s.spliceBelow(ctx, byName, name, inner); err != nil {
			return "", err
		}
	}
	if len(byName) == 0 {
		return "", nil
	}
	result := make([]entry, 0, len(byName))
	for _, e := range byName {
		result = append(result, e)
	}
	return s.writeTree(result)
}

func (s *store) spliceBelow(ctx context.Context, byName map[string]entry, name string, inner map[string]entry) error {
	old := ""
	if e, ok := byName[name]; ok && e.isTree() {
		old = e.sha
	}
	sha, err := s.splice(ctx, old, inner)
	if err != nil {
		return err
	}
	if sha == "" {
		delete(byName, name)
		return nil
	}
	byName[name] = entry{mode: modeTree, name: name, sha: sha}
	return nil
}

// emptyTree is written where a commit needs a tree and has no files.
func (s *store) rootTree(sha string) (string, error) {
	if sha != "" {
		return sha, nil
	}
	return s.writeTree(nil)
}

// lookup walks to a path in a tree.
func (s *store) lookup(ctx context.Context, tree, path string) (entry, error) {
	at := entry{mode: modeTree, sha: tree}
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" {
			continue
		}
		if !at.isTree() {
			return entry{}, errNoObject
		}
		entries, err := s.tree(ctx, at.sha)
		if err != nil {
			return entry{}, err
		}
		i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
		if i < 0 {
			return entry{}, errNoObject
		}
		at = entries[i]
	}
	return at, nil
}

// walk lists every entry below a tree by its path, directories too, in Git's order.
func (s *store) walk(ctx context.Context, tree, prefix string, visit func(path string, e entry)) error {
	entries, err := s.tree(ctx, tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		visit(prefix+e.name, e)
		if !e.isTree() {
			continue
		}
		if err := s.walk(ctx, e.sha, prefix+e.name+"/", visit); err != nil {
			return err
		}
	}
	return nil
}

func validSHA(sha string) bool {
	if len(sha) != 40 {
		return false
	}
	return strings.Trim(sha, "0123456789abcdef") == ""
}
