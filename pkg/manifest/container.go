package manifest

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// containerShape is the key image: with a whole reference as its value, wherever
// it is: containers, init and ephemeral containers, the templates in CronJobs and
// custom resources, patches, and Helm values.
func containerShape() shape {
	return shape{keys: []string{"image", "apiVersion", "kind"}, find: findContainer}
}

func findContainer(f *finder, m mapping) {
	p := m.get("image")
	ref, ok := f.wholeImage(p.value)
	if !ok {
		return
	}
	if ref.Version() == "" && hasParts(m) {
		return // the version is beside it: see helm.go
	}
	f.add(m, target{
		found:   Found{Kind: m.kind(), Path: m.at.path("image"), Image: ref},
		holder:  whole{p},
		scalars: scalars{name: p.value},
		bare:    ref.Version() == "",
	})
}

// kind tells images in Helm values from those in Kubernetes objects.
func (m mapping) kind() Kind {
	if !m.doc.kubernetes || m.at.inValues() {
		return Helm
	}
	return Container
}

// inValues reports whether a place is in the Helm values that a Kubernetes object
// holds: of a HelmRelease, or of a source of Argo CD.
func (p *place) inValues() bool {
	release, application := p.isA("helm.toolkit.fluxcd.io/"), p.isA("argoproj.io/")
	for ; (release || application) && p.parent != nil; p = p.parent {
		if release && p.key == "values" && p.parent.key == "spec" || application && p.key == "valuesObject" && p.parent.key == "helm" {
			return true
		}
	}
	return false
}

// wholeImage reads a scalar that is a whole reference, and that was not found
// before. Numbers and booleans are none, although "1" is in the grammar.
func (f *finder) wholeImage(n *yaml.Node) (image.Reference, bool) {
	if !isText(n) || f.seen[scalars{name: n}] {
		return image.Reference{}, false
	}
	return f.parse(n.Value)
}

// whole is a reference in one scalar.
type whole struct{ pair pair }

func (w whole) assign(next image.Reference) ([]assignment, error) {
	return []assignment{{pair: w.pair, text: next.String()}}, nil
}

// isKubernetes reports whether a document is a Kubernetes object, a strategic
// merge patch for one, or a JSON patch.
func isKubernetes(root *yaml.Node) bool {
	if root.Kind == yaml.SequenceNode {
		return len(root.Content) > 0 && isOperation(root.Content[0])
	}
	if root.Kind != yaml.MappingNode {
		return false
	}
	keys := map[string]bool{}
	foreign := false
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch key := root.Content[i].Value; key {
		case "apiVersion", "kind", "metadata", "spec", "status":
			keys[key] = true
		default:
			foreign = true
		}
	}
	// A patch whose target is named in the kustomization has neither apiVersion nor
	// kind; then it has nothing else but spec and metadata.
	return keys["kind"] && (keys["apiVersion"] || keys["metadata"]) || keys["spec"] && !foreign
}

// isObject reports whether the mapping is a Kubernetes object as a whole.
func (m mapping) isObject() bool {
	if m.at.isRoot() {
		return m.doc.kubernetes
	}
	return m.get("apiVersion").value != nil && m.get("kind").value != nil
}
