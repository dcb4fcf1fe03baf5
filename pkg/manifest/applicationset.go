package manifest

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// applicationSet finds what the Applications watch that an ApplicationSet makes, and
// what its Git generators read, as far as its text says it.
// https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Template/
func (s *source) applicationSet(w Watch, spec *yaml.Node) []Watch {
	generators := items(spec, "generators")
	var all []Watch
	for _, generator := range generators {
		all = append(all, s.gitGenerators(w, generator)...)
	}
	// A patch that is a template can put anything there.
	if strings.Contains(scalarText(value(spec, "templatePatch")), "source") {
		return all
	}
	template := value(value(spec, "template"), "spec")
	if len(generators) == 0 {
		return append(all, s.applications(w, "spec.template.spec.", template, nil)...)
	}
	for _, generator := range generators {
		all = append(all, s.generated(w, generator, template)...)
	}
	return all
}

// generated are the Applications of one generator, whose own template wins over the
// one of the ApplicationSet where it says something. The folders of a Git generator
// are known even where the template does not name them.
// https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Template/#generator-templates
func (s *source) generated(w Watch, generator, template *yaml.Node) []Watch {
	var all []Watch
	for name, kind := range pairs(generator) {
		if name.Value == "selector" {
			continue
		}
		made := s.applications(w, "spec.template.spec.", template, nil)
		if own := value(value(kind, "template"), "spec"); own != nil {
			made = s.applications(w, "spec.generators[]."+name.Value+".template.spec.", own, template)
		}
		var folders []string
		if value(kind, "pathParamPrefix") == nil {
			folders = patterns(kind, "directories")
		}
		for _, each := range made {
			if !isGeneratedPath(each.Path) || len(folders) == 0 {
				all = append(all, each)
				continue
			}
			for _, folder := range folders {
				each.Path = folder
				all = append(all, each)
			}
		}
	}
	return all
}

// isGeneratedPath says whether a path is nothing but the folder that a Git generator
// found, in the words of either kind of template.
// https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators-Git/
func isGeneratedPath(path string) bool {
	switch strings.ReplaceAll(path, " ", "") {
	case "{{path}}", "{{path.path}}", "{{.path.path}}":
		return true
	}
	return false
}

// gitGenerators finds the Git generators in a generator, also where a matrix or a
// merge combines several: the branch that they read decides what is deployed.
func (s *source) gitGenerators(w Watch, generator *yaml.Node) []Watch {
	var all []Watch
	for _, combined := range []string{"matrix", "merge"} {
		for _, nested := range items(value(generator, combined), "generators") {
			all = append(all, s.gitGenerators(w, nested)...)
		}
	}
	from := value(generator, "git")
	address, revision := value(from, "repoURL"), value(from, "revision")
	w.URL, w.Revision = scalarText(address), scalarText(revision)
	w.Field, w.Pattern, w.Line = "spec.generators[].git.revision", true, s.lineOf(revision, address)
	if w.URL == "" {
		return all
	}
	for _, w.Path = range append(patterns(from, "directories"), patterns(from, "files")...) {
		all = append(all, w)
	}
	return all
}

// patterns are the folders or files that a Git generator looks for.
func patterns(git *yaml.Node, key string) []string {
	var all []string
	for _, each := range items(git, key) {
		if text := scalarText(value(each, "path")); text != "" && scalarText(value(each, "exclude")) != "true" {
			all = append(all, text)
		}
	}
	return all
}
