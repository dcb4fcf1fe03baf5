package promotion

import (
	"context"
	"fmt"
	"slices"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// How much is read to find out in which order versions came: commits and folders of
// the first environment's history, some 100 bytes each, and contents of the files that
// hold images.
const (
	maxFolders  = 100_000
	maxContents = 10_000
)

// introduced lists the versions of an image in the order in which the commits of the
// first environment set them first, as far as their trailers tell: those of one commit
// together. Only the branch's own line counts: what a merge brought was not in place
// there before the merge.
func (p past) introduced(known nameBook, img gate.Image) ([][]string, error) {
	if !p.whole {
		return nil, p.tooLong("which versions came first")
	}
	var order introductions
	for _, commit := range slices.Backward(p.line) {
		var here []string
		for _, value := range p.sets[commit.SHA] {
			name, version := cutReference(value)
			asked := slices.Contains(img.Now, version) || slices.Contains(img.Next, version)
			if asked && slices.Contains(known.of(name), img.Name) {
				here = append(here, version)
			}
		}
		order.add(here)
	}
	return order.groups, nil
}

// introductions are versions in the order in which they came.
type introductions struct {
	groups [][]string
	seen   map[string]bool
}

// add notes what was there at the next commit.
func (i *introductions) add(versions []string) {
	if i.seen == nil {
		i.groups, i.seen = [][]string{}, map[string]bool{}
	}
	var came []string
	for _, version := range versions {
		if !i.seen[version] {
			i.seen[version] = true
			came = append(came, version)
		}
	}
	if len(came) > 0 {
		i.groups = append(i.groups, came)
	}
}

// introductions reads in which order the versions of some images came to the first
// environment from what each commit of its own line changed. It costs two requests, and
// is for what neither tags nor trailers tell.
func (s Source) introductions(ctx context.Context, rules policy, at scene, history past, wanted []string) (map[string][][]string, error) {
	if !history.whole {
		return nil, history.tooLong("which versions came first")
	}
	line := slices.Clone(history.line)
	objects, whole, err := s.Git.FetchHistory(ctx, line[0].SHA, maxFolders)
	if err != nil {
		return nil, err
	}
	if !whole {
		return nil, fmt.Errorf("%s has more than %d commits and folders, and its trailers do not tell: %w", history.names[0], maxFolders, gate.ErrUndecidable)
	}
	slices.Reverse(line)
	steps, err := fileSteps(objects, line, holdsImages(rules.To, rules.Images))
	if err != nil {
		return nil, err
	}
	all := slices.DeleteFunc(slices.Concat(steps...), func(file git.File) bool { return file.Blob == "" })
	if len(all) > maxContents {
		return nil, fmt.Errorf("%s changed the files with images more than %d times, and its trailers do not tell: %w", history.names[0], maxContents, gate.ErrUndecidable)
	}
	if err := objects.Load(ctx, all); err != nil {
		return nil, err
	}
	return contents{objects}.introductions(steps, rules, at.names, wanted)
}

// fileSteps lists what each commit of a line, the oldest first, did to the files that
// match: those that it added or changed, and those that went, without a content.
func fileSteps(objects *git.Objects, line []git.Commit, match func(path string) bool) ([][]git.File, error) {
	first, err := objects.Files(line[0].SHA, match)
	if err != nil {
		return nil, err
	}
	steps := [][]git.File{first}
	for i := range line[1:] {
		differences, err := objects.Diff(line[i].SHA, line[i+1].SHA)
		if err != nil {
			return nil, err
		}
		var step []git.File
		for _, d := range differences {
			if match(d.Path) {
				step = append(step, sides(d)[1])
			}
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// introductions goes through the steps and notes which versions of some images are in
// place after each.
func (c contents) introductions(steps [][]git.File, rules policy, known nameBook, wanted []string) (map[string][][]string, error) {
	orders := map[string]*introductions{}
	for _, name := range wanted {
		orders[name] = &introductions{}
		orders[name].add(nil)
	}
	files, about := map[string][]manifest.Found{}, known.about(wanted)
	for _, step := range steps {
		if len(step) == 0 {
			continue
		}
		for _, file := range step {
			delete(files, file.Path)
			if file.Blob == "" {
				continue
			}
			found, _, err := c.find([]git.File{file}, rules.Images)
			if err != nil {
				return nil, err
			}
			found = slices.DeleteFunc(found, func(ref manifest.Found) bool { return !about(ref.Name) && !about(ref.Image.Name) })
			if len(found) > 0 {
				files[file.Path] = found
			}
		}
		var all []manifest.Found
		for _, found := range files {
			all = append(all, found...)
		}
		now := deployed(all, rules.Images)
		for name, order := range orders {
			order.add(now[name])
		}
	}
	result := map[string][][]string{}
	for name, order := range orders {
		result[name] = order.groups
	}
	return result, nil
}

// about says whether a name in a file is one of some images.
func (b nameBook) about(wanted []string) func(written string) bool {
	known := map[string]bool{}
	return func(written string) bool {
		is, asked := known[written]
		if !asked {
			is = slices.ContainsFunc(b.of(written), func(name string) bool { return slices.Contains(wanted, name) })
			known[written] = is
		}
		return is
	}
}
