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
		key{name: "requireVerified", read: func(v value) { e.RequireVerified = r.boolean(v) }},
		key{name: "repository", lacks: "environments in other repositories"},
	)
	return e
}

func (r *reader) gates(v value) Gates {
	var g Gates
	if v.Kind == yaml.MappingNode && len(v.Content) == 0 {
		r.problem(v, "there are no gates in here; remove the key, or write at least one")
	}
	at := map[string]value{}
	keys := r.gateKeys(&g)
	for i := range keys {
		read := keys[i].read
		keys[i].read = func(v value) {
			at[keys[i].name] = v
			read(v)
		}
	}
	r.mapping(v, keys...)
	r.idle(g, at)
	return g
}

func (r *reader) gateKeys(g *Gates) []key {
	return []key{
		{name: "requireCurrent", read: func(v value) { g.RequireCurrent = r.boolean(v) }},
		{name: "checks", read: func(v value) { g.Checks = r.checks(v) }},
		{name: "accept", read: func(v value) { g.Accept = r.texts(v, len(acceptable()), checkAccept) }},
		{name: "missingTimeout", read: func(v value) { g.MissingTimeout = r.duration(v) }},
		{name: "approvals", read: func(v value) { g.Approvals = r.number(v, 0, maxApprovals) }},
		{name: "botApprovers", read: func(v value) { g.BotApprovers = r.texts(v, maxBots, checkAccount) }},
		{name: "codeOwners", read: func(v value) { g.CodeOwners = r.boolean(v) }},
		{name: "separateDuties", read: func(v value) { g.SeparateDuties = r.boolean(v) }},
		{name: "soak", read: func(v value) { g.Soak = r.duration(v) }},
		{name: "freeze", read: func(v value) { g.Freeze = r.freeze(v) }},
		{name: "images", read: func(v value) { g.Images = r.imageRules(v) }},
		{name: "changes", read: func(v value) { g.Changes = r.changeRules(v) }},
		{name: "secrets", read: func(v value) { g.Secrets, _ = r.text(v, checkSwitch) }},
	}
}

// idle refuses keys that change a gate which is not there.
func (r *reader) idle(g Gates, at map[string]value) {
	needs := func(there bool, gate string, names ...string) {
		for _, name := range names {
			if v, written := at[name]; written && !there {
				r.problem(v, "this changes nothing without %s", gate)
			}
		}
	}
	_, checks := at["checks"]
	needs(checks, "checks", "accept", "missingTimeout")
	needs(g.Approvals > 0 || g.CodeOwners, "approvals", "botApprovers", "separateDuties")
}

func (r *reader) checks(v value) []Check {
	var checks []Check
	seen := lines{}
	r.list(v, maxChecks, func(item value) {
		before := len(r.problems)
		check := r.check(item)
		if len(r.problems) == before && r.once(seen, check.Name+"\n"+check.App, item, "this is in the list already") {
			checks = append(checks, check)
		}
	})
	return checks
}

// check reads a name, or a mapping of a name and the app that must have reported it.
func (r *reader) check(v value) Check {
	var check Check
	if v.Kind != yaml.MappingNode {
		check.Name, _ = r.text(v, checkGlob)
		return check
	}
	r.mapping(v,
		key{name: "name", required: true, read: func(v value) { check.Name, _ = r.text(v, checkGlob) }},
		key{name: "app", required: true, read: func(v value) { check.App, _ = r.text(v, checkAccount) }},
	)
	return check
}

func (r *reader) imageRules(v value) *ImageRules {
	rules := &ImageRules{}
	r.mapping(v,
		key{name: "allowDowngrade", read: func(v value) { rules.AllowDowngrade = r.boolean(v) }},
		key{name: "allowUnordered", read: func(v value) { rules.AllowUnordered = r.boolean(v) }},
		key{name: "allowMutable", read: func(v value) { rules.AllowMutable = r.boolean(v) }},
		key{name: "requireDigest", read: func(v value) { rules.RequireDigest = r.boolean(v) }},
	)
	return rules
}

func (r *reader) changeRules(v value) *ChangeRules {
	rules := &ChangeRules{}
	r.mapping(v,
		key{name: "allow", read: func(v value) { rules.Allow = r.texts(v, maxPaths, checkPath) }},
		key{name: "policy", read: func(v value) { rules.Policy = r.boolean(v) }},
		key{name: "workflows", read: func(v value) { rules.Workflows = r.boolean(v) }},
		key{name: "symlinks", read: func(v value) { rules.Symlinks = r.boolean(v) }},
		key{name: "submodules", read: func(v value) { rules.Submodules = r.boolean(v) }},
		key{name: "modes", read: func(v value) { rules.Modes = r.boolean(v) }},
	)
	return rules
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
	last, known := DefaultPaths(), false
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
