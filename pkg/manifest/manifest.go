// Package manifest finds image references in YAML files and sets their
// versions by changing exactly the bytes that spell them.
//
// It guarantees:
//
//   - [Set] changes the addressed scalars and nothing else: comments, quotes,
//     indentation, blank lines, line endings, a byte order mark and a missing
//     final newline stay as they are;
//   - the result is parsed again and compared with the original node by node, and so
//     is YAML in a text; an edit that cannot be proved in this way is refused with a
//     [*Problem] and nothing is changed;
//   - an image matches by its whole name (see [image.Reference.Same]), never by
//     the end of it;
//   - a digest never stays beside a tag that it does not belong to, unless the
//     caller asks for that with [Keep];
//   - a tag that some YAML parser would read as a number, a boolean, null or a
//     date is written in quotes;
//   - time and memory are bounded: a file of more than 5 MiB, 200,000 nodes,
//     1,000 levels or 10,000 images is refused.
//
// These shapes are known; docs/reference/formats.md shows each:
//
//   - the entries of images: in a kustomization or a component of kustomize, in the
//     spec of a Flux Kustomization, in a post renderer of a HelmRelease;
//   - kustomize.images of an Argo CD Application or ApplicationSet;
//   - image: with a whole reference, in Kubernetes objects, in patches for them, and
//     in Helm values; an operation of a JSON patch on such a field;
//   - registry, repository, tag and digest (or sha) side by side in Helm values, in a
//     HelmRelease, in valuesObject of Argo CD; image and tag (or imageTag); hub, image
//     and tag; name and tag below image; the parameters of Argo CD that spell these;
//   - all of this in a text: an inline patch of kustomize or Flux, the values of Argo
//     CD and of a HelmChart of k3s;
//   - any scalar with a mark of Flux, # {"$imagepolicy": "namespace:name"};
//   - any scalar that the caller names, see [Field], in the data of a ConfigMap as
//     well.
//
// It does not render anything: templates, variables, Helm defaults and images
// that a controller fills in are not seen. It reads no files and no network; it
// does not know whether an image exists, nor whether a version is older than the
// one before (package image orders versions, callers decide).
package manifest

import (
	"fmt"

	"github.com/getpawl/pawl/pkg/image"
)

// Kind is the way in which a file spells an image reference.
type Kind string

// The kinds.
const (
	Kustomize Kind = "kustomize" // an entry of images: in a kustomization, of Flux or of Argo CD as well
	Container Kind = "container" // image: in a Kubernetes object or a patch for one
	Helm      Kind = "helm"      // image, or repository and tag, in Helm values
	Marker    Kind = "marker"    // a value with a mark for Flux's image automation behind it
	Explicit  Kind = "field"     // a field that the caller named, see Field
)

// Found is one image reference in a file.
type Found struct {
	Kind     Kind
	File     string
	Document int    // which document of the file, from 0
	Path     string // "spec.template.spec.containers[0].image", "images[1]", "image"
	// Line and Column say where the version is written, or the name where there is
	// no version. Both count from 1; Column counts characters.
	Line, Column int
	// Name is a name that the reference goes by besides Image.Name: the name of an
	// entry in a kustomization, which kustomize looks for in the resources.
	Name string
	// Image is what is deployed. A version that is missing, or written in another
	// place, is empty.
	Image image.Reference
	// Alias counts the YAML aliases that follow when the version is changed.
	Alias int
}

// Matches reports whether the setting is about this reference.
func (f Found) Matches(s image.Setting) bool {
	match := image.Reference{Name: s.Match}
	return f.Image.Same(match) || f.Name != "" && (image.Reference{Name: f.Name}).Same(match)
}

// Edit is one change that [Set] made.
type Edit struct {
	Found                 // as it was
	New   image.Reference // as it is now
	// Span is where the version changed. It is one of Spans.
	Span
	// Spans are all bytes that changed, in the order of the file: a name and a digest
	// may be in scalars of their own. What is outside the spans of all edits is as it
	// was. Two edits have a span in common when they share a scalar, or lines that
	// were added together.
	Spans []Span
}

// Span is a piece of the original file, from byte Start to byte End, the byte order
// mark included, and the Text in its place. Where something was added, Start and End
// are equal.
type Span struct {
	Start, End int
	Text       string
}

// Field names a scalar that holds a version where no rule could find it.
type Field struct {
	// Path leads to the scalar, see [ParsePath]: "server.version", "images[0].tag".
	Path string
	// Name is the image whose version the scalar holds. A setting for this image
	// sets the field. It may be empty when Value is given.
	Name string
	// Value, if not empty, is what to write, whatever the settings say. In the place
	// of a number or a boolean, one is written as such; all else is a string.
	Value string
}

// DigestPolicy says what to do with a digest that is there when a setting brings a
// tag without a digest. A digest wins over a tag wherever an image is pulled, so
// changing only the tag would deploy nothing.
type DigestPolicy int

// The policies. Refuse is the zero value.
const (
	Refuse DigestPolicy = iota // refuse the edit
	Drop                       // remove the digest
	Keep                       // leave the digest, although it wins over the new tag
)

// String returns the policy as it is written on the command line.
func (p DigestPolicy) String() string {
	switch p {
	case Drop:
		return "drop"
	case Keep:
		return "keep"
	}
	return "refuse"
}

// ParseDigestPolicy reads refuse, drop or keep.
func ParseDigestPolicy(s string) (DigestPolicy, error) {
	for _, p := range []DigestPolicy{Refuse, Drop, Keep} {
		if s == p.String() {
			return p, nil
		}
	}
	return Refuse, fmt.Errorf("reading digest policy %q: want refuse, drop or keep", s)
}

// Options change what [Set] does. The zero value is the careful choice.
type Options struct {
	// Add adds an entry to images: of a kustomization for a setting that no entry
	// there matches. Without it only references that exist are changed.
	Add bool
	// Digest is what happens to a digest that a setting does not replace.
	Digest DigestPolicy
	// Fields are scalars to set besides the references that are found.
	Fields []Field
	// Create adds a field that is missing to a mapping that is there and written in
	// lines. Without it only fields that exist are set.
	Create bool
	// Skip says which references to leave as they are, although a setting matches: so
	// a caller chooses among those that [Find] lists. Fields that have a Value are
	// not asked about. Nil skips none.
	Skip func(Found) bool
	// KeepBare says whether to leave image: name, a name without tag and digest, as
	// it is. It is for manifests whose versions a kustomization sets; nil gives
	// every bare name its version.
	KeepBare func(Found) bool
}
