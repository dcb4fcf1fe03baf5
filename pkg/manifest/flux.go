package manifest

// fluxShape is images: of Flux, which is the images: of a kustomization: in the spec
// of a Kustomization
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#images), and in the
// post renderers of a HelmRelease.
func fluxShape() shape {
	return shape{keys: []string{"apiVersion", "kind", "images", "name", "newName", "newTag", "digest", "tagSuffix"}, find: findFlux}
}

func findFlux(f *finder, m mapping) {
	if m.at.isA("kustomize.toolkit.fluxcd.io/") && m.at.key == "spec" || m.at.isA("helm.toolkit.fluxcd.io/") && m.at.key == "kustomize" {
		f.findEntries(m)
	}
}
