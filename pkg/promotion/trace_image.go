package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/output"
)

// traceFirst is how many moves of each environment are looked at before more are.
const traceFirst = 20

// images says which environments have the version of an image.
func (t *trace) images(ctx context.Context) error {
	now := make([]versions, len(t.cfg.Environments))
	for i, env := range t.cfg.Environments {
		if t.head(env) == "" {
			t.note("%s has no branch; %s", env.Name, createBranch(env))
			continue
		}
		t.tell("reading the images of %s", env.Name)
		line, err := t.timeline(ctx, env, t.cfg.Images, []string{t.head(env)}, nil, "")
		if err != nil {
			return err
		}
		now[i] = line.versions[t.head(env)]
		if len(line.unreadable) > 0 {
			t.note("%s of %s not read, because they are not plain YAML: %s", output.Plural(len(line.unreadable), "file"), env.Name, most(line.unreadable))
		}
	}
	if err := t.nameImage(now); err != nil {
		return err
	}
	for i, env := range t.cfg.Environments {
		stop := TraceStop{Environment: env.Name, State: StopNotYet, Version: now[i].of(t.report.Image)}
		if t.head(env) != "" {
			if err := t.imageStop(ctx, &stop, env, now[i]); err != nil {
				return err
			}
		}
		t.report.Environments = append(t.report.Environments, stop)
	}
	return nil
}

// nameImage finds the image that is meant among those that are there, and the
// version: the one that was asked for, else the one in the first environment.
func (t *trace) nameImage(now []versions) error {
	asked, version := t.report.What, ""
	if ref, err := image.Parse(asked); err == nil {
		version = ref.Version()
		asked = strings.TrimSuffix(asked, version)
		asked = strings.TrimRight(asked, ":@")
	}
	var found []string
	for _, name := range names(now...) {
		if isCalled(name, asked, t.cfg.Images) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		if len(names(now...)) == 0 {
			return &UsageError{Problem: noImages(t.cfg.Environments), Fix: "pawl images, in a checkout, lists what pawl finds elsewhere"}
		}
		return &UsageError{Problem: fmt.Sprintf("no environment has an image %q", asked),
			Fix: "see pawl status for the images; a commit is given by its SHA, and a pull request as #12"}
	case 1:
	default:
		return &UsageError{Problem: fmt.Sprintf("%q can be each of %s", asked, most(found)), Fix: "give the whole name"}
	}
	t.report.Image = found[0]
	if version == "" {
		version = now[0].of(found[0])
		t.note("no version was asked for: this is the one in %s", t.cfg.Environments[0].Name)
	}
	t.report.Version = version
	return nil
}

// hasVersion says whether an environment runs the version: as it is written, or by
// its tag or its digest alone.
func (t *trace) hasVersion(v versions) bool {
	if v.of(t.report.Image) == t.report.Version {
		return true
	}
	return slices.ContainsFunc(v[t.report.Image], func(version string) bool {
		tag, digest, _ := strings.Cut(version, "@")
		return slices.Contains([]string{version, tag, digest}, t.report.Version) && t.report.Version != ""
	})
}

// imageStop says how an environment stands to the version, and since when.
func (t *trace) imageStop(ctx context.Context, stop *TraceStop, env config.Environment, now versions) error {
	here := t.hasVersion(now)
	if here {
		stop.State = StopHere
	}
	moves := t.moves[env.Name].Value
	// A file that names the image has the last part of its repository.
	repository := entryOf(t.report.Image, t.cfg.Images).Repository
	word := repository[strings.LastIndex(repository, "/")+1:]
	for size := traceFirst; ; size = traceMoves {
		size = min(size, len(moves))
		line, err := t.timeline(ctx, env, t.cfg.Images, afterEach(moves[:size]), discarded(moves[:size]), word)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			t.note("the past of %s could not be read: %v", env.Name, err)
			stop.unknown(ofMove()...)
			return nil
		}
		if size < len(moves) && t.needsMore(moves[:size], line, here) {
			continue
		}
		if here {
			t.since(stop, env, func(move forge.Move) (bool, bool) {
				found, known := line.versions[move.After]
				return t.hasVersion(found), known
			})
			return nil
		}
		t.gone(stop, env, line)
		return nil
	}
}

// needsMore says whether older moves can tell more: the version was there after
// each of these, or after none.
func (t *trace) needsMore(moves []forge.Move, line timeline, here bool) bool {
	for _, move := range moves {
		if found, known := line.versions[move.After]; known && t.hasVersion(found) != here {
			return false
		}
	}
	return true
}

// gone looks for a version that is not there now: whether it was, and if not,
// whether a newer one took its place.
func (t *trace) gone(stop *TraceStop, env config.Environment, line timeline) {
	moves, err := t.moves[env.Name].Get()
	if image.Compare(tag(stop.Version), tag(t.report.Version)) == image.Newer {
		stop.State = StopSkipped
	} else {
		stop.lacks = true
	}
	if err != nil { // it may have been there, and have left
		stop.State = StopUnknown
		stop.unknown("state", "until")
		stop.unknown(ofMove()...)
		return
	}
	for i := range moves {
		found, known := line.versions[moves[i].After]
		if !known || !t.hasVersion(found) {
			continue
		}
		stop.State, stop.lacks = StopLeft, false
		if i > 0 {
			stop.Until = moves[i-1].Time
		}
		for ; i < len(moves); i++ {
			older, known := timelineAfter(line, moves, i+1)
			if known && t.hasVersion(older) {
				continue
			}
			if known || present(moves[i].Before) == "" {
				t.brought(stop, env, moves[i])
			} else {
				stop.unknown(ofMove()...)
			}
			return
		}
	}
}

// timelineAfter is what was there after a move, and before the oldest one behind the
// last; false when that is not known.
func timelineAfter(line timeline, moves []forge.Move, i int) (versions, bool) {
	sha := moves[len(moves)-1].Before
	if i < len(moves) {
		sha = moves[i].After
	}
	found, known := line.versions[sha]
	return found, known
}

// afterEach lists where the moves led, and where the oldest of them began, each once.
func afterEach(moves []forge.Move) []string {
	var list []string
	for _, move := range moves {
		list = appendNew(list, present(move.After))
	}
	if len(moves) > 0 {
		list = appendNew(list, present(moves[len(moves)-1].Before))
	}
	return list
}

func appendNew(list []string, sha string) []string {
	if sha == "" || slices.Contains(list, sha) {
		return list
	}
	return append(list, sha)
}

// discarded lists the commits that a force push or a deletion took from the branch:
// the server may not have them any more.
func discarded(moves []forge.Move) []string {
	var list []string
	for _, move := range moves {
		if kind := moveKind(move.Kind); kind == KindForce || kind == KindDeleted {
			list = append(list, move.Before)
		}
	}
	return list
}
