package manifest

import (
	"cmp"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Watch is a resource that tells a GitOps engine which branch and which folder of a
// repository to deploy.
type Watch struct {
	File     string
	Line     int    // of the branch, else of the path, else of the object; from 1
	Kind     string // Application, GitRepository or Kustomization
	Name     string
	URL      string // of the repository; empty for a Kustomization
	Revision string // the branch, or whatever else targetRevision says; empty for a Kustomization
	Path     string // the folder; empty for a GitRepository
	Source   string // of a Kustomization: the GitRepository that it reads, as namespace/name
	Key      string // of a GitRepository: what Source calls it
}

// Watches finds the resources of Argo CD and Flux in a file that watch a branch: an
// Application with each of its sources, a GitRepository, and a Kustomization of
// Flux. An ApplicationSet is left out: what its generators make is not known here.
// The only error is a [*Problem]: the file cannot be read as YAML.
// https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml
// https://fluxcd.io/flux/components/source/gitrepositories/
// https://fluxcd.io/flux/components/kustomize/kustomizations/
func Watches(file string, src []byte) ([]Watch, error) {
	s, err := read(file, src)
	if err != nil {
		return nil, err
	}
	var found []Watch
	for _, doc := range s.docs {
		if len(doc.Content) > 0 {
			found = append(found, s.watches(doc.Content[0])...)
		}
	}
	return found, nil
}

func (s *source) watches(root *yaml.Node) []Watch {
	spec, meta := value(root, "spec"), value(root, "metadata")
	name, namespace := scalarText(value(meta, "name")), scalarText(value(meta, "namespace"))
	w := Watch{File: s.file, Kind: scalarText(value(root, "kind")), Name: name}
	switch group := apiGroup(root); {
	case group == "argoproj.io" && w.Kind == "Application":
		var all []Watch
		for _, from := range append(items(spec, "sources"), value(spec, "source")) {
			if from == nil || from.Kind != yaml.MappingNode {
				continue
			}
			revision, folder := value(from, "targetRevision"), value(from, "path")
			w.URL, w.Revision, w.Path = scalarText(value(from, "repoURL")), scalarText(revision), scalarText(folder)
			w.Line = s.lineOf(revision, folder, from)
			all = append(all, w)
		}
		return all
	case group == "source.toolkit.fluxcd.io" && w.Kind == "GitRepository":
		branch := value(value(spec, "ref"), "branch")
		// Without a reference, Flux takes the branch master.
		w.URL, w.Revision, w.Key = scalarText(value(spec, "url")), cmp.Or(scalarText(branch), otherRef(spec), "master"), namespace+"/"+name
		w.Line = s.lineOf(branch, spec, root)
		return []Watch{w}
	case group == "kustomize.toolkit.fluxcd.io" && w.Kind == "Kustomization":
		from, folder := value(spec, "sourceRef"), value(spec, "path")
		if scalarText(value(from, "kind")) != "GitRepository" {
			return nil
		}
		w.Source = cmp.Or(scalarText(value(from, "namespace")), namespace) + "/" + scalarText(value(from, "name"))
		w.Path, w.Line = scalarText(folder), s.lineOf(folder, spec, root)
		return []Watch{w}
	}
	return nil
}

// otherRef is what a GitRepository follows instead of a branch.
func otherRef(spec *yaml.Node) string {
	ref := value(spec, "ref")
	return cmp.Or(scalarText(value(ref, "tag")), scalarText(value(ref, "semver")), scalarText(value(ref, "commit")), scalarText(value(ref, "name")))
}

func apiGroup(root *yaml.Node) string {
	version := scalarText(value(root, "apiVersion"))
	for i := range len(version) {
		if version[i] == '/' {
			return version[:i]
		}
	}
	return ""
}

// lineOf is the line of the first of the nodes that is there.
func (s *source) lineOf(nodes ...*yaml.Node) int {
	for _, node := range nodes {
		if node != nil {
			line, _ := s.where(node)
			return line
		}
	}
	return 1
}
