package promotion

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// page is what a reviewer sees besides the fields of the plan.
type page struct {
	web        web
	total      int // commits in all, of which the plan may hold the newest only
	files      []fileChange
	followed   bool                // what reaches the environment is known from its kustomizations
	references map[string][]string // what each kustomization names, before or after
	used       map[string]bool     // the files that the environment uses, before or after
	objects    []string            // the Kubernetes objects that change
	unreadable []string
}

// fileChange is a file that differs between the environment and the commit.
type fileChange struct {
	path          string
	kind          string   // added, removed or changed
	before, after git.File // zero where there is none
	reaches       bool     // the environment uses it
	secret        bool     // it may hold a secret: its content is not shown
	counted       bool     // added and removed say how many lines
	added         int
	removed       int
	diff          []string // the lines of a unified diff; nil when it is not known
}

const (
	// maxLoaded is how many changed files are read to count and show their lines.
	maxLoaded = 300
	// maxDiffBytes is the size of a file beyond which its lines are not compared.
	maxDiffBytes = 256 << 10
)

// describe fills in what the trees of both commits tell: the images, the files,
// and which of them matter to the environment. It makes one request.
func (c contents) describe(ctx context.Context, p *Promotion, to config.Environment, named []config.Image, comparison forge.Comparison) error {
	everything := func(string) bool { return true }
	before, err := c.objects.Files(p.Before, everything)
	if err != nil {
		return err
	}
	after, err := c.objects.Files(p.Commit, everything)
	if err != nil {
		return err
	}
	p.page = page{web: newWeb(comparison.WebURL), total: comparison.AheadBy, files: differing(before, after)}
	kustomizations := slices.DeleteFunc(slices.Concat(before, after), func(f git.File) bool { return !manifest.IsKustomization(f.Path) })
	changed := toLoad(p.page.files)
	besides := append(kustomizations, changed...)
	if to.Gates.SearchesSecrets() { // so that the search needs no request of its own
		besides = append(besides, sidesOf(p.page.files)...)
	}
	found, unreadable, err := c.survey(ctx, named, besides, place{to, p.Before}, place{to, p.Commit})
	if err != nil {
		return err
	}
	p.page.unreadable = unreadable
	p.Images = changes(deployed(found[0], named), deployed(found[1], named))
	p.page.web.linkSources(p.Images, named, comparison.Commits)
	if err := c.reach(&p.page, to, kustomizations, slices.Concat(before, after)); err != nil {
		return err
	}
	if err := c.compareLines(p.page.files, changed); err != nil {
		return err
	}
	p.page.objects, err = c.touched(p, named, after, found[1])
	return err
}

// differing lists the files that are not the same in both trees, by path. Both
// lists are sorted.
func differing(before, after []git.File) []fileChange {
	var list []fileChange
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Path < after[0].Path:
			list = append(list, fileChange{path: before[0].Path, kind: "removed", before: before[0]})
			before = before[1:]
		case len(before) == 0 || after[0].Path < before[0].Path:
			list = append(list, fileChange{path: after[0].Path, kind: "added", after: after[0]})
			after = after[1:]
		default:
			if before[0] != after[0] {
				list = append(list, fileChange{path: after[0].Path, kind: "changed", before: before[0], after: after[0]})
			}
			before, after = before[1:], after[1:]
		}
	}
	return list
}

// sidesOf are the regular files among the first of those that changed.
func sidesOf(files []fileChange) []git.File {
	var list []git.File
	for _, change := range files[:min(len(files), maxPreloaded)] {
		for _, file := range []git.File{change.before, change.after} {
			if file.Blob != "" && file.Mode&modeKind == modeFile && change.after.Blob != "" {
				list = append(list, file)
			}
		}
	}
	return list
}

// toLoad picks the files whose lines are compared: YAML only, since anything else
// may be of any size.
func toLoad(files []fileChange) []git.File {
	var list []git.File
	for _, change := range files {
		if len(list) >= maxLoaded {
			break
		}
		if !manifest.IsYAML(change.path) && !manifest.IsKustomization(change.path) {
			continue
		}
		for _, file := range []git.File{change.before, change.after} {
			if file.Blob != "" {
				list = append(list, file)
			}
		}
	}
	return list
}

// reach marks the files that the environment uses.
func (c contents) reach(p *page, to config.Environment, kustomizations, all []git.File) error {
	references := map[string][]string{}
	for _, file := range kustomizations {
		src, err := c.objects.Content(file)
		if err != nil {
			return err
		}
		list, err := manifest.References(file.Path, src)
		if err != nil { // not YAML: it may refer to anything beside it
			list = []string{path.Dir(file.Path)}
		}
		references[file.Path] = append(references[file.Path], list...)
	}
	paths := make([]string, len(all))
	for i, file := range all {
		paths[i] = file.Path
	}
	slices.Sort(paths)
	p.references = references
	p.used, p.followed = reached(to, slices.Compact(paths), references)
	for i := range p.files {
		p.files[i].reaches = p.used[p.files[i].path]
	}
	return nil
}

// reached says which files an environment uses: those in a folder of its name or
// named after it, what their kustomizations refer to, and so on; and the files
// with its images that no kustomization is in charge of. Without a kustomization
// of the environment's own, all files with its images count, and followed is
// false. Paths are sorted.
func reached(to config.Environment, paths []string, references map[string][]string) (used map[string]bool, followed bool) {
	used = map[string]bool{}
	var queue []string
	visit := func(file string) {
		if !used[file] {
			used[file] = true
			queue = append(queue, file)
		}
	}
	for _, file := range paths {
		if belongs(file, to.Name) {
			visit(file)
			followed = followed || manifest.IsKustomization(file)
		}
	}
	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]
		for _, reference := range references[file] {
			for _, target := range behind(reference, paths, references) {
				visit(target)
			}
		}
	}
	for _, file := range paths {
		if to.Match(file) && !(followed && managed(file, references)) {
			used[file] = true
		}
	}
	return used, followed
}

// belongs says whether a file is in a folder that is called like the environment,
// or has the environment's name in its own: values-staging.yaml.
func belongs(file, environment string) bool {
	dir, base := path.Split(file)
	if slices.Contains(strings.Split(dir, "/"), environment) {
		return true
	}
	words := strings.FieldsFunc(base, func(r rune) bool { return r == '.' || r == '_' || r == '-' })
	return slices.Contains(words, environment) || strings.HasPrefix(base, environment+".")
}

// behind lists the files that a reference stands for: itself; the kustomization of
// a folder; all of a folder without one.
func behind(reference string, paths []string, references map[string][]string) []string {
	first, found := slices.BinarySearch(paths, reference)
	if found {
		return paths[first : first+1]
	}
	prefix := reference + "/"
	if reference == "." {
		prefix = ""
	}
	first, _ = slices.BinarySearch(paths, prefix)
	var all []string
	for _, file := range paths[first:] {
		if !strings.HasPrefix(file, prefix) {
			break
		}
		if _, ok := references[file]; ok && path.Dir(file) == reference {
			return []string{file}
		}
		all = append(all, file)
	}
	return all
}

// managed says whether a kustomization is in the file's folder or above it.
func managed(file string, references map[string][]string) bool {
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
			if _, ok := references[path.Join(dir, name)]; ok {
				return true
			}
		}
		if dir == "." {
			return false
		}
	}
}

// compareLines counts and keeps the lines that differ in the files that were
// loaded.
func (c contents) compareLines(files []fileChange, loaded []git.File) error {
	for i := range files {
		change := &files[i]
		last := change.after
		if last.Blob == "" {
			last = change.before
		}
		if !slices.Contains(loaded, last) {
			continue
		}
		before, err := c.text(change.before)
		if err != nil {
			return err
		}
		after, err := c.text(change.after)
		if err != nil {
			return err
		}
		change.compare(before, after)
	}
	return nil
}

func (c contents) text(file git.File) ([]byte, error) {
	if file.Blob == "" {
		return nil, nil
	}
	return c.objects.Content(file)
}

// What may hold a secret is not shown, and what only looks like one is not either:
// a pull request is mailed to many people, and keeps every text that it ever had.
var (
	secretFile = regexp.MustCompile(`\bkind["']?\s*:\s*["']?Secret\b|\bsecretGenerator\b|\bstringData\b|\bsops["']?\s*:`)
	secretLine = regexp.MustCompile(`(?i)(password|passwd|secret|token|api[_-]?key|private[_-]?key|credentials?)["']?\s*[:=]\s*[^\s{]|-----BEGIN`)
)

func (f *fileChange) compare(before, after []byte) {
	if len(before) > maxDiffBytes || len(after) > maxDiffBytes {
		return
	}
	f.counted = true
	text := string(diff.Diff("a", before, "b", after))
	if text == "" {
		return // another file mode
	}
	f.secret = secretFile.Match(before) || secretFile.Match(after) || secretLine.MatchString(text)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	f.diff = lines[3:] // after the lines with the names
	for _, line := range f.diff {
		switch {
		case strings.HasPrefix(line, "+"):
			f.added++
		case strings.HasPrefix(line, "-"):
			f.removed++
		}
	}
}

// touched lists the Kubernetes objects that the promotion changes: those in the
// files that change, and those that run an image whose version changes.
func (c contents) touched(p *Promotion, named []config.Image, after []git.File, found []manifest.Found) ([]string, error) {
	var list []string
	read := func(file git.File, wanted func(manifest.Object) bool) error {
		src, err := c.objects.Content(file)
		if err != nil {
			return err
		}
		objects, err := manifest.Objects(file.Path, src)
		if err != nil {
			return nil // not YAML: the page says so already
		}
		for _, object := range objects {
			if wanted(object) && object.Kind != "Kustomization" && object.Kind != "Component" {
				list = append(list, object.Kind+" "+strings.TrimPrefix(object.Namespace+"/"+object.Name, "/"))
			}
		}
		return nil
	}
	for _, change := range p.page.files {
		last := change.after
		if last.Blob == "" {
			last = change.before
		}
		if !change.reaches || !change.counted {
			continue
		}
		if err := read(last, func(manifest.Object) bool { return true }); err != nil {
			return nil, err
		}
	}
	users := usersOf(p.Images, named, found)
	for _, file := range after {
		documents := users[file.Path]
		if documents == nil {
			continue
		}
		if err := read(file, func(o manifest.Object) bool { return documents[o.Document] }); err != nil {
			return nil, err
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// usersOf finds the documents, by file, whose containers run one of the images: by
// its own name, or by the name that a kustomization replaces.
func usersOf(changes []ImageChange, named []config.Image, found []manifest.Found) map[string]map[int]bool {
	wanted := map[string]bool{}
	for _, change := range changes {
		if ref, err := image.Parse(entryOf(change.Image, named).Repository); err == nil {
			wanted[ref.Repository()] = true
		}
	}
	for _, ref := range found {
		if base, err := image.Parse(ref.Name); err == nil && ref.Kind == manifest.Kustomize && wanted[ref.Image.Repository()] {
			wanted[base.Repository()] = true
		}
	}
	users := map[string]map[int]bool{}
	for _, ref := range found {
		if ref.Kind != manifest.Container || !wanted[ref.Image.Repository()] {
			continue
		}
		if users[ref.File] == nil {
			users[ref.File] = map[int]bool{}
		}
		users[ref.File][ref.Document] = true
	}
	return users
}
