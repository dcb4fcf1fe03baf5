package manifest

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// findFields adds the scalars that the caller named.
func (f *finder) findFields(fields []Field, create bool) error {
	for _, field := range fields {
		path, err := ParsePath(field.Path)
		if err != nil {
			return &Problem{File: f.src.file, Reason: err.Error()}
		}
		var found []*place
		index := 0
		for i, doc := range f.src.docs {
			if at := f.resolve(doc, path); at != nil {
				found, index = append(found, at), i
			}
		}
		switch len(found) {
		case 0:
			if !create || !f.createField(field, path) {
				f.missing = append(f.missing, field)
			}
		case 1:
			if err := f.addField(field, found[0], path[len(path)-1], index); err != nil {
				return err
			}
		default:
			return f.sourceOf(found[1]).problem(found[1].node, "field %s is in more than one document of the file", quote(field.Path))
		}
	}
	f.separateDigests()
	return nil
}

// addField adds one field; at is the mapping or sequence that holds it.
func (f *finder) addField(field Field, at *place, last Step, doc int) error {
	p, ok := child(at.node, last)
	if !ok || !isScalar(p.value) {
		return f.sourceOf(at).problem(at.node, "field %s is not a plain value", quote(field.Path))
	}
	holder, refusal := readField(field, p, last)
	if field.Value == "" && f.knows(p.value, holder.current) {
		return nil
	}
	if field.Value != "" {
		refusal = ""
	}
	f.add(mapping{node: at.node, at: at, doc: &document{src: f.sourceOf(at), index: doc}}, target{
		found:   Found{Kind: Explicit, Path: field.Path, Image: holder.current},
		holder:  holder,
		scalars: scalars{tag: p.value},
		refusal: refusal,
		value:   field.Value,
	})
	return nil
}

// readField finds out what the scalar holds: a whole reference of the image, a
// digest, or a tag.
func readField(field Field, p pair, last Step) (holder *fieldText, refusal string) {
	text := scalarText(p.value)
	named := image.Reference{Name: field.Name}
	if ref, err := image.Parse(text); err == nil && field.Name != "" && ref.Same(named) {
		return &fieldText{pair: p, role: wholeField, current: ref}, ""
	}
	holder = &fieldText{pair: p, role: tagField}
	if last.Key == "digest" || last.Key == "sha" || isDigest(text) {
		holder.role = digestField
		if last.Key == "sha" {
			text = withAlgorithm(text)
		}
		holder.current, refusal = readVersion("", text)
	} else {
		holder.current, refusal = readVersion(text, "")
	}
	holder.current.Name = field.Name
	return holder, refusal
}

// knows reports whether a shape found the same scalar for the same image already.
func (f *finder) knows(n *yaml.Node, ref image.Reference) bool {
	for _, t := range f.targets {
		s := t.scalars
		if (n == s.name || n == s.tag || n == s.digest) && t.found.Image.Same(ref) {
			return true
		}
	}
	return false
}

// separateDigests keeps a digest out of a tag field when the image has a digest
// field too.
func (f *finder) separateDigests() {
	digests := map[string]bool{}
	for _, t := range f.targets {
		if h, ok := t.holder.(*fieldText); ok && h.role == digestField {
			digests[h.current.Repository()] = true
		}
	}
	for _, t := range f.targets {
		if h, ok := t.holder.(*fieldText); ok && h.role == tagField {
			h.separate = digests[h.current.Repository()]
		}
	}
}

func isDigest(text string) bool {
	_, err := image.ParseDigest(text)
	return err == nil
}

type fieldRole int

const (
	tagField fieldRole = iota
	digestField
	wholeField
)

// fieldText is a scalar that the caller named.
type fieldText struct {
	pair     pair
	role     fieldRole
	after    pair // the key that a missing one is written after
	separate bool // another field has the digest
	current  image.Reference
}

func (t *fieldText) assign(next image.Reference) ([]assignment, error) {
	text := next.Version()
	switch {
	case t.role == wholeField:
		text = next.String()
	case t.role == digestField:
		var err error
		if text, err = forKey(t.pair, next.Digest); err != nil {
			return nil, err
		}
	case next.Tag == "":
		return nil, errNoTag
	case t.separate:
		text = next.Tag
	}
	return []assignment{{pair: t.pair, text: text, after: t.after}}, nil
}

// resolve follows all steps of a path but the last, which must be there. It returns
// what holds the last one, or nil.
func (f *finder) resolve(doc *yaml.Node, path Path) *place {
	at := f.resolveHolder(doc, path)
	if at == nil {
		return nil
	}
	if _, ok := child(at.node, path[len(path)-1]); !ok {
		return nil
	}
	return at
}

// resolveHolder returns what holds the last step of a path, whether that step is
// there or not. It goes on in a text that is a YAML document.
func (f *finder) resolveHolder(doc *yaml.Node, path Path) *place {
	if len(doc.Content) == 0 {
		return nil
	}
	at := &place{node: doc.Content[0]}
	for _, step := range path[:len(path)-1] {
		p, ok := child(at.node, step)
		if !ok {
			return nil
		}
		at = f.openPlace(&place{parent: at, node: p.value, key: step.Key, index: step.Index})
	}
	return at
}

// openPlace goes from a text to the document that it holds, if there is one and the
// text is not in another text already.
func (f *finder) openPlace(at *place) *place {
	if !isText(at.node) || f.sourceOf(at).outer != nil {
		return at
	}
	inner, err := f.open(f.src, at.node)
	if err != nil || len(inner.docs) != 1 || len(inner.docs[0].Content) == 0 {
		return at
	}
	return &place{parent: at, node: inner.docs[0].Content[0]}
}

// sourceOf returns the source that a place is in: the file, or a text of it.
func (f *finder) sourceOf(at *place) *source {
	for at = at.parent; at != nil; at = at.parent {
		if inner := f.opened[at.node]; inner != nil {
			return inner
		}
	}
	return f.src
}

// child takes one step. Merged keys are not looked at: a path says where a text is
// written.
func child(n *yaml.Node, step Step) (pair, bool) {
	if step.Item {
		if n.Kind != yaml.SequenceNode || step.Index >= len(n.Content) {
			return pair{}, false
		}
		raw := n.Content[step.Index]
		return pair{raw: raw, value: follow(raw), in: n}, true
	}
	if n.Kind != yaml.MappingNode {
		return pair{}, false
	}
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Value == step.Key {
			raw := n.Content[i+1]
			return pair{name: step.Key, key: key, raw: raw, value: follow(raw), in: n}, true
		}
	}
	return pair{}, false
}

// missingFields reports the fields that the file does not have: unless the caller
// wants that, a field is set, never created.
func (f *finder) missingFields() []error {
	var problems []error
	for _, field := range f.missing {
		problems = append(problems, &Problem{
			File:   f.src.file,
			Reason: "there is no field " + quote(field.Path) + ": only fields that exist are set; --create adds one to a mapping that is there",
		})
	}
	return problems
}
