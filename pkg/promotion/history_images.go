package promotion

import (
	"bytes"
	"context"
	"slices"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// read finds the images of an environment at commits that were fetched.
func (t *timeline) read(ctx context.Context, env config.Environment, named []config.Image, commits []string, only string) error {
	lists := make([][]git.File, len(commits))
	seen := map[git.File]bool{}
	var distinct []git.File
	for i, commit := range commits {
		files, err := t.trees.objects.Files(commit, holdsImages(env, named))
		if err != nil {
			return err
		}
		lists[i] = files
		for _, file := range files {
			if !seen[file] {
				seen[file] = true
				distinct = append(distinct, file)
			}
		}
	}
	if err := t.trees.objects.Load(ctx, distinct); err != nil {
		return err
	}
	found := make(map[git.File][]manifest.Found, len(distinct))
	for _, file := range distinct {
		if err := ctx.Err(); err != nil {
			return err
		}
		content, err := t.trees.objects.Content(file)
		if err != nil {
			return err
		}
		if !bytes.Contains(content, []byte(only)) && len(config.FieldsIn(named, file.Path)) == 0 {
			continue
		}
		here, unreadable, err := t.trees.find([]git.File{file}, named)
		if err != nil {
			return err
		}
		found[file] = here
		t.unreadable = append(t.unreadable, unreadable...)
	}
	slices.Sort(t.unreadable)
	t.unreadable = slices.Compact(t.unreadable)
	for i, commit := range commits {
		var here []manifest.Found
		for _, file := range lists[i] {
			here = append(here, found[file]...)
		}
		t.versions[commit] = deployed(here, named)
	}
	return nil
}
