package audit

import (
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// The trailers by which commits say what they are.
const (
	trailerKey       = "Pawl-Key"             // the job that made a bump
	trailerDowngrade = "Pawl-Allow-Downgrade" // IMAGE FROM TO: this version goes down on purpose
	trailerRollback  = "Rollback-Of"          // IMAGE:VERSION that is taken back
	trailerRelease   = "Release-Of"           // IMAGE:VERSION that may come again
	trailerHotfix    = "Hotfix"               // why the commit did not come from the environment before
	trailerBackMerge = "Back-Merge-Of"        // the branch that is merged back
)

// exceptions are the trailers of commits that enter an environment without having been
// in the one before.
func exceptions() map[string]Kind {
	return map[string]Kind{trailerRollback: Rollback, trailerHotfix: Hotfix, trailerBackMerge: BackMerge}
}

// said is what commits say about versions.
type said struct {
	down     []descent
	back     []version
	released []version
}

// descent is a version that goes down on purpose.
type descent struct {
	image    string // repository
	from, to string
}

// version is an image at a version.
type version struct {
	image   string // repository
	version string
}

// read adds the trailers of a message. What cannot be read says nothing.
func (s *said) read(message string, named []config.Image) {
	for _, trailer := range git.Trailers(message) {
		switch trailer.Key {
		case trailerDowngrade:
			if words := strings.Fields(trailer.Value); len(words) == 3 {
				s.down = append(s.down, descent{repository(words[0], named), words[1], words[2]})
			}
		case trailerRollback:
			s.back = appendVersion(s.back, trailer.Value, named)
		case trailerRelease:
			s.released = appendVersion(s.released, trailer.Value, named)
		}
	}
}

func appendVersion(list []version, text string, named []config.Image) []version {
	ref, err := image.Parse(text)
	if err != nil || ref.Version() == "" {
		return list
	}
	return append(list, version{repository(ref.Name, named), ref.Version()})
}

// repository is the repository of an image that is called by its name in the
// configuration, or as manifests do.
func repository(name string, named []config.Image) string {
	for _, entry := range named {
		if entry.Name == name {
			name = entry.Repository
		}
	}
	ref, err := image.Parse(name)
	if err != nil {
		return name
	}
	return ref.Repository()
}

// allows says whether a version was meant to go down so far: from it or one above it,
// and to it or one below it, by one trailer or several; or away from a version that was
// taken back.
func (s said) allows(repository, from, to string) bool {
	start, end := false, false
	for _, d := range s.down {
		if d.image == repository {
			start = start || sameVersion(d.from, from) || compare(d.from, from) == image.Newer
			end = end || sameVersion(d.to, to) || compare(d.to, to) == image.Older
		}
	}
	if start && end {
		return true
	}
	for _, v := range s.back {
		if v.image == repository && (sameVersion(v.version, from) || compare(v.version, from) == image.Newer) {
			return true
		}
	}
	return false
}

// mark is a version that was taken back, or released again, and when.
type mark struct {
	version
	branch  *branch
	commit  string
	move    *forge.Move // that brought the commit
	release bool
}

// marks gathers what the histories of all environments say about versions taken back.
func (a *auditor) marks() []mark {
	var list []mark
	for _, b := range a.branches {
		for _, commit := range b.commits {
			list = append(list, b.marksOf(commit, b.brought(commit.SHA), a.config.Images)...)
		}
		for i := range b.moves {
			if commit, found := b.aside[b.moves[i].After]; found {
				list = append(list, b.marksOf(commit, &b.moves[i], a.config.Images)...)
			}
		}
	}
	return list
}

func (b *branch) marksOf(commit git.Commit, move *forge.Move, named []config.Image) []mark {
	var s said
	s.read(commit.Message, named)
	var list []mark
	for _, v := range s.back {
		list = append(list, mark{v, b, commit.SHA, move, false})
	}
	for _, v := range s.released {
		list = append(list, mark{v, b, commit.SHA, move, true})
	}
	return list
}

// precedes says whether a mark was made before a step of a branch. On one branch the
// history tells. Between two, the record of moves does: what it does not hold is older
// than all that it holds.
func (m mark) precedes(b *branch, s step) bool {
	at, marked := b.place[m.commit]
	place, stepped := b.place[s.after]
	if marked && stepped && m.branch == b {
		return at > place
	}
	if m.move == nil || s.move == nil {
		return m.move == nil && s.move != nil
	}
	if !m.move.Time.Equal(s.move.Time) {
		return m.move.Time.Before(s.move.Time)
	}
	return m.move.ID < s.move.ID
}
