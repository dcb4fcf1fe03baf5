package manifest

import (
	"cmp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Watch is a resource that tells a GitOps engine which branch and which folder of a
// repository to deploy.
type Watch struct {
	File     string
	Line     int    // of the branch, else of the path, else of the object; from 1
	Kind     string // Application, ApplicationSet, GitRepository or Kustomization
	Name     string
	URL      string // of the repository; empty for a Kustomization
	Revision string // the branch, or whatever else targetRevision says; empty for a Kustomization
	Path     string // the folder; empty for a GitRepository
	Pattern  bool   // Path stands for several folders, or a part of it is filled in later
	Field    string // where the branch is written: spec.source.targetRevision, …
	Source   string // of a Kustomization: the GitRepository that it reads, as namespace/name
	Key      string // of a GitRepository: what Source calls it
}

// Watches finds the resources of Argo CD and Flux in a file that watch a branch: an
// Application with each of its sources, an ApplicationSet, a GitRepository, and a
// Kustomization of Flux. A repository or a branch that is filled in later, by a
// generator or a substitution, is not known here, and what it belongs to left out.
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
		if len(doc.Content) == 0 {
			continue
		}
		for _, w := range s.watches(doc.Content[0]) {
			if !filledIn(w.URL) && !filledIn(w.Revision) && !slices.Contains(found, w) {
				found = append(found, w)
			}
		}
	}
	return found, nil
}

// filledIn says whether a text gets its value, or a part of it, elsewhere: {{ }} of
// an ApplicationSet or a Helm template, ${ } of Flux and envsubst.
func filledIn(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "${")
}

func (s *source) watches(root *yaml.Node) []Watch {
	spec, meta := value(root, "spec"), value(root, "metadata")
	name, namespace := scalarText(value(meta, "name")), scalarText(value(meta, "namespace"))
	w := Watch{File: s.file, Kind: scalarText(value(root, "kind")), Name: name}
	switch group := apiGroup(root); {
	case group == "argoproj.io" && w.Kind == "Application":
		return s.applications(w, "spec.", spec, nil)
	case group == "argoproj.io" && w.Kind == "ApplicationSet":
		return s.applicationSet(w, spec)
	case group == "source.toolkit.fluxcd.io" && w.Kind == "GitRepository":
		ref := value(spec, "ref")
		w.URL, w.Revision, w.Key, w.Field = scalarText(value(spec, "url")), followed(ref), namespace+"/"+name, "spec.ref.branch"
		w.Line = s.lineOf(value(ref, "branch"), spec, root)
		return []Watch{w}
	case group == "kustomize.toolkit.fluxcd.io" && w.Kind == "Kustomization":
		from, folder := value(spec, "sourceRef"), value(spec, "path")
		if scalarText(value(from, "kind")) != "GitRepository" {
			return nil
		}
		w.Source = cmp.Or(scalarText(value(from, "namespace")), namespace) + "/" + scalarText(value(from, "name"))
		w.Path, w.Line = scalarText(folder), s.lineOf(folder, spec, root)
		w.Pattern = filledIn(w.Path)
		return []Watch{w}
	}
	return nil
}

// followed is what a GitRepository follows. Of several, the most exact one counts;
// without any, it is the branch master.
// https://fluxcd.io/flux/components/source/gitrepositories/#reference
func followed(ref *yaml.Node) string {
	for _, kind := range []string{"commit", "name", "semver", "tag", "branch"} {
		if text := scalarText(value(ref, kind)); text != "" {
			return text
		}
	}
	return "master"
}

// applications reads the sources of an Application's spec, of which several win over
// a single one. What they leave empty comes from the spec below, if there is one.
// Field names begin with prefix.
func (s *source) applications(w Watch, prefix string, spec, below *yaml.Node) []Watch {
	sources, field := items(spec, "sources"), "sources[]"
	if len(sources) == 0 {
		sources = items(below, "sources")
	}
	var rest *yaml.Node
	if len(sources) == 0 {
		sources, field, rest = []*yaml.Node{value(spec, "source")}, "source", value(below, "source")
	}
	var all []Watch
	for _, from := range sources {
		pick := func(key string) *yaml.Node {
			if own := value(from, key); scalarText(own) != "" {
				return own
			}
			return value(rest, key)
		}
		address, revision, folder := pick("repoURL"), pick("targetRevision"), pick("path")
		w.URL, w.Revision, w.Path = scalarText(address), scalarText(revision), scalarText(folder)
		w.Pattern, w.Field = filledIn(w.Path), prefix+field+".targetRevision"
		w.Line = s.lineOf(revision, folder, from, rest)
		if w.URL != "" {
			all = append(all, w)
		}
	}
	return all
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
