package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// step is a change of an environment's content.
type step struct {
	before, after string
	move          *forge.Move // that brought it; nil when that is not known
}

// versions are the images of an environment at one commit: by repository, each version
// once, sorted.
type versions map[string][]string

// contents reads the versions at commits. A file is read once, however many commits
// have it.
type contents struct {
	objects *git.Objects
	config  *config.Config
	failed  error // why there are none
	lost    map[string]error
	files   map[git.File]reading
	known   map[string]versions
	order   map[string][]string // by repository: the versions as they came to the first environment
	marks   []mark
}

// reading is what a file says.
type reading struct {
	found []manifest.Found
	err   error
}

// readVersions fetches the trees of all commits that are compared, without files, and
// the files of the environments that differ, each once.
func (a *auditor) readVersions(ctx context.Context) {
	c := &contents{config: a.config, lost: map[string]error{}, files: map[git.File]reading{}, known: map[string]versions{}, order: map[string][]string{}}
	a.contents = c
	var commits, lost []string
	for _, b := range a.branches {
		for _, s := range b.steps {
			if !b.audited && b.before != nil {
				continue // the first environment tells the order of versions, the others nothing
			}
			for _, sha := range []string{s.before, s.after} {
				if a.known(ctx, sha) {
					commits = append(commits, sha)
				} else {
					lost = append(lost, sha)
				}
			}
		}
	}
	if len(commits)+len(lost) == 0 {
		return
	}
	c.fetch(ctx, a.source.Git, commits, lost)
	c.load(ctx)
	c.introduce(a.branches[0])
	c.marks = a.marks()
}

// known says whether a commit is sure to be on the server.
func (a *auditor) known(ctx context.Context, sha string) bool {
	for _, b := range a.branches {
		if _, found := b.commit(sha); found {
			return true
		}
	}
	if a.asides == 0 {
		return false
	}
	a.asides--
	_, err := a.source.Git.History(ctx, sha, 1)
	return err == nil
}

// fetch gets the trees. A commit that may be gone must not keep the others from being
// read.
func (c *contents) fetch(ctx context.Context, remote *git.Remote, commits, lost []string) {
	for _, sha := range lost {
		c.lost[sha] = errors.New("no branch has that commit any more")
	}
	for _, sha := range commits {
		c.known[sha] = nil
	}
	c.objects, c.failed = remote.Fetch(ctx, commits...)
}

// load reads the files that hold versions and, from them, the versions at each commit.
func (c *contents) load(ctx context.Context) {
	if c.failed != nil {
		return
	}
	lists := map[string][]git.File{}
	for sha := range c.known {
		files, err := c.objects.Files(sha, c.holds)
		if err != nil {
			c.lost[sha] = err
			continue
		}
		lists[sha] = files
		for _, file := range files {
			c.files[file] = reading{}
		}
	}
	if c.failed = c.objects.Load(ctx, slices.Collect(maps.Keys(c.files))); c.failed != nil {
		return
	}
	for file := range c.files {
		c.files[file] = c.read(file)
	}
	for sha, files := range lists {
		c.known[sha] = c.deployed(files)
	}
}

// holds says whether a file can hold an image. All environments have the same paths.
func (c *contents) holds(path string) bool {
	return c.config.Environments[0].Match(path) && manifest.IsYAML(path) && !manifest.Incidental(path) ||
		len(config.FieldsIn(c.config.Images, path)) > 0
}

func (c *contents) read(file git.File) reading {
	src, err := c.objects.Content(file)
	if err != nil {
		return reading{err: err}
	}
	var fields []manifest.Field
	for _, held := range config.FieldsIn(c.config.Images, file.Path) {
		fields = append(fields, manifest.Field{Path: held.Path, Name: held.Repository})
	}
	found, err := manifest.Find(file.Path, src, fields...)
	return reading{found, err}
}

// deployed is what an environment's files amount to. Where a kustomization sets the
// version of an image, what the manifests that it builds say does not count.
func (c *contents) deployed(files []git.File) versions {
	var all []manifest.Found
	set := map[string]bool{}
	for _, file := range files {
		for _, found := range c.files[file].found {
			all = append(all, found)
			if found.Kind == manifest.Kustomize && found.Image.Version() != "" {
				set[found.Image.Repository()] = true
				set[repository(found.Name, nil)] = true
			}
		}
	}
	result := versions{}
	for _, found := range all {
		name, says := found.Image.Repository(), found.Image.Version()
		if found.Kind == manifest.Container && set[name] || says == "" || slices.Contains(result[name], says) {
			continue
		}
		result[name] = append(result[name], says)
		slices.Sort(result[name])
	}
	return result
}

// at returns the versions at a commit.
func (c *contents) at(sha string) (versions, error) {
	switch {
	case c.failed != nil:
		return nil, c.failed
	case c.lost[sha] != nil:
		return nil, c.lost[sha]
	}
	return c.known[sha], nil
}

// introduce notes in which order versions came to the first environment.
func (c *contents) introduce(first *branch) {
	note := func(sha string) {
		for name, list := range c.known[sha] {
			for _, each := range list {
				if !slices.Contains(c.order[name], each) {
					c.order[name] = append(c.order[name], each)
				}
			}
		}
	}
	for i := len(first.steps) - 1; i >= 0; i-- {
		note(first.steps[i].before)
		note(first.steps[i].after)
	}
}

// judgeStep judges what a change did to the versions of an environment.
func (a *auditor) judgeStep(ctx context.Context, b *branch, s step) {
	finding := Finding{Commit: s.after, Before: s.before}
	old, err := a.contents.at(s.before)
	now, err2 := a.contents.at(s.after)
	if err := errors.Join(err, err2); err != nil {
		finding.cause = err
		finding.Reason = fmt.Sprintf("the files of %s and %s could not be read: %v", short(s.before), short(s.after), err)
		a.add(b, Unknown, Files, s.move, finding)
		return
	}
	if unread := a.contents.unread(s); len(unread) > 0 {
		finding.Reason = "changed and cannot be read as YAML: " + strings.Join(unread, ", ")
		a.add(b, Unknown, Files, s.move, finding)
	}
	var lowered, unordered []Finding
	for _, name := range slices.Sorted(maps.Keys(now)) {
		finding.Image = name
		come := without(now[name], old[name])
		a.judgeReturn(b, s, finding, come)
		if len(old[name]) == 0 {
			continue
		}
		for _, pair := range replaced(old[name], now[name]) {
			finding.From, finding.To = pair[0], pair[1]
			switch a.contents.compare(name, pair[0], pair[1]) {
			case image.Newer:
				lowered = append(lowered, finding)
			case image.Incomparable:
				unordered = append(unordered, finding)
			}
		}
		finding.From, finding.To = "", ""
	}
	a.judgeMeant(ctx, b, s, lowered, unordered)
}

// unread lists the files that a step changed and that cannot be read.
func (c *contents) unread(s step) []string {
	differences, err := c.objects.Diff(s.before, s.after)
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for _, d := range differences {
		file := git.File{Path: d.Path, Mode: d.NewMode, Blob: d.New}
		if c.files[file].err != nil {
			list = append(list, fmt.Sprintf("%q", d.Path))
		}
	}
	return list
}

// replaced pairs the versions that went with those that came; with those that stay
// where none came, and those that stayed with those that came where none went.
func replaced(old, now []string) (pairs [][2]string) {
	gone, come := without(old, now), without(now, old)
	if len(gone) == 0 && len(come) == 0 {
		return nil
	}
	if len(gone) == 0 {
		gone = old
	}
	if len(come) == 0 {
		come = now
	}
	for _, before := range gone {
		for _, after := range come {
			pairs = append(pairs, [2]string{before, after})
		}
	}
	return pairs
}

// judgeMeant asks whether the commits of a step say that versions should go down, or
// where nothing tells that they do not. The server is asked for those commits that are
// not known, which is for rare steps only.
func (a *auditor) judgeMeant(ctx context.Context, b *branch, s step, lowered, unordered []Finding) {
	if len(lowered)+len(unordered) == 0 {
		return
	}
	messages, err := a.messages(ctx, b, s)
	var trailers said
	for _, message := range messages {
		trailers.read(message, a.config.Images)
	}
	for _, finding := range lowered {
		switch {
		case trailers.allows(finding.Image, finding.From, finding.To):
		case err != nil:
			finding.cause = err
			finding.Reason = fmt.Sprintf("goes down, and whether a commit says so could not be read: %v", err)
			a.add(b, Unknown, Commits, s.move, finding)
		default:
			finding.Reason = "goes down, and no commit says that it should"
			a.add(b, Violation, Downgrade, s.move, finding)
		}
	}
	for _, finding := range unordered {
		if !trailers.allows(finding.Image, finding.From, finding.To) {
			finding.Reason = "nothing tells which version is the newer one"
			a.add(b, Unknown, Order, s.move, finding)
		}
	}
}

// maxRange is how many commits of one move are looked at for a reason.
const maxRange = 250

// messages are those of the commits that a step brought.
func (a *auditor) messages(ctx context.Context, b *branch, s step) ([]string, error) {
	if commit, found := b.commit(s.after); found && len(commit.Parents) == 1 && commit.Parents[0] == s.before {
		return []string{commit.Message}, nil
	}
	comparison, err := a.source.Forge.Compare(ctx, s.before, s.after, maxRange)
	if err != nil {
		return nil, err
	}
	var messages []string
	for _, commit := range comparison.Commits {
		messages = append(messages, commit.Message)
	}
	if comparison.AheadBy > len(messages) {
		err = fmt.Errorf("it brought %d commits, of which %d are looked at", comparison.AheadBy, len(messages))
	}
	return messages, err
}

// judgeReturn asks whether a version came that had been taken back.
func (a *auditor) judgeReturn(b *branch, s step, finding Finding, come []string) {
	for _, each := range come {
		about := func(m mark) bool {
			return m.image == finding.Image && sameVersion(m.version.version, each) && m.precedes(b, s)
		}
		for _, back := range a.contents.marks {
			if back.release || !about(back) || slices.ContainsFunc(a.contents.marks, func(m mark) bool {
				return m.release && about(m) && back.precedes(m.branch, step{after: m.commit, move: m.move})
			}) {
				continue
			}
			finding.To = each
			finding.Reason = fmt.Sprintf("was rolled back in %s by %s, and not released since", back.branch.env.Name, short(back.commit))
			a.add(b, Violation, Redelivered, s.move, finding)
			break
		}
	}
}

// judgeKeys looks for jobs whose work landed twice.
func (a *auditor) judgeKeys(b *branch) {
	newest := map[string]int{} // by key: the newer commit that has it
	for i, commit := range b.commits {
		for _, trailer := range git.Trailers(commit.Message) {
			if trailer.Key != trailerKey {
				continue
			}
			newer, seen := newest[trailer.Value]
			if seen && newer < b.recent && newer != i && !a.reported(b.commits[newer].SHA) {
				a.add(b, Violation, RepeatedKey, b.brought(b.commits[newer].SHA), Finding{Commit: b.commits[newer].SHA, Before: commit.SHA,
					Reason: fmt.Sprintf("has the same %s as %s: %s", trailerKey, short(commit.SHA), trailer.Value)})
			}
			newest[trailer.Value] = i
		}
	}
}

// reported says whether a commit's key was reported already, in an environment before:
// the commit is the same in all of them.
func (a *auditor) reported(sha string) bool {
	return slices.ContainsFunc(a.findings, func(f Finding) bool { return f.Kind == RepeatedKey && f.Commit == sha })
}

// compare orders two versions: by what they say, else by which of them the first
// environment had first.
func (c *contents) compare(name, before, after string) image.Order {
	if order := compare(before, after); order != image.Incomparable {
		return order
	}
	i, j := slices.Index(c.order[name], before), slices.Index(c.order[name], after)
	switch {
	case i < 0 || j < 0:
		return image.Incomparable
	case i < j:
		return image.Older
	}
	return image.Newer
}

// compare orders two versions by their tags. The same tag with two digests says
// nothing.
func compare(a, b string) image.Order {
	tagA, digestA := cut(a)
	tagB, digestB := cut(b)
	if tagA == "" || tagB == "" {
		return image.Incomparable
	}
	order := image.Compare(tagA, tagB)
	if order == image.Equal && digestA != digestB && digestA != "" && digestB != "" {
		return image.Incomparable
	}
	return order
}

// sameVersion says whether two texts name one version: one digest, or one tag unless
// their digests differ.
func sameVersion(a, b string) bool {
	tagA, digestA := cut(a)
	tagB, digestB := cut(b)
	if digestA != "" && digestB != "" {
		return digestA == digestB
	}
	return tagA != "" && tagA == tagB
}

// cut takes "1.2@sha256:…" apart. A digest may stand alone; a tag has no colon.
func cut(version string) (tag, digest string) {
	tag, digest, _ = strings.Cut(version, "@")
	if strings.Contains(tag, ":") {
		return "", tag
	}
	return tag, digest
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}
