package bump

import (
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
)

// past is what the commits of a branch tell of earlier bumps, newest first. Only
// the branch's own line counts: what came in by the second parent of a merge was
// not in place there before the merge.
type past struct {
	landings []landing
	whole    bool // the branch has no older commits
}

// landing is one commit of a bump.
type landing struct {
	commit   string
	key      string
	sequence Sequence
	images   []string // NAME:TAG, NAME@DIGEST or NAME:TAG@DIGEST
	fields   []string // FILE#path.to.key=VALUE
}

// readPast reads the trailers of commits, newest first.
func readPast(commits []git.Commit, whole bool) past {
	p := past{whole: whole}
	for _, commit := range commits {
		l := landing{commit: commit.SHA}
		for _, trailer := range git.Trailers(commit.Message) {
			switch trailer.Key {
			case trailerImage:
				l.images = append(l.images, trailer.Value)
			case trailerField:
				l.fields = append(l.fields, trailer.Value)
			case trailerKey:
				l.key = trailer.Value
			case trailerSequence:
				l.sequence = parseSequence(trailer.Value)
			}
		}
		if len(l.images)+len(l.fields) > 0 || l.key != "" {
			p.landings = append(p.landings, l)
		}
	}
	return p
}

// byKey returns the commit that a job made; empty when there is none.
func (p past) byKey(key string) string {
	if key == "" {
		return ""
	}
	for _, l := range p.landings {
		if l.key == key {
			return l.commit
		}
	}
	return ""
}

// versions returns what the commit set an image or a field to.
func (l landing) versions(name string) []string {
	var list []string
	for _, text := range l.fields {
		if version, ok := strings.CutPrefix(text, name+"="); ok {
			list = append(list, version)
		}
	}
	for _, text := range l.images {
		found, version := cutVersion(text)
		if found == name || (image.Reference{Name: found}).Same(image.Reference{Name: name}) {
			list = append(list, version)
		}
	}
	return list
}

// cutVersion takes the value of a Pawl-Image trailer apart. The name can be a
// placeholder that is no image reference.
func cutVersion(text string) (name, version string) {
	name, _, _ = strings.Cut(text, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name, strings.TrimLeft(text[len(name):], ":@")
}

// record is what a branch's commits tell of one version of an image.
type record struct {
	commit   string // the newest commit that set it; empty when there is none
	first    int    // the place of the oldest such commit, counted from the newest commit
	sequence uint64 // the highest number that the source gave to such a commit
}

// of returns what is known of a version of an image.
func (p past) of(name, version, source string) record {
	var r record
	for i, l := range p.landings {
		if !slices.Contains(l.versions(name), version) {
			continue
		}
		if r.commit == "" {
			r.commit = l.commit
		}
		if l.sequence.Source == source {
			r.sequence = max(r.sequence, l.sequence.Number)
		}
		r.first = i
	}
	return r
}
