package bump

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
	"github.com/getpawl/pawl/pkg/output"
)

// ImageList is every image reference in a set of files.
type ImageList struct {
	Images  []ImageUse `json:"images"`
	Skipped []Skipped  `json:"skipped"` // files that are not plain YAML
}

// ImageUse is one reference to an image.
type ImageUse struct {
	File    string        `json:"file"`
	Line    int           `json:"line"`
	Column  int           `json:"column"`
	Kind    manifest.Kind `json:"kind"`
	Path    string        `json:"path"`
	Image   string        `json:"image"`
	Version string        `json:"version"`
	Shared  int           `json:"shared"` // other references to the same image in these files

	repository string // the image by its whole name
}

// Skipped is a file that could not be read, with the reason.
type Skipped struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// ListImages lists the images of a directory, in the files that match; nil means every
// YAML file.
func ListImages(directory *Directory, match func(path string) bool, named []config.Image) (*ImageList, error) {
	files, _, err := directory.read(match, nil, func(path string) bool { return len(config.FieldsIn(named, path)) > 0 })
	if err != nil {
		return nil, err
	}
	return Images(files, named), nil
}

// Images lists the images of files, by file and line, with the explicit fields of
// the images that the configuration names.
func Images(files []File, named []config.Image) *ImageList {
	list := &ImageList{Images: []ImageUse{}, Skipped: []Skipped{}}
	uses := map[string]int{}
	for _, file := range files {
		found, err := manifest.Find(file.Path, file.Content, allFields(file.Path, named)...)
		if err != nil {
			list.Skipped = append(list.Skipped, Skipped{file.Path, err.Error()})
			continue
		}
		for _, ref := range found {
			repository := ref.Image.Repository()
			uses[repository]++
			list.Images = append(list.Images, ImageUse{
				File: ref.File, Line: ref.Line, Column: ref.Column, Kind: ref.Kind, Path: ref.Path,
				Image: ref.Image.Name, Version: ref.Image.Version(), repository: repository,
			})
		}
	}
	for i := range list.Images {
		list.Images[i].Shared = uses[list.Images[i].repository] - 1
	}
	return list
}

// allFields returns the explicit fields that a file holds.
func allFields(path string, named []config.Image) []manifest.Field {
	var fields []manifest.Field
	for _, held := range config.FieldsIn(named, path) {
		fields = append(fields, manifest.Field{Path: held.Path, Name: held.Repository})
	}
	return fields
}

// Names returns the images' names, sorted, each once.
func (l *ImageList) Names() []string {
	var names []string
	for _, use := range l.Images {
		names = append(names, use.Image)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Text writes a line for each reference, beginning with a position that editors
// can jump to.
func (l *ImageList) Text(w *output.Printer) {
	if len(l.Images) == 0 {
		w.Line("no image references")
	}
	table := output.Table{}
	for _, use := range l.Images {
		version := use.Version
		if version == "" {
			version = "(no version)"
		}
		table.Add(w.Cyan(fmt.Sprintf("%s:%d", output.Clean(use.File), use.Line)), string(use.Kind),
			output.Clean(use.Image), output.Clean(version), others(use.Shared))
	}
	w.Table(table)
	if len(l.Skipped) > 0 {
		w.Line("%s", w.Dim(fmt.Sprintf("%d not read, because they are not plain YAML (-v names them)", len(l.Skipped))))
	}
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("+%d more", n)
}

// Markdown writes a table.
func (l *ImageList) Markdown(w *output.Printer) {
	table := output.Table{Head: []string{"file", "kind", "image", "version"}}
	for _, use := range l.Images {
		table.Add(output.Code(fmt.Sprintf("%s:%d", use.File, use.Line)), string(use.Kind), output.Code(use.Image), output.Code(use.Version))
	}
	w.MarkdownTable(table)
	if len(l.Skipped) > 0 {
		w.Line("\n%d files were not read, because they are not plain YAML.", len(l.Skipped))
	}
}

// Filter narrows the list to references that say too little about what runs
// (unpinned), to images with more than one version (duplicates), or to what is
// either.
func (l *ImageList) Filter(unpinned, duplicates bool) *ImageList {
	if !unpinned && !duplicates {
		return l
	}
	several := l.severalVersions()
	narrow := &ImageList{Images: []ImageUse{}, Skipped: l.Skipped}
	for _, use := range l.Images {
		if unpinned && use.unpinned() || duplicates && several[use.repository] {
			narrow.Images = append(narrow.Images, use)
		}
	}
	return narrow
}

// unpinned says whether nobody could tell from the reference what runs. A name
// that a kustomization gives a version elsewhere is not looked through.
func (u ImageUse) unpinned() bool {
	tag, _, pinned := strings.Cut(u.Version, "@")
	return !pinned && !strings.HasPrefix(tag, "sha256:") && image.MutableTag(tag)
}

func (l *ImageList) severalVersions() map[string]bool {
	first, several := map[string]string{}, map[string]bool{}
	for _, use := range l.Images {
		if use.Version == "" {
			continue
		}
		if version, seen := first[use.repository]; seen && version != use.Version {
			several[use.repository] = true
		}
		first[use.repository] = use.Version
	}
	return several
}
