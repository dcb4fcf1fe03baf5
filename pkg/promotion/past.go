package promotion

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// The trailers that tell of versions. Rollback-Of and Release-Of have an image with
// a tag, a digest or both, as Pawl-Image does; Pawl-Allow-Downgrade has an image, the
// version before and the version after.
const (
	trailerImage    = "Pawl-Image"
	trailerLowered  = "Pawl-Allow-Downgrade"
	trailerRollback = "Rollback-Of"
	trailerRelease  = "Release-Of"
)

// maxPast bounds how many commits of the environments are read for their trailers,
// unless the caller says so. They are some 20 MB.
const maxPast = 100_000

// gatherVersions reads which versions the commit brings, and what the histories of
// the environments tell of them.
func (s Source) gatherVersions(ctx context.Context, facts *gate.Facts, rules policy, at scene, commits []forge.Commit) {
	trees, err := at.trees.Get()
	if err != nil {
		facts.Images, facts.Lowered = gate.Unread[[]gate.Image](err), gate.Unread[[]gate.Lowered](err)
		return
	}
	comparison := facts.Comparison.Value
	found, _, err := trees.survey(ctx, rules.Images, nil, place{rules.To, comparison.Base}, place{rules.To, comparison.Head})
	if err != nil {
		facts.Images, facts.Lowered = gate.Unread[[]gate.Image](err), gate.Unread[[]gate.Lowered](err)
		return
	}
	now, next := deployed(found[0], rules.Images), deployed(found[1], rules.Images)
	for _, ref := range slices.Concat(found...) {
		at.names.add(displayName(ref.Image, rules.Images), ref)
	}
	images := []gate.Image{}
	for _, name := range names(now, next) {
		images = append(images, gate.Image{Name: name, Now: now[name], Next: next[name]})
	}
	facts.Images = gate.Known(images)
	facts.Lowered = gate.Known(lowered(at.names, commits))
	s.gatherPast(ctx, facts, rules, at)
}

// gatherPast reads the histories of the environments: which versions were taken back,
// and which came first.
func (s Source) gatherPast(ctx context.Context, facts *gate.Facts, rules policy, at scene) {
	facts.RolledBack, facts.Introduced = gate.Fact[[]gate.RolledBack]{}, map[string]gate.Fact[[][]string]{}
	names, tips, err := at.heads(rules.All)
	var history past
	if err == nil {
		var read git.Ancestry
		limit := cmp.Or(s.Past, maxPast)
		read, err = s.Git.Ancestry(ctx, limit, tips...)
		history = newPast(read, limit, names, tips)
	}
	facts.RolledBack = gate.Unread[[]gate.RolledBack](err)
	if err == nil {
		facts.RolledBack = gate.Lookup(history.rolledBack(at.names, facts.Images.Value))
	}
	first := err == nil && names[0] == rules.All[0].Name
	for _, img := range facts.Images.Value {
		switch {
		case slices.Equal(img.Now, img.Next):
		case err != nil:
			facts.Introduced[img.Name] = gate.Unread[[][]string](err)
		case !first: // nobody knows in which order versions came
			facts.Introduced[img.Name] = gate.Known([][]string{})
		default:
			facts.Introduced[img.Name] = gate.Lookup(history.introduced(at.names, img))
		}
	}
	if wanted := gate.NeedsOrder(*facts); first && len(wanted) > 0 {
		order, err := s.introductions(ctx, rules, at, history, wanted)
		for _, name := range wanted {
			facts.Introduced[name] = gate.Lookup(order[name], err)
		}
	}
}

// nameBook holds the names under which an image goes: those of its references, by
// the name that it has in tables and verdicts.
type nameBook map[string][]string

func (b nameBook) add(name string, ref manifest.Found) {
	for _, other := range []string{ref.Name, ref.Image.Name} {
		if !slices.Contains(b[name], other) {
			b[name] = append(b[name], other)
		}
	}
}

// of returns the names that tables have for an image.
func (b nameBook) of(written string) []string {
	var list []string
	for name, others := range b {
		if slices.ContainsFunc(others, func(other string) bool {
			return other == written || image.Reference{Name: other}.Same(image.Reference{Name: written})
		}) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// trailers returns the values of the trailers of one key.
func trailers(message, key string) []string {
	var values []string
	for _, trailer := range git.Trailers(message) {
		if trailer.Key == key {
			values = append(values, trailer.Value)
		}
	}
	return values
}

// cutReference takes NAME:TAG, NAME@DIGEST or NAME:TAG@DIGEST apart. What is none of
// them has no version.
func cutReference(text string) (name, version string) {
	if strings.ContainsAny(text, " \t") {
		return "", ""
	}
	name, _, _ = strings.Cut(text, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name, strings.TrimLeft(text[len(name):], ":@")
}

// lowered lists what the commits of the promotion lowered on purpose.
func lowered(known nameBook, commits []forge.Commit) []gate.Lowered {
	list := []gate.Lowered{}
	for _, commit := range commits {
		for _, value := range trailers(commit.Message, trailerLowered) {
			fields := strings.Fields(value)
			if len(fields) != 3 {
				continue
			}
			for _, name := range known.of(fields[0]) {
				list = append(list, gate.Lowered{Image: name, From: fields[1], To: fields[2], Commit: commit.SHA})
			}
		}
	}
	return list
}
