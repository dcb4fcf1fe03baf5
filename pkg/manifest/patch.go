package manifest

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// patchShape is an operation of a JSON patch (RFC 6902) that sets an image:
// op: replace, path: /spec/template/spec/containers/0/image, value: nginx:1.
// What "op: test" expects is left alone.
func patchShape() shape {
	return shape{keys: []string{"op", "path", "value"}, find: findPatch}
}

func findPatch(f *finder, m mapping) {
	if m.at.parent == nil || m.at.parent.node.Kind != yaml.SequenceNode {
		return
	}
	op, path, value := m.get("op"), m.get("path"), m.get("value")
	if text := scalarText(op.value); text != "add" && text != "replace" {
		return
	}
	if !strings.HasSuffix(scalarText(path.value), "/image") {
		return
	}
	ref, ok := f.wholeImage(value.value)
	if !ok {
		return
	}
	f.add(m, target{
		found:   Found{Kind: Container, Path: m.at.path("value"), Image: ref},
		holder:  whole{value},
		scalars: scalars{name: value.value},
		bare:    ref.Version() == "",
	})
}

// isOperation reports whether a node has the keys that every operation of a JSON
// patch has.
func isOperation(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	op, path := false, false
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "op":
			op = true
		case "path":
			path = strings.HasPrefix(n.Content[i+1].Value, "/")
		}
	}
	return op && path
}
