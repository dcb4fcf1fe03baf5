package promotion

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// ImageChange is what a promotion does to one image.
type ImageChange struct {
	Image string `json:"image"`
	From  string `json:"from,omitempty"` // the version in the environment now; empty when it is new there
	To    string `json:"to,omitempty"`   // the version that would land; empty when the image goes away
	Kind  string `json:"kind"`           // upgrade, downgrade, added, removed or changed
	// Step is how far apart the versions are: major, minor, patch or pre-release, each
	// with ", pre-release" when it leads to one; digest when the tag stays; else empty.
	Step string `json:"step,omitempty"`
	// Source is the address of what changed in the source of the image, if it is known.
	Source string `json:"source,omitempty"`

	built string // the address of the commit that the new version was built from
}

// versions are the images of an environment at one commit: what each image's
// references say, sorted, each once.
type versions map[string][]string

// contents are trees and files of the repository, fetched over the Git protocol.
type contents struct {
	objects *git.Objects
}

// fetch gets the trees of commits in one request.
func (s Source) fetch(ctx context.Context, commits ...string) (contents, error) {
	objects, err := s.Git.Fetch(ctx, commits...)
	return contents{objects}, err
}

// file is a readFile over fetched trees.
func (c contents) file(ctx context.Context, sha string) ([]byte, error) {
	return c.read(ctx, config.FileName, sha)
}

// read returns a file of a commit, or forge.ErrNotFound.
func (c contents) read(ctx context.Context, name, sha string) ([]byte, error) {
	files, err := c.objects.Files(sha, func(path string) bool { return path == name })
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("reading %s: %w", name, forge.ErrNotFound)
	}
	if err := c.objects.Load(ctx, files); err != nil {
		return nil, err
	}
	return c.objects.Content(files[0])
}

// place is an environment's files at a commit.
type place struct {
	env    config.Environment
	commit string
}

// images reads the versions of the images of several places. Files that cannot be
// read as YAML are named in the second result.
func (c contents) images(ctx context.Context, cfgImages []config.Image, places ...place) ([]versions, []string, error) {
	found, unreadable, err := c.survey(ctx, cfgImages, nil, places...)
	results := make([]versions, len(found))
	for i := range found {
		results[i] = deployed(found[i], cfgImages)
	}
	return results, unreadable, err
}

// survey finds the image references of several places. All missing files come in
// one request, and with them those that the caller needs besides, and the
// configuration, since the rules are asked for next.
func (c contents) survey(ctx context.Context, cfgImages []config.Image, besides []git.File, places ...place) ([][]manifest.Found, []string, error) {
	lists := make([][]git.File, len(places))
	all := slices.Clone(besides)
	for i, at := range places {
		files, err := c.objects.Files(at.commit, holdsImages(at.env, cfgImages))
		if err != nil {
			return nil, nil, err
		}
		rules, err := c.objects.Files(at.commit, func(path string) bool { return path == config.FileName })
		if err != nil {
			return nil, nil, err
		}
		lists[i] = files
		all = append(append(all, files...), rules...)
	}
	if err := c.objects.Load(ctx, all); err != nil {
		return nil, nil, err
	}
	var unreadable []string
	results := make([][]manifest.Found, len(places))
	for i, files := range lists {
		found, bad, err := c.find(files, cfgImages)
		if err != nil {
			return nil, nil, err
		}
		unreadable = append(unreadable, bad...)
		results[i] = found
	}
	slices.Sort(unreadable)
	return results, slices.Compact(unreadable), nil
}

// holdsImages says in which files of an environment images are looked for.
func holdsImages(env config.Environment, named []config.Image) func(path string) bool {
	return func(path string) bool {
		return env.Match(path) && manifest.IsYAML(path) && !manifest.Incidental(path) || len(config.FieldsIn(named, path)) > 0
	}
}

func (c contents) find(files []git.File, named []config.Image) (found []manifest.Found, unreadable []string, err error) {
	for _, file := range files {
		src, err := c.objects.Content(file)
		if err != nil {
			return nil, nil, err
		}
		var fields []manifest.Field
		for _, held := range config.FieldsIn(named, file.Path) {
			fields = append(fields, manifest.Field{Path: held.Path, Name: held.Repository})
		}
		here, err := manifest.Find(file.Path, src, fields...)
		var problem *manifest.Problem
		if errors.As(err, &problem) {
			unreadable = append(unreadable, file.Path)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		found = append(found, here...)
	}
	return found, unreadable, nil
}

// deployed says which versions the references in an environment's files amount
// to. A kustomization that sets an image overrides the manifests that it builds.
func deployed(found []manifest.Found, named []config.Image) versions {
	overridden := map[string]bool{}
	for _, ref := range found {
		if ref.Kind == manifest.Kustomize && ref.Image.Version() != "" {
			overridden[ref.Image.Repository()] = true
			if base, err := image.Parse(ref.Name); err == nil {
				overridden[base.Repository()] = true
			}
		}
	}
	result := versions{}
	for _, ref := range found {
		if ref.Kind == manifest.Container && overridden[ref.Image.Repository()] {
			continue
		}
		name := displayName(ref.Image, named)
		version := ref.Image.Version()
		if !slices.Contains(result[name], version) {
			result[name] = append(result[name], version)
			slices.Sort(result[name])
		}
	}
	return result
}

// displayName is the name that the configuration gives to an image, else its
// name as written.
func displayName(ref image.Reference, named []config.Image) string {
	for _, entry := range named {
		if other, err := image.Parse(entry.Repository); err == nil && entry.Name != "" && other.Same(ref) {
			return entry.Name
		}
	}
	return ref.Name
}

func (v versions) of(name string) string {
	known := slices.DeleteFunc(slices.Clone(v[name]), func(version string) bool { return version == "" })
	if len(known) == 0 && len(v[name]) > 0 {
		return "unset"
	}
	return strings.Join(known, ", ")
}

// changes lists the images that differ between two places, sorted by name.
func changes(now, next versions) []ImageChange {
	var list []ImageChange
	for _, name := range names(now, next) {
		from, to := now.of(name), next.of(name)
		if from != to {
			list = append(list, ImageChange{Image: name, From: from, To: to, Kind: kind(from, to), Step: step(from, to)})
		}
	}
	return list
}

func names(all ...versions) []string {
	var list []string
	for _, v := range all {
		for name := range v {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func kind(from, to string) string {
	switch {
	case from == "":
		return "added"
	case to == "":
		return "removed"
	}
	switch image.Compare(tag(from), tag(to)) {
	case image.Older:
		return "upgrade"
	case image.Newer:
		return "downgrade"
	}
	return "changed"
}

// tag is the tag of a version that may carry a digest.
func tag(version string) string {
	tag, _, _ := strings.Cut(version, "@")
	return tag
}

// semantic is a version as https://semver.org has it, with a leading v allowed, and
// one or two numbers for three.
var semantic = regexp.MustCompile(`^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(-.+)?$`)

// step says how far apart two versions are.
func step(from, to string) string {
	if from == "" || to == "" || strings.Contains(from+to, ", ") {
		return ""
	}
	if from != to && (tag(from) == tag(to) || strings.HasPrefix(from, "sha256:") && strings.HasPrefix(to, "sha256:")) {
		return "digest"
	}
	order := image.Compare(tag(from), tag(to))
	if order != image.Older && order != image.Newer {
		return ""
	}
	a, b := semantic.FindStringSubmatch(tag(from)), semantic.FindStringSubmatch(tag(to))
	if a == nil || b == nil {
		return ""
	}
	for i, name := range []string{"major", "minor", "patch"} {
		if number(a[i+1]) != number(b[i+1]) {
			if b[4] != "" {
				name += ", pre-release"
			}
			return name
		}
	}
	return "pre-release"
}

// number is a part of a version without what does not count.
func number(digits string) string {
	return strings.TrimLeft(digits, "0")
}
