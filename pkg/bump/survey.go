package bump

import (
	"errors"
	"slices"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

// survey is what stands in the files before anything is changed.
type survey struct {
	files     []File          // those that can be read
	seen      map[int]bool    // settings that some reference matches
	versioned map[string]bool // repositories with a reference that has a version
	skipped   []Skipped       // those that cannot be read
}

// surveyFiles looks at the files that an edit concerns.
func surveyFiles(files []File, request Request) (*survey, error) {
	s := &survey{seen: map[int]bool{}, versioned: map[string]bool{}}
	var problems []error
	for _, file := range files {
		found, err := manifest.Find(file.Path, file.Content)
		if err != nil && request.SkipUnreadable && unreadable(err) {
			s.skipped = append(s.skipped, Skipped{file.Path, err.Error()})
			continue
		}
		if err != nil {
			problems = append(problems, refuse(err))
			continue
		}
		s.files = append(s.files, file)
		s.note(found, request)
		for _, field := range fieldsFor(file.Path, request) {
			s.noteField(field, request)
		}
	}
	return s, errors.Join(problems...)
}

func (s *survey) note(found []manifest.Found, request Request) {
	for _, ref := range found {
		for i, setting := range request.Settings {
			if !ref.Matches(setting) {
				continue
			}
			s.seen[i] = true
			if ref.Kind == manifest.Kustomize || ref.Image.Version() != "" {
				s.versioned[ref.Image.Repository()] = true
				s.versioned[image.Reference{Name: ref.Name}.Repository()] = true
			}
		}
	}
}

func (s *survey) noteField(field manifest.Field, request Request) {
	for i, setting := range request.Settings {
		if field.Name != "" && about(setting, field.Name) {
			s.seen[i] = true
		}
	}
}

// keepBare leaves a name without a version alone where another reference holds
// the version: a base's plain "image: api" beside the kustomization that sets its
// tag.
func (s *survey) keepBare(ref manifest.Found) bool {
	return s.versioned[ref.Image.Repository()]
}

// missing reports the settings that no reference matched.
func (s *survey) missing(request Request, plan *Plan) []error {
	var problems []error
	for i, setting := range request.Settings {
		if s.seen[i] || added(plan, setting) {
			continue
		}
		where := request.Where
		if where == "" {
			where = "the YAML files here"
		}
		problems = append(problems, &NotFoundError{Image: setting.Match, Where: where})
	}
	return problems
}

// unassigned reports the assignments whose file is not among the files.
func unassigned(files []File, request Request) []error {
	var problems []error
	for _, assignment := range request.Assignments {
		if !slices.ContainsFunc(files, func(f File) bool { return f.Path == assignment.File }) {
			problems = append(problems, &NotFoundError{File: assignment.File})
		}
	}
	return problems
}

func added(plan *Plan, setting image.Setting) bool {
	return slices.ContainsFunc(plan.Changes, func(c Change) bool { return c.Image == setting.New.Name || c.Image == setting.Match })
}

// fieldsFor returns the explicit fields in a file that the request is about:
// those of the configuration whose image is set, and those given one by one.
func fieldsFor(path string, request Request) []manifest.Field {
	var fields []manifest.Field
	for _, field := range allFields(path, request.Images) {
		if slices.ContainsFunc(request.Settings, func(s image.Setting) bool { return about(s, field.Name) }) {
			fields = append(fields, field)
		}
	}
	for _, assignment := range request.Assignments {
		if assignment.File == path {
			fields = append(fields, manifest.Field{Path: assignment.Path, Value: assignment.Value})
		}
	}
	return fields
}

// names says whether a file is named: by an assignment, or by a field of the
// configuration.
func (r Request) names(path string) bool {
	return len(config.FieldsIn(r.Images, path)) > 0 ||
		slices.ContainsFunc(r.Assignments, func(a Assignment) bool { return a.File == path })
}

// about says whether a setting is for the image of a repository.
func about(setting image.Setting, repository string) bool {
	return image.Reference{Name: setting.Match}.Same(image.Reference{Name: repository})
}
