package promotion

import (
	"context"
	"errors"
	"fmt"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// gatherContent reads what the commit changes in the target branch, if a gate asks
// that. It depends on the two commits only and cannot change while they stand.
func (s Source) gatherContent(ctx context.Context, facts *gate.Facts, at scene) {
	rules, comparison := facts.To.Gates, facts.Comparison.Value
	trees, err := at.trees.Get()
	if rules.CodeOwners {
		if facts.Owners = gate.Unread[gate.OwnersFile](err); err == nil {
			facts.Owners = gate.Lookup(trees.owners(ctx, comparison.Base))
		}
		facts.Teams = map[string]gate.Fact[[]string]{}
		for _, team := range gate.OwnerTeams(facts.Owners.Value) {
			facts.Teams[team] = gate.Lookup(s.Forge.TeamMembers(ctx, team))
		}
	}
	if !rules.CodeOwners && rules.Changes == nil && !rules.SearchesSecrets() {
		return
	}
	var differences []git.Difference
	if err == nil {
		differences, err = trees.objects.Diff(comparison.Base, comparison.Head)
	}
	facts.Changes = gate.Lookup(changedFiles(differences), err)
	switch {
	case err != nil:
		facts.Leaks = gate.Unread[[]gate.Leak](err)
	case rules.SearchesSecrets():
		facts.Leaks = gate.Lookup(leaks(ctx, trees.objects, differences))
	}
}

// owners reads the CODEOWNERS file of a commit from the first place that has one.
func (c contents) owners(ctx context.Context, sha string) (gate.OwnersFile, error) {
	for _, path := range gate.OwnersPaths() {
		content, err := c.read(ctx, path, sha)
		if err == nil {
			return gate.OwnersFile{Path: path, Content: content}, nil
		}
		if !errors.Is(err, forge.ErrNotFound) {
			return gate.OwnersFile{}, err
		}
	}
	return gate.OwnersFile{}, nil
}

func changedFiles(differences []git.Difference) []gate.Change {
	changes := make([]gate.Change, len(differences))
	for i, d := range differences {
		changes[i] = gate.Change{Path: legible(d.Path), Old: modeText(d.OldMode), New: modeText(d.NewMode)}
	}
	return changes
}

// legible replaces what is not UTF-8 in a path, so that it can be shown and kept.
func legible(path string) string { return string([]rune(path)) }

// The kinds of a mode, and the bit that makes a file executable.
const (
	modeKind   = 0o170000
	modeFile   = 0o100000
	modeRun    = 0o100
	modeNormal = "100644"
)

// modeText writes a mode as Git does. Git takes every file for one of two modes,
// whatever old versions of it wrote into the tree.
func modeText(mode uint32) string {
	switch {
	case mode == 0:
		return ""
	case mode&modeKind == modeFile && mode&modeRun != 0:
		return "100755"
	case mode&modeKind == modeFile:
		return modeNormal
	}
	return fmt.Sprintf("%06o", mode)
}

// leaks searches the files that the commit changes for secrets that it adds.
func leaks(ctx context.Context, objects *git.Objects, differences []git.Difference) ([]gate.Leak, error) {
	var files []git.File
	for _, d := range differences {
		for _, side := range sides(d) {
			if side.Blob != "" {
				files = append(files, side)
			}
		}
	}
	if err := objects.Load(ctx, files); err != nil {
		return nil, err
	}
	var found []gate.Leak
	for _, d := range differences {
		var contents [2][]byte
		for i, side := range sides(d) {
			if side.Blob == "" {
				continue
			}
			content, err := objects.Content(side)
			if err != nil {
				return nil, err
			}
			contents[i] = content
		}
		for _, secret := range manifest.Secrets(d.Path, contents[0], contents[1]) {
			found = append(found, gate.Leak{Path: legible(secret.File), Line: secret.Line, Rule: secret.Rule})
		}
	}
	return found, nil
}

// sides are the regular files of a difference; one that is none has no content here.
func sides(d git.Difference) [2]git.File {
	files := [2]git.File{{Path: d.Path, Mode: d.OldMode, Blob: d.Old}, {Path: d.Path, Mode: d.NewMode, Blob: d.New}}
	for i := range files {
		if files[i].Mode&modeKind != modeFile || d.New == "" {
			files[i].Blob = ""
		}
	}
	return files
}
