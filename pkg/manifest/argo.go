package manifest

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/getpawl/pawl/pkg/image"
)

// argoImagesShape is kustomize.images of a source of Argo CD, in an Application or
// in the template of an ApplicationSet: texts that "kustomize edit set image" takes,
// NAME:TAG, NAME@DIGEST or NAME=NEWNAME:TAG
// (https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/).
func argoImagesShape() shape {
	return shape{keys: []string{"apiVersion", "kind", "images"}, find: findArgoImages}
}

func findArgoImages(f *finder, m mapping) {
	images := m.get("images").value
	if m.at.key != "kustomize" || !m.at.isA("argoproj.io/") || images == nil || images.Kind != yaml.SequenceNode {
		return
	}
	list := &place{parent: m.at, node: images, key: "images", object: m.at.object}
	in := mapping{node: images, at: list, doc: m.doc}
	for i, item := range images.Content {
		f.addOverride(in, pair{raw: item, value: follow(item), in: images, index: i})
	}
}

// addOverride adds one text of the list, if it is one that can be read.
func (f *finder) addOverride(in mapping, p pair) {
	if !isText(p.value) {
		return
	}
	name, text, renames := strings.Cut(p.value.Value, "=")
	if !renames {
		text = name
	}
	ref, ok := f.parse(text)
	if !ok {
		return
	}
	o := override{pair: p}
	if renames {
		o.name = name
	} else {
		name = ref.Name
	}
	f.add(in, target{
		found:   Found{Kind: Kustomize, Path: join(in.at.path(), p.step()), Name: name, Image: ref},
		holder:  o,
		scalars: scalars{name: p.value},
	})
}

// override is NAME=REFERENCE, or REFERENCE alone.
type override struct {
	pair pair
	name string
}

func (o override) assign(next image.Reference) ([]assignment, error) {
	text := next.String()
	if o.name != "" {
		text = o.name + "=" + text
	} else if current, err := image.Parse(o.pair.value.Value); err == nil && current.Name != next.Name {
		text = current.Name + "=" + text // the resources go on having the old name
	}
	return []assignment{{pair: o.pair, text: text}}, nil
}

// objectByName returns what a file belongs to by its name: .argocd-source.yaml and
// .argocd-source-NAME.yaml hold what Argo CD puts over the source of an Application
// (https://argo-cd.readthedocs.io/en/stable/user-guide/parameters/#store-overrides-in-git).
func objectByName(file string) string {
	base := filepath.Base(file)
	if IsYAML(base) && (strings.HasPrefix(base, ".argocd-source.") || strings.HasPrefix(base, ".argocd-source-")) {
		return "argoproj.io/"
	}
	return ""
}

// argoParametersShape is helm.parameters of a source of Argo CD: names like
// "api.image.repository" and "api.image.tag" with their values. Together they are
// the values of a chart, so they are read as such.
func argoParametersShape() shape {
	return shape{keys: []string{"apiVersion", "kind", "parameters", "name", "value"}, find: findArgoParameters}
}

func findArgoParameters(f *finder, m mapping) {
	parameters := m.get("parameters").value
	if m.at.key != "helm" || !m.at.isA("argoproj.io/") || parameters == nil || parameters.Kind != yaml.SequenceNode {
		return
	}
	list := &place{parent: m.at, node: parameters, key: "parameters", object: m.at.object}
	var order []string
	groups := map[string][]pair{}
	for i, item := range parameters.Content {
		item = follow(item)
		if item.Kind != yaml.MappingNode {
			continue
		}
		pairs := mapping{node: item, pairs: f.pairs(item)}
		name, value := scalarText(pairs.get("name").value), pairs.get("value")
		if name == "" || value.value == nil {
			continue
		}
		dot := strings.LastIndexByte(name, '.')
		prefix := name[:max(dot, 0)]
		if groups[prefix] == nil {
			order = append(order, prefix)
		}
		value.name, value.index = name[dot+1:], i
		groups[prefix] = append(groups[prefix], value)
	}
	for _, prefix := range order {
		f.addParameters(mapping{node: parameters, at: list, doc: m.doc, pairs: groups[prefix]}, prefix)
	}
}

// addParameters finds the image among the parameters with one prefix.
func (f *finder) addParameters(m mapping, prefix string) {
	list := m.at.path()
	m.at = &place{parent: m.at, node: m.node, key: prefix, object: m.at.object}
	t, ok := f.wholeParameter(m)
	if !ok {
		t, ok = f.partsTarget(m)
	}
	if !ok {
		return
	}
	version, seen := t.scalars.version(), map[string]bool{}
	for _, p := range m.pairs {
		if p.value == version {
			t.found.Path = join(list, "["+strconv.Itoa(p.index)+"]") + ".value"
		}
		if seen[p.name] && slices.Contains(helmShape().keys, p.name) {
			t.refusal = "the parameter " + quote(strings.TrimPrefix(prefix+"."+p.name, ".")) + " is there twice"
		}
		seen[p.name] = true
	}
	f.add(m, t)
}

// wholeParameter is a parameter "image" or "api.image" that holds a whole reference.
func (f *finder) wholeParameter(m mapping) (target, bool) {
	p := m.get("image")
	ref, ok := f.wholeImage(p.value)
	if !ok || ref.Version() == "" && hasParts(m) {
		return target{}, false
	}
	return target{
		found:   Found{Kind: Helm, Image: ref},
		holder:  whole{p},
		scalars: scalars{name: p.value},
		bare:    ref.Version() == "",
	}, true
}
