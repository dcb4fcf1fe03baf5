package promotion

import (
	"fmt"
	"slices"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/git"
)

// past is what the histories of the environments tell of versions.
type past struct {
	names, tips []string // the environments, in their order, and where they are
	commits     map[string]git.Commit
	limit       int                 // how many of them were to be read at most
	cut         []string            // commits that lead to these and were not read
	line        []git.Commit        // the first environment's own, newest first
	whole       bool                // it was read to its beginning
	sets        map[string][]string // by commit: its Pawl-Image trailers
	backs       []mark
	releases    []mark
}

// mark is a trailer that takes a version back, or releases it.
type mark struct {
	image, version string
	commit         git.Commit
}

// newPast reads the trailers of commits.
func newPast(known git.Ancestry, limit int, names, tips []string) past {
	p := past{names: names, tips: tips, commits: map[string]git.Commit{}, limit: limit, sets: map[string][]string{}}
	for _, commit := range known.Commits {
		p.commits[commit.SHA] = commit
		for _, trailer := range git.Trailers(commit.Message) {
			p.note(commit, trailer)
		}
	}
	for _, commit := range known.Commits {
		for _, parent := range commit.Parents {
			if _, read := p.commits[parent]; !read {
				p.cut = append(p.cut, parent)
			}
		}
	}
	p.follow()
	return p
}

// follow walks along the first environment's own line.
func (p *past) follow() {
	for at, ok := p.commits[p.tips[0]]; ok; at, ok = p.commits[at.Parents[0]] {
		p.line = append(p.line, at)
		if p.whole = len(at.Parents) == 0; p.whole {
			return
		}
	}
}

func (p *past) note(commit git.Commit, trailer git.Trailer) {
	name, version := cutReference(trailer.Value)
	switch {
	case version == "":
	case trailer.Key == trailerImage:
		p.sets[commit.SHA] = append(p.sets[commit.SHA], trailer.Value)
	case trailer.Key == trailerRollback:
		p.backs = append(p.backs, mark{name, version, commit})
	case trailer.Key == trailerRelease:
		p.releases = append(p.releases, mark{name, version, commit})
	}
}

// rolledBack lists which versions that the commit has were taken back by a commit of
// some environment and not released by one after it. A commit that only a merge
// brought counts: merging a rollback back into the first environment does not undo it.
// Of several environments that have the commit, the last one is named.
//
// What was not read may have rolled back anything. It matters for what the promotion
// brings, unless a commit after all that was not read released that version.
func (p past) rolledBack(known nameBook, images []gate.Image) ([]gate.RolledBack, error) {
	list := []gate.RolledBack{}
	for _, back := range p.backs {
		for _, img := range images {
			has := func(version string) bool { return gate.SameVersion(back.version, version) }
			if !slices.ContainsFunc(img.Next, has) || !slices.Contains(known.of(back.image), img.Name) {
				continue
			}
			if !p.before(p.released(known, img.Name, back.version))[back.commit.SHA] {
				list = append(list, gate.RolledBack{Image: img.Name, Version: back.version, Environment: p.environment(back.commit.SHA), Commit: back.commit.SHA})
			}
		}
	}
	if len(p.cut) == 0 || len(list) > 0 {
		return list, nil
	}
	for _, img := range images {
		for _, version := range img.Next {
			if version != "" && !slices.Contains(img.Now, version) && !p.cleared(known, img.Name, version) {
				return nil, p.tooLong(fmt.Sprintf("whether %s %s was rolled back before that", img.Name, version))
			}
		}
	}
	return list, nil
}

// tooLong is why what is older than the commits that were read is not known.
func (p past) tooLong(what string) error {
	return fmt.Errorf("the environments have more than %d commits, and the newest %d do not tell %s: %w", p.limit, len(p.commits), what, gate.ErrUndecidable)
}

// cleared says whether a version was released after all that was not read.
func (p past) cleared(known nameBook, image, version string) bool {
	before := p.before(p.released(known, image, version))
	return !slices.ContainsFunc(p.cut, func(sha string) bool { return !before[sha] })
}

// released returns the commits that release a version of an image, with the very
// text that a rollback of it has or would have.
func (p past) released(known nameBook, image, version string) []git.Commit {
	var list []git.Commit
	for _, release := range p.releases {
		if release.version == version && slices.Contains(known.of(release.image), image) {
			list = append(list, release.commit)
		}
	}
	return list
}

// before returns the commits that some commits have in their history, and they are not
// among them by themselves.
func (p past) before(commits []git.Commit) map[string]bool {
	var starts []string
	for _, commit := range commits {
		starts = append(starts, commit.Parents...)
	}
	return p.history(starts...)
}

// history returns commits and what leads to them, as far as it was read.
func (p past) history(open ...string) map[string]bool {
	seen := map[string]bool{}
	open = slices.Clone(open)
	for len(open) > 0 {
		sha := open[len(open)-1]
		open = open[:len(open)-1]
		if !seen[sha] {
			seen[sha] = true
			open = append(open, p.commits[sha].Parents...)
		}
	}
	return seen
}

// environment is the last one that has a commit.
func (p past) environment(sha string) string {
	for i, tip := range slices.Backward(p.tips) {
		if p.history(tip)[sha] {
			return p.names[i]
		}
	}
	return ""
}
