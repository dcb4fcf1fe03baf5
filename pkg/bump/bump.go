// Package bump sets image versions: files in, references found, exactly their
// bytes changed, a diff out.
//
// Planning is pure: [Compute] takes bytes and gives bytes back. Three places
// bring the files and take the result: a directory ([Directory]), the user's
// checkout ([Commit]) and a branch of a remote repository ([Push]).
//
// The package guarantees that either every file of a plan is written or none,
// that a version never goes down unless that was asked for, that unrelated
// changes of the user's checkout are left alone, and that a pushed commit sits on
// the very commit whose files were edited. It opens no pull requests and knows
// nothing of gates.
package bump

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// Request is what to set, and in which files.
type Request struct {
	Settings       []image.Setting
	Match          func(path string) bool // nil: every YAML file
	Folder         func(path string) bool // the folders that can hold such files; nil: every folder
	Where          string                 // the files in words, for messages: "base/** (dev)"
	Images         []config.Image         // explicit fields of the configuration
	Digests        manifest.DigestPolicy
	Add            bool // add a missing entry to kustomizations
	AllowDowngrade bool
	AllowMutable   bool // set a tag that is moved about, such as latest
	SkipUnreadable bool // leave out files that name an image and cannot be read
	Assignments    []Assignment
	Create         bool // create the fields of assignments that are missing
	Job            Job  // who asks
}

// Assignment sets one field, whatever it holds: --field 'FILE#path.to.key=VALUE'.
type Assignment struct {
	File, Path, Value string
}

// ParseAssignment reads FILE#path.to.key=VALUE.
func ParseAssignment(s string) (Assignment, error) {
	file, rest, ok := strings.Cut(s, "#")
	key, value, hasValue := strings.Cut(rest, "=")
	if !ok || !hasValue || file == "" || key == "" || value == "" {
		return Assignment{}, fmt.Errorf("reading the field %q: want FILE#path.to.key=VALUE", s)
	}
	if _, err := manifest.ParsePath(key); err != nil {
		return Assignment{}, fmt.Errorf("reading the field %q: %w", s, err)
	}
	return Assignment{File: path.Clean(file), Path: key, Value: value}, nil
}

// File is one file of the repository.
type File struct {
	Path    string // slash-separated, relative
	Content []byte
}

// Plan is what a bump changes.
type Plan struct {
	Changes []Change  `json:"changes"`           // one for each reference
	Files   []string  `json:"files"`             // the files that change, sorted
	Skipped []Skipped `json:"skipped,omitempty"` // files that were left out because they cannot be read

	before, after map[string][]byte
	mayLower      bool // whoever asked for it said that versions may go down
}

// Change is one reference that gets another version.
type Change struct {
	Image  string        `json:"image"` // the image as written
	From   string        `json:"from"`  // version before
	To     string        `json:"to"`    // version after
	File   string        `json:"file"`
	Line   int           `json:"line"`
	Column int           `json:"column"`
	Path   string        `json:"path"`  // within the document
	Start  int           `json:"start"` // the bytes of the file before that were replaced: from here
	End    int           `json:"end"`   // to here
	Spans  []Span        `json:"spans"` // all such bytes: a digest or a name can be in a place of its own
	Kind   manifest.Kind `json:"kind"`

	asked string // the name in the setting that asked for it: a file can call the image by another
}

// label calls what changes by its image, or, where a field was named by itself, by
// its place in the file.
func (c Change) label() string { return cmp.Or(c.Image, c.Path) }

// name is label for the whole repository: FILE#path.to.key, as --field has it.
func (c Change) name() string {
	if c.Image == "" {
		return c.File + "#" + c.Path
	}
	return c.Image
}

// Span is a piece of a file, from the byte Start to the byte End.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// NotFoundError says that an image stands nowhere in the files looked at, or that a
// field's file is not there.
type NotFoundError struct {
	Image string
	Where string
	File  string // of a field, in the place of the others
}

// Error says which image was looked for and where.
func (e *NotFoundError) Error() string {
	if e.File != "" {
		return fmt.Sprintf("setting a field of %q: there is no such file", e.File)
	}
	return fmt.Sprintf("no reference to %q in %s", e.Image, e.Where)
}

// Hint says how to see what is there.
func (e *NotFoundError) Hint() string {
	if e.File != "" {
		return "name it from the top of the repository, or, where there is no .pawl.yaml, from the working directory"
	}
	return "the name must be written in full, as in the files; pawl images lists what is there; --add adds it to the kustomizations"
}

// Refusal is a change that pawl does not make.
type Refusal struct {
	Reason string
	Fix    string
}

// Error says why.
func (r *Refusal) Error() string { return r.Reason }

// Hint says what to do instead.
func (r *Refusal) Hint() string { return r.Fix }

func emptyPlan() *Plan {
	return &Plan{Changes: []Change{}, Files: []string{}, before: map[string][]byte{}, after: map[string][]byte{}}
}

// Empty says whether there is nothing to change.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// Content returns the new content of a file of the plan.
func (p *Plan) Content(path string) []byte { return p.after[path] }

// Before returns the content that the plan was made for.
func (p *Plan) Before(path string) []byte { return p.before[path] }

// Diff returns the changes as a unified diff.
func (p *Plan) Diff() string {
	var b strings.Builder
	for _, path := range p.Files {
		text := diff.Diff("a/"+path, p.before[path], "b/"+path, p.after[path])
		// The first line names the diff command, which nobody ran.
		_, body, _ := strings.Cut(string(text), "\n")
		b.WriteString(body)
	}
	return b.String()
}

// Compute works out the edits that a request means for the given files. It
// changes nothing and returns every problem at once.
func Compute(files []File, request Request) (*Plan, error) {
	request.Settings = resolve(request.Settings, request.Images)
	survey, results, err := setFiles(files, request)
	if err != nil {
		return nil, err
	}
	plan := emptyPlan()
	plan.mayLower = request.AllowDowngrade
	var problems []error
	for _, result := range results {
		if result.err != nil {
			problems = append(problems, refuse(result.err))
			continue
		}
		if len(result.edits) == 0 {
			continue
		}
		name := result.file.Path
		plan.Files = append(plan.Files, name)
		plan.before[name], plan.after[name] = result.file.Content, result.out
		plan.Changes = append(plan.Changes, changesOf(result.edits, request.Settings)...)
	}
	slices.Sort(plan.Files)
	plan.Skipped = survey.skipped
	if len(problems) == 0 { // what was refused may be what would be missing
		problems = append(problems, survey.missing(request, plan)...)
	}
	problems = append(problems, unassigned(files, request)...)
	if !request.AllowMutable {
		problems = append(problems, mutable(request)...)
	}
	if !request.AllowDowngrade {
		problems = append(problems, downgrades(plan)...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return plan, nil
}

// resolve puts the repository in the place of a name that the configuration
// gives to an image: api:1.4.2 means ghcr.io/acme/api:1.4.2 there.
func resolve(settings []image.Setting, images []config.Image) []image.Setting {
	resolved := slices.Clone(settings)
	for i, setting := range settings {
		for _, entry := range images {
			if entry.Name != setting.Match || entry.Name == "" {
				continue
			}
			resolved[i].Match = entry.Repository
			if !setting.Renames() {
				resolved[i].New.Name = entry.Repository
			}
		}
	}
	return resolved
}

func changesOf(edits []manifest.Edit, settings []image.Setting) []Change {
	changes := make([]Change, len(edits))
	for i, edit := range edits {
		changes[i] = Change{
			Image: edit.Image.Name, From: edit.Image.Version(), To: edit.New.Version(),
			File: edit.File, Line: edit.Line, Column: edit.Column, Path: edit.Path, Kind: edit.Kind,
			Start: edit.Start, End: edit.End,
		}
		for _, span := range edit.Spans {
			changes[i].Spans = append(changes[i].Spans, Span{span.Start, span.End})
		}
		if edit.New.Name != "" {
			changes[i].Image = edit.New.Name
		}
		if by := slices.IndexFunc(settings, edit.Matches); by >= 0 {
			changes[i].asked = settings[by].Match
		}
	}
	return changes
}

// downgrades reports the changes that would lower a version.
func downgrades(plan *Plan) []error {
	var problems []error
	for _, change := range plan.Changes {
		from, _, _ := strings.Cut(change.From, "@")
		to, _, _ := strings.Cut(change.To, "@")
		if image.Compare(from, to) == image.Newer {
			problems = append(problems, &Refusal{
				Reason: fmt.Sprintf("%s:%d: %s would go down from %s to %s", change.File, change.Line, change.label(), change.From, change.To),
				Fix:    "if that is what you want, say so with --allow-downgrade",
			})
		}
	}
	return problems
}

// mutable reports the settings whose tag says nothing: what it stands for today is
// not what it stands for tomorrow.
func mutable(request Request) []error {
	var problems []error
	for _, setting := range request.Settings {
		if setting.New.Digest == "" && image.MutableTag(setting.New.Tag) {
			problems = append(problems, &Refusal{
				Reason: fmt.Sprintf("%s: the tag %q is moved about, so nobody could say what runs", setting.New, setting.New.Tag),
				Fix:    "give a tag that stays, or a digest; if that is what you want, say so with --allow-mutable",
			})
		}
	}
	return problems
}

// unreadable says whether a whole file is not YAML that pawl can read.
func unreadable(err error) bool {
	var problem *manifest.Problem
	return errors.As(err, &problem) && problem.Unreadable
}

// refuse makes what the editor would not touch a refusal, with its position.
func refuse(err error) error {
	refusal := &Refusal{Reason: err.Error()}
	if unreadable(err) {
		refusal.Fix = "a template, or broken YAML, that names the image: mend it, or leave such files out with --skip-unparsable"
	}
	return refusal
}
