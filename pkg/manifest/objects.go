package manifest

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Object is a Kubernetes object as a file names it.
type Object struct {
	Document              int // which document of the file, from 0
	Kind, Namespace, Name string
}

// Objects lists the Kubernetes objects of a file, one for each document that has a
// kind and a name, in their order. What a kustomization generates or renames is
// not seen. The only error is a [*Problem]: the file cannot be read as YAML.
func Objects(file string, src []byte) ([]Object, error) {
	s, err := read(file, src)
	if err != nil {
		return nil, err
	}
	var objects []Object
	for i, doc := range s.docs {
		if object, ok := objectIn(doc); ok {
			object.Document = i
			objects = append(objects, object)
		}
	}
	return objects, nil
}

func objectIn(doc *yaml.Node) (Object, bool) {
	if len(doc.Content) == 0 {
		return Object{}, false
	}
	root := doc.Content[0]
	metadata := value(root, "metadata")
	object := Object{
		Kind:      scalarText(value(root, "kind")),
		Namespace: scalarText(value(metadata, "namespace")),
		Name:      scalarText(value(metadata, "name")),
	}
	return object, object.Kind != "" && object.Name != ""
}
