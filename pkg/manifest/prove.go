package manifest

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// prove parses the edited bytes and compares them with the source, node by node:
// the same documents, kinds, tags, values, styles, anchors, aliases and comments,
// each in its place, except where a splice meant to change something. It uses up
// the parsed source and returns the edited one.
func (s *source) prove(splices []splice, out []byte) (*source, error) {
	edited, err := read(s.file, out)
	if err != nil {
		return nil, s.unproved(nil, "the edited file would not parse: "+err.Error())
	}
	if len(edited.docs) != len(s.docs) {
		return nil, s.unproved(nil, "the edited file would have another number of documents")
	}
	c := comparison{old: s, new: edited, splices: splices, comments: true}
	for i := len(splices) - 1; i >= 0; i-- {
		splices[i].expect()
		c.comments = c.comments && !splices[i].reattaches
	}
	for i, doc := range s.docs {
		if err := c.same(doc, edited.docs[i]); err != nil {
			return nil, err
		}
	}
	return edited, nil
}

func (s *source) unproved(n *yaml.Node, reason string) *Problem {
	p := &Problem{File: s.file, Reason: "the edit is not safe: " + reason}
	if n != nil {
		p.Line, p.Column = s.where(n)
	}
	return p
}

// comparison walks two trees.
type comparison struct {
	old, new *source
	splices  []splice
	comments bool
	// done splices end before the last place that was looked at, and moved what
	// follows by shift bytes. Nodes come in the order of the file.
	done, shift int
}

// same compares a node, as it should be, with what was parsed.
func (c *comparison) same(want, got *yaml.Node) error {
	switch {
	case want.Kind != got.Kind, want.Tag != got.Tag, want.Value != got.Value, want.Anchor != got.Anchor,
		want.Style != got.Style, len(want.Content) != len(got.Content):
		return c.old.unproved(want, quote(want.Value)+" would read as "+quote(got.Value))
	case c.comments && (want.HeadComment != got.HeadComment || want.LineComment != got.LineComment || want.FootComment != got.FootComment):
		return c.old.unproved(want, "a comment would change")
	case !c.samePlace(want, got):
		return c.old.unproved(want, quote(want.Value)+" would move")
	}
	for i, child := range want.Content {
		if err := c.same(child, got.Content[i]); err != nil {
			return err
		}
	}
	return nil
}

// samePlace checks that a node is where the splices before it moved it to. Nodes
// that are new, and empty ones, have no place of their own.
func (c *comparison) samePlace(want, got *yaml.Node) bool {
	if want.Line == 0 || want.Kind == yaml.DocumentNode || want.Kind == yaml.ScalarNode && want.Value == "" {
		return true
	}
	from, ok := c.old.lines.offset(want.Line, want.Column)
	if !ok {
		return false
	}
	to, ok := c.new.lines.offset(got.Line, got.Column)
	return ok && to == from+c.moved(from)
}

// moved says by how many bytes the splices before an offset move it.
func (c *comparison) moved(off int) int {
	for c.done > 0 && c.splices[c.done-1].end > off {
		c.done--
		c.shift -= c.splices[c.done].growth()
	}
	for c.done < len(c.splices) && c.splices[c.done].end <= off {
		c.shift += c.splices[c.done].growth()
		c.done++
	}
	return c.shift
}

func (sp splice) growth() int { return len(sp.text) - (sp.end - sp.start) }
