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
	return d.read(match, nil)
}

// read returns the files that match and are to be kept. The content that keep is
// given is only there during the call.
func (d *Directory) read(match func(path string) bool, keep func(path string, content []byte) bool) ([]File, error) {
	if match == nil {
		match = manifest.IsYAML
	}
	files, err := (&walk{root: d.root, match: match, keep: keep}).run()
	if err != nil {
		return nil, fmt.Errorf("reading the files below %s: %w", d.root.Name(), err)
	}
	return files, nil
}

// Write puts the plan's files in place, each by a temporary file beside it and a
// rename, so that a file is old or new and never torn. All temporary files are
// written before the first rename; when a rename fails, those done are undone.
func (d *Directory) Write(plan *Plan) (err error) {
	at := newOpened(d.root)
	staged, renamed := 0, 0 // files that have a temporary file, and that took its place
	defer func() {
		for _, name := range plan.Files[renamed:staged] {
			err = errors.Join(err, removeStaged(d.root, name))
		}
		err = errors.Join(err, at.close(0))
	}()
	for _, name := range plan.Files {
		if err := stage(at, name, plan); err != nil {
			return err
		}
		staged++
	}
	for _, name := range plan.Files {
		if err := rename(at, name); err != nil {
			return errors.Join(fmt.Errorf("writing %s: %w", name, err), d.restore(plan, plan.Files[:renamed]))
		}
		renamed++
	}
	return nil
}

// stage writes a file's new content beside it, with the file's permissions.
func stage(at *opened, name string, plan *Plan) error {
	folder, err := at.folder(path.Dir(name))
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	mode, current, err := at.read(folder, path.Base(name))
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if !bytes.Equal(current, plan.Before(name)) {
		return &Refusal{Reason: name + " changed while it was edited; nothing was written", Fix: "run the same command again"}
	}
	if err := writeStaged(folder, path.Base(name), plan.Content(name), mode); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), removeStaged(folder, path.Base(name)))
	}
	return nil
}

// writeStaged writes the temporary file of a file. One that an interrupted run left
// behind is removed first, and so is a link in its place: it is never followed.
func writeStaged(folder *os.Root, name string, content []byte, mode fs.FileMode) error {
	create := func() (*os.File, error) {
		return folder.OpenFile(temporary(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	}
	file, err := create()
	if errors.Is(err, fs.ErrExist) {
		if err := removeStaged(folder, name); err != nil {
			return err
		}
		file, err = create()
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	// The process's umask may have taken permissions away.
	return errors.Join(err, file.Chmod(mode), file.Close())
}

func rename(at *opened, name string) error {
	folder, err := at.folder(path.Dir(name))
	if err != nil {
		return err
	}
	return folder.Rename(temporary(path.Base(name)), path.Base(name))
}

func removeStaged(folder *os.Root, name string) error {
	if err := folder.Remove(temporary(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the temporary file %s: %w", temporary(name), err)
	}
	return nil
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
	resolved := request
	resolved.Settings = resolve(request.Settings, request.Images)
	files, err := directory.read(request.Match, resolved.concerns)
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
