package manifest

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// splice replaces the bytes from start to end of a source.
type splice struct {
	start, end int
	text       string
	// expect makes the same change to the parsed source: the result must parse to
	// exactly that.
	expect func()
	// column is the column of a key that is added. Of several keys that are added in one
	// place, the one that is further in comes first: it belongs to what is there.
	column int
	// reattaches is set when the splice brings a node or quotes that were not there:
	// the parser may attach a comment to another node then. Its bytes are the same.
	reattaches bool
}

// splice returns the bytes of the source with all splices made.
func (s *source) splice(splices []splice) []byte {
	sortSplices(splices)
	size := len(s.mark) + len(s.text)
	for _, sp := range splices {
		size += len(sp.text)
	}
	out := append(make([]byte, 0, size), s.mark...)
	done := 0
	for _, sp := range splices {
		out = append(out, s.text[done:sp.start]...)
		out = append(out, sp.text...)
		done = sp.end
	}
	return append(out, s.text[done:]...)
}

func sortSplices(splices []splice) {
	slices.SortStableFunc(splices, func(a, b splice) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.column, a.column))
	})
}

// write returns the splice for an assignment.
func (s *source) write(c assignment) (splice, error) {
	switch {
	case c.pair.value == nil:
		return s.insertPair(c)
	case c.pair.value.Value == "" && c.pair.value.Style&^yaml.TaggedStyle == 0:
		return s.fill(c)
	}
	return s.replace(c)
}

// replace gives a scalar another text.
func (s *source) replace(c assignment) (splice, error) {
	n := c.pair.value
	at, err := s.locate(n)
	if err != nil {
		return splice{}, err
	}
	if c.keepsKind() {
		expect := func() {
			becomes(n, c.text, n.Style)
			n.Tag = yaml.NewScalarRNode(c.text).YNode().ShortTag()
		}
		return splice{start: at.start, end: at.end, text: c.text, expect: expect}, nil
	}
	text, style, err := spell(c.text, n.Style, quoted(c.pair.key))
	if err != nil {
		return splice{}, err
	}
	expect := func() { becomes(n, c.text, style) }
	return splice{start: at.start, end: at.end, text: text, expect: expect, reattaches: style != n.Style}, nil
}

// quoted reports whether a key is in double quotes. In JSON all are, and so must be
// the value.
func quoted(key *yaml.Node) bool {
	return key != nil && key.Style&yaml.DoubleQuotedStyle != 0
}

// becomes makes a node what the edited text should parse to. Without a line it is
// not held to its old place.
func becomes(n *yaml.Node, text string, style yaml.Style) {
	n.Value, n.Style, n.Tag, n.Line = text, style, yaml.NodeTagString, 0
}

// fill writes a value where there is only a key: "tag:".
func (s *source) fill(c assignment) (splice, error) {
	key, n := c.pair.key, c.pair.value
	if key == nil || n != c.pair.raw || n.Anchor != "" || n.Style != 0 {
		return splice{}, errors.New("there is no value to replace")
	}
	at, err := s.locate(key)
	if err != nil {
		return splice{}, err
	}
	off := at.end
	if key.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		off++
	}
	for off < len(s.text) && isBlank(s.text[off]) {
		off++
	}
	if off >= len(s.text) || s.text[off] != ':' {
		return splice{}, errors.New("there is no value to replace")
	}
	text, style, err := spell(c.text, 0, quoted(key))
	if err != nil {
		return splice{}, err
	}
	expect := func() { becomes(n, c.text, style) }
	return splice{start: off + 1, end: off + 1, text: " " + text, expect: expect, reattaches: true}, nil
}

// insertPair writes a key that a mapping does not have, after one that it has.
func (s *source) insertPair(c assignment) (splice, error) {
	in := c.pair.in
	after := c.after.raw
	if after == nil || c.after.in != in {
		return splice{}, errors.New("the key " + c.pair.name + " is missing, and so is the place for it")
	}
	first := in.Content[0]
	text, style, err := spell(c.text, 0, quoted(first))
	if err != nil {
		return splice{}, err
	}
	key, keyStyle, err := spell(c.pair.name, 0, quoted(first))
	if err != nil {
		return splice{}, err
	}
	off, err := s.endOfPair(c.after)
	if err != nil {
		return splice{}, err
	}
	lead := ", "
	if in.Style&yaml.FlowStyle == 0 {
		off = s.lines.end(off)
		lead = s.lineBreak(off) + strings.Repeat(" ", first.Column-1)
	}
	expect := func() { insertAfter(in, after, newScalar(c.pair.name, keyStyle), newScalar(c.text, style)) }
	return splice{start: off, end: off, text: lead + key + ": " + text, expect: expect, column: first.Column, reattaches: true}, nil
}

// endOfPair returns where a pair ends: behind the last scalar of its value, or behind
// the last key when that has no value.
func (s *source) endOfPair(p pair) (int, error) {
	key, n := p.key, p.raw
	for len(n.Content) > 0 {
		key = nil
		if n.Kind == yaml.MappingNode {
			key = n.Content[len(n.Content)-2]
		}
		n = n.Content[len(n.Content)-1]
	}
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == "" && key != nil {
		n = key
	}
	return s.endOf(n)
}

// endOf returns where a value that is written on one line ends.
func (s *source) endOf(n *yaml.Node) (int, error) {
	if n.Kind == yaml.AliasNode {
		off, ok := s.lines.offset(n.Line, n.Column)
		if !ok {
			return 0, errPlace
		}
		return off + len("*") + len(n.Value), nil
	}
	at, err := s.locate(n)
	if err != nil {
		return 0, err
	}
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		return at.end + 1, nil
	}
	return at.end, nil
}

// lineBreak returns the break of the line that ends at off. The last line of a file
// may have none; then it is the one that the file begins with.
func (s *source) lineBreak(off int) string {
	if off < len(s.text) {
		return string(s.text[off : off+breakLength(s.text, off)])
	}
	if len(s.lines.starts) > 1 {
		end := s.lines.end(0)
		return string(s.text[end:s.lines.starts[1]])
	}
	return "\n"
}

// newScalar is a node that is not in the source.
func newScalar(text string, style yaml.Style) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: text, Style: style & yaml.DoubleQuotedStyle}
}

// insertAfter puts a pair after a value of a mapping.
func insertAfter(in, after, key, value *yaml.Node) {
	for i := 1; i < len(in.Content); i += 2 {
		if in.Content[i] == after {
			in.Content = slices.Insert(in.Content, i+1, key, value)
			return
		}
	}
}
