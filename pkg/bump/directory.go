package bump

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/getpawl/pawl/pkg/manifest"
)

// Directory edits the files below a directory of the local disk in place. Files
// outside it are out of reach, symbolic links included.
type Directory struct {
	root *os.Root
}

// OpenDirectory opens a directory.
func OpenDirectory(name string) (*Directory, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("opening the directory %s: %w", name, err)
	}
	return &Directory{root}, nil
}

// Close releases the directory.
func (d *Directory) Close() error { return d.root.Close() }

// Read returns the files that match, by path; nil means every YAML file. Folders
// named .git and node_modules are passed over, and so are symbolic links: what a
// link points at is found where it is. The charts that a Helm chart brings along
// (charts/a/charts/b) are read like all others: some are the repository's own, and
// the commits that --commit and --push make hold them too. Match is called from
// several goroutines at once.
func (d *Directory) Read(match func(path string) bool) ([]File, error) {
	return d.read(match, func(string, []byte) bool { return true })
}

// read returns the files that match and are to be kept. The content that keep is
// given is only there during the call.
func (d *Directory) read(match func(path string) bool, keep func(path string, content []byte) bool) ([]File, error) {
	if match == nil {
		match = manifest.IsYAML
	}
	files, err := newWalk(match, keep).run(d.root)
	if err != nil {
		return nil, fmt.Errorf("reading the files below %s: %w", d.root.Name(), err)
	}
	return files, nil
}

// Write puts the plan's files in place, each by a temporary file beside it and a
// rename, so that a file is old or new and never torn. All temporary files are
// written before the first rename; when a rename fails, those done are undone.
func (d *Directory) Write(plan *Plan) (err error) {
	var staged []string
	defer func() {
		for _, name := range staged {
			err = errors.Join(err, d.removeStaged(name))
		}
	}()
	for _, name := range plan.Files {
		if err := d.stage(name, plan); err != nil {
			return err
		}
		staged = append(staged, temporary(name))
	}
	for i, name := range plan.Files {
		if err := d.root.Rename(temporary(name), name); err != nil {
			return errors.Join(fmt.Errorf("writing %s: %w", name, err), d.restore(plan, plan.Files[:i]))
		}
		staged = slices.DeleteFunc(staged, func(s string) bool { return s == temporary(name) })
	}
	return nil
}

// stage writes a file's new content beside it, with the file's permissions.
func (d *Directory) stage(name string, plan *Plan) error {
	info, err := d.root.Lstat(name)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	current, err := d.root.ReadFile(name)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if string(current) != string(plan.Before(name)) {
		return &Refusal{Reason: name + " changed while it was edited; nothing was written", Fix: "run the same command again"}
	}
	if err := d.root.WriteFile(temporary(name), plan.Content(name), info.Mode().Perm()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), d.removeStaged(temporary(name)))
	}
	// The process's umask may have taken permissions away.
	if err := d.root.Chmod(temporary(name), info.Mode().Perm()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), d.removeStaged(temporary(name)))
	}
	return nil
}

func (d *Directory) removeStaged(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the temporary file %s: %w", name, err)
	}
	return nil
}

// restore writes the old content of files back.
func (d *Directory) restore(plan *Plan, names []string) error {
	var problems []error
	for _, name := range names {
		if err := d.root.WriteFile(name, plan.Before(name), 0o644); err != nil {
			problems = append(problems, fmt.Errorf("%s has its new content and could not be restored: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

// temporary is the name of the file that becomes name by a rename.
func temporary(name string) string {
	return path.Join(path.Dir(name), "."+path.Base(name)+".pawl")
}

// Edit plans a request on the files of a directory and, unless it is a dry run,
// writes them.
func Edit(directory *Directory, request Request, dryRun bool) (*Outcome, error) {
	files, err := directory.read(request.Match, request.concerns())
	if err != nil {
		return nil, err
	}
	plan, err := Compute(files, request)
	if err != nil {
		return nil, err
	}
	outcome := &Outcome{Action: ActionNone, Plan: plan}
	if dryRun || plan.Empty() {
		return outcome, nil
	}
	if err := directory.Write(plan); err != nil {
		return nil, err
	}
	outcome.Action = ActionWrite
	return outcome, nil
}

// concerns returns what says whether a file can hold something to edit. Most files
// cannot, and then they are neither kept nor parsed.
func (r Request) concerns() func(path string, content []byte) bool {
	r.Settings = resolve(r.Settings, r.Images)
	return func(path string, content []byte) bool {
		return len(fieldsFor(path, r)) > 0 || r.Add && manifest.IsKustomization(path) || manifest.Mentions(content, r.Settings)
	}
}
