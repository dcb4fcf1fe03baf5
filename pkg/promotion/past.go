package promotion

import (
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

// generations bounds how far back the histories of the environments are read.
const generations = 500

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
	facts.RolledBack, facts.Introduced = gate.Fact[[]gate.RolledBack]{}, map[string]gate.Fact[[]string]{}
	names, tips, err := at.heads(rules.All)
	var histories [][]git.Commit
	if err == nil {
		histories, err = s.Git.Ancestry(ctx, generations, tips...)
	}
	if err != nil {
		facts.RolledBack = gate.Unread[[]gate.RolledBack](err)
	} else {
		facts.RolledBack = gate.Known(rolledBack(at.names, names, histories))
	}
	for _, img := range facts.Images.Value {
		switch {
		case slices.Equal(img.Now, img.Next):
		case err != nil:
			facts.Introduced[img.Name] = gate.Unread[[]string](err)
		case names[0] == rules.All[0].Name:
			facts.Introduced[img.Name] = gate.Known(introduced(at.names, img, histories[0]))
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

// introduced lists the versions of an image in the order in which the commits of a
// branch set them first, as far as their trailers tell. Only the branch's own line
// counts: what a merge brought was not in place there before the merge.
func introduced(known nameBook, img gate.Image, history []git.Commit) []string {
	line := firstParents(history)
	slices.Reverse(line)
	order := []string{}
	for _, commit := range line {
		for _, value := range trailers(commit.Message, trailerImage) {
			name, version := cutReference(value)
			asked := slices.Contains(img.Now, version) || slices.Contains(img.Next, version)
			if asked && !slices.Contains(order, version) && slices.Contains(known.of(name), img.Name) {
				order = append(order, version)
			}
		}
	}
	return order
}

func firstParents(history []git.Commit) []git.Commit {
	byID := map[string]git.Commit{}
	for _, commit := range history {
		byID[commit.SHA] = commit
	}
	var line []git.Commit
	for at, ok := history[0], true; ok; {
		line = append(line, at)
		if len(at.Parents) == 0 {
			break
		}
		at, ok = byID[at.Parents[0]]
	}
	return line
}

// rolledBack lists the versions that a commit of some environment took back and that
// no commit after it released. A commit that only a merge brought counts: merging a
// rollback back into the first environment does not undo it. Of several environments
// that have the commit, the last one is named.
func rolledBack(known nameBook, environments []string, histories [][]git.Commit) []gate.RolledBack {
	all := map[string]git.Commit{}
	list := []gate.RolledBack{}
	for i := len(histories) - 1; i >= 0; i-- {
		for _, commit := range histories[i] {
			if _, seen := all[commit.SHA]; seen {
				continue
			}
			all[commit.SHA] = commit
			for _, value := range trailers(commit.Message, trailerRollback) {
				written, version := cutReference(value)
				for _, name := range known.of(written) {
					if version != "" {
						list = append(list, gate.RolledBack{Image: name, Version: version, Environment: environments[i], Commit: commit.SHA})
					}
				}
			}
		}
	}
	return slices.DeleteFunc(list, func(back gate.RolledBack) bool { return released(known, all, back) })
}

// released says whether a commit that has the rollback in its history released the
// version again, with the very text that the rollback has or would have.
func released(known nameBook, all map[string]git.Commit, back gate.RolledBack) bool {
	for _, commit := range all {
		for _, value := range trailers(commit.Message, trailerRelease) {
			name, version := cutReference(value)
			if version == back.Version && slices.Contains(known.of(name), back.Image) && commit.SHA != back.Commit && reaches(all, commit.SHA, back.Commit) {
				return true
			}
		}
	}
	return false
}

// reaches says whether a commit has another one in its history.
func reaches(all map[string]git.Commit, from, to string) bool {
	seen, open := map[string]bool{}, []string{from}
	for len(open) > 0 {
		sha := open[len(open)-1]
		open = open[:len(open)-1]
		if sha == to {
			return true
		}
		if commit, ok := all[sha]; ok && !seen[sha] {
			seen[sha] = true
			open = append(open, commit.Parents...)
		}
	}
	return false
}
