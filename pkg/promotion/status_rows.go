package promotion

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/getpawl/pawl/pkg/config"
)

// choose leaves out the images and versions that were not asked for.
func (r *StatusReport) choose(options StatusOptions, snap snapshot, shown []config.Environment) error {
	for _, glob := range options.Images {
		if !doublestar.ValidatePattern(glob) {
			return &UsageError{Problem: fmt.Sprintf("%q is not a glob", glob), Fix: "write an image's name, or a part of it with *, such as ghcr.io/acme/*"}
		}
	}
	kept := []ImageStatus{}
	for _, row := range r.Images {
		if !row.named(options.Images) || options.Behind && !row.behind(snap, shown) {
			r.Hidden++
			continue
		}
		versions := map[string]string{}
		for _, env := range shown {
			if version, ok := row.Versions[env.Name]; ok {
				versions[env.Name] = version
			}
		}
		kept = append(kept, ImageStatus{Image: row.Image, Versions: versions})
	}
	r.Images = kept
	return nil
}

// named says whether a glob matches the whole name or its last part.
func (i ImageStatus) named(globs []string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool {
		return doublestar.MatchUnvalidated(glob, i.Image) || doublestar.MatchUnvalidated(glob, path.Base(i.Image))
	})
}

// behind says whether one of the environments has another version than the one
// before it.
func (i ImageStatus) behind(snap snapshot, shown []config.Environment) bool {
	return slices.ContainsFunc(shown, func(env config.Environment) bool {
		before, ok := snap.cfg.Before(env.Name)
		return ok && snap.head(env) != "" && snap.head(before) != "" && i.Versions[env.Name] != i.Versions[before.Name]
	})
}

// boardRow is a line of the board: one image, or several of which all versions are
// the same.
type boardRow struct {
	image    string
	more     int // further images
	versions map[string]string
}

// The board of so many images groups them, and has so many rows at most.
const (
	groupAbove = 50
	mostRows   = 50
)

// board sorts the images for people: what moved last comes first. An image whose
// versions differ moved when the last environment that has the newer one did, or
// before; one that is the same everywhere has arrived. Above a number of images, the
// latter are only counted, and those with the same versions share a row.
func (r *StatusReport) board() (rows []boardRow, inLine, cut int) {
	images := slices.Clone(r.Images)
	slices.SortStableFunc(images, func(a, b ImageStatus) int {
		x, differsX := r.moved(a)
		y, differsY := r.moved(b)
		if differsX != differsY {
			return map[bool]int{true: -1, false: 1}[differsX]
		}
		return cmp.Or(y.Compare(x), strings.Compare(a.Image, b.Image))
	})
	grouped := len(images) > groupAbove
	index := map[string]int{}
	for _, image := range images {
		_, differs := r.moved(image)
		if grouped && !differs {
			inLine++
			continue
		}
		key := r.versionKey(image)
		if at, ok := index[key]; ok && grouped {
			rows[at].more++
			continue
		}
		index[key] = len(rows)
		rows = append(rows, boardRow{image: image.Image, versions: image.Versions})
	}
	if len(rows) > mostRows {
		for _, row := range rows[mostRows:] {
			cut += 1 + row.more
		}
		rows = rows[:mostRows]
	}
	return rows, inLine, cut
}

// moved says whether an image's versions differ, and when the newest difference came
// to be, at the latest.
func (r *StatusReport) moved(image ImageStatus) (at time.Time, differs bool) {
	var before *EnvironmentStatus
	for i := range r.Environments {
		env := &r.Environments[i]
		if env.Commit == "" {
			continue
		}
		if before != nil && image.Versions[before.Name] != image.Versions[env.Name] {
			differs = true
			if before.Since.After(at) {
				at = before.Since
			}
		}
		before = env
	}
	return at, differs
}

func (r *StatusReport) versionKey(image ImageStatus) string {
	var key strings.Builder
	for _, env := range r.Environments {
		fmt.Fprintf(&key, "%q", image.Versions[env.Name])
	}
	return key.String()
}
