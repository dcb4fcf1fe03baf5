package manifest

import (
	"errors"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// kustomizeShape is the field images: of a kustomization
// (https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/).
func kustomizeShape() shape {
	return shape{
		keys: []string{"apiVersion", "kind", "images", "name", "newName", "newTag", "digest", "tagSuffix"},
		find: findKustomize,
	}
}

func findKustomize(f *finder, m mapping) {
	if m.at.parent == nil && m.doc.kustomization {
		f.findEntries(m)
	}
}

// findEntries finds the entries of images:.
func (f *finder) findEntries(m mapping) {
	images := m.get("images").value
	if images == nil || images.Kind != yaml.SequenceNode {
		return
	}
	list := &place{parent: m.at, node: images, key: "images", object: m.at.object}
	for i, item := range images.Content {
		item = follow(item)
		if item.Kind != yaml.MappingNode {
			continue
		}
		at := &place{parent: list, node: item, index: i, object: m.at.object}
		findEntry(f, mapping{node: item, at: at, doc: m.doc, pairs: f.pairs(item)})
	}
}

func findEntry(f *finder, m mapping) {
	e := entry{name: m.get("name"), newName: m.get("newName"), newTag: m.get("newTag"), digest: m.get("digest")}
	for _, p := range []pair{e.name, e.newName, e.newTag, e.digest} {
		if !isScalar(p.value) {
			return
		}
	}
	if isEmpty(e.name.value) {
		return
	}
	ref, refusal := readVersion(scalarText(e.newTag.value), scalarText(e.digest.value))
	named := e.name
	if !isEmpty(e.newName.value) {
		named = e.newName
	}
	ref.Name = named.value.Value
	e.current = ref
	e.suffix = scalarText(m.get("tagSuffix").value)
	f.add(m, target{
		found:   Found{Kind: Kustomize, Path: m.at.path(), Name: e.name.value.Value, Image: ref},
		holder:  e,
		scalars: scalars{name: named.value, registry: e.name.value, tag: e.newTag.value, digest: e.digest.value},
		refusal: refusal,
	})
}

// entry is an entry of images:.
type entry struct {
	name, newName, newTag, digest pair
	suffix                        string
	current                       image.Reference
}

// errSuffix is about an entry that has a suffix and no version. kustomize adds the
// suffix to the tag of the resource only as long as the entry has neither a tag nor
// a digest (updater.go in its api/filters/imagetag), so both would switch it off.
var errSuffix = errors.New("the entry has a tagSuffix, which a tag would switch off: set the tag in the resource, or give one that ends in the suffix")

// assign keeps to the order of keys in kustomize's documentation: a missing key is
// written after the one that comes before it there.
func (e entry) assign(next image.Reference) ([]assignment, error) {
	if e.suffix != "" && e.current.Version() == "" && !strings.HasSuffix(next.Tag, e.suffix) {
		return nil, errSuffix
	}
	last := e.name
	var changes []assignment
	for _, part := range []struct {
		pair pair
		text string
		set  bool
	}{
		{e.newName, next.Name, next.Name != e.current.Name},
		{e.newTag, next.Tag, true},
		{e.digest, next.Digest, true},
	} {
		if part.set {
			changes = append(changes, assignment{pair: part.pair, text: part.text, after: last})
		}
		if part.pair.value != nil {
			last = part.pair
		}
	}
	return changes, nil
}

// isKustomization tells a kustomization or a component by its kind, by the name of
// its file, or by what images: holds when there is nothing else to go by. The
// Kustomization of Flux has another apiVersion.
func isKustomization(file string, root mapping) bool {
	apiVersion, kind := scalarText(root.get("apiVersion").value), scalarText(root.get("kind").value)
	if apiVersion != "" && !strings.HasPrefix(apiVersion, "kustomize.config.k8s.io/") {
		return false
	}
	switch kind {
	case "Kustomization", "Component":
		return true
	case "":
		return isKustomizationFile(file) || holdsEntries(root.get("images").value)
	}
	return false
}

func isKustomizationFile(file string) bool {
	switch filepath.Base(file) {
	case "kustomization.yaml", "kustomization.yml", "Kustomization":
		return true
	}
	return false
}

func holdsEntries(images *yaml.Node) bool {
	if images == nil || images.Kind != yaml.SequenceNode {
		return false
	}
	for _, item := range images.Content {
		keys := map[string]bool{}
		for i := 0; i+1 < len(item.Content); i += 2 {
			keys[item.Content[i].Value] = true
		}
		if keys["name"] && (keys["newName"] || keys["newTag"] || keys["tagSuffix"]) {
			return true
		}
	}
	return false
}
