package config

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/getpawl/pawl/pkg/image"
)

// config reads the whole file.
func (r *reader) config(v value) *Config {
	c := &Config{}
	r.mapping(v,
		key{name: "version", required: true, read: func(v value) { c.Version = r.number(v, Version, Version) }},
		key{name: "environments", required: true, read: func(v value) { c.Environments = r.environments(v) }},
		key{name: "images", read: func(v value) { c.Images = r.images(v) }},
	)
	return c
}

// placed is an environment with the places of what is compared between environments.
type placed struct {
	Environment
	name, branch, paths, gates value
	pathsValid                 bool
}

func (r *reader) environments(v value) []Environment {
	var all []placed
	r.list(v, maxEnvironments, func(item value) { all = append(all, r.environment(item)) })
	r.distinct(all)
	r.samePaths(all)
	if len(all) > 0 && all[0].gates.Node != nil {
		r.problem(all[0].gates, "nothing is promoted into the first environment, so its gates would never be asked; "+
			"put them on the environment that they protect")
	}
	environments := make([]Environment, len(all))
	for i := range all {
		environments[i] = all[i].Environment
	}
	return environments
}

func (r *reader) environment(v value) placed {
	var e placed
	r.mapping(v,
		key{name: "name", required: true, read: func(v value) {
			if name, ok := r.text(v, checkName); ok {
				e.Name, e.name = name, v
			}
		}},
		key{name: "branch", required: true, read: func(v value) {
			if branch, ok := r.text(v, checkBranch); ok {
				e.Branch, e.branch = branch, v
			}
		}},
		key{name: "paths", read: func(v value) {
			before := len(r.problems)
			e.Paths, e.paths = r.texts(v, maxPaths, checkPath), v
			e.pathsValid = len(r.problems) == before
		}},
		key{name: "gates", read: func(v value) { e.Gates, e.gates = r.gates(v), v }},
		key{name: "repository", lacks: "environments in other repositories"},
	)
	return e
}

func (r *reader) gates(v value) Gates {
	var g Gates
	if v.Kind == yaml.MappingNode && len(v.Content) == 0 {
		r.problem(v, "there are no gates in here; remove the key, or write at least one")
	}
	r.mapping(v,
		key{name: "checks", read: func(v value) { g.Checks = r.texts(v, maxChecks, checkGlob) }},
		key{name: "approvals", read: func(v value) { g.Approvals = r.number(v, 0, maxApprovals) }},
		key{name: "soak", lacks: "soak times"},
		key{name: "freeze", lacks: "freeze windows"},
	)
	return g
}

// distinct refuses two environments of the same name, or on the same branch.
func (r *reader) distinct(all []placed) {
	names, branches := lines{}, lines{}
	for _, e := range all {
		if e.name.Node != nil {
			r.once(names, e.Name, e.name, "there is an environment of this name already")
		}
		if e.branch.Node != nil {
			r.once(branches, e.Branch, e.branch, "this version of pawl does not support several environments on one branch; "+
				"there is one on this branch already")
		}
	}
}

// samePaths fills in the default and refuses environments whose paths differ:
// moving a release between different paths means to copy image versions, and a
// fast-forward would do something else.
func (r *reader) samePaths(all []placed) {
	last, known := defaultPaths(), false
	for i := range all {
		e := &all[i]
		if e.paths.Node == nil {
			e.Paths = slices.Clone(last)
			known = known || i == 0
			continue
		}
		if known && e.pathsValid && !sameTexts(e.Paths, last) {
			r.problem(e.paths, "the paths differ from those of the environment before; "+
				"this version of pawl does not support copying image versions between paths")
		}
		last, known = e.Paths, e.pathsValid
	}
}

func sameTexts(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// imageLines tells where the names, repositories and fields of all images are. If
// one stood for two images, it would be open which of them a command means.
type imageLines struct {
	names, repositories, fields lines
}

func (r *reader) images(v value) []Image {
	var images []Image
	seen := imageLines{lines{}, lines{}, lines{}}
	r.list(v, maxImages, func(item value) { images = append(images, r.image(item, seen)) })
	return images
}

func (r *reader) image(v value, seen imageLines) Image {
	var found Image
	r.mapping(v,
		key{name: "name", required: true, read: func(v value) {
			if name, ok := r.text(v, checkImageName); ok {
				found.Name = name
				r.once(seen.names, name, v, "there is an image of this name already")
			}
		}},
		key{name: "repository", required: true, read: func(v value) {
			if repository, ok := r.text(v, checkRepository); ok {
				found.Repository = repository
				r.once(seen.repositories, image.Reference{Name: repository}.Repository(), v, "there is an image from this repository already")
			}
		}},
		key{name: "source", read: func(v value) { found.Source, _ = r.text(v, checkSource) }},
		key{name: "fields", read: func(v value) {
			r.list(v, maxFields, func(item value) { found.Fields = append(found.Fields, r.field(item, seen)) })
		}},
	)
	return found
}

func (r *reader) field(v value, seen imageLines) Field {
	var field Field
	r.mapping(v,
		key{name: "file", required: true, read: func(v value) { field.File, _ = r.text(v, checkPath) }},
		key{name: "path", required: true, read: func(v value) { field.Path, _ = r.text(v, checkKeyPath) }},
	)
	if field.File != "" && field.Path != "" {
		r.once(seen.fields, field.File+"\n"+field.Path, v, "this field is there already")
	}
	return field
}
