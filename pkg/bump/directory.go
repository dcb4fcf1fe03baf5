package bump

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/git"
	"github.com/getpawl/pawl/pkg/manifest"
)

// Directory edits the files below a directory of the local disk in place. Files
// outside it are out of reach, also through symbolic links.
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
// named .git and node_modules are passed over. A symbolic link is matched by its own
// path; what it leads to is returned once, with the path of the file itself. Links
// that lead out of the directory are not followed. The charts that a Helm chart brings along
// (charts/a/charts/b) are read like all others: some are the repository's own, and
// the commits that --commit and --push make hold them too. Match is called from
// several goroutines at once.
func (d *Directory) Read(match func(path string) bool) ([]File, error) {
	files, _, err := d.read(match, nil)
	return files, err
}

// read returns the files that match and are to be kept, and the links that were not
// followed. The content that keep is given is only there during the call.
func (d *Directory) read(match func(path string) bool, keep func(path string, content []byte) bool) ([]File, []Link, error) {
	if match == nil {
		match = manifest.IsYAML
	}
	w := &walk{root: d.root, match: match, keep: keep}
	files, err := w.run()
	if err != nil {
		return nil, nil, fmt.Errorf("reading the files below %s: %w", d.root.Name(), err)
	}
	return files, w.leaving, nil
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
	at := newOpened(d.root)
	defer func() { err = errors.Join(err, at.close(0), staging.Close()) }()
	staged := make([]string, len(plan.Files))
	for i, name := range plan.Files {
		if staged[i], err = stage(at, staging, name, plan); err != nil {
			return err
		}
	}
	for i, name := range plan.Files {
		if err := d.root.Rename(staged[i], name); err != nil {
			return errors.Join(fmt.Errorf("writing %s: %w", name, err), d.restore(staging, plan, plan.Files[:i]))
		}
	}
	return nil
}

// stage writes a file's new content into a temporary file, with the file's
// permissions.
func stage(at *opened, staging *git.Staging, name string, plan *Plan) (string, error) {
	folder, err := at.folder(path.Dir(name))
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	mode, current, err := at.read(folder, path.Base(name))
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	if !bytes.Equal(current, plan.Before(name)) {
		return "", &Refusal{Reason: name + " changed while it was edited; nothing was written", Fix: "run the same command again"}
	}
	staged, err := staging.Write(plan.Content(name), mode, false)
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	return staged, nil
}

// opened keeps the folders open that lead to the one that was asked for last: the
// next file is likely to be near.
type opened struct {
	root   *os.Root
	chain  []step
	buffer []byte
}

// step is one folder on the way, opened from the one before it.
type step struct {
	name string
	root *os.Root
}

func newOpened(root *os.Root) *opened {
	return &opened{root: root, buffer: make([]byte, 0, 64<<10)}
}

// folder opens the folder at a path.
func (o *opened) folder(name string) (*os.Root, error) {
	var names []string
	if name != "." {
		names = strings.Split(name, "/")
	}
	shared := 0
	for shared < len(names) && shared < len(o.chain) && names[shared] == o.chain[shared].name {
		shared++
	}
	if err := o.close(shared); err != nil {
		return nil, err
	}
	at := o.root
	if shared > 0 {
		at = o.chain[shared-1].root
	}
	for _, name := range names[shared:] {
		next, err := at.OpenRoot(name)
		if err != nil {
			return nil, err
		}
		o.chain = append(o.chain, step{name, next})
		at = next
	}
	return at, nil
}

// close closes all folders but the first few.
func (o *opened) close(but int) error {
	var problems []error
	for _, step := range slices.Backward(o.chain[but:]) {
		problems = append(problems, step.root.Close())
	}
	o.chain = o.chain[:but]
	return errors.Join(problems...)
}

// read returns the permissions of a file, and its content until the next call.
func (o *opened) read(folder *os.Root, name string) (fs.FileMode, []byte, error) {
	file, err := folder.OpenFile(name, readOnly, 0)
	if err != nil {
		return 0, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, nil, errors.Join(err, file.Close())
	}
	content, err := readAll(file, &o.buffer)
	return info.Mode().Perm(), content, errors.Join(err, file.Close())
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
	files, leaving, err := directory.read(request.Match, resolved.concerns)
	if err != nil {
		return nil, err
	}
	plan, err := Compute(files, request)
	if err != nil {
		return nil, explainLeaving(err, leaving)
	}
	outcome := &Outcome{Action: ActionNone, Plan: plan}
	for _, link := range leaving {
		outcome.Notes = append(outcome.Notes, link.String()+", and was left alone")
	}
	if dryRun || plan.Empty() {
		return outcome, nil
	}
	if err := directory.Write(plan); err != nil {
		return nil, err
	}
	outcome.Action = ActionWrite
	return outcome, nil
}
