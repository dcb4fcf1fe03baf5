package manifest

import (
	"bytes"
	"errors"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// addEntries adds an entry to the kustomization for every setting that no entry
// matched, if the caller wants that and the file is a kustomization.
func (p *planner) addEntries() {
	if !p.opt.Add {
		return
	}
	root, ok := p.finder.kustomization()
	if !ok {
		return
	}
	var missing []image.Setting
	added := map[string]bool{} // by normalized name
	for _, setting := range p.settings {
		if name := normalize(setting.Match); !p.kustomized[setting.Match] && !added[name] {
			added[name] = true
			missing = append(missing, setting)
		}
	}
	if len(missing) == 0 {
		return
	}
	s, err := p.src.addEntries(root, missing)
	if err != nil {
		p.problems = append(p.problems, p.src.problem(root.node, "adding %s to images: %v: add it by hand", missing[0].New, err))
		return
	}
	p.splices = append(p.splices, s)
	p.added, p.entries = missing, s
}

// kustomization returns the root of the file's only document when that is a
// kustomization.
func (f *finder) kustomization() (mapping, bool) {
	if len(f.src.docs) != 1 || len(f.src.docs[0].Content) == 0 {
		return mapping{}, false
	}
	root := f.src.docs[0].Content[0]
	if root.Kind != yaml.MappingNode {
		return mapping{}, false
	}
	m := mapping{node: root, at: &place{node: root}, pairs: f.pairs(root)}
	return m, isKustomization(f.src.file, m)
}

// recordEntries reports the entries that were added as edits, with the place that
// they have in the edited file.
func (p *planner) recordEntries(edited *source) error {
	if len(p.added) == 0 {
		return nil
	}
	f := newFinder(edited)
	if err := f.search(nil, false); err != nil {
		return err
	}
	for _, t := range f.targets {
		for _, setting := range p.added {
			if t.found.Kind == Kustomize && t.found.Name == setting.Match && t.found.Image == setting.New {
				found := t.found
				found.Image = image.Reference{Name: setting.Match}
				at := p.src.span(p.entries)
				p.edits = append(p.edits, Edit{Found: found, New: setting.New, Span: at, Spans: []Span{at}})
			}
		}
	}
	return nil
}

// addEntries returns the splice that adds entries in the style of those that are
// there.
func (s *source) addEntries(root mapping, settings []image.Setting) (splice, error) {
	images := root.get("images")
	switch {
	case root.node.Style&yaml.FlowStyle != 0, images.value != nil && images.in != root.node:
		return splice{}, errors.New("the file is not written in lines")
	case images.raw == nil:
		return s.addList(root.node, settings)
	case images.raw.Kind == yaml.ScalarNode && images.raw.Value == "" && images.raw.Style == 0 && images.raw.Anchor == "":
		return s.fillList(root.node, images, settings)
	case images.raw.Kind == yaml.SequenceNode && len(images.raw.Content) == 0:
		return s.replaceEmptyList(root.node, images, settings)
	case images.raw.Kind == yaml.SequenceNode && images.raw.Style&yaml.FlowStyle == 0:
		return s.appendEntries(images.raw, settings)
	}
	return splice{}, errors.New("images is not a list written in lines")
}

// appendEntries adds to a list that has entries.
func (s *source) appendEntries(list *yaml.Node, settings []image.Setting) (splice, error) {
	last := list.Content[len(list.Content)-1]
	off, err := s.endOf(lastScalar(last))
	if err != nil {
		return splice{}, err
	}
	off = s.lines.end(off)
	l := layout{eol: s.lineBreak(off), indent: list.Column - 1, gap: 1}
	if last.Kind == yaml.MappingNode && last.Style&yaml.FlowStyle == 0 {
		l.gap = max(1, last.Column-list.Column-1)
	}
	text, nodes, err := l.entries(settings)
	if err != nil {
		return splice{}, err
	}
	expect := func() { list.Content = append(list.Content, nodes...) }
	return splice{start: off, end: off, text: text, expect: expect, reattaches: true}, nil
}

// lastScalar returns the node that ends last.
func lastScalar(n *yaml.Node) *yaml.Node {
	for len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n
}

// fillList writes the list below "images:".
func (s *source) fillList(root *yaml.Node, images pair, settings []image.Setting) (splice, error) {
	at, err := s.locate(images.key)
	if err != nil {
		return splice{}, err
	}
	off := s.lines.end(at.end)
	return s.newList(root, images.raw, settings, off, off, "")
}

// replaceEmptyList writes the list in place of "[]".
func (s *source) replaceEmptyList(root *yaml.Node, images pair, settings []image.Setting) (splice, error) {
	key, err := s.locate(images.key)
	if err != nil {
		return splice{}, err
	}
	end := s.lines.end(key.end)
	rest := s.text[key.end:end]
	colon := bytes.IndexByte(rest, ':')
	if colon < 0 || string(bytes.Join(bytes.Fields(rest[colon:]), nil)) != ":[]" {
		return splice{}, errors.New("images is not a list written in lines")
	}
	return s.newList(root, images.raw, settings, key.end+colon+1, end, "")
}

// addList writes "images:" and the list at the end of the file.
func (s *source) addList(root *yaml.Node, settings []image.Setting) (splice, error) {
	end := len(bytes.TrimRight(s.text, " \t\r\n\u0085\u2028\u2029"))
	off := s.lines.end(end)
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: yaml.NodeTagSeq}
	key := newScalar("images", 0)
	head := s.lineBreak(off) + strings.Repeat(" ", root.Column-1) + "images:"
	sp, err := s.newList(root, list, settings, off, off, head)
	if err != nil {
		return splice{}, err
	}
	fill := sp.expect
	sp.expect = func() {
		fill()
		root.Content = append(root.Content, key, list)
	}
	return sp, nil
}

// newList writes the first entries of a list, indented like the other lists of the
// file.
func (s *source) newList(root, list *yaml.Node, settings []image.Setting, start, end int, head string) (splice, error) {
	l := layout{eol: s.lineBreak(end), indent: listIndent(root), gap: 1}
	text, nodes, err := l.entries(settings)
	if err != nil {
		return splice{}, err
	}
	expect := func() {
		*list = yaml.Node{Kind: yaml.SequenceNode, Tag: yaml.NodeTagSeq, Content: nodes}
	}
	return splice{start: start, end: end, text: head + text, expect: expect, reattaches: true}, nil
}

// listIndent returns how far lists are indented in a mapping: as far as the first
// one, or not at all.
func listIndent(root *yaml.Node) int {
	for i := 1; i < len(root.Content); i += 2 {
		n := root.Content[i]
		if n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0 && n.Anchor == "" {
			return n.Column - 1
		}
	}
	return root.Column - 1
}

// layout is how entries are written.
type layout struct {
	eol    string
	indent int // spaces before the dash
	gap    int // spaces after it
}

// entries returns the lines of the entries, each line with its break before it, and
// what they parse to.
func (l layout) entries(settings []image.Setting) (string, []*yaml.Node, error) {
	var b strings.Builder
	var nodes []*yaml.Node
	for _, setting := range settings {
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: yaml.NodeTagMap}
		lead := l.eol + strings.Repeat(" ", l.indent) + "-" + strings.Repeat(" ", l.gap)
		for _, line := range entryLines(setting) {
			text, style, err := spell(line.text, 0, false)
			if err != nil {
				return "", nil, err
			}
			b.WriteString(lead + line.key + ": " + text)
			node.Content = append(node.Content, newScalar(line.key, 0), newScalar(line.text, style))
			lead = l.eol + strings.Repeat(" ", l.indent+1+l.gap)
		}
		nodes = append(nodes, node)
	}
	return b.String(), nodes, nil
}

type entryLine struct{ key, text string }

func entryLines(setting image.Setting) []entryLine {
	lines := []entryLine{{"name", setting.Match}}
	if setting.Renames() {
		lines = append(lines, entryLine{"newName", setting.New.Name})
	}
	if setting.New.Tag != "" {
		lines = append(lines, entryLine{"newTag", setting.New.Tag})
	}
	if setting.New.Digest != "" {
		lines = append(lines, entryLine{"digest", setting.New.Digest})
	}
	return lines
}
