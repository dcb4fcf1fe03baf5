package manifest

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// createField adds a field that is missing as the last key of its mapping, for which
// that must be in one document only, not empty, and written in lines. It reports
// false when it is not.
func (f *finder) createField(field Field, path Path) bool {
	var at *place
	index := 0
	for i, doc := range f.src.docs {
		holder := f.resolveHolder(doc, path)
		if holder == nil || holder.node.Kind != yaml.MappingNode {
			continue
		}
		if at != nil {
			return false
		}
		at, index = holder, i
	}
	last := path[len(path)-1]
	if at == nil || last.Item || at.node.Style&yaml.FlowStyle != 0 || len(at.node.Content) == 0 || f.creates(at.node, last.Key) {
		return false
	}
	n := len(at.node.Content)
	after := pair{key: at.node.Content[n-2], raw: at.node.Content[n-1], in: at.node}
	holder, _ := readField(field, pair{name: last.Key, in: at.node}, last)
	holder.after = after
	f.add(mapping{node: at.node, at: at, doc: &document{src: f.sourceOf(at), index: index}}, target{
		found:  Found{Kind: Explicit, Path: field.Path, Image: holder.current},
		holder: holder,
		value:  field.Value,
	})
	return true
}

// creates reports whether a key is to be created already: it must not be there twice.
func (f *finder) creates(in *yaml.Node, key string) bool {
	for _, t := range f.targets {
		if h, ok := t.holder.(*fieldText); ok && h.pair.in == in && h.pair.name == key && h.pair.value == nil {
			return true
		}
	}
	return false
}
