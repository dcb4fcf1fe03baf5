package bump

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/getpawl/pawl/pkg/disk"
	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// Directory edits the files below a directory of the local disk in place. Files
// outside it are out of reach, also through symbolic links.
type Directory struct {
	root    *os.Root
	rules   bool                                   // about what is ignored, from elsewhere
	ignored func(paths []string) ([]string, error) // nil: no file is
}

// OpenDirectory opens a directory.
func OpenDirectory(name string) (*Directory, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("opening the directory %s: %w", name, err)
	}
	return &Directory{root: root}, nil
}

// Close releases the directory.
func (d *Directory) Close() error { return d.root.Close() }

// Ignore leaves out the files that a function returns of those that it is given. It is
// only asked when there are rules: elsewhere, as the caller says, or in a .gitignore that
// is found.
func (d *Directory) Ignore(rules bool, ignored func(paths []string) ([]string, error)) {
	d.rules, d.ignored = rules, ignored
}

// Read returns the files that match, by path; nil means every YAML file. Folders
// named .git and node_modules are passed over. A symbolic link is matched by its own
// path; what it leads to is returned once, with the path of the file itself. Links
// that lead out of the directory are not followed. The charts that a Helm chart brings along
// (charts/a/charts/b) are read like all others: some are the repository's own, and
// the commits that --commit and --push make hold them too. Match is called from
// several goroutines at once.
func (d *Directory) Read(match func(path string) bool) ([]File, error) {
	files, _, err := d.read(match, nil, nil)
	return files, err
}

// read returns the files that match and are to be kept, and what was left out; files that
// were named are not. The content that keep is given is only there during the call.
func (d *Directory) read(match func(path string) bool, keep func(path string, content []byte) bool, named func(path string) bool) ([]File, leftOut, error) {
	if match == nil {
		match = manifest.IsYAML
	}
	w := &walk{root: d.root, match: match, keep: keep}
	files, err := w.run()
	if err != nil {
		return nil, leftOut{}, fmt.Errorf("reading the files below %s: %w", d.root.Name(), err)
	}
	if d.ignored == nil || !d.rules && !w.rules.Load() {
		return files, leftOut{links: w.leaving}, nil
	}
	files, ignored, err := d.withoutIgnored(files, named)
	return files, leftOut{w.leaving, ignored}, err
}

// withoutIgnored parts the files into those that count and the paths of the others.
func (d *Directory) withoutIgnored(files []File, named func(path string) bool) (rest []File, ignored []string, err error) {
	var paths []string
	for _, file := range files {
		if named == nil || !named(file.Path) {
			paths = append(paths, file.Path)
		}
	}
	if ignored, err = d.ignored(paths); err != nil {
		return nil, nil, err
	}
	slices.Sort(ignored)
	rest = slices.DeleteFunc(files, func(f File) bool {
		_, found := slices.BinarySearch(ignored, f.Path)
		return found
	})
	return rest, ignored, nil
}

// Write puts the plan's files in place, each by a temporary file and a rename, so
// that a file is old or new and never torn. All temporary files are written before
// the first rename; when a rename fails, those done are undone. The temporary files
// are where Git does not look: a process that is killed leaves nothing behind that
// git add would take.
func (d *Directory) Write(plan *Plan) (err error) {
	staging, err := git.OpenStaging(d.root)
	if err != nil {
		return fmt.Errorf("writing below %s: %w", d.root.Name(), err)
	}
	tree, err := disk.Open(d.root)
	if err != nil {
		return errors.Join(fmt.Errorf("writing below %s: %w", d.root.Name(), err), staging.Close())
	}
	defer func() { err = errors.Join(err, tree.Close(), staging.Close()) }()
	staged := make([]string, len(plan.Files))
	for i, name := range plan.Files {
		if staged[i], err = stage(tree, staging, name, plan); err != nil {
			return err
		}
	}
	for i, name := range plan.Files {
		if err := tree.Rename(staged[i], name); err != nil {
			return errors.Join(fmt.Errorf("writing %s: %w", name, err), d.restore(staging, plan, plan.Files[:i]))
		}
	}
	return nil
}

// stage writes a file's new content into a temporary file, with the file's
// permissions.
func stage(tree *disk.Tree, staging *git.Staging, name string, plan *Plan) (string, error) {
	current, perm, err := tree.Load(name)
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	if !bytes.Equal(current, plan.Before(name)) {
		return "", &Refusal{Reason: name + " changed while it was edited; nothing was written", Fix: "run the same command again"}
	}
	staged, err := staging.Write(plan.Content(name), perm, false)
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	return staged, nil
}

// restore writes the old content of files back.
func (d *Directory) restore(staging *git.Staging, plan *Plan, names []string) error {
	var problems []error
	for _, name := range names {
		if err := d.putBack(staging, plan, name); err != nil {
			problems = append(problems, fmt.Errorf("%s has its new content and could not be restored: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

func (d *Directory) putBack(staging *git.Staging, plan *Plan, name string) error {
	info, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	staged, err := staging.Write(plan.Before(name), info.Mode().Perm(), false)
	if err != nil {
		return err
	}
	return d.root.Rename(staged, name)
}

// Edit plans a request on the files of a directory and, unless it is a dry run,
// writes them.
func Edit(directory *Directory, request Request, dryRun bool) (*Outcome, error) {
	request = directory.followAssignments(request)
	resolved := request
	resolved.Settings = resolve(request.Settings, request.Images)
	files, left, err := directory.read(request.Match, resolved.concerns, request.names)
	if err != nil {
		return nil, err
	}
	plan, err := Compute(files, request)
	if err != nil {
		return nil, left.explain(err)
	}
	outcome := &Outcome{Action: ActionNone, Plan: plan, Notes: left.notes()}
	if dryRun || plan.Empty() {
		return outcome, nil
	}
	if err := directory.Write(plan); err != nil {
		return nil, err
	}
	outcome.Action = ActionWrite
	return outcome, nil
}
