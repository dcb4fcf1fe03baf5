package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// The bounds. The largest manifest in 31 public GitOps repositories has 2 MB; a
// node costs the parser about 250 bytes, and an edit needs two trees.
const (
	maxBytes  = 5 << 20
	maxNodes  = 200_000
	maxDepth  = 1000
	maxImages = 10_000
)

// source is a file: its bytes and what they say.
type source struct {
	file  string
	mark  []byte // the byte order mark, if there is one
	text  []byte // all that follows the mark
	docs  []*yaml.Node
	lines *lines
	outer *embedding // where the source is a text in another one, nil when it is a file
}

const byteOrderMark = "\uFEFF"

// read parses a whole file, every document of it. All its errors are a [*Problem]
// that is Unreadable.
func read(file string, src []byte) (*source, error) {
	s := &source{file: file, text: src}
	if bytes.HasPrefix(src, []byte(byteOrderMark)) {
		s.mark, s.text = src[:len(byteOrderMark)], src[len(byteOrderMark):]
	}
	if err := s.checkBytes(); err != nil {
		return nil, s.unreadable(0, err.Error())
	}
	docs, err := decode(s.text)
	if err != nil {
		return nil, s.explain(err)
	}
	if err := checkSize(docs); err != nil {
		return nil, s.unreadable(0, err.Error())
	}
	s.docs, s.lines = docs, newLines(s.text)
	return s, nil
}

func (s *source) unreadable(line int, reason string) *Problem {
	return &Problem{File: s.file, Line: line, Reason: reason, Unreadable: true}
}

// checkBytes refuses what the parser would read in another way than pawl, or would
// need too long for.
func (s *source) checkBytes() error {
	switch {
	case len(s.text) > maxBytes:
		return fmt.Errorf("the file has %d bytes, more than the %d that pawl reads", len(s.text), maxBytes)
	case bytes.HasPrefix(s.text, []byte("\xFF\xFE")), bytes.HasPrefix(s.text, []byte("\xFE\xFF")), bytes.IndexByte(s.text, 0) >= 0:
		return errors.New("the file is UTF-16 or binary: save it as UTF-8")
	case !utf8.Valid(s.text):
		return errors.New("the file is not UTF-8: save it as UTF-8")
	case cost(s.text) > 2*maxNodes:
		return fmt.Errorf("the file has more than the %d YAML nodes that pawl reads", maxNodes)
	}
	return nil
}

// cost is an upper bound for the nodes that the parser will build, comments
// counted as well, found without building them. Prose makes it too high, hence
// the factor 2 where it is used; [checkSize] counts exactly.
func cost(text []byte) int {
	total := 0
	for i, c := range text {
		if 'a' <= c && c <= 'z' || c == ' ' {
			continue // most of a file
		}
		switch c {
		case '[', '{':
			total++
		case ',': // {a, b} is four nodes
			total += 2
		case '#':
			total += 5
		case ':':
			if endsToken(text, i+1) || i > 0 && (text[i-1] == '"' || text[i-1] == '\'') {
				total += 2
			}
		case '-', '?':
			if endsToken(text, i+1) {
				total += 2
			}
		}
	}
	return total
}

func endsToken(text []byte, i int) bool {
	if i >= len(text) || text[i] >= utf8.RuneSelf {
		return true
	}
	switch text[i] {
	case ' ', '\t', '\r', '\n', ',', '[', ']', '{', '}':
		return true
	}
	return false
}

// decode reads every document: the parser's own helpers stop after the first.
func decode(text []byte) (docs []*yaml.Node, err error) {
	// The parser panics on states that it holds for impossible; the input decides
	// whether they are.
	defer func() {
		if r := recover(); r != nil {
			docs, err = nil, fmt.Errorf("yaml: the parser gave up: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		doc := new(yaml.Node)
		err := decoder.Decode(doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
}

var parserLine = regexp.MustCompile(`^line (\d+): `)

// explain turns an error of the parser into a problem with a place.
func (s *source) explain(err error) *Problem {
	reason := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if m := parserLine.FindStringSubmatch(reason); m != nil {
		reason = reason[len(m[0]):]
		line, _ = strconv.Atoi(m[1]) // the expression matches digits only; too many of them give the largest int
	}
	if bytes.Contains(s.text, []byte("{{")) {
		return s.unreadable(line, "it is a template, not YAML: "+reason)
	}
	return s.unreadable(line, "it is not valid YAML: "+reason)
}

// checkSize counts nodes and levels. Aliases are not followed: what they point at
// is counted once.
func checkSize(docs []*yaml.Node) error {
	nodes := 0
	var visit func(n *yaml.Node, depth int) error
	visit = func(n *yaml.Node, depth int) error {
		nodes++
		if depth > maxDepth {
			return fmt.Errorf("the file is nested deeper than the %d levels that pawl reads", maxDepth)
		}
		for _, child := range n.Content {
			if err := visit(child, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	for _, doc := range docs {
		if err := visit(doc, 0); err != nil {
			return err
		}
	}
	if nodes > maxNodes {
		return fmt.Errorf("the file has %d YAML nodes, more than the %d that pawl reads", nodes, maxNodes)
	}
	return nil
}
