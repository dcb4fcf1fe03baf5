package manifest

import (
	"errors"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// embedShape is YAML in a text of another file: an inline patch of a kustomization,
// of Flux or of a HelmRelease's post renderer, the values of an Argo CD source, the
// values of a HelmChart of k3s. What it says is searched as if it were a file of
// its own. All other texts, the data of a ConfigMap among them, are left alone.
func embedShape() shape {
	return shape{
		keys: []string{"patch", "patchesStrategicMerge", "values", "valuesContent"},
		find: findEmbedded,
	}
}

func findEmbedded(f *finder, m mapping) {
	if p := m.get("patch"); p.value != nil && inPatches(m) {
		f.enterText(m, p)
	}
	if p := m.get("values"); p.value != nil && m.at.key == "helm" && m.at.isA("argoproj.io/") {
		f.enterText(m, p)
	}
	if p := m.get("valuesContent"); p.value != nil && m.at.key == "spec" && m.at.isA("helm.cattle.io/") {
		f.enterText(m, p)
	}
	list := m.get("patchesStrategicMerge").value
	if list == nil || list.Kind != yaml.SequenceNode || !takesPatches(m) {
		return
	}
	at := &place{parent: m.at, node: list, key: "patchesStrategicMerge", object: m.at.object}
	for i, item := range list.Content {
		if strings.ContainsAny(item.Value, textBreaks) { // one line is the name of a file
			f.enterText(mapping{node: list, at: at, doc: m.doc}, pair{raw: item, value: item, in: list, index: i})
		}
	}
}

// inPatches reports whether a mapping is an item of patches: (or patchesJson6902:)
// of something that kustomize builds.
func inPatches(m mapping) bool {
	list := m.at.parent
	if list == nil || list.parent == nil || list.node.Kind != yaml.SequenceNode {
		return false
	}
	return (list.key == "patches" || list.key == "patchesJson6902") && takesPatches(mapping{at: list.parent, doc: m.doc})
}

// takesPatches reports whether a mapping is a kustomization, the spec of Flux's
// Kustomization, or what a HelmRelease has kustomize do.
func takesPatches(m mapping) bool {
	switch {
	case m.at.isA("kustomize.toolkit.fluxcd.io/"):
		return m.at.key == "spec"
	case m.at.isA("helm.toolkit.fluxcd.io/"):
		return m.at.key == "kustomize"
	}
	return m.at.parent == nil && m.doc.kustomization
}

// unreadableText is a text that holds YAML, but none that pawl can read.
type unreadableText struct {
	node   *yaml.Node
	src    *source
	reason string
}

// enterText walks what a text says. A text in a text is left alone.
func (f *finder) enterText(m mapping, p pair) {
	if !isText(p.value) || m.doc.src.outer != nil || f.entered[p.value] || f.full() || f.passOver != nil && f.passOver(p.value.Value) {
		return
	}
	f.entered[p.value] = true // merges and aliases lead to it again
	inner, err := f.open(m.doc.src, p.value)
	if err != nil {
		f.unreadable = append(f.unreadable, unreadableText{p.value, m.doc.src, err.Error()})
		return
	}
	at := &place{parent: m.at, node: p.value, key: p.name, index: p.index}
	for _, doc := range inner.docs {
		if len(doc.Content) == 0 {
			continue
		}
		root := doc.Content[0]
		f.walk(&document{src: inner, index: m.doc.index, root: root, kubernetes: isKubernetes(root)}, &place{parent: at, node: root})
	}
}

// open parses a text, once.
func (f *finder) open(s *source, n *yaml.Node) (*source, error) {
	if inner, ok := f.opened[n]; ok {
		return inner, nil
	}
	// All texts together must not have more nodes than a file.
	const parser = 16 // each text takes a parser, which costs as much as some nodes
	f.textCost += cost([]byte(n.Value)) + parser
	if f.textCost > 2*maxNodes {
		return nil, errors.New("the texts of the file have more YAML in them than pawl reads")
	}
	inner, err := s.embed(n)
	if err != nil {
		return nil, err
	}
	for _, doc := range inner.docs {
		f.countAliases(doc)
	}
	f.opened[n] = inner
	return inner, nil
}

// embedding is where a source stands that is a text of another one.
type embedding struct {
	in   *source
	node *yaml.Node
	// starts is where each line of the text is in the other source, -1 when it is
	// not there.
	starts []int
	// indent is what stands before each line. It is empty when the text has one line
	// and cannot have more.
	indent string
	// err is why the text cannot be changed.
	err error
	// result is what the text will say.
	result string
}

var (
	errFolded  = errors.New("it is in a text whose lines are folded or escaped: write the text with |")
	errOneLine = errors.New("it is in a text of one line, and a line is missing there")
)

// embed reads a scalar as YAML.
func (s *source) embed(n *yaml.Node) (*source, error) {
	inner, err := read(s.file, []byte(n.Value))
	if err != nil {
		var problem *Problem
		if errors.As(err, &problem) {
			return nil, errors.New(problem.Reason)
		}
		return nil, err
	}
	if len(inner.mark) > 0 {
		return nil, errors.New("a byte order mark is in the text")
	}
	e := &embedding{in: s, node: n}
	if n.Style&yaml.LiteralStyle != 0 {
		e.err = e.mapLines(inner)
	} else if at, err := s.locate(n); err == nil {
		e.starts = []int{at.start}
	} else {
		e.err = errFolded
	}
	inner.outer = e
	return inner, nil
}

// mapLines finds the lines of a literal block (https://yaml.org/spec/1.2.2/#812-literal-style):
// each is there, character for character, behind the same number of spaces.
func (e *embedding) mapLines(inner *source) error {
	off, ok := e.in.lines.offset(e.node.Line, e.node.Column)
	if !ok {
		return errPlace
	}
	off = skipProperties(e.in.text, off)
	if off >= len(e.in.text) || e.in.text[off] != '|' {
		return errPlace
	}
	header, _ := e.in.lines.position(off)
	width := -1
	e.starts = make([]int, len(inner.lines.starts))
	for i := range inner.lines.starts {
		line := inner.lines.line(i)
		if len(line) == 0 && i == len(inner.lines.starts)-1 {
			e.starts[i] = -1 // the break before it ends the text
			continue
		}
		if header+i >= len(e.in.lines.starts) {
			return errPlace
		}
		spaces := len(e.in.lines.line(header+i)) - len(line)
		if len(line) == 0 {
			e.starts[i] = -1
			continue
		}
		if width < 0 {
			width = spaces
		}
		start := int(e.in.lines.starts[header+i])
		if spaces != width || width < 0 || !isIndent(e.in.text[start:start+width]) || string(e.in.lines.line(header + i)[width:]) != string(line) {
			return errPlace
		}
		e.starts[i] = start + width
	}
	e.indent = strings.Repeat(" ", max(width, 0))
	return nil
}

func isIndent(text []byte) bool {
	for _, c := range text {
		if c != ' ' {
			return false
		}
	}
	return true
}

// offset returns where a byte of the text is in the other source.
func (e *embedding) offset(inner *source, off int) (int, bool) {
	line, _ := inner.lines.position(off)
	if e.err != nil || e.starts[line-1] < 0 {
		return 0, false
	}
	return e.starts[line-1] + off - int(inner.lines.starts[line-1]), true
}

// textBreaks are the line breaks that a parser leaves in a text; it makes all others
// LF.
const textBreaks = "\n\u2028\u2029"

// lift makes a splice of the text one of the other source.
func (s *source) lift(sp splice) (splice, error) {
	e := s.outer
	if e.err != nil {
		return splice{}, e.err
	}
	start, ok := e.offset(s, sp.start)
	end, okEnd := e.offset(s, sp.end)
	switch {
	case !ok || !okEnd || end-start != sp.end-sp.start:
		return splice{}, errPlace
	case strings.ContainsAny(sp.text, textBreaks) && e.node.Style&yaml.LiteralStyle == 0:
		return splice{}, errOneLine
	}
	br := e.in.lineBreak(e.in.lines.end(start)) + e.indent
	text := strings.NewReplacer("\n", br, "\u2028", br, "\u2029", br).Replace(sp.text)
	return splice{start: start, end: end, text: text, column: sp.column, expect: func() { e.node.Value = e.result }}, nil
}

// position is where a byte is in the file, line and column.
func (s *source) position(off int) (line, column int) {
	if s.outer == nil {
		return s.lines.position(off)
	}
	if at, ok := s.outer.offset(s, off); ok {
		return s.outer.in.lines.position(at)
	}
	return s.outer.node.Line, s.outer.node.Column
}

// where is the place of a node in the file.
func (s *source) where(n *yaml.Node) (line, column int) {
	if s.outer == nil {
		return n.Line, n.Column
	}
	off, ok := s.lines.offset(n.Line, n.Column)
	if !ok {
		return s.outer.node.Line, s.outer.node.Column
	}
	return s.position(off)
}

// proveText makes the splices of a text, proves them there, and keeps the result for
// the proof of the file.
func (s *source) proveText(splices []splice) error {
	out := s.splice(splices)
	if _, err := s.prove(splices, out); err != nil {
		return err
	}
	s.outer.result = string(out)
	return nil
}
