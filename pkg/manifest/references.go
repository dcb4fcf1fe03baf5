package manifest

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// References lists the files and folders that a kustomization names: what it
// builds on, what it patches with, what it generates from. They are paths from the
// root of the repository, like file itself, sorted, each once; whether they exist
// is not looked at. Addresses of other repositories and paths that lead out of
// this one are left out. A file that is no kustomization has none. The only error
// is a [*Problem]: the file cannot be read as YAML.
// https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
func References(file string, src []byte) ([]string, error) {
	s, err := read(file, src)
	if err != nil {
		return nil, err
	}
	r := &references{dir: path.Dir(file)}
	for _, doc := range s.docs {
		if len(doc.Content) > 0 && namesFiles(file, doc.Content[0]) {
			r.kustomization(doc.Content[0])
		}
	}
	slices.Sort(r.paths)
	return slices.Compact(r.paths), nil
}

// namesFiles reports whether a document is a kustomization or a component of
// kustomize; the Kustomization of Flux has another apiVersion.
func namesFiles(file string, root *yaml.Node) bool {
	apiVersion, kind := scalarText(value(root, "apiVersion")), scalarText(value(root, "kind"))
	if apiVersion != "" && !strings.HasPrefix(apiVersion, "kustomize.config.k8s.io/") {
		return false
	}
	return kind == "Kustomization" || kind == "Component" || kind == "" && IsKustomization(file)
}

type references struct {
	dir   string
	paths []string
}

func (r *references) kustomization(root *yaml.Node) {
	for _, key := range []string{"resources", "bases", "components", "crds", "configurations", "generators",
		"transformers", "validators", "patchesStrategicMerge", "patches", "patchesJson6902", "replacements"} {
		for _, item := range items(root, key) {
			r.add(scalarText(item))
			r.add(scalarText(value(item, "path")))
		}
	}
	for _, key := range []string{"configMapGenerator", "secretGenerator"} {
		for _, item := range items(root, key) {
			r.generator(item)
		}
	}
	for _, chart := range items(root, "helmCharts") {
		r.add(scalarText(value(chart, "valuesFile")))
		for _, file := range items(chart, "additionalValuesFiles") {
			r.add(scalarText(file))
		}
	}
	r.add(scalarText(value(value(root, "openapi"), "path")))
}

// generator reads an entry of configMapGenerator or secretGenerator, where a file
// may have a name before it: config.yaml=files/config.yaml.
func (r *references) generator(item *yaml.Node) {
	for _, key := range []string{"files", "envs"} {
		for _, file := range items(item, key) {
			text := scalarText(file)
			r.add(text[strings.LastIndexByte(text, '=')+1:])
		}
	}
	r.add(scalarText(value(item, "env")))
}

// add keeps a path. What has a line break is a patch in its own words; what has a
// colon is the address of another repository.
func (r *references) add(text string) {
	if text == "" || strings.ContainsAny(text, "\n:") || path.IsAbs(text) {
		return
	}
	joined := path.Join(r.dir, text)
	if joined == ".." || strings.HasPrefix(joined, "../") {
		return
	}
	r.paths = append(r.paths, joined)
}

// value returns what a mapping has under a key, with an alias followed; nil if
// there is no such key. The last of two equal keys counts.
func value(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var found *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			found = follow(n.Content[i+1])
		}
	}
	return found
}

// items returns the items of the list that a mapping has under a key.
func items(n *yaml.Node, key string) []*yaml.Node {
	list := value(n, key)
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]*yaml.Node, len(list.Content))
	for i, item := range list.Content {
		all[i] = follow(item)
	}
	return all
}
